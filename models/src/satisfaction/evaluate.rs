//! Measures a satisfaction model on held-back rows, through `Model::predict` like everybody else.

use std::any::Any;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;

use super::levels::names;
use super::predict::{SatisfactionModel, Settings};
use super::response::ResponseTally;
use crate::error::{Error, Result};
use crate::kind::{Model, Rows};
use crate::metrics::answers::{About, Answers, texts};
use crate::metrics::{Contenders, Evaluation, Metric, MissPromise, PromiseReport, auroc, auroc_interval, auroc_shares};
use crate::rows::conform;
use crate::table::{Role, ranked, table_notes};

/// The output that says whether a human should take over.
pub(super) const HAND_OVER: &str = "hand_over";

/// What is collected beside the levels.
#[derive(Default)]
struct Collected {
    /// The probability of dissatisfaction, and whether it came so.
    low: Vec<f64>,
    is_low: Vec<bool>,
    /// Whether each row has a level that the model knows, and so is among the above.
    is_known: Vec<bool>,
    /// What each counts, where that was learned.
    weights: Vec<f64>,
    /// How far the expected rating is from the actual one.
    off: Vec<f64>,
    /// Dissatisfied rows, those of them that were not handed over, rows that were.
    handed: (u64, u64, u64),
}

/// Scores all rows and measures the answers.
pub(super) fn evaluate(model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
    let model = (model as &dyn Any).downcast_ref::<SatisfactionModel>();
    let model = model.ok_or_else(|| Error::table("the model", "is of another kind"))?;
    let settings = model.settings();
    let columns = |wanted: &dyn Fn(&Role) -> bool| {
        let columns = settings.plan.iter().filter(|column| wanted(&column.role));
        columns.map(|column| column.name.clone()).collect::<Vec<String>>()
    };
    let mut answers = Answers::new(About {
        main_metric: super::ABOUT.main_metric,
        shown: columns(&|_| true),
        slices: columns(&|role| matches!(role, Role::Category { .. })),
    });
    let mut collected = Collected::default();
    let mut contenders = Contenders::new(model.table().simpler());
    let mut tally = model
        .response()
        .map(|response| ResponseTally::new(response, held_back))
        .transpose()?;
    for batch in held_back.batches()? {
        let batch = with_names(&batch?)?;
        let (batch, weights) = match &mut tally {
            Some(tally) => tally.take(&batch)?,
            None => (batch, Vec::new()),
        };
        let predicted = model.predict(&batch)?;
        answers.add(&batch, &predicted)?;
        collected.add((&batch, &weights), &predicted, settings)?;
        contend(model, &batch, &mut contenders)?;
    }
    let mut evaluation = answers.measure();
    collected.report(settings, &mut evaluation);
    if let Some(tally) = &tally {
        tally.report((&collected.low, &collected.is_low, &collected.weights), &mut evaluation);
    }
    contenders.report(&mut evaluation);
    evaluation.notes.extend(notes(settings));
    Ok(evaluation)
}

/// Lets the simpler models answer the same rows.
fn contend(model: &SatisfactionModel, batch: &RecordBatch, contenders: &mut Contenders) -> Result<()> {
    let levels = &model.settings().levels;
    let labels = texts(batch, "label")?;
    let labels = labels.column(0).as_string::<i32>();
    let rows = conform(model.signature(), batch)?;
    for (simpler, answers) in model.table().simpler_answers(&rows)? {
        for (row, probabilities) in answers.chunks_exact(levels.names.len()).enumerate() {
            let actual = labels.value(row);
            contenders.add(simpler, actual, &levels.names[ranked(probabilities)[0]]);
            if let Some(level) = levels.place(actual) {
                contenders.add_score(simpler, levels.expect(probabilities).0, levels.dissatisfied[level]);
            }
        }
    }
    Ok(())
}

/// The rows with their labels as the names of levels.
fn with_names(batch: &RecordBatch) -> Result<RecordBatch> {
    let place = |e| Error::table("column `label` of the held-back rows", e);
    let schema = batch.schema();
    let at = schema.index_of("label").map_err(place)?;
    let mut columns = batch.columns().to_vec();
    columns[at] = std::sync::Arc::new(names(&columns[at])?.into_iter().collect::<StringArray>());
    let fields = schema.fields().iter().zip(&columns);
    let columns = fields.map(|(field, column)| (field.name().clone(), column.clone(), true));
    RecordBatch::try_from_iter_with_nullable(columns).map_err(place)
}

