//! A fitted intent model and the one way from texts to its answers.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::artifact::Artifact;
use crate::encode::{GramSettings, NgramEncoder, map_chunks};
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

/// Fewer rows than this are answered by one thread: a thread costs about as much to start as a few answers.
const ROWS_PER_THREAD_MIN: usize = 256;

/// The answers to a run of rows; as many labels and scores a row.
struct Answers {
    labels: Vec<u32>,
    scores: Vec<f64>,
    out_of_scope: Vec<f64>,
}

/// How many threads the machine runs at once, asked once.
fn threads() -> usize {
    static THREADS: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    *THREADS
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
        let weights = LinearWeights::take(&mut artifact, labels, encoder.len())?;
        if !(1..=labels.max(20)).contains(&settings.answers_max) {
            return Err(Error::artifact("settings", "`answers_max` is out of its range"));
        }
        if !settings.scope.iter().all(|point| point.is_finite()) || !settings.scale.is_finite() {
            return Err(Error::artifact("settings", "hold a value that is not a finite number"));
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

    fn answer(&self, texts: &StringArray, rows: &[usize]) -> Answers {
        let length = self.settings.answers_max.min(self.settings.labels.len());
        let mut answers = Answers {
            labels: Vec::with_capacity(rows.len() * length),
            scores: Vec::with_capacity(rows.len() * length),
            out_of_scope: Vec::with_capacity(rows.len()),
        };
        let mut scratch = Scratch::default();
        for &row in rows {
            let text = if texts.is_null(row) { "" } else { texts.value(row) };
            self.score(text, &mut scratch);
            answers.labels.extend_from_slice(&scratch.order);
            let scores = scratch.order.iter().map(|place| scratch.probabilities[*place as usize]);
            answers.scores.extend(scores);
            let margin = scratch.margins[scratch.order[0] as usize];
            answers.out_of_scope.push(self.out_of_scope(margin));
        }
        answers
    }

    /// Which n-grams of a text spoke for the label of that number and which against it, the strongest first, at most
    /// `top` of them. Names are those of [`NgramEncoder::name`]. Contributions of all, with the label's bias, sum to its
    /// margin. The text is prepared first, so no name holds what a mask covers.
    pub fn explain(&self, text: &str, label: usize, top: usize) -> Vec<(&str, f32)> {
        let mut row = Vec::new();
        self.encoder.encode(&self.settings.preparation.apply(text), &mut row);
        let spoke = |&(feature, value): &(u32, f32)| {
            let name = self.encoder.name(feature)?;
            Some((name, value * self.weights.weight(feature, label)))
        };
        let mut spoken: Vec<(&str, f32)> = row.iter().filter_map(spoke).filter(|spoken| spoken.1 != 0.0).collect();
        spoken.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(b.0)));
        spoken.truncate(top);
        spoken
    }

    /// The margin of a text for the label of that number, before probabilities are made of it.
    pub fn margin(&self, text: &str, label: usize) -> f32 {
        let mut scratch = Scratch::default();
        self.score(text, &mut scratch);
        scratch.margins[label]
    }

    /// What speaks for the label of that number in any text.
    pub fn bias(&self, label: usize) -> f32 {
        self.weights.bias[label]
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
        let places: Vec<usize> = (0..count).collect();
        let threads = if count < ROWS_PER_THREAD_MIN {
            1
        } else {
            threads().min(count / (ROWS_PER_THREAD_MIN / 2))
        };
        let answers = map_chunks(&places, threads, |part| self.answer(texts, part));
        let mut label = StringBuilder::with_capacity(count, count * 16);
        let mut score = Vec::with_capacity(count);
        let mut foreign = Vec::with_capacity(count);
        let mut labels = ListBuilder::new(StringBuilder::new());
        let mut scores = ListBuilder::new(Float64Builder::new());
        for part in answers {
            let length = part.labels.len() / part.out_of_scope.len().max(1);
            for (best, best_scores) in part.labels.chunks_exact(length).zip(part.scores.chunks_exact(length)) {
                label.append_value(&self.settings.labels[best[0] as usize]);
                score.push(best_scores[0]);
                for &place in best {
                    labels.values().append_value(&self.settings.labels[place as usize]);
                }
                scores.values().append_slice(best_scores);
                labels.append(true);
                scores.append(true);
            }
            foreign.extend(part.out_of_scope);
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
        tensors.append(&mut self.weights.tensors());
        Artifact {
            settings: serde_json::to_value(&self.settings).unwrap_or_default(),
            tensors,
        }
    }
}
