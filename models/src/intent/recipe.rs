//! Hyper-parameters of the intent kind, checked before anything is fitted.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::promise_recipe::PromiseRecipe;
use crate::encode::GramSettings;
use crate::error::Result;
use crate::kind::RecipeProblem;
use crate::recipe::{NumberKey, Reading, from_checked, number, whole};

/// A checked recipe. The table in the kind's README.md says what each key is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntentRecipe {
    /// Longest run of words taken as one feature.
    pub words_max: usize,
    /// Shortest run of characters within a word.
    pub chars_min: usize,
    /// Longest run of characters within a word; 0 for none.
    pub chars_max: usize,
    /// Two words at most so many apart are a feature; 0 for none.
    pub near_max: usize,
    /// With more rows to learn from, words near each other are not taken.
    pub near_rows_max: u64,
    /// Weight of words beside characters.
    pub words_weight: f32,
    /// An n-gram in fewer rows is left out.
    pub rows_min: u32,
    /// Most features in the model.
    pub features_max: usize,
    /// A word in more rows is taken whole, without its characters.
    pub chars_rows_max: u32,
    /// Loss against penalty.
    pub cost: f32,
    /// Times through the rows, at most.
    pub passes: usize,
    /// 0 counts rows alike, 1 counts labels alike.
    pub balance: f32,
    /// Length of the block of features of the earlier turns.
    pub context_weight: f32,
    /// Length of the answer's `labels` and `scores`.
    pub answers_max: usize,
    /// Largest vocabulary and weights, in megabytes; of larger ones the smallest weights are left out.
    pub artifact_max_mb: usize,
    /// Whether weights are stored in 8 bits.
    pub quantise: bool,
    /// The label of texts that are about none of the others; none if there are no such examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<String>,
    /// What is promised, and whether labels are paths.
    #[serde(flatten)]
    pub promise: PromiseRecipe,
}

const NUMBERS: [NumberKey; 15] = [
    whole("words_max", 2.0, 1.0, 2.0),
    whole("chars_min", 2.0, 1.0, 8.0),
    whole("chars_max", 4.0, 0.0, 8.0),
    whole("near_max", 10.0, 0.0, 50.0),
    whole("near_rows_max", 200_000.0, 0.0, 4_000_000_000.0),
    number("words_weight", 0.6, 0.01, 100.0),
    whole("rows_min", 1.0, 1.0, 1000.0),
    whole("features_max", 262_144.0, 100.0, 4_194_304.0),
    whole("chars_rows_max", 10_000.0, 0.0, 4_000_000_000.0),
    number("cost", 1.5, 0.001, 1000.0),
    whole("passes", 8.0, 1.0, 100.0),
    number("balance", 0.0, 0.0, 1.0),
    number("context_weight", 0.5, 0.01, 10.0),
    whole("answers_max", 5.0, 1.0, 20.0),
    whole("artifact_max_mb", 20.0, 1.0, 10_000.0),
];

impl IntentRecipe {
    /// Checks a recipe as written; all problems at once.
    ///
    /// # Errors
    /// One problem for every unknown key and every value out of its range.
    pub fn check(written: &Value) -> std::result::Result<Self, Vec<RecipeProblem>> {
        let empty = Map::new();
        let written = written.as_object().unwrap_or(&empty);
        let mut reading = Reading::default();
        reading.numbers(written, &NUMBERS);
        reading.flags(written, &[("quantise", false)]);
        let label = |value: &Value| value.as_str().filter(|label| !label.is_empty()).map(Value::from);
        let must = (
            "must be a label",
            "name the label of texts that are about none of the others",
        );
        reading.other(written, "out_of_scope", label, must);
        let promise = PromiseRecipe::check(written, &mut reading.problems);
        if let Ok(Value::Object(promise)) = serde_json::to_value(promise) {
            reading.full.extend(promise);
        }
        reading.check_known(written, &PromiseRecipe::KEYS, "intent");
        let Reading { full, mut problems, .. } = reading;
        let recipe: Option<Self> = serde_json::from_value(Value::Object(full)).ok();
        if let Some(recipe) = recipe.as_ref().filter(|r| r.chars_max > 0 && r.chars_min > r.chars_max) {
            problems.push(RecipeProblem {
                key: "chars_min".into(),
                message: "`chars_min` is larger than `chars_max`".into(),
                hint: format!("set it to {} or less", recipe.chars_max),
            });
        }
        recipe.filter(|_| problems.is_empty()).ok_or(problems)
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

    /// The n-grams it asks for when there are so many rows to learn from.
    pub fn grams(&self, rows: u64) -> GramSettings {
        GramSettings {
            words_max: self.words_max,
            chars_min: self.chars_min,
            chars_max: self.chars_max,
            near_max: if rows > self.near_rows_max { 0 } else { self.near_max },
            words_weight: self.words_weight,
        }
    }
}
