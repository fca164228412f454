//! The state of a schedule in the registry.

use deskmill_models::registry::Registry;
use jiff::Timestamp;

use super::state::{FORMAT, State};
use crate::error::{Error, Result};

/// How often a write is tried that others are faster with.
const TRIES: usize = 100;

/// The state of a project's schedule and its turn; a new one at turn 0 if it was never scheduled.
///
/// # Errors
/// When the registry cannot be read, or what is there is no state that this build knows.
pub(super) async fn read_turn(registry: &Registry, project: &str) -> Result<(u64, State)> {
    let Some(turn) = registry.turn(project).await? else {
        return Ok((0, State::default()));
    };
    let unknown = |message: String, hint: &str| Error::Schedule {
        project: project.to_owned(),
        message: format!("turn {}: {message}", turn.number),
        hint: hint.to_owned(),
    };
    let value: serde_json::Value = serde_json::from_slice(&turn.content).map_err(|error| {
        unknown(
            error.to_string(),
            "remove this file of the registry: the turn before it counts then",
        )
    })?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(FORMAT) => {}
        format => {
            let message = format!("format {}; this build reads {FORMAT}", format.unwrap_or(0));
            return Err(unknown(message, "use the deskmill that wrote it, or a newer one"));
        }
    }
    let state = serde_json::from_value(value).map_err(|error| {
        unknown(
            error.to_string(),
            "remove this file of the registry: the turn before it counts then",
        )
    })?;
    Ok((turn.number, state))
}

/// Writes the state that follows a turn; false if another scheduler was faster.
pub(super) async fn write_turn(registry: &Registry, project: &str, after: u64, state: &State) -> Result<bool> {
    let bytes = serde_json::to_vec(state).map_err(|error| Error::Schedule {
        project: project.to_owned(),
        message: error.to_string(),
        hint: "report this".into(),
    })?;
    Ok(registry.replace_turn(project, after, bytes.into()).await?)
}

/// The state of a project's schedule.
///
/// # Errors
/// When the registry cannot be read, or what is there is no state that this build knows.
pub async fn read(registry: &Registry, project: &str) -> Result<State> {
    Ok(read_turn(registry, project).await?.1)
}

/// Has a run stopped that is under way or waits. One that a scheduler works on is stopped at its next look.
///
/// # Errors
/// When there is no such run, or it is over.
pub async fn cancel(registry: &Registry, project: &str, run: &str, who: &str, now: Timestamp) -> Result<()> {
    let wrong = |message: &str, hint: &str| Error::Schedule {
        project: project.to_owned(),
        message: format!("run `{}` {message}", run.escape_debug()),
        hint: hint.to_owned(),
    };
    for _ in 0..TRIES {
        let (turn, mut state) = read_turn(registry, project).await?;
        match state.cancel(run, who, now) {
            Ok(()) => {}
            Err(Some(_)) => return Err(wrong("is over", "deskmill runs show tells how it ended")),
            Err(None) => return Err(wrong("is not known", "deskmill runs ls lists them")),
        }
        if write_turn(registry, project, turn, &state).await? {
            return Ok(());
        }
    }
    Err(wrong(
        "could not be cancelled: schedulers write all the time",
        "try again",
    ))
}
