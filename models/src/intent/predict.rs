//! A fitted intent model and the one way from texts to its answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::concat_batches;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::{self, ContextSettings};
use super::hierarchy::Tree;
use super::promises::{Judge, Judging, Promises};
use super::semantic::{Asking, Semantic};
use super::several::Several;
use crate::artifact::Artifact;
use crate::encode::{GramSettings, NgramEncoder, map_chunks, readable, threads};
use crate::error::{Error, Result};
use crate::explained::Reason;
use crate::kind::{Model, Signature, ValueSpec, ValueType};
use crate::learn::simple::SimpleSparse;
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
    /// What separates the levels of a label that is a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hierarchy: Option<String>,
    /// What is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promises: Option<Promises>,
    /// When the encoder is asked; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asking: Option<Asking>,
    /// The label of rows that are about none of the labels; none if there were no such examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<String>,
}

/// A fitted intent model.
pub struct IntentModel {
    settings: Settings,
    encoder: NgramEncoder,
    weights: LinearWeights,
    semantic: Option<Semantic>,
    signature: Signature,
    judge: Option<Judge>,
    /// What it is shown beside.
    simple: Option<SimpleSparse>,
}

/// Fewer rows than this are answered by one thread if no encoder is asked: a thread costs about as much to start as a few
/// answers.
const ROWS_PER_THREAD_MIN: usize = 256;

/// Buffers of one prediction, used again from row to row.
#[derive(Default)]
struct Scratch {
    row: Vec<(u32, f32)>,
    margins: Vec<f32>,
    /// Those of the encoder's head.
    head: Vec<f32>,
    probabilities: Vec<f64>,
    /// The labels of the answer, best first.
    order: Vec<u32>,
    /// The most likely label; with several labels a text it need not be one of the answer's.
    best: usize,
}

impl IntentModel {
    pub(super) fn new(
        settings: Settings,
        encoder: NgramEncoder,
        weights: LinearWeights,
        semantic: Option<Semantic>,
    ) -> Result<Self> {
        text::warm_up();
        if encoder.has_chinese() {
            text::words::warm_up_chinese();
        }
        let promises = settings.promises.clone();
        let judge = promises.map(|promises| Judge::new(promises, &settings.labels, settings.hierarchy.as_deref()));
        let judge = judge.transpose()?;
        let mut signature = signature(&settings);
        signature.outputs.extend(judge.iter().flat_map(Judge::specs));
        Ok(Self {
            settings,
            encoder,
            weights,
            semantic,
            signature,
            judge,
            simple: None,
        })
    }

    /// With the simpler models that it is shown beside.
    pub(super) fn beside(mut self, simple: Option<SimpleSparse>) -> Self {
        self.simple = simple;
        self
    }

    /// The simpler models, over the same n-grams.
    pub(super) fn simple(&self) -> Option<&SimpleSparse> {
        self.simple.as_ref()
    }

    /// The label of that number.
    pub(super) fn label(&self, label: u32) -> &str {
        &self.settings.labels[label as usize]
    }

