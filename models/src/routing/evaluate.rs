//! Measures a routing model on held-back rows, through `Model::predict` like everybody else.

use std::any::Any;
use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};

use super::agents::PairTally;
use super::predict::{RoutingModel, Settings};
use super::simpler;
use crate::error::{Error, Result};
use crate::kind::{Model, Rows};
use crate::learn::promise::PrecisionThresholds;
use crate::metrics::answers::{About, Answers, texts};
use crate::metrics::{AnswerPromise, Contenders, Evaluation, Metric, PromiseReport, share_interval};
use crate::table::{Role, table_notes};

/// Rows, accepted ones, right ones among them, by the number of the queue if it has a threshold of its own.
type Counts = BTreeMap<Option<u32>, (u64, u64, u64)>;

/// Scores all rows and measures the answers.
pub(super) fn evaluate(model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
    let model = (model as &dyn Any).downcast_ref::<RoutingModel>();
    let model = model.ok_or_else(|| Error::table("the model", "is of another kind"))?;
    let settings = model.settings();
    let named = |wanted: &dyn Fn(&Role) -> bool| -> Vec<String> {
        let columns = settings.plan.iter().filter(|column| wanted(&column.role));
        columns.map(|column| column.name.clone()).collect()
    };
    let mut answers = Answers::new(About {
        main_metric: super::ABOUT.main_metric,
        shown: named(&|_| true),
        slices: named(&|role| matches!(role, Role::Category { .. })),
    });
    let mut counts = Counts::new();
    let mut pairs = PairTally::default();
    let mut contenders = Contenders::new(model.table().simpler());
    for batch in held_back.batches()? {
        let batch = batch?;
        let predicted = model.predict(&batch)?;
        answers.add(&batch, &predicted)?;
        pairs.add(&batch, &predicted)?;
        if let Some(promise) = &settings.promise {
            count((&batch, &predicted), settings, promise, &mut counts)?;
        }
        simpler::contend(model, &batch, &mut contenders)?;
    }
    let mut evaluation = answers.measure();
    pairs.report(&mut evaluation);
    if let Some(promise) = &settings.promise {
        report(settings, promise, &counts, &mut evaluation);
    }
    contenders.report(&mut evaluation);
    evaluation
        .notes
        .extend(table_notes(&settings.left_out, settings.learned));
    Ok(evaluation)
}

fn count(
    (batch, predicted): (&RecordBatch, &RecordBatch),
    settings: &Settings,
    promise: &PrecisionThresholds,
    counts: &mut Counts,
) -> Result<()> {
    let accepted = predicted
        .column_by_name("accepted")
        .and_then(|column| column.as_boolean_opt());
    let accepted = accepted.ok_or_else(|| Error::table("answers", "have no column `accepted`"))?;
    let actual = texts(batch, "label")?;
    let (actual, answers) = (
        actual.column(0).as_string::<i32>(),
        predicted.column(0).as_string::<i32>(),
    );
    for row in 0..batch.num_rows() {
        let queue = settings.queues.iter().position(|queue| queue == answers.value(row));
        let own = queue
            .map(|queue| queue as u32)
            .filter(|queue| promise.own.contains_key(queue));
        let count = counts.entry(own).or_default();
        let is_right = actual.value(row) == answers.value(row);
        count.0 += 1;
        count.1 += u64::from(accepted.value(row));
        count.2 += u64::from(accepted.value(row) && is_right);
    }
    Ok(())
}

fn report(settings: &Settings, promise: &PrecisionThresholds, counts: &Counts, evaluation: &mut Evaluation) {
    let sum = |part: &dyn Fn(&(u64, u64, u64)) -> u64| counts.values().map(part).sum::<u64>() as f64;
    let (rows, accepted, right) = (sum(&|count| count.0), sum(&|count| count.1), sum(&|count| count.2));
    let metric = |name: &str, hits: f64, of: f64| Metric {
        name: name.into(),
        value: if of > 0.0 { hits / of } else { 0.0 },
        interval: Some(share_interval(hits, of)),
        larger_is_better: true,
    };
    evaluation.metrics.extend([
        metric("coverage", accepted, rows),
        metric("accepted_precision", right, accepted),
    ]);
    let own = promise.own.iter().map(|(queue, threshold)| (Some(*queue), threshold));
    let answers = own.chain([(None, &promise.others)]).map(|(queue, threshold)| {
        let (rows, accepted, right) = counts.get(&queue).copied().unwrap_or_default();
        AnswerPromise {
            label: queue.map(|queue| settings.queues[queue as usize].clone()),
            promised: promise.promised,
            confidence: promise.confidence,
            threshold: threshold.clone(),
            rows,
            accepted,
            right,
        }
    });
    let report = PromiseReport {
        answers: answers.filter(|one| one.rows > 0 || one.threshold.rows > 0).collect(),
        misses: Vec::new(),
    };
    evaluation.notes.extend(report.notes());
    evaluation.promises = Some(report);
}
