//! What can go wrong between columns and a tree model.

use std::fmt;

/// Why trees cannot be fitted, loaded or asked. Carries no values of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeError {
    /// A setting is outside its range.
    Setting {
        /// The field of [`TreeSettings`](super::TreeSettings).
        name: &'static str,
        /// What it must be.
        message: String,
    },
    /// Rows cannot be learned from, or do not fit the model.
    Rows {
        /// The column, the targets or the weights, with the row where one is at fault.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// Stored arrays are damaged or hostile.
    Arrays {
        /// The array, with the tree or the place where one is at fault.
        place: String,
        /// What is wrong.
        message: String,
    },
}

impl TreeError {
    pub(super) fn rows(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Rows {
            place: place.into(),
            message: message.into(),
        }
    }

    pub(super) fn arrays(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Arrays {
            place: place.into(),
            message: message.into(),
        }
    }

    /// What the reader can do about it, one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "change the setting to a value in the range named",
            Self::Rows { .. } => {
                "check that all columns, targets and weights have the same rows and the documented values"
            }
            Self::Arrays { .. } => "publish the model again, or roll back to a version that loads",
        }
    }
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { name, message } => write!(f, "setting `{name}`: {message}"),
            Self::Rows { place, message } => write!(f, "rows, {place}: {message}"),
            Self::Arrays { place, message } => write!(f, "tree arrays, {place}: {message}"),
        }
    }
}

impl std::error::Error for TreeError {}
