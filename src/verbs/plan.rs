//! `deskmill plan`

use anyhow::Result;
use deskmill_pipeline::catalog::Catalog;
use deskmill_pipeline::fetch::fetched;
use deskmill_pipeline::plan::Plan;

use super::Place;
use crate::output::{json_line, line, table};

pub fn run(place: &Place) -> Result<()> {
    let project = place.project()?;
    let catalog = Catalog::new(&project.work_dir.path);
    let plan = Plan::make(&fetched(&project, &catalog)?, &catalog)?;
    if place.json {
        return json_line(&plan);
    }
    let row = |step: &deskmill_pipeline::plan::Step| {
        let name = step
            .file
            .as_ref()
            .map_or_else(|| step.name.clone(), |file| format!("{}: {file}", step.name));
        vec![
            step.stage.to_owned(),
            name,
            if step.done { "done" } else { "to do" }.to_owned(),
            step.why.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = plan.steps.iter().map(row).collect();
    table(&["stage", "name", "", "why"], &rows)?;
    let to_do = plan.steps.iter().filter(|step| !step.done).count();
    line(format!(
        "{to_do} of {} steps to do; publish and gate are looked at in every run",
        plan.steps.len()
    ))?;
    Ok(())
}
