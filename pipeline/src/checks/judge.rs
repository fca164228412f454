//! From the figures of a check to what they mean. Pure: the time is handed in.

use jiff::{Timestamp, civil, tz::TimeZone};

use super::CheckOutcome;
use super::measure::Measured;
use crate::project::{Check, Expected, Table, Then};

/// What a judgement needs besides the figures.
#[derive(Clone, Copy)]
pub struct Judgement<'a> {
    /// When the run began.
    pub now: Timestamp,
    /// Rows that each check rejected when the table was made, in their order.
    pub rejected: &'a [u64],
    /// How far each column of the table has moved since the last good run (population stability index); none where there
    /// is nothing to compare with.
    pub moved: &'a dyn Fn(&str) -> Option<f64>,
}

/// Judges the checks of a table, in their order.
pub fn judge(table: &Table, measured: &[Measured], judgement: &Judgement<'_>) -> Vec<CheckOutcome> {
    let each = table.checks.iter().zip(measured).enumerate();
    each.map(|(at, (check, measured))| {
        let (passed, found) = verdict(check, measured, at, judgement);
        CheckOutcome {
            table: table.name.clone(),
            check: check.words(),
            then: check.then,
            passed,
            found,
            hint: if passed { String::new() } else { hint(table, check) },
        }
    })
    .collect()
}

fn verdict(check: &Check, measured: &Measured, at: usize, judgement: &Judgement<'_>) -> (bool, String) {
    match (&check.expected, measured) {
        (Expected::Distribution { column, psi_max }, _) => match (judgement.moved)(column) {
            None => (true, "nothing to compare with yet".to_owned()),
            Some(index) => (index <= *psi_max, format!("index {index:.3}")),
        },
        _ if check.then == Then::Reject => {
            let rejected = judgement.rejected.get(at).copied().unwrap_or_default();
            (true, format!("{rejected} rows rejected"))
        }
        (Expected::Rows { min, max }, Measured::Rows(rows)) => {
            let rows = rows.unsigned_abs();
            let fits = min.is_none_or(|min| rows >= min) && max.is_none_or(|max| rows <= max);
            (fits, format!("{rows} rows"))
        }
        (Expected::Fresh { within_hours, .. }, Measured::Latest(latest)) => {
            fresh(latest.as_deref(), *within_hours, judgement.now)
        }
        (_, Measured::Rows(rows)) => (*rows == 0, format!("{rows} rows break it")),
        _ => (true, "not measured".to_owned()),
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

fn hint(table: &Table, check: &Check) -> String {
    match &check.expected {
        Expected::Rows { .. } => "look whether a source lost or repeated files".to_owned(),
        Expected::Fresh { .. } => "look whether the source still gets new data".to_owned(),
        Expected::Distribution { column, .. } => {
            format!(
                "`deskmill profile {}` shows `{column}`; if the change is real, raise `psi_max`",
                table.name
            )
        }
        Expected::Sql { sql_path, .. } => {
            format!("`deskmill sql` with the query of {} shows the rows", sql_path.written)
        }
        _ => "mend the data or the query, or let the check `reject` or `warn`".to_owned(),
    }
}
