//! A fitted answer model and the one way from questions to its answers.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::promised::Promised;
use super::search::{AnswerModel, Answered, Question, warm_up};
use super::shown::{self, Shown};
use crate::artifact::Artifact;
use crate::error::{Error, Result};
use crate::kind::{Model, Signature, ValueSpec, ValueType};
use crate::sentence::SentenceEncoder;
use crate::table::in_parts;
use crate::text;

/// Fewer questions are answered by one thread.
const ROWS_PER_THREAD_MIN: usize = 16;

/// The output that says what to do with a question.
pub(super) const ACTION: &str = "action";

/// The small facts of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    /// All answers by name, sorted.
    pub names: Vec<String>,
    pub answers_max: usize,
    pub promised: Promised,
    /// The label of questions that no answer is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<String>,
    /// Questions learned from, of so many.
    pub learned: (u64, u64),
    /// What was learned to rank by.
    pub search: Value,
}

/// A fitted answer model.
pub struct AnswersModel {
    settings: Settings,
    search: AnswerModel,
    /// By passage.
    shown: Vec<Shown>,
    encoder: Option<Arc<SentenceEncoder>>,
    signature: Signature,
}

impl AnswersModel {
    pub(super) fn new(
        settings: Settings,
        search: AnswerModel,
        shown: Vec<Shown>,
        encoder: Option<Arc<SentenceEncoder>>,
    ) -> Result<Self> {
        let knows = search
            .index()
            .answers()
            .last()
            .is_none_or(|answer| (answer as usize) < settings.names.len());
        let fits = knows
            && !settings.names.is_empty()
            && settings.names.is_sorted_by(|a, b| a < b)
            && (1..=20).contains(&settings.answers_max)
            && settings.promised.is_sound()
            && search.passages_given() == shown.len()
            && encoder.is_some() == search.index().has_vectors();
        if !fits {
            return Err(Error::artifact(
                "settings",
                "answers, passages and thresholds do not fit each other",
            ));
        }
        warm_up();
        Ok(Self {
            signature: Signature {
                inputs: vec![input()],
                outputs: outputs(&settings),
            },
            settings,
            search,
            shown,
            encoder,
        })
    }

    pub(super) fn from_artifact(mut artifact: Artifact) -> Result<Self> {
        let settings = std::mem::take(&mut artifact.settings);
        let settings: Settings = serde_json::from_value(settings).map_err(|e| Error::artifact("settings", e))?;
        let search = AnswerModel::take(&mut artifact, settings.search.clone())?;
        let shown = shown::take(&mut artifact, search.passages_given())?;
        Self::new(settings, search, shown, artifact.encoder)
    }

    /// Its small facts.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Passages that answers come from.
    pub(super) fn passages(&self) -> usize {
        self.shown.len()
    }

    /// Whether confidences are probabilities.
    pub(super) fn is_calibrated(&self) -> bool {
        self.search.is_calibrated()
    }

    fn ask(&self, text: &str) -> Result<Answered> {
        let encoder = self.encoder.as_ref();
        let vector = encoder.map(|encoder| encoder.embed(&text::prepare(text))).transpose()?;
        let question = Question {
            text,
            vector: vector.as_deref(),
        };
        Ok(self.search.answer(&question, self.settings.answers_max))
    }

    fn answer(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = Columns::default();
        for text in rows.column(0).as_string::<i32>() {
            let answered = self.ask(text.unwrap_or_default())?;
            columns.push(self, &answered);
        }
        let columns = columns.finish(self.settings.promised.promises());
        RecordBatch::try_new(self.signature.output_schema(), columns).map_err(|e| Error::table("prediction", e))
    }
}

/// Answers being put together.
#[derive(Default)]
struct Columns {
    label: StringBuilder,
    score: Vec<f64>,
    labels: ListBuilder<StringBuilder>,
    scores: ListBuilder<Float64Builder>,
    /// Texts, headings and links.
    shown: [ListBuilder<StringBuilder>; 3],
    action: StringBuilder,
}

