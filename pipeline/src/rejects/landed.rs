//! Landed rows looked up by their `_row`: a few of many. Only the files that hold them are opened, and of these only the
//! rows that are wanted are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};

use super::mends::{Mend, OWN_PREFIX};
use super::write_error;
use crate::catalog::{Catalog, read_json};
use crate::error::{Error, Result};
use crate::plan::{Plan, Step};
use crate::sources::{ROW_COLUMN, file_id_of};
use crate::stages::clean::ROWS_FILE;
use crate::stages::ingest::{IngestFacts, MENDED_FILE, STAGE};

/// The filled fields of a row, by name.
pub(super) type Fields = BTreeMap<String, String>;

/// Rows of a landed file: their places in it, in order, with their `_row`.
type Places = (PathBuf, Vec<(usize, i64)>);

/// Where the landed files of a plan are.
#[derive(Clone, Copy)]
pub(super) struct Landed<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) plan: &'a Plan,
}

impl<'a> Landed<'a> {
    fn steps(&self, source: &'a str) -> impl Iterator<Item = (&'a Step, PathBuf)> {
        let catalog = self.catalog;
        self.plan
            .landings(source)
            .filter(move |step| catalog.has(STAGE, &step.name, &step.key))
            .map(move |step| (step, catalog.folder(STAGE, &step.name, &step.key)))
    }

    /// The columns of a source that a person may mend, by first appearance.
    pub(super) fn columns(&self, source: &'a str) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for (_, folder) in self.steps(source) {
            let path = folder.join(ROWS_FILE);
            let file = File::open(&path).map_err(Error::file(&path))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| write_error(&path, e))?;
            let fields = reader.schema().fields().iter();
            for name in fields
                .map(|field| field.name())
                .filter(|name| !name.starts_with(OWN_PREFIX))
            {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        Ok(names)
    }

    /// The fields of rows that landed; of others nothing.
    pub(super) fn fields(&self, source: &'a str, rows: &BTreeSet<i64>) -> Result<BTreeMap<i64, Fields>> {
        let mut found = BTreeMap::new();
        for (path, places) in self.places(source, rows)? {
            read_rows(&path, &places, &mut found)?;
        }
        Ok(found)
    }

    /// Which of the rows landed.
    pub(super) fn present(&self, source: &'a str, rows: &BTreeSet<i64>) -> Result<BTreeSet<i64>> {
        let places = self.places(source, rows)?;
        Ok(places
            .into_iter()
            .flat_map(|(_, places)| places)
            .map(|(_, row)| row)
            .collect())
    }

    /// Each landed file that has some of the rows.
    fn places(&self, source: &'a str, rows: &BTreeSet<i64>) -> Result<Vec<Places>> {
        let file_ids: BTreeSet<u32> = rows.iter().map(|row| file_id_of(*row)).collect();
        let mut found = Vec::new();
        for (step, folder) in self.steps(source) {
            let files = step.landing.iter().flat_map(|landing| &landing.files);
            if !files.into_iter().any(|file| file_ids.contains(&file.file_id)) {
                continue;
            }
            let path = folder.join(ROWS_FILE);
            let places = places_in(&path, rows)?;
            if !places.is_empty() {
                found.push((path, places));
            }
        }
        Ok(found)
    }

    /// Rows of a source's files, rejects among them.
    pub(super) fn rows_in(&self, source: &'a str) -> u64 {
        let facts = self
            .steps(source)
            .map(|(step, _)| rows_of(self.catalog, source, &step.key));
        facts.sum()
    }

    /// The places of mends that were not laid over their row, because it is gone or says something else.
    pub(super) fn unfit(&self, source: &'a str) -> Vec<String> {
        let Some(mends) = self.plan.mends(source) else {
            return Vec::new();
        };
        let mended = self.mended(source);
        let is_laid = |mend: &Mend| mended.get(&mend.file).is_some_and(|rows| rows.contains(&mend.number()));
        let unfit = mends.all().filter(|mend| !is_laid(mend));
        unfit.map(|mend| format!("{}:{}", mend.file, mend.line)).collect()
    }

