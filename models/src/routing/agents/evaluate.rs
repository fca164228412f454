//! How right times and outcomes are, measured on held-back rows with the agents they had.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;

use super::fit::numbers;
use super::{HANDLE, OUTCOME, QUANTILES, log_of};
use crate::error::{Error, Result};
use crate::metrics::{Evaluation, Metric, auroc, auroc_interval, share_interval};
use crate::routing::predict::{GOOD_OUTCOME, HANDLE_OUTPUTS};

/// What is collected while answers come in.
#[derive(Default)]
pub(in crate::routing) struct PairTally {
    /// Logarithms of actual times, and of those to be expected.
    actual: Vec<f64>,
    median: Vec<f64>,
    /// Rows at or below each quantile.
    below: [u64; 2],
    /// Sum of how far off the median is, in seconds.
    off_s: f64,
    scores: Vec<f64>,
    good: Vec<bool>,
}

impl PairTally {
    /// Takes a batch of rows and the answers to them.
    ///
    /// # Errors
    /// When a column cannot be read.
    pub fn add(&mut self, batch: &RecordBatch, predicted: &RecordBatch) -> Result<()> {
        let output = |name: &str| {
            let column = predicted.column_by_name(name)?;
            column.as_primitive_opt::<Float64Type>()
        };
        if let (Some(low), Some(high)) = (output(HANDLE_OUTPUTS[0]), output(HANDLE_OUTPUTS[1])) {
            for (row, actual) in numbers(batch, HANDLE)?.into_iter().enumerate() {
                let Some(actual) = actual else { continue };
                for (below, answers) in self.below.iter_mut().zip([low, high]) {
                    *below += u64::from(actual <= answers.value(row));
                }
                self.off_s += (actual - low.value(row)).abs();
                self.actual.push(log_of(actual));
                self.median.push(log_of(low.value(row)));
            }
        }
        if let Some(answers) = output(GOOD_OUTCOME) {
            let outcomes = numbers(batch, OUTCOME)?.into_iter().enumerate();
            for (row, good) in outcomes.filter_map(|(row, good)| Some((row, good?))) {
                self.scores.push(answers.value(row));
                self.good.push(good >= 0.5);
            }
        }
        if self.actual.iter().any(|actual| !actual.is_finite()) {
            return Err(Error::table(format!("column `{HANDLE}`"), "holds a time that is none"));
        }
        Ok(())
    }

    /// Adds what was counted to an evaluation.
    pub fn report(&self, evaluation: &mut Evaluation) {
        let metric = |name: &str, value: f64, interval, larger_is_better| Metric {
            name: name.into(),
            value,
            interval,
            larger_is_better,
        };
        let rows = self.actual.len() as f64;
        if rows > 1.0 {
            let mean = self.actual.iter().sum::<f64>() / rows;
            let spread: f64 = self.actual.iter().map(|actual| (actual - mean).powi(2)).sum();
            let pairs = self.actual.iter().zip(&self.median);
            let errors: f64 = pairs.map(|(actual, median)| (actual - median).powi(2)).sum();
            let explained = if spread > 0.0 { 1.0 - errors / spread } else { 0.0 };
            evaluation.metrics.push(metric("handle_log_r2", explained, None, true));
            evaluation
                .metrics
                .push(metric("handle_mean_error_s", self.off_s / rows, None, false));
            let share = |place: usize| {
                let below = self.below[place] as f64;
                let (low, high) = share_interval(below, rows);
                format!(
                    "{:.1}% of {rows} cases took at most as long as P{:.0} says (95% interval {:.1}% to {:.1}%)",
                    100.0 * below / rows,
                    100.0 * QUANTILES[place],
                    100.0 * low,
                    100.0 * high
                )
            };
            evaluation
                .notes
                .push(("handling time".into(), format!("{}; {}", share(0), share(1))));
        }
        if let Some(area) = auroc(&self.scores, &self.good) {
            let good = self.good.iter().filter(|good| **good).count();
            let interval = auroc_interval(area, good, self.good.len() - good);
            evaluation
                .metrics
                .push(metric("outcome_auroc", area, Some(interval), true));
        }
    }
}
