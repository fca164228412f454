//! Hyper-parameters of the routing kind, checked before anything is fitted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::kind::RecipeProblem;
use crate::recipe::{NumberKey, Reading, from_checked, number, role_choices, whole};
use crate::table::RoleChoice;

use super::agents::{HANDLE, OUTCOME};
use super::assign::{AssignSettings, check_settings};

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
    /// The column that says which agent had a case; none if only queues are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Further columns that say something of the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agent_columns: Vec<String>,
    /// How assignments weigh what they cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign: Option<AssignSettings>,
    /// How columns are used that are not to be used as their values suggest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, RoleChoice>,
}

/// Reads what is said of agents.
fn agents(reading: &mut Reading, written: &Map<String, Value>) {
    let name = |value: &Value| value.as_str().filter(|name| !name.is_empty()).map(Value::from);
    reading.other(
        written,
        "agent",
        name,
        ("must be the name of a column", "agent = \"agent_id\""),
    );
    let names = |value: &Value| {
        let names: Option<Vec<String>> = serde_json::from_value(value.clone()).ok();
        names.map(|_| value.clone())
    };
    let must = (
        "must be a list of names of columns",
        "agent_columns = [\"agent_language\"]",
    );
    reading.other(written, "agent_columns", names, must);
    if let Some(value) = written.get("assign") {
        let settings: std::result::Result<AssignSettings, String> =
            serde_json::from_value(value.clone()).map_err(|error| error.to_string());
        let checked = settings.and_then(|settings| check_settings(&settings).map_err(|error| error.to_string()));
        if let Err(error) = checked {
            reading.wrong(
                "assign",
                &format!("does not fit: {error}"),
                "the model card lists its keys",
            );
        }
    }
    reading.other(written, "assign", |value| Some(value.clone()), ("", ""));
    for key in ["agent_columns", "assign"] {
        if written.contains_key(key) && !written.contains_key("agent") {
            reading.wrong(
                key,
                "says something of agents, and `agent` names no column",
                "agent = \"agent_id\"",
            );
        }
    }
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
        agents(&mut reading, written);
        role_choices(&mut reading, written);
        reading.check_known(written, &[], "routing");
        reading.finish()
    }

    /// Columns of agents.
    pub(super) fn agent_sides(&self) -> Vec<&str> {
        let names = self.agent.iter().chain(&self.agent_columns);
        names.map(String::as_str).collect()
    }

    /// Columns that are not known of a case when it comes in, beside [`crate::table::OWN_COLUMNS`]: what became of it, and
    /// who had it.
    pub(super) fn known_later(&self) -> Vec<&str> {
        [HANDLE, OUTCOME].into_iter().chain(self.agent_sides()).collect()
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
