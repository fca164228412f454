//! Publish: an immutable version in the registry; then the gate decides whether the alias moves to it.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use deskmill_models::kind::Kind;
use deskmill_models::registry::{Action, GOLDEN_FILE, LogEntry, MODEL_FILE, NewVersion, Note, Registry};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Input;
use super::evaluate::{EvaluateFacts, REPORT_HTML, REPORT_JSON, load_fitted};
use super::gate::{Candidate, decide};
pub use super::gate::{Check, Decision};
use crate::error::{Error, Result};
use crate::keys::{Parts, key};
use crate::lineage::{LINEAGE_FILE, Lineage};
use crate::project::ModelSpec;

/// The model card in a version: what its kind is and is not.
const CARD: &str = "card.md";

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
    let loaded = load_fitted(request.kind, fitted, registry).await?;
    let artifact_bytes = files.get(MODEL_FILE).map_or(0, |bytes| bytes.len() as u64);
    let published = registry
        .publish(NewVersion {
            model: model.name.clone(),
            kind: model.kind.clone(),
            key: request.key.to_owned(),
            signature: loaded.signature().clone(),
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
    let candidate = Candidate {
        kind: request.kind,
        spec: model,
        version: published.version,
        model: loaded.as_ref(),
        measured: request.measured,
        examples,
        artifact_bytes,
    };
    let decision = decide(&candidate, registry, &state).await?;
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
