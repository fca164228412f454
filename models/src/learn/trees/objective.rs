//! Losses: where scores start, their derivatives, and what a score costs and answers. Loops are free of branches and of
//! calls, so that several rows go at once.

use super::columns::Examples;
use super::settings::Objective;

/// Probabilities closer to 0 or 1 are not told apart, so that logarithms stay finite.
const PROBABILITY_MIN: f64 = 1e-15;

/// Scores before the first tree, and the cut points of ordered levels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Start {
    /// One a raw score.
    pub(super) scores: Vec<f64>,
    /// Between levels, ascending; empty unless the objective is ordinal.
    pub(super) cuts: Vec<f64>,
}

impl Start {
    /// The best constant scores for the examples.
    pub(super) fn new(objective: &Objective, examples: &Examples<'_>) -> Self {
        let scores = match objective {
            Objective::Binary => vec![log_odds(shares(examples, 2)[1])],
            Objective::Multiclass { classes } => shares(examples, *classes).iter().map(|share| share.ln()).collect(),
            Objective::Ordinal { .. } => vec![0.0],
            Objective::Quantile { alpha } => {
                let values = examples.targets.iter().enumerate();
                let mut values: Vec<(f64, f64)> = values.map(|(row, y)| (*y, examples.weight(row))).collect();
                vec![weighted_quantile(&mut values, *alpha)]
            }
            Objective::SquaredError => {
                let weights = (0..examples.rows()).map(|row| examples.weight(row));
                let total: f64 = weights.clone().sum();
                vec![
                    examples
                        .targets
                        .iter()
                        .zip(weights)
                        .map(|(target, weight)| target * (weight / total))
                        .sum(),
                ]
            }
        };
        let cuts = match objective {
            Objective::Ordinal { levels } => ordered_cuts(&shares(examples, *levels)),
            _ => Vec::new(),
        };
        Self { scores, cuts }
    }
}

/// The weighted share of each class, none of them 0.
fn shares(examples: &Examples<'_>, classes: u32) -> Vec<f64> {
    let mut shares = vec![0.0; classes as usize];
    for (row, target) in examples.targets.iter().enumerate() {
        shares[*target as usize] += examples.weight(row);
    }
    let total: f64 = shares.iter().sum();
    // A class that is not there is taken for seen half a time.
    let least = 0.5 / examples.rows() as f64;
    shares.iter().map(|share| (share / total).max(least)).collect()
}

fn ordered_cuts(shares: &[f64]) -> Vec<f64> {
    let total: f64 = shares.iter().sum();
    let mut below = 0.0;
    let cut = |share: &f64| {
        below += share / total;
        log_odds(below)
    };
    shares[..shares.len() - 1].iter().map(cut).collect()
}

fn log_odds(probability: f64) -> f64 {
    let probability = probability.clamp(1e-9, 1.0 - 1e-9);
    (probability / (1.0 - probability)).ln()
}

/// The least value that at least a share `alpha` of the weight does not exceed, halfway to the next one if exactly that
/// share. `values` are (value, weight) and get sorted, so their order does not matter. 0 for no values.
pub(super) fn weighted_quantile(values: &mut [(f64, f64)], alpha: f64) -> f64 {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let edge = values.iter().map(|(_, weight)| weight).sum::<f64>() * alpha;
    let mut below = 0.0;
    for (at, (value, weight)) in values.iter().enumerate() {
        below += weight;
        if below > edge {
            return *value;
        }
        if below == edge {
            return values.get(at + 1).map_or(*value, |next| value / 2.0 + next.0 / 2.0);
        }
    }
    values.last().map_or(0.0, |(value, _)| *value)
}

