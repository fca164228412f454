//! Where the rows of a file land: columns of text with their provenance, and rejects. It numbers the rows, so that each
//! row of the file is either kept or rejected, exactly once.

use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::LandRequest;
use super::lines::Place;
use crate::error::{Error, Result};
use crate::rejects::overlay::Laying;
use crate::rejects::{Reject, RejectWriter, write_error, writer_properties};

/// The kept rows of a file.
pub const ROWS_FILE: &str = "rows.parquet";
/// The rejected rows of a file.
pub const REJECTS_FILE: &str = "rejects.parquet";
/// The column with a row's identity within its source.
pub const ROW_COLUMN: &str = "_row";
/// The column with the file's relative path.
pub const FILE_COLUMN: &str = "_file";
/// The column with a row's line.
pub const LINE_COLUMN: &str = "_line";
/// The column with a row's byte offset.
pub const OFFSET_COLUMN: &str = "_offset";

/// Rows held before they are written.
pub(super) const BATCH_ROWS: usize = 8192;
/// Text held before it is written, give or take a row.
pub(super) const BATCH_BYTES: usize = 8 << 20;
/// Compressed bytes of a row group; they stay in memory until it is full.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// The longest text of one row. A legacy encoding may take up to three times its bytes in UTF-8, and 2^31 would
/// overflow an Arrow column.
pub(super) const TEXT_MAX_BYTES: usize = 1 << 30;

/// Why a row is rejected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fault {
    /// The rule it breaks.
    pub rule: &'static str,
    /// The column to blame, if it is one.
    pub column: Option<String>,
    /// What is wrong and how to mend it.
    pub hint: String,
}

impl Fault {
    pub(super) fn new(rule: &'static str, hint: impl Into<String>) -> Self {
        Self {
            rule,
            column: None,
            hint: hint.into(),
        }
    }

    /// Bytes that are not text in the declared encoding.
    pub(super) fn encoding(name: &str) -> Self {
        let hint =
            format!("these bytes are not {name}; write the file's true encoding into `encoding`, or mend the row");
        Self::new("encoding", hint)
    }

    /// A NUL, which no text of a person holds and which many tools cut texts at.
    pub(super) fn nul() -> Self {
        Self::new(
            "nul",
            "a NUL is in it: the file may be damaged, or be UTF-16 (`encoding = \"utf-16le\"`)",
        )
    }

    /// A row that is too long.
    pub(super) fn too_long(row_max_bytes: usize) -> Self {
        let hint = format!("it has more than {row_max_bytes} bytes; mend it or raise `limits.row_max_bytes`");
        Self::new("row_max_bytes", hint)
    }
}

/// Takes the rows of one file, in its order.
pub(super) struct Landing<'a> {
    request: &'a LandRequest<'a>,
    output: Output,
    /// Columns of the file, deskmill's own left out.
    columns: usize,
    /// Mends on their way over the rows.
    laying: Option<Laying<'a>>,
    /// Rows and rejects of other files before this one.
    before: (u64, u64),
}

/// The two files that rows land in.
struct Output {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    texts: Vec<StringBuilder>,
    provenance: Provenance,
    held_bytes: usize,
    /// Rows kept so far.
    kept: u64,
    rejects: RejectWriter,
}

/// Where a row is from: `_row`, `_file`, `_line` and `_offset` of the rows held.
#[derive(Default)]
struct Provenance {
    row: Vec<i64>,
    /// Each file once, with the number of its rows held.
    file: Vec<(String, usize)>,
    line: Vec<i64>,
    offset: Vec<i64>,
}

/// An output that files of the same columns share, one after the other.
#[derive(Default)]
pub struct Shared(RefCell<Option<Output>>);

impl Shared {
    /// Completes the output.
    pub(super) fn close(&self) -> Result<()> {
        self.0.take().map_or(Ok(()), |output| output.close())
    }
}

impl<'a> Landing<'a> {
    /// Creates both files, or goes on with those that are shared. The names are checked already. A reader that finds
    /// out more about its file may start over by creating its landing again, but for shared ones.
    pub(super) fn create(request: &'a LandRequest<'a>, columns: &[String]) -> Result<Self> {
        let shared = request.shared.and_then(|shared| shared.0.take());
        let is_shared = request.shared.is_some();
        let laying = request.overlay.map(|overlay| Laying::new(overlay, columns, is_shared));
        let output = match shared {
            Some(output) => output,
            None => Output::create(request, laying.as_ref().map_or(columns, Laying::names))?,
        };
        Ok(Self {
            before: (output.kept, output.rejects.count()),
            columns: columns.len(),
            output,
            laying,
            request,
        })
    }

