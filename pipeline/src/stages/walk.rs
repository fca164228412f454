//! The walk that accounts for every row: the landed rows of a source and the rows of a table's query, both in order of
//! `_row`, side by side. No join and no memory that grows with the rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use sha2::{Digest, Sha256};

use super::clean::{CleanFacts, REJECTS_FILE};
use super::kept::KeptRows;
use super::rejected::{RawPlace, Rejected, Rule};
use super::seen::{KeysSeen, Seen};
use crate::checks::COLUMN_PREFIX;
use crate::engine::sql_error;
use crate::error::{Error, Result};
use crate::project::Table;
use crate::rejects::write_error;

/// The walk of one table.
pub(super) struct Walk<'a> {
    table: &'a Table,
    source: &'a str,
    raw: RawIds<'a>,
    kept: KeptRows,
    rejected: Rejected<'a>,
    keys: KeysSeen,
    facts: CleanFacts,
    /// The columns of the query that are the table's own.
    own: Vec<usize>,
}

/// A batch of the query's result with the columns that rules look at. Columns without a null are left out.
struct Judged {
    ids: Int64Array,
    cast: Vec<(usize, ArrayRef)>,
    not_null: Vec<(usize, ArrayRef)>,
    checks: Vec<(usize, BooleanArray)>,
    keys: Vec<[u8; 16]>,
}

/// What becomes of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Keep,
    Drop,
    /// Whether it is a duplicate is known at the end.
    Later,
}

impl<'a> Walk<'a> {
    /// A walk over the landed files of `source` in order of `_row`, which writes into `out` and needs `scratch` for a
    /// while. `schema` is that of the query.
    pub(super) fn new(
        table: &'a Table,
        source: &'a str,
        raw: &'a [PathBuf],
        folders: (&Path, &Path),
        schema: &SchemaRef,
    ) -> Result<Self> {
        let (out, scratch) = folders;
        let own: Vec<usize> = (0..schema.fields().len())
            .filter(|&at| !schema.field(at).name().starts_with(COLUMN_PREFIX))
            .collect();
        let own_schema = schema.project(&own).map_err(|e| write_error(out, e))?;
        Ok(Self {
            table,
            source,
            raw: RawIds::new(raw, &table.cast),
            kept: KeptRows::create(out, scratch, SchemaRef::new(own_schema))?,
            rejected: Rejected::create(table, source, raw, &out.join(REJECTS_FILE))?,
            keys: KeysSeen::new(scratch),
            facts: CleanFacts {
                rejected_by: vec![0; table.checks.len()],
                ..CleanFacts::default()
            },
            own,
        })
    }

    pub(super) async fn run(mut self, mut stream: SendableRecordBatchStream, place: &str) -> Result<CleanFacts> {
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|e| sql_error(place, &e))?;
            self.take(&batch)?;
        }
        while self.raw.next()?.is_some() {
            self.facts.rows_in += 1;
            self.reject(Rule::LeftOut)?;
        }
        self.rejected.flush()?;
        let repeated = self.keys.repeated()?;
        let (facts, rejected) = (&mut self.facts, &mut self.rejected);
        facts.kept = self.kept.close(&repeated, |packed| {
            facts.duplicates += 1;
            rejected.note(RawPlace::unpack(packed), Rule::Duplicate)
        })?;
        self.rejected.close()?;
        Ok(self.facts)
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let judged = self.columns(batch)?;
        let mut verdicts = Vec::with_capacity(batch.num_rows());
        let mut places = Vec::new();
        for row in 0..batch.num_rows() {
            let verdict = self.judge(&judged, row)?;
            if verdict == Verdict::Later {
                places.push(self.raw.place().pack());
            }
            verdicts.push(verdict);
        }
        let failed = |e: arrow::error::ArrowError| write_error(Path::new(self.source), e);
        let own = batch.project(&self.own).map_err(failed)?;
        let those = |wanted: Verdict| -> Result<RecordBatch> {
            if verdicts.iter().all(|verdict| *verdict == wanted) {
                return Ok(own.clone());
            }
            let mask = verdicts
                .iter()
                .map(|verdict| Some(*verdict == wanted))
                .collect::<BooleanArray>();
            filter_record_batch(&own, &mask).map_err(failed)
        };
        let keep = those(Verdict::Keep)?;
        self.kept.write(&keep)?;
        if places.is_empty() {
            return Ok(());
        }
        let later = those(Verdict::Later)?;
        self.kept.set_aside(&later, places)
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Judged> {
        let ids = batch
            .column_by_name("_row")
            .map(|column| cast(column, &DataType::Int64));
        let ids = ids
            .and_then(std::result::Result::ok)
            .filter(|ids| ids.null_count() == 0);
        let ids = ids.ok_or_else(|| self.problem("`_row` is not the source's row number"))?;
        let with_nulls = |names: &[String]| -> Vec<(usize, ArrayRef)> {
            let named = names.iter().enumerate();
            let columns = named.filter_map(|(at, name)| Some((at, batch.column_by_name(name)?.clone())));
            columns.filter(|(_, column)| column.logical_null_count() > 0).collect()
        };
        let broken = |at: usize| {
            let column = batch
                .column_by_name(&format!("{COLUMN_PREFIX}{at}"))?
                .as_boolean_opt()?
                .clone();
            (column.true_count() > 0).then_some((at, column))
        };
        Ok(Judged {
            ids: ids.as_primitive::<Int64Type>().clone(),
            cast: with_nulls(&self.table.cast),
            not_null: with_nulls(&self.table.not_null),
            checks: (0..self.table.checks.len()).filter_map(broken).collect(),
            keys: self.keys_of(batch)?,
        })
    }

    /// A digest of the key of each row; none if the table has no key.
    fn keys_of(&self, batch: &RecordBatch) -> Result<Vec<[u8; 16]>> {
        let columns: Vec<ArrayRef> = self
            .table
            .key
            .iter()
            .filter_map(|name| batch.column_by_name(name).cloned())
            .collect();
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |e: arrow::error::ArrowError| self.problem(&format!("its key cannot be compared: {e}"));
        let fields = columns
            .iter()
            .map(|column| SortField::new(column.data_type().clone()))
            .collect();
        let rows = RowConverter::new(fields).and_then(|converter| converter.convert_columns(&columns));
        let digest = |row: arrow::row::Row<'_>| {
            let mut key = [0; 16];
            key.copy_from_slice(&Sha256::digest(row.data())[..16]);
            key
        };
        Ok(rows.map_err(failed)?.iter().map(digest).collect())
    }

    fn problem(&self, message: &str) -> Error {
        Error::Table {
            table: self.table.name.clone(),
            message: message.into(),
            hint: "select `_row` as it is, once for each row of the source; aggregate in a table without `rows_of`"
                .into(),
        }
    }

    /// What becomes of a row of the query's result; accounts for all source rows before it.
    fn judge(&mut self, judged: &Judged, row: usize) -> Result<Verdict> {
        let id = judged.ids.value(row);
        loop {
            match self.raw.next()? {
                Some(raw) if raw < id => {
                    self.facts.rows_in += 1;
                    self.reject(Rule::LeftOut)?;
                }
                Some(raw) if raw == id => break,
                _ => {
                    let message = format!("row {id} comes twice, or is not a row of `{}`", self.source);
                    return Err(self.problem(&message));
                }
            }
        }
        self.facts.rows_in += 1;
        let failed_cast = judged
            .cast
            .iter()
            .find(|(at, column)| column.is_null(row) && self.raw.has_value(*at));
        if let Some((at, _)) = failed_cast {
            return self.reject(Rule::Cast(*at));
        }
        if let Some((at, _)) = judged.not_null.iter().find(|(_, column)| column.is_null(row)) {
            return self.reject(Rule::NotNull(*at));
        }
        if let Some((at, _)) = judged
            .checks
            .iter()
            .find(|(_, broken)| broken.is_valid(row) && broken.value(row))
        {
            self.facts.rejected_by[*at] += 1;
            return self.reject(Rule::Check(*at));
        }
        let Some(key) = judged.keys.get(row) else {
            return Ok(Verdict::Keep);
        };
        match self.keys.see(*key)? {
            Seen::First => Ok(Verdict::Keep),
            Seen::Later => Ok(Verdict::Later),
            Seen::Again => {
                self.facts.duplicates += 1;
                self.rejected.note(self.raw.place(), Rule::Duplicate)?;
                Ok(Verdict::Drop)
            }
        }
    }

    /// Rejects the current source row.
    fn reject(&mut self, rule: Rule) -> Result<Verdict> {
        self.facts.rejects += 1;
        self.rejected.note(self.raw.place(), rule)?;
        Ok(Verdict::Drop)
    }
}

