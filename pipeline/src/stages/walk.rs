//! The walk that accounts for every row: the landed rows of a source and the rows of a table's query, both in order of
//! `_row`, side by side. No join and no growing memory but the keys seen.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use sha2::{Digest, Sha256};

use super::clean::{CleanFacts, REJECTS_FILE, ROWS_FILE};
use crate::engine::{sql_error, table_writer};
use crate::error::{Error, Result};
use crate::project::Table;
use crate::rejects::{Reject, RejectWriter, write_error};

/// The walk of one table.
pub(super) struct Walk<'a> {
    table: &'a Table,
    raw: RawRows<'a>,
    rows: ArrowWriter<File>,
    rows_path: PathBuf,
    rejects: RejectWriter,
    keys: HashSet<[u8; 16]>,
    facts: CleanFacts,
}

/// A batch of the query's result with the columns that rules look at.
struct Judged {
    ids: Vec<i64>,
    not_null: Vec<(String, ArrayRef)>,
    cast: Vec<(String, ArrayRef)>,
    keys: Vec<ArrayRef>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        table: &'a Table,
        source: &'a str,
        raw: &'a [PathBuf],
        out: &Path,
        schema: SchemaRef,
    ) -> Result<Self> {
        let rows_path = out.join(ROWS_FILE);
        Ok(Self {
            table,
            raw: RawRows {
                source,
                files: raw.iter(),
                reader: None,
                batch: None,
                at: 0,
            },
            rows: table_writer(&rows_path, schema)?,
            rows_path,
            rejects: RejectWriter::create(&out.join(REJECTS_FILE))?,
            keys: HashSet::new(),
            facts: CleanFacts::default(),
        })
    }

    pub(super) async fn run(mut self, mut stream: SendableRecordBatchStream, place: &str) -> Result<CleanFacts> {
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|e| sql_error(place, &e))?;
            let judged = self.columns(&batch)?;
            let kept = (0..batch.num_rows())
                .map(|row| self.judge(&judged, row))
                .collect::<Result<Vec<bool>>>()?;
            let failed = |e: &dyn std::fmt::Display| write_error(&self.rows_path, e);
            let kept = filter_record_batch(&batch, &BooleanArray::from(kept)).map_err(|e| failed(&e))?;
            self.facts.kept += kept.num_rows() as u64;
            self.rows.write(&kept).map_err(|e| failed(&e))?;
        }
        while self.raw.next()?.is_some() {
            self.leave_out()?;
        }
        self.rows.close().map_err(|e| write_error(&self.rows_path, e))?;
        self.rejects.close()?;
        Ok(self.facts)
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Judged> {
        let named = |names: &[String]| -> Vec<(String, ArrayRef)> {
            names
                .iter()
                .filter_map(|name| Some((name.clone(), batch.column_by_name(name)?.clone())))
                .collect()
        };
        let ids = batch
            .column_by_name("_row")
            .map(|column| cast(column, &DataType::Int64));
        let ids = ids.and_then(|ids| ids.ok()).filter(|ids| ids.null_count() == 0);
        let ids = ids.ok_or_else(|| self.problem("`_row` is not the source's row number"))?;
        Ok(Judged {
            ids: ids.as_primitive::<Int64Type>().values().to_vec(),
            not_null: named(&self.table.not_null),
            cast: named(&self.table.cast),
            keys: named(&self.table.key).into_iter().map(|(_, column)| column).collect(),
        })
    }

    fn problem(&self, message: &str) -> Error {
        Error::Table {
            table: self.table.name.clone(),
            message: message.into(),
            hint: "select `_row` as it is, once for each row of the source; aggregate in a table without `rows_of`"
                .into(),
        }
    }

    /// Whether a row of the query's result is kept; accounts for all source rows before it.
    fn judge(&mut self, judged: &Judged, row: usize) -> Result<bool> {
        let id = judged.ids[row];
        loop {
            match self.raw.next()? {
                Some(raw) if raw < id => self.leave_out()?,
                Some(raw) if raw == id => break,
                _ => {
                    return Err(self.problem(&format!(
                        "row {id} comes twice, or is not a row of `{}`",
                        self.raw.source
                    )));
                }
            }
        }
        self.facts.rows_in += 1;
        for (name, column) in &judged.cast {
            let value = self.raw.value(name).filter(|value| !value.trim().is_empty());
            if let Some(value) = value.filter(|_| column.is_null(row)) {
                let hint = format!(
                    "mend the value, or the cast of `{name}` in {}",
                    self.table.sql_path.written
                );
                return self.reject("cast", Some(name), Some(value), hint);
            }
        }
        for (name, column) in &judged.not_null {
            if column.is_null(row) {
                let value = self.raw.value(name);
                return self.reject(
                    "not_null",
                    Some(name),
                    value,
                    format!("fill in `{name}`, or take it from `not_null`"),
                );
            }
        }
        if !judged.keys.is_empty() && !self.keys.insert(self.key_of(judged, row)?) {
            self.facts.duplicates += 1;
            let reject = self.raw.reject(self.table, "duplicate", None, None);
            self.rejects.push(Reject {
                hint: "an earlier row has the same key".into(),
                ..reject
            })?;
            return Ok(false);
        }
        Ok(true)
    }

    fn key_of(&self, judged: &Judged, row: usize) -> Result<[u8; 16]> {
        let mut hash = Sha256::new();
        for column in &judged.keys {
            let options = FormatOptions::default();
            let text = ArrayFormatter::try_new(column, &options).map_err(|e| self.problem(&e.to_string()))?;
            let text = text.value(row).to_string();
            hash.update([u8::from(column.is_null(row))]);
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Ok(key)
    }

    fn reject(&mut self, rule: &str, column: Option<&str>, value: Option<String>, hint: String) -> Result<bool> {
        self.facts.rejects += 1;
        let reject = self.raw.reject(self.table, rule, column, value);
        self.rejects.push(Reject { hint, ..reject })?;
        Ok(false)
    }

    /// The current source row has no row in the query's result.
    fn leave_out(&mut self) -> Result<()> {
        self.facts.rows_in += 1;
        let hint = format!("a `where` or a join in {} leaves it out", self.table.sql_path.written);
        self.reject("left_out", None, None, hint).map(drop)
    }
}

