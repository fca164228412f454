//! Which labels look wrong, from what a model that had not learned the rows thinks of them: confident learning
//! (Northcutt, Jiang and Chuang, JAIR 2021). A row counts for a label when its probability is at least the mean over the
//! rows that have this label, so that labels the model is always sure of, and always unsure of, are judged alike.

use std::collections::{BTreeMap, BTreeSet};

use super::{Advice, ConfusablePair, Findings, LISTED_MAX, LabelError, RowRef, RowsBack, read_back};
use crate::error::Result;
use crate::kind::Rows;

/// Most probable labels that are kept of a row. A fourth one has at most a probability of a quarter.
const BEST: usize = 3;

/// Pairs of labels that are listed.
const PAIRS_MAX: usize = 30;
/// Rows from which on a pair is one: fewer come about by chance.
const PAIR_ROWS_MIN: u64 = 3;
/// And the share of the rows of both labels.
const PAIR_SHARE_MIN: f64 = 0.01;
/// From here on two labels are better made one.
const MERGE_SHARE_MIN: f64 = 0.2;
/// Rows shown of a pair.
const PAIR_EXAMPLES: usize = 3;

/// One row and what was thought of it.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// The number of its part in the list given to [`Judge::findings`].
    pub part: usize,
    /// Its place in the part.
    pub place: u64,
    /// The label it has.
    pub given: u32,
    /// The probability of that label.
    pub given_probability: f32,
    /// The most probable labels, best first; below any other probability where there are fewer.
    pub best: [(u32, f32); BEST],
}

impl Judged {
    /// From the probabilities of some labels, each label once.
    pub fn new((part, place): (usize, u64), given: u32, probabilities: impl Iterator<Item = (u32, f64)>) -> Self {
        let mut judged = Self {
            part,
            place,
            given,
            given_probability: 0.0,
            best: [(u32::MAX, -1.0); BEST],
        };
        for (label, probability) in probabilities {
            let probability = probability as f32;
            if label == given {
                judged.given_probability = probability;
            }
            if let Some(at) = judged.best.iter().position(|best| probability > best.1) {
                judged.best[at..].rotate_right(1);
                judged.best[at] = (label, probability);
            }
        }
        judged
    }

    /// The label it counts for: the most probable one that reaches its threshold.
    fn confident(&self, thresholds: &[f32]) -> Option<(u32, f32)> {
        let given = (self.given, self.given_probability);
        let reaches = |(label, probability): &(u32, f32)| {
            thresholds
                .get(*label as usize)
                .is_some_and(|threshold| probability >= threshold)
        };
        self.best.into_iter().chain([given]).find(reaches)
    }

    fn margin(&self, suggested: f32) -> f32 {
        self.given_probability - suggested
    }
}

/// Collects judged rows.
#[derive(Debug, Default)]
pub struct Judge {
    rows: Vec<Judged>,
}

/// What the judged rows come to, before any text is read.
struct Verdict {
    suspects: Vec<(Judged, (u32, f32))>,
    noise: Option<f64>,
    pairs: Vec<Pair>,
}

struct Pair {
    labels: [u32; 2],
    mixed: [u64; 2],
    rows: [u64; 2],
    examples: Vec<Judged>,
}

impl Pair {
    fn share(&self) -> f64 {
        (self.mixed[0] + self.mixed[1]) as f64 / (self.rows[0] + self.rows[1]).max(1) as f64
    }
}

impl Judge {
    /// Takes a row.
    pub fn push(&mut self, row: Judged) {
        self.rows.push(row);
    }

    /// Keeps the rows that `keep` says.
    pub fn retain(&mut self, keep: impl Fn(&Judged) -> bool) {
        self.rows.retain(keep);
    }

    /// Parts and places of all rows whose labels look wrong, worst first.
    #[cfg(test)]
    pub(crate) fn suspects(mut self, labels: usize) -> Vec<(usize, u64)> {
        let verdict = self.verdict(labels);
        verdict.suspects.iter().map(|(row, _)| (row.part, row.place)).collect()
    }

    /// The share of rows whose most probable label is the one they have.
    #[cfg(test)]
    pub(crate) fn accuracy(&self) -> f64 {
        let right = self.rows.iter().filter(|row| row.best[0].0 == row.given).count();
        right as f64 / self.rows.len() as f64
    }

