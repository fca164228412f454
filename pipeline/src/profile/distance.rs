//! How far two distributions are apart: the Jensen-Shannon distance, the square root of the divergence in bits (Lin 1991;
//! Endres and Schindelin 2003). 0 is the same, 1 is nothing in common; it is a metric and needs no smoothing for what is
//! missing on one side, which is why it stands here and not the population stability index.

/// Bins that numbers are compared in: tenths of the earlier ones.
const BINS: usize = 10;

/// Standard deviations above what chance alone gives, from which a distance says something.
const CHANCE_DEVIATIONS: f64 = 4.0;

/// Two distributions over the same bins.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pair {
    /// Shares before and now of each bin.
    bins: Vec<(f64, f64)>,
    /// The values behind each side.
    counts: (f64, f64),
}

impl Pair {
    /// From counts of the same things before and now.
    pub(super) fn of_counts(counts: &[(u64, u64)]) -> Self {
        let total = counts.iter().fold((0, 0), |sum, bin| (sum.0 + bin.0, sum.1 + bin.1));
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        Self {
            bins: counts
                .iter()
                .map(|bin| (share(bin.0, total.0), share(bin.1, total.1)))
                .collect(),
            counts: (total.0 as f64, total.1 as f64),
        }
    }

    /// From percentiles before and now, and the values they stand for.
    pub(super) fn of_percentiles(before: &[f64], now: &[f64], counts: (u64, u64)) -> Self {
        let Some(last) = before.len().checked_sub(1).filter(|_| !now.is_empty()) else {
            return Self::default();
        };
        let mut edges: Vec<f64> = (1..BINS).map(|bin| before[bin * last / BINS]).collect();
        edges.dedup();
        let shares = |percentiles: &[f64]| {
            let mut below: Vec<f64> = edges.iter().map(|edge| share_up_to(percentiles, *edge)).collect();
            below.push(1.0);
            let mut from = 0.0;
            below
                .into_iter()
                .map(|to| to - std::mem::replace(&mut from, to))
                .collect::<Vec<f64>>()
        };
        Self {
            bins: shares(before).into_iter().zip(shares(now)).collect(),
            counts: (counts.0 as f64, counts.1 as f64),
        }
    }

    /// The distance, 0 to 1; none if one side has no values.
    pub(super) fn distance(&self) -> Option<f64> {
        if self.counts.0 == 0.0 || self.counts.1 == 0.0 {
            return None;
        }
        let part = |share: f64, middle: f64| {
            if share > 0.0 {
                share * (share / middle).log2()
            } else {
                0.0
            }
        };
        let divergence: f64 = self
            .bins
            .iter()
            .map(|&(before, now)| {
                let middle = f64::midpoint(before, now);
                part(before, middle) + part(now, middle)
            })
            .sum();
        Some((divergence / 2.0).clamp(0.0, 1.0).sqrt())
    }

    /// Whether two samples of one distribution would hardly ever be so far apart. The divergence of such samples is about
    /// a chi-squared variable with a degree of freedom a bin but one, over eight times the harmonic count.
    pub(super) fn is_beyond_chance(&self) -> bool {
        let Some(distance) = self.distance() else { return false };
        let used = self.bins.iter().filter(|(before, now)| before + now > 0.0).count();
        let free = used.saturating_sub(1) as f64;
        let unit = (1.0 / self.counts.0 + 1.0 / self.counts.1) / (8.0 * std::f64::consts::LN_2);
        distance * distance > unit * (free + CHANCE_DEVIATIONS * (2.0 * free).sqrt())
    }
}

/// The share of values up to `edge`, between percentiles by a straight line.
fn share_up_to(percentiles: &[f64], edge: f64) -> f64 {
    let after = percentiles.partition_point(|value| *value <= edge);
    let last = percentiles.len() - 1;
    let Some(before) = after.checked_sub(1) else { return 0.0 };
    if before == last {
        return 1.0;
    }
    let (low, high) = (percentiles[before], percentiles[after]);
    (before as f64 + (edge - low) / (high - low)) / last as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_distances() {
        let distance = |counts: &[(u64, u64)]| Pair::of_counts(counts).distance().unwrap();
        assert_eq!(distance(&[(5, 50), (5, 50)]), 0.0);
        assert_eq!(distance(&[(5, 0), (0, 9)]), 1.0);
        // As scipy.spatial.distance.jensenshannon([.2, .8], [.42, .58], 2) has it.
        assert!((distance(&[(20, 42), (80, 58)]) - 0.2037).abs() < 5e-4);
        assert_eq!(Pair::of_counts(&[(0, 3)]).distance(), None);
    }

    #[test]
    fn numbers_are_compared_in_tenths_of_the_earlier_ones() {
        let percentiles = |from: f64, step: f64| (0..=100).map(|n| from + f64::from(n) * step).collect::<Vec<f64>>();
        let same = Pair::of_percentiles(&percentiles(0.0, 1.0), &percentiles(0.0, 1.0), (1000, 1000));
        assert!(same.distance().unwrap() < 1e-6 && !same.is_beyond_chance());
        let moved = Pair::of_percentiles(&percentiles(0.0, 1.0), &percentiles(50.0, 1.0), (1000, 1000));
        assert!(moved.distance().unwrap() > 0.4 && moved.is_beyond_chance());
        let constant = Pair::of_percentiles(&[3.0; 101], &[3.0; 101], (9, 9));
        assert_eq!(constant.distance(), Some(0.0));
    }

    #[test]
    fn few_values_say_little() {
        assert!(!Pair::of_counts(&[(6, 4), (4, 6)]).is_beyond_chance());
        assert!(Pair::of_counts(&[(6000, 4000), (4000, 6000)]).is_beyond_chance());
    }

    proptest! {
        #[test]
        fn a_distance_is_within_bounds_and_the_same_both_ways(counts in prop::collection::vec((0u64..1000, 0u64..1000), 0..30)) {
            let back: Vec<(u64, u64)> = counts.iter().map(|(a, b)| (*b, *a)).collect();
            let (there, back) = (Pair::of_counts(&counts).distance(), Pair::of_counts(&back).distance());
            prop_assert_eq!(there.is_some(), back.is_some());
            if let (Some(there), Some(back)) = (there, back) {
                prop_assert!((0.0..=1.0).contains(&there));
                prop_assert!((there - back).abs() < 1e-9);
            }
        }

        #[test]
        fn percentiles_of_anything_can_be_compared(
            before in prop::collection::vec(-1e9f64..1e9, 1..50),
            now in prop::collection::vec(-1e9f64..1e9, 1..50),
        ) {
            let percentiles = |mut values: Vec<f64>| super::super::spread::spread(&mut values).unwrap().percentiles;
            let counts = (before.len() as u64, now.len() as u64);
            let distance = Pair::of_percentiles(&percentiles(before), &percentiles(now), counts).distance().unwrap();
            prop_assert!((0.0..=1.0).contains(&distance));
        }
    }
}
