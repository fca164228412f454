//! The file of ladders as it is written: TOML.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileAsWritten {
    pub(super) models: BTreeMap<String, ModelAsWritten>,
}

/// `[models.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelAsWritten {
    pub(super) budget_ms: Option<u64>,
    #[serde(default)]
    pub(super) rungs: Vec<RungAsWritten>,
}

/// `[[models.NAME.rungs]]`.
#[derive(Deserialize)]
#[serde(tag = "use", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum RungAsWritten {
    Previous { budget_ms: Option<u64> },
    Model { model: String, budget_ms: Option<u64> },
    Rule { input: String, cases: Vec<CaseAsWritten> },
    Default { answer: Map<String, Value> },
}

/// One case of a rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseAsWritten {
    pub(super) contains: Vec<String>,
    pub(super) answer: Map<String, Value>,
}

pub(super) fn parse(text: &str) -> Result<FileAsWritten, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}
