//! Lineage: what every output was made from. `output` is what one output says of itself, in `lineage.json` beside its
//! facts; `gather` follows it back to the files; `target` finds what a name stands for; `now` says what has changed
//! since; `row` follows one row. Nothing here runs SQL.

mod gather;
mod now;
mod output;
mod row;
mod rows;
mod target;
#[cfg(test)]
mod tests;
mod tree;

pub use gather::{Lineage, Missing, SourceContent};
pub(crate) use gather::{landings_of, output_of};
pub use now::{Now, OutputNow, Since};
pub(crate) use output::CONTENTS_STAGE;
pub use output::{Contents, Counts, FileOrigin, Files, Input, Output, SOURCE, SqlText, is_kept, keep_contents};
pub use row::{RawBytes, RejectedBy, RowOrigin, RowsAsked, follow};
pub(crate) use target::lineage_of;
pub use target::{Found, Target, find, of_version};
pub use tree::{Branch, draw};

/// The file that says what an output, or a version, was made from.
pub const LINEAGE_FILE: &str = "lineage.json";

/// Files of a source that a version names one by one. Of a source with more, it keeps a count and a digest for each
/// landing, so that a hundred thousand mails do not weigh more than the model.
pub const FILES_LISTED_MAX: u64 = 5_000;
