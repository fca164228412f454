//! What a report measures of answers that name one of some labels.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde_json::{Map, Value};

use super::{Confusion, Evaluation, LabelScores, Metric, Mistake, RowParts, Slice, reliability, share_interval};
use crate::error::{Error, Result};
use crate::findings::Findings;
use crate::text;

/// Bins of a reliability diagram.
pub const RELIABILITY_BINS: usize = 10;
/// Mistakes a report shows.
pub const MISTAKES_MAX: usize = 30;
/// Characters of a text that a report shows.
pub const MISTAKE_TEXT_MAX_CHARS: usize = 300;
const CONFUSIONS_MAX: usize = 30;
/// Slices of one column.
pub const SLICES_MAX_PER_COLUMN: usize = 20;

/// What is measured of the answers.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Name of the metric that versions are compared by.
    pub main_metric: &'static str,
    /// Columns that a mistake shows.
    pub shown: Vec<String>,
    /// Columns that cut the rows into slices.
    pub slices: Vec<String>,
}

/// What was answered, row by row, by a model whose outputs begin with `label`, `score`, `labels` and `scores`.
#[derive(Debug, Default)]
pub struct Answers {
    about: About,
    actual: Vec<String>,
    predicted: Vec<String>,
    score: Vec<f64>,
    right: Vec<bool>,
    in_top_three: u64,
    log_loss: f64,
    slices: BTreeMap<String, BTreeMap<String, (u64, u64)>>,
    parts: BTreeMap<String, RowParts>,
    mistakes: Vec<Mistake>,
}

/// A column of rows as texts.
///
/// # Errors
/// When it is missing or cannot be read so.
pub fn texts(batch: &RecordBatch, name: &str) -> Result<RecordBatch> {
    let place = format!("column `{name}` of the held-back rows");
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| Error::table(&place, "is missing"))?;
    let column = cast(column, &DataType::Utf8).map_err(|e| Error::table(&place, e))?;
    RecordBatch::try_from_iter([(name, column)]).map_err(|e| Error::table(&place, e))
}

/// The values of a row that a mistake shows, as a model sees texts: the page is read by people.
fn shown(batch: &RecordBatch, names: &[String], row: usize) -> Value {
    let value = |name: &String| {
        let column = batch.column_by_name(name)?;
        let value = arrow::util::display::array_value_to_string(column, row).ok()?;
        let value: String = text::prepare(&value).chars().take(MISTAKE_TEXT_MAX_CHARS).collect();
        Some((name.clone(), Value::String(value)))
    };
    Value::Object(names.iter().filter_map(value).collect::<Map<_, _>>())
}

impl Answers {
    /// Nothing answered yet.
    pub fn new(about: About) -> Self {
        Self {
            about,
            ..Self::default()
        }
    }

