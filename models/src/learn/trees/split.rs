//! The best split of a leaf by one numeric column. Works on packed sums in rounded units; gains and values it returns are
//! in real ones.

use super::bins::ColumnBins;
use super::category;
use super::histogram::{Units, gradient_of, hessian_of};
use super::settings::CheckedSettings;
use super::tree::Test;

/// A split that could be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// The loss it saves (twice that, as LightGBM counts).
    pub(super) gain: f64,
    /// The column.
    pub(super) feature: usize,
    /// Which bins go left.
    pub(super) test: Test,
    /// Packed sum of the left side.
    pub(super) left_sum: u64,
    /// Values of the left and the right leaf, not yet shrunk.
    pub(super) values: (f64, f64),
}

/// A leaf that is to be split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    /// Packed sum of its rows.
    pub(super) sum: u64,
    /// Its rows.
    pub(super) rows: u64,
    /// The least and the largest value that its children may have.
    pub(super) bounds: (f64, f64),
}

/// Looks for splits.
pub(super) struct Finder<'a> {
    /// Settings.
    pub(super) settings: &'a CheckedSettings,
    /// Units of packed sums.
    pub(super) units: Units,
    prefix: Box<Prefix>,
}

/// Sums of bins up to each one, in units, and the gain of a split after it.
struct Prefix {
    gradients: [f64; 256],
    hessians: [f64; 256],
    gains: [f64; 256],
}

/// A packed sum, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    /// First derivatives, in units.
    pub(super) gradient: f64,
    /// Second derivatives, in units.
    pub(super) hessian: f64,
}

impl Side {
    pub(super) fn new(packed: u64) -> Self {
        Self {
            gradient: gradient_of(packed),
            hessian: hessian_of(packed),
        }
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
        }
    }
}

/// Gains below this share of what the leaf gains unsplit are rounding.
const GAIN_SHARE_MIN: f64 = 1e-10;

impl<'a> Finder<'a> {
    pub(super) fn new(settings: &'a CheckedSettings) -> Self {
        Self {
            settings,
            units: Units::new(0.0, 0.0),
            prefix: Box::new(Prefix {
                gradients: [0.0; 256],
                hessians: [0.0; 256],
                gains: [0.0; 256],
            }),
        }
    }

    /// The best split of a leaf by a column, from the column's histogram: its value bins and then null's.
    pub(super) fn best(
        &mut self,
        histogram: &[u64],
        feature: usize,
        bins: &ColumnBins,
        whole: &Whole,
    ) -> Option<Split> {
        let found = match bins {
            ColumnBins::Numeric { .. } => self.numeric(histogram, feature, whole),
            ColumnBins::Category { .. } => category::best(self, histogram, feature, whole),
        };
        let unsplit = self.gain(Side::new(whole.sum), self.settings.l2, whole.bounds);
        let found = found.map(|split| Split {
            gain: split.gain - unsplit,
            ..split
        });
        let least = self.settings.gain_min.max(GAIN_SHARE_MIN * unsplit.abs());
        found.filter(|split| split.gain > least)
    }

    /// Second derivatives, in units, that a side needs. They stand for rows too: what a row has on average in this leaf.
    pub(super) fn hessian_min(&self, whole: &Whole) -> f64 {
        let per_row = hessian_of(whole.sum) / whole.rows.max(1) as f64;
        let for_rows = (self.settings.leaf_rows_min as f64 - 0.5) * per_row;
        let own = self.settings.leaf_hessian_min / self.units.hessian;
        for_rows.max(own).max(1.0)
    }

    /// The value of a leaf.
    pub(super) fn value(&self, side: Side, l2: f64, bounds: (f64, f64)) -> f64 {
        let value = -side.gradient * self.units.gradient / (side.hessian * self.units.hessian + l2);
        if value.is_nan() {
            0.0
        } else {
            value.clamp(bounds.0, bounds.1)
        }
    }

    /// What a leaf saves against the value 0 (twice that).
    pub(super) fn gain(&self, side: Side, l2: f64, bounds: (f64, f64)) -> f64 {
        let value = self.value(side, l2, bounds);
        let (gradient, hessian) = (side.gradient * self.units.gradient, side.hessian * self.units.hessian);
        -(2.0 * gradient * value + (hessian + l2) * value * value)
    }

