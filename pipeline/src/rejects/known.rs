//! Rejects with what is known of their row: its fields, where it has landed, what it said, and a name for it that a person
//! can hand back.

use std::collections::{BTreeMap, BTreeSet};

use super::landed::{Fields, Landed};
use super::mends::OWN_PREFIX;
use super::{Outputs, Reject, Wanted, was_of_fields, was_of_raw};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::plan::Plan;

/// The stage of rejects that never landed.
pub(super) const INGEST: &str = "ingest";

/// A reject and its row.
#[derive(Debug, Clone)]
pub struct Known {
    /// The reject.
    pub reject: Reject,
    /// Its filled fields, by column; none for what never landed.
    pub fields: BTreeMap<String, String>,
    /// What it says: [`super::was_of_raw`] or [`super::was_of_fields`].
    pub was: String,
}

impl Known {
    /// Its name within its source: it stays as long as the row stays where it is and says what it says.
    pub fn id(&self) -> String {
        id_of(self.reject.row, &self.was)
    }
}

/// The name of a row that says something.
pub(super) fn id_of(row: i64, was: &str) -> String {
    format!("{row:x}-{}", was.get(..16).unwrap_or(was))
}

/// The first wanted rejects by source, file and line.
///
/// # Errors
/// When an output cannot be read.
pub fn first_known(catalog: &Catalog, plan: &Plan, wanted: &Wanted<'_>, rows_max: usize) -> Result<Vec<Known>> {
    let mut first: Vec<Reject> = Vec::new();
    let order = |a: &Reject, b: &Reject| (&a.source, &a.file, a.line, a.row).cmp(&(&b.source, &b.file, b.line, b.row));
    let room = rows_max.saturating_add(4096);
    Outputs::of(plan).each(catalog, wanted, |reject| {
        first.push(reject);
        if first.len() >= room {
            first.sort_by(order);
            first.truncate(rows_max);
        }
        Ok(())
    })?;
    first.sort_by(order);
    first.truncate(rows_max);
    know(Landed { catalog, plan }, first)
}

/// Looks up what rejects do not say themselves.
pub(super) fn know(landed: Landed<'_>, rejects: Vec<Reject>) -> Result<Vec<Known>> {
    let mut cut: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    let mut read: Vec<Option<Fields>> = Vec::with_capacity(rejects.len());
    for reject in &rejects {
        let fields = fields_of(reject);
        if fields.is_none() {
            cut.entry(reject.source.clone()).or_default().insert(reject.row);
        }
        read.push(fields);
    }
    // A long row is cut in the rejects, but whole where it landed.
    let mut whole: BTreeMap<&str, BTreeMap<i64, Fields>> = BTreeMap::new();
    for (source, rows) in &cut {
        whole.insert(source, landed.fields(source, rows)?);
    }
    let known = rejects.into_iter().zip(read).map(|(reject, fields)| {
        let looked_up = || whole.get(reject.source.as_str())?.get(&reject.row).cloned();
        let fields = fields.or_else(looked_up).unwrap_or_default();
        let was = if reject.stage == INGEST {
            was_of_raw(&reject.raw)
        } else {
            was_of_fields(fields.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))))
        };
        Known { reject, fields, was }
    });
    Ok(known.collect())
}

/// The fields that the bytes of a reject say; none if they are cut.
pub(super) fn fields_of(reject: &Reject) -> Option<Fields> {
    if reject.stage == INGEST {
        return Some(Fields::new());
    }
    let fields: BTreeMap<String, Option<String>> = serde_json::from_slice(&reject.raw).ok()?;
    let filled = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Some(filled.filter(|(name, _)| !name.starts_with(OWN_PREFIX)).collect())
}
