//! Two versions on the same rows: whether the one is shown to be worse, overall and on parts, with a chance of error that is
//! what it says. Rows are paired, so what is hard for both has no say.

use serde::{Deserialize, Serialize};

use crate::learn::share_of_hits_at_most;

/// Rows with a difference beyond which the sum of their signs is taken as normal.
const NORMAL_ROWS: usize = 2_000;

/// Random signs that are tried; the least chance they can show is one over one more.
const FLIPS: usize = 9_999;

/// Resamples of the interval, and rows beyond which it is taken as normal.
const RESAMPLES: usize = 1_000;
const RESAMPLED_ROWS: usize = 10_000;

/// Two-sided 95% of the normal law.
const NORMAL_95: f64 = 1.959_964;

/// How two versions differ on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Rows.
    pub rows: usize,
    /// Rows on which they differ.
    pub differing: usize,
    /// Mean score of the new version less that of the old one.
    pub difference: f64,
    /// Its 95% interval, by resampling rows (Efron 1979).
    pub interval: (f64, f64),
    /// The chance that a version that is no worse would look as bad as this, or worse: of equal differences the sign test
    /// (Dixon and Mood 1946), of others the test of random signs (Fisher 1935). Exact for versions that may be swapped,
    /// such as two fits of unchanged data.
    pub chance: f64,
}

/// Random numbers by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, below: usize) -> usize {
        ((u128::from(self.next()) * below as u128) >> 64) as usize
    }
}

/// Compares the scores of two versions, row by row. `None` if there is no row, or not one score of each a row.
pub fn paired(new: &[f64], old: &[f64], seed: u64) -> Option<Paired> {
    if new.is_empty() || new.len() != old.len() {
        return None;
    }
    let all: Vec<f64> = new.iter().zip(old).map(|(new, old)| new - old).collect();
    let differences: Vec<f64> = all.iter().copied().filter(|one| one.abs() > 1e-12).collect();
    let mut dice = Dice(seed);
    let difference = all.iter().sum::<f64>() / all.len() as f64;
    Some(Paired {
        rows: all.len(),
        differing: differences.len(),
        difference,
        interval: interval(&all, difference, &mut dice),
        chance: chance(&differences, &mut dice),
    })
}

fn interval(all: &[f64], mean: f64, dice: &mut Dice) -> (f64, f64) {
    let rows = all.len();
    if rows > RESAMPLED_ROWS {
        let variance = all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (rows - 1) as f64;
        let spread = NORMAL_95 * (variance / rows as f64).sqrt();
        return (mean - spread, mean + spread);
    }
    let sample = |_| (0..rows).map(|_| all[dice.below(rows)]).sum::<f64>() / rows as f64;
    let mut means: Vec<f64> = (0..RESAMPLES).map(sample).collect();
    means.sort_unstable_by(f64::total_cmp);
    (means[RESAMPLES / 40], means[RESAMPLES - RESAMPLES / 40 - 1])
}

fn chance(differences: &[f64], dice: &mut Dice) -> f64 {
    let Some(first) = differences.first().map(|first| first.abs()) else {
        return 1.0;
    };
    if differences.iter().all(|one| (one.abs() - first).abs() < 1e-12) {
        let better = differences.iter().filter(|one| **one > 0.0).count();
        return share_of_hits_at_most(better as u64, differences.len() as u64, 0.5);
    }
    let sum: f64 = differences.iter().sum();
    if differences.len() > NORMAL_ROWS {
        let spread = differences.iter().map(|one| one * one).sum::<f64>().sqrt();
        return normal_below(sum / spread);
    }
    let is_as_bad = |_: &usize| {
        let mut signs = 0u64;
        let signed = differences.iter().enumerate().map(|(at, one)| {
            if at % 64 == 0 {
                signs = dice.next();
            }
            let sign = signs >> (at % 64) & 1;
            if sign == 1 { *one } else { -one }
        });
        signed.sum::<f64>() <= sum + 1e-12
    };
    let as_bad = (0..FLIPS).filter(is_as_bad).count();
    (as_bad + 1) as f64 / (FLIPS + 1) as f64
}