/// `e^x` to 1e-12 of its value, the same on every machine.
pub(super) fn exp(x: f64) -> f64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + SHIFT;
    let power = shifted - SHIFT;
    let r = x - power * LN2_HIGH - power * LN2_LOW;
    let tail = 1.0 / 5040.0 + r * (1.0 / 40_320.0 + r * (1.0 / 362_880.0 + r * (1.0 / 3_628_800.0)));
    let tail = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * tail));
    let series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * tail)));
    series * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// The logistic function.
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// The probability of a level, between the cut points around it.
pub(super) fn level_probability(score: f64, cuts: &[f64], level: usize) -> f64 {
    let (upper, lower) = level_edges(score, cuts, level);
    (upper - lower).max(PROBABILITY_MIN)
}

/// The probabilities of being at most at this level, and below it.
fn level_edges(score: f64, cuts: &[f64], level: usize) -> (f64, f64) {
    let upper = cuts.get(level).map_or(1.0, |cut| sigmoid(cut - score));
    let lower = if level == 0 {
        0.0
    } else {
        sigmoid(cuts[level - 1] - score)
    };
    (upper, lower)
}

/// Targets and weights of some rows.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// One a row.
    pub(super) targets: &'a [f64],
    /// One a row.
    pub(super) weights: &'a [f32],
}

impl Rows<'_> {
    fn weighted(&self) -> impl Iterator<Item = (f64, f64)> {
        self.targets
            .iter()
            .copied()
            .zip(self.weights.iter().map(|weight| f64::from(*weight)))
    }
}

/// First and second derivatives by the one score of each row. For softmax see [`softmax_gradients`].
pub(super) fn gradients(
    objective: &Objective,
    rows: Rows<'_>,
    (scores, cuts): (&[f64], &[f64]),
    (gradients, hessians): (&mut [f32], &mut [f32]),
) {
    let out = gradients.iter_mut().zip(hessians.iter_mut());
    let each = rows.weighted().zip(scores).zip(out);
    match objective {
        Objective::Binary => each.for_each(|(((target, weight), score), (gradient, hessian))| {
            let probability = sigmoid(*score);
            *gradient = ((probability - target) * weight) as f32;
            *hessian = (probability * (1.0 - probability) * weight) as f32;
        }),
        Objective::Ordinal { .. } => each.for_each(|(((target, weight), score), (gradient, hessian))| {
            let (upper, lower) = level_edges(*score, cuts, target as usize);
            *gradient = ((1.0 - upper - lower) * weight) as f32;
            *hessian = ((upper * (1.0 - upper) + lower * (1.0 - lower)) * weight) as f32;
        }),
        Objective::Quantile { alpha } => each.for_each(|(((target, weight), score), (gradient, hessian))| {
            let slope = if *score >= target { 1.0 - alpha } else { -alpha };
            *gradient = (slope * weight) as f32;
            *hessian = weight as f32;
        }),
        Objective::SquaredError | Objective::Multiclass { .. } => {
            each.for_each(|(((target, weight), score), (gradient, hessian))| {
                *gradient = ((score - target) * weight) as f32;
                *hessian = weight as f32;
            });
        }
    }
}

/// Probabilities of all classes, class after class as the scores are.
pub(super) fn softmax_classes(scores: &[f64], rows: usize, probabilities: &mut [f32]) {
    let mut largest = vec![f64::NEG_INFINITY; rows];
    for class in scores.chunks_exact(rows) {
        largest
            .iter_mut()
            .zip(class)
            .for_each(|(largest, score)| *largest = largest.max(*score));
    }
    let mut sums = vec![0.0; rows];
    for (class, out) in scores.chunks_exact(rows).zip(probabilities.chunks_exact_mut(rows)) {
        for (row, (score, out)) in class.iter().zip(out).enumerate() {
            let power = exp(score - largest[row]);
            sums[row] += power;
            *out = power as f32;
        }
    }
    for out in probabilities.chunks_exact_mut(rows) {
        out.iter_mut()
            .zip(&sums)
            .for_each(|(out, sum)| *out = (f64::from(*out) / sum) as f32);
    }
}

