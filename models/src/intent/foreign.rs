//! Held-back rows that are out of scope: they have no right answer, so accuracy is about the others; how well the
//! model tells the two apart is measured here.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::Float64Type;

use super::evaluate::settings_of;
use crate::error::{Error, Result};
use crate::kind::Model;
use crate::metrics::answers::texts;
use crate::metrics::{Evaluation, Metric, auroc, share_interval};

/// The recall is that of a desk that sends one in so many questions in scope away by mistake.
const SENT_AWAY: f64 = 20.0;

/// What is collected while answers come in.
pub(super) struct Foreign<'a> {
    label: &'a str,
    scores: Vec<f64>,
    is_foreign: Vec<bool>,
}

impl<'a> Foreign<'a> {
    /// Nothing collected yet. `None` for a model that was told of no label for such rows.
    pub(super) fn new(model: &'a dyn Model) -> Option<Self> {
        let label = settings_of(model)?.out_of_scope.as_deref()?;
        Some(Self {
            label,
            scores: Vec::new(),
            is_foreign: Vec::new(),
        })
    }

    /// Takes the scores of a batch, and gives its rows that are in scope, with the answers to them.
    pub(super) fn take(&mut self, batch: &RecordBatch, predicted: &RecordBatch) -> Result<(RecordBatch, RecordBatch)> {
        let failed = |e| Error::table("answers to held-back rows", e);
        let actual = texts(batch, "label")?;
        let labels = actual.column(0).as_string::<i32>().iter();
        let is_foreign: BooleanArray = labels.map(|label| Some(label == Some(self.label))).collect();
        let scores = predicted
            .column_by_name("out_of_scope")
            .and_then(|column| column.as_primitive_opt::<Float64Type>())
            .ok_or_else(|| Error::table("answers to held-back rows", "have no column `out_of_scope`"))?;
        self.scores.extend(scores.values());
        self.is_foreign.extend(is_foreign.values());
        let in_scope = not(&is_foreign).map_err(failed)?;
        let of = |rows: &RecordBatch| filter_record_batch(rows, &in_scope).map_err(failed);
        Ok((of(batch)?, of(predicted)?))
    }

    /// Adds what was found to a report. Nothing without rows of both sorts.
    pub(super) fn report(&self, evaluation: &mut Evaluation) {
        let Some(area) = auroc(&self.scores, &self.is_foreign) else {
            return;
        };
        let of = |foreign: bool| {
            let rows = self.scores.iter().zip(&self.is_foreign);
            rows.filter(move |row| *row.1 == foreign).map(|row| *row.0)
        };
        let mut known: Vec<f64> = of(false).collect();
        known.sort_unstable_by(|a, b| b.total_cmp(a));
        let edge = known[(known.len() as f64 / SENT_AWAY) as usize];
        let (all, found) = (
            of(true).count() as f64,
            of(true).filter(|score| *score > edge).count() as f64,
        );
        let metric = |name: &str, value, interval| Metric {
            name: name.into(),
            value,
            interval,
            larger_is_better: true,
        };
        evaluation.metrics.extend([
            metric("out_of_scope_auroc", area, None),
            metric("out_of_scope_recall", found / all, Some(share_interval(found, all))),
        ]);
        let text = format!(
            "{all} of the held-back rows have the label `{}`. They are left out of accuracy; `out_of_scope_recall` is the \
             share of them above the score {edge:.3}, which one in {SENT_AWAY} of the other rows is above",
            self.label
        );
        evaluation.notes.push(("out of scope".into(), text));
    }
}
