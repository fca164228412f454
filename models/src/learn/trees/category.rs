//! The best split of a leaf by one column of categories: a few are tried one against the rest, many are put in order by
//! mean gradient, where the best split in two is a cut (Fisher 1958), as LightGBM does. The last bin, for rare, unseen and
//! missing categories, always goes right.

use super::histogram::hessian_of;
use super::split::{Finder, Side, Split, Whole};
use super::tree::Test;

/// The best split found, its gain not yet less what the leaf gains unsplit.
pub(super) fn best(finder: &Finder<'_>, histogram: &[u64], feature: usize, whole: &Whole) -> Option<Split> {
    let (_, values) = histogram.split_last()?;
    let found = if values.len() <= finder.settings.category.one_against_rest_max {
        one_against_rest(finder, values, whole)
    } else {
        listed(finder, values, whole)
    };
    let (bits, left_sum, l2) = found?;
    let left = Side::new(left_sum);
    let right = Side::new(whole.sum).without(left);
    Some(Split {
        gain: finder.gain(left, l2, whole.bounds) + finder.gain(right, l2, whole.bounds),
        feature,
        test: Test::Category(bits),
        left_sum,
        values: (
            finder.value(left, l2, whole.bounds),
            finder.value(right, l2, whole.bounds),
        ),
    })
}

/// The bins that go left, their packed sum and the penalty that counts.
type Found = ([u64; 4], u64, f64);

fn one_against_rest(finder: &Finder<'_>, values: &[u64], whole: &Whole) -> Option<Found> {
    let least = finder.hessian_min(whole);
    let (l2, all) = (finder.settings.l2, Side::new(whole.sum));
    let mut best: Option<(f64, usize)> = None;
    for (bin, sum) in values.iter().enumerate() {
        let left = Side::new(*sum);
        let right = all.without(left);
        if left.hessian < least || right.hessian < least {
            continue;
        }
        let gain = finder.gain(left, l2, whole.bounds) + finder.gain(right, l2, whole.bounds);
        if best.is_none_or(|(most, _)| gain > most) {
            best = Some((gain, bin));
        }
    }
    best.map(|(_, bin)| (bits([bin].iter()), values[bin], l2))
}

fn listed(finder: &Finder<'_>, values: &[u64], whole: &Whole) -> Option<Found> {
    let category = &finder.settings.category;
    let rows_per_unit = whole.rows as f64 / hessian_of(whole.sum).max(1.0);
    let rows = |bin: usize| hessian_of(values[bin]) * rows_per_unit;
    let ratio = |bin: usize| {
        let side = Side::new(values[bin]);
        side.gradient / (side.hessian + category.smoothing / finder.units.hessian)
    };
    let frequent = (0..values.len()).filter(|bin| rows(*bin) >= category.smoothing.max(1.0));
    let mut ordered: Vec<(f64, usize)> = frequent.map(|bin| (ratio(bin), bin)).collect();
    ordered.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let ordered: Vec<usize> = ordered.into_iter().map(|(_, bin)| bin).collect();
    let backward: Vec<usize> = ordered.iter().rev().copied().collect();
    let first = best_cut(finder, values, whole, &ordered);
    let last = best_cut(finder, values, whole, &backward);
    let backward_wins = match (first, last) {
        (Some(first), Some(last)) => last.0 > first.0,
        (first, _) => first.is_none(),
    };
    let (ordered, best) = if backward_wins {
        (backward, last)
    } else {
        (ordered, first)
    };
    let (_, count) = best?;
    let left = &ordered[..count];
    let sum = left.iter().fold(0u64, |sum, bin| sum.wrapping_add(values[*bin]));
    Some((bits(left.iter()), sum, finder.settings.l2 + category.l2))
}

/// The largest gain of sending the first few bins of an order left, and how many those are.
fn best_cut(finder: &Finder<'_>, values: &[u64], whole: &Whole, ordered: &[usize]) -> Option<(f64, usize)> {
    let category = &finder.settings.category;
    let (l2, all) = (finder.settings.l2 + category.l2, Side::new(whole.sum));
    let least = finder.hessian_min(whole);
    // A group's rows stand for second derivatives as a leaf's do.
    let group_least = category.group_rows_min as f64 * all.hessian / whole.rows.max(1) as f64;
    let (mut sum, mut group) = (0u64, 0.0);
    let mut best: Option<(f64, usize)> = None;
    for (at, bin) in ordered
        .iter()
        .enumerate()
        .take(category.listed_max.min(ordered.len().div_ceil(2)))
    {
        sum = sum.wrapping_add(values[*bin]);
        group += hessian_of(values[*bin]);
        let left = Side::new(sum);
        let right = all.without(left);
        if right.hessian < least.max(group_least) {
            break;
        }
        if left.hessian < least || group < group_least {
            continue;
        }
        group = 0.0;
        let gain = finder.gain(left, l2, whole.bounds) + finder.gain(right, l2, whole.bounds);
        if best.is_none_or(|(most, _)| gain > most) {
            best = Some((gain, at + 1));
        }
    }
    best
}

fn bits<'a>(bins: impl Iterator<Item = &'a usize>) -> [u64; 4] {
    let mut bits = [0; 4];
    bins.for_each(|bin| bits[bin / 64] |= 1 << (bin % 64));
    bits
}
