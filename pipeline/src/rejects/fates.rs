//! What became of the rejects of an earlier run. A row is known by what it says, so that it is found again where rows above
//! it came or went; and by its number in its file, so that it is found again when it was mended there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::known::{INGEST, fields_of};
use super::landed::{Fields, Landed, fields_in};
use super::{DUPLICATE, Outputs, Reject, Wanted, was_of_fields};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::keys::digest;
use crate::project::Project;

/// Where a row may have come from if rows above it went: so many places below.
const MOVED_MAX: i64 = 16;

/// What became of rejects; duplicates are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fates {
    /// How many there were.
    pub before: u64,
    /// Rows of a table now, or landed where no table takes the source's rows.
    pub kept: u64,
    /// Duplicates of an earlier row now.
    pub duplicates: u64,
    /// Rejects still, by rule.
    pub rejected: BTreeMap<String, u64>,
    /// Rows that are no longer there, or whose file is not.
    pub gone: u64,
    /// Rows of which nothing is known, because the run was stopped before their table was made.
    pub unknown: u64,
}

/// A reject, and what its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Past {
    source: String,
    file: String,
    row: i64,
    stage: String,
    rule: String,
    /// A digest of its bytes.
    said: String,
    /// [`was_of_fields`] of a row that landed; none for others.
    was: Option<String>,
}

impl From<Reject> for Past {
    fn from(reject: Reject) -> Self {
        let landed = fields_of(&reject).filter(|_| reject.stage != INGEST);
        Self {
            was: landed.map(|fields| said(&fields)),
            said: digest(&reject.raw)[..16].to_owned(),
            source: reject.source,
            file: reject.file,
            row: reject.row,
            stage: reject.stage,
            rule: reject.rule,
        }
    }
}

/// The rejects of outputs, with duplicates or without.
pub(super) fn pasts(outputs: &Outputs, catalog: &Catalog, no_duplicates: bool) -> Result<Vec<Past>> {
    let wanted = Wanted {
        no_duplicates,
        ..Wanted::default()
    };
    let mut all = Vec::new();
    outputs.each(catalog, &wanted, |reject| {
        all.push(Past::from(reject));
        Ok(())
    })?;
    Ok(all)
}

/// Finds out what became of the rejects of earlier outputs.
pub(super) fn fates(project: &Project, earlier: (&Outputs, Vec<Past>), landed: Landed<'_>) -> Result<Fates> {
    let (before, past) = earlier;
    let outputs = Outputs::of(landed.plan);
    let mut now = Now::new(pasts(&outputs, landed.catalog, false)?);
    let mut fates = Fates {
        before: past.len() as u64,
        ..Fates::default()
    };
    // Where it was and as it was; then elsewhere and as it was; then where it was.
    let looks: [fn(&mut Now, &Past) -> Option<String>; 3] = [Now::unchanged, Now::moved, Now::at_place];
    let mut left = past;
    for look in looks {
        left.retain(|past| match look(&mut now, past) {
            None => true,
            Some(rule) => {
                match rule.as_str() {
                    DUPLICATE => fates.duplicates += 1,
                    _ => *fates.rejected.entry(rule).or_default() += 1,
                }
                false
            }
        });
    }
    for source in &project.sources {
        let of_source: Vec<&Past> = left.iter().filter(|past| past.source == source.name).collect();
        if of_source.is_empty() {
            continue;
        }
        for (past, is_there) in are_there(before, landed, &source.name, &of_source)? {
            let is_made = |table: &str| outputs.has_table(landed.catalog, table);
            let is_known = if past.stage == INGEST {
                let mut tables = project.tables.iter();
                tables.all(|table| table.rows_of.as_deref() != Some(&past.source) || is_made(&table.name))
            } else {
                project.table(&past.stage).is_none() || is_made(&past.stage)
            };
            match (is_there, is_known) {
                (false, _) => fates.gone += 1,
                (true, true) => fates.kept += 1,
                (true, false) => fates.unknown += 1,
            }
        }
    }
    // Sources that the project has no more.
    fates.gone += left
        .iter()
        .filter(|past| project.source(&past.source).is_none())
        .count() as u64;
    Ok(fates)
}

