//! A fitted satisfaction model and the one way from rows to its answers.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::levels::Levels;
use super::response::{Response, ResponseSettings};
use crate::artifact::Artifact;
use crate::error::{Error, Result};
use crate::explained::{Reason, reason_columns, reason_specs};
use crate::kind::{Model, Signature, ValueSpec, ValueType};
use crate::learn::promise::MissThreshold;
use crate::learn::trees::{ColumnKind, Objective};
use crate::table::{ColumnPlan, FeatureColumn, LeftOut, TableModel, in_parts, ranked};

/// Fewer rows than this are answered by one thread.
const ROWS_PER_THREAD_MIN: usize = 256;

/// The small facts of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    pub plan: Vec<ColumnPlan>,
    /// How many scores each column of texts has.
    pub text_scores: Vec<usize>,
    pub objective: Objective,
    /// The features, as trees take them.
    pub kinds: Vec<ColumnKind>,
    pub levels: Levels,
    /// Reasons an answer gives.
    pub reasons: usize,
    /// From where on a case is handed over; none if nothing is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<MissThreshold>,
    /// How likely a case is to be rated, if that was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseSettings>,
    /// Columns that are not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Rows learned from, of so many.
    pub learned: (u64, u64),
    /// Rounds of trees.
    pub rounds: usize,
}

/// A fitted satisfaction model.
pub struct SatisfactionModel {
    settings: Settings,
    table: TableModel,
    response: Option<Response>,
    signature: Signature,
}

/// The probability of each level, from what trees answer.
pub(super) fn probabilities(levels: &Levels, answers: &[f64]) -> Vec<f64> {
    if levels.names.len() > 2 {
        return answers.to_vec();
    }
    let low = answers.first().copied().unwrap_or_default();
    levels
        .dissatisfied
        .iter()
        .map(|is_low| if *is_low { low } else { 1.0 - low })
        .collect()
}

impl SatisfactionModel {
    pub(super) fn new(settings: Settings, table: TableModel, response: Option<Response>) -> Self {
        let signature = Signature {
            inputs: table.encoder.inputs(),
            outputs: outputs(&settings),
        };
        Self {
            settings,
            table,
            response,
            signature,
        }
    }

    pub(super) fn from_artifact(mut artifact: Artifact) -> Result<Self> {
        let settings = std::mem::take(&mut artifact.settings);
        let settings: Settings = serde_json::from_value(settings).map_err(|e| Error::artifact("settings", e))?;
        let levels = settings.levels.names.len();
        let fits = match settings.objective {
            Objective::Binary => levels == 2,
            Objective::Multiclass { classes: count } | Objective::Ordinal { levels: count } => count as usize == levels,
            Objective::Quantile { .. } | Objective::SquaredError => false,
        };
        let threshold = settings.hand_over.as_ref().is_none_or(MissThreshold::is_sound);
        if !fits || !settings.levels.is_sound() || !threshold || artifact.encoder.is_some() {
            return Err(Error::artifact(
                "settings",
                "levels, objective and threshold do not fit each other",
            ));
        }
        let columns = (settings.plan.as_slice(), settings.text_scores.as_slice());
        let table = TableModel::take(&mut artifact, columns, (settings.objective, &settings.kinds))?;
        let response = settings.response.clone();
        let response = response.map(|response| Response::take(&mut artifact, response, &settings.plan));
        Ok(Self::new(settings, table, response.transpose()?))
    }

    /// How likely a case is to be rated, if that was learned.
    pub(super) fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    /// Its small facts.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its trees, and what they are shown beside.
    pub(super) fn table(&self) -> &TableModel {
        &self.table
    }