    fn numeric(&mut self, histogram: &[u64], feature: usize, whole: &Whole) -> Option<Split> {
        let (missing, values) = histogram.split_last()?;
        let prefix = &mut *self.prefix;
        let mut sum = 0u64;
        for ((bin, gradient), hessian) in values.iter().zip(&mut prefix.gradients).zip(&mut prefix.hessians) {
            sum = sum.wrapping_add(*bin);
            *gradient = gradient_of(sum);
            *hessian = hessian_of(sum);
        }
        let sign = self.settings.monotone[feature];
        // Null goes right, or left; if there is none here, it will go where most rows go.
        let (right, left) = if *missing == 0 {
            (self.scan(values.len() - 1, 0, whole, sign), None)
        } else {
            let right = self.scan(values.len(), 0, whole, sign);
            (right, self.scan(values.len() - 1, *missing, whole, sign))
        };
        let right = right.map(|(gain, bin)| (gain, bin, false));
        let left = left.map(|(gain, bin)| (gain, bin, true));
        let (_, bin, missing_left) = match (right, left) {
            (Some(right), Some(left)) => Some(if left.0 > right.0 { left } else { right }),
            (right, left) => right.or(left),
        }?;
        let below = values[..=bin].iter().fold(0u64, |sum, bin| sum.wrapping_add(*bin));
        let left_sum = if missing_left {
            below.wrapping_add(*missing)
        } else {
            below
        };
        let (left, all) = (Side::new(left_sum), Side::new(whole.sum));
        let missing_left = missing_left || *missing == 0 && left.hessian * 2.0 > all.hessian;
        let right = all.without(left);
        let (bounds, l2) = (whole.bounds, self.settings.l2);
        Some(Split {
            gain: self.gain(left, l2, bounds) + self.gain(right, l2, bounds),
            feature,
            test: Test::Numeric {
                bin: bin as u8,
                missing_left,
            },
            left_sum,
            values: (self.value(left, l2, bounds), self.value(right, l2, bounds)),
        })
    }

    /// The largest gain of a split after one of the first `count` bins and that bin, with `extra` added to the left.
    fn scan(&mut self, count: usize, extra: u64, whole: &Whole, sign: i8) -> Option<(f64, usize)> {
        if self.settings.is_bound() {
            self.scan_bound(count, extra, whole, sign)
        } else {
            self.scan_free(count, extra, whole)
        }
    }

    fn scan_free(&mut self, count: usize, extra: u64, whole: &Whole) -> Option<(f64, usize)> {
        let (all, extra) = (Side::new(whole.sum), Side::new(extra));
        let least = self.hessian_min(whole);
        let l2 = self.settings.l2 / self.units.hessian;
        let prefix = &mut *self.prefix;
        let gains = &mut prefix.gains[..count];
        let sums = prefix.gradients[..count].iter().zip(&prefix.hessians[..count]);
        for (gain, (gradient, hessian)) in gains.iter_mut().zip(sums) {
            let (left, left_hessian) = (gradient + extra.gradient, hessian + extra.hessian);
            let (right, right_hessian) = (all.gradient - left, all.hessian - left_hessian);
            let (a, b) = (left_hessian + l2, right_hessian + l2);
            // The same as left² / a + right² / b with one division.
            let saved = (left * left * b + right * right * a) / (a * b);
            let smaller = if left_hessian < right_hessian {
                left_hessian
            } else {
                right_hessian
            };
            *gain = if smaller >= least { saved } else { f64::NEG_INFINITY };
        }
        let largest = largest(gains);
        if largest == f64::NEG_INFINITY {
            return None;
        }
        gains.iter().position(|gain| *gain == largest).map(|bin| (largest, bin))
    }

