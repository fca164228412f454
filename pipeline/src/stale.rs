//! Stale models: the version under a gate's alias was made from other content than the project's tables have now.

use deskmill_models::registry::Registry;
use serde::Serialize;

use crate::catalog::Catalog;
use crate::error::Result;
use crate::fetch::fetched;
use crate::plan::Plan;
use crate::project::Project;

/// Changed source files of more bytes are not read only to say whether a model is stale.
const READ_MAX_BYTES: u64 = 64 << 20;

/// A model whose version does not know the tables as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// The model.
    pub model: String,
    /// The version under its gate's alias.
    pub version: u64,
    /// The tables and sources that changed since.
    pub changed: Vec<String>,
}

/// The plan of a project if it can be had at once: no run is needed for it, and no long reading.
pub fn plan_at_once(project: &Project) -> Option<Plan> {
    let catalog = Catalog::new(&project.work_dir.path);
    let project = fetched(project, &catalog).ok()?;
    Plan::at_once(&project, &catalog, READ_MAX_BYTES).ok()
}

/// What changed since a version was made; none if that is not recorded.
fn changed_since(plan: &Plan, lineage: &serde_json::Value) -> Option<Vec<String>> {
    let mut changed = Vec::new();
    for input in lineage["inputs"].as_array()? {
        let (name, content) = (input["name"].as_str()?, input["content"].as_str()?);
        if plan.content(name) != Some(content) {
            changed.push(name.to_owned());
        }
    }
    Some(changed)
}

/// The version of a model under its gate's alias, and what changed since it was made; none if the project has no such
/// model, nothing is published under the alias, or it is not recorded.
///
/// # Errors
/// When the registry cannot be read.
pub async fn staleness(project: &Project, plan: &Plan, registry: &Registry, model: &str) -> Result<Option<Stale>> {
    let Some(spec) = project.model(model) else {
        return Ok(None);
    };
    let state = registry.state(model).await?;
    let Some(&version) = state.aliases.get(&spec.gate.alias) else {
        return Ok(None);
    };
    let manifest = registry.manifest(model, version).await?;
    Ok(changed_since(plan, &manifest.lineage).map(|changed| Stale {
        model: model.to_owned(),
        version,
        changed,
    }))
}

/// The models of a project that are stale.
///
/// # Errors
/// When the registry cannot be read.
pub async fn stale_models(project: &Project, plan: &Plan, registry: &Registry) -> Result<Vec<Stale>> {
    let published = registry.models().await?;
    let mut all = Vec::new();
    for model in project.models.iter().filter(|model| published.contains(&model.name)) {
        let found = staleness(project, plan, registry, &model.name).await?;
        all.extend(found.filter(|stale| !stale.changed.is_empty()));
    }
    Ok(all)
}
