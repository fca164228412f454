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

#[cfg(test)]
mod tests {
    use super::super::histogram::Units;
    use super::super::settings::{CategorySettings, Objective, TreeSettings};
    use super::*;

    const CATEGORIES: usize = 8;
    const ROWS_MIN: usize = 4;

    /// Rows and sum of derivatives of each category.
    type Groups = [(u32, f64); CATEGORIES];

    fn gain(groups: &Groups, bits: usize) -> Option<f64> {
        let side = |left: bool| {
            let own = (0..CATEGORIES).filter(|bin| (bits >> bin & 1 == 1) == left);
            own.fold((0, 0.0), |(rows, sum), bin| (rows + groups[bin].0, sum + groups[bin].1))
        };
        let (left, right) = (side(true), side(false));
        let enough = left.0.min(right.0) as usize >= ROWS_MIN;
        enough.then(|| left.1 * left.1 / f64::from(left.0) + right.1 * right.1 / f64::from(right.0))
    }

    /// With nothing to smooth, the best cut of the ordered categories is the best of all ways to split them in two, as
    /// far as the rows each side needs leave all cuts open.
    #[test]
    fn finds_what_trying_all_finds() {
        let settings = TreeSettings {
            leaf_rows_min: ROWS_MIN,
            category: CategorySettings {
                smoothing: 0.0,
                l2: 0.0,
                group_rows_min: 1,
                ..CategorySettings::default()
            },
            ..TreeSettings::new(Objective::SquaredError)
        };
        let settings = settings.check(1).unwrap();
        let mut finder = Finder::new(&settings);
        for seed in 1..200u32 {
            let random = |at: u32| seed.wrapping_mul(2_654_435_761).wrapping_add(at.wrapping_mul(40_503)) >> 7;
            let groups: Groups = std::array::from_fn(|bin| {
                let random = random(bin as u32 * 31 + 1);
                (4 + random % 9, f64::from(random / 9 % 400) - 200.0)
            });
            let rows: u32 = groups.iter().map(|group| group.0).sum();
            finder.units = Units::new(groups.iter().map(|group| group.1.abs()).sum(), f64::from(rows));
            let mut histogram = [0u64; CATEGORIES + 1];
            for (bin, (rows, sum)) in groups.iter().enumerate() {
                finder
                    .units
                    .pack(&[*sum as f32], &[*rows as f32], &mut histogram[bin..=bin]);
            }
            let whole = Whole {
                sum: histogram.iter().fold(0, |sum: u64, bin| sum.wrapping_add(*bin)),
                rows: u64::from(rows),
                bounds: (f64::NEG_INFINITY, f64::INFINITY),
            };
            let found = best(&finder, &histogram, 0, &whole).unwrap();
            let tried = (0..1usize << CATEGORIES).filter_map(|bits| gain(&groups, bits));
            let tried = tried.fold(f64::NEG_INFINITY, f64::max);
            assert!(
                (found.gain / tried - 1.0).abs() < 1e-5,
                "{seed}: {} {tried}",
                found.gain
            );
            let Test::Category(bits) = found.test else {
                panic!("categories are split by lists");
            };
            let own = gain(&groups, bits[0] as usize).unwrap();
            assert!((own / tried - 1.0).abs() < 1e-5, "{seed}: its list saves {own}");
        }
    }
}
