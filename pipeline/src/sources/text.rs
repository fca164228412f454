//! Plain text: a file is a row. Columns: `text` (as it stands, decoded, without its byte order mark) and `name` (the
//! file's name without folder and ending).

use super::LandRequest;
use super::document::{self, stem, undeclared};
use crate::error::Result;

const COLUMNS: [&str; 2] = ["text", "name"];

/// Reads a text file; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    document::land(request, progress, COLUMNS, undeclared, |text| {
        Ok([Some(text.to_owned()), Some(stem(request).to_owned())])
    })
}
