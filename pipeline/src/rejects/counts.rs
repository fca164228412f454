//! How many rejects there are of each sort, an example of each, and which share of the rows they are.

use std::collections::BTreeMap;

use serde::Serialize;

use super::known::INGEST;
use super::{DUPLICATE, Outputs, Wanted};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::plan::Plan;
use crate::stages::clean::CleanFacts;
use crate::stages::ingest::IngestFacts;
use crate::stages::{clean, ingest};

/// Rejects of one sort.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Count {
    /// The source.
    pub source: String,
    /// `ingest` or the table that refused them.
    pub stage: String,
    /// The rule.
    pub rule: String,
    /// The column, where one is to blame.
    pub column: Option<String>,
    /// How many.
    pub rows: u64,
    /// Their share of the rows that the stage took, 0 to 1.
    pub share: f64,
    /// One of them: file and line.
    pub example: String,
    /// Whether they are duplicates and no rejects.
    pub duplicates: bool,
}

/// Counts the wanted rejects by source, stage, rule and column; rejects first, then duplicates.
///
/// # Errors
/// When an output cannot be read.
pub fn counts(catalog: &Catalog, plan: &Plan, wanted: &Wanted<'_>) -> Result<Vec<Count>> {
    type Sort = (bool, String, String, String, Option<String>);
    let mut sorts: BTreeMap<Sort, (u64, String)> = BTreeMap::new();
    Outputs::of(plan).each(catalog, wanted, |reject| {
        let is_duplicate = reject.rule == DUPLICATE;
        let sort = (is_duplicate, reject.source, reject.stage, reject.rule, reject.column);
        let place = || format!("{}:{}", reject.file, reject.line);
        sorts.entry(sort).or_insert_with(|| (0, place())).0 += 1;
        Ok(())
    })?;
    let count = |((duplicates, source, stage, rule, column), (rows, example)): (Sort, (u64, String))| {
        let of = rows_of(catalog, plan, &source, &stage);
        Count {
            share: rows as f64 / of.max(1) as f64,
            source,
            stage,
            rule,
            column,
            rows,
            example,
            duplicates,
        }
    };
    Ok(sorts.into_iter().map(count).collect())
}

/// The rows that a stage took.
fn rows_of(catalog: &Catalog, plan: &Plan, source: &str, stage: &str) -> u64 {
    if stage != INGEST {
        let facts = plan
            .step("clean", stage)
            .map(|step| catalog.facts(clean::STAGE, stage, &step.key));
        return facts.map_or(0, |facts: Result<CleanFacts>| facts.map_or(0, |facts| facts.rows_in));
    }
    let facts = plan
        .landings(source)
        .filter_map(|step| catalog.facts::<IngestFacts>(ingest::STAGE, source, &step.key).ok());
    facts.map(|facts| facts.rows + facts.rejects).sum()
}
