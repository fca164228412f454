//! A fitted intent model and the one way from texts to its answers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::artifact::{Artifact, Tensor};
use crate::encode::{GramSettings, NgramEncoder};
use crate::error::{Error, Result};
use crate::kind::{Model, Signature, ValueSpec, ValueType};
use crate::learn::{LinearWeights, softmax};
use crate::text::{self, Preparation};

/// Points of the stored distribution of held-back margins.
pub(super) const SCOPE_POINTS: usize = 201;

/// The small facts of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    pub labels: Vec<String>,
    pub grams: GramSettings,
    /// Inverse temperature of the probabilities.
    pub scale: f32,
    pub answers_max: usize,
    /// Best margins of held-back rows at equally spaced ranks, ascending; empty when there were too few.
    pub scope: Vec<f32>,
    /// How texts were prepared for the fit, and are for an answer.
    #[serde(default)]
    pub preparation: Preparation,
}

/// A fitted intent model.
pub struct IntentModel {
    settings: Settings,
    encoder: NgramEncoder,
    weights: LinearWeights,
    signature: Signature,
}

/// Buffers of one prediction, used again from row to row.
#[derive(Default)]
struct Scratch {
    row: Vec<(u32, f32)>,
    margins: Vec<f32>,
    probabilities: Vec<f64>,
    order: Vec<u32>,
}

impl IntentModel {
    pub(super) fn new(settings: Settings, encoder: NgramEncoder, weights: LinearWeights) -> Self {
        text::warm_up();
        if encoder.has_chinese() {
            text::words::warm_up_chinese();
        }
        let signature = signature(&settings);
        Self {
            settings,
            encoder,
            weights,
            signature,
        }
    }

    pub(super) fn from_artifact(mut artifact: Artifact) -> Result<Self> {
        let settings = std::mem::take(&mut artifact.settings);
        let settings: Settings = serde_json::from_value(settings).map_err(|e| Error::artifact("settings", e))?;
        let encoder = NgramEncoder::take(&mut artifact, settings.grams)?;
        let labels = settings.labels.len();
        let weights = LinearWeights {
            labels,
            weights: artifact.take_f32("weights")?,
            bias: artifact.take_f32("bias")?,
        };
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        let fits = labels > 0
            && (1..=labels.max(20)).contains(&settings.answers_max)
            && weights.bias.len() == labels
            && encoder.len().checked_mul(labels) == Some(weights.weights.len());
        if !fits {
            return Err(Error::artifact(
                "weights",
                "their number does not fit the labels and the vocabulary",
            ));
        }
        if !finite(&weights.weights)
            || !finite(&weights.bias)
            || !finite(&settings.scope)
            || !settings.scale.is_finite()
        {
            return Err(Error::artifact("weights", "hold a value that is not a finite number"));
        }
        Ok(Self::new(settings, encoder, weights))
    }

    fn score(&self, text: &str, scratch: &mut Scratch) {
        self.encoder
            .encode(&self.settings.preparation.apply(text), &mut scratch.row);
        self.weights.margins(&scratch.row, &mut scratch.margins);
        softmax(&scratch.margins, self.settings.scale, &mut scratch.probabilities);
        let by_rank = |a: &u32, b: &u32| {
            let (a_score, b_score) = (scratch.margins[*a as usize], scratch.margins[*b as usize]);
            b_score.total_cmp(&a_score).then(a.cmp(b))
        };
        scratch.order.clear();
        scratch.order.extend(0..self.settings.labels.len() as u32);
        let answers = self.settings.answers_max.min(scratch.order.len());
        if answers < scratch.order.len() {
            scratch.order.select_nth_unstable_by(answers - 1, by_rank);
            scratch.order.truncate(answers);
        }
        scratch.order.sort_unstable_by(by_rank);
    }

    /// The share of held-back rows with a larger best margin than `margin`.
    fn out_of_scope(&self, margin: f32) -> f64 {
        let scope = &self.settings.scope;
        if scope.len() < 2 {
            return 0.5;
        }
        let above = scope.partition_point(|point| *point <= margin);
        let share = if above == 0 {
            0.0
        } else if above == scope.len() {
            1.0
        } else {
            let (low, high) = (scope[above - 1], scope[above]);
            let within = if high > low {
                f64::from((margin - low) / (high - low))
            } else {
                0.0
            };
            ((above - 1) as f64 + within) / (scope.len() - 1) as f64
        };
        1.0 - share
    }
}

fn signature(settings: &Settings) -> Signature {
    let spec = |name: &str, value_type, nullable, about: &str, example: Value| ValueSpec {
        name: name.into(),
        value_type,
        nullable,
        about: about.into(),
        example,
    };
    let label = settings.labels.first().cloned().unwrap_or_default();
    Signature {
        inputs: vec![spec(
            "text",
            ValueType::Text,
            true,
            "What the customer wrote; null counts as empty.",
            json!("Where is my order?"),
        )],
        outputs: vec![
            spec("label", ValueType::Text, false, "The most likely label.", json!(label)),
            spec(
                "score",
                ValueType::Number,
                false,
                "Its calibrated probability.",
                json!(0.93),
            ),
            spec(
                "labels",
                ValueType::TextList,
                false,
                "The most likely labels, best first.",
                json!([label]),
            ),
            spec(
                "scores",
                ValueType::NumberList,
                false,
                "Their probabilities.",
                json!([0.93]),
            ),
            spec(
                "out_of_scope",
                ValueType::Number,
                false,
                "Share of known questions that look less foreign than this one.",
                json!(0.12),
            ),
        ],
    }
}

impl Model for IntentModel {
    fn kind(&self) -> &'static str {
        "intent"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let rows = crate::rows::conform(&self.signature, rows)?;
        let texts = rows.column(0).as_string::<i32>();
        let count = texts.len();
        let mut label = StringBuilder::with_capacity(count, count * 16);
        let mut score = Vec::with_capacity(count);
        let mut foreign = Vec::with_capacity(count);
        let mut labels = ListBuilder::new(StringBuilder::new());
        let mut scores = ListBuilder::new(Float64Builder::new());
        let mut scratch = Scratch::default();
        for row in 0..count {
            let text = if texts.is_null(row) { "" } else { texts.value(row) };
            self.score(text, &mut scratch);
            let best = scratch.order[0] as usize;
            label.append_value(&self.settings.labels[best]);
            score.push(scratch.probabilities[best]);
            foreign.push(self.out_of_scope(scratch.margins[best]));
            for &place in &scratch.order {
                labels.values().append_value(&self.settings.labels[place as usize]);
                scores.values().append_value(scratch.probabilities[place as usize]);
            }
            labels.append(true);
            scores.append(true);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(label.finish()),
            Arc::new(Float64Array::from(score)),
            Arc::new(labels.finish()),
            Arc::new(scores.finish()),
            Arc::new(Float64Array::from(foreign)),
        ];
        RecordBatch::try_new(self.signature.output_schema(), columns).map_err(|e| Error::table("prediction", e))
    }

    fn artifact(&self) -> Artifact {
        let mut tensors = self.encoder.tensors();
        tensors.insert("weights".into(), Tensor::F32(self.weights.weights.clone()));
        tensors.insert("bias".into(), Tensor::F32(self.weights.bias.clone()));
        Artifact {
            settings: serde_json::to_value(&self.settings).unwrap_or_default(),
            tensors,
        }
    }
}
