//! The gate: what a version must show before an alias moves to it. It stops what is shown to be worse, and does not play dice:
//! a version that answers as the current one does passes by rule, and one that is no worse is stopped no more often than the
//! project's `confidence` leaves over.

use std::path::Path;
use std::time::Instant;

use deskmill_models::kind::{Kind, Model, Rows};
use deskmill_models::metrics::Evaluation;
use deskmill_models::metrics::paired::{Paired, holm, paired};
use deskmill_models::registry::{ModelState, Registry};
use deskmill_models::rows::ParquetRows;
use serde::{Deserialize, Serialize};

use super::assemble;
use super::evaluate::EvaluateFacts;
use crate::error::Result;
use crate::project::{Gate, ModelSpec};

/// Parts of fewer rows show too little to be tested.
const PART_ROWS_MIN: usize = 30;

/// Parts of a column that are tested, those with the most rows.
const PARTS_MAX: usize = 20;

/// Rows that the time of a single one is measured with.
const TIMED_ROWS: usize = 200;

/// What the gate looked at, and what it decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The version it is about.
    pub version: u64,
    /// The alias it may get.
    pub alias: String,
    /// Whether the alias names the version now.
    pub passed: bool,
    /// One line for each thing looked at.
    pub checks: Vec<Check>,
}

/// One thing the gate looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// `accuracy at least 0.800`, `not worse than version 3`.
    pub what: String,
    /// The figures.
    pub found: String,
    /// Whether it is met.
    pub passed: bool,
}

/// What is to be decided about.
pub(super) struct Candidate<'a> {
    pub kind: &'a dyn Kind,
    pub spec: &'a ModelSpec,
    pub version: u64,
    pub model: &'a dyn Model,
    pub measured: &'a EvaluateFacts,
    /// The folder of the examples.
    pub examples: &'a Path,
    pub artifact_bytes: u64,
}

/// Looks at a version.
///
/// # Errors
/// When the current version or the held-back rows cannot be read.
pub(super) async fn decide(candidate: &Candidate<'_>, registry: &Registry, state: &ModelState) -> Result<Decision> {
    let gate = &candidate.spec.gate;
    let mut checks = bounds(gate, candidate.measured);
    let test = ParquetRows::open(&candidate.examples.join(assemble::FILES[2]))?;
    if gate.size_max_bytes > 0 {
        checks.push(Check {
            what: format!("artifact of at most {} bytes", gate.size_max_bytes),
            found: format!("{} bytes", candidate.artifact_bytes),
            passed: candidate.artifact_bytes <= gate.size_max_bytes,
        });
    }
    if gate.latency_max_us > 0 {
        let took = latency_us(candidate.model, &test)?;
        checks.push(Check {
            what: format!("99 of 100 single rows answered within {} us", gate.latency_max_us),
            found: format!("{took:.0} us"),
            passed: took <= gate.latency_max_us as f64,
        });
    }
    let current = state.aliases.get(&gate.alias).copied();
    let current = current.filter(|current| gate.not_worse_than_current && *current != candidate.version);
    if let Some(current) = current {
        let loaded = registry.load(&candidate.spec.name, current).await?;
        let old = candidate.kind.evaluate(loaded.model.as_ref(), &test)?;
        let new = candidate.kind.evaluate(candidate.model, &test)?;
        checks.append(&mut compare((&new, &old), gate, current));
    }
    Ok(Decision {
        version: candidate.version,
        alias: gate.alias.clone(),
        passed: checks.iter().all(|check| check.passed),
        checks,
    })
}

fn bounds(gate: &Gate, measured: &EvaluateFacts) -> Vec<Check> {
    let check = |name: &String, bound: f64, at_least: bool| {
        let value = measured.metrics.get(name).copied();
        let met = |value: f64| if at_least { value >= bound } else { value <= bound };
        Check {
            what: format!("{name} at {} {bound}", if at_least { "least" } else { "most" }),
            found: value.map_or_else(|| "no such metric".to_owned(), |value| format!("{value:.4}")),
            passed: value.is_some_and(met),
        }
    };
    let least = gate.at_least.iter().map(|(name, least)| check(name, *least, true));
    let most = gate.at_most.iter().map(|(name, most)| check(name, *most, false));
    least.chain(most).collect()
}