    /// The answers to some rows.
    fn answer(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let features = self.table.encoder.encode(rows)?;
        let answers = self.table.answer(&features)?;
        let levels = &self.settings.levels;
        let mut label = StringBuilder::new();
        let (mut score, mut low, mut ratings) = (Vec::new(), Vec::new(), Vec::new());
        let mut labels = ListBuilder::new(StringBuilder::new());
        let mut scores = ListBuilder::new(Float64Builder::new());
        for answers in answers.chunks_exact(self.table.answers()) {
            let probabilities = probabilities(levels, answers);
            let (dissatisfied, rating) = levels.expect(&probabilities);
            low.push(dissatisfied);
            ratings.extend(rating);
            let order = ranked(&probabilities);
            label.append_value(&levels.names[order[0]]);
            score.push(probabilities[order[0]]);
            for level in order {
                labels.values().append_value(&levels.names[level]);
                scores.values().append_value(probabilities[level]);
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
        let hand_over = self.settings.hand_over.as_ref();
        let over = hand_over.map(|miss| low.iter().map(|low| Some(*low >= miss.score)).collect::<BooleanArray>());
        columns.push(Arc::new(Float64Array::from(low)));
        if levels.values.is_some() {
            columns.push(Arc::new(Float64Array::from(ratings)));
        }
        columns.extend(over.map(|over| Arc::new(over) as ArrayRef));
        if self.settings.reasons > 0 {
            let of = |row| self.reasons_of(rows, &features, row);
            columns.extend(reason_columns((0..rows.num_rows()).map(of), self.settings.reasons));
        }
        RecordBatch::try_new(self.signature.output_schema(), columns).map_err(|e| Error::table("prediction", e))
    }

    /// What each column adds to the log-odds of dissatisfaction (of several levels without an order: to the scores of the
    /// dissatisfied ones less those of the others), the most first.
    fn reasons_of(&self, rows: &RecordBatch, features: &[FeatureColumn], row: usize) -> Vec<Reason> {
        let levels = &self.settings.levels;
        let low = levels.dissatisfied.iter().filter(|is_low| **is_low).count() as f64;
        let high = levels.dissatisfied.len() as f64 - low;
        let share = |output: usize| match self.settings.objective {
            Objective::Binary => 1.0,
            Objective::Ordinal { .. } => -1.0,
            _ if levels.dissatisfied[output] => 1.0 / low,
            _ => -1.0 / high,
        };
        self.table.reasons(rows, features, row, share)
    }
}

fn outputs(settings: &Settings) -> Vec<ValueSpec> {
    let spec = ValueSpec::output;
    let names = &settings.levels.names;
    let mut outputs = vec![
        spec("label", ValueType::Text, "The most likely level.", json!(names[0])),
        spec("score", ValueType::Number, "Its probability.", json!(0.7)),
        spec(
            "labels",
            ValueType::TextList,
            "All levels, the most likely first.",
            json!(names),
        ),
        spec(
            "scores",
            ValueType::NumberList,
            "Their probabilities.",
            json!([0.7, 0.3]),
        ),
        spec(
            "dissatisfied",
            ValueType::Number,
            "The probability of dissatisfaction.",
            json!(0.2),
        ),
    ];
    if settings.levels.values.is_some() {
        outputs.push(spec(
            "rating",
            ValueType::Number,
            "The rating to be expected.",
            json!(4.1),
        ));
    }
    outputs.extend(settings.hand_over.as_ref().map(|miss| {
        let about = format!(
            "Whether a human should take over: of the dissatisfied at most {} are missed, with confidence {}.",
            miss.promised, miss.confidence
        );
        ValueSpec::output(super::evaluate::HAND_OVER, ValueType::Boolean, about, json!(false))
    }));
    if settings.reasons > 0 {
        outputs.extend(reason_specs(
            "The columns that say most, with their values.",
            "What each adds to the log-odds of dissatisfaction.",
            "waiting_minutes = 61",
        ));
    }
    outputs
}

impl Model for SatisfactionModel {
    fn kind(&self) -> &'static str {
        "satisfaction"
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
        let of = |row: usize| self.reasons_of(&rows, &features, row).into_iter().take(top).collect();
        Ok(Some((0..rows.num_rows()).map(of).collect()))
    }

    fn artifact(&self) -> Artifact {
        Artifact {
            settings: serde_json::to_value(&self.settings).unwrap_or_default(),
            tensors: {
                let mut tensors = self.table.tensors();
                tensors.extend(self.response.iter().flat_map(Response::tensors));
                tensors
            },
            encoder: None,
        }
    }
}
