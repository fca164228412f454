//! `deskmill rejects [NAME]`: what could not be used, and why.

use std::collections::BTreeSet;

use anyhow::Result;
use arrow::array::AsArray;
use deskmill_models::rows::to_objects;
use deskmill_pipeline::catalog::Catalog;
use deskmill_pipeline::engine::Engine;
use deskmill_pipeline::fetch::fetched;
use deskmill_pipeline::plan::Plan;
use deskmill_pipeline::run::threads_of;
use deskmill_pipeline::session::{add_rejects, look};

use super::Place;
use crate::cli::RejectsArgs;
use crate::output::{Wrong, json_line, line, table};

pub async fn run(place: &Place, args: &RejectsArgs) -> Result<()> {
    let project = place.project()?;
    if let Some(name) = args
        .name
        .as_deref()
        .filter(|name| project.source(name).is_none() && project.table(name).is_none())
    {
        let sources = project.sources.iter().map(|source| source.name.as_str());
        let known: BTreeSet<&str> = sources
            .chain(project.tables.iter().map(|table| table.name.as_str()))
            .collect();
        let known: Vec<&str> = known.into_iter().collect();
        let message = format!("there is no source or table `{name}`");
        return Err(Wrong {
            message,
            hint: format!("known: {}", known.join(", ")),
        }
        .into());
    }
    let catalog = Catalog::new(&project.work_dir.path);
    let engine = Engine::new(&project, threads_of(&project), &catalog)?;
    if !add_rejects(&engine, &catalog, &Plan::make(&fetched(&project, &catalog)?, &catalog)?).await? {
        line("nothing was run yet, or everything changed since: deskmill run")?;
        return Ok(());
    }
    // The name was checked against the project's, which hold no quotes.
    let only = args.name.as_ref().map_or_else(String::new, |name| {
        format!("where source = '{name}' or stage = '{name}'")
    });
    let columns = "source, stage, rule, \"column\", value, file, line, hint";
    let query = format!(
        "select {columns}, raw from rejects {only} order by source, file, line limit {}",
        args.limit
    );
    let kind = "source, stage, rule, \"column\"";
    let counts = format!("select {kind}, count(*) as rows from rejects {only} group by {kind} order by {kind}");
    if place.json {
        for batch in look(&engine, "rejects", &query, None).await?.1 {
            let raw = batch.column_by_name("raw").and_then(|raw| raw.as_binary_opt::<i32>());
            for (row, mut object) in to_objects(&batch).into_iter().enumerate() {
                if let Some(raw) = raw {
                    object.insert("raw".into(), String::from_utf8_lossy(raw.value(row)).into());
                }
                json_line(&object)?;
            }
        }
        return Ok(());
    }
    show(&engine, &counts).await?;
    line("")?;
    show(&engine, &format!("select {columns} from ({query})")).await
}

async fn show(engine: &Engine, query: &str) -> Result<()> {
    let (schema, batches) = look(engine, "rejects", query, None).await?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.chars().filter(|c| !c.is_control()).take(50).collect(),
        other => other.to_string(),
    };
    let mut rows = Vec::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let cells = batch
                .columns()
                .iter()
                .map(|column| text(deskmill_models::rows::value_at(column, row)));
            rows.push(cells.collect::<Vec<String>>());
        }
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    table(&names, &rows)?;
    Ok(())
}
