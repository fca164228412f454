//! What a name on the command line stands for, and its lineage: a table or source as the work folder has it, or a
//! published version, which carries its own.

use std::collections::BTreeSet;

use deskmill_models::registry::{Manifest, ModelState, PROD, Registry, Wanted, parse_reference};
use serde::Serialize;

use super::gather::{Lineage, landings_of};
use super::output::{CONTENTS_STAGE, Input, Output, SOURCE};
use super::{LINEAGE_FILE, is_kept};
use crate::catalog::{Catalog, is_key};
use crate::engine::RAW;
use crate::error::{Error, Result};
use crate::plan::{Plan, folder_of};
use crate::project::Project;
use crate::stages::publish;

/// The longest lineage of a version that is read.
const LINEAGE_MAX_BYTES: u64 = 256 << 20;

/// Digits of the digest of a source's content; a table's key is shorter.
const SOURCE_DIGITS: usize = 64;

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A table of the project.
    Table(String),
    /// A source of the project.
    Source(String),
    /// A model, `model@version` or `model@alias`.
    Version(String),
}

/// A target with its lineage.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// What it is, in words: `table tickets`, `intent@3 (prod), kind intent, accuracy 0.9123`.
    pub title: String,
    /// All it was made from.
    pub lineage: Lineage,
    /// What is to be said about it; empty if all is as it should be.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remark: String,
}

impl Target {
    /// Reads a name: tables first, then sources (`raw.NAME` always), then models; `@` makes it a version.
    ///
    /// # Errors
    /// When the project has no such name.
    pub fn of(name: &str, project: &Project, models: &BTreeSet<String>) -> Result<Self> {
        let raw = name.strip_prefix(RAW).and_then(|rest| rest.strip_prefix('.'));
        if name.contains('@') {
            return Ok(Target::Version(name.into()));
        }
        if project.table(name).is_some() {
            return Ok(Target::Table(name.into()));
        }
        if let Some(source) = project.source(raw.unwrap_or(name)) {
            return Ok(Target::Source(source.name.clone()));
        }
        if models.contains(name) {
            return Ok(Target::Version(name.into()));
        }
        let list = |words: Vec<&str>| {
            if words.is_empty() {
                "none".to_owned()
            } else {
                words.join(", ")
            }
        };
        let tables = list(project.tables.iter().map(|table| table.name.as_str()).collect());
        let sources = list(project.sources.iter().map(|source| source.name.as_str()).collect());
        let models = list(models.iter().map(String::as_str).collect());
        let message = if project.model(name).is_some() {
            "it was never published"
        } else {
            "there is no table, source or published model of this name"
        };
        Err(wrong(
            &name.escape_debug().to_string(),
            message,
            format!(
                "tables: {tables}; sources: {sources}; published models: {models}; `deskmill run` makes and publishes"
            ),
        ))
    }
}

fn wrong(place: &str, message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Lineage {
        place: place.into(),
        message: message.into(),
        hint: hint.into(),
    }
}

/// The lineage of a table or source in the work folder: of what the plan wants if it is there, else of what the last good
/// run had.
///
/// # Errors
/// When neither is there, or a lineage file cannot be read.
pub fn find(target: &Target, plan: &Plan, catalog: &Catalog) -> Result<Found> {
    let (title, present, before) = match target {
        Target::Table(name) => {
            let present = plan
                .step("clean", name)
                .map(|step| Input::new("clean", name, &step.key));
            let is_there = |input: &Input| is_kept(&catalog.folder(folder_of("clean"), name, &input.content));
            let before = Plan::last_good(catalog)
                .into_iter()
                .find(|(stage, of, _)| stage == "clean" && of == name)
                .map(|(_, _, key)| Input::new("clean", name, &key));
            (
                format!("table {name}"),
                present.filter(is_there),
                before.filter(is_there),
            )
        }
        Target::Source(name) => {
            let present = plan.content(&format!("{RAW}.{name}"));
            let present = present.filter(|content| landings_of(catalog, name, content).is_some());
            let present = present.map(|content| Input::new(SOURCE, name, content));
            (format!("source {name}"), present, source_before(name, catalog))
        }
        Target::Version(name) => (name.clone(), None, None),
    };
    let remark = if present.is_some() {
        String::new()
    } else {
        "shown as the last good run made it; the next run makes it anew".to_owned()
    };
    let Some(input) = present.or(before) else {
        return Err(wrong(&title, "it was not made yet", "make it first: `deskmill run`"));
    };
    let lineage = if input.stage == SOURCE {
        Lineage::of_source(catalog, input.of(), &input.content)?
    } else {
        Lineage::of_output(catalog, &input.stage, &input.name, &input.content)?
    };
    Ok(Found { title, lineage, remark })
}

