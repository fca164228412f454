//! The conditional logit (McFadden 1974): which of a few candidates is chosen, from a handful of numbers about each. The
//! listwise ranker of Cao et al. (ICML 2007) with top one, and, against a candidate of zeros, plain logistic regression.
//!
//! The loss with its L2 penalty is convex and has few weights, so Newton's method with backtracking finds the one
//! minimum: no learning rate, no seed, no order of rows.

/// Candidates of one choice, and which of them are right.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Numbers of all candidates, candidate by candidate; each has as many as there are weights.
    pub features: Vec<f64>,
    /// Whether each candidate is right. A choice without a right candidate teaches nothing.
    pub right: Vec<bool>,
}

/// How far a weight is held to where it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// The weight when there are no choices.
    pub mean: f64,
    /// Penalty of its squared distance from there; 0 leaves it free.
    pub penalty: f64,
}

const STEPS_MAX: usize = 60;

/// Keeps the matrix of second derivatives invertible where a number never varies.
const RIDGE: f64 = 1e-9;

/// The weights under which the right candidates are most likely, one a prior.
pub fn fit_choices(choices: &[Choice], priors: &[Prior]) -> Vec<f64> {
    let mut weights: Vec<f64> = priors.iter().map(|prior| prior.mean).collect();
    let mut least = loss(choices, priors, &weights);
    for _ in 0..STEPS_MAX {
        let (gradient, curvature) = derivatives(choices, priors, &weights);
        let Some(direction) = solve(curvature, &gradient) else {
            break;
        };
        let falls: f64 = gradient.iter().zip(&direction).map(|(slope, step)| slope * step).sum();
        if falls < 1e-10 {
            break;
        }
        let step = (0..30).map(|halved| 0.5f64.powi(halved)).find_map(|step| {
            let next: Vec<f64> = weights.iter().zip(&direction).map(|(w, d)| w - step * d).collect();
            let next_loss = loss(choices, priors, &next);
            (next_loss < least - 1e-4 * step * falls).then_some((next, next_loss))
        });
        let Some(step) = step else { break };
        (weights, least) = step;
    }
    weights
}

/// What a candidate scores.
pub fn choice_score(weights: &[f64], features: &[f64]) -> f64 {
    weights.iter().zip(features).map(|(weight, value)| weight * value).sum()
}

