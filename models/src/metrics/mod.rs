//! What reports and gates measure: plain numbers with intervals, computed from answers to held-back rows.

pub mod answers;
mod beside;
pub mod paired;
mod promise_notes;

pub use beside::{Beside, Contenders, SimplerFigures};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::findings::Findings;
use crate::learn::promise::{MissThreshold, Threshold};

/// The measured quality of one model on one set of held-back rows: the content of `report.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Evaluation {
    /// Rows scored.
    pub rows: u64,
    /// Name of the metric that versions are compared by; larger is better.
    pub main_metric: String,
    /// All metrics.
    pub metrics: Vec<Metric>,
    /// Reliability: stated probability against observed share, bins of equal width.
    pub reliability: Vec<ReliabilityBin>,
    /// One row a label, most frequent first.
    pub labels: Vec<LabelScores>,
    /// Actual against predicted, off the diagonal, most frequent first.
    pub confusions: Vec<Confusion>,
    /// The main metric over parts of the rows.
    pub slices: Vec<Slice>,
    /// The most confident mistakes, personal data masked.
    pub worst: Vec<Mistake>,
    /// Share of the rows accepted against precision of those, by falling score: (coverage, precision).
    pub coverage: Vec<(f64, f64)>,
    /// What is worth a look in the examples.
    #[serde(default)]
    pub findings: Findings,
    /// What else the kind has to say, by name.
    pub notes: Vec<(String, String)>,
    /// What the model promises and whether it held here; absent if it promises nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promises: Option<PromiseReport>,
    /// Simpler models on the same rows; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// The main metric's value for each row (1 right, 0 wrong), in row order: what the gate's paired test needs.
    #[serde(skip)]
    pub row_scores: Vec<f64>,
    /// The parts that the rows are in, column by column: for the gate's test of parts.
    #[serde(skip)]
    pub row_parts: Vec<RowParts>,
}

/// A column that cuts rows into parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowParts {
    /// Its name.
    pub column: String,
    /// The part of each row, a number from 0.
    pub of_rows: Vec<u32>,
    numbers: std::collections::BTreeMap<String, u32>,
}

impl RowParts {
    /// A column of no row yet.
    pub fn of(column: &str) -> Self {
        Self {
            column: column.to_owned(),
            ..Self::default()
        }
    }

    /// Takes a row.
    pub fn push(&mut self, value: &str) {
        let number = match self.numbers.get(value) {
            Some(number) => *number,
            None => {
                let number = self.numbers.len() as u32;
                self.numbers.insert(value.to_owned(), number);
                number
            }
        };
        self.of_rows.push(number);
    }

    /// The values with their rows, those with the most rows first.
    pub fn parts(&self) -> Vec<(&str, Vec<usize>)> {
        let mut rows = vec![Vec::new(); self.numbers.len()];
        for (row, part) in self.of_rows.iter().enumerate() {
            rows[*part as usize].push(row);
        }
        let named = self
            .numbers
            .iter()
            .map(|(value, number)| (value.as_str(), *number as usize));
        let mut parts: Vec<(&str, Vec<usize>)> = named
            .map(|(value, at)| (value, std::mem::take(&mut rows[at])))
            .collect();
        parts.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
        parts
    }
}

impl Evaluation {
    /// The value of a metric by name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|m| m.name == name).map(|m| m.value)
    }
}

/// One number of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The field's term: `accuracy`, `macro_f1`, `expected_calibration_error`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// 95% interval, where one is known.
    pub interval: Option<(f64, f64)>,
    /// Whether larger is better.
    pub larger_is_better: bool,
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lower edge of the stated probability.
    pub from: f64,
    /// Rows in the bin.
    pub rows: u64,
    /// Mean stated probability.
    pub stated: f64,
    /// Share of right answers.
    pub observed: f64,
}

/// How one label fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelScores {
    /// The label.
    pub label: String,
    /// Rows that have it.
    pub rows: u64,
    /// Share of rows given this label that have it; none if it was never given.
    pub precision: Option<f64>,
    /// Share of rows with this label that were given it; none if no row has it.
    pub recall: Option<f64>,
    /// Harmonic mean of both; 0 if either is none.
    pub f1: f64,
}

/// A pair of labels that is mixed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// The label the row has.
    pub actual: String,
    /// The label it was given.
    pub predicted: String,
    /// How often.
    pub rows: u64,
}

