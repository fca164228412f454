//! Measures an intent model on held-back rows, through `Model::predict` like everybody else.

use std::any::Any;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take;

use super::foreign::Foreign;
use super::predict::{IntentModel, Settings};
use super::promised::Tally;
use super::semantic::Asking;
use super::{context, labels, several, simpler};
use crate::error::Result;
use crate::findings::AnswerJudge;
use crate::kind::{Model, Rows};
use crate::learn::simple::SimpleSparse;
use crate::metrics::answers::{About, Answers, texts};
use crate::metrics::{Contenders, Evaluation};

/// Columns of examples that are not slices.
pub(super) const OWN_COLUMNS: [&str; 9] = [
    "text", "context", "label", "time", "entity", "weight", "split", "id", "_row",
];

/// Scores all rows and measures the answers.
pub(super) fn evaluate(model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
    let schema = held_back.schema();
    let label = schema.field_with_name("label");
    let mut evaluation = if label.is_ok_and(|field| context::is_list(field.data_type())) {
        several::evaluate(model, held_back)?
    } else {
        one_label(model, held_back)?
    };
    if let Some(settings) = settings_of(model) {
        evaluation
            .notes
            .extend(labels::notes(&settings.rare, &settings.labels, &evaluation.labels));
        evaluation.notes.extend(settings.asking.map(Asking::note));
    }
    Ok(evaluation)
}

/// The answers with the most likely label in the place of an accepted node above it: what accuracy is about.
fn surest(predicted: RecordBatch) -> RecordBatch {
    let first = |column: usize| {
        let list = predicted.column(column).as_list::<i32>();
        let places: UInt32Array = list.offsets().iter().take(list.len()).map(|at| *at as u32).collect();
        take(list.values(), &places, None)
    };
    let Ok(columns) = first(2).and_then(|labels| Ok(vec![labels, first(3)?])) else {
        return predicted;
    };
    let columns = [columns, predicted.columns()[2..].to_vec()].concat();
    RecordBatch::try_new(predicted.schema(), columns).unwrap_or(predicted)
}

fn one_label(model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
    let schema = held_back.schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    let mut answers = Answers::new(About {
        main_metric: super::ABOUT.main_metric,
        shown: vec!["text".into()],
        slices: names.filter(|name| !OWN_COLUMNS.contains(&name.as_str())).collect(),
    });
    let mut judge = AnswerJudge::default();
    let mut tally = Tally::new(model);
    let mut foreign = Foreign::new(model);
    let own = (model as &dyn Any).downcast_ref::<IntentModel>();
    let members = own.and_then(IntentModel::simple).map(SimpleSparse::members);
    let mut contenders = Contenders::new(members.unwrap_or_default());
    for batch in held_back.batches()? {
        let batch = batch?;
        let mut predicted = model.predict(&batch)?;
        if let Some(tally) = &mut tally {
            tally.add(texts(&batch, "label")?.column(0).as_string::<i32>(), &predicted);
            predicted = surest(predicted);
        }
        judge.add(&batch, &predicted)?;
        let (batch, predicted) = match &mut foreign {
            None => (batch, predicted),
            Some(foreign) => foreign.take(&batch, &predicted)?,
        };
        answers.add(&batch, &predicted)?;
        if let Some(own) = own {
            simpler::contend(own, &batch, &mut contenders)?;
        }
    }
    let mut evaluation = answers.measure();
    contenders.report(&mut evaluation);
    if let Some(tally) = tally {
        tally.report(&mut evaluation);
    }
    if let Some(foreign) = foreign {
        foreign.report(&mut evaluation);
    }
    evaluation.findings = judge.findings(held_back)?;
    Ok(evaluation)
}

/// The small facts of a model of this kind.
pub(super) fn settings_of(model: &dyn Model) -> Option<&Settings> {
    let model = (model as &dyn Any).downcast_ref::<IntentModel>();
    model.map(IntentModel::settings)
}
