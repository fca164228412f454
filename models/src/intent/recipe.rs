//! Hyper-parameters of the intent kind, checked before anything is fitted.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::promise_recipe::PromiseRecipe;
use crate::encode::GramSettings;
use crate::error::{Error, Result};
use crate::kind::RecipeProblem;

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

/// Key, default, least, most, whole number.
const KEYS: [(&str, f64, f64, f64, bool); 15] = [
    ("words_max", 2.0, 1.0, 2.0, true),
    ("chars_min", 2.0, 1.0, 8.0, true),
    ("chars_max", 4.0, 0.0, 8.0, true),
    ("near_max", 10.0, 0.0, 50.0, true),
    ("near_rows_max", 200_000.0, 0.0, 4_000_000_000.0, true),
    ("words_weight", 0.6, 0.01, 100.0, false),
    ("rows_min", 1.0, 1.0, 1000.0, true),
    ("features_max", 262_144.0, 100.0, 4_194_304.0, true),
    ("chars_rows_max", 10_000.0, 0.0, 4_000_000_000.0, true),
    ("cost", 1.5, 0.001, 1000.0, false),
    ("passes", 8.0, 1.0, 100.0, true),
    ("balance", 0.0, 0.0, 1.0, false),
    ("context_weight", 0.5, 0.01, 10.0, false),
    ("answers_max", 5.0, 1.0, 20.0, true),
    ("artifact_max_mb", 20.0, 1.0, 10_000.0, true),
];

/// The key that names a label.
const OUT_OF_SCOPE: &str = "out_of_scope";

/// Keys that are true or false, and their defaults.
const FLAGS: [(&str, bool); 1] = [("quantise", false)];

impl IntentRecipe {
    /// Checks a recipe as written; all problems at once.
    ///
    /// # Errors
    /// One problem for every unknown key and every value out of its range.
    pub fn check(written: &Value) -> std::result::Result<Self, Vec<RecipeProblem>> {
        let empty = Map::new();
        let written = written.as_object().unwrap_or(&empty);
        let mut problems = Vec::new();
        let mut full = Map::new();
        for (key, default, least, most, whole) in KEYS {
            let value = written.get(key).map_or(Some(default), Value::as_f64);
            let fits = |v: &f64| (least..=most).contains(v) && (!whole || v.fract() == 0.0);
            let Some(value) = value.filter(fits) else {
                let number = if whole { "a whole number" } else { "a number" };
                problems.push(problem(
                    key,
                    format!("must be {number} from {least} to {most}"),
                    format!("the default is {default}"),
                ));
                continue;
            };
            full.insert(key.into(), if whole { (value as u64).into() } else { value.into() });
        }
        for (key, default) in FLAGS {
            match written.get(key).map_or(Some(default), Value::as_bool) {
                Some(flag) => {
                    full.insert(key.into(), flag.into());
                }
                None => problems.push(problem(
                    key,
                    "must be true or false".into(),
                    format!("the default is {default}"),
                )),
            }
        }
        match written.get(OUT_OF_SCOPE).filter(|value| !value.is_null()) {
            None => (),
            Some(Value::String(label)) if !label.is_empty() => {
                _ = full.insert(OUT_OF_SCOPE.into(), label.clone().into())
            }
            Some(_) => problems.push(problem(
                OUT_OF_SCOPE,
                "must be a label".into(),
                "name the label of texts that are about none of the others".into(),
            )),
        }
        let promise = PromiseRecipe::check(written, &mut problems);
        if let Ok(Value::Object(promise)) = serde_json::to_value(promise) {
            full.extend(promise);
        }
        let numbers = KEYS.iter().map(|key| key.0);
        let flags = FLAGS.iter().map(|key| key.0);
        let known: Vec<&str> = numbers
            .chain(flags)
            .chain([OUT_OF_SCOPE])
            .chain(PromiseRecipe::KEYS)
            .collect();
        for key in written.keys().filter(|key| !known.contains(&key.as_str())) {
            problems.push(problem(
                key,
                "is not a key of the intent recipe".into(),
                format!("known keys: {}", known.join(", ")),
            ));
        }
        let recipe: Option<Self> = serde_json::from_value(Value::Object(full)).ok();
        if let Some(recipe) = recipe.as_ref().filter(|r| r.chars_max > 0 && r.chars_min > r.chars_max) {
            let hint = format!("set it to {} or less", recipe.chars_max);
            problems.push(problem("chars_min", "is larger than `chars_max`".into(), hint));
        }
        recipe.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// Reads back what [`Self::check`] gave.
    ///
    /// # Errors
    /// When it was not checked.
    pub fn from_checked(value: &Value, model: &str) -> Result<Self> {
        serde_json::from_value(value.clone()).map_err(|error| Error::Examples {
            model: model.into(),
            message: format!("the recipe was not checked: {error}"),
            hint: "pass the recipe through `check_recipe` first".into(),
        })
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

fn problem(key: &str, message: String, hint: String) -> RecipeProblem {
    RecipeProblem {
        key: key.into(),
        message: format!("`{key}` {message}"),
        hint,
    }
}
