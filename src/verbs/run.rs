//! `deskmill run`

use std::process::ExitCode;

use anyhow::Result;
use deskmill_pipeline::project::Project;
use deskmill_pipeline::run::{RunReport, RunRequest, Until, run as run_project};
use serde_json::json;

use super::{Place, shown, who};
use crate::output::{DONE, REFUSED, RunView, json_line, line};

pub async fn run(place: &Place) -> Result<ExitCode> {
    let project = place.project()?;
    let report = make(place, &project, Until::Models).await?;
    Ok(ExitCode::from(if report.passed() { DONE } else { REFUSED }))
}

/// Runs a project, as far as is said, and shows how it goes.
pub async fn make(place: &Place, project: &Project, until: Until) -> Result<RunReport> {
    // What a fetch found out and a run goes on with all the same. Drivers' own warnings may hold data, so not theirs.
    super::serve::log_to_stderr("deskmill_pipeline=warn");
    let when = jiff::Timestamp::now();
    let run = format!("{}-{}", when.strftime("%Y%m%dT%H%M%S"), std::process::id());
    let view = RunView::new(place.json);
    let request = RunRequest {
        run,
        who: who(),
        when,
        until,
    };
    let report = run_project(project, &request, &|event| view.show(event)).await?;
    if view.is_json() {
        json_line(&json!({ "event": "report", "report": report }))?;
        return Ok(report);
    }
    for (name, model) in &report.models {
        line(format!("report of {name}: {}", shown(&model.report)))?;
    }
    line(format!("done in {:.1} s", report.wall_s))?;
    Ok(report)
}
