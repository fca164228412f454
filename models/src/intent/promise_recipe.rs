//! The part of a recipe that says what is promised, and whether labels are paths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hierarchy::Tree;
use super::labels::Labels;
use crate::error::{Error, Result};
use crate::kind::RecipeProblem;

/// Longest separator of paths, in characters.
const SEPARATOR_MAX_CHARS: usize = 8;

/// Labels that an error lists.
const LISTED_LABELS: usize = 30;

/// What a project promises. The table in the kind's README.md says what each key is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromiseRecipe {
    /// Of the accepted answers at least this share is right.
    pub answer_precision: Option<f64>,
    /// How sure each promise is.
    pub promise_confidence: f64,
    /// Label (or node of the hierarchy), and the largest share of its rows that may go without a flag.
    pub miss_at_most: BTreeMap<String, f64>,
    /// What separates the levels of a label that is a path; none for plain labels.
    pub hierarchy: Option<String>,
}

impl Default for PromiseRecipe {
    fn default() -> Self {
        Self {
            answer_precision: None,
            promise_confidence: 0.95,
            miss_at_most: BTreeMap::new(),
            hierarchy: None,
        }
    }
}

impl PromiseRecipe {
    /// The keys read here.
    pub const KEYS: [&str; 4] = ["answer_precision", "promise_confidence", "miss_at_most", "hierarchy"];

    /// Reads them out of a recipe as written; what is wrong is added to `problems`.
    pub fn check(written: &Map<String, Value>, problems: &mut Vec<RecipeProblem>) -> Self {
        let mut recipe = Self::default();
        let mut wrong = |key: &str, message: &str, hint: &str| {
            problems.push(RecipeProblem {
                key: key.into(),
                message: format!("`{key}` {message}"),
                hint: hint.into(),
            });
        };
        let share = |value: &Value, least, most| value.as_f64().filter(|v| (least..=most).contains(v));
        for key in Self::KEYS {
            let Some(value) = written.get(key).filter(|value| !value.is_null()) else {
                continue;
            };
            match key {
                "answer_precision" => match share(value, 0.5, 0.9999) {
                    Some(precision) => recipe.answer_precision = Some(precision),
                    None => wrong(
                        key,
                        "must be a number from 0.5 to 0.9999",
                        "0.95: 19 of 20 accepted answers are right",
                    ),
                },
                "promise_confidence" => match share(value, 0.5, 0.9999) {
                    Some(confidence) => recipe.promise_confidence = confidence,
                    None => wrong(key, "must be a number from 0.5 to 0.9999", "the default is 0.95"),
                },
                "miss_at_most" => {
                    let entry = |(label, value): (&String, &Value)| Some((label.clone(), share(value, 0.0001, 0.5)?));
                    match value.as_object().and_then(|table| table.iter().map(entry).collect()) {
                        Some(misses) => recipe.miss_at_most = misses,
                        None => wrong(
                            key,
                            "must be a table of labels with numbers from 0.0001 to 0.5",
                            "miss_at_most = { escalation = 0.02 }",
                        ),
                    }
                }
                _ => match value {
                    Value::Bool(paths) => recipe.hierarchy = paths.then(|| "/".into()),
                    Value::String(text) if (1..=SEPARATOR_MAX_CHARS).contains(&text.chars().count()) => {
                        recipe.hierarchy = Some(text.clone());
                    }
                    _ => wrong(
                        key,
                        "must be true, false or the text that separates the levels of a label",
                        "true stands for \"/\", as in `payment/refund/late`",
                    ),
                },
            }
        }
        recipe
    }

    /// Whether thresholds are to be set.
    pub fn promises(&self) -> bool {
        self.answer_precision.is_some() || !self.miss_at_most.is_empty()
    }

    /// Checks that what must not be missed exists, and that the examples have one label a text.
    ///
    /// # Errors
    /// For lists of labels; for the first name that is neither a label nor a node, saying which there are.
    pub(super) fn check_labels(&self, labels: &Labels, model: &str) -> Result<()> {
        let problem = |message: String, hint: String| Error::Examples {
            model: model.into(),
            message,
            hint,
        };
        if labels.several && (self.promises() || self.hierarchy.is_some()) {
            return Err(problem(
                "`answer_precision`, `miss_at_most` and `hierarchy` are for one label a text, and `label` holds lists"
                    .into(),
                "take the keys out of the recipe, or give each text one label".into(),
            ));
        }
        let tree = Tree::new(&labels.names, self.hierarchy.as_deref());
        let unknown = |name: &&String| tree.members(name, &labels.names).is_empty();
        let Some(name) = self.miss_at_most.keys().find(unknown) else {
            return Ok(());
        };
        let mut known: Vec<&str> = labels.names.iter().take(LISTED_LABELS).map(String::as_str).collect();
        if labels.names.len() > known.len() {
            known.push("...");
        }
        let message = format!("`miss_at_most` names `{name}`, which no row has as its label");
        Err(problem(message, format!("labels are: {}", known.join(", "))))
    }
}
