//! Ingest of one file: every row lands in `rows.parquet` as text with its provenance, or in `rejects.parquet` with its
//! raw bytes and the reason. A bad row never stops the file and never takes its neighbours with it. Which files there
//! are, and which were read before, is the business of the stage.

mod alphabets;
mod arrow;
mod chat;
mod columns;
mod csv;
mod decode;
mod dialect;
mod document;
mod encoding;
mod fields;
mod html;
mod json;
mod json_line;
mod json_walk;
mod jsonl;
mod kinds;
mod landing;
mod lines;
mod mail;
mod markdown;
mod mend;
mod objects;
mod open;
mod parquet;
mod plain;
mod records;
mod sample;
mod stamp;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod values;
mod wrangle;
mod xlsx;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::project::{Format, Limits, Read, SourceFile};
use crate::rejects::Overlay;

pub use columns::COLUMNS_MAX;
pub use dialect::{DIALECT_FILE, Detected, Inner};
pub use encoding::read_text;
pub use landing::{FILE_COLUMN, LINE_COLUMN, OFFSET_COLUMN, REJECTS_FILE, ROW_COLUMN, ROWS_FILE, Shared};
pub use open::bytes_at;
pub use stamp::{Content, Stamp, digest};

/// Bits of a file's number within `_row`; the 40 below them count the rows of the file.
pub const FILE_ID_BITS: u32 = 23;
/// Bits of a row's number within its file.
pub const ROW_BITS: u32 = 40;

/// What to read, and where to put it.
#[derive(Clone, Copy)]
pub struct LandRequest<'a> {
    /// The source's name.
    pub source: &'a str,
    /// How its files are written.
    pub format: Format,
    /// The dialect and encoding of this file.
    pub read: &'a Read,
    /// The file.
    pub file: &'a SourceFile,
    /// Its number, from [`file_ids`]; below 2^23.
    pub file_id: u32,
    /// The project's limits; `row_max_bytes` is used here.
    pub limits: &'a Limits,
    /// An existing folder that only this call writes to.
    pub out: &'a Path,
    /// The output that it shares with other files; none if it has one of its own.
    pub shared: Option<&'a Shared>,
    /// What its output is named after: another content than this is not landed. None takes what is there.
    pub content: Option<&'a Content>,
    /// The mends of its rows; none if it has none.
    pub overlay: Option<&'a Overlay<'a>>,
}

/// What a file gave. `rows + rejects` is the number of rows in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landed {
    /// Rows kept.
    pub rows: u64,
    /// Rows rejected.
    pub rejects: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Reads files of one format with a fixed set of columns, or a single file of any format, into one output, as [`land`]
/// does for one; gives what each file gave.
///
/// # Errors
/// As [`land`].
pub fn land_all(requests: &[LandRequest<'_>], progress: &dyn Fn(u64)) -> Result<Vec<Landed>> {
    if let [request] = requests {
        return Ok(vec![land(request, progress)?]);
    }
    let mut all = Vec::with_capacity(requests.len());
    let mut before = 0;
    let shared = Shared::default();
    for request in requests {
        let request = LandRequest {
            shared: Some(&shared),
            ..*request
        };
        let landed = land(&request, &|bytes| progress(before + bytes))?;
        before += landed.bytes;
        all.push(landed);
    }
    shared.close()?;
    Ok(all)
}

/// Reads one file and writes [`ROWS_FILE`] and [`REJECTS_FILE`] into `out`. `progress` is told the bytes read so far.
///
/// Rows: the file's columns in its order, all of them nullable Utf8, then `_row` (Int64: the file's number shifted left
/// by 40, plus the number of the row in the file from 0; rejects count too), `_file` (Utf8: the relative path), `_line`
/// (Int64, from 1) and `_offset` (Int64: the row's first byte in the file; -1 for Parquet).
///
/// # Errors
/// [`Error::Source`] if the file as a whole cannot be used (empty, a broken header, reserved or doubled column names,
/// a broken Parquet file, changed while it was read), [`Error::File`] if reading or writing fails. What was written by
/// then is worthless.
pub fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<Landed> {
    let before = request.stamp()?;
    if request.content.is_some_and(|content| content.stamp != before) {
        return Err(request.changed());
    }
    // Readers of binary formats panic on some damaged files; what they leave behind is not looked at again.
    let landed = catch_unwind(AssertUnwindSafe(|| read(request, before.bytes(), progress)))
        .unwrap_or_else(|_| Err(request.wrong(None, "it is damaged", "write the file again")));
    // Looked at first: what went wrong may be a consequence.
    if request.stamp()? != before {
        return Err(request.changed());
    }
    let (rows, rejects) = landed?;
    // A file written just before its digest was taken may have been written once more within the same tick.
    if let Some(content) = request.content.filter(|content| !content.is_settled)
        && digest(request.source, request.file)?.sha256 != content.sha256
    {
        return Err(request.changed());
    }
    Ok(Landed {
        rows,
        rejects,
        bytes: before.bytes(),
    })
}

/// Reads a file of so many bytes by its format; gives the numbers of rows and rejects.
fn read(request: &LandRequest<'_>, file_bytes: u64, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    match request.format {
        // What is fetched from a database is csv.
        Format::Csv | Format::Postgres | Format::Mysql | Format::Sqlite => csv::land(request, progress),
        Format::Jsonl => jsonl::land(request, progress),
        Format::Json => json::land(request, progress),
        Format::Parquet => parquet::land(request, file_bytes, progress),
        Format::Arrow => arrow::land(request, progress),
        Format::Xlsx => xlsx::land(request, progress),
        Format::Mail => mail::land(request, progress),
        Format::Html => html::land(request, progress),
        Format::Chat => chat::land(request, progress),
        Format::Text => text::land(request, progress),
        Format::Markdown => markdown::land(request, progress),
    }
}

