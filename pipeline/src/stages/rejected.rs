//! The rejected rows of a table. The walk only notes which rows they are; their values are looked up here, some ten
//! thousand at a time, so that the walk need not read all columns of all rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use deskmill_models::rows::to_objects;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};

use crate::error::{Error, Result};
use crate::project::Table;
use crate::rejects::{Reject, RejectWriter, write_error};

/// Rows noted before they are looked up.
const NOTED_MAX: usize = 64 * 1024;

/// Where a landed row is: its file in order of `_row`, and its number in that file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RawPlace {
    pub(super) file: usize,
    pub(super) row: usize,
}

/// Bits of [`RawPlace::row`] in a packed place.
const ROW_BITS: u32 = 40;

impl RawPlace {
    pub(super) fn pack(self) -> i64 {
        (self.file as i64) << ROW_BITS | self.row as i64
    }

    pub(super) fn unpack(packed: i64) -> Self {
        Self {
            file: (packed >> ROW_BITS) as usize,
            row: (packed & ((1 << ROW_BITS) - 1)) as usize,
        }
    }
}

/// Why a row is rejected; the number is the column's or check's place in the table's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The query does not give it.
    LeftOut,
    /// A cast gave null.
    Cast(usize),
    /// A column is null.
    NotNull(usize),
    /// A check of the project says no.
    Check(usize),
    /// An earlier row has its key.
    Duplicate,
}

/// Takes the rejects of a table.
pub(super) struct Rejected<'a> {
    table: &'a Table,
    source: &'a str,
    raw: &'a [PathBuf],
    noted: Vec<(RawPlace, Rule)>,
    writer: RejectWriter,
}

impl<'a> Rejected<'a> {
    pub(super) fn create(table: &'a Table, source: &'a str, raw: &'a [PathBuf], path: &Path) -> Result<Self> {
        Ok(Self {
            table,
            source,
            raw,
            noted: Vec::new(),
            writer: RejectWriter::create(path)?,
        })
    }

    /// Notes a row. Places grow between two flushes.
    pub(super) fn note(&mut self, place: RawPlace, rule: Rule) -> Result<()> {
        self.noted.push((place, rule));
        if self.noted.len() >= NOTED_MAX {
            self.flush()
        } else {
            Ok(())
        }
    }

    pub(super) fn close(mut self) -> Result<u64> {
        self.flush()?;
        self.writer.close()
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        let noted = std::mem::take(&mut self.noted);
        for of_file in noted.chunk_by(|a, b| a.0.file == b.0.file) {
            self.look_up(of_file)?;
        }
        Ok(())
    }

    fn look_up(&mut self, noted: &[(RawPlace, Rule)]) -> Result<()> {
        let Some(path) = noted.first().and_then(|(place, _)| self.raw.get(place.file)) else {
            return Ok(());
        };
        let file = File::open(path).map_err(Error::file(path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| write_error(path, e))?;
        let reader = builder
            .with_row_selection(selection(noted))
            .with_batch_size(1024)
            .build();
        let mut rules = noted.iter().map(|(_, rule)| *rule);
        for batch in reader.map_err(|e| write_error(path, e))? {
            let batch = batch.map_err(|e| write_error(path, e))?;
            for row in 0..batch.num_rows() {
                if let Some(rule) = rules.next() {
                    self.writer.push(self.reject(&batch, row, rule))?;
                }
            }
        }
        Ok(())
    }

    fn reject(&self, batch: &RecordBatch, row: usize, rule: Rule) -> Reject {
        let table = self.table;
        let sql = &table.sql_path.written;
        let (name, column, hint) = match rule {
            Rule::LeftOut => ("left_out", None, format!("a `where` or a join in {sql} leaves it out")),
            Rule::Duplicate => ("duplicate", None, "an earlier row has the same key".to_owned()),
            Rule::Cast(at) => {
                let column = &table.cast[at];
                (
                    "cast",
                    Some(column.clone()),
                    format!("mend the value, or the cast of `{column}` in {sql}"),
                )
            }
            Rule::NotNull(at) => {
                let column = &table.not_null[at];
                (
                    "not_null",
                    Some(column.clone()),
                    format!("fill in `{column}`, or take it from `not_null`"),
                )
            }
            Rule::Check(at) => {
                let check = &table.checks[at];
                (check.rule(), check.column().map(str::to_owned), check.hint())
            }
        };
        let value = column.as_deref().and_then(|column| text(batch, column, row));
        Reject {
            source: self.source.into(),
            file: text(batch, "_file", row).unwrap_or_default(),
            line: number(batch, "_line", row),
            offset: number(batch, "_offset", row),
            row: number(batch, "_row", row),
            raw: fields(batch, row),
            stage: table.name.clone(),
            rule: name.to_owned(),
            column,
            value,
            hint,
        }
    }
}

/// The rows of one file, in order.
fn selection(noted: &[(RawPlace, Rule)]) -> RowSelection {
    let mut next = 0;
    let mut selectors = Vec::with_capacity(2 * noted.len());
    for (place, _) in noted {
        selectors.push(RowSelector::skip(place.row - next));
        selectors.push(RowSelector::select(1));
        next = place.row + 1;
    }
    RowSelection::from(selectors)
}

/// The fields of a landed row as JSON; they stand for its bytes.
fn fields(batch: &RecordBatch, row: usize) -> Vec<u8> {
    let mut objects = to_objects(&batch.slice(row, 1));
    let mut fields = objects.pop().unwrap_or_default();
    fields.retain(|name, _| !name.starts_with('_'));
    serde_json::Value::Object(fields).to_string().into_bytes()
}

fn text(batch: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let column = batch.column_by_name(column)?;
    (column.data_type() == &DataType::Utf8 && column.is_valid(row)).then(|| column.as_string::<i32>().value(row).into())
}

fn number(batch: &RecordBatch, column: &str, row: usize) -> i64 {
    let numbers = batch
        .column_by_name(column)
        .and_then(|column| column.as_primitive_opt::<Int64Type>());
    numbers.map_or(-1, |numbers| numbers.value(row))
}
