//! The one error type of this crate: every variant says where, and `hint` says what to do about it.

use std::path::PathBuf;

/// What can go wrong between rows and a model. Shown to users; carries no customer text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row or column does not fit a model's signature.
    #[error("{path}: expected {expected}, found {found}")]
    Row {
        /// JSON path (`$.instances[3].text`) or column name.
        path: String,
        /// What the signature asks for, in words.
        expected: String,
        /// What was there, in words (never the value of a text).
        found: String,
        /// A value that would be accepted, as JSON.
        example: String,
    },
    /// Training examples cannot be learned from.
    #[error("examples of model `{model}`: {message}")]
    Examples {
        /// The model being fitted.
        model: String,
        /// What is wrong with them.
        message: String,
        /// What to change.
        hint: String,
    },
    /// A stored artifact is damaged, hostile or of an unknown format.
    #[error("artifact {place}: {message}")]
    Artifact {
        /// File or tensor.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A sentence encoder's files are unfit, or it does not work.
    #[error("encoder {place}: {message}")]
    Encoder {
        /// The encoder's file or name.
        place: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The registry refused or could not do something.
    #[error("registry {place}: {message}")]
    Registry {
        /// Model, version, alias or object path.
        place: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Reading or writing a file failed.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Arrow or Parquet refused data that this crate made or read.
    #[error("{place}: {message}")]
    Table {
        /// What was being read, written or computed.
        place: String,
        /// The library's words.
        message: String,
    },
}

impl Error {
    /// What the reader can do about it, one sentence.
    pub fn hint(&self) -> String {
        match self {
            Error::Row { example, .. } => format!("a value that fits: {example}"),
            Error::Examples { hint, .. } | Error::Registry { hint, .. } | Error::Encoder { hint, .. } => hint.clone(),
            Error::Artifact { .. } => "publish the model again, or roll back to a version that loads".into(),
            Error::File { .. } => "check that the file exists and that this user may read and write it".into(),
            Error::Table { .. } => "check that the file is whole and was not changed while it was read".into(),
        }
    }

    pub(crate) fn table(place: impl Into<String>, source: impl std::fmt::Display) -> Self {
        Error::Table {
            place: place.into(),
            message: source.to_string(),
        }
    }

    pub(crate) fn encoder(place: impl Into<String>, message: impl std::fmt::Display, hint: impl Into<String>) -> Self {
        Error::Encoder {
            place: place.into(),
            message: message.to_string(),
            hint: hint.into(),
        }
    }

    pub(crate) fn artifact(place: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Error::Artifact {
            place: place.into(),
            message: message.to_string(),
        }
    }
}

/// This crate's result.
pub type Result<T> = std::result::Result<T, Error>;