    /// The rows that mends were laid over, by file.
    pub(super) fn mended(&self, source: &'a str) -> BTreeMap<String, BTreeSet<u64>> {
        let mut all = BTreeMap::new();
        for (step, folder) in self.steps(source) {
            if step.landing.as_ref().is_some_and(|landing| !landing.mends.is_empty()) {
                let of_step: BTreeMap<String, BTreeSet<u64>> = read_json(&folder.join(MENDED_FILE)).unwrap_or_default();
                all.extend(of_step);
            }
        }
        all
    }
}

/// Rows of an output of ingest, rejects among them.
pub(super) fn rows_of(catalog: &Catalog, source: &str, key: &str) -> u64 {
    let facts: Result<IngestFacts> = catalog.facts(STAGE, source, key);
    facts.map_or(0, |facts| facts.rows + facts.rejects)
}

/// The fields of those rows that are in a landed file.
pub(super) fn fields_in(path: &Path, rows: &BTreeSet<i64>) -> Result<BTreeMap<i64, Fields>> {
    let mut found = BTreeMap::new();
    let places = places_in(path, rows)?;
    if !places.is_empty() {
        read_rows(path, &places, &mut found)?;
    }
    Ok(found)
}

fn places_in(path: &Path, rows: &BTreeSet<i64>) -> Result<Vec<(usize, i64)>> {
    let failed = |e: parquet::errors::ParquetError| write_error(path, e);
    let file = File::open(path).map_err(Error::file(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), [ROW_COLUMN]);
    let (mut places, mut before) = (Vec::new(), 0);
    for batch in builder
        .with_projection(mask)
        .with_batch_size(8192)
        .build()
        .map_err(failed)?
    {
        let batch = batch.map_err(|e| write_error(path, e))?;
        let ids = batch.column(0).as_primitive_opt::<Int64Type>();
        for (at, id) in ids.iter().flat_map(|ids| ids.values()).enumerate() {
            if rows.contains(id) {
                places.push((before + at, *id));
            }
        }
        before += batch.num_rows();
    }
    Ok(places)
}

fn read_rows(path: &Path, places: &[(usize, i64)], found: &mut BTreeMap<i64, Fields>) -> Result<()> {
    let mut next = 0;
    let mut selectors = Vec::with_capacity(2 * places.len());
    for (place, _) in places {
        selectors.push(RowSelector::skip(place - next));
        selectors.push(RowSelector::select(1));
        next = place + 1;
    }
    let file = File::open(path).map_err(Error::file(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| {
        builder
            .with_row_selection(RowSelection::from(selectors))
            .with_batch_size(1024)
            .build()
    });
    let mut rows = places.iter().map(|(_, row)| *row);
    for batch in reader.map_err(|e| write_error(path, e))? {
        let batch = batch.map_err(|e| write_error(path, e))?;
        for at in 0..batch.num_rows() {
            if let Some(row) = rows.next() {
                found.insert(row, fields_at(&batch, at));
            }
        }
    }
    Ok(())
}

fn fields_at(batch: &RecordBatch, row: usize) -> Fields {
    let schema = batch.schema();
    let named = schema.fields().iter().zip(batch.columns());
    let filled = named.filter_map(|(field, column)| {
        let texts = column.as_string_opt::<i32>().filter(|texts| texts.is_valid(row))?;
        let is_own = field.name().starts_with(OWN_PREFIX);
        (!is_own).then(|| (field.name().clone(), texts.value(row).to_owned()))
    });
    filled.collect()
}

/// The most places of mends that are named at once.
const PLACES_MAX: usize = 5;

/// What a run says about the mends of a source; nothing if it has none.
pub(crate) fn mends_told(plan: &Plan, catalog: &Catalog, source: &str, facts: &IngestFacts) -> String {
    let mut told = String::new();
    if facts.mended > 0 {
        told = format!(", {} mended", facts.mended);
    }
    if facts.mends_unfit > 0 {
        let mut places = Landed { catalog, plan }.unfit(source);
        if places.len() > PLACES_MAX {
            places.truncate(PLACES_MAX);
            places.push("...".into());
        }
        told.push_str(&format!(
            ", {} mend(s) no longer fit: {}",
            facts.mends_unfit,
            places.join(", ")
        ));
    }
    told
}
