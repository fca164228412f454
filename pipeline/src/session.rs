//! What the last run made, made known to the SQL engine: for `sql`. The futures are boxed, so that
//! DataFusion's part of them is compiled here and not once more in every binary that awaits them.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::future::LocalBoxFuture;

use crate::catalog::Catalog;
use crate::engine::{Engine, sql_error};
use crate::error::Result;
use crate::plan::{Plan, Step};
use crate::project::Project;
use crate::stages::clean::ROWS_FILE;
use crate::stages::{clean, ingest};

/// Columns and rows of a query.
pub type Found = (SchemaRef, Vec<RecordBatch>);

/// Adds every source and table of a project whose output is there.
///
/// # Errors
/// When a file cannot be opened.
pub fn add_known<'a>(
    engine: &'a Engine,
    project: &'a Project,
    catalog: &'a Catalog,
    plan: &'a Plan,
) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for source in &project.sources {
            let steps: Vec<&Step> = plan.landings(&source.name).collect();
            // What is elsewhere and was never fetched has none.
            if !steps.is_empty() && steps.iter().all(|step| step.done) {
                engine
                    .add_source(&source.name, &files(catalog, ingest::STAGE, &steps, ROWS_FILE))
                    .await?;
            }
        }
        for table in &project.tables {
            if let Some(step) = plan.step("clean", &table.name).filter(|step| step.done) {
                engine
                    .add_table(&table.name, &files(catalog, clean::STAGE, &[step], ROWS_FILE))
                    .await?;
            }
        }
        Ok(())
    })
}

/// Runs a query and keeps its rows in memory, at most `rows_max` of them if that is said.
///
/// # Errors
/// When the SQL is wrong or fails; `place` says whose it is.
pub fn look<'a>(
    engine: &'a Engine,
    place: &'a str,
    sql: &'a str,
    rows_max: Option<usize>,
) -> LocalBoxFuture<'a, Result<Found>> {
    Box::pin(async move {
        let mut frame = engine.query(place, sql).await?;
        if rows_max.is_some() {
            frame = frame.limit(0, rows_max).map_err(|e| sql_error(place, &e))?;
        }
        engine.collect(place, frame).await
    })
}

fn files(catalog: &Catalog, stage: &str, steps: &[&Step], file: &str) -> Vec<PathBuf> {
    steps
        .iter()
        .map(|step| catalog.folder(stage, &step.name, &step.key).join(file))
        .collect()
}
