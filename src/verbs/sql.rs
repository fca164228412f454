//! `deskmill sql QUERY`: over the sources and tables of the last run, with `predict()`.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use deskmill_models::registry::{Registry, parse_reference};
use deskmill_models::rows::{to_objects, value_at};
use deskmill_pipeline::catalog::Catalog;
use deskmill_pipeline::engine::{Engine, references};
use deskmill_pipeline::fetch::fetched;
use deskmill_pipeline::functions::{PredictFunction, models_named};
use deskmill_pipeline::plan::Plan;
use deskmill_pipeline::project::Project;
use deskmill_pipeline::run::threads_of;
use deskmill_pipeline::session::{add_known, look};
use serde_json::Value;

use super::Place;
use crate::cli::SqlArgs;
use crate::output::{json_line, line, table};

/// Rows shown as text where nothing is said.
const TEXT_ROWS_MAX: usize = 1000;

/// Characters of one cell on a terminal.
const CELL_MAX_CHARS: usize = 60;

pub async fn run(place: &Place, args: &SqlArgs) -> Result<()> {
    let (project, registry) = place.registry()?;
    let engine = session(&project, &args.query).await?;
    engine.add_function(predict_function(&registry, &args.query).await?.into());
    let rows_max = args.max_rows.or_else(|| (!place.json).then_some(TEXT_ROWS_MAX));
    // One more than is shown, to know whether there are more.
    let asked = rows_max.map(|rows| rows.saturating_add(1).min(i64::MAX as usize));
    let (schema, batches) = look(&engine, "query", &args.query, asked).await?;
    let mut left = rows_max.unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    let mut more = false;
    for batch in &batches {
        more |= batch.num_rows() > left;
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        if place.json {
            to_objects(&batch).iter().try_for_each(json_line)?;
            continue;
        }
        for row in 0..batch.num_rows() {
            rows.push(
                batch
                    .columns()
                    .iter()
                    .map(|column| cell(&value_at(column, row)))
                    .collect(),
            );
        }
    }
    if !place.json {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        table(&names, &rows)?;
        if more {
            line("... there are more rows: --max-rows")?;
        }
    }
    Ok(())
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(['\n', '\r', '\t'], " "),
        other => other.to_string(),
    };
    if text.chars().count() <= CELL_MAX_CHARS {
        return text;
    }
    text.chars().take(CELL_MAX_CHARS - 1).chain(['…']).collect()
}

/// An engine that knows what the query reads and the last run made.
async fn session(project: &Project, query: &str) -> Result<Engine> {
    let catalog = Catalog::new(&project.work_dir.path);
    let engine = Engine::new(project, threads_of(project), &catalog)?;
    // A query that cannot be parsed is reported when it is planned, by the engine that knows why.
    let wanted = references("query", query).unwrap_or_default();
    if !wanted.is_empty() {
        let project = fetched(project, &catalog)?;
        add_known(&engine, &project, &catalog, &Plan::make(&project, &catalog)?).await?;
    }
    Ok(engine)
}

async fn predict_function(registry: &Registry, query: &str) -> Result<PredictFunction> {
    let mut models = BTreeMap::new();
    for reference in models_named(query) {
        let (name, wanted) = parse_reference(&reference)?;
        let version = registry.state(&name).await?.resolve(&wanted)?;
        models.insert(reference, Arc::new(registry.load(&name, version).await?));
    }
    Ok(PredictFunction::new(models))
}
