//! The names that the columns of a source may have.

use std::collections::BTreeSet;

use super::LandRequest;
use super::landing::{FILE_COLUMN, LINE_COLUMN, OFFSET_COLUMN, ROW_COLUMN};
use crate::error::{Error, Result};

/// The most columns a source may have.
pub const COLUMNS_MAX: usize = 2000;
/// The longest name of a column, in bytes of UTF-8.
pub(super) const NAME_MAX_BYTES: usize = 256;

/// Checks all names of a file; `line` is where they stand.
pub(super) fn check_names(request: &LandRequest<'_>, names: &[String], line: Option<i64>) -> Result<()> {
    if names.len() > COLUMNS_MAX {
        return Err(too_many(request, names.len(), line));
    }
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let column = index + 1;
        if name.trim().is_empty() {
            return Err(request.wrong(line, format!("column {column} has no name"), way_out(request)));
        }
        if name.len() > NAME_MAX_BYTES {
            let message = format!("the name of column {column} has more than {NAME_MAX_BYTES} bytes");
            return Err(request.wrong(line, message, way_out(request)));
        }
        if !seen.insert(name) {
            return Err(request.wrong(line, format!("two columns are named `{name}`"), way_out(request)));
        }
        check_not_reserved(request, name, line)?;
    }
    Ok(())
}

/// Makes names of what a header says: one for each of `width` columns, none of them empty or there twice. A column
/// without a name is `column_7`; the second `name` is `name_2`.
pub(super) fn tidy(found: &[String], width: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut names: Vec<String> = Vec::with_capacity(width);
    for index in 0..width {
        let found = found.get(index).map_or("", |name| name.trim());
        let base = if found.is_empty() {
            format!("column_{}", index + 1)
        } else {
            found.to_owned()
        };
        let mut name = base.clone();
        let mut copy = 1;
        while !seen.insert(name.clone()) {
            copy += 1;
            name = format!("{base}_{copy}");
        }
        names.push(name);
    }
    names
}

/// Names that start like deskmill's own columns would hide them, or be hidden. SQL does not tell `_ROW` from `_row`.
pub(super) fn check_not_reserved(request: &LandRequest<'_>, name: &str, line: Option<i64>) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    match [ROW_COLUMN, FILE_COLUMN, LINE_COLUMN, OFFSET_COLUMN]
        .iter()
        .find(|own| lower.starts_with(**own))
    {
        None => Ok(()),
        Some(own) => {
            let message = format!("column `{name}`: names that start with `{own}` are deskmill's own");
            Err(request.wrong(line, message, way_out(request)))
        }
    }
}

/// The error for more than [`COLUMNS_MAX`] columns.
pub(super) fn too_many(request: &LandRequest<'_>, found: usize, line: Option<i64>) -> Error {
    let message = format!("it has {found} columns, more than {COLUMNS_MAX}");
    let hint = match request.read.csv {
        Some(_) => "check `delimiter`, or split the file by columns",
        None => "keys that are data, not names, belong into an array of objects; or split the file by columns",
    };
    request.wrong(line, message, hint)
}

fn way_out(request: &LandRequest<'_>) -> &'static str {
    match &request.read.csv {
        Some(dialect) if dialect.header == Some(false) => "give it another name in `columns`",
        Some(_) => {
            "rename it in the file's first row, or write `header = false` and `columns = [...]` and leave the first row out in SQL"
        }
        None => "give it another name where the file is made",
    }
}
