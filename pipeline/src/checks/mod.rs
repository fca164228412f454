//! Checks: what a table is expected to be. Those that reject rows are part of the table's own query (`sql::judged`);
//! the others measure the finished table, and `judge` says what the figures mean.

mod judge;
mod measure;
mod sql;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::engine::references;
use crate::error::Result;
use crate::project::{Bound, Check, Expected, Then};

pub use judge::judge;
pub use measure::{Measured, STAGE, measure, parts};
pub(crate) use sql::{COLUMN_PREFIX, judged};

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckOutcome {
    /// The table.
    pub table: String,
    /// The expectation in words.
    pub check: String,
    /// What happens if it does not hold.
    pub then: Then,
    /// Whether it holds. Rows that were rejected do not count: without them, it does.
    pub passed: bool,
    /// What was found.
    pub found: String,
    /// The way out; empty if it holds.
    pub hint: String,
}

impl CheckOutcome {
    /// Whether it stops the run.
    pub fn stops(&self) -> bool {
        !self.passed && self.then == Then::Stop
    }
}

impl Check {
    /// The name of the rule in a reject.
    pub fn rule(&self) -> &'static str {
        match self.expected {
            Expected::NotNull { .. } => "not_null",
            Expected::Type { .. } => "type",
            Expected::Unique { .. } => "unique",
            Expected::Range { .. } => "range",
            Expected::Set { .. } => "set",
            Expected::Pattern { .. } => "pattern",
            Expected::Reference { .. } => "reference",
            Expected::Rows { .. } => "rows",
            Expected::Fresh { .. } => "fresh",
            Expected::Distribution { .. } => "distribution",
            Expected::Sql { .. } => "sql",
        }
    }

    /// The column it is about, if it is one.
    pub fn column(&self) -> Option<&str> {
        match &self.expected {
            Expected::NotNull { column }
            | Expected::Type { column, .. }
            | Expected::Range { column, .. }
            | Expected::Set { column, .. }
            | Expected::Pattern { column, .. }
            | Expected::Reference { column, .. }
            | Expected::Fresh { column, .. }
            | Expected::Distribution { column, .. } => Some(column),
            Expected::Unique { columns } => columns.first().map(String::as_str).filter(|_| columns.len() == 1),
            Expected::Rows { .. } | Expected::Sql { .. } => None,
        }
    }

    /// Its columns in the table.
    pub fn columns(&self) -> Vec<&str> {
        match &self.expected {
            Expected::Unique { columns } => columns.iter().map(String::as_str).collect(),
            _ => self.column().into_iter().collect(),
        }
    }

    /// The sources and tables it reads besides its own table.
    ///
    /// # Errors
    /// When its query cannot be parsed; `place` says whose it is.
    pub fn reads(&self, place: &str) -> Result<Vec<String>> {
        match &self.expected {
            Expected::Reference { table, .. } => Ok(vec![table.clone()]),
            Expected::Sql { sql, .. } => references(place, sql),
            _ => Ok(Vec::new()),
        }
    }

    /// The expectation in words.
    pub fn words(&self) -> String {
        match &self.expected {
            Expected::NotNull { column } => format!("`{column}` has a value"),
            Expected::Type { column, sql_type } => format!("`{column}` is of type {sql_type}"),
            Expected::Unique { columns } => format!("`{}` is unique", columns.join("`, `")),
            Expected::Range { column, min, max } => format!("`{column}` is {}", range(min.as_ref(), max.as_ref())),
            Expected::Set { column, values } => format!("`{column}` is one of {} values", values.len()),
            Expected::Pattern { column, pattern } => format!("`{column}` matches `{pattern}`"),
            Expected::Reference { column, table, to } => format!("`{column}` is in `{table}.{to}`"),
            Expected::Rows { min, max } => {
                let bound = |value: &Option<u64>| value.map(|value| Bound::Number(value as f64));
                format!(
                    "the number of rows is {}",
                    range(bound(min).as_ref(), bound(max).as_ref())
                )
            }
            Expected::Fresh { column, within_hours } => {
                format!("the latest `{column}` is at most {within_hours} hours old")
            }
            Expected::Distribution { column, distance_max } => {
                format!("`{column}` is distributed as in the last good run (distance at most {distance_max})")
            }
            Expected::Sql { sql_path, .. } => format!("{} gives no row", sql_path.written),
        }
    }

    /// How a row that breaks it is mended.
    pub fn hint(&self) -> String {
        format!(
            "expected: {}; mend the value, or the check in deskmill.toml",
            self.words()
        )
    }
}

fn range(min: Option<&Bound>, max: Option<&Bound>) -> String {
    let text = |bound: &Bound| match bound {
        Bound::Number(number) => number.to_string(),
        Bound::Text(text) => text.clone(),
    };
    match (min.map(text), max.map(text)) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "anything".to_owned(),
    }
}