/// The main metric over a part of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Column that cuts the rows.
    pub column: String,
    /// Its value in this part.
    pub value: String,
    /// Rows in this part.
    pub rows: u64,
    /// The metric.
    pub score: f64,
    /// 95% interval.
    pub interval: (f64, f64),
}

/// One wrong answer to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// The inputs, personal data masked.
    pub input: Value,
    /// The label the row has.
    pub actual: String,
    /// The label it was given.
    pub predicted: String,
    /// With what probability.
    pub score: f64,
}

/// Promises on answers, and how they fared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PromiseReport {
    /// On the precision of accepted answers: labels with a threshold of their own, then all others together.
    pub answers: Vec<AnswerPromise>,
    /// On rows that must not be missed.
    pub misses: Vec<MissPromise>,
}

/// A promise on the precision of accepted answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerPromise {
    /// The most likely label of the rows; none for all labels without a threshold of their own.
    pub label: Option<String>,
    /// The least share of right answers among the accepted.
    pub promised: f64,
    /// How sure the promise is.
    pub confidence: f64,
    /// What was proved when the model was fitted.
    pub threshold: Threshold,
    /// Rows scored here.
    pub rows: u64,
    /// How many of them were accepted.
    pub accepted: u64,
    /// How many of these are right.
    pub right: u64,
}

/// A promise that few rows of a label go without its flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissPromise {
    /// The label, or node of the hierarchy.
    pub label: String,
    /// What was proved when the model was fitted.
    pub threshold: MissThreshold,
    /// Rows scored here that have the label.
    pub rows: u64,
    /// How many of them have no flag.
    pub missed: u64,
    /// Share of all rows that have the flag.
    pub flagged: f64,
}

/// Wilson's 95% interval of a share (Wilson, JASA 1927). `(0, 1)` for no rows.
pub fn share_interval(hits: f64, rows: f64) -> (f64, f64) {
    if rows <= 0.0 {
        return (0.0, 1.0);
    }
    let z = 1.959_964;
    let share = hits / rows;
    let centre = share + z * z / (2.0 * rows);
    let spread = z * (share * (1.0 - share) / rows + z * z / (4.0 * rows * rows)).sqrt();
    let scale = 1.0 + z * z / rows;
    (
        ((centre - spread) / scale).max(0.0),
        ((centre + spread) / scale).min(1.0),
    )
}

/// The 95% interval of an area under the ROC curve (Hanley and McNeil, Radiology 1982).
pub fn auroc_interval(area: f64, positives: usize, negatives: usize) -> (f64, f64) {
    let (n, m) = (positives as f64, negatives as f64);
    let (above_one, above_two) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let square = area * area;
    let variance = area * (1.0 - area) + (n - 1.0) * (above_one - square) + (m - 1.0) * (above_two - square);
    let spread = 1.959_964 * (variance.max(0.0) / (n * m).max(1.0)).sqrt();
    ((area - spread).max(0.0), (area + spread).min(1.0))
}

/// Area under the ROC curve of `scores` for telling positives from negatives; ties count half. `None` if either is
/// absent. Rank-sum form (Mann and Whitney 1947).
pub fn auroc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let positives = positive.iter().filter(|p| **p).count();
    let negatives = positive.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut rank_sum = 0.0;
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && scores[order[end]] == scores[order[start]] {
            end += 1;
        }
        let mean_rank = (start + 1 + end) as f64 / 2.0;
        rank_sum += mean_rank * order[start..end].iter().filter(|&&i| positive[i]).count() as f64;
        start = end;
    }
    let n = positives as f64;
    Some((rank_sum - n * (n + 1.0) / 2.0) / (n * negatives as f64))
}

/// What each row adds to [`auroc`]: the mean of these is the area. Of a positive row the share of negatives below it, of a
/// negative one the share of positives above it (DeLong, DeLong and Clarke-Pearson, Biometrics 1988), so that positives and
/// negatives count half each. `None` if either is absent.
pub fn auroc_shares(scores: &[f64], positive: &[bool]) -> Option<Vec<f64>> {
    let positives = positive.iter().filter(|p| **p).count();
    let negatives = positive.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut shares = vec![0.0; scores.len()];
    let (mut positives_below, mut negatives_below) = (0, 0);
    let mut rest = order.as_slice();
    while let Some(first) = rest.first() {
        let ties = rest.iter().take_while(|row| scores[**row] == scores[*first]).count();
        let own = rest[..ties].iter().filter(|row| positive[**row]).count();
        let others = ties - own;
        for &row in &rest[..ties] {
            let (beaten, of, rows) = match positive[row] {
                true => (negatives_below as f64 + others as f64 / 2.0, negatives, positives),
                false => (
                    (positives - positives_below - own) as f64 + own as f64 / 2.0,
                    positives,
                    negatives,
                ),
            };
            shares[row] = beaten / of as f64 * scores.len() as f64 / (2 * rows) as f64;
        }
        positives_below += own;
        negatives_below += others;
        rest = &rest[ties..];
    }
    Some(shares)
}