/// A number below 2^23 for each relative path of a source, in the order given.
///
/// A number comes from the path's SHA-256, so that it stays when other files come and go. Where two paths fall on one
/// number, the later in sorted order takes the next free one: only there can a new file move another's number.
pub fn file_ids(files: &[&str]) -> Vec<u32> {
    let sorted: BTreeSet<&str> = files.iter().copied().collect();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeMap::new();
    for path in sorted {
        let first = Sha256::digest(path.as_bytes())
            .iter()
            .take(4)
            .fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
        let probes = (0..1_u32 << FILE_ID_BITS).map(|step| first.wrapping_add(step) & ((1 << FILE_ID_BITS) - 1));
        let id = probes.into_iter().find(|&id| taken.insert(id)).unwrap_or_default();
        ids.insert(path, id);
    }
    files.iter().map(|path| ids[path]).collect()
}

/// The number of a row in its file, from its `_row`.
pub fn number_in_file(row: i64) -> u64 {
    (row & ((1 << ROW_BITS) - 1)) as u64
}

/// The number of a row's file, from its `_row`.
pub fn file_id_of(row: i64) -> u32 {
    u32::try_from(row >> ROW_BITS).unwrap_or(u32::MAX)
}

impl LandRequest<'_> {
    /// An error about the whole file, at a line where one is to blame.
    fn wrong(&self, line: Option<i64>, message: impl Into<String>, hint: impl Into<String>) -> Error {
        let file = &self.file.relative;
        Error::Source {
            name: self.source.to_owned(),
            place: line.map_or_else(|| file.clone(), |line| format!("{file}, line {line}")),
            message: message.into(),
            hint: hint.into(),
        }
    }

    fn empty(&self) -> Error {
        self.wrong(None, "it is empty", "put data into it, or make `path` leave it out")
    }

    fn changed(&self) -> Error {
        stamp::changed(self.source, self.file)
    }

    /// The file's marks now.
    fn stamp(&self) -> Result<Stamp> {
        Stamp::at(&self.file.path).map_err(|error| stamp::unreadable(self.source, self.file, error))
    }

    /// The file, opened; it must be the one that is to be landed.
    fn open_file(&self) -> Result<(File, Stamp)> {
        let opened = stamp::open_regular(&self.file.path);
        let (file, stamp) = opened.map_err(|error| stamp::unreadable(self.source, self.file, error))?;
        if self.content.is_some_and(|content| content.stamp != stamp) {
            return Err(self.changed());
        }
        Ok((file, stamp))
    }

    /// `_row` of a row of this file.
    fn row_id(&self, number: u64) -> i64 {
        i64::from(self.file_id) << ROW_BITS | number as i64
    }
}
