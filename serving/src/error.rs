//! What keeps a server from starting or running. What a caller is told about a request is in `problem`.

use std::net::SocketAddr;

/// Why a server does not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that make no sense.
    #[error("serving settings: {}", problems.join("; "))]
    Config {
        /// Each names its setting.
        problems: Vec<String>,
    },
    /// The address is open to other machines.
    #[error("listen {address}: refused, because other machines can reach this address and callers need no key")]
    Remote {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The file of keys cannot be used.
    #[error("keys {0}")]
    Keys(#[from] crate::auth::KeyProblem),
    /// The file of ladders cannot be used.
    #[error("ladders {0}")]
    Ladders(#[from] crate::fallback::LadderProblem),
    /// The system did not give the address.
    #[error("listen {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The system did not let us wait for SIGTERM or SIGINT.
    #[error("signals: {source}")]
    Signal {
        /// The system's reason.
        source: std::io::Error,
    },
    /// Accepting connections ended.
    #[error("serving on {address}: {source}")]
    Serve {
        /// The address listened on.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Error {
    /// What the reader can do about it, one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Config { .. } => "set them under [serving] in deskmill.toml or by the flags of the same names",
            Error::Remote { .. } => {
                "name a file of keys with --keys (`deskmill keys add` makes one), or pass --allow-remote if everyone who \
                 can reach this machine may ask the models"
            }
            Error::Keys(_) => "make the file with `deskmill keys add NAME --file FILE`",
            Error::Ladders(_) => "docs/serving.md shows such a file",
            Error::Listen { .. } => "stop what listens there, choose another port, or port 0 for a free one",
            Error::Signal { .. } | Error::Serve { .. } => {
                "look at the limits of this process (ulimit -a) and start again"
            }
        }
    }
}

/// This crate's result.
pub type Result<T> = std::result::Result<T, Error>;
