//! `deskmill run`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use deskmill_pipeline::project::Project;
use deskmill_pipeline::rejects::{ReplayRequest, Replayed, replay as replay_rejects};
use deskmill_pipeline::run::{RunReport, RunRequest, Until, run as run_project};
use deskmill_pipeline::score::Format;
use serde_json::json;

use super::{Place, shown, who};
use crate::cli::RunArgs;
use crate::output::{DONE, REFUSED, RunView, WRONG, json_line, line};

pub async fn run(place: &Place, args: RunArgs) -> Result<ExitCode> {
    let project = place.project()?;
    let request = match args.scheduled {
        None => request(Until::Models),
        Some(run) => {
            end_with_stdin();
            RunRequest {
                run,
                who: "schedule".into(),
                ..request(Until::Models)
            }
        }
    };
    let report = make_as(place, &project, &request).await?;
    Ok(ExitCode::from(if report.passed() { DONE } else { REFUSED }))
}

/// Runs a project, as far as is said, and shows how it goes.
pub async fn make(place: &Place, project: &Project, until: Until) -> Result<RunReport> {
    make_as(place, project, &request(until)).await
}

async fn make_as(place: &Place, project: &Project, request: &RunRequest) -> Result<RunReport> {
    // What a fetch found out and a run goes on with all the same. Drivers' own warnings may hold data, so not theirs.
    super::serve::log_to_stderr("deskmill_pipeline=warn");
    let view = RunView::new(place.json);
    let report = run_project(project, request, &|event| view.show(event)).await?;
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

/// Runs a project to its tables once more and finds out what became of its rejects.
pub async fn replay(place: &Place, project: &Project, edited: Option<(&Path, Format)>) -> Result<Replayed> {
    super::serve::log_to_stderr("deskmill_pipeline=warn");
    let view = RunView::new(place.json);
    let request = ReplayRequest {
        project,
        run: request(Until::Tables),
        edited,
    };
    Ok(replay_rejects(&request, &|event| view.show(event)).await?)
}

fn request(until: Until) -> RunRequest {
    let when = jiff::Timestamp::now();
    RunRequest {
        run: format!("{}-{}", when.strftime("%Y%m%dT%H%M%S"), std::process::id()),
        who: who(),
        when,
        until,
    }
}

/// Ends this process when standard input does, as it does when the scheduler that holds its other end dies: the next one
/// must not find us at work. A run can end anywhere.
fn end_with_stdin() {
    std::thread::spawn(|| {
        let _ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(i32::from(WRONG));
    });
}
