//! From the margin of one class to its probability: a sigmoid, fitted on held-back rows (Platt 1999) by Newton's method
//! with backtracking (Lin, Lin and Weng, Machine Learning 2007).

use serde::{Deserialize, Serialize};

/// `probability = 1 / (1 + exp(-(slope * margin + offset)))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sigmoid {
    /// Above 0: a larger margin is a larger probability.
    pub slope: f32,
    /// Log-odds of a row at the border of the class.
    pub offset: f32,
}

/// Steps of Newton's method; a handful is enough, as the loss is convex.
const STEPS_MAX: usize = 50;

impl Sigmoid {
    /// The probability of a margin.
    pub fn probability(self, margin: f32) -> f64 {
        let odds = f64::from(self.slope) * f64::from(margin) + f64::from(self.offset);
        1.0 / (1.0 + (-odds).exp())
    }

    /// The sigmoid under which the held-back rows, given as (margin, is of the class), are most likely. Targets are
    /// drawn in by Platt's rule, so that separable rows do not lead to certainty. `None` if rows of either side are
    /// missing, or a larger margin does not make the class more likely.
    pub fn fit(rows: &[(f32, bool)]) -> Option<Self> {
        let positives = rows.iter().filter(|row| row.1).count() as f64;
        let negatives = rows.len() as f64 - positives;
        if positives == 0.0 || negatives == 0.0 {
            return None;
        }
        let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
        let target = |positive: bool| if positive { high } else { low };
        let loss = |slope: f64, offset: f64| -> f64 {
            let row = |&(margin, positive): &(f32, bool)| {
                let odds = slope * f64::from(margin) + offset;
                // ln(1 + e^odds) - target * odds, without overflow.
                odds.max(0.0) + (-odds.abs()).exp().ln_1p() - target(positive) * odds
            };
            rows.iter().map(row).sum()
        };
        let (mut slope, mut offset) = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
        let mut least = loss(slope, offset);
        for _ in 0..STEPS_MAX {
            let (direction, gradient) = newton(rows, (slope, offset), target);
            if gradient.0.abs() < 1e-6 && gradient.1.abs() < 1e-6 {
                break;
            }
            let falls = gradient.0 * direction.0 + gradient.1 * direction.1;
            let step = (0..30).map(|halved| 0.5f64.powi(halved)).find_map(|step| {
                let (next_slope, next_offset) = (slope - step * direction.0, offset - step * direction.1);
                let next = loss(next_slope, next_offset);
                (next < least - 1e-4 * step * falls).then_some((next_slope, next_offset, next))
            });
            let Some(step) = step else { break };
            (slope, offset, least) = step;
        }
        let fitted = Self {
            slope: slope as f32,
            offset: offset as f32,
        };
        (fitted.slope > 0.0 && fitted.slope.is_finite() && fitted.offset.is_finite()).then_some(fitted)
    }
}

/// The step of Newton's method from (slope, offset), and the gradient there.
fn newton(rows: &[(f32, bool)], (slope, offset): (f64, f64), target: impl Fn(bool) -> f64) -> ((f64, f64), (f64, f64)) {
    // A ridge keeps the matrix of second derivatives invertible.
    let (mut ss, mut so, mut oo) = (1e-9, 0.0, 1e-9);
    let mut gradient = (0.0, 0.0);
    for &(margin, positive) in rows {
        let margin = f64::from(margin);
        let probability = 1.0 / (1.0 + (-(slope * margin + offset)).exp());
        let (off, spread) = (probability - target(positive), probability * (1.0 - probability));
        gradient.0 += margin * off;
        gradient.1 += off;
        ss += margin * margin * spread;
        so += margin * spread;
        oo += spread;
    }
    let determinant = ss * oo - so * so;
    let direction = (
        (oo * gradient.0 - so * gradient.1) / determinant,
        (ss * gradient.1 - so * gradient.0) / determinant,
    );
    (direction, gradient)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn finds_the_shares_of_two_margins() {
        // A quarter of the rows at margin -1 is of the class, nine tenths of those at +1.
        let rows: Vec<(f32, bool)> = (0..4000)
            .map(|row| (-1.0, row % 4 == 0))
            .chain((0..4000).map(|row| (1.0, row % 10 != 0)))
            .collect();
        let sigmoid = Sigmoid::fit(&rows).unwrap();
        assert!((sigmoid.probability(-1.0) - 0.25).abs() < 2e-3, "{sigmoid:?}");
        assert!((sigmoid.probability(1.0) - 0.9).abs() < 2e-3, "{sigmoid:?}");
    }

    #[test]
    fn separable_rows_stay_short_of_certainty_and_one_side_gives_nothing() {
        let rows: Vec<(f32, bool)> = (0..20).map(|row| (row as f32 / 10.0 - 1.0, row >= 10)).collect();
        let sigmoid = Sigmoid::fit(&rows).unwrap();
        assert!((0.85..0.999).contains(&sigmoid.probability(0.9)), "{sigmoid:?}");
        assert_eq!(Sigmoid::fit(&rows[..10]), None);
        let turned: Vec<_> = rows.iter().map(|row| (row.0, !row.1)).collect();
        assert_eq!(Sigmoid::fit(&turned), None);
    }
}
