//! `deskmill runs`: what is scheduled, under way and over.

use anyhow::Result;
use deskmill_models::registry::Registry;
use deskmill_pipeline::catalog::Catalog;
use deskmill_pipeline::project::Project;
use deskmill_pipeline::schedule::{Active, Ended, Phase, State, cancel, read};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Place, who};
use crate::cli::{RunsAction, RunsArgs};
use crate::output::{Wrong, json_line, line, table};

pub async fn run(place: &Place, args: RunsArgs) -> Result<()> {
    let (project, registry) = place.registry()?;
    match args.action.unwrap_or(RunsAction::Ls { limit: 20 }) {
        RunsAction::Ls { limit } => list(place, &project, &registry, limit).await,
        RunsAction::Show { run } => show(place, &project, &registry, &run).await,
        RunsAction::Cancel { run } => {
            cancel(&registry, &project.name, &run, &who(), Timestamp::now()).await?;
            if place.json {
                return json_line(&json!({ "run": run, "cancelled": true }));
            }
            line(format!("{run}: it is stopped at the scheduler's next look"))?;
            Ok(())
        }
    }
}

/// The next due time of the project, if it has any.
fn next_due(project: &Project, state: &State) -> Option<Timestamp> {
    let policy = project.schedule.as_ref()?;
    policy.next_start(state.due_until.unwrap_or_else(Timestamp::now))
}

async fn list(place: &Place, project: &Project, registry: &Registry, limit: usize) -> Result<()> {
    let state = read(registry, &project.name).await?;
    let next = next_due(project, &state);
    if place.json {
        let ended: Vec<&Ended> = state.ended.iter().rev().take(limit).collect();
        return json_line(&json!({
            "next": next.map(|at| at.to_string()), "active": state.active, "waiting": state.waiting, "ended": ended,
            "counts": state.counts,
        }));
    }
    let mut rows = Vec::new();
    for waiting in state.waiting.iter().rev() {
        let run = &waiting.run;
        rows.push([
            run.id.clone(),
            word(&run.cause),
            String::new(),
            "waits".into(),
            String::new(),
        ]);
    }
    rows.extend(state.active.iter().map(active_row));
    for ended in state.ended.iter().rev().take(limit) {
        let began = ended.began.map_or_else(String::new, shown);
        let run = &ended.run;
        rows.push([
            run.id.clone(),
            word(&run.cause),
            began,
            word(&ended.outcome),
            ended.note.clone(),
        ]);
    }
    let cut = |text: String| {
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(80)
            .collect()
    };
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.map(cut).into()).collect();
    if rows.is_empty() {
        line("no run was due yet: deskmill schedule")?;
    } else {
        table(&["run", "why", "began (UTC)", "", ""], &rows)?;
    }
    if let Some(next) = next {
        line(format!("next: {} UTC", shown(next)))?;
    }
    Ok(())
}

fn active_row(active: &Active) -> [String; 5] {
    let (word_of, note) = match &active.phase {
        Phase::Working { holder, .. } => ("works", format!("by {holder}")),
        Phase::Resting { until, note } => ("retries", format!("at {}: {note}", shown(*until))),
    };
    let run = &active.run;
    [
        run.id.clone(),
        word(&run.cause),
        shown(active.began),
        word_of.into(),
        note,
    ]
}

async fn show(place: &Place, project: &Project, registry: &Registry, run: &str) -> Result<()> {
    let state = read(registry, &project.name).await?;
    let active = state
        .active
        .iter()
        .filter(|active| active.run.id == run)
        .map(|active| json!(active));
    let waiting = state
        .waiting
        .iter()
        .filter(|waiting| waiting.run.id == run)
        .map(|waiting| json!(waiting));
    let ended = state
        .ended
        .iter()
        .filter(|ended| ended.run.id == run)
        .map(|ended| json!(ended));
    let Some(known) = active.chain(waiting).chain(ended).next() else {
        return Err(Wrong {
            message: format!("run `{}` is not known", run.escape_debug()),
            hint: "deskmill runs lists them; the last 200 are kept".into(),
        }
        .into());
    };
    let account = Catalog::new(&project.work_dir.path).run_file(run);
    // Runs of another machine, and those that made nothing, have none here.
    let account: Option<Value> = std::fs::read(account)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    if place.json {
        return json_line(&json!({ "schedule": known, "account": account }));
    }
    line(serde_json::to_string_pretty(&known)?)?;
    if let Some(account) = account {
        line(serde_json::to_string_pretty(&account)?)?;
    }
    Ok(())
}

fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The word that a cause or an outcome has in JSON, with spaces.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
}
