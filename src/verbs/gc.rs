//! `deskmill gc [--dry-run]`: what goes from the work folder, and what stays.

use anyhow::Result;
use deskmill_pipeline::gc::{RUNS_KEPT, SweptStage, gc};

use super::Place;
use crate::cli::GcArgs;
use crate::output::{json_line, line, table};

pub async fn run(place: &Place, args: &GcArgs) -> Result<()> {
    let (project, registry) = place.registry()?;
    let swept = gc(&project, &registry, args.dry_run).await?;
    if place.json {
        return json_line(&swept);
    }
    let (goes, stays) = if swept.dry_run {
        ("would go", "would stay")
    } else {
        ("gone", "stay")
    };
    let row = |stage: &SweptStage| {
        vec![
            stage.stage.clone(),
            stage.removed.count.to_string(),
            megabytes(stage.removed.bytes),
            stage.kept.count.to_string(),
            megabytes(stage.kept.bytes),
        ]
    };
    let rows: Vec<Vec<String>> = swept.stages.iter().map(row).collect();
    table(&["folder", goes, "MB", stays, "MB"], &rows)?;
    let all = swept.removed();
    let verb = if swept.dry_run { "would be freed" } else { "freed" };
    line(format!(
        "{} MB {verb}; kept: what the project, the last good run and versions in use need, and {RUNS_KEPT} run reports",
        megabytes(all.bytes)
    ))?;
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
