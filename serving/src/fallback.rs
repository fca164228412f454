//! What answers when the version asked for cannot.

use serde::Serialize;

/// Why an answer is not that of the version asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Degraded {
    /// The rung of the ladder that answered.
    pub(crate) by: String,
    /// Why those before it did not.
    pub(crate) why: String,
}
