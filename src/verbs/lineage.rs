//! `deskmill lineage NAME [--row ROW]`: what something was made from, as a tree; or the way of single rows.

use std::collections::BTreeSet;

use anyhow::Result;
use deskmill_models::registry::Registry;
use deskmill_pipeline::catalog::Catalog;
use deskmill_pipeline::fetch::fetched;
use deskmill_pipeline::lineage::{
    Branch, Found, Now, RowOrigin, RowsAsked, Since, Target, draw, find, follow, of_version,
};
use deskmill_pipeline::plan::Plan;
use deskmill_pipeline::project::Project;
use serde_json::{Map, Value, json};

use super::Place;
use crate::cli::LineageArgs;
use crate::output::{json_line, line};

/// Files of one source that a terminal shows; `--json` has all.
const FILES_SHOWN_MAX: usize = 20;

/// Characters of one value on a terminal.
const VALUE_MAX_CHARS: usize = 200;

pub async fn run(place: &Place, args: &LineageArgs) -> Result<()> {
    let (project, registry) = place.registry()?;
    let catalog = Catalog::new(&project.work_dir.path);
    let project = fetched(&project, &catalog)?;
    let plan = Plan::make(&project, &catalog)?;
    let target = Target::of(&args.name, &project, &models_of(&registry).await?)?;
    let found = match &target {
        Target::Version(reference) => of_version(reference, &registry, &catalog).await?,
        other => find(other, &plan, &catalog)?,
    };
    let now = Now::of(&found.lineage, &project, &plan);
    if args.rows.is_empty() {
        return show(place, matches!(target, Target::Version(_)), &found, &now);
    }
    let asked = RowsAsked {
        project: &project,
        catalog: &catalog,
        target: &target,
        lineage: &found.lineage,
        now: &now,
    };
    let origins = follow(&asked, &args.rows)?;
    if place.json {
        return origins.iter().try_for_each(json_line);
    }
    for (at, origin) in origins.iter().enumerate() {
        if at > 0 {
            line("")?;
        }
        show_row(origin, &project)?;
    }
    Ok(())
}

async fn models_of(registry: &Registry) -> Result<BTreeSet<String>> {
    Ok(registry.models().await?.into_iter().collect())
}

fn show(place: &Place, is_version: bool, found: &Found, now: &Now) -> Result<()> {
    if place.json {
        return json_line(&json!({
            "title": found.title, "remark": found.remark, "lineage": found.lineage, "now": now,
        }));
    }
    let mut tree = found.lineage.tree(Some(now), FILES_SHOWN_MAX);
    if is_version {
        tree = Branch {
            text: found.title.clone(),
            below: vec![tree],
        };
    }
    for text in draw(&tree) {
        line(text)?;
    }
    if !found.remark.is_empty() {
        line(format!("note: {}", found.remark))?;
    }
    Ok(())
}

fn show_row(origin: &RowOrigin, project: &Project) -> Result<()> {
    let of = origin.table.as_ref().map_or_else(
        || format!("source {}", origin.source),
        |table| format!("table {table}, of source {}", origin.source),
    );
    line(format!("row {} of {of}: {}", origin.row, origin.outcome))?;
    if let Some(by) = &origin.rejected {
        let stage = if by.stage == "ingest" {
            "when it was read"
        } else {
            "by the table"
        };
        line(format!("  rule    {} ({stage})", by.rule))?;
        if let Some(column) = &by.column {
            let value = by
                .value
                .as_ref()
                .map_or_else(String::new, |value| format!(": {}", plain(value)));
            line(format!("  column  {}{value}", plain(column)))?;
        }
        line(format!("  hint    {}", plain(&by.hint)))?;
    }
    let mark = match origin.file_now {
        Since::Same => "",
        Since::Changed => "  [the file has changed since]",
        Since::Gone => "  [the file is not here]",
        Since::Unread => "  [the project does not read it any more]",
    };
    line(format!("  file    {}{mark}", plain(&origin.file.path)))?;
    line(format!("  sha256  {}", origin.file.sha256))?;
    let offset = if origin.offset < 0 {
        String::new()
    } else {
        format!(", byte {}", origin.offset)
    };
    line(format!("  line    {}{offset}", origin.line))?;
    show_fields("read as", &origin.fields)?;
    if let (Some(fields), Some(name)) = (&origin.table_fields, &origin.table) {
        let sql = project.table(name).map_or("", |table| table.sql_path.written.as_str());
        show_fields(&format!("made into ({sql})"), fields)?;
    }
    match (&origin.raw, &origin.raw_missing) {
        (Some(raw), _) => {
            let cut = if raw.is_whole { "" } else { ", the start of them" };
            line(format!("  raw     {} bytes{cut}, {}:", raw.bytes, raw.encoding))?;
            for text in raw.text.lines() {
                line(format!("    {}", plain(text)))?;
            }
        }
        (None, why) => line(format!("  raw     none: {}", why.as_deref().unwrap_or_default()))?,
    }
    Ok(())
}

fn show_fields(title: &str, fields: &Map<String, Value>) -> Result<()> {
    if fields.is_empty() {
        return Ok(());
    }
    line(format!("  {title}:"))?;
    for (name, value) in fields {
        let text = match value {
            Value::Null => "(none)".to_owned(),
            Value::String(text) => plain(text),
            other => other.to_string(),
        };
        line(format!("    {}: {text}", plain(name)))?;
    }
    Ok(())
}

/// A value on one line that cannot steer the terminal.
fn plain(text: &str) -> String {
    let clean = |sign: char| if sign.is_control() { ' ' } else { sign };
    let mut shown: String = text.chars().take(VALUE_MAX_CHARS).map(clean).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
