//! The rejects of a run: which outputs hold them, remembered by each run, and one after the other as values.

use std::fs::File;
use std::path::PathBuf;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};

use super::landed::rows_of;
use super::{DUPLICATE, Reject, write_error};
use crate::catalog::{Catalog, read_json, write_json};
use crate::error::{Error, Result};
use crate::plan::{Plan, folder_of};
use crate::stages::clean::{REJECTS_FILE, ROWS_FILE};

/// Outputs that may hold rejects: those of ingest and clean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs(Vec<Output>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Output {
    stage: String,
    name: String,
    key: String,
}

/// Which rejects are wanted; all that is not said is free.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// The source or the table.
    pub name: Option<&'a str>,
    /// The rule.
    pub rule: Option<&'a str>,
    /// The column.
    pub column: Option<&'a str>,
    /// Whether duplicates are left out, unless their rule is asked for.
    pub no_duplicates: bool,
}

impl Wanted<'_> {
    fn fits(&self, reject: &Reject) -> bool {
        let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
        let is_named = is(self.name, &reject.source) || is(self.name, &reject.stage);
        let has_column = self.column.is_none() || self.column == reject.column.as_deref();
        let is_left_out = self.no_duplicates && self.rule.is_none() && reject.rule == DUPLICATE;
        is_named && is(self.rule, &reject.rule) && has_column && !is_left_out
    }
}

impl Outputs {
    /// Those that a plan has, made or not.
    pub fn of(plan: &Plan) -> Self {
        let steps = plan
            .steps
            .iter()
            .filter(|step| ["ingest", "clean"].contains(&step.stage));
        let output = |step: &crate::plan::Step| Output {
            stage: step.stage.to_owned(),
            name: step.name.clone(),
            key: step.key.clone(),
        };
        Self(steps.map(output).collect())
    }

    /// Those of the last run that came as far as its tables, or was stopped by its rejects.
    pub fn last(catalog: &Catalog) -> Option<Self> {
        read_json(&catalog.last_outputs_file()).ok()
    }

    /// Stage, name and key of each.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0
            .iter()
            .map(|output| (output.stage.as_str(), output.name.as_str(), output.key.as_str()))
    }

    /// Makes them those of the last run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remember(&self, catalog: &Catalog) -> Result<()> {
        write_json(&catalog.last_outputs_file(), self)
    }

    /// Whether a table was made.
    pub(super) fn has_table(&self, catalog: &Catalog, name: &str) -> bool {
        let mut tables = self.0.iter().filter(|output| output.stage == "clean");
        tables.any(|output| output.name == name && catalog.has(folder_of("clean"), name, &output.key))
    }

    fn landed_of<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a Output> {
        self.0
            .iter()
            .filter(move |output| output.stage == "ingest" && output.name == source)
    }

    /// The landed files of a source that are there.
    pub(super) fn landed_files(&self, catalog: &Catalog, source: &str) -> Vec<PathBuf> {
        let folders = self
            .landed_of(source)
            .map(|output| catalog.folder(folder_of("ingest"), source, &output.key));
        let files = folders.map(|folder| folder.join(ROWS_FILE));
        files.filter(|file| file.is_file()).collect()
    }

    /// Rows of a source's files, rejects among them.
    pub(super) fn rows_in(&self, catalog: &Catalog, source: &str) -> u64 {
        let outputs = self.landed_of(source);
        outputs.map(|output| rows_of(catalog, source, &output.key)).sum()
    }

    /// The files that are there. Tables without `rows_of` have none.
    fn files<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = PathBuf> + 'a {
        self.0
            .iter()
            .map(|output| {
                catalog
                    .folder(folder_of(&output.stage), &output.name, &output.key)
                    .join(REJECTS_FILE)
            })
            .filter(|file| file.is_file())
    }

    /// Whether any of them is there.
    pub fn any(&self, catalog: &Catalog) -> bool {
        self.files(catalog).next().is_some()
    }

    /// Hands on every wanted reject, in order of the outputs and rows.
    ///
    /// # Errors
    /// When a file cannot be read, or as `take` does.
    pub fn each(
        &self,
        catalog: &Catalog,
        wanted: &Wanted<'_>,
        mut take: impl FnMut(Reject) -> Result<()>,
    ) -> Result<()> {
        for path in self.files(catalog) {
            let file = File::open(&path).map_err(Error::file(&path))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)
                .and_then(|builder| builder.with_batch_size(1024).build())
                .map_err(|e| write_error(&path, e))?;
            for batch in reader {
                let batch = batch.map_err(|e| write_error(&path, e))?;
                for row in 0..batch.num_rows() {
                    let reject = reject_at(&batch, row);
                    if wanted.fits(&reject) {
                        take(reject)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A row of a rejects file. What is not there stays empty: an older file may lack it.
fn reject_at(batch: &RecordBatch, row: usize) -> Reject {
    let maybe = |name: &str| -> Option<String> {
        let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let text = |name: &str| maybe(name).unwrap_or_default();
    let number = |name: &str| -> i64 {
        let column = batch
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt::<Int64Type>());
        column.map_or(-1, |column| column.value(row))
    };
    let raw = batch
        .column_by_name("raw")
        .and_then(|column| column.as_binary_opt::<i32>());
    Reject {
        source: text("source"),
        file: text("file"),
        line: number("line"),
        offset: number("offset"),
        row: number("row"),
        raw: raw.map(|raw| raw.value(row).to_vec()).unwrap_or_default(),
        stage: text("stage"),
        rule: text("rule"),
        column: maybe("column"),
        value: maybe("value"),
        hint: text("hint"),
    }
}
