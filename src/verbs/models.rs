//! `deskmill models ...`

use anyhow::Result;
use deskmill_models::registry::{Action, LogEntry, Registry, parse_reference};
use serde_json::json;

use super::{Place, note};
use crate::cli::{ModelsAction, ModelsArgs};
use crate::output::{json_line, line, table};

pub async fn run(place: &Place, args: ModelsArgs) -> Result<()> {
    let (_, registry) = place.registry()?;
    match args.action.unwrap_or(ModelsAction::Ls) {
        ModelsAction::Ls => list(place, &registry).await,
        ModelsAction::Show { model } => show(place, &registry, &model).await,
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

async fn list(place: &Place, registry: &Registry) -> Result<()> {
    let mut rows = Vec::new();
    for model in registry.models().await? {
        let state = registry.state(&model).await?;
        for version in state.versions.values().rev() {
            let aliases: Vec<&str> = state
                .aliases
                .iter()
                .filter(|(_, v)| **v == version.version)
                .map(|(name, _)| name.as_str())
                .collect();
            if place.json {
                json_line(&json!({
                    "model": model, "kind": state.kind, "version": version.version, "aliases": aliases,
                    "published": version.published.when.to_string(), "who": version.published.who, "retired": version.retired,
                    "metrics": version.metrics, "main_metric": version.main_metric,
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
                if version.retired {
                    "retired".to_owned()
                } else {
                    String::new()
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

async fn show(place: &Place, registry: &Registry, reference: &str) -> Result<()> {
    let (model, wanted) = parse_reference(reference)?;
    let version = registry.state(&model).await?.resolve(&wanted)?;
    let manifest = registry.manifest(&model, version).await?;
    if place.json {
        return json_line(&manifest);
    }
    line(format!(
        "{model} version {version}, kind {}, published {}",
        manifest.kind, manifest.created
    ))?;
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