/// The probabilities of candidates that score so much.
pub fn shares(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut shares: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

impl Choice {
    fn scores(&self, weights: &[f64]) -> Vec<f64> {
        let rows = self.features.chunks_exact(weights.len().max(1));
        rows.map(|row| choice_score(weights, row)).collect()
    }

    fn teaches(&self) -> bool {
        self.right.iter().any(|right| *right) && !self.right.iter().all(|right| *right)
    }
}

fn loss(choices: &[Choice], priors: &[Prior], weights: &[f64]) -> f64 {
    let of = |choice: &Choice| {
        let shares = shares(&choice.scores(weights));
        let right: f64 = shares
            .iter()
            .zip(&choice.right)
            .filter(|pair| *pair.1)
            .map(|pair| pair.0)
            .sum();
        -right.max(1e-300).ln()
    };
    let held = priors
        .iter()
        .zip(weights)
        .map(|(prior, w)| 0.5 * prior.penalty * (w - prior.mean).powi(2));
    choices.iter().filter(|choice| choice.teaches()).map(of).sum::<f64>() + held.sum::<f64>()
}

/// The gradient and the matrix of second derivatives, row by row. With several right candidates the part that they
/// share is left out of the matrix, which keeps it positive.
fn derivatives(choices: &[Choice], priors: &[Prior], weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = weights.len();
    let mut gradient: Vec<f64> = priors
        .iter()
        .zip(weights)
        .map(|(prior, w)| prior.penalty * (w - prior.mean))
        .collect();
    let mut curvature = vec![0.0; n * n];
    for (at, prior) in priors.iter().enumerate() {
        curvature[at * n + at] = prior.penalty + RIDGE;
    }
    let (mut mean, mut wanted) = (vec![0.0; n], vec![0.0; n]);
    for choice in choices.iter().filter(|choice| choice.teaches()) {
        let shares = shares(&choice.scores(weights));
        let right: f64 = shares
            .iter()
            .zip(&choice.right)
            .filter(|pair| *pair.1)
            .map(|pair| pair.0)
            .sum();
        mean.fill(0.0);
        wanted.fill(0.0);
        for ((row, share), is_right) in choice.features.chunks_exact(n).zip(&shares).zip(&choice.right) {
            for (at, value) in row.iter().enumerate() {
                mean[at] += share * value;
                wanted[at] += if *is_right {
                    share / right.max(1e-300) * value
                } else {
                    0.0
                };
            }
        }
        for at in 0..n {
            gradient[at] += mean[at] - wanted[at];
        }
        for (row, share) in choice.features.chunks_exact(n).zip(&shares) {
            for one in 0..n {
                let off = share * (row[one] - mean[one]);
                for other in 0..=one {
                    curvature[one * n + other] += off * (row[other] - mean[other]);
                }
            }
        }
    }
    (gradient, curvature)
}

/// The solution of a symmetric positive system whose lower half is given, by Cholesky's method. `None` if it is not
/// positive.
fn solve(mut matrix: Vec<f64>, right: &[f64]) -> Option<Vec<f64>> {
    let n = right.len();
    for row in 0..n {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| matrix[row * n + k] * matrix[column * n + k]).sum();
            let left = matrix[row * n + column] - known;
            if row == column {
                if left <= 0.0 || !left.is_finite() {
                    return None;
                }
                matrix[row * n + row] = left.sqrt();
            } else {
                matrix[row * n + column] = left / matrix[column * n + column];
            }
        }
    }
    let mut solution = right.to_vec();
    for row in 0..n {
        let known: f64 = (0..row).map(|k| matrix[row * n + k] * solution[k]).sum();
        solution[row] = (solution[row] - known) / matrix[row * n + row];
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| matrix[k * n + row] * solution[k]).sum();
        solution[row] = (solution[row] - known) / matrix[row * n + row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Prior = Prior {
        mean: 0.0,
        penalty: 0.0,
    };

    /// Rows of one number and whether they are of the class, against a candidate of zeros.
    fn logistic(rows: impl Iterator<Item = (f64, bool)>) -> Vec<Choice> {
        let choice = |(value, is): (f64, bool)| Choice {
            features: vec![1.0, value, 0.0, 0.0],
            right: vec![is, !is],
        };
        rows.map(choice).collect()
    }

    #[test]
    fn against_zeros_it_is_logistic_regression() {
        // A quarter of the rows at -1 is of the class, nine tenths of those at +1.
        let rows = (0..400)
            .map(|row| (-1.0, row % 4 == 0))
            .chain((0..400).map(|row| (1.0, row % 10 != 0)));
        let weights = fit_choices(&logistic(rows), &[FREE; 2]);
        let at = |value: f64| 1.0 / (1.0 + (-(weights[0] + weights[1] * value)).exp());
        assert!(
            (at(-1.0) - 0.25).abs() < 1e-6 && (at(1.0) - 0.9).abs() < 1e-6,
            "{weights:?}"
        );
    }

    #[test]
    fn chosen_shares_come_back_and_priors_hold() {
        // Three candidates chosen 6 : 3 : 1; the third has no number of its own.
        let choices: Vec<Choice> = [(0, 60), (1, 30), (2, 10)]
            .into_iter()
            .flat_map(|(chosen, times)| {
                let features = vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
                let right = (0..3).map(|at| at == chosen).collect();
                std::iter::repeat_n(Choice { features, right }, times)
            })
            .collect();
        let weights = fit_choices(&choices, &[FREE; 2]);
        assert!(
            (weights[0] - 6f64.ln()).abs() < 1e-6 && (weights[1] - 3f64.ln()).abs() < 1e-6,
            "{weights:?}"
        );
        let held = Prior {
            mean: 2.0,
            penalty: 1e9,
        };
        assert!((fit_choices(&choices, &[held, FREE])[0] - 2.0).abs() < 1e-3);
        assert_eq!(fit_choices(&[], &[held, FREE]), [2.0, 0.0]);
    }

    #[test]
    fn separable_choices_and_constant_numbers_stay_finite() {
        let weights = fit_choices(
            &logistic((0..20).map(|row| (row as f64 - 9.5, row > 9))),
            &[
                FREE,
                Prior {
                    mean: 0.0,
                    penalty: 1.0,
                },
            ],
        );
        assert!(weights.iter().all(|weight| weight.is_finite()), "{weights:?}");
        let constant = Choice {
            features: vec![3.0, 3.0],
            right: vec![true, false],
        };
        assert_eq!(fit_choices(&[constant], &[FREE]), [0.0]);
    }
}
