//! Hyper-parameters of the satisfaction kind, checked before anything is fitted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::kind::RecipeProblem;
use crate::recipe::{NumberKey, Reading, from_checked, number, role_choices, whole};
use crate::table::RoleChoice;

/// A checked recipe. The table in the kind's README.md says what each key is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SatisfactionRecipe {
    /// Rounds of trees, at most.
    pub rounds: usize,
    /// Share of a tree's answer that is taken.
    pub learning_rate: f64,
    /// Leaves of a tree; 0 tries few and many.
    pub leaves_max: usize,
    /// Rows a leaf needs.
    pub leaf_rows_min: usize,
    /// Penalty on leaf values.
    pub l2: f64,
    /// Share of the columns that a tree sees.
    pub feature_fraction: f64,
    /// Rounds without a better loss on held-back rows before learning stops.
    pub stop_after: usize,
    /// 0 counts rows alike, 1 counts labels alike.
    pub balance: f64,
    /// Reasons an answer gives; 0 for none.
    pub reasons: usize,
    /// How sure the promise is.
    pub promise_confidence: f64,
    /// Of the dissatisfied at most this share goes without `hand_over`; no such signal without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miss_at_most: Option<f64>,
    /// So many days after `time` nearly all ratings are in; 0 if it does not matter.
    pub maturity_days: f64,
    /// The label of cases without a rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<String>,
    /// The labels that mean dissatisfied; told by the labels themselves if not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dissatisfied: Vec<String>,
    /// How columns are used that are not to be used as their values suggest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, RoleChoice>,
    /// Columns of numbers with which dissatisfaction may only rise (1) or fall (-1).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub monotone: BTreeMap<String, i8>,
}

const NUMBERS: [NumberKey; 11] = [
    whole("rounds", 1000.0, 1.0, 100_000.0),
    number("learning_rate", 0.05, 0.001, 1.0),
    whole("leaves_max", 0.0, 0.0, 4096.0),
    whole("leaf_rows_min", 20.0, 1.0, 1_000_000.0),
    number("l2", 1.0, 0.0, 1e6),
    number("feature_fraction", 0.7, 0.01, 1.0),
    whole("stop_after", 50.0, 1.0, 100_000.0),
    number("balance", 0.0, 0.0, 1.0),
    whole("reasons", 3.0, 0.0, 50.0),
    number("promise_confidence", 0.95, 0.5, 0.9999),
    number("maturity_days", 0.0, 0.0, 3650.0),
];

impl SatisfactionRecipe {
    /// Checks a recipe as written; all problems at once.
    ///
    /// # Errors
    /// One problem for every unknown key and every value out of its range.
    pub fn check(written: &Value) -> std::result::Result<Self, Vec<RecipeProblem>> {
        let empty = Map::new();
        let written = written.as_object().unwrap_or(&empty);
        let mut reading = Reading::default();
        reading.numbers(written, &NUMBERS);
        let share = |value: &Value| value.as_f64().filter(|v| (0.0001..=0.5).contains(v)).map(Value::from);
        let must = (
            "must be a number from 0.0001 to 0.5",
            "0.05: of 20 dissatisfied customers at most one is missed",
        );
        reading.other(written, "miss_at_most", share, must);
        let must = ("must be a list of labels", "dissatisfied = [1, 2]");
        reading.other(written, "dissatisfied", labels, must);
        let name = |value: &Value| value.as_str().map(|label| Value::from(super::levels::name_of(label)));
        let must = (
            "must be a label",
            "unanswered = \"none\", if the cases without a rating have it",
        );
        reading.other(written, "unanswered", name, must);
        if written.get("leaves_max").and_then(Value::as_f64) == Some(1.0) {
            reading.wrong(
                "leaves_max",
                "must be 0, or a whole number from 2 to 4096",
                "the default is 0",
            );
        }
        if written.contains_key("maturity_days") && !written.contains_key("unanswered") {
            let hint = "unanswered = \"none\", and cases without a rating among the examples";
            reading.wrong(
                "maturity_days",
                "needs `unanswered`: without it all examples have their rating",
                hint,
            );
        }
        role_choices(&mut reading, written);
        let must = ("must say 1 or -1 of each column", "monotone = { waiting_minutes = 1 }");
        let signs = |value: &Value| {
            let signs: BTreeMap<String, i8> = serde_json::from_value(value.clone()).ok()?;
            let fits = signs.values().all(|sign| sign.abs() == 1);
            fits.then(|| value.clone())
        };
        reading.other(written, "monotone", signs, must);
        reading.check_known(written, &[], "satisfaction");
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

/// A list of texts, numbers or flags, as texts.
fn labels(value: &Value) -> Option<Value> {
    let label = |value: &Value| match value {
        Value::String(text) => Some(Value::from(super::levels::name_of(text))),
        Value::Number(_) | Value::Bool(_) => Some(Value::from(super::levels::name_of(&value.to_string()))),
        _ => None,
    };
    let labels: Option<Vec<Value>> = value.as_array()?.iter().map(label).collect();
    labels.filter(|labels| !labels.is_empty()).map(Value::from)
}
