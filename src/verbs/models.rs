//! `deskmill models ...`

use anyhow::Result;
use deskmill_models::registry::{Action, LogEntry, Registry, parse_reference};
use deskmill_pipeline::plan::Plan;
use deskmill_pipeline::project::{Project, registry_as_written};
use deskmill_pipeline::stale::{Stale, plan_at_once, staleness};
use serde_json::json;

use super::{Place, note};
use crate::cli::{ModelsAction, ModelsArgs};
use crate::output::{json_line, line, table};

pub async fn run(place: &Place, args: ModelsArgs) -> Result<()> {
    let (project, registry) = open(place)?;
    let desk = project.as_ref();
    match args.action.unwrap_or(ModelsAction::Ls) {
        ModelsAction::Ls => list(place, desk, &registry).await,
        ModelsAction::Show { model } => show(place, desk, &registry, &model).await,
        ModelsAction::History { model } => history(place, &registry, &model).await,
        ModelsAction::Promote {
            model,
            version,
            alias,
            why,
        } => {
            let entry = registry.promote(&model, &alias, version, note(&why)).await?;
            told(place, &entry)
        }
        ModelsAction::Rollback { model, alias, why } => {
            let entry = registry.rollback(&model, &alias, note(&why)).await?;
            told(place, &entry)
        }
    }
}

/// The registry, and the project if nothing is wrong with it: versions can be looked at and moved whatever became of the
/// sources.
pub(super) fn open(place: &Place) -> Result<(Option<Project>, Registry)> {
    match place.project() {
        Ok(project) => {
            let registry = Registry::local(&project.registry.path)?;
            Ok((Some(project), registry))
        }
        Err(error) => match registry_as_written(&place.folder) {
            Some(folder) => Ok((None, Registry::local(&folder)?)),
            None => Err(error),
        },
    }
}

/// Whether models are stale, asked of one plan. A project that has none at once says nothing.
struct Watch<'a>(Option<(&'a Project, Plan)>);

impl<'a> Watch<'a> {
    fn of(project: Option<&'a Project>) -> Self {
        Self(project.and_then(|project| Some((project, plan_at_once(project)?))))
    }

    /// The version of a model under its gate's alias, and what changed since; none where that is not known.
    async fn staleness(&self, registry: &Registry, model: &str) -> Option<Stale> {
        let (project, plan) = self.0.as_ref()?;
        staleness(project, plan, registry, model).await.ok().flatten()
    }
}

fn stale_words(stale: &Stale) -> String {
    match stale.changed.is_empty() {
        true => String::new(),
        false => format!("stale: {} changed since", stale.changed.join(", ")),
    }
}

fn told(place: &Place, entry: &LogEntry) -> Result<()> {
    if place.json {
        return json_line(entry);
    }
    line(format!("{}: {}", entry.model, words(&entry.action)))?;
    Ok(())
}

fn words(action: &Action) -> String {
    let before = |from: &Option<u64>| from.map_or_else(String::new, |from| format!(" (before: {from})"));
    match action {
        Action::Publish { version, .. } => format!("version {version} published"),
        Action::Promote { alias, version, from } => format!("`{alias}` is version {version}{}", before(from)),
        Action::Rollback { alias, version, from } => format!("`{alias}` is version {version} again (before: {from})"),
        Action::Retire { version } => format!("version {version} retired"),
    }
}