/// Whether the row of each earlier reject landed. Where rows went from the source's files, the row in its place may be one
/// that stood below, and the row itself may stand above.
fn are_there<'p>(
    before: &Outputs,
    landed: Landed<'_>,
    source: &str,
    pasts: &[&'p Past],
) -> Result<Vec<(&'p Past, bool)>> {
    let rows: BTreeSet<i64> = pasts.iter().map(|past| past.row).collect();
    let present = landed.present(source, &rows)?;
    if landed.rows_in(source) >= before.rows_in(landed.catalog, source) {
        return Ok(pasts.iter().map(|past| (*past, present.contains(&past.row))).collect());
    }
    let below: BTreeSet<i64> = rows.iter().flat_map(|row| row + 1..=row + MOVED_MAX).collect();
    let mut stood: HashMap<i64, String> = HashMap::new();
    for path in before.landed_files(landed.catalog, source) {
        stood.extend(
            fields_in(&path, &below)?
                .iter()
                .map(|(row, fields)| (*row, said(fields))),
        );
    }
    let above: BTreeSet<i64> = rows.iter().flat_map(|row| row - MOVED_MAX..=*row).collect();
    let now = landed.fields(source, &above)?;
    let stands: HashMap<i64, String> = now.iter().map(|(row, fields)| (*row, said(fields))).collect();
    let is_there = |past: &Past| {
        let row = past.row;
        let itself = |place: i64| past.was.is_some() && stands.get(&place) == past.was.as_ref();
        let is_another = |now: &String| (row + 1..=row + MOVED_MAX).any(|below| stood.get(&below) == Some(now));
        let is_replaced = stands.get(&row).is_some_and(is_another);
        (row - MOVED_MAX..=row).any(itself) || (present.contains(&row) && !is_replaced)
    };
    Ok(pasts.iter().map(|past| (*past, is_there(past))).collect())
}

fn said(fields: &Fields) -> String {
    was_of_fields(fields.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))))
}

/// The rejects and duplicates there are now. Each answers for one earlier reject at most.
struct Now {
    all: Vec<Past>,
    is_taken: Vec<bool>,
    by_row: HashMap<(String, i64), Vec<usize>>,
    by_said: HashMap<(String, String, String), Vec<usize>>,
}

impl Now {
    fn new(all: Vec<Past>) -> Self {
        let mut by_row: HashMap<(String, i64), Vec<usize>> = HashMap::new();
        let mut by_said: HashMap<(String, String, String), Vec<usize>> = HashMap::new();
        for (at, past) in all.iter().enumerate() {
            by_row.entry((past.source.clone(), past.row)).or_default().push(at);
            by_said.entry(by_file(past)).or_default().push(at);
        }
        Self {
            is_taken: vec![false; all.len()],
            all,
            by_row,
            by_said,
        }
    }

    /// The rule by which the row is rejected where it was, saying what it said.
    fn unchanged(&mut self, past: &Past) -> Option<String> {
        let found = self.by_row.get(&(past.source.clone(), past.row))?;
        let is_same = |at: &&usize| self.all[**at].said == past.said && self.all[**at].stage == past.stage;
        self.take(*found.iter().filter(|at| !self.is_taken[**at]).find(is_same)?)
    }

    /// The rule by which a row that says the same is rejected elsewhere in the file.
    fn moved(&mut self, past: &Past) -> Option<String> {
        let found = self.by_said.get(&by_file(past))?;
        let is_same = |at: &&usize| self.all[**at].stage == past.stage;
        self.take(*found.iter().filter(|at| !self.is_taken[**at]).find(is_same)?)
    }

    /// The rule by which the row of that number is rejected, whatever it says; a reject before a duplicate.
    fn at_place(&mut self, past: &Past) -> Option<String> {
        let found = self.by_row.get(&(past.source.clone(), past.row))?;
        let concerns = |at: &&usize| {
            let stage = &self.all[**at].stage;
            !self.is_taken[**at] && (past.stage == INGEST || stage == INGEST || *stage == past.stage)
        };
        let at = *found
            .iter()
            .filter(concerns)
            .min_by_key(|at| self.all[**at].rule == DUPLICATE)?;
        self.take(at)
    }

    fn take(&mut self, at: usize) -> Option<String> {
        self.is_taken[at] = true;
        Some(self.all[at].rule.clone())
    }
}

fn by_file(past: &Past) -> (String, String, String) {
    (past.source.clone(), past.file.clone(), past.said.clone())
}