impl Columns {
    fn push(&mut self, model: &AnswersModel, answered: &Answered) {
        let name = |answer: u32| model.settings.names[answer as usize].as_str();
        self.label
            .append_value(answered.ranked.first().map_or("", |first| name(first.answer)));
        self.score.push(answered.confidence);
        for one in &answered.ranked {
            self.labels.values().append_value(name(one.answer));
            self.scores.values().append_value(one.probability);
            let nothing = Shown::default();
            let shown = model.shown.get(one.passage as usize).unwrap_or(&nothing);
            let fields = [&shown.text, &shown.heading, &shown.link];
            for (list, field) in self.shown.iter_mut().zip(fields) {
                list.values().append_value(field);
            }
        }
        self.labels.append(true);
        self.scores.append(true);
        self.shown.iter_mut().for_each(|list| list.append(true));
        let action = model
            .settings
            .promised
            .action(answered.confidence, answered.confidence_two);
        self.action.append_value(action.name());
    }

    fn finish(mut self, with_action: bool) -> Vec<ArrayRef> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.label.finish()),
            Arc::new(Float64Array::from(self.score)),
            Arc::new(self.labels.finish()),
            Arc::new(self.scores.finish()),
        ];
        columns.extend(self.shown.iter_mut().map(|list| Arc::new(list.finish()) as ArrayRef));
        if with_action {
            columns.push(Arc::new(self.action.finish()));
        }
        columns
    }
}

fn input() -> ValueSpec {
    ValueSpec {
        name: "text".into(),
        value_type: ValueType::Text,
        nullable: false,
        optional: false,
        about: "What is asked.".into(),
        example: json!("How do I send it back?"),
    }
}

fn outputs(settings: &Settings) -> Vec<ValueSpec> {
    let spec = ValueSpec::output;
    let name = &settings.names[0];
    let mut outputs = vec![
        spec(
            "label",
            ValueType::Text,
            "The answer that suits best; empty if the question has nothing in common with any.",
            json!(name),
        ),
        spec(
            "score",
            ValueType::Number,
            "How likely it is the right one.",
            json!(0.8),
        ),
        spec(
            "labels",
            ValueType::TextList,
            "The answers, the best first.",
            json!([name]),
        ),
        spec(
            "scores",
            ValueType::NumberList,
            "How likely each is, if the right one is among those found.",
            json!([0.8]),
        ),
        spec(
            "passages",
            ValueType::TextList,
            "The passage of each that suits best.",
            json!(["Open the order and choose Return."]),
        ),
        spec(
            "headings",
            ValueType::TextList,
            "The headings over them.",
            json!(["Returns"]),
        ),
        spec(
            "links",
            ValueType::TextList,
            "Where they stand.",
            json!(["help/returns"]),
        ),
    ];
    if settings.promised.promises() {
        outputs.push(ValueSpec::output(
            ACTION,
            ValueType::Text,
            about_action(&settings.promised),
            json!("answer"),
        ));
    }
    outputs
}

fn about_action(promised: &Promised) -> String {
    let mut about = Vec::new();
    if let Some(promise) = &promised.answer {
        about.push(format!(
            "`answer`: give the first one, at least {} of those are right, with confidence {}",
            promise.promised, promise.confidence
        ));
    }
    if let Some(promise) = &promised.ask_back {
        about.push(format!(
            "`ask_back`: ask which of the first two is meant, at least {} of the time one is, with confidence {}",
            promise.promised, promise.confidence
        ));
    }
    about.push("`hand_over`: let a person answer".into());
    about.join("; ") + "."
}

impl Model for AnswersModel {
    fn kind(&self) -> &'static str {
        "answer"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let rows = crate::rows::conform(&self.signature, rows)?;
        in_parts(&self.signature, &rows, ROWS_PER_THREAD_MIN, |rows| self.answer(rows))
    }

    fn artifact(&self) -> Artifact {
        let mut tensors = self.search.tensors();
        tensors.extend(shown::tensors(&self.shown));
        Artifact {
            settings: serde_json::to_value(&self.settings).unwrap_or_default(),
            tensors,
            encoder: self.encoder.clone(),
        }
    }
}