/// The chance that a normal number is below `z` (Abramowitz and Stegun 7.1.26; within 1e-7).
fn normal_below(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = series * (-x * x).exp() / 2.0;
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// Which of several chances are small enough for one error in all of them to be no likelier than `alpha` (Holm 1979).
pub fn holm(chances: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
    let mut shown = vec![false; chances.len()];
    for (place, at) in order.into_iter().enumerate() {
        if chances[at] > alpha / (chances.len() - place) as f64 {
            break;
        }
        shown[at] = true;
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Scores of rows, each right with a chance of its own.
    fn scores(rows: usize, dice: &mut Dice, right: impl Fn(usize) -> f64) -> Vec<f64> {
        let unit = |dice: &mut Dice| (dice.next() >> 11) as f64 / (1u64 << 53) as f64;
        (0..rows)
            .map(|row| f64::from(u8::from(unit(dice) < right(row))))
            .collect()
    }

    #[test]
    fn two_fits_of_the_same_data_are_told_apart_no_more_often_than_said() {
        for graded in [false, true] {
            let mut alarms = 0;
            for round in 0..2_000 {
                let mut dice = Dice(round << 32);
                let grade = |scores: Vec<f64>, dice: &mut Dice| -> Vec<f64> {
                    let unit = |dice: &mut Dice| (dice.next() >> 11) as f64 / (1u64 << 53) as f64;
                    scores
                        .into_iter()
                        .map(|score| if graded { score * unit(dice) } else { score })
                        .collect()
                };
                let new = scores(150, &mut dice, |_| 0.8);
                let new = grade(new, &mut dice);
                let old = scores(150, &mut dice, |_| 0.8);
                let old = grade(old, &mut dice);
                alarms += usize::from(paired(&new, &old, round).unwrap().chance <= 0.05);
            }
            // 5% and three standard deviations of a share over 2,000 rounds; the sign test is a little below.
            assert!((40..=130).contains(&alarms), "{graded}: {alarms} of 2000");
        }
    }

    #[test]
    fn what_got_worse_is_shown_and_what_did_not_change_is_not() {
        let mut dice = Dice(3);
        let old = scores(4_000, &mut dice, |_| 0.9);
        let same = paired(&old, &old, 1).unwrap();
        assert_eq!((same.differing, same.difference, same.chance), (0, 0.0, 1.0));
        let mut worse = old.clone();
        worse.iter_mut().take(200).for_each(|score| *score = 0.0);
        let found = paired(&worse, &old, 1).unwrap();
        assert!(found.chance < 1e-6 && found.interval.1 < 0.0, "{found:?}");
        assert!(found.interval.0 < found.difference && found.difference < found.interval.1);
        let better = paired(&old, &worse, 1).unwrap();
        assert!(better.chance > 0.999 && better.difference > 0.0);
        assert!(paired(&[], &[], 1).is_none() && paired(&[1.0], &[], 1).is_none());
    }

    #[test]
    fn normal_and_counted_chances_agree() {
        for (better, rows) in [(40, 100), (45, 100), (60, 100)] {
            let exact = share_of_hits_at_most(better, rows, 0.5);
            let z = (better as f64 + 0.5 - rows as f64 / 2.0) / (rows as f64 / 4.0).sqrt();
            assert!((normal_below(z) - exact).abs() < 0.002, "{better}: {exact}");
        }
        let signs: Vec<f64> = (0..300).map(|at| if at % 3 == 0 { 1.0 } else { -1.0001 }).collect();
        let exact = share_of_hits_at_most(100, 300, 0.5);
        assert!(chance(&signs, &mut Dice(1)) <= 0.001 && exact < 0.001);
    }

    #[test]
    fn of_many_chances_few_are_shown() {
        assert_eq!(holm(&[0.03, 0.001, 0.9, 0.0126], 0.05), [false, true, false, true]);
        assert_eq!(holm(&[0.04], 0.05), [true]);
        assert!(holm(&[], 0.05).is_empty());
    }
}
