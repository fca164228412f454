//! The cursor of a database source: how far it was read, and which rows at that value were had already.
//!
//! A run asks for the rows at or behind the last value, in the cursor's order, and leaves out the rows it has: so a row
//! that gets the same value later is neither lost nor doubled. A row that gets a smaller value later (a transaction that
//! commits late, a clock that goes back) is not seen: a cursor only grows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The most rows that may share the last value; their digests are kept in memory and in the state.
const TIES_MAX: usize = 1_000_000;

/// A value of the cursor column, as the database writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Value {
    pub(super) text: String,
    /// The type's name in the database.
    pub(super) kind: String,
    /// Whether it is a number: 1, 1.0 and 1.00 are one value then.
    pub(super) is_number: bool,
}

impl Value {
    fn is(&self, other: &Value) -> bool {
        if self.is_number && other.is_number {
            return without_zeros(&self.text) == without_zeros(&other.text);
        }
        self.kind == other.kind && self.text == other.text
    }

    /// Whether any other value can be behind it.
    pub(super) fn is_endless(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        let is_word = matches!(text.as_str(), "infinity" | "inf" | "nan");
        is_word && !self.kind.to_ascii_lowercase().contains("text") && !self.kind.to_ascii_lowercase().contains("char")
    }
}

fn without_zeros(number: &str) -> &str {
    if number.contains('.') && !number.contains(['e', 'E']) {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

/// How far a source was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) value: Value,
    /// The rows at that value: digest of the row -> how many are alike.
    pub(super) rows: BTreeMap<String, u32>,
}

/// What is wrong with a row's cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has none.
    Null,
    /// More than [`TIES_MAX`] rows share it.
    Ties,
    /// Nothing can come behind it.
    Endless,
}

/// Follows the rows as they come in the cursor's order.
pub(super) struct Follower {
    /// The rows of the mark that did not come yet.
    had: Option<Mark>,
    last: Option<Value>,
    /// The rows at [`Self::last`] but for the newest.
    ties: BTreeMap<String, u32>,
    ties_count: usize,
    /// The newest row. Digested only if it turns out to be among the last.
    newest: Vec<u8>,
}

impl Follower {
    pub(super) fn new(mark: Option<Mark>) -> Self {
        Self {
            had: mark,
            last: None,
            ties: BTreeMap::new(),
            ties_count: 0,
            newest: Vec::new(),
        }
    }

    /// Takes the next row; says whether it is new.
    pub(super) fn take(&mut self, row: &[u8], value: Option<Value>) -> Result<bool, Fault> {
        let value = value.ok_or(Fault::Null)?;
        let is_new = !self.had_before(row, &value);
        if self.last.as_ref().is_some_and(|last| last.is(&value)) {
            *self.ties.entry(row_digest(&self.newest)).or_default() += 1;
            self.ties_count += 1;
            if self.ties_count >= TIES_MAX {
                return Err(Fault::Ties);
            }
        } else {
            self.ties.clear();
            self.ties_count = 0;
            self.last = Some(value);
        }
        self.newest.clear();
        self.newest.extend_from_slice(row);
        Ok(is_new)
    }

    fn had_before(&mut self, row: &[u8], value: &Value) -> bool {
        let Some(had) = self.had.as_mut().filter(|had| had.value.is(value)) else {
            return false;
        };
        match had.rows.get_mut(&row_digest(row)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// The mark behind the rows taken; none if there were none.
    pub(super) fn finish(mut self) -> Result<Option<Mark>, Fault> {
        let Some(value) = self.last else {
            return Ok(None);
        };
        if value.is_endless() {
            return Err(Fault::Endless);
        }
        *self.ties.entry(row_digest(&self.newest)).or_default() += 1;
        Ok(Some(Mark { value, rows: self.ties }))
    }
}

/// 16 bytes of the row's SHA-256, in hexadecimal.
fn row_digest(row: &[u8]) -> String {
    Sha256::digest(row)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Value {
        Value {
            text: text.into(),
            kind: "NUMERIC".into(),
            is_number: true,
        }
    }

    /// Reads a table that grows by `steps`, asking as a database would be asked; gives the rows had, in order.
    fn read_in_steps(steps: &[Vec<(u8, u8)>]) -> Vec<(u8, u8)> {
        let (mut table, mut got, mut mark): (Vec<(u8, u8)>, Vec<_>, Option<Mark>) = Default::default();
        for step in steps {
            table.extend(step);
            let since: u8 = mark.as_ref().map_or(0, |mark| mark.value.text.parse().unwrap());
            let mut rows: Vec<_> = table.iter().copied().filter(|row| row.0 >= since).collect();
            rows.sort_by_key(|row| row.0);
            let mut follower = Follower::new(mark.clone());
            for row in rows {
                if follower
                    .take(&[row.0, row.1], Some(number(&row.0.to_string())))
                    .unwrap()
                {
                    got.push(row);
                }
            }
            mark = follower.finish().unwrap().or(mark);
        }
        got
    }

    proptest! {
        #[test]
        fn each_row_comes_once(mut steps in prop::collection::vec(prop::collection::vec((0u8..3, 0u8..3), 0..6), 1..6)) {
            let mut floor = 0;
            for step in &mut steps {
                for row in step.iter_mut() {
                    row.0 += floor;
                }
                floor = step.iter().map(|row| row.0).max().unwrap_or(floor);
            }
            let mut all: Vec<_> = steps.concat();
            let mut got = read_in_steps(&steps);
            all.sort_unstable();
            got.sort_unstable();
            prop_assert_eq!(got, all);
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(number("1.50").is(&number("1.5")));
        assert!(number("10").is(&number("10.00")));
        assert!(!number("10").is(&number("1")));
    }

    #[test]
    fn a_null_or_the_end_of_time_is_refused() {
        assert_eq!(Follower::new(None).take(b"x", None), Err(Fault::Null));
        let mut follower = Follower::new(None);
        follower.take(b"x", Some(number("NaN"))).unwrap();
        assert_eq!(follower.finish(), Err(Fault::Endless));
    }
}
