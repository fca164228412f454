//! From the figures of a check to what they mean. Pure: the time is handed in.

use jiff::{Timestamp, civil, tz::TimeZone};

use super::CheckOutcome;
use super::measure::Measured;
use crate::profile::TableChange;
use crate::project::{Check, Expected, Table, Then};

/// Judges the checks of a table, in their order. `now` is when the run began; `rejected` are the rows that each check
/// rejected when the table was made; `change` is how it changed since the last good run.
pub fn judge(
    table: &Table,
    measured: &[Measured],
    now: Timestamp,
    rejected: &[u64],
    change: &TableChange,
) -> Vec<CheckOutcome> {
    let each = table.checks.iter().zip(measured).enumerate();
    each.map(|(at, (check, measured))| {
        let (passed, found) = match check.then {
            Then::Reject => {
                let rows = rejected.get(at).copied().unwrap_or_default();
                (true, format!("{rows} rows rejected"))
            }
            Then::Warn | Then::Stop => match &check.expected {
                Expected::Distribution { column, distance_max } => distributed(column, *distance_max, change),
                _ => verdict(check, measured, now),
            },
        };
        CheckOutcome {
            table: table.name.clone(),
            check: check.words(),
            then: check.then,
            passed,
            found,
            hint: if passed { String::new() } else { hint(check) },
        }
    })
    .collect()
}

fn verdict(check: &Check, measured: &Measured, now: Timestamp) -> (bool, String) {
    match (&check.expected, measured) {
        (Expected::Rows { min, max }, Measured::Rows(rows)) => {
            let rows = rows.unsigned_abs();
            let fits = min.is_none_or(|min| rows >= min) && max.is_none_or(|max| rows <= max);
            (fits, format!("{rows} rows"))
        }
        (Expected::Fresh { within_hours, .. }, Measured::Latest(latest)) => {
            fresh(latest.as_deref(), *within_hours, now)
        }
        (_, Measured::Rows(rows)) => (*rows == 0, format!("{rows} rows break it")),
        _ => (true, "not measured".to_owned()),
    }
}

/// A first run has nothing to compare with, and a column without values has no distribution: both hold.
fn distributed(column: &str, distance_max: f64, change: &TableChange) -> (bool, String) {
    let Some(run) = &change.since else {
        return (true, "no earlier run to compare with".to_owned());
    };
    match change.distance(column) {
        Some(distance) => (
            distance <= distance_max,
            format!("distance {distance:.2} from run {run}"),
        ),
        None => (true, format!("nothing to compare with run {run}")),
    }
}

fn fresh(latest: Option<&str>, within_hours: f64, now: Timestamp) -> (bool, String) {
    let Some(text) = latest else {
        return (false, "no time at all".to_owned());
    };
    // SQL writes times without a zone; they are UTC.
    let time = text
        .parse::<civil::DateTime>()
        .ok()
        .and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    let Some(time) = time.map(|time| time.timestamp()).or_else(|| text.parse().ok()) else {
        return (false, format!("`{text}` is no time"));
    };
    let hours = now.duration_since(time).as_secs_f64() / 3600.0;
    (hours <= within_hours, format!("{hours:.1} hours old ({text})"))
}

fn hint(check: &Check) -> String {
    match &check.expected {
        Expected::Rows { .. } => "look whether a source lost or repeated files".to_owned(),
        Expected::Fresh { .. } => "look whether the source still gets new data".to_owned(),
        Expected::Distribution { .. } => {
            "`deskmill profile` shows what it holds; mend the source, raise `distance_max`, or let the check `warn`"
                .to_owned()
        }
        Expected::Sql { sql_path, .. } => {
            format!("`deskmill sql` with the query of {} shows the rows", sql_path.written)
        }
        _ => "mend the data or the query, or let the check `reject` or `warn`".to_owned(),
    }
}
