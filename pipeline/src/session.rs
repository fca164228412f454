//! What the last run made, made known to the SQL engine: for `sql` and `rejects`.

use std::path::PathBuf;

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::error::Result;
use crate::plan::{Plan, Step};
use crate::project::Project;
use crate::stages::clean::{REJECTS_FILE, ROWS_FILE};
use crate::stages::{clean, ingest};

/// The name of the table of all rejects.
pub const REJECTS: &str = "rejects";

/// Adds every source and table of a project whose output is there.
///
/// # Errors
/// When a file cannot be opened.
pub async fn add_known(engine: &Engine, project: &Project, catalog: &Catalog, plan: &Plan) -> Result<()> {
    for source in &project.sources {
        let steps: Vec<&Step> = plan.landings(&source.name).collect();
        if steps.iter().all(|step| step.done) {
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
}

/// Adds the rejects of all stages as one table; says whether there was any output to look at.
///
/// # Errors
/// When a file cannot be opened.
pub async fn add_rejects(engine: &Engine, catalog: &Catalog, plan: &Plan) -> Result<bool> {
    let done = |stage: &str| -> Vec<&Step> { plan.steps.iter().filter(|s| s.done && s.stage == stage).collect() };
    let mut all = files(catalog, ingest::STAGE, &done("ingest"), REJECTS_FILE);
    all.extend(files(catalog, clean::STAGE, &done("clean"), REJECTS_FILE));
    all.retain(|file| file.exists());
    if all.is_empty() {
        return Ok(false);
    }
    engine.add_table(REJECTS, &all).await?;
    Ok(true)
}

fn files(catalog: &Catalog, stage: &str, steps: &[&Step], file: &str) -> Vec<PathBuf> {
    steps
        .iter()
        .map(|step| catalog.folder(stage, &step.name, &step.key).join(file))
        .collect()
}
