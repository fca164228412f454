//! Several labels a text, or none: each label has a probability and a threshold of its own, both from held-back rows.

mod evaluate;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::learn::{Block, Sigmoid};

pub(super) use evaluate::evaluate;

/// A label with fewer held-back rows has the probabilities and the threshold that hold for all labels together.
const POSITIVES_MIN: usize = 20;

/// A label's own threshold counts half at this many held-back rows of it, and the common threshold the other half. Where
/// probabilities are calibrated by label, thresholds of their own fit noise: measured on CrossWOZ and MultiDoGO.
const OWN_THRESHOLD_ROWS: f32 = 400.0;

/// Held-back pairs of a row and a label that are looked at together: more do not make two numbers any surer.
const POOLED_MAX: usize = 2_000_000;

/// Without held-back rows of any label: the sign of the margin decides.
const UNFITTED: Sigmoid = Sigmoid {
    slope: 3.0,
    offset: 0.0,
};

/// How each label is decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::intent) struct Several {
    /// From margins to probabilities, by label.
    pub sigmoids: Vec<Sigmoid>,
    /// The probability from which on a text has the label, by label.
    pub thresholds: Vec<f32>,
}

impl Several {
    /// From the margins of held-back rows for all labels, row by row, and their classes.
    pub(in crate::intent) fn fit(margins: &[f32], held_back: &Block, labels: usize) -> Self {
        let rows = held_back.targets.len();
        let mut is_positive = vec![false; rows * labels];
        for row in 0..rows {
            for class in held_back.classes(row) {
                is_positive[row * labels + class as usize] = true;
            }
        }
        let step = (rows * labels).div_ceil(POOLED_MAX).max(1);
        let pair = |at: usize| (margins[at], is_positive[at]);
        let pooled: Vec<(f32, bool)> = (0..rows)
            .step_by(step)
            .flat_map(|row| row * labels..(row + 1) * labels)
            .map(pair)
            .collect();
        let pooled_sigmoid = Sigmoid::fit(&pooled).unwrap_or(UNFITTED);
        let pooled_threshold = best_threshold(scored(&pooled, pooled_sigmoid));
        let own = |label: usize| -> Option<(Sigmoid, f32)> {
            let rows: Vec<(f32, bool)> = (0..rows).map(|row| pair(row * labels + label)).collect();
            let positives = rows.iter().filter(|row| row.1).count();
            let sigmoid = (positives >= POSITIVES_MIN).then(|| Sigmoid::fit(&rows)).flatten()?;
            let threshold = best_threshold(scored(&rows, sigmoid));
            let trust = positives as f32 / (positives as f32 + OWN_THRESHOLD_ROWS);
            Some((sigmoid, trust * threshold + (1.0 - trust) * pooled_threshold))
        };
        let pooled = (pooled_sigmoid, pooled_threshold);
        let (sigmoids, thresholds) = (0..labels).map(|label| own(label).unwrap_or(pooled)).unzip();
        Self { sigmoids, thresholds }
    }

    /// Checks what an artifact says.
    ///
    /// # Errors
    /// When it does not fit the labels or is no number.
    pub(in crate::intent) fn check(&self, labels: usize) -> Result<()> {
        let finite = |sigmoid: &Sigmoid| sigmoid.slope.is_finite() && sigmoid.offset.is_finite();
        if self.sigmoids.len() != labels || self.thresholds.len() != labels {
            return Err(Error::artifact("settings", "thresholds do not fit the labels"));
        }
        if !self.sigmoids.iter().all(finite) || !self.thresholds.iter().all(|threshold| threshold.is_finite()) {
            return Err(Error::artifact("settings", "a threshold is not a finite number"));
        }
        Ok(())
    }

    /// The probability of every label, each by itself, into `probabilities` (cleared first).
    pub(in crate::intent) fn probabilities(&self, margins: &[f32], probabilities: &mut Vec<f64>) {
        probabilities.clear();
        let pairs = self.sigmoids.iter().zip(margins);
        probabilities.extend(pairs.map(|(sigmoid, margin)| sigmoid.probability(*margin)));
    }

    /// The labels that reach their thresholds into `order` (cleared first), best first. Gives the first of them, or the
    /// most likely label if there is none.
    pub(in crate::intent) fn choose(&self, probabilities: &[f64], order: &mut Vec<u32>) -> usize {
        let by_rank = |a: &u32, b: &u32| {
            let score = |label: &u32| probabilities[*label as usize];
            score(b).total_cmp(&score(a)).then(a.cmp(b))
        };
        let all = 0..self.thresholds.len() as u32;
        let reaches = |label: &u32| probabilities[*label as usize] >= f64::from(self.thresholds[*label as usize]);
        order.clear();
        order.extend(all.clone().filter(reaches));
        order.sort_unstable_by(by_rank);
        let best = order.first().copied().or_else(|| all.min_by(by_rank));
        best.unwrap_or_default() as usize
    }
}

fn scored(rows: &[(f32, bool)], sigmoid: Sigmoid) -> Vec<(f64, bool)> {
    rows.iter()
        .map(|(margin, positive)| (sigmoid.probability(*margin), *positive))
        .collect()
}

/// The threshold with the largest F1, midway between the rows it parts; 0.5 if there is no positive row.
fn best_threshold(mut rows: Vec<(f64, bool)>) -> f32 {
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let positives = rows.iter().filter(|row| row.1).count();
    let (mut hits, mut best) = (0, (0.0, 0.5));
    for (at, (score, positive)) in rows.iter().enumerate() {
        hits += usize::from(*positive);
        let next = rows.get(at + 1).map_or(0.0, |row| row.0);
        // Rows of one score stand on one side.
        if next < *score {
            let f1 = 2.0 * hits as f64 / (positives + at + 1) as f64;
            if f1 > best.0 {
                best = (f1, (score + next) / 2.0);
            }
        }
    }
    best.1 as f32
}
