//! What is asked: waiting cases, free agents, predictions, and how to weigh them. As written here, checked before use.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Most cases and most agents of one request. With as many of both it takes about half a second, and some seconds if a
/// twentieth of the cases draws.
pub const SIDE_MAX: usize = 1_000;

/// Bounds of what is given, so that sums of costs stay exact to far less than a second.
const SECONDS_MAX: f64 = 1e7;
const PRIORITY_MAX: f64 = 1_000.0;

/// Cases to assign and agents to assign them to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignRequest {
    /// Names the request; what is explored depends on it, so each request has one of its own.
    pub id: String,
    /// Cases that wait.
    pub cases: Vec<WaitingCase>,
    /// Agents that are free.
    pub agents: Vec<FreeAgent>,
}

/// A case that waits for an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingCase {
    /// Its name, once in a request.
    pub id: String,
    /// Skills that its agent must have, all of them.
    #[serde(default)]
    pub skills: Vec<String>,
    /// The language that its agent must speak; any if absent.
    #[serde(default)]
    pub language: Option<String>,
    /// How long it has waited, in seconds.
    pub waited_s: f64,
    /// How long it should wait at most, in seconds, above 0.
    pub service_level_s: f64,
    /// How much it counts beside others, above 0.
    #[serde(default = "one")]
    pub priority: f64,
}

/// An agent who can take cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeAgent {
    /// Their name, once in a request.
    pub id: String,
    /// Their skills.
    #[serde(default)]
    pub skills: Vec<String>,
    /// The languages they speak.
    #[serde(default)]
    pub languages: Vec<String>,
    /// How many cases they can take now.
    pub capacity: u32,
    /// How many cases they took today.
    #[serde(default)]
    pub taken_today: u32,
    /// How many they may take today; no bound if absent.
    #[serde(default)]
    pub cap_today: Option<u32>,
}

impl FreeAgent {
    /// How many cases they may take now, with the cap of the day.
    pub fn room(&self) -> u32 {
        let cap = self
            .cap_today
            .map_or(u32::MAX, |cap| cap.saturating_sub(self.taken_today));
        self.capacity.min(cap)
    }
}

/// What a model predicts for each (case, agent): case by case, all agents of a case after each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// Median handling time in seconds.
    pub handle_s: Vec<f64>,
    /// Probability of a good outcome.
    pub outcome: Vec<f64>,
}

/// How costs are weighed and how much is explored. All weights are in seconds of handling time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssignSettings {
    /// What a second of handling costs. Default 1, range 0 to 1000.
    pub handle_weight: f64,
    /// What a bad outcome costs. Default 900, range 0 to 1e7.
    pub outcome_s: f64,
    /// What leaving a case that has reached its service level costs. Default 3600, range 0 to 1e7.
    pub ageing_s: f64,
    /// What a case costs with the agent who took most today, beside one who took none. Default 60, range 0 to 1e7.
    pub fairness_s: f64,
    /// The probability that a case draws its agent. Default 0, range 0 to 1.
    pub exploration: f64,
    /// Drawn agents that cost so much more are drawn e times less often. Default 120, range 1 to 1e7.
    pub temperature_s: f64,
    /// How many alternatives an answer names. Default 3, range 0 to 20.
    pub alternatives: usize,
    /// Seed of what is drawn, beside the request's name.
    pub seed: u64,
}

impl Default for AssignSettings {
    fn default() -> Self {
        Self {
            handle_weight: 1.0,
            outcome_s: 900.0,
            ageing_s: 3_600.0,
            fairness_s: 60.0,
            exploration: 0.0,
            temperature_s: 120.0,
            alternatives: 3,
            seed: 0,
        }
    }
}

fn one() -> f64 {
    1.0
}

/// Refuses what cannot be assigned.
///
/// # Errors
/// Names the place by its JSON path: a number out of its range, a name given twice, too many cases or agents, or a table
/// of predictions of another size.
pub(super) fn check(request: &AssignRequest, predicted: &Predicted, settings: &AssignSettings) -> Result<()> {
    sides(request)?;
    for (at, case) in request.cases.iter().enumerate() {
        let place = |field: &str| format!("$.cases[{at}].{field}");
        number(&place("waited_s"), case.waited_s, (0.0, SECONDS_MAX))?;
        number(&place("service_level_s"), case.service_level_s, (1.0, SECONDS_MAX))?;
        number(&place("priority"), case.priority, (1e-3, PRIORITY_MAX))?;
    }
    let pairs = request.cases.len() * request.agents.len();
    for (name, table, most) in [
        ("handle_s", &predicted.handle_s, SECONDS_MAX),
        ("outcome", &predicted.outcome, 1.0),
    ] {
        if table.len() != pairs {
            let found = format!("{} numbers", table.len());
            return Err(refused(
                format!("$.predicted.{name}"),
                format!("{pairs} numbers, one a pair"),
                found,
            ));
        }
        for (at, value) in table.iter().enumerate() {
            if !(0.0..=most).contains(value) {
                number(&format!("$.predicted.{name}[{at}]"), *value, (0.0, most))?;
            }
        }
    }
    check_settings(settings)
}

/// Refuses weights out of their ranges.
///
/// # Errors
/// Names the place.
pub fn check_settings(settings: &AssignSettings) -> Result<()> {
    number("$.settings.handle_weight", settings.handle_weight, (0.0, 1_000.0))?;
    number("$.settings.outcome_s", settings.outcome_s, (0.0, SECONDS_MAX))?;
    number("$.settings.ageing_s", settings.ageing_s, (0.0, SECONDS_MAX))?;
    number("$.settings.fairness_s", settings.fairness_s, (0.0, SECONDS_MAX))?;
    number("$.settings.exploration", settings.exploration, (0.0, 1.0))?;
    number("$.settings.temperature_s", settings.temperature_s, (1.0, SECONDS_MAX))?;
    number("$.settings.alternatives", settings.alternatives as f64, (0.0, 20.0))
}

fn sides(request: &AssignRequest) -> Result<()> {
    let cases: Vec<&str> = request.cases.iter().map(|case| case.id.as_str()).collect();
    let agents: Vec<&str> = request.agents.iter().map(|agent| agent.id.as_str()).collect();
    for (side, ids) in [("cases", cases), ("agents", agents)] {
        if ids.len() > SIDE_MAX {
            let found = format!("{} of them", ids.len());
            return Err(refused(format!("$.{side}"), format!("at most {SIDE_MAX}"), found));
        }
        let mut known = HashSet::new();
        if let Some(at) = ids.iter().position(|id| !known.insert(*id)) {
            let place = format!("$.{side}[{at}].id");
            return Err(refused(
                place,
                "a name of its own".into(),
                "one that stands before".into(),
            ));
        }
    }
    Ok(())
}

fn number(path: &str, value: f64, (least, most): (f64, f64)) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::Row {
        path: path.into(),
        expected: format!("a number from {least} to {most}"),
        found: value.to_string(),
        example: least.to_string(),
    })
}

fn refused(path: String, expected: String, found: String) -> Error {
    Error::Row {
        path,
        expected,
        found,
        example: r#"{"id": "c1", "waited_s": 40, "service_level_s": 60}"#.into(),
    }
}
