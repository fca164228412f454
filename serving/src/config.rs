//! The checked settings of a server: every bound it keeps, with its unit in its name. Where they come from (flags,
//! `deskmill.toml`) is not known here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// What a server keeps to. The doc comment of a field is its help text.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ServingConfig {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value_t = ServingConfig::default().listen)]
    pub listen: SocketAddr,
    /// Listen on an address that other machines can reach, although callers need no key.
    #[arg(long)]
    pub allow_remote: bool,
    /// File of the keys that callers need; without it they need none. `deskmill keys` makes it. Read again when it changes.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// File of the ladders: what answers when a version fails or is late (see docs/serving.md).
    #[arg(long, value_name = "FILE")]
    pub ladders: Option<PathBuf>,
    /// Bytes of one request body.
    #[arg(long, value_name = "BYTES", default_value_t = ServingConfig::default().body_max_bytes)]
    pub body_max_bytes: usize,
    /// How many times larger than it was sent a gzip or deflate body may become; body_max_bytes bounds it too.
    #[arg(long, value_name = "TIMES", default_value_t = ServingConfig::default().unpacked_max_ratio)]
    pub unpacked_max_ratio: usize,
    /// Rows in one request.
    #[arg(long, value_name = "ROWS", default_value_t = ServingConfig::default().rows_max)]
    pub rows_max: usize,
    /// Bytes of one text value.
    #[arg(long, value_name = "BYTES", default_value_t = ServingConfig::default().text_max_bytes)]
    pub text_max_bytes: usize,
    /// Milliseconds within which a request is answered, reading its body included.
    #[arg(long, value_name = "MS", default_value_t = ServingConfig::default().timeout_ms)]
    pub timeout_ms: u64,
    /// Predictions in progress at once; more are refused at once.
    #[arg(long, value_name = "REQUESTS", default_value_t = ServingConfig::default().concurrent_max)]
    pub concurrent_max: usize,
    /// Open connections; more wait in the system's queue.
    #[arg(long, value_name = "CONNECTIONS", default_value_t = ServingConfig::default().connections_max)]
    pub connections_max: usize,
    /// Milliseconds after which a connection on which nothing moves is closed. More than timeout_ms.
    #[arg(long, value_name = "MS", default_value_t = ServingConfig::default().idle_max_ms)]
    pub idle_max_ms: u64,
    /// Milliseconds between two looks at the registry for new versions.
    #[arg(long, value_name = "MS", default_value_t = ServingConfig::default().reload_every_ms)]
    pub reload_every_ms: u64,
    /// Versions of one model in memory: those that aliases name, `prod` first, then the newest.
    #[arg(long, value_name = "VERSIONS", default_value_t = ServingConfig::default().versions_loaded_max)]
    pub versions_loaded_max: usize,
    /// Milliseconds that accepted requests have to finish when the server is told to stop.
    #[arg(long, value_name = "MS", default_value_t = ServingConfig::default().stop_grace_ms)]
    pub stop_grace_ms: u64,
}

impl Default for ServingConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8700)),
            allow_remote: false,
            keys: None,
            ladders: None,
            body_max_bytes: 1 << 20,
            unpacked_max_ratio: 200,
            rows_max: 1000,
            text_max_bytes: 100_000,
            timeout_ms: 1000,
            concurrent_max: 256,
            connections_max: 1024,
            idle_max_ms: 60_000,
            reload_every_ms: 1000,
            versions_loaded_max: 3,
            stop_grace_ms: 10_000,
        }
    }
}

impl ServingConfig {
    /// Refuses settings with which no request could be answered, and addresses that strangers can reach.
    ///
    /// # Errors
    /// [`Error::Config`] with all problems at once; [`Error::Remote`] for an address that is not loopback.
    pub fn check(&self) -> Result<()> {
        let at_least_one = [
            ("body_max_bytes", self.body_max_bytes as u64),
            ("unpacked_max_ratio", self.unpacked_max_ratio as u64),
            ("rows_max", self.rows_max as u64),
            ("text_max_bytes", self.text_max_bytes as u64),
            ("timeout_ms", self.timeout_ms),
            ("concurrent_max", self.concurrent_max as u64),
            ("connections_max", self.connections_max as u64),
            ("reload_every_ms", self.reload_every_ms),
            ("versions_loaded_max", self.versions_loaded_max as u64),
        ];
        let zero = at_least_one.iter().filter(|(_, value)| *value == 0);
        let mut problems: Vec<String> = zero
            .map(|(name, _)| format!("{name} is 0; it must be at least 1"))
            .collect();
        let semaphores = [
            ("concurrent_max", self.concurrent_max),
            ("connections_max", self.connections_max),
        ];
        let huge = semaphores
            .iter()
            .filter(|(_, value)| *value > tokio::sync::Semaphore::MAX_PERMITS);
        problems.extend(huge.map(|(name, value)| format!("{name} is {value}; that is no bound")));
        if self.idle_max_ms <= self.timeout_ms {
            problems.push(format!(
                "idle_max_ms is {}; it must be more than timeout_ms ({})",
                self.idle_max_ms, self.timeout_ms
            ));
        }
        if !problems.is_empty() {
            return Err(Error::Config { problems });
        }
        if !self.listen.ip().is_loopback() && !self.allow_remote && self.keys.is_none() {
            return Err(Error::Remote { address: self.listen });
        }
        Ok(())
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_named_at_once() {
        let config = ServingConfig {
            rows_max: 0,
            timeout_ms: 0,
            idle_max_ms: 0,
            ..ServingConfig::default()
        };
        let error = config.check().unwrap_err().to_string();
        insta::assert_snapshot!(error, @"serving settings: rows_max is 0; it must be at least 1; timeout_ms is 0; it must be at least 1; idle_max_ms is 0; it must be more than timeout_ms (0)");
    }

    #[test]
    fn strangers_are_kept_out_unless_told_so() {
        let open = ServingConfig {
            listen: "0.0.0.0:0".parse().unwrap(),
            ..ServingConfig::default()
        };
        let error = open.check().unwrap_err();
        insta::assert_snapshot!(error, @"listen 0.0.0.0:0: refused, because other machines can reach this address and callers need no key");
        let allow_remote = true;
        assert!(
            ServingConfig {
                allow_remote,
                ..open.clone()
            }
            .check()
            .is_ok()
        );
        let keys = Some("keys.toml".into());
        assert!(ServingConfig { keys, ..open.clone() }.check().is_ok());
        let loopback = ServingConfig {
            listen: "[::1]:0".parse().unwrap(),
            ..ServingConfig::default()
        };
        assert!(loopback.check().is_ok());
    }
}