    /// Takes a batch of rows with their column `label`, and the answers to them.
    ///
    /// # Errors
    /// When a column is missing.
    pub fn add(&mut self, batch: &RecordBatch, predicted: &RecordBatch) -> Result<()> {
        let actual = texts(batch, "label")?;
        let actual = actual.column(0).as_string::<i32>();
        let labels = predicted.column(0).as_string::<i32>();
        let scores = predicted.column(1).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let (actual, label, score) = (actual.value(row), labels.value(row), scores.value(row));
            let right = actual == label;
            self.rank(actual, predicted, row);
            if !right {
                let input = shown(batch, &self.about.shown, row);
                self.mistakes.push(Mistake {
                    input,
                    actual: actual.into(),
                    predicted: label.into(),
                    score,
                });
            }
            self.actual.push(actual.into());
            self.predicted.push(label.into());
            self.score.push(score);
            self.right.push(right);
        }
        // Only the most confident mistakes are wanted; the rest need not be held until the end.
        self.mistakes.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.mistakes.truncate(MISTAKES_MAX);
        self.cut(batch)
    }

    /// Where the actual label stands among the answers.
    fn rank(&mut self, actual: &str, predicted: &RecordBatch, row: usize) {
        let labels = predicted.column(2).as_list::<i32>().value(row);
        let scores = predicted.column(3).as_list::<i32>().value(row);
        let (labels, scores) = (labels.as_string::<i32>(), scores.as_primitive::<Float64Type>());
        let place = (0..labels.len()).find(|&at| labels.value(at) == actual);
        // A label below the listed ones gets what is left of the probability: a lower bound of its loss.
        let rest = || (1.0 - scores.values().iter().sum::<f64>()).max(1e-6);
        let probability = place.map_or_else(rest, |at| scores.value(at));
        self.log_loss -= probability.max(1e-6).ln();
        self.in_top_three += u64::from(place.is_some_and(|at| at < 3));
    }

    fn cut(&mut self, batch: &RecordBatch) -> Result<()> {
        let first = self.right.len() - batch.num_rows();
        for name in &self.about.slices {
            let Some(column) = batch.column_by_name(name) else {
                continue;
            };
            let column = cast(column, &DataType::Utf8).map_err(|e| Error::table(format!("column `{name}`"), e))?;
            let column = column.as_string::<i32>();
            let parts = self.slices.entry(name.clone()).or_default();
            let of_rows = self.parts.entry(name.clone()).or_insert_with(|| RowParts::of(name));
            for row in 0..batch.num_rows() {
                let value = if column.is_null(row) {
                    "(null)"
                } else {
                    column.value(row)
                };
                let value: String = value.chars().take(60).collect();
                of_rows.push(&value);
                let part = parts.entry(value).or_default();
                part.0 += 1;
                part.1 += u64::from(self.right[first + row]);
            }
        }
        Ok(())
    }

    /// How often each row is right, by row.
    pub fn right(&self) -> &[bool] {
        &self.right
    }

    /// The figures.
    pub fn measure(mut self) -> Evaluation {
        let mut labels = RowParts::of("label");
        self.actual.iter().for_each(|label| labels.push(label));
        let row_parts = std::mem::take(&mut self.parts).into_values().chain([labels]).collect();
        let rows = self.right.len();
        let hits = self.right.iter().filter(|right| **right).count();
        let total = rows.max(1) as f64;
        let (bins, calibration_error) = reliability(&self.score, &self.right, RELIABILITY_BINS);
        let counts = self.label_counts();
        let (labels, macro_f1) = (counts.scores(), counts.macro_f1());
        let metric = |name: &str, value: f64, interval, larger_is_better| Metric {
            name: name.into(),
            value,
            interval,
            larger_is_better,
        };
        let top_three = self.in_top_three as f64;
        Evaluation {
            rows: rows as u64,
            main_metric: self.about.main_metric.into(),
            metrics: vec![
                metric(
                    "accuracy",
                    hits as f64 / total,
                    Some(share_interval(hits as f64, rows as f64)),
                    true,
                ),
                metric(
                    "top_3_accuracy",
                    top_three / total,
                    Some(share_interval(top_three, rows as f64)),
                    true,
                ),
                metric("macro_f1", macro_f1, None, true),
                metric("log_loss", self.log_loss / total, None, false),
                metric("expected_calibration_error", calibration_error, None, false),
            ],
            reliability: bins,
            confusions: self.confusions(),
            coverage: coverage(&self.score, &self.right),
            labels,
            slices: slices(&self.slices),
            worst: self.mistakes,
            findings: Findings::default(),
            notes: Vec::new(),
            promises: None,
            beside: None,
            row_scores: self.right.iter().map(|right| f64::from(u8::from(*right))).collect(),
            row_parts,
        }
    }

    fn label_counts(&self) -> LabelCounts {
        let mut counts = LabelCounts::default();
        for (actual, predicted) in self.actual.iter().zip(&self.predicted) {
            counts.add(actual, predicted);
        }
        counts
    }

    fn confusions(&self) -> Vec<Confusion> {
        let mut counts = BTreeMap::<(&str, &str), u64>::new();
        for (actual, predicted) in self.actual.iter().zip(&self.predicted).filter(|(a, p)| a != p) {
            *counts.entry((actual, predicted)).or_default() += 1;
        }
        let confusion = |((actual, predicted), rows): (&(&str, &str), &u64)| Confusion {
            actual: (*actual).into(),
            predicted: (*predicted).into(),
            rows: *rows,
        };
        most_frequent(counts.iter().map(confusion).collect())
    }
}