/// Derivatives by the score of one class, from its probabilities. The factor of the second derivative is LightGBM's: it
/// makes up for scores of all classes moving in the same round.
pub(super) fn softmax_gradients(
    (class, classes): (usize, usize),
    rows: Rows<'_>,
    probabilities: &[f32],
    (gradients, hessians): (&mut [f32], &mut [f32]),
) {
    let factor = classes as f32 / (classes as f32 - 1.0);
    let class = class as f64;
    let out = gradients.iter_mut().zip(hessians.iter_mut());
    let each = rows.targets.iter().zip(rows.weights).zip(probabilities).zip(out);
    each.for_each(|(((target, weight), probability), (gradient, hessian))| {
        let is = if *target == class { 1.0 } else { 0.0 };
        *gradient = (probability - is) * weight;
        *hessian = factor * probability * (1.0 - probability) * weight;
    });
}

/// What the scores of one row cost; `score` gives the score of each output.
pub(super) fn loss(objective: &Objective, cuts: &[f64], target: f64, score: impl Fn(usize) -> f64) -> f64 {
    match objective {
        Objective::Binary => {
            let margin = if target > 0.0 { score(0) } else { -score(0) };
            if margin > 0.0 {
                (-margin).exp().ln_1p()
            } else {
                margin.exp().ln_1p() - margin
            }
        }
        Objective::Multiclass { classes } => {
            let largest = (0..*classes as usize).map(&score).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = (0..*classes as usize).map(|class| (score(class) - largest).exp()).sum();
            sum.ln() + largest - score(target as usize)
        }
        Objective::Ordinal { .. } => -level_probability(score(0), cuts, target as usize).ln(),
        Objective::Quantile { alpha } => {
            let above = target - score(0);
            if above > 0.0 {
                alpha * above
            } else {
                (alpha - 1.0) * above
            }
        }
        Objective::SquaredError => (target - score(0)).powi(2),
    }
}

/// Sums a threshold step needs of each row: for each cut the first derivative and the Fisher information, and for each
/// cut but the last the information it shares with the next. `sums` has three times as many places as there are cuts.
pub(super) fn add_cut_sums(cuts: &[f64], (target, weight): (f64, f64), score: f64, sums: &mut [f64]) {
    let count = cuts.len();
    let density = |cut: usize| {
        let below = sigmoid(cuts[cut] - score);
        below * (1.0 - below)
    };
    let level = target as usize;
    let probability = level_probability(score, cuts, level).max(1e-6);
    if level < count {
        sums[level] -= weight * density(level) / probability;
    }
    if level > 0 {
        sums[level - 1] += weight * density(level - 1) / probability;
    }
    for cut in 0..count {
        let own = density(cut);
        let (here, next) = (
            level_probability(score, cuts, cut),
            level_probability(score, cuts, cut + 1),
        );
        sums[count + cut] += weight * own * own * (here.max(1e-6).recip() + next.max(1e-6).recip());
        if cut + 1 < count {
            sums[2 * count + cut] -= weight * own * density(cut + 1) / next.max(1e-6);
        }
    }
}