impl Collected {
    fn add(
        &mut self,
        (batch, weights): (&RecordBatch, &[f64]),
        predicted: &RecordBatch,
        settings: &Settings,
    ) -> Result<()> {
        let number = |name: &str| {
            let column = predicted.column_by_name(name)?;
            column.as_primitive_opt::<Float64Type>()
        };
        let low = number("dissatisfied").ok_or_else(|| Error::table("answers", "have no column `dissatisfied`"))?;
        let rating = number("rating");
        let handed = predicted
            .column_by_name(HAND_OVER)
            .and_then(|column| column.as_boolean_opt());
        let labels = batch
            .column_by_name("label")
            .and_then(|column| column.as_string_opt::<i32>());
        let labels = labels.ok_or_else(|| Error::table("column `label`", "is missing"))?;
        let levels = &settings.levels;
        for row in 0..batch.num_rows() {
            // A level that no example had is one the model cannot know of; it counts by its value if it has one.
            let level = (!labels.is_null(row))
                .then(|| labels.value(row))
                .and_then(|name| levels.place(name));
            self.is_known.push(level.is_some());
            let Some(level) = level else {
                continue;
            };
            let is_low = levels.dissatisfied[level];
            self.weights.push(weights.get(row).copied().unwrap_or(1.0));
            self.low.push(low.value(row));
            self.is_low.push(is_low);
            if let (Some(rating), Some(values)) = (rating, &levels.values) {
                self.off.push((rating.value(row) - values[level]).abs());
            }
            let is_handed = handed.is_some_and(|handed| handed.value(row));
            self.handed.0 += u64::from(is_low);
            self.handed.1 += u64::from(is_low && !is_handed);
            self.handed.2 += u64::from(is_handed);
        }
        Ok(())
    }

    fn report(&self, settings: &Settings, evaluation: &mut Evaluation) {
        let rows = self.low.len().max(1) as f64;
        let positives = self.is_low.iter().filter(|is_low| **is_low).count();
        let metric = |name: &str, value, interval, larger_is_better| Metric {
            name: name.into(),
            value,
            interval,
            larger_is_better,
        };
        let area = auroc(&self.low, &self.is_low);
        let value = area.unwrap_or(0.5);
        let interval = area.map(|area| auroc_interval(area, positives, self.low.len() - positives));
        let misses = self
            .low
            .iter()
            .zip(&self.is_low)
            .map(|(p, is_low)| (p - f64::from(u8::from(*is_low))).powi(2));
        let mut metrics = vec![
            metric("auroc", value, interval, true),
            metric("brier_score", misses.sum::<f64>() / rows, None, false),
        ];
        if !self.off.is_empty() {
            metrics.push(metric(
                "rating_mean_absolute_error",
                self.off.iter().sum::<f64>() / rows,
                None,
                false,
            ));
        }
        if let Some(shares) = auroc_shares(&self.low, &self.is_low) {
            let mut shares = shares.into_iter();
            let scores = self
                .is_known
                .iter()
                .map(|known| if *known { shares.next() } else { None });
            evaluation.row_scores = scores.map(Option::unwrap_or_default).collect();
        }
        metrics.append(&mut evaluation.metrics);
        evaluation.metrics = metrics;
        if let Some(threshold) = &settings.hand_over {
            let report = PromiseReport {
                answers: Vec::new(),
                misses: vec![MissPromise {
                    label: "dissatisfied".into(),
                    threshold: threshold.clone(),
                    rows: self.handed.0,
                    missed: self.handed.1,
                    flagged: self.handed.2 as f64 / rows,
                }],
            };
            evaluation.notes.extend(report.notes());
            evaluation.promises = Some(report);
        }
    }
}

fn notes(settings: &Settings) -> Vec<(String, String)> {
    let low = settings.levels.names.iter().zip(&settings.levels.dissatisfied);
    let low: Vec<&str> = low
        .filter(|(_, is_low)| **is_low)
        .map(|(name, _)| name.as_str())
        .collect();
    let mut notes = vec![(
        "dissatisfied".to_owned(),
        format!("labels that mean it: {}", low.join(", ")),
    )];
    notes.extend(table_notes(&settings.left_out, settings.learned));
    notes
}