/// The landed rows of a source, one after the other.
struct RawRows<'a> {
    source: &'a str,
    files: std::slice::Iter<'a, PathBuf>,
    reader: Option<ParquetRecordBatchReader>,
    batch: Option<RecordBatch>,
    /// One past the current row in the batch.
    at: usize,
}

impl RawRows<'_> {
    /// Steps to the next row and returns its `_row`.
    fn next(&mut self) -> Result<Option<i64>> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.at < batch.num_rows()) {
                let ids = batch
                    .column_by_name("_row")
                    .map(|column| column.as_primitive::<Int64Type>());
                self.at += 1;
                return Ok(ids.map(|ids| ids.value(self.at - 1)));
            }
            (self.batch, self.at) = (None, 0);
            if let Some(batch) = self.reader.as_mut().and_then(Iterator::next) {
                self.batch = Some(batch.map_err(|e| write_error(Path::new(self.source), e))?);
                continue;
            }
            let Some(path) = self.files.next() else { return Ok(None) };
            let file = File::open(path).map_err(Error::file(path))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
            self.reader = Some(reader.map_err(|e| write_error(path, e))?);
        }
    }

    fn value(&self, column: &str) -> Option<String> {
        let column = self.batch.as_ref()?.column_by_name(column)?;
        let row = self.at - 1;
        (column.data_type() == &DataType::Utf8 && column.is_valid(row))
            .then(|| column.as_string::<i32>().value(row).into())
    }

    fn number(&self, column: &str) -> i64 {
        let column = self.batch.as_ref().and_then(|batch| batch.column_by_name(column));
        let numbers = column.and_then(|column| column.as_primitive_opt::<Int64Type>());
        numbers.map_or(-1, |numbers| numbers.value(self.at - 1))
    }

    /// The current row as a reject; its fields as JSON stand for its bytes.
    fn reject(&self, table: &Table, rule: &str, column: Option<&str>, value: Option<String>) -> Reject {
        let batch = self.batch.as_ref().map(|batch| batch.slice(self.at - 1, 1));
        let mut fields = batch
            .map(|batch| deskmill_models::rows::to_objects(&batch))
            .unwrap_or_default();
        let mut fields = fields.pop().unwrap_or_default();
        fields.retain(|name, _| !name.starts_with('_'));
        Reject {
            source: self.source.into(),
            file: self.value("_file").unwrap_or_default(),
            line: self.number("_line"),
            offset: self.number("_offset"),
            row: self.number("_row"),
            raw: serde_json::Value::Object(fields).to_string().into_bytes(),
            stage: table.name.clone(),
            rule: rule.into(),
            column: column.map(str::to_owned),
            value,
            hint: String::new(),
        }
    }
}
