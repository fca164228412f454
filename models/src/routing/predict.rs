//! A fitted routing model and the one way from rows to its answers.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::artifact::Artifact;
use crate::error::{Error, Result};
use crate::explained::{Reason, reason_columns, reason_specs};
use crate::kind::{Model, Signature, ValueSpec, ValueType};
use crate::learn::promise::PrecisionThresholds;
use crate::learn::trees::{ColumnKind, Objective};
use crate::table::{ColumnPlan, FeatureColumn, LeftOut, TableModel, in_parts, ranked};

/// More queues than this are no queues: each of them costs a tree a round.
pub(super) const QUEUES_MAX: usize = 1000;

/// Fewer rows than this are answered by one thread.
const ROWS_PER_THREAD_MIN: usize = 64;

/// The small facts of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    pub plan: Vec<ColumnPlan>,
    /// How many scores each column of texts has.
    pub text_scores: Vec<usize>,
    /// The features, as trees take them.
    pub kinds: Vec<ColumnKind>,
    /// All queues, sorted.
    pub queues: Vec<String>,
    pub answers_max: usize,
    /// Reasons an answer gives.
    pub reasons: usize,
    /// From where on an answer is accepted; none if nothing is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<PrecisionThresholds>,
    /// Columns that are not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Rows learned from, of so many.
    pub learned: (u64, u64),
    /// Rounds of trees.
    pub rounds: usize,
}

/// A fitted routing model.
pub struct RoutingModel {
    settings: Settings,
    table: TableModel,
    signature: Signature,
}

impl RoutingModel {
    pub(super) fn new(settings: Settings, table: TableModel) -> Self {
        let signature = Signature {
            inputs: table.encoder.inputs(),
            outputs: outputs(&settings),
        };
        Self {
            settings,
            table,
            signature,
        }
    }

    pub(super) fn from_artifact(mut artifact: Artifact) -> Result<Self> {
        let settings = std::mem::take(&mut artifact.settings);
        let settings: Settings = serde_json::from_value(settings).map_err(|e| Error::artifact("settings", e))?;
        let queues = settings.queues.len();
        let fits = (2..=QUEUES_MAX).contains(&queues)
            && settings.queues.is_sorted_by(|a, b| a < b)
            && (1..=20).contains(&settings.answers_max)
            && settings.promise.as_ref().is_none_or(|promise| promise.is_sound(queues))
            && artifact.encoder.is_none();
        if !fits {
            return Err(Error::artifact(
                "settings",
                "queues and thresholds do not fit each other",
            ));
        }
        let objective = Objective::Multiclass { classes: queues as u32 };
        let columns = (settings.plan.as_slice(), settings.text_scores.as_slice());
        let table = TableModel::take(&mut artifact, columns, (objective, &settings.kinds))?;
        Ok(Self::new(settings, table))
    }

    /// Its small facts.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its trees, and what they are shown beside.
    pub(super) fn table(&self) -> &TableModel {
        &self.table
    }

    fn answer(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let settings = &self.settings;
        let features = self.table.encoder.encode(rows)?;
        let answers = self.table.answer(&features)?;
        let mut label = StringBuilder::new();
        let (mut score, mut accepted, mut best) = (Vec::new(), Vec::new(), Vec::new());
        let mut labels = ListBuilder::new(StringBuilder::new());
        let mut scores = ListBuilder::new(Float64Builder::new());
        for answers in answers.chunks_exact(self.table.answers()) {
            let order = ranked(answers);
            let first = order[0];
            best.push(first);
            label.append_value(&settings.queues[first]);
            score.push(answers[first]);
            let threshold = settings.promise.as_ref().and_then(|promise| promise.of(first as u32));
            accepted.push(threshold.is_some_and(|threshold| answers[first] >= threshold));
            for queue in order.into_iter().take(settings.answers_max) {
                labels.values().append_value(&settings.queues[queue]);
                scores.values().append_value(answers[queue]);
            }
            labels.append(true);
            scores.append(true);
        }
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(label.finish()),
            Arc::new(Float64Array::from(score)),
            Arc::new(labels.finish()),
            Arc::new(scores.finish()),
        ];
        if settings.promise.is_some() {
            columns.push(Arc::new(BooleanArray::from(accepted)));
        }
        if settings.reasons > 0 {
            let of = |row: usize| self.reasons_of(rows, &features, row, best[row]);
            columns.extend(reason_columns((0..rows.num_rows()).map(of), settings.reasons));
        }
        RecordBatch::try_new(self.signature.output_schema(), columns).map_err(|e| Error::table("prediction", e))
    }

    /// What each column adds to the score of a queue over the mean of all queues.
    fn reasons_of(&self, rows: &RecordBatch, features: &[FeatureColumn], row: usize, queue: usize) -> Vec<Reason> {
        let mean = 1.0 / self.settings.queues.len() as f64;
        let share = |output: usize| if output == queue { 1.0 - mean } else { -mean };
        self.table.reasons(rows, features, row, share)
    }
}

fn outputs(settings: &Settings) -> Vec<ValueSpec> {
    let spec = ValueSpec::output;
    let queue = settings.queues.first().cloned().unwrap_or_default();
    let mut outputs = vec![
        spec("label", ValueType::Text, "The queue that suits best.", json!(queue)),
        spec("score", ValueType::Number, "The probability that it does.", json!(0.8)),
        spec(
            "labels",
            ValueType::TextList,
            "The queues, the best first.",
            json!([queue]),
        ),
        spec("scores", ValueType::NumberList, "Their probabilities.", json!([0.8])),
    ];
    outputs.extend(settings.promise.as_ref().map(|promise| {
        let about = format!(
            "Whether the case may go there unseen: at least {} of the accepted ones are right, with confidence {}.",
            promise.promised, promise.confidence
        );
        ValueSpec::output("accepted", ValueType::Boolean, about, json!(true))
    }));
    if settings.reasons > 0 {
        outputs.extend(reason_specs(
            "The columns that say most, with their values.",
            "What each adds to the score of the queue, over that of the others.",
            "category = login",
        ));
    }
    outputs
}

impl Model for RoutingModel {
    fn kind(&self) -> &'static str {
        "routing"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let rows = crate::rows::conform(&self.signature, rows)?;
        in_parts(&self.signature, &rows, ROWS_PER_THREAD_MIN, |rows| self.answer(rows))
    }

    fn reasons(&self, rows: &RecordBatch, top: usize) -> Result<Option<Vec<Vec<Reason>>>> {
        let rows = crate::rows::conform(&self.signature, rows)?;
        let features = self.table.encoder.encode(&rows)?;
        let answers = self.table.answer(&features)?;
        let of = |(row, answers): (usize, &[f64])| {
            let reasons = self.reasons_of(&rows, &features, row, ranked(answers)[0]);
            reasons.into_iter().take(top).collect()
        };
        Ok(Some(
            answers.chunks_exact(self.table.answers()).enumerate().map(of).collect(),
        ))
    }

    fn artifact(&self) -> Artifact {
        Artifact {
            settings: serde_json::to_value(&self.settings).unwrap_or_default(),
            tensors: self.table.tensors(),
            encoder: None,
        }
    }
}