async fn list(place: &Place, project: Option<&Project>, registry: &Registry) -> Result<()> {
    let mut rows = Vec::new();
    let models = registry.models().await?;
    let watch = Watch::of(project.filter(|_| !models.is_empty()));
    for model in models {
        let state = registry.state(&model).await?;
        let stale = watch.staleness(registry, &model).await;
        for version in state.versions.values().rev() {
            let aliases: Vec<&str> = state
                .aliases
                .iter()
                .filter(|(_, v)| **v == version.version)
                .map(|(name, _)| name.as_str())
                .collect();
            let stale = stale.as_ref().filter(|stale| stale.version == version.version);
            if place.json {
                json_line(&json!({
                    "model": model, "kind": state.kind, "version": version.version, "aliases": aliases,
                    "published": version.published.when.to_string(), "who": version.published.who, "retired": version.retired,
                    "metrics": version.metrics, "main_metric": version.main_metric,
                    "stale": stale.map(|stale| &stale.changed),
                }))?;
            }
            rows.push(vec![
                model.clone(),
                version.version.to_string(),
                aliases.join(", "),
                state.kind.clone(),
                version
                    .main_value()
                    .map_or_else(String::new, |value| format!("{} {value:.4}", version.main_metric)),
                version.published.when.strftime("%Y-%m-%d %H:%M").to_string(),
                match stale {
                    _ if version.retired => "retired".to_owned(),
                    stale => stale.map_or_else(String::new, stale_words),
                },
            ]);
        }
    }
    if place.json {
        return Ok(());
    }
    if rows.is_empty() {
        line("no model is published yet: deskmill run")?;
        return Ok(());
    }
    table(
        &["model", "version", "aliases", "kind", "measured", "published (UTC)", ""],
        &rows,
    )?;
    Ok(())
}

async fn show(place: &Place, project: Option<&Project>, registry: &Registry, reference: &str) -> Result<()> {
    let (model, wanted) = parse_reference(reference)?;
    let version = registry.state(&model).await?.resolve(&wanted)?;
    let manifest = registry.manifest(&model, version).await?;
    let stale = Watch::of(project).staleness(registry, &model).await;
    let stale = stale.filter(|stale| stale.version == version);
    if place.json {
        let mut shown = serde_json::to_value(&manifest)?;
        shown["stale"] = json!(stale.map(|stale| stale.changed));
        return json_line(&shown);
    }
    line(format!(
        "{model} version {version}, kind {}, published {}",
        manifest.kind, manifest.created
    ))?;
    if let Some(stale) = stale.filter(|stale| !stale.changed.is_empty()) {
        line(stale_words(&stale))?;
    }
    let metrics: Vec<Vec<String>> = manifest
        .metrics
        .iter()
        .map(|(name, value)| vec![name.clone(), format!("{value:.4}")])
        .collect();
    table(&["metric", "value"], &metrics)?;
    let specs = |specs: &[deskmill_models::kind::ValueSpec]| -> Vec<Vec<String>> {
        let row = |spec: &deskmill_models::kind::ValueSpec| {
            let value_type = serde_json::to_value(spec.value_type).unwrap_or_default();
            vec![
                spec.name.clone(),
                value_type.as_str().unwrap_or_default().to_owned(),
                spec.about.clone(),
            ]
        };
        specs.iter().map(row).collect()
    };
    line("")?;
    table(&["input", "type", "what"], &specs(&manifest.signature.inputs))?;
    line("")?;
    table(&["output", "type", "what"], &specs(&manifest.signature.outputs))?;
    line("")?;
    let files: Vec<Vec<String>> = manifest
        .files
        .iter()
        .map(|(name, fact)| vec![name.clone(), fact.bytes.to_string(), fact.sha256.clone()])
        .collect();
    table(&["file", "bytes", "sha256"], &files)?;
    Ok(())
}

async fn history(place: &Place, registry: &Registry, model: &str) -> Result<()> {
    let entries = registry.history(model).await?;
    if place.json {
        return entries.iter().try_for_each(json_line);
    }
    let row = |entry: &LogEntry| {
        let at = entry.at.strftime("%Y-%m-%d %H:%M:%S").to_string();
        vec![
            entry.seq.to_string(),
            at,
            entry.who.clone(),
            words(&entry.action),
            entry.why.clone(),
        ]
    };
    table(
        &["", "when (UTC)", "who", "what", "why"],
        &entries.iter().map(row).collect::<Vec<_>>(),
    )?;
    Ok(())
}