/// One Fisher scoring step of the cut points, shortened until they stay in order; no step if none does.
pub(super) fn step_cuts(cuts: &mut [f64], sums: &[f64]) {
    let count = cuts.len();
    let (gradient, rest) = sums.split_at(count);
    let (diagonal, shared) = rest.split_at(count);
    // The information matrix has three diagonals: Thomas' algorithm.
    let mut above = vec![0.0; count];
    let mut step = vec![0.0; count];
    for at in 0..count {
        let (before, carried) = if at == 0 {
            (0.0, 0.0)
        } else {
            (shared[at - 1], above[at - 1])
        };
        let pivot = diagonal[at] * (1.0 + 1e-9) + 1e-12 - before * carried;
        above[at] = shared[at] / pivot;
        let known = if at == 0 { 0.0 } else { step[at - 1] };
        step[at] = (-gradient[at] - before * known) / pivot;
    }
    for at in (0..count.saturating_sub(1)).rev() {
        step[at] -= above[at] * step[at + 1];
    }
    let largest = step.iter().fold(0.0, |largest: f64, step| largest.max(step.abs()));
    let mut share = if largest > 1.0 { largest.recip() } else { 1.0 };
    for _ in 0..20 {
        let moved: Vec<f64> = cuts.iter().zip(&step).map(|(cut, step)| cut + share * step).collect();
        if moved.iter().all(|cut| cut.is_finite()) && moved.windows(2).all(|pair| pair[1] - pair[0] > 1e-6) {
            cuts.copy_from_slice(&moved);
            return;
        }
        share /= 2.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTIVES: [Objective; 4] = [
        Objective::Binary,
        Objective::Ordinal { levels: 3 },
        Objective::Quantile { alpha: 0.3 },
        Objective::SquaredError,
    ];

    #[test]
    fn exponentials_are_exact_enough() {
        for step in -7000..7000 {
            let x = f64::from(step) / 10.0 + 0.003;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-11, "{x}");
        }
        assert!(exp(f64::NEG_INFINITY) < 1e-300 && exp(1e9).is_finite());
    }

    /// Gradients against differences of the loss.
    #[test]
    fn gradients_are_slopes_of_the_loss() {
        let cuts = [-0.5, 1.0];
        for objective in OBJECTIVES {
            for target in [0.0, 1.0] {
                for score in [-2.1, 0.3, 1.7] {
                    let rows = Rows {
                        targets: &[target],
                        weights: &[2.0],
                    };
                    let (mut gradient, mut hessian) = ([0f32], [0f32]);
                    gradients(&objective, rows, (&[score], &cuts), (&mut gradient, &mut hessian));
                    let at = |score: f64| 2.0 * loss(&objective, &cuts, target, |_| score);
                    let slope = (at(score + 1e-5) - at(score - 1e-5)) / 2e-5;
                    let scale = if objective == Objective::SquaredError { 2.0 } else { 1.0 };
                    let gradient = scale * f64::from(gradient[0]);
                    assert!(
                        (gradient - slope).abs() < 1e-4,
                        "{objective:?} {target} {score}: {gradient} {slope}"
                    );
                    assert!(hessian[0] > 0.0);
                }
            }
        }
    }

    #[test]
    fn softmax_gradients_are_slopes_of_the_loss() {
        let objective = Objective::Multiclass { classes: 3 };
        let scores = [0.2, -1.0, 0.7];
        let mut probabilities = [0f32; 3];
        softmax_classes(&scores, 1, &mut probabilities);
        for class in 0..3 {
            let rows = Rows {
                targets: &[2.0],
                weights: &[1.0],
            };
            let (mut gradient, mut hessian) = ([0f32], [0f32]);
            let own = &probabilities[class..=class];
            softmax_gradients((class, 3), rows, own, (&mut gradient, &mut hessian));
            let at = |change: f64| {
                loss(&objective, &[], 2.0, |output| {
                    scores[output] + if output == class { change } else { 0.0 }
                })
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((f64::from(gradient[0]) - slope).abs() < 1e-5, "{class}");
        }
    }

    #[test]
    fn steps_of_cuts_find_the_shares_of_levels() {
        let mut cuts = vec![-3.0, 0.0, 0.5];
        let levels = [0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0];
        for _ in 0..50 {
            let mut sums = vec![0.0; 9];
            levels
                .iter()
                .for_each(|level| add_cut_sums(&cuts, (*level, 1.0), 0.0, &mut sums));
            step_cuts(&mut cuts, &sums);
        }
        for (level, share) in [0.3, 0.1, 0.2, 0.4].into_iter().enumerate() {
            let probability = level_probability(0.0, &cuts, level);
            assert!((probability - share).abs() < 1e-6, "{level}: {probability}");
        }
    }

    #[test]
    fn quantiles_count_weights() {
        let mut values = [(3.0, 1.0), (1.0, 1.0), (2.0, 2.0)];
        assert_eq!(weighted_quantile(&mut values, 0.5), 2.0);
        assert_eq!(weighted_quantile(&mut values, 0.9), 3.0);
        assert_eq!(weighted_quantile(&mut values, 0.25), 1.5);
        assert_eq!(weighted_quantile(&mut [], 0.5), 0.0);
    }
}
