//! A fitted intent model and the one way from texts to its answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::{self, ContextSettings};
use super::several::Several;
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
    /// How the context is taken; none if the examples had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextSettings>,
    /// How each label is decided by itself; none if every text has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub several: Option<Several>,
    /// How many examples the labels with few had.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rare: BTreeMap<String, u64>,
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
    /// The labels of the answer, best first.
    order: Vec<u32>,
    /// The most likely label; with several labels a text it need not be one of the answer's.
    best: usize,
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
        settings
            .several
            .as_ref()
            .map_or(Ok(()), |several| several.check(labels))?;
        if !finite(&weights.weights)
            || !finite(&weights.bias)
            || !finite(&settings.scope)
            || !settings.scale.is_finite()
            || settings.context.is_some_and(|context| !context.weight.is_finite())
        {
            return Err(Error::artifact("weights", "hold a value that is not a finite number"));
        }
        Ok(Self::new(settings, encoder, weights))
    }

    fn score(&self, text: &str, said_before: &str, scratch: &mut Scratch) {
        let settings = &self.settings;
        self.encoder.encode(&settings.preparation.apply(text), &mut scratch.row);
        if let Some(context) = settings.context {
            let said_before = context::prepare(said_before, settings.preparation);
            self.encoder.add_context(&said_before, context.weight, &mut scratch.row);
        }
        self.weights.margins(&scratch.row, &mut scratch.margins);
        if let Some(several) = &settings.several {
            several.probabilities(&scratch.margins, &mut scratch.probabilities);
            scratch.best = several.choose(&scratch.probabilities, &mut scratch.order);
            return;
        }
        softmax(&scratch.margins, settings.scale, &mut scratch.probabilities);
        let by_rank = |a: &u32, b: &u32| {
            let (a_score, b_score) = (scratch.margins[*a as usize], scratch.margins[*b as usize]);
            b_score.total_cmp(&a_score).then(a.cmp(b))
        };
        scratch.order.clear();
        scratch.order.extend(0..settings.labels.len() as u32);
        let answers = settings.answers_max.min(scratch.order.len());
        if answers < scratch.order.len() {
            scratch.order.select_nth_unstable_by(answers - 1, by_rank);
            scratch.order.truncate(answers);
        }
        scratch.order.sort_unstable_by(by_rank);
        scratch.best = scratch.order[0] as usize;
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
    let mut inputs = vec![spec(
        "text",
        ValueType::Text,
        true,
        "What the customer wrote; null counts as empty.",
        json!("Where is my order?"),
    )];
    inputs.extend(settings.context.map(ContextSettings::spec));
    let (about_labels, about_scores) = match settings.several {
        None => ("The most likely labels, best first.", "Their probabilities."),
        Some(_) => (
            "All labels the text has, best first; may be empty.",
            "Their probabilities, each label's by itself.",
        ),
    };
    let label = settings.labels.first().cloned().unwrap_or_default();
    Signature {
        inputs,
        outputs: vec![
            spec("label", ValueType::Text, false, "The most likely label.", json!(label)),
            spec(
                "score",
                ValueType::Number,
                false,
                "Its calibrated probability.",
                json!(0.93),
            ),
            spec("labels", ValueType::TextList, false, about_labels, json!([label])),
            spec("scores", ValueType::NumberList, false, about_scores, json!([0.93])),
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
        let said_before = self.settings.context.map(|_| context::read(rows.column(1)));
        let said_before = said_before.transpose()?;
        let count = texts.len();
        let mut label = StringBuilder::with_capacity(count, count * 16);
        let mut score = Vec::with_capacity(count);
        let mut foreign = Vec::with_capacity(count);
        let mut labels = ListBuilder::new(StringBuilder::new());
        let mut scores = ListBuilder::new(Float64Builder::new());
        let mut scratch = Scratch::default();
        for row in 0..count {
            let text = if texts.is_null(row) { "" } else { texts.value(row) };
            let said_before = said_before.as_ref().map_or("", |contexts| &contexts[row]);
            self.score(text, said_before, &mut scratch);
            let best = scratch.best;
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
            encoder: None,
        }
    }
}
