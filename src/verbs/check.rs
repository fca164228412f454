//! `deskmill check [TABLE]`: sources, tables and checks, without models.

use std::process::ExitCode;

use anyhow::Result;
use deskmill_pipeline::Error;
use deskmill_pipeline::checks::CheckOutcome;
use deskmill_pipeline::project::Then;
use deskmill_pipeline::run::Until;
use serde_json::json;

use super::Place;
use crate::cli::CheckArgs;
use crate::output::{DONE, REFUSED, Wrong, json_line, line, table};

pub async fn run(place: &Place, args: &CheckArgs) -> Result<ExitCode> {
    let project = place.project()?;
    if let Some(name) = args.table.as_deref().filter(|name| project.table(name).is_none()) {
        let known: Vec<&str> = project.tables.iter().map(|table| table.name.as_str()).collect();
        return Err(Wrong {
            message: format!("there is no table `{name}`"),
            hint: format!("tables of this project: {}", known.join(", ")),
        }
        .into());
    }
    let outcomes = match super::run::make(place, &project, Until::Tables).await {
        Ok(report) => report.checks,
        Err(error) => match error.downcast::<Error>()? {
            Error::Checks { all } => all,
            other => return Err(other.into()),
        },
    };
    let wanted = |outcome: &&CheckOutcome| args.table.as_ref().is_none_or(|name| *name == outcome.table);
    let shown: Vec<&CheckOutcome> = outcomes.iter().filter(wanted).collect();
    if place.json {
        shown
            .iter()
            .try_for_each(|outcome| json_line(&json!({ "event": "outcome", "check": outcome })))?;
    } else if shown.is_empty() {
        line("no checks are written: [[tables.NAME.checks]] in deskmill.toml")?;
    } else {
        let rows: Vec<Vec<String>> = shown.iter().map(|outcome| row(outcome)).collect();
        table(&["table", "check", "", "found", "hint"], &rows)?;
    }
    let stopped = shown.iter().any(|outcome| outcome.stops());
    Ok(ExitCode::from(if stopped { REFUSED } else { DONE }))
}

fn row(outcome: &CheckOutcome) -> Vec<String> {
    let verdict = match outcome.then {
        _ if outcome.passed => "holds",
        Then::Warn => "WARNING",
        Then::Reject | Then::Stop => "STOPS",
    };
    vec![
        outcome.table.clone(),
        outcome.check.clone(),
        verdict.to_owned(),
        outcome.found.clone(),
        outcome.hint.clone(),
    ]
}
