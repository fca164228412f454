//! Rejects: rows that cannot be used, kept with their place, their raw bytes and the reason. One Parquet schema for
//! every stage, so that all of them can be shown, counted, exported, mended and replayed together.

mod counts;
mod edited;
mod export;
mod fates;
mod known;
mod landed;
pub mod mends;
mod outputs;
pub(crate) mod overlay;
mod replay;
mod take;
#[cfg(test)]
mod tests;
mod text;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{Error, Result, of_system};

pub use counts::{Count, counts};
pub use export::{Export, export};
pub use fates::Fates;
pub use known::{Known, first_known};
pub(crate) use landed::mends_told;
pub use mends::{Mend, Mends};
pub use outputs::{Outputs, Wanted};
pub use overlay::{Overlay, was_of_fields, was_of_raw};
pub use replay::{ReplayRequest, Replayed, replay};
pub use take::Taken;
pub use text::{Texts, visible};

/// The rule of rows that are no rejects, though they are kept with them: an earlier row has their key.
pub const DUPLICATE: &str = "duplicate";

/// One rejected row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reject {
    /// The source it came from.
    pub source: String,
    /// The file, relative to the project folder.
    pub file: String,
    /// Line of its first byte, from 1; row number where the file has no lines.
    pub line: i64,
    /// Offset of its first byte in the file, from 0; -1 where the file has none.
    pub offset: i64,
    /// The row's identity within its source (`_row`), -1 where it could not even be split into fields.
    pub row: i64,
    /// Its bytes as they stand in the file, cut at [`RAW_MAX_BYTES`].
    pub raw: Vec<u8>,
    /// `ingest` or the name of the table that refused it.
    pub stage: String,
    /// The rule it breaks: `fields`, `quote`, `encoding`, `nul`, `row_max_bytes`, `json`, `not_null`, `cast`,
    /// `duplicate`, `left_out`.
    pub rule: String,
    /// The column, where one is to blame.
    pub column: Option<String>,
    /// The value found there.
    pub value: Option<String>,
    /// How to mend it.
    pub hint: String,
}

/// Raw bytes kept of one rejected row; a longer row is kept to this length, its place says where the rest is.
pub const RAW_MAX_BYTES: usize = 64 * 1024;

/// Rejects held before they are written.
const BATCH_ROWS: usize = 4096;

/// The columns of a rejects file.
pub fn schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let number = |name: &str| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![
        text("source", false),
        text("file", false),
        number("line"),
        number("offset"),
        number("row"),
        Field::new("raw", DataType::Binary, false),
        text("stage", false),
        text("rule", false),
        text("column", true),
        text("value", true),
        text("hint", false),
    ]))
}

/// Writes a rejects file as rejects come.
pub struct RejectWriter {
    path: std::path::PathBuf,
    writer: ArrowWriter<File>,
    held: Vec<Reject>,
    count: u64,
}

impl RejectWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::file(path))?;
        let writer =
            ArrowWriter::try_new(file, schema(), Some(writer_properties())).map_err(|e| write_error(path, e))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            held: Vec::new(),
            count: 0,
        })
    }

    /// Adds one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, mut reject: Reject) -> Result<()> {
        reject.raw.truncate(RAW_MAX_BYTES);
        self.count += 1;
        self.held.push(reject);
        if self.held.len() >= BATCH_ROWS {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// How many came so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn flush(&mut self) -> Result<()> {
        let batch = to_batch(&std::mem::take(&mut self.held)).map_err(|e| write_error(&self.path, e))?;
        self.writer.write(&batch).map_err(|e| write_error(&self.path, e))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn close(mut self) -> Result<u64> {
        self.flush()?;
        self.writer.close().map_err(|e| write_error(&self.path, e))?;
        Ok(self.count)
    }
}

/// A column whose distinct values take more, such as an id or a text, is written without a dictionary: one that is thrown
/// away at the default of 1 MiB costs a tenth of the time of a large table.
const DICTIONARY_MAX_BYTES: usize = 64 * 1024;

/// Properties of every Parquet file deskmill writes.
pub fn writer_properties() -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by("deskmill".into())
        .set_dictionary_page_size_limit(DICTIONARY_MAX_BYTES)
        .set_max_row_group_row_count(Some(256 * 1024))
        .build()
}

/// An error of writing a Parquet file, with its path; what the system says is told in its own words.
pub fn write_error(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::File {
        path: path.to_owned(),
        source: of_system(&error.to_string()),
    }
}

fn to_batch(rejects: &[Reject]) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
    let text = |get: fn(&Reject) -> Option<&str>| -> ArrayRef {
        let mut column = StringBuilder::new();
        rejects.iter().for_each(|reject| column.append_option(get(reject)));
        Arc::new(column.finish())
    };
    let number = |get: fn(&Reject) -> i64| -> ArrayRef {
        let mut column = Int64Builder::new();
        rejects.iter().for_each(|reject| column.append_value(get(reject)));
        Arc::new(column.finish())
    };
    let mut raw = BinaryBuilder::new();
    rejects.iter().for_each(|reject| raw.append_value(&reject.raw));
    let columns: Vec<ArrayRef> = vec![
        text(|r| Some(&r.source)),
        text(|r| Some(&r.file)),
        number(|r| r.line),
        number(|r| r.offset),
        number(|r| r.row),
        Arc::new(raw.finish()),
        text(|r| Some(&r.stage)),
        text(|r| Some(&r.rule)),
        text(|r| r.column.as_deref()),
        text(|r| r.value.as_deref()),
        text(|r| Some(&r.hint)),
    ];
    RecordBatch::try_new(schema(), columns)
}
