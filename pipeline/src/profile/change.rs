//! What changed between two profiles of a table, as data and in words, and the run whose profiles are compared with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The largest distance that a check of a distribution allows where nothing is written: about that of a value whose share
/// goes from 20% to 42%, or from 50% to 77%.
pub const DISTANCE_MAX: f64 = 0.2;

/// A row count that changed by less is not worth a word.
const ROWS_CHANGE_MIN: f64 = 0.1;
/// Columns named in the words.
const NAMED_MAX: usize = 5;

/// The last good run: what its tables looked like is what later runs are compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The run's id.
    pub run: String,
    /// Whether it went all the way to the models. One that only checked never takes the place of one that did, else a
    /// check before each run would hide from the run what moved.
    pub with_models: bool,
    /// The key of the profile of each table.
    pub tables: BTreeMap<String, String>,
}

/// How a table changed since the last good run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableChange {
    /// The run it is compared with; none if there is no earlier one that had this table.
    pub since: Option<String>,
    /// Whether the table is the same one.
    pub unchanged: bool,
    /// Rows then.
    pub rows_before: u64,
    /// Rows now.
    pub rows: u64,
    /// Columns that were not there.
    pub new_columns: Vec<String>,
    /// Columns that are there no more.
    pub vanished_columns: Vec<String>,
    /// The columns that both have, in order.
    pub columns: Vec<ColumnChange>,
}

/// How a column changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnChange {
    /// Its name.
    pub column: String,
    /// The Jensen-Shannon distance of what it holds, 0 (the same) to 1 (nothing in common); none where there is nothing to
    /// compare: no values, times, numbers that are not shown.
    pub distance: Option<f64>,
    /// What was compared: `values`, `numbers` (in tenths), `lengths` or `languages`, whichever moved more.
    pub compared: Option<String>,
    /// The share of rows without a value then.
    pub nulls_before: f64,
    /// The same now.
    pub nulls: f64,
    /// Its type then, if it was another.
    pub type_before: Option<String>,
    /// Its type now, if it was another.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// Values that were not there, masked, with their share now.
    pub new_values: Vec<(String, f64)>,
    /// What of it is too much for chance, in words; empty if it did not move.
    pub moved: Vec<String>,
}

impl TableChange {
    /// A table without an earlier one to compare with.
    pub fn first(rows: u64) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    /// The columns that moved, came or went.
    pub fn moved(&self) -> usize {
        let moved = self.columns.iter().filter(|column| !column.moved.is_empty()).count();
        moved + self.new_columns.len() + self.vanished_columns.len()
    }

    /// How far a column moved; 0 in a table that is the same.
    pub fn distance(&self, column: &str) -> Option<f64> {
        self.columns
            .iter()
            .find(|known| known.column == column)
            .and_then(|known| known.distance)
    }

    /// All of it in one line.
    pub fn words(&self) -> String {
        let Some(run) = &self.since else {
            return format!("{} rows; no earlier run to compare with", self.rows);
        };
        if self.unchanged {
            return format!("the same as in run {run}");
        }
        let all = self.columns.len() + self.new_columns.len() + self.vanished_columns.len();
        let mut moved: Vec<&ColumnChange> = self.columns.iter().filter(|column| !column.moved.is_empty()).collect();
        moved.sort_by(|a, b| b.distance.unwrap_or(0.0).total_cmp(&a.distance.unwrap_or(0.0)));
        let mut words: Vec<String> = Vec::new();
        words.extend(self.new_columns.iter().map(|name| format!("{name} is new")));
        words.extend(self.vanished_columns.iter().map(|name| format!("{name} is gone")));
        words.extend(
            moved
                .iter()
                .map(|column| format!("{} {}", column.column, column.moved.join(", "))),
        );
        let more = words.len().saturating_sub(NAMED_MAX);
        words.truncate(NAMED_MAX);
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        let mut text = match self.moved() {
            0 => format!("none of {all} columns moved"),
            count => format!("{count} of {all} columns moved: {}", words.join("; ")),
        };
        let change = (self.rows as f64 - self.rows_before as f64) / self.rows_before.max(1) as f64;
        if change.abs() >= ROWS_CHANGE_MIN {
            let percent = change * 100.0;
            text.push_str(&format!(
                "; rows {} -> {} ({percent:+.0}%)",
                self.rows_before, self.rows
            ));
        }
        text
    }
}
