//! `deskmill-serve`: the server alone, without the pipeline. One line on stdout when it listens; logs on stderr.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use deskmill_models::registry::Registry;
use deskmill_serving::{ServingConfig, run, stop_signal};
use tracing_subscriber::EnvFilter;

/// Answers with the models of a registry over HTTP.
///
/// Example: deskmill-serve --registry registry --listen 127.0.0.1:8700
#[derive(Parser)]
#[command(name = "deskmill-serve", version)]
struct Flags {
    /// Folder of the registry.
    #[arg(long, value_name = "DIR")]
    registry: PathBuf,
    #[command(flatten)]
    config: ServingConfig,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        // It would print to the standard error that just failed, and panic.
        .log_internal_errors(false)
        .init();
    match serve(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err((message, hint)) => {
            let _written = writeln!(std::io::stderr(), "error: {message}\nhint: {hint}");
            ExitCode::from(2)
        }
    }
}

fn serve(flags: Flags) -> Result<(), (String, String)> {
    // The registry would make a folder that is missing; a server without models is hardly what was meant.
    if !flags.registry.is_dir() {
        let message = format!("registry {}: there is no such folder", flags.registry.display());
        return Err((message, "name the folder that `deskmill run` publishes to".to_owned()));
    }
    let registry = Registry::local(&flags.registry).map_err(|error| (error.to_string(), error.hint()))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        (
            format!("runtime: {error}"),
            "look at the limits of this process (ulimit -a)".to_owned(),
        )
    })?;
    let ended = runtime.block_on(async {
        let stop = stop_signal()?;
        run(registry, flags.config, announce, stop).await
    });
    // What still runs was given its grace; it must not keep the process.
    runtime.shutdown_background();
    ended.map_err(|error| (error.to_string(), error.hint().to_owned()))
}

fn announce(address: std::net::SocketAddr) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "deskmill-serve listening on http://{address}").and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::warn!(%error, %address, "listening, but stdout is closed");
    }
}