/// The ids of the landed rows of a source, one after the other, and the values that casts are judged by.
struct RawIds<'a> {
    files: &'a [PathBuf],
    cast: &'a [String],
    /// Files opened so far.
    opened: usize,
    reader: Option<ParquetRecordBatchReader>,
    ids: Option<Int64Array>,
    values: Vec<Option<StringArray>>,
    /// One past the current row, in the batch and in the file.
    at: usize,
    row: usize,
}

impl<'a> RawIds<'a> {
    fn new(files: &'a [PathBuf], cast: &'a [String]) -> Self {
        Self {
            files,
            cast,
            opened: 0,
            reader: None,
            ids: None,
            values: Vec::new(),
            at: 0,
            row: 0,
        }
    }

    /// Steps to the next row and returns its `_row`.
    fn next(&mut self) -> Result<Option<i64>> {
        loop {
            if let Some(ids) = self.ids.as_ref().filter(|ids| self.at < ids.len()) {
                self.at += 1;
                self.row += 1;
                return Ok(Some(ids.value(self.at - 1)));
            }
            (self.ids, self.at) = (None, 0);
            if let Some(batch) = self.reader.as_mut().and_then(Iterator::next) {
                let path = &self.files[self.opened - 1];
                let batch = batch.map_err(|e| write_error(path, e))?;
                let ids = batch
                    .column_by_name("_row")
                    .and_then(|ids| ids.as_primitive_opt::<Int64Type>());
                self.ids = ids.cloned();
                let value = |name: &String| batch.column_by_name(name)?.as_string_opt::<i32>().cloned();
                self.values = self.cast.iter().map(value).collect();
                continue;
            }
            let Some(path) = self.files.get(self.opened) else {
                return Ok(None);
            };
            self.reader = Some(self.open(path)?);
            self.opened += 1;
            self.row = 0;
        }
    }

    fn open(&self, path: &Path) -> Result<ParquetRecordBatchReader> {
        let file = File::open(path).map_err(Error::file(path))?;
        let failed = |e: parquet::errors::ParquetError| write_error(path, e);
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
        let columns = std::iter::once("_row").chain(self.cast.iter().map(String::as_str));
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
        builder
            .with_projection(mask)
            .with_batch_size(8192)
            .build()
            .map_err(failed)
    }

    /// Where the current row is.
    fn place(&self) -> RawPlace {
        RawPlace {
            file: self.opened.saturating_sub(1),
            row: self.row.saturating_sub(1),
        }
    }

    /// Whether the current row says something in the column of this cast.
    fn has_value(&self, cast: usize) -> bool {
        let Some(Some(values)) = self.values.get(cast) else {
            return false;
        };
        let row = self.at - 1;
        values.is_valid(row) && !values.value(row).trim().is_empty()
    }
}