/// Of each label: rows that have it, rows that were given it, rows of both.
#[derive(Debug, Default)]
pub struct LabelCounts(BTreeMap<String, (u64, u64, u64)>);

impl LabelCounts {
    /// Counts a row.
    pub fn add(&mut self, actual: &str, predicted: &str) {
        let mut count = |label: &str, part: &dyn Fn(&mut (u64, u64, u64))| match self.0.get_mut(label) {
            Some(counts) => part(counts),
            None => part(self.0.entry(label.to_owned()).or_default()),
        };
        count(actual, &|counts| counts.0 += 1);
        count(predicted, &|counts| counts.1 += 1);
        if actual == predicted {
            count(actual, &|counts| counts.2 += 1);
        }
    }

    /// Rows answered right, and all rows.
    pub fn hits(&self) -> (u64, u64) {
        let sum = |part: fn(&(u64, u64, u64)) -> u64| self.0.values().map(part).sum();
        (sum(|counts| counts.2), sum(|counts| counts.0))
    }

    /// The mean F1 of all labels that any row has or was given.
    pub fn macro_f1(&self) -> f64 {
        let scores = self.scores();
        scores.iter().map(|label| label.f1).sum::<f64>() / scores.len().max(1) as f64
    }

    /// One row a label, most frequent first.
    pub fn scores(&self) -> Vec<LabelScores> {
        let share = |hits: u64, rows: u64| (rows > 0).then(|| hits as f64 / rows as f64);
        let score = |(label, (rows, given, hits)): (&String, &(u64, u64, u64))| LabelScores {
            label: label.clone(),
            rows: *rows,
            precision: share(*hits, *given),
            recall: share(*hits, *rows),
            f1: 2.0 * *hits as f64 / (rows + given) as f64,
        };
        let mut labels: Vec<LabelScores> = self.0.iter().map(score).collect();
        labels.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.label.cmp(&b.label)));
        labels
    }
}

/// The confusions to show.
pub fn most_frequent(mut confusions: Vec<Confusion>) -> Vec<Confusion> {
    confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.rows));
    confusions.truncate(CONFUSIONS_MAX);
    confusions
}

/// Precision of the answers accepted when the surest 5%, 10% ... 100% are.
pub fn coverage(scores: &[f64], right: &[bool]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let precision = |step: usize| {
        let taken = (order.len() * step / 20).max(1);
        let hits = order[..taken].iter().filter(|&&row| right[row]).count();
        (step as f64 / 20.0, hits as f64 / taken as f64)
    };
    if order.is_empty() {
        Vec::new()
    } else {
        (1..=20).map(precision).collect()
    }
}

fn slices(counts: &BTreeMap<String, BTreeMap<String, (u64, u64)>>) -> Vec<Slice> {
    let mut out = Vec::new();
    for (column, parts) in counts {
        let mut parts: Vec<_> = parts.iter().collect();
        parts.sort_by_key(|(_, (rows, _))| std::cmp::Reverse(*rows));
        out.extend(
            parts
                .into_iter()
                .take(SLICES_MAX_PER_COLUMN)
                .map(|(value, (rows, hits))| Slice {
                    column: column.clone(),
                    // A column of the examples may hold anything.
                    value: text::pii::PiiRules::default().mask(value).into_owned(),
                    rows: *rows,
                    score: *hits as f64 / *rows as f64,
                    interval: share_interval(*hits as f64, *rows as f64),
                }),
        );
    }
    out
}
