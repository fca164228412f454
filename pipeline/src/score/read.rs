//! Rows in: batches with the place of every row. The formats of text read through [`Lines`]; Parquet is read here.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::Format;
use super::csv::CsvRows;
use super::jsonl::{JsonlColumns, JsonlObjects};
use super::{ScoreRequest, check_has_inputs, wrong};
use crate::error::{Error, Result};

/// A longer row of a text format is an error.
pub(super) const LINE_MAX_BYTES: usize = 64 << 20;
/// A batch of a text format ends after so many bytes, whatever its rows.
pub(super) const BATCH_MAX_BYTES: usize = 64 << 20;

/// Some rows of the input, in its order.
pub(super) struct Chunk {
    /// Their columns. Where `objects` are kept, only those that the model takes.
    pub rows: RecordBatch,
    /// From jsonl to jsonl: the fields of each row, named as in the output, each value as it was written.
    pub objects: Option<Vec<Vec<(String, String)>>>,
    /// Where they stand.
    pub at: At,
}

/// Where the rows of a chunk stand.
pub(super) enum At {
    /// The line each one starts in, from 1.
    Lines(Vec<u64>),
    /// The number of the first one, from 1; for files that have no lines.
    Row(u64),
}

impl Chunk {
    /// The place of a row, for messages.
    pub(super) fn place(&self, row: usize) -> String {
        match &self.at {
            At::Lines(lines) => lines.get(row).map_or_else(String::new, |line| format!("line {line}")),
            At::Row(first) => format!("row {}", first + row as u64),
        }
    }
}

/// An input that is being read.
pub(super) trait RowReader {
    /// The columns of its chunks.
    fn schema(&self) -> SchemaRef;
    /// The next chunk, which has a row at least; none at the end.
    fn next(&mut self) -> Result<Option<Chunk>>;
}

/// Opens the input of a request.
pub(super) fn open<'a>(request: &ScoreRequest<'a>) -> Result<Box<dyn RowReader + 'a>> {
    let signature = request.model.signature();
    let rows_max = request.rows_per_batch.max(1);
    let (place, format) = &request.input;
    Ok(match (format, request.output.1) {
        (Format::Csv, _) => Box::new(CsvRows::open(
            Lines::new(place.name(), place.stream()?),
            signature,
            rows_max,
        )?),
        (Format::Jsonl, Format::Jsonl) => Box::new(JsonlObjects::new(
            Lines::new(place.name(), place.stream()?),
            signature,
            rows_max,
        )),
        (Format::Jsonl, _) => Box::new(JsonlColumns::open(place, signature, rows_max)?),
        (Format::Parquet, _) => Box::new(ParquetRows::open(request, rows_max)?),
    })
}

/// The rows of a Parquet file.
struct ParquetRows {
    name: String,
    schema: SchemaRef,
    reader: ParquetRecordBatchReader,
    next_row: u64,
}

impl ParquetRows {
    fn open(request: &ScoreRequest<'_>, rows_max: usize) -> Result<Self> {
        let place = &request.input.0;
        let name = place.name();
        let unreadable = |error| not_parquet(&name, "its end", error);
        let builder = ParquetRecordBatchReaderBuilder::try_new(place.seekable()?).map_err(unreadable)?;
        let schema = builder.schema().clone();
        check_has_inputs(&name, "columns", &schema, request.model.signature())?;
        let reader = builder.with_batch_size(rows_max).build().map_err(unreadable)?;
        Ok(Self {
            name,
            schema,
            reader,
            next_row: 1,
        })
    }
}

impl RowReader for ParquetRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next(&mut self) -> Result<Option<Chunk>> {
        let place = format!("from row {}", self.next_row);
        for rows in self.reader.by_ref() {
            let rows = rows.map_err(|error| not_parquet(&self.name, &place, error))?;
            if rows.num_rows() > 0 {
                let at = At::Row(self.next_row);
                self.next_row += rows.num_rows() as u64;
                return Ok(Some(Chunk {
                    rows,
                    objects: None,
                    at,
                }));
            }
        }
        Ok(None)
    }
}

fn not_parquet(name: &str, place: &str, error: impl std::fmt::Display) -> Error {
    wrong(
        name,
        place,
        format!("cannot be read as Parquet: {error}"),
        "check that the file is whole and is Parquet",
    )
}

/// The lines of a text, each of a bounded length.
pub(super) struct Lines {
    /// What messages call the text.
    pub name: String,
    /// The number of the line read last, from 1.
    pub line: u64,
    reader: BufReader<Box<dyn Read>>,
}

impl Lines {
    pub(super) fn new(name: String, bytes: Box<dyn Read>) -> Self {
        Self {
            name,
            line: 0,
            reader: BufReader::with_capacity(256 * 1024, bytes),
        }
    }

    /// Puts the next line into `buffer`, with its line feed; false at the end. `held_bytes` of its row were read before.
    pub(super) fn next(&mut self, buffer: &mut Vec<u8>, held_bytes: usize) -> Result<bool> {
        buffer.clear();
        let room = LINE_MAX_BYTES.saturating_sub(held_bytes);
        let read = self.reader.by_ref().take(room as u64 + 1).read_until(b'\n', buffer);
        read.map_err(Error::file(Path::new(&self.name)))?;
        if buffer.is_empty() {
            return Ok(false);
        }
        self.line += 1;
        if buffer.len() > room {
            let message = format!("the row has more than {} MiB", LINE_MAX_BYTES >> 20);
            return Err(self.wrong(
                message,
                "look for a quote that is not closed, or a line end that is missing",
            ));
        }
        if self.line == 1 && buffer.starts_with(b"\xEF\xBB\xBF") {
            buffer.drain(..3);
        }
        Ok(true)
    }

    /// An error in the line read last.
    pub(super) fn wrong(&self, message: impl Into<String>, hint: impl Into<String>) -> Error {
        wrong(&self.name, format!("line {}", self.line), message, hint)
    }
}