/// The time that 99 of 100 single rows take, in microseconds.
fn latency_us(model: &dyn Model, test: &dyn Rows) -> Result<f64> {
    let mut times = Vec::new();
    for batch in test.batches()? {
        let batch = batch?;
        for row in 0..batch.num_rows().min(TIMED_ROWS - times.len()) {
            let single = batch.slice(row, 1);
            // Once to warm up.
            if times.is_empty() {
                model.predict(&single)?;
            }
            let started = Instant::now();
            model.predict(&single)?;
            times.push(started.elapsed().as_secs_f64() * 1e6);
        }
        if times.len() == TIMED_ROWS {
            break;
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(times
        .get((times.len() * 99).div_ceil(100).saturating_sub(1))
        .copied()
        .unwrap_or_default())
}

/// Compares two versions on the same rows. Half of the chance of error is for all rows, the other half for all parts of them.
fn compare((new, old): (&Evaluation, &Evaluation), gate: &Gate, current: u64) -> Vec<Check> {
    let main = &new.main_metric;
    let what = format!("{main} not shown to be worse than that of version {current}");
    let Some(whole) = paired(&new.row_scores, &old.row_scores, current) else {
        // Versions that do not score the same rows, because they have other labels for what is out of scope.
        let (was, is) = (
            old.metric(main).unwrap_or_default(),
            new.metric(main).unwrap_or_default(),
        );
        return vec![Check {
            what: format!("{what} by more than {} (rows cannot be paired)", gate.tolerance),
            found: format!("{is:.4} against {was:.4}"),
            passed: is >= was - gate.tolerance,
        }];
    };
    if whole.differing == 0 {
        return vec![Check {
            what,
            found: format!("the same on each of {} rows", whole.rows),
            passed: true,
        }];
    }
    let alpha = (1.0 - gate.confidence) / 2.0;
    let is_worse = whole.chance <= alpha && whole.difference < -gate.tolerance;
    let mut checks = vec![Check {
        what,
        found: format!(
            "{:.4} against {:.4}, {}",
            new.metric(main).unwrap_or_default(),
            old.metric(main).unwrap_or_default(),
            words(&whole)
        ),
        passed: !is_worse,
    }];
    let parts = parts(new, old, current);
    let chances: Vec<f64> = parts.iter().map(|(_, part)| part.chance).collect();
    let shown = holm(&chances, alpha);
    let worse = |((name, part), shown): (&(String, Paired), bool)| {
        (shown && part.difference < -gate.tolerance).then(|| format!("{name}: {}", words(part)))
    };
    let worse: Vec<String> = parts.iter().zip(shown).filter_map(worse).collect();
    if !parts.is_empty() {
        checks.push(Check {
            what: format!("nor on any of {} parts of the rows", parts.len()),
            found: if worse.is_empty() {
                "none".to_owned()
            } else {
                worse.join("; ")
            },
            passed: worse.is_empty(),
        });
    }
    checks
}

/// The parts of the rows that are large enough, by name.
fn parts(new: &Evaluation, old: &Evaluation, seed: u64) -> Vec<(String, Paired)> {
    let mut parts = Vec::new();
    for column in new
        .row_parts
        .iter()
        .filter(|column| column.of_rows.len() == new.row_scores.len())
    {
        let large = column
            .parts()
            .into_iter()
            .filter(|(_, rows)| rows.len() >= PART_ROWS_MIN);
        for (value, rows) in large.take(PARTS_MAX) {
            // The part that is all rows was tested.
            if rows.len() == new.row_scores.len() {
                continue;
            }
            let of = |scores: &[f64]| rows.iter().map(|row| scores[*row]).collect::<Vec<f64>>();
            let found = paired(&of(&new.row_scores), &of(&old.row_scores), seed);
            parts.extend(found.map(|found| (format!("{} = {value}", column.column), found)));
        }
    }
    parts
}

fn words(found: &Paired) -> String {
    format!(
        "a difference of {:+.4} ({:+.4} to {:+.4}) on {} rows, {} of them answered otherwise; by chance {:.2}%",
        found.difference,
        found.interval.0,
        found.interval.1,
        found.rows,
        found.differing,
        100.0 * found.chance
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use deskmill_models::metrics::RowParts;

    use super::*;

    fn gate() -> Gate {
        Gate {
            alias: "prod".into(),
            at_least: BTreeMap::new(),
            at_most: BTreeMap::new(),
            not_worse_than_current: true,
            tolerance: 0.005,
            confidence: 0.95,
            size_max_bytes: 0,
            latency_max_us: 0,
        }
    }

    fn draw(at: u64) -> f64 {
        let z = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Rows of four channels, one in twenty by fax; what is right with which chance.
    fn evaluation(rows: u64, seed: u64, right: impl Fn(u64) -> f64) -> Evaluation {
        let mut channel = RowParts::of("channel");
        (0..rows).for_each(|row| {
            channel.push(if row % 20 == 0 {
                "fax"
            } else {
                ["mail", "chat", "web"][row as usize % 3]
            })
        });
        let scores = (0..rows).map(|row| f64::from(u8::from(draw(seed << 32 | row) < right(row))));
        let row_scores: Vec<f64> = scores.collect();
        let mut evaluation: Evaluation = serde_json::from_value(serde_json::json!({
            "rows": rows, "main_metric": "accuracy", "metrics": [], "reliability": [], "labels": [], "confusions": [],
            "slices": [], "worst": [], "coverage": [], "notes": [],
        }))
        .unwrap();
        evaluation.row_scores = row_scores;
        evaluation.row_parts = vec![channel];
        evaluation
    }

    fn passes(new: &Evaluation, old: &Evaluation) -> bool {
        compare((new, old), &gate(), 1).iter().all(|check| check.passed)
    }

    #[test]
    fn retrains_on_unchanged_data_are_stopped_no_more_often_than_said() {
        let stopped = (0..400).filter(|round| {
            let new = evaluation(600, 2 * round, |_| 0.85);
            let old = evaluation(600, 2 * round + 1, |_| 0.85);
            !passes(&new, &old)
        });
        // 5% and three standard deviations of a share over 400 rounds.
        let stopped = stopped.count();
        assert!(stopped <= 33, "{stopped} of 400");
    }

    #[test]
    fn what_got_worse_in_one_channel_of_twenty_is_stopped_and_what_got_better_passes() {
        let old = evaluation(8_000, 1, |_| 0.9);
        let planted = evaluation(8_000, 2, |row| if row % 20 == 0 { 0.6 } else { 0.905 });
        let checks = compare((&planted, &old), &gate(), 1);
        assert!(
            checks[0].passed && !checks[1].passed && checks[1].found.contains("channel = fax"),
            "{checks:?}"
        );
        assert!(passes(&evaluation(8_000, 3, |_| 0.93), &old));
        assert!(!passes(&evaluation(8_000, 4, |_| 0.87), &old));
        let same = compare((&old, &old), &gate(), 1);
        assert!(
            same.len() == 1 && same[0].passed && same[0].found.contains("the same"),
            "{same:?}"
        );
    }

    #[test]
    fn versions_that_score_other_rows_are_compared_by_their_metric() {
        let checks = compare((&evaluation(10, 1, |_| 1.0), &evaluation(9, 1, |_| 1.0)), &gate(), 4);
        assert!(
            checks[0].what.contains("cannot be paired") && checks[0].passed,
            "{checks:?}"
        );
    }
}
