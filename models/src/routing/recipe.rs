//! Hyper-parameters of the routing kind, checked before anything is fitted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::kind::RecipeProblem;
use crate::recipe::{NumberKey, Reading, from_checked, number, role_choices, whole};
use crate::table::RoleChoice;

/// A checked recipe. The table in the kind's README.md says what each key is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoutingRecipe {
    /// Rounds of trees, at most.
    pub rounds: usize,
    /// Share of a tree's answer that is taken.
    pub learning_rate: f64,
    /// Leaves of a tree.
    pub leaves_max: usize,
    /// Rows a leaf needs.
    pub leaf_rows_min: usize,
    /// Penalty on leaf values.
    pub l2: f64,
    /// Share of the columns that a tree sees.
    pub feature_fraction: f64,
    /// Rounds without a better loss on held-back rows before learning stops.
    pub stop_after: usize,
    /// 0 counts rows alike, 1 counts queues alike.
    pub balance: f64,
    /// Length of the answer's `labels` and `scores`.
    pub answers_max: usize,
    /// Reasons an answer gives; 0 for none.
    pub reasons: usize,
    /// How sure the promise is.
    pub promise_confidence: f64,
    /// Share of the accepted answers that is right; no `accepted` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_precision: Option<f64>,
    /// How columns are used that are not to be used as their values suggest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, RoleChoice>,
}

const NUMBERS: [NumberKey; 11] = [
    whole("rounds", 200.0, 1.0, 100_000.0),
    number("learning_rate", 0.1, 0.001, 1.0),
    whole("leaves_max", 15.0, 2.0, 4096.0),
    whole("leaf_rows_min", 10.0, 1.0, 1_000_000.0),
    number("l2", 1.0, 0.0, 1e6),
    number("feature_fraction", 0.3, 0.01, 1.0),
    whole("stop_after", 10.0, 1.0, 100_000.0),
    number("balance", 0.0, 0.0, 1.0),
    whole("answers_max", 5.0, 1.0, 20.0),
    whole("reasons", 0.0, 0.0, 50.0),
    number("promise_confidence", 0.95, 0.5, 0.9999),
];

impl RoutingRecipe {
    /// Checks a recipe as written; all problems at once.
    ///
    /// # Errors
    /// One problem for every unknown key and every value out of its range.
    pub fn check(written: &Value) -> std::result::Result<Self, Vec<RecipeProblem>> {
        let empty = Map::new();
        let written = written.as_object().unwrap_or(&empty);
        let mut reading = Reading::default();
        reading.numbers(written, &NUMBERS);
        let share = |value: &Value| value.as_f64().filter(|v| (0.5..=0.9999).contains(v)).map(Value::from);
        let must = (
            "must be a number from 0.5 to 0.9999",
            "0.95: 19 of 20 accepted answers are right",
        );
        reading.other(written, "answer_precision", share, must);
        role_choices(&mut reading, written);
        reading.check_known(written, &[], "routing");
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