    /// Keeps a row: a value or null for each column.
    pub(super) fn keep<'t>(&mut self, place: Place, values: impl Iterator<Item = Option<&'t str>>) -> Result<()> {
        let number = self.count();
        if let Some(laying) = self.laying.as_mut().filter(|laying| laying.has(number)) {
            let values: Vec<Option<&str>> = values.collect();
            return match laying.over_row(number, &values) {
                Some(mended) => self.append(place, mended.iter().map(Option::as_deref)),
                None => self.append(place, values.into_iter()),
            };
        }
        self.append(place, values)
    }

    /// Puts a row down; columns behind the values are null.
    fn append<'t>(&mut self, place: Place, mut values: impl Iterator<Item = Option<&'t str>>) -> Result<()> {
        let row = self.request.row_id(self.count());
        let output = &mut self.output;
        for column in &mut output.texts {
            let value = values.next().flatten();
            output.held_bytes += value.map_or(0, str::len);
            column.append_option(value);
        }
        output.provenance.push(row, &self.request.file.relative, place);
        output.kept += 1;
        let is_full = output.provenance.row.len() >= BATCH_ROWS || output.held_bytes >= BATCH_BYTES;
        if is_full { output.flush() } else { Ok(()) }
    }

    /// Rejects a row; of `raw` the start is kept.
    pub(super) fn reject(&mut self, place: Place, raw: Vec<u8>, fault: Fault) -> Result<()> {
        let number = self.count();
        let laying = self.laying.as_mut().filter(|laying| laying.has(number));
        if let Some(mended) = laying.and_then(|laying| laying.over_reject(number, &raw)) {
            return self.append(place, mended.iter().map(Option::as_deref));
        }
        let row = self.request.row_id(number);
        self.output.rejects.push(Reject {
            source: self.request.source.to_owned(),
            file: self.request.file.relative.clone(),
            line: place.line,
            offset: place.offset,
            row,
            raw,
            stage: "ingest".to_owned(),
            rule: fault.rule.to_owned(),
            column: fault.column,
            value: None,
            hint: fault.hint,
        })
    }

    /// Columns of the source, deskmill's own left out.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Rows of the file so far, rejects among them: the number of the next row.
    fn count(&self) -> u64 {
        let (kept, rejects) = self.before;
        self.output.kept - kept + self.output.rejects.count() - rejects
    }

    /// Completes both files, unless they are shared; gives the numbers of rows and rejects of this file.
    pub(super) fn close(self) -> Result<(u64, u64)> {
        let (kept, rejects) = self.before;
        let counts = (self.output.kept - kept, self.output.rejects.count() - rejects);
        if let Some(laying) = self.laying {
            laying.done();
        }
        match self.request.shared {
            Some(shared) => drop(shared.0.replace(Some(self.output))),
            None => self.output.close()?,
        }
        Ok(counts)
    }
}

impl Output {
    fn create(request: &LandRequest<'_>, columns: &[String]) -> Result<Self> {
        let path = request.out.join(ROWS_FILE);
        let schema = schema(columns);
        let file = File::create(&path).map_err(Error::file(&path))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties()));
        Ok(Self {
            writer: writer.map_err(|error| write_error(&path, error))?,
            texts: columns.iter().map(|_| StringBuilder::new()).collect(),
            provenance: Provenance::default(),
            held_bytes: 0,
            kept: 0,
            rejects: RejectWriter::create(&request.out.join(REJECTS_FILE))?,
            path,
            schema,
        })
    }

    fn flush(&mut self) -> Result<()> {
        let mut columns: Vec<ArrayRef> = self
            .texts
            .iter_mut()
            .map(|text| Arc::new(text.finish()) as ArrayRef)
            .collect();
        let Provenance {
            row,
            file,
            line,
            offset,
        } = std::mem::take(&mut self.provenance);
        let mut files = StringBuilder::new();
        for (name, rows) in &file {
            (0..*rows).for_each(|_| files.append_value(name));
        }
        let file = files.finish();
        let number = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
        columns.extend([number(row), Arc::new(file) as ArrayRef, number(line), number(offset)]);
        self.held_bytes = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(parquet::errors::ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .and_then(|()| match self.writer.in_progress_size() {
                size if size >= ROW_GROUP_BYTES => self.writer.flush(),
                _ => Ok(()),
            })
            .map_err(|error| write_error(&self.path, error))
    }

    fn close(mut self) -> Result<()> {
        if !self.provenance.row.is_empty() {
            self.flush()?;
        }
        self.writer.close().map_err(|error| write_error(&self.path, error))?;
        self.rejects.close().map(drop)
    }
}

impl Provenance {
    fn push(&mut self, row: i64, file: &str, place: Place) {
        self.row.push(row);
        match self.file.last_mut() {
            Some((last, rows)) if last == file => *rows += 1,
            _ => self.file.push((file.to_owned(), 1)),
        }
        self.line.push(place.line);
        self.offset.push(place.offset);
    }
}

fn schema(columns: &[String]) -> SchemaRef {
    let number = |name| Field::new(name, DataType::Int64, false);
    let texts = columns.iter().map(|name| Field::new(name, DataType::Utf8, true));
    let provenance = [
        number(ROW_COLUMN),
        Field::new(FILE_COLUMN, DataType::Utf8, false),
        number(LINE_COLUMN),
        number(OFFSET_COLUMN),
    ];
    Arc::new(Schema::new(texts.chain(provenance).collect::<Vec<_>>()))
}

/// Numbers that only grow are small as differences; a dictionary of them would only cost time.
fn properties() -> WriterProperties {
    let growing = [ROW_COLUMN, LINE_COLUMN, OFFSET_COLUMN].map(ColumnPath::from);
    growing
        .into_iter()
        .fold(writer_properties().into_builder(), |builder, column| {
            builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
        })
        .build()
}
