//! Publish: an immutable version in the registry; then the gate decides whether the alias moves to it.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use deskmill_models::kind::Kind;
use deskmill_models::registry::{Action, GOLDEN_FILE, LogEntry, MODEL_FILE, ModelState, NewVersion, Note, Registry};
use deskmill_models::rows::ParquetRows;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::evaluate::{EvaluateFacts, REPORT_HTML, REPORT_JSON, load_fitted};
use super::{Input, assemble};
use crate::error::{Error, Result};
use crate::keys::{Parts, key};
use crate::lineage::{LINEAGE_FILE, Lineage};
use crate::project::{Gate, ModelSpec};

/// The model card in a version: what its kind is and is not.
const CARD: &str = "card.md";

/// What the gate looked at, and what it decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The version it is about.
    pub version: u64,
    /// The alias it may get.
    pub alias: String,
    /// Whether the alias names the version now.
    pub passed: bool,
    /// One line for each thing looked at.
    pub checks: Vec<Check>,
}

/// One thing the gate looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// `accuracy at least 0.800`, `not worse than version 3`.
    pub what: String,
    /// The figures.
    pub found: String,
    /// Whether it is met.
    pub passed: bool,
}

/// The outcome of publishing one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishFacts {
    /// The version with these files.
    pub version: u64,
    /// Whether this run made it.
    pub new: bool,
    /// The gate's decision; none if an earlier run or a person decided about this version before.
    pub decision: Option<Decision>,
    /// The version the alias names now.
    pub serving: Option<u64>,
}

/// What publishing reads.
pub struct PublishRequest<'a> {
    /// The kind of the model.
    pub kind: &'a dyn Kind,
    /// The model as the project has it.
    pub model: &'a ModelSpec,
    /// The folders of its examples, artifact and report.
    pub folders: [&'a Path; 3],
    /// What was measured.
    pub measured: &'a EvaluateFacts,
    /// Digest of everything that made it.
    pub key: &'a str,
    /// What the examples came from.
    pub lineage: &'a [Input],
    /// All that it was made from, down to the files; asked for only if it is a new version.
    pub way: &'a dyn Fn() -> Result<Lineage>,
    /// Who, when, in which run.
    pub note: Note,
}

/// The key of the version that a report's key leads to.
pub fn key_of(model: &str, evaluate: &str) -> String {
    key(&Parts::from([
        ("evaluate".into(), evaluate.into()),
        ("model".into(), model.into()),
    ]))
}

/// Publishes one model and lets the gate decide. Safe to repeat.
///
/// # Errors
/// When the registry refuses, or the current version cannot be measured.
pub async fn publish(request: &PublishRequest<'_>, registry: &Registry) -> Result<PublishFacts> {
    let model = request.model;
    let [examples, fitted, _] = request.folders;
    let files = files_of(request, registry).await?;
    let signature = load_fitted(request.kind, fitted, registry).await?.signature().clone();
    let published = registry
        .publish(NewVersion {
            model: model.name.clone(),
            kind: model.kind.clone(),
            key: request.key.to_owned(),
            signature,
            recipe: model.recipe.clone(),
            files,
            metrics: request.measured.metrics.clone(),
            main_metric: request.measured.main_metric.clone(),
            lineage: json!({ "inputs": request.lineage.iter().map(named).collect::<Vec<_>>() }),
            note: request.note.clone(),
        })
        .await?;
    let alias = &model.gate.alias;
    let state = registry.state(&model.name).await?;
    if was_decided(&registry.history(&model.name).await?, alias, published.version) {
        let serving = state.aliases.get(alias).copied();
        // Nothing changed, but the files may have: a damaged version must not be found out by those who ask it.
        if let Some(current) = serving {
            registry.load(&model.name, current).await?;
        }
        return Ok(PublishFacts {
            version: published.version,
            new: published.new,
            decision: None,
            serving,
        });
    }
    let decision = decide(request, registry, &state, published.version, examples).await?;
    if decision.passed {
        let facts = serde_json::to_value(&decision.checks).unwrap_or_default();
        let note = Note {
            why: "the gate passed it".into(),
            facts,
            ..request.note.clone()
        };
        registry.promote(&model.name, alias, published.version, note).await?;
    }
    let serving = if decision.passed {
        Some(published.version)
    } else {
        state.aliases.get(alias).copied()
    };
    Ok(PublishFacts {
        version: published.version,
        new: published.new,
        decision: Some(decision),
        serving,
    })
}

/// The files of the version.
async fn files_of(request: &PublishRequest<'_>, registry: &Registry) -> Result<BTreeMap<String, Bytes>> {
    let [_, fitted, report] = request.folders;
    let read = |folder: &Path, name: &str| -> Result<(String, Bytes)> {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).map_err(Error::file(&path))?;
        Ok((name.to_owned(), bytes.into()))
    };
    let mut files = BTreeMap::from([
        read(fitted, MODEL_FILE)?,
        read(report, GOLDEN_FILE)?,
        read(report, REPORT_JSON)?,
        read(report, REPORT_HTML)?,
    ]);
    let before = registry.state(&request.model.name).await;
    if !before.is_ok_and(|state| state.versions.values().any(|version| version.key == request.key)) {
        files.insert(LINEAGE_FILE.to_owned(), (request.way)()?.to_bytes().into());
    }
    files.insert(
        CARD.to_owned(),
        Bytes::from_static(request.kind.about().card.as_bytes()),
    );
    Ok(files)
}

fn named((name, rows, content): &Input) -> serde_json::Value {
    json!({ "name": name, "rows": rows, "content": content })
}

/// A version that had the alias once is not given it again by a run: a person may have rolled it back.
fn was_decided(history: &[LogEntry], alias: &str, version: u64) -> bool {
    history.iter().any(
        |entry| matches!(&entry.action, Action::Promote { alias: a, version: v, .. } if a == alias && *v == version),
    )
}

async fn decide(
    request: &PublishRequest<'_>,
    registry: &Registry,
    state: &ModelState,
    version: u64,
    examples: &Path,
) -> Result<Decision> {
    let gate: &Gate = &request.model.gate;
    let measured = request.measured;
    let mut checks: Vec<Check> = Vec::new();
    for (name, least) in &gate.at_least {
        let value = measured.metrics.get(name).copied();
        checks.push(Check {
            what: format!("{name} at least {least}"),
            found: value.map_or_else(|| "no such metric".to_owned(), |value| format!("{value:.4}")),
            passed: value.is_some_and(|value| value >= *least),
        });
    }
    let current = state
        .aliases
        .get(&gate.alias)
        .copied()
        .filter(|current| *current != version);
    if let Some(current) = current.filter(|_| gate.not_worse_than_current) {
        let test = ParquetRows::open(&examples.join(assemble::FILES[2]))?;
        let loaded = registry.load(&request.model.name, current).await?;
        let evaluation = request.kind.evaluate(loaded.model.as_ref(), &test)?;
        let main = &measured.main_metric;
        let (new, old) = (measured.metrics.get(main), evaluation.metric(main));
        let passed = new.zip(old).is_some_and(|(new, old)| *new >= old - gate.tolerance);
        let shown = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"));
        checks.push(Check {
            what: format!(
                "{main} on the same rows not worse than version {current} by more than {}",
                gate.tolerance
            ),
            found: format!("{} against {}", shown(new.copied()), shown(old)),
            passed,
        });
    }
    Ok(Decision {
        version,
        alias: gate.alias.clone(),
        passed: checks.iter().all(|check| check.passed),
        checks,
    })
}
