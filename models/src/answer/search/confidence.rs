//! How sure an answer is: two small logistic regressions on held-back questions, one for "the first answer is right" and
//! one for "the right answer is among the first two". The promise machinery sets thresholds on them.

use serde::{Deserialize, Serialize};

use super::features::{BLEND, CLASSIFIER, COSINE, COVERED, Candidate};
use crate::learn::{Choice, Prior, choice_score, fit_choices};

/// Numbers about the head of a ranking.
const SIGNS: usize = 8;

/// Penalty of each weight, the numbers being scaled to a standard deviation of 1.
const PENALTY: f64 = 1.0;

/// Log-odds are kept inside of this, so that one candidate alone is not taken for certainty.
const ODDS_MAX: f64 = 12.0;

/// Weights of both regressions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Certainty {
    first: Vec<f64>,
    second: Vec<f64>,
}

/// What the confidence looks at: how clear the ranking is, and how much the first answer has in common with the question.
pub(super) type Signs = [f64; SIGNS];

/// The signs of a ranking: its candidates and their probabilities, the best first. `None` if there is no candidate.
pub(super) fn signs(ranked: &[(&Candidate, f64)]) -> Option<Signs> {
    let (first, share) = ranked.first()?;
    let second = ranked.get(1).map_or(0.0, |candidate| candidate.1);
    let odds = |share: f64| {
        (share / (1.0 - share).max(1e-12))
            .max(1e-12)
            .ln()
            .clamp(-ODDS_MAX, ODDS_MAX)
    };
    Some([
        1.0,
        odds(*share),
        odds(share + second),
        (share.max(1e-12) / second.max(1e-12)).ln().min(ODDS_MAX),
        first.features[BLEND],
        first.features[COVERED],
        first.features[CLASSIFIER],
        first.features[COSINE],
    ])
}

impl Certainty {
    /// Learns from held-back questions: signs, whether the first is right, whether one of the first two is.
    pub fn fit(rows: &[(Signs, bool, bool)]) -> Self {
        let of = |right: fn(&(Signs, bool, bool)) -> bool| {
            let rows: Vec<(Signs, bool)> = rows.iter().map(|row| (row.0, right(row))).collect();
            logistic(&rows)
        };
        Self {
            first: of(|row| row.1),
            second: of(|row| row.2),
        }
    }

    /// How likely the first answer is right, and how likely one of the first two is (at least as likely).
    pub fn of(&self, signs: &Signs) -> (f64, f64) {
        let probability = |weights: &[f64]| 1.0 / (1.0 + (-choice_score(weights, signs)).exp());
        let first = probability(&self.first);
        (first, probability(&self.second).max(first))
    }

    /// Whether it can be asked; stored weights are not trusted.
    pub fn is_sound(&self) -> bool {
        [&self.first, &self.second]
            .iter()
            .all(|all| all.len() == SIGNS && all.iter().all(|weight| weight.is_finite()))
    }
}

fn logistic(rows: &[(Signs, bool)]) -> Vec<f64> {
    let scales = deviations(rows.iter().map(|row| row.0.as_slice()), SIGNS);
    let choices: Vec<Choice> = rows
        .iter()
        .map(|(signs, right)| Choice {
            features: signs
                .iter()
                .zip(&scales)
                .map(|(sign, scale)| sign / scale)
                .chain([0.0; SIGNS])
                .collect(),
            right: vec![*right, !*right],
        })
        .collect();
    let mut priors = [Prior {
        mean: 0.0,
        penalty: PENALTY,
    }; SIGNS];
    priors[0].penalty = 0.0;
    // With rows of one side only, a free constant would run away.
    if rows.iter().all(|row| row.1) || !rows.iter().any(|row| row.1) {
        priors[0].penalty = PENALTY;
    }
    let weights = fit_choices(&choices, &priors);
    weights
        .iter()
        .zip(scales)
        .map(|(weight, scale)| weight / scale)
        .collect()
}

/// The standard deviation of each of `count` numbers; 1 where a number never varies.
pub(super) fn deviations<'a>(rows: impl Iterator<Item = &'a [f64]>, count: usize) -> Vec<f64> {
    let (mut rows_seen, mut sums, mut squares) = (0.0, vec![0.0; count], vec![0.0; count]);
    for row in rows {
        rows_seen += 1.0;
        for (at, value) in row.iter().enumerate() {
            sums[at] += value;
            squares[at] += value * value;
        }
    }
    let deviation = |(sum, square): (&f64, &f64)| {
        let mean = sum / f64::max(rows_seen, 1.0);
        let variance = square / f64::max(rows_seen, 1.0) - mean * mean;
        if variance > 1e-12 { variance.sqrt() } else { 1.0 }
    };
    sums.iter().zip(&squares).map(deviation).collect()
}
