//! Measures an answer model on held-back questions, through `Model::predict` like everybody else.

use std::any::Any;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::Float64Type;

use super::predict::{ACTION, AnswersModel, Settings};
use super::promised::Action;
use crate::error::{Error, Result};
use crate::kind::{Model, Rows};
use crate::metrics::answers::{About, Answers, texts};
use crate::metrics::{AnswerPromise, Evaluation, Metric, PromiseReport, auroc, share_interval};

/// Columns of examples that are no slices.
const OWN_COLUMNS: [&str; 10] = [
    "label", "text", "heading", "body", "link", "time", "entity", "weight", "split", "id",
];

/// What is collected beside the answers.
#[derive(Default)]
struct Collected {
    rows: u64,
    /// Of the questions with an answer: one over the place of the right one, or 0.
    reciprocal_ranks: f64,
    in_scope: u64,
    /// The confidence of every question, and whether no answer is for it.
    confidences: Vec<f64>,
    is_foreign: Vec<bool>,
    /// Questions answered and right ones among them; asked back, and those that one of the two is right for.
    answered: (u64, u64),
    asked_back: (u64, u64),
}

/// Scores all rows and measures the answers.
pub(super) fn evaluate(model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
    let model = (model as &dyn Any).downcast_ref::<AnswersModel>();
    let model = model.ok_or_else(|| Error::table("the model", "is of another kind"))?;
    let settings = model.settings();
    let schema = held_back.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let slices = names.filter(|name| !OWN_COLUMNS.contains(name) && !name.starts_with('_'));
    let mut answers = Answers::new(About {
        main_metric: super::ABOUT.main_metric,
        shown: vec!["text".into()],
        slices: slices.map(str::to_owned).collect(),
    });
    let mut collected = Collected::default();
    for batch in held_back.batches()? {
        let batch = with_questions(&batch?)?;
        let predicted = model.predict(&batch)?;
        let is_foreign = collected.add(&batch, &predicted, settings)?;
        let failed = |e| Error::table("answers to held-back rows", e);
        let in_scope = not(&is_foreign).map_err(failed)?;
        let of = |rows: &RecordBatch| filter_record_batch(rows, &in_scope).map_err(failed);
        answers.add(&of(&batch)?, &of(&predicted)?)?;
    }
    let mut evaluation = answers.measure();
    collected.report(settings, &mut evaluation);
    evaluation.notes.extend(notes(model));
    Ok(evaluation)
}

/// The rows that ask something.
fn with_questions(batch: &RecordBatch) -> Result<RecordBatch> {
    let questions = texts(batch, "text")?;
    let asks = questions.column(0).as_string::<i32>().iter();
    let asks: BooleanArray = asks
        .map(|text| Some(text.is_some_and(|text| !text.trim().is_empty())))
        .collect();
    filter_record_batch(batch, &asks).map_err(|e| Error::table("held-back rows", e))
}

impl Collected {
    /// Takes the answers to a batch, and says which of its questions no answer is for.
    fn add(&mut self, batch: &RecordBatch, predicted: &RecordBatch, settings: &Settings) -> Result<BooleanArray> {
        let actual = texts(batch, "label")?;
        let actual = actual.column(0).as_string::<i32>();
        let confidences = predicted.column(1).as_primitive::<Float64Type>();
        let labels = predicted.column(2).as_list::<i32>();
        let actions = predicted
            .column_by_name(ACTION)
            .and_then(|column| column.as_string_opt::<i32>());
        let is_foreign: BooleanArray = actual
            .iter()
            .map(|label| Some(label == settings.out_of_scope.as_deref()))
            .collect();
        for row in 0..batch.num_rows() {
            self.rows += 1;
            let foreign = settings.out_of_scope.is_some() && is_foreign.value(row);
            let found = labels.value(row);
            let place = found
                .as_string::<i32>()
                .iter()
                .position(|label| label == Some(actual.value(row)));
            self.confidences.push(confidences.value(row));
            self.is_foreign.push(foreign);
            if !foreign {
                self.in_scope += 1;
                self.reciprocal_ranks += place.map_or(0.0, |place| 1.0 / (place + 1) as f64);
            }
            let action = actions.map(|actions| actions.value(row));
            let (counts, right) = match action {
                Some(action) if action == Action::Answer.name() => (&mut self.answered, place == Some(0)),
                Some(action) if action == Action::AskBack.name() => {
                    (&mut self.asked_back, place.is_some_and(|place| place < 2))
                }
                _ => continue,
            };
            counts.0 += 1;
            counts.1 += u64::from(right);
        }
        Ok(is_foreign)
    }

    fn report(&self, settings: &Settings, evaluation: &mut Evaluation) {
        let metric = |name: &str, value: f64, interval| Metric {
            name: name.into(),
            value,
            interval,
            larger_is_better: true,
        };
        let share = |name: &str, hits: u64, of: u64| {
            let interval = share_interval(hits as f64, of as f64);
            metric(name, hits as f64 / of.max(1) as f64, Some(interval))
        };
        let mean = self.reciprocal_ranks / self.in_scope.max(1) as f64;
        evaluation.metrics.push(metric("mean_reciprocal_rank", mean, None));
        let answerable: Vec<bool> = self.is_foreign.iter().map(|foreign| !foreign).collect();
        if let Some(area) = auroc(&self.confidences, &answerable) {
            evaluation.metrics.push(metric("out_of_scope_auroc", area, None));
        }
        let promised = &settings.promised;
        let left = self.rows - self.answered.0;
        let named = [
            (
                &promised.answer,
                ("coverage", "accepted_precision"),
                self.answered,
                self.rows,
            ),
            (
                &promised.ask_back,
                ("ask_back_share", "ask_back_precision"),
                self.asked_back,
                left,
            ),
        ];
        let mut report = PromiseReport::default();
        for (place, (promise, (accepted, precision), counts, rows)) in named.into_iter().enumerate() {
            let Some(promise) = promise else { continue };
            evaluation.metrics.push(share(accepted, counts.0, self.rows));
            evaluation.metrics.push(share(precision, counts.1, counts.0));
            report.answers.push(AnswerPromise {
                label: Some(["the answer is given", "asked back between two"][place].into()),
                promised: promise.promised,
                confidence: promise.confidence,
                threshold: promise.own.values().next().unwrap_or(&promise.others).clone(),
                rows,
                accepted: counts.0,
                right: counts.1,
            });
        }
        if promised.promises() {
            evaluation.notes.extend(report.notes());
            evaluation.promises = Some(report);
        }
    }
}

fn notes(model: &AnswersModel) -> Vec<(String, String)> {
    let settings = model.settings();
    let (learned, all) = settings.learned;
    let left_out = if learned < all {
        format!(" (of {all}; `questions_max` leaves out the others)")
    } else {
        String::new()
    };
    let mut text = format!(
        "{} answers in {} passages; {learned} questions learned from{left_out}",
        settings.names.len(),
        model.passages()
    );
    if !model.is_calibrated() {
        text += ". Too few questions to learn how to rank and how sure an answer is: confidences are in order, but are no \
                 probabilities";
    }
    vec![("answers".into(), text)]
}
