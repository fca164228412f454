//! Examples as a fit reads them: features, classes and weights of all rows, in memory.

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;

use super::encoder::{Encoded, TableEncoder, columns_of};
use super::plan::{ColumnPlan, Role};
use super::texts::TextClasses;
use crate::error::{Error, Result};
use crate::kind::{Examples, FitContext, Rows};
use crate::learn::simple::{SimpleColumns, SimpleLimits};
use crate::metrics::answers::texts;
use crate::rows::weights;

/// Columns of examples that are not features.
pub const OWN_COLUMNS: [&str; 7] = ["label", "time", "entity", "weight", "split", "id", "_row"];

/// What a feature of a row takes in memory while it is learned from: twice its value, and its part of gradients and places.
const FEATURE_BYTES: usize = 24;

/// What a text takes, with its n-grams; measured on tickets of 300 characters.
const TEXT_BYTES: usize = 4_000;

/// Rows ready to be learned from.
#[derive(Debug, Default)]
pub struct TableRows {
    /// Their features.
    pub encoded: Encoded,
    /// The class of each.
    pub classes: Vec<u32>,
    /// How much each counts.
    pub weights: Vec<f32>,
    /// The columns that were to be kept as they are, in parts, in the order of the rows.
    pub kept: Vec<RecordBatch>,
}

/// How labels become classes.
pub struct Classes<'a> {
    /// The class of a label; a label without one leaves its row out.
    pub of: &'a dyn Fn(&str) -> Option<u32>,
    /// The class of a row as its texts are scored for it.
    pub of_texts: &'a dyn Fn(u32) -> u32,
    /// How many there are.
    pub count: usize,
    /// Columns that the kind reads by itself: see [`TableRows::kept`].
    pub kept: &'a [&'a str],
}

/// The rows to learn from and those held back, with the scores of their texts, which are learned here. Of more rows than
/// the memory limit holds, every so-many-th is taken.
///
/// # Errors
/// When a column is missing, a weight is no number above 0, or no row is left.
pub fn read_rows(
    examples: &Examples<'_>,
    encoder: &mut TableEncoder,
    classes: &Classes<'_>,
    context: &FitContext<'_>,
) -> Result<(TableRows, TableRows)> {
    (context.progress)(0.1, "reading rows");
    let rows_max = (context.memory_max_bytes / row_bytes(encoder.plan())).max(1) as u64;
    let read = |rows: &dyn Rows| {
        let reading = Reading {
            encoder,
            classes,
            model: examples.model,
            threads: context.threads,
            every: rows.count().div_ceil(rows_max).max(1) as usize,
        };
        reading.read(rows)
    };
    let (mut train, mut held_back) = (read(examples.train)?, read(examples.calibrate)?);
    (context.progress)(0.2, "scoring texts");
    let of_rows: Vec<u32> = train.classes.iter().map(|class| (classes.of_texts)(*class)).collect();
    let text_classes = TextClasses {
        of_rows: &of_rows,
        count: classes.count,
    };
    let how = (context.seed, context.threads);
    encoder.learn_texts(&mut train.encoded, text_classes, &train.weights, how)?;
    encoder.score_texts(&mut held_back.encoded, context.threads);
    Ok((train, held_back))
}

/// Memory of a row, as far as it is known from the columns.
fn row_bytes(plan: &[ColumnPlan]) -> usize {
    let of = |column: &ColumnPlan| match column.role {
        Role::Text => TEXT_BYTES,
        _ => FEATURE_BYTES,
    };
    plan.iter().map(of).sum::<usize>() + FEATURE_BYTES
}

impl TableRows {
    /// Some of the rows, ready to be learned from.
    pub fn taken(&self, rows: &[usize]) -> Self {
        let columns = self.encoded.columns.iter().map(|column| column.take(rows));
        Self {
            encoded: Encoded::of_columns(columns.collect()),
            classes: rows.iter().map(|row| self.classes[*row]).collect(),
            weights: rows.iter().map(|row| self.weights[*row]).collect(),
            kept: Vec::new(),
        }
    }

    /// Multiplies the weights of all rows.
    pub fn weigh(&mut self, by: &[f64]) {
        self.weights
            .iter_mut()
            .zip(by)
            .for_each(|(weight, by)| *weight *= *by as f32);
    }

    /// Multiplies weights so that classes count alike with `balance` 1, and as they come with 0.
    pub fn balance(&mut self, classes: usize, balance: f64) {
        if balance == 0.0 {
            return;
        }
        let mut rows = vec![0f64; classes];
        self.classes.iter().for_each(|class| rows[*class as usize] += 1.0);
        let mean = self.classes.len() as f64 / classes as f64;
        for (weight, class) in self.weights.iter_mut().zip(&self.classes) {
            *weight *= (mean / rows[*class as usize].max(1.0)).powf(balance) as f32;
        }
    }
}

impl TableRows {
    /// The simpler models of these rows, whose classes are below `count`, for a report to show beside the trees.
    pub fn simpler(&self, count: usize, context: &FitContext<'_>) -> Option<SimpleColumns> {
        let limits = SimpleLimits::new(context.memory_max_bytes, (context.seed, context.threads));
        let columns = columns_of(&self.encoded.columns);
        SimpleColumns::fit(&columns, (&self.classes, count), &self.weights, limits)
    }
}

struct Reading<'a> {
    encoder: &'a TableEncoder,
    classes: &'a Classes<'a>,
    model: &'a str,
    threads: usize,
    /// Every so-many-th row is taken, from the first.
    every: usize,
}

impl Reading<'_> {
    fn read(&self, rows: &dyn Rows) -> Result<TableRows> {
        let mut read = TableRows::default();
        let mut place = 0;
        for batch in rows.batches()? {
            let batch = batch?;
            let labels = texts(&batch, "label")?;
            let labels = labels.column(0).as_string::<i32>();
            let class = |row: usize| {
                (!labels.is_null(row))
                    .then(|| (self.classes.of)(labels.value(row)))
                    .flatten()
            };
            let (mut taken, mut classes) = (Vec::new(), Vec::new());
            for row in (0..batch.num_rows()).filter(|row| (place + row).is_multiple_of(self.every)) {
                if let Some(class) = class(row) {
                    taken.push(row as u32);
                    classes.push(class);
                }
            }
            place += batch.num_rows();
            let batch =
                take_record_batch(&batch, &UInt32Array::from(taken)).map_err(|e| Error::table("examples", e))?;
            if !self.classes.kept.is_empty() {
                let kept: Vec<usize> = (self.classes.kept.iter())
                    .map(|name| batch.schema().index_of(name))
                    .collect::<std::result::Result<_, _>>()
                    .map_err(|e| Error::table("examples", e))?;
                read.kept
                    .push(batch.project(&kept).map_err(|e| Error::table("examples", e))?);
            }
            read.encoded.append(self.encoder.read(&batch, self.threads)?);
            read.classes.append(&mut classes);
            read.weights.append(&mut weights(&batch, self.model)?);
        }
        Ok(read)
    }
}
