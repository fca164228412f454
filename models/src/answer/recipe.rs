//! Hyper-parameters of the answer kind, checked before anything is fitted.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::kind::RecipeProblem;
use crate::recipe::{NumberKey, Reading, from_checked, number, whole};

/// A checked recipe. The table in the kind's README.md says what each key is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerRecipe {
    /// Length of the answer's lists.
    pub answers_max: usize,
    /// Longer texts of pages are cut into passages of so many characters.
    pub passage_max_chars: usize,
    /// Labelled questions that are learned from, at most.
    pub questions_max: usize,
    /// Whether personal data are masked in the passages that answers show.
    pub mask_passages: bool,
    /// How sure the promises are.
    pub promise_confidence: f64,
    /// Share of the given answers that is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_precision: Option<f64>,
    /// Share of the questions asked back whose answer is one of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_back_precision: Option<f64>,
    /// The label of questions that no answer is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<String>,
}

const NUMBERS: [NumberKey; 4] = [
    whole("answers_max", 5.0, 1.0, 20.0),
    whole("passage_max_chars", 1000.0, 100.0, 10_000.0),
    whole("questions_max", 100_000.0, 0.0, 1_000_000.0),
    number("promise_confidence", 0.95, 0.5, 0.9999),
];

impl AnswerRecipe {
    /// Checks a recipe as written; all problems at once.
    ///
    /// # Errors
    /// One problem for every unknown key and every value out of its range.
    pub fn check(written: &Value) -> std::result::Result<Self, Vec<RecipeProblem>> {
        let empty = Map::new();
        let written = written.as_object().unwrap_or(&empty);
        let mut reading = Reading::default();
        reading.numbers(written, &NUMBERS);
        reading.flags(written, &[("mask_passages", true)]);
        let share = |value: &Value| value.as_f64().filter(|v| (0.5..=0.9999).contains(v)).map(Value::from);
        let must = "must be a number from 0.5 to 0.9999";
        let hint = "0.95: 19 of 20 answers that are given are right";
        reading.other(written, "answer_precision", share, (must, hint));
        let hint = "0.9: of 10 questions asked back, the answer of 9 is one of the two";
        reading.other(written, "ask_back_precision", share, (must, hint));
        let label = |value: &Value| value.as_str().filter(|label| !label.is_empty()).map(Value::from);
        let must = (
            "must be a label",
            "\"none\", if the questions without an answer have it",
        );
        reading.other(written, "out_of_scope", label, must);
        reading.check_known(written, &[], "answer");
        reading.finish()
    }

    /// Reads back what [`Self::check`] gave.
    ///
    /// # Errors
    /// When it was not checked.
    pub fn from_checked(value: &Value, model: &str) -> Result<Self> {
        from_checked(value, model)
    }

    /// As JSON, all keys present.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}
