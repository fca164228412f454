//! Numbers in order: percentiles and histograms with edges that are easy to read. Total: what is no finite number is left
//! out before it comes here.

use super::figures::{Histogram, Spread};

/// Bars of a histogram, about.
const BARS: f64 = 30.0;
/// The most bars that rounding the step can make of it.
const BARS_MAX: f64 = 80.0;
/// If the whole range is this many times that of the middle 98%, a few values would squeeze the others into one bar.
const TAIL_MAX: f64 = 3.0;

/// Steps that people count time in, in seconds: from a second to a year.
const TIME_STEPS: [f64; 13] = [
    1.0,
    10.0,
    60.0,
    600.0,
    3600.0,
    21_600.0,
    86_400.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
    7_776_000.0,
    31_536_000.0,
    157_680_000.0,
];

/// The spread of some values, which are put in order for it; none of nothing.
pub(super) fn spread(values: &mut [f64]) -> Option<Spread> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |percent: f64| values[(percent / 100.0 * last as f64).round() as usize];
    Some(Spread {
        min: values[0],
        p5: at(5.0),
        p25: at(25.0),
        p50: at(50.0),
        p75: at(75.0),
        p95: at(95.0),
        max: values[last],
        mean: mean(values),
        percentiles: (0..=100u8).map(|percent| at(f64::from(percent))).collect(),
    })
}

/// The mean of each value's share of it, which does not overflow.
fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    values.iter().map(|value| value / count).sum()
}

/// A histogram of values in order. `whole` says that they are whole numbers, `times` that they are seconds.
pub(super) fn histogram(values: &[f64], times: bool) -> Option<Histogram> {
    let last = values.len().checked_sub(1)?;
    let at = |percent: f64| values[(percent / 100.0 * last as f64).round() as usize];
    let (mut low, mut high) = (values[0], values[last]);
    let (p1, p99) = (at(1.0), at(99.0));
    if high - low > TAIL_MAX * (p99 - p1) && p99 > p1 {
        (low, high) = (p1, p99);
    }
    let whole = values.iter().all(|value| value.fract() == 0.0);
    let step = if times {
        time_step(high - low)
    } else {
        round_step(high - low, whole)
    };
    let from = (low / step).floor() * step;
    let bars = ((high - from) / step).floor() + 1.0;
    if !(step.is_finite() && from.is_finite() && (1.0..=BARS_MAX + 1.0).contains(&bars)) {
        return None;
    }
    let mut histogram = Histogram {
        from,
        step,
        counts: vec![0; bars as usize],
        ..Histogram::default()
    };
    for value in values {
        let bar = ((value - from) / step).floor();
        if bar < 0.0 {
            histogram.below += 1;
        } else if let Some(count) = histogram.counts.get_mut(bar as usize) {
            *count += 1;
        } else {
            histogram.above += 1;
        }
    }
    Some(histogram)
}

/// 1, 2 or 5 times a power of ten.
fn round_step(range: f64, whole: bool) -> f64 {
    let least = if whole { 1.0 } else { f64::MIN_POSITIVE };
    if range <= 0.0 {
        return 1.0;
    }
    let rough = range / BARS;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    step.max(least)
}

fn time_step(range: f64) -> f64 {
    let fits = |step: &f64| range / step <= BARS_MAX - 1.0;
    let most = TIME_STEPS[TIME_STEPS.len() - 1];
    TIME_STEPS
        .into_iter()
        .find(fits)
        .unwrap_or_else(|| (range / BARS / most).ceil() * most)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_are_values_that_are_there() {
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let spread = spread(&mut values).unwrap();
        assert_eq!(
            [
                spread.min, spread.p5, spread.p25, spread.p50, spread.p75, spread.p95, spread.max
            ],
            [0.0, 5.0, 25.0, 50.0, 75.0, 95.0, 100.0]
        );
        assert!((spread.mean - 50.0).abs() < 1e-9);
        assert_eq!(super::spread(&mut []), None);
    }

    #[test]
    fn edges_are_round_and_tails_are_counted_apart() {
        let mut values: Vec<f64> = (0..1000).map(|n| f64::from(n % 60)).collect();
        values.push(1e9);
        values.sort_unstable_by(f64::total_cmp);
        let histogram = histogram(&values, false).unwrap();
        assert_eq!((histogram.from, histogram.step, histogram.above), (0.0, 2.0, 1));
        let day = 86_400.0;
        let days: Vec<f64> = (0..50).map(|n| f64::from(n) * day + 7.0).collect();
        let histogram = super::histogram(&days, true).unwrap();
        assert_eq!((histogram.from, histogram.step, histogram.counts.len()), (0.0, day, 50));
        let one = super::histogram(&[5.0], false).unwrap();
        assert_eq!((one.from, one.counts), (5.0, vec![1]));
    }

    proptest! {
        #[test]
        fn every_value_is_in_a_histogram(values in prop::collection::vec(-1e15f64..1e15, 1..300), times: bool) {
            let mut values = values;
            let spread = spread(&mut values).unwrap();
            prop_assert!(spread.percentiles.windows(2).all(|two| two[0] <= two[1]));
            prop_assert!(spread.min <= spread.mean + 1.0 && spread.mean <= spread.max + 1.0);
            if let Some(histogram) = histogram(&values, times) {
                let counted: u64 = histogram.counts.iter().sum();
                prop_assert_eq!(counted + histogram.below + histogram.above, values.len() as u64);
            }
        }
    }
}