    /// The findings. `labels` are the names by number; `parts` the names of the parts and their rows, which are read
    /// once more for the texts of what is listed.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn findings(mut self, labels: &[String], parts: &[(&str, &dyn Rows)]) -> Result<Findings> {
        let judged = self.rows.len() as u64;
        let verdict = self.verdict(labels.len());
        let suspects = verdict.suspects.len() as u64;
        let listed = &verdict.suspects[..verdict.suspects.len().min(LISTED_MAX)];
        let mut wanted = vec![BTreeSet::new(); parts.len()];
        let of_pairs = verdict.pairs.iter().flat_map(|pair| &pair.examples);
        for row in listed.iter().map(|(row, _)| row).chain(of_pairs) {
            wanted[row.part].insert(row.place);
        }
        let read = |((_, rows), wanted): (&(&str, &dyn Rows), &BTreeSet<u64>)| read_back(*rows, wanted);
        let back: Vec<RowsBack> = parts.iter().zip(&wanted).map(read).collect::<Result<_>>()?;
        let shown = |row: &Judged, suggested: (u32, f32)| {
            let (text, number) = back[row.part].get(&row.place).cloned().unwrap_or_default();
            LabelError {
                row: RowRef {
                    part: parts[row.part].0.into(),
                    place: row.place,
                    row: number,
                    text,
                },
                given: labels[row.given as usize].clone(),
                suggested: labels[suggested.0 as usize].clone(),
                given_probability: row.given_probability.into(),
                suggested_probability: suggested.1.into(),
            }
        };
        let pair = |pair: &Pair| ConfusablePair {
            labels: pair.labels.map(|label| labels[label as usize].clone()),
            mixed: pair.mixed,
            rows: pair.rows,
            share: pair.share(),
            examples: pair.examples.iter().map(|row| shown(row, row.best[0])).collect(),
            advice: if pair.share() >= MERGE_SHARE_MIN {
                Advice::Merge
            } else {
                Advice::Clarify
            },
        };
        Ok(Findings {
            judged,
            suspects,
            noise: verdict.noise,
            label_errors: listed.iter().map(|(row, suggested)| shown(row, *suggested)).collect(),
            confusable: verdict.pairs.iter().map(pair).collect(),
            ..Findings::default()
        })
    }

    fn verdict(&mut self, labels: usize) -> Verdict {
        // Sums do not depend on the order in which folds came.
        self.rows.sort_unstable_by_key(|row| (row.part, row.place));
        let mut sums = vec![(0u64, 0f64); labels];
        for row in &self.rows {
            let sum = &mut sums[row.given as usize];
            *sum = (sum.0 + 1, sum.1 + f64::from(row.given_probability));
        }
        let threshold = |(rows, sum): &(u64, f64)| {
            if *rows > 0 {
                (sum / *rows as f64) as f32
            } else {
                f32::INFINITY
            }
        };
        let thresholds: Vec<f32> = sums.iter().map(threshold).collect();
        let mut suspects = Vec::new();
        // By given label: rows that count for it, and for another.
        let mut counted = vec![(0u64, 0u64); labels];
        for row in &self.rows {
            let Some(confident) = row.confident(&thresholds) else {
                continue;
            };
            let counts = &mut counted[row.given as usize];
            if confident.0 == row.given {
                counts.0 += 1;
                continue;
            }
            counts.1 += 1;
            if confident.1 > row.given_probability {
                suspects.push((*row, confident));
            }
        }
        suspects.sort_by(|(a, to_a), (b, to_b)| a.margin(to_a.1).total_cmp(&b.margin(to_b.1)));
        // Each label's rows are divided as those of it that count for a label.
        let wrong = |((rows, _), (own, other)): (&(u64, f64), &(u64, u64))| {
            *rows as f64 * *other as f64 / (own + other).max(1) as f64
        };
        let wrong: f64 = sums.iter().zip(&counted).map(wrong).sum();
        let rows = self.rows.len();
        Verdict {
            suspects,
            noise: (rows > 0).then(|| wrong / rows as f64),
            pairs: self.pairs(&sums),
        }
    }

    fn pairs(&self, sums: &[(u64, f64)]) -> Vec<Pair> {
        let mut pairs = BTreeMap::<[u32; 2], Pair>::new();
        for row in &self.rows {
            let (answered, given) = (row.best[0].0, row.given);
            if answered == given || answered as usize >= sums.len() {
                continue;
            }
            let labels = [given.min(answered), given.max(answered)];
            let pair = pairs.entry(labels).or_insert_with(|| Pair {
                labels,
                mixed: [0; 2],
                rows: labels.map(|label| sums[label as usize].0),
                examples: Vec::new(),
            });
            pair.mixed[usize::from(given > answered)] += 1;
            let place = pair
                .examples
                .partition_point(|other| other.margin(other.best[0].1) <= row.margin(row.best[0].1));
            pair.examples.insert(place, *row);
            pair.examples.truncate(PAIR_EXAMPLES);
        }
        let mut pairs: Vec<Pair> = pairs.into_values().collect();
        pairs.retain(|pair| pair.mixed[0] + pair.mixed[1] >= PAIR_ROWS_MIN && pair.share() >= PAIR_SHARE_MIN);
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.mixed[0] + pair.mixed[1]));
        pairs.truncate(PAIRS_MAX);
        pairs
    }
}