/// [`auroc`] of rows that count by their weights. `None` if the positives or the negatives weigh nothing.
pub fn auroc_weighted(scores: &[f64], positive: &[bool], weights: &[f64]) -> Option<f64> {
    let mut order: Vec<usize> = (0..scores.len().min(weights.len())).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut area, mut below, mut positives) = (0.0, 0.0, 0.0);
    let mut rest = order.as_slice();
    while let Some(first) = rest.first() {
        let ties = rest.iter().take_while(|row| scores[**row] == scores[*first]).count();
        let weigh = |wanted: bool| -> f64 {
            let rows = rest[..ties].iter().filter(|row| positive[**row] == wanted);
            rows.map(|row| weights[*row]).sum()
        };
        let (own, others) = (weigh(true), weigh(false));
        area += own * (below + others / 2.0);
        below += others;
        positives += own;
        rest = &rest[ties..];
    }
    (below > 0.0 && positives > 0.0).then(|| area / (below * positives))
}

/// Reliability in `bins` bins of equal width, empty ones left out, and the expected calibration error (Guo et al. 2017).
pub fn reliability(scores: &[f64], right: &[bool], bins: usize) -> (Vec<ReliabilityBin>, f64) {
    let mut sums = vec![(0u64, 0.0f64, 0u64); bins];
    for (score, right) in scores.iter().zip(right) {
        let bin = ((score * bins as f64) as usize).min(bins - 1);
        sums[bin].0 += 1;
        sums[bin].1 += score;
        sums[bin].2 += u64::from(*right);
    }
    let total = scores.len().max(1) as f64;
    let mut error = 0.0;
    let mut out = Vec::new();
    for (bin, (rows, stated, hits)) in sums.into_iter().enumerate().filter(|(_, s)| s.0 > 0) {
        let (stated, observed) = (stated / rows as f64, hits as f64 / rows as f64);
        error += rows as f64 / total * (stated - observed).abs();
        out.push(ReliabilityBin {
            from: bin as f64 / bins as f64,
            rows,
            stated,
            observed,
        });
    }
    (out, error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn auroc_counts_ties_half() {
        assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), Some(0.75));
        assert_eq!(auroc(&[0.5; 4], &[true, false, true, false]), Some(0.5));
        assert_eq!(auroc(&[0.5], &[true]), None);
        let (scores, positive) = ([0.1, 0.4, 0.35, 0.8, 0.4], [false, false, true, true, true]);
        let plain = auroc(&scores, &positive).unwrap();
        assert!((auroc_weighted(&scores, &positive, &[1.0; 5]).unwrap() - plain).abs() < 1e-12);
        let twice = auroc(
            &[0.1, 0.4, 0.35, 0.8, 0.4, 0.35],
            &[false, false, true, true, true, true],
        );
        let weighted = auroc_weighted(&scores, &positive, &[1.0, 1.0, 2.0, 1.0, 1.0]);
        assert!((weighted.unwrap() - twice.unwrap()).abs() < 1e-12);
        assert_eq!(auroc_weighted(&scores, &positive, &[0.0, 0.0, 1.0, 1.0, 1.0]), None);
        let shares = auroc_shares(&scores, &positive).unwrap();
        assert!((shares.iter().sum::<f64>() / 5.0 - plain).abs() < 1e-12);
        assert_eq!(auroc_shares(&[0.5], &[true]), None);
    }

    #[test]
    fn wilson_matches_the_published_example() {
        // 81 of 263: Newcombe, Statistics in Medicine 1998, method 3.
        let (low, high) = share_interval(81.0, 263.0);
        assert!(
            (low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4,
            "{low} {high}"
        );
    }

    #[test]
    fn perfect_calibration_has_no_error() {
        let (bins, error) = reliability(&[0.75; 4], &[true, true, true, false], 10);
        assert_eq!((bins.len(), error), (1, 0.0));
    }
}