    /// Its small facts.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it promises, if anything.
    pub(super) fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref()
    }

    /// The tree of its labels, if they are paths.
    pub(super) fn tree(&self) -> Option<Tree> {
        let separator = self.settings.hierarchy.as_deref()?;
        Some(Tree::new(&self.settings.labels, Some(separator)))
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
        settings
            .several
            .as_ref()
            .map_or(Ok(()), |several| several.check(labels))?;
        if !settings.scope.iter().all(|point| point.is_finite())
            || !settings.scale.is_finite()
            || settings.context.is_some_and(|context| !context.weight.is_finite())
        {
            return Err(Error::artifact("settings", "hold a value that is not a finite number"));
        }
        let asking = settings.asking;
        if artifact.encoder.is_some() && asking.is_none() || asking.is_some() && settings.several.is_some() {
            return Err(Error::artifact("settings", "do not say when the encoder is asked"));
        }
        let semantic = asking.map(|asking| Semantic::take(&mut artifact, asking, labels));
        let simple = SimpleSparse::take(&mut artifact, encoder.len(), labels)?;
        Ok(Self::new(settings, encoder, weights, semantic.transpose()?)?.beside(simple))
    }

    /// The n-grams of a text and of what was said before it (cleared first).
    pub(super) fn encode(&self, text: &str, said_before: &str, row: &mut Vec<(u32, f32)>) {
        self.encode_prepared(&self.settings.preparation.apply(text), said_before, row);
    }

    fn encode_prepared(&self, prepared: &str, said_before: &str, row: &mut Vec<(u32, f32)>) {
        let settings = &self.settings;
        self.encoder.encode(prepared, row);
        if let Some(context) = settings.context {
            let said_before = context::prepare(said_before, settings.preparation);
            self.encoder.add_context(&said_before, context.weight, row);
        }
    }

    /// The margins of a prepared text by its n-grams.
    fn score_words(&self, prepared: &str, said_before: &str, scratch: &mut Scratch) {
        self.encode_prepared(prepared, said_before, &mut scratch.row);
        self.weights.margins(&scratch.row, &mut scratch.margins);
    }

    fn score(&self, text: &str, said_before: &str, scratch: &mut Scratch) -> Result<()> {
        let settings = &self.settings;
        let prepared = settings.preparation.apply(text);
        self.score_words(&prepared, said_before, scratch);
        if let Some(semantic) = &self.semantic {
            let buffers = (&mut scratch.row, &mut scratch.head);
            semantic.finish(&prepared, &mut scratch.margins, buffers)?;
        }
        if let Some(several) = &settings.several {
            several.probabilities(&scratch.margins, &mut scratch.probabilities);
            scratch.best = several.choose(&scratch.probabilities, &mut scratch.order);
            return Ok(());
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
        Ok(())
    }

    /// The answers to some of the rows.
    fn answer(&self, texts: &StringArray, said_before: Option<&[String]>, rows: &[usize]) -> Result<RecordBatch> {
        let mut label = StringBuilder::with_capacity(rows.len(), rows.len() * 16);
        let mut score = Vec::with_capacity(rows.len());
        let mut foreign = Vec::with_capacity(rows.len());
        let mut labels = ListBuilder::new(StringBuilder::new());
        let mut scores = ListBuilder::new(Float64Builder::new());
        let mut scratch = Scratch::default();
        let mut judging = self.judge.as_ref().map(Judge::begin);
        for &row in rows {
            let text = if texts.is_null(row) { "" } else { texts.value(row) };
            self.score(text, said_before.map_or("", |contexts| &contexts[row]), &mut scratch)?;
            let best = scratch.best;
            let plain = (self.settings.labels[best].as_str(), scratch.probabilities[best]);
            let judged = judging
                .as_mut()
                .map(|judging| judging.add(best, &scratch.probabilities, &self.settings.labels));
            let (answer, probability) = judged.unwrap_or(plain);
            label.append_value(answer);
            score.push(probability);
            foreign.push(self.out_of_scope(scratch.margins[best]));
            for &place in &scratch.order {
                labels.values().append_value(&self.settings.labels[place as usize]);
                scores.values().append_value(scratch.probabilities[place as usize]);
            }
            labels.append(true);
            scores.append(true);
        }
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(label.finish()),
            Arc::new(Float64Array::from(score)),
            Arc::new(labels.finish()),
            Arc::new(scores.finish()),
            Arc::new(Float64Array::from(foreign)),
        ];
        columns.extend(judging.into_iter().flat_map(Judging::finish));
        RecordBatch::try_new(self.signature.output_schema(), columns).map_err(|e| Error::table("prediction", e))
    }

    /// Which n-grams of a text, and of the turns before it, spoke for the label of that number and which against it, the
    /// strongest first, at most `top` of them. Names are those of [`NgramEncoder::name`]. Contributions of all, with the
    /// label's bias, sum to its margin ([`Self::margin`]). The text is prepared first, so no name holds what a mask covers.
    pub fn explain(&self, text: &str, said_before: &str, label: usize, top: usize) -> Vec<(&str, f32)> {
        let mut scratch = Scratch::default();
        self.score_words(&self.settings.preparation.apply(text), said_before, &mut scratch);
        let spoke = |&(feature, value): &(u32, f32)| {
            let name = self.encoder.name(feature)?;
            Some((name, value * self.weights.weight(feature, label)))
        };
        let row = scratch.row.iter();
        let mut spoken: Vec<(&str, f32)> = row.filter_map(spoke).filter(|spoken| spoken.1 != 0.0).collect();
        spoken.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(b.0)));
        spoken.truncate(top);
        spoken
    }

    /// The margin of a text for the label of that number by its n-grams, before an encoder is asked and probabilities are
    /// made of it.
    pub fn margin(&self, text: &str, label: usize) -> f32 {
        let mut scratch = Scratch::default();
        self.score_words(&self.settings.preparation.apply(text), "", &mut scratch);
        scratch.margins[label]
    }

    /// What speaks for the label of that number in any text.
    pub fn bias(&self, label: usize) -> f32 {
        self.weights.bias[label]
    }

    /// The texts of rows that conform to the signature, and what was said before each, if the model looks at that.
    pub(super) fn asked(&self, rows: &RecordBatch) -> Result<(ArrayRef, Option<Vec<String>>)> {
        let rows = crate::rows::conform(&self.signature, rows)?;
        let said_before = self.settings.context.map(|_| context::read(rows.column(1)));
        Ok((rows.column(0).clone(), said_before.transpose()?))
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
        optional: false,
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
        let (texts, said_before) = self.asked(rows)?;
        let texts = texts.as_string::<i32>();
        let count = texts.len();
        let places: Vec<usize> = (0..count).collect();
        let threads = match self.semantic {
            Some(_) => threads().min(count),
            None if count < ROWS_PER_THREAD_MIN => 1,
            None => threads().min(count / (ROWS_PER_THREAD_MIN / 2)),
        };
        let answers = map_chunks(&places, threads, |part| {
            self.answer(texts, said_before.as_deref(), part)
        });
        let answers: Vec<RecordBatch> = answers.into_iter().collect::<Result<_>>()?;
        match <[RecordBatch; 1]>::try_from(answers) {
            Ok([all]) => Ok(all),
            Err(parts) => {
                concat_batches(&self.signature.output_schema(), &parts).map_err(|e| Error::table("prediction", e))
            }
        }
    }

    /// The n-grams that spoke for the most likely label.
    fn reasons(&self, rows: &RecordBatch, top: usize) -> Result<Option<Vec<Vec<Reason>>>> {
        let (texts, said_before) = self.asked(rows)?;
        let texts = texts.as_string::<i32>();
        let mut scratch = Scratch::default();
        let reasons = (0..texts.len()).map(|row| {
            let text = if texts.is_null(row) { "" } else { texts.value(row) };
            let said_before = said_before.as_ref().map_or("", |contexts| &contexts[row]);
            self.score(text, said_before, &mut scratch)?;
            let spoken = self.explain(text, said_before, scratch.best, top).into_iter();
            let reason = |(name, weight): (&str, f32)| Reason {
                name: readable(name),
                weight: f64::from(weight),
            };
            Ok(spoken.map(reason).collect())
        });
        reasons.collect::<Result<_>>().map(Some)
    }

    fn artifact(&self) -> Artifact {
        let mut tensors = self.encoder.tensors();
        tensors.append(&mut self.weights.tensors());
        tensors.extend(self.semantic.iter().flat_map(Semantic::tensors));
        tensors.extend(self.simple.iter().flat_map(SimpleSparse::tensors));
        Artifact {
            settings: serde_json::to_value(&self.settings).unwrap_or_default(),
            tensors,
            encoder: self.semantic.as_ref().map(Semantic::encoder),
        }
    }
}