/// The content that a source had in the last good run.
fn source_before(source: &str, catalog: &Catalog) -> Option<Input> {
    let last: BTreeSet<String> = Plan::last_good(catalog)
        .into_iter()
        .filter(|(stage, name, _)| stage == "ingest" && name == source)
        .map(|(_, _, key)| key)
        .collect();
    let had = |content: &String| {
        let landings = landings_of(catalog, source, content);
        landings.is_some_and(|landings| landings.into_iter().collect::<BTreeSet<_>>() == last)
    };
    let content = catalog.keys(CONTENTS_STAGE, source).into_iter().find(had)?;
    Some(Input::new(SOURCE, source, &content))
}

/// The lineage of a published version, retired or not: what it carries; if it was published before versions carried any,
/// what the work folder knows.
///
/// # Errors
/// When there is no such version, or its files are damaged.
pub async fn of_version(reference: &str, registry: &Registry, catalog: &Catalog) -> Result<Found> {
    let (model, wanted) = parse_reference(reference)?;
    let state = registry.state(&model).await?;
    let version = match wanted {
        // A retired version is out of use, and its lineage is of interest all the same.
        Wanted::Version(version) if state.versions.contains_key(&version) => version,
        Wanted::Default if !state.aliases.contains_key(PROD) => {
            let newest = state.versions.last_key_value().map_or(1, |(version, _)| *version);
            let hint = format!("name a version: `{model}@{newest}`");
            return Err(wrong(&model, "the alias `prod` names no version", hint));
        }
        wanted => state.resolve(&wanted)?,
    };
    let (lineage, remark) = lineage_of(registry, catalog, &state, version).await?;
    let aliases: Vec<&str> = state
        .aliases
        .iter()
        .filter(|(_, named)| **named == version)
        .map(|(alias, _)| alias.as_str())
        .collect();
    let aliases = if aliases.is_empty() {
        String::new()
    } else {
        format!(" ({})", aliases.join(", "))
    };
    let about = &state.versions[&version];
    let measured = about
        .main_value()
        .map_or_else(String::new, |value| format!(", {} {value:.4}", about.main_metric));
    let retired = if about.retired { ", retired" } else { "" };
    Ok(Found {
        title: format!("{model}@{version}{aliases}, kind {}{measured}{retired}", state.kind),
        lineage,
        remark,
    })
}

/// The lineage of a version, and what is to be said about it.
pub(crate) async fn lineage_of(
    registry: &Registry,
    catalog: &Catalog,
    state: &ModelState,
    version: u64,
) -> Result<(Lineage, String)> {
    let model = state.model.as_str();
    let manifest = registry.manifest(model, version).await?;
    let place = format!("{model}@{version}");
    if let Some(file) = manifest.files.get(LINEAGE_FILE) {
        if file.bytes > LINEAGE_MAX_BYTES {
            let message = format!("its {LINEAGE_FILE} has {} bytes", file.bytes);
            return Err(wrong(&place, message, format!("at most {LINEAGE_MAX_BYTES} are read")));
        }
        let bytes = registry.file_of(&manifest, LINEAGE_FILE).await?;
        return Ok((Lineage::from_bytes(&place, &bytes)?, String::new()));
    }
    let reports = catalog.keys(folder_of("evaluate"), model);
    if let Some(key) = reports
        .into_iter()
        .find(|key| publish::key_of(model, key) == manifest.key)
    {
        let remark = "published before versions carried their lineage; this is from the work folder";
        return Ok((Lineage::of_output(catalog, "evaluate", model, &key)?, remark.to_owned()));
    }
    let lineage = of_manifest(catalog, &manifest)?;
    let remark = "published before versions carried their lineage; only the tables it was made from are known";
    Ok((lineage, remark.to_owned()))
}

/// The lineage of a version that carries none: the tables and sources that its manifest names, as far as the work folder
/// has them still.
fn of_manifest(catalog: &Catalog, manifest: &Manifest) -> Result<Lineage> {
    let of = Input::new("version", &manifest.model, &manifest.key);
    let mut lineage = Lineage::empty(of.clone());
    let mut inputs = Vec::new();
    let named = manifest.lineage.get("inputs").and_then(serde_json::Value::as_array);
    for input in named.into_iter().flatten() {
        let text = |key: &str| input.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let (name, content) = (text("name"), text("content"));
        // A manifest can come from anywhere, and these become paths.
        if !is_key(content) || name.contains(['/', '\\', '\0']) {
            continue;
        }
        let stage = if content.len() == SOURCE_DIGITS {
            SOURCE
        } else {
            "clean"
        };
        let input = Input::new(stage, name, content);
        lineage.join(Lineage::of(catalog, input.clone())?);
        inputs.push(input);
    }
    lineage.outputs.push(Output {
        inputs,
        ..Output::bare(&of)
    });
    Ok(lineage)
}