    fn scan_bound(&self, count: usize, extra: u64, whole: &Whole, sign: i8) -> Option<(f64, usize)> {
        let (all, extra) = (Side::new(whole.sum), Side::new(extra));
        let least = self.hessian_min(whole);
        let l2 = self.settings.l2;
        let mut best: Option<(f64, usize)> = None;
        for bin in 0..count {
            let left = Side {
                gradient: self.prefix.gradients[bin] + extra.gradient,
                hessian: self.prefix.hessians[bin] + extra.hessian,
            };
            let right = all.without(left);
            if left.hessian < least || right.hessian < least {
                continue;
            }
            let rise = self.value(right, l2, whole.bounds) - self.value(left, l2, whole.bounds);
            if f64::from(sign) * rise < 0.0 {
                continue;
            }
            let gain = self.gain(left, l2, whole.bounds) + self.gain(right, l2, whole.bounds);
            if best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, bin));
            }
        }
        best
    }
}

/// The largest value, four at a time.
fn largest(values: &[f64]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 4];
    let fours = values.chunks_exact(4);
    let rest = fours.remainder();
    for four in fours {
        for (lane, value) in lanes.iter_mut().zip(four) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let all = lanes.iter().chain(rest);
    all.fold(
        f64::NEG_INFINITY,
        |most, value| if *value > most { *value } else { most },
    )
}

#[cfg(test)]
mod tests {
    use super::super::settings::{Objective, TreeSettings};
    use super::*;

    /// The best split by trying all, with derivatives as plain numbers.
    fn tried(rows: &[(usize, f32)], values: usize, rows_min: usize) -> Option<f64> {
        let gain = |side: &[&(usize, f32)]| {
            let sum: f64 = side.iter().map(|row| f64::from(row.1)).sum();
            sum * sum / side.len() as f64
        };
        let mut best: Option<f64> = None;
        for bin in 0..values {
            for missing_left in [false, true] {
                let is_left = |row: &&(usize, f32)| if row.0 == values { missing_left } else { row.0 <= bin };
                let (left, right): (Vec<_>, Vec<_>) = rows.iter().partition(is_left);
                if left.len() >= rows_min && right.len() >= rows_min {
                    let found = gain(&left) + gain(&right) - gain(&rows.iter().collect::<Vec<_>>());
                    best = Some(best.map_or(found, |best| best.max(found)));
                }
            }
        }
        best
    }

    #[test]
    fn finds_what_trying_all_finds() {
        let mut random = 1u64;
        for round in 0..200 {
            let mut next = |below: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % below
            };
            let (values, count) = (1 + next(12) as usize, 5 + next(60) as usize);
            let nulls = next(2);
            let rows: Vec<(usize, f32)> = (0..count)
                .map(|_| (next(values as u64 + nulls) as usize, next(1000) as f32 / 100.0 - 5.0))
                .collect();
            let settings = TreeSettings {
                leaf_rows_min: 3,
                ..TreeSettings::new(Objective::SquaredError)
            };
            let settings = settings.check(1).unwrap();
            let mut finder = Finder::new(&settings);
            let gradients: Vec<f32> = rows.iter().map(|row| row.1).collect();
            finder.units = Units::new(gradients.iter().map(|g| f64::from(g.abs())).sum(), count as f64);
            let mut packed = vec![0; count];
            finder.units.pack(&gradients, &vec![1.0; count], &mut packed);
            let mut histogram = vec![0u64; values + 1];
            for (row, packed) in rows.iter().zip(&packed) {
                histogram[row.0] = histogram[row.0].wrapping_add(*packed);
            }
            let whole = Whole {
                sum: packed.iter().fold(0, |sum: u64, packed| sum.wrapping_add(*packed)),
                rows: count as u64,
                bounds: (f64::NEG_INFINITY, f64::INFINITY),
            };
            let bins = ColumnBins::Numeric {
                bounds: (1..values).map(|bound| bound as f64).collect(),
            };
            let found = finder.best(&histogram, 0, &bins, &whole).map(|split| split.gain);
            let tried = tried(&rows, values, 3).filter(|gain| *gain > 1e-6);
            match (found, tried) {
                (Some(found), Some(tried)) => assert!((found - tried).abs() < 1e-3, "{round}: {found} {tried}"),
                (found, tried) => assert_eq!(found.is_some_and(|gain| gain > 1e-3), tried.is_some_and(|g| g > 1e-3)),
            }
        }
    }
}
