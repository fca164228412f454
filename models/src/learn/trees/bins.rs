//! Fitted binning: from a column's values to at most 255 bins and one for null. Bounds are quantiles of a sample, with
//! frequent values in bins of their own (as LightGBM's GreedyFindBin).

use std::collections::HashMap;

use super::columns::{Column, ColumnKind, MISSING_CODE, bounded};
use super::team::map_in_order;

/// Rows that bounds are taken from; the same number as LightGBM's.
const SAMPLE_ROWS: usize = 200_000;

/// Rows a bin needs: a value seen less often shares the bin of its neighbour, or of the rare categories.
const BIN_ROWS_MIN: usize = 3;

/// Categories with a bin of their own.
const CATEGORIES_MAX: usize = 255;

/// The bins of one column. Bin `values` is null's, the ones below it are for values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColumnBins {
    /// A value is in the first bin whose upper bound it does not exceed. There is one bin more than bounds.
    Numeric {
        /// Ascending, finite.
        bounds: Vec<f64>,
    },
    /// Frequent categories have a bin each; rare, unseen and missing ones share the last.
    Category {
        /// By code.
        bin_by_code: Vec<u8>,
        /// By bin.
        codes: Vec<u32>,
    },
}

impl ColumnBins {
    /// Value bins; also the number of null's bin.
    pub(super) fn values(&self) -> usize {
        match self {
            Self::Numeric { bounds } => bounds.len() + 1,
            Self::Category { codes, .. } => codes.len(),
        }
    }

    /// What kind of column this is for.
    pub(super) fn kind(&self) -> ColumnKind {
        match self {
            Self::Numeric { .. } => ColumnKind::Numeric,
            Self::Category { .. } => ColumnKind::Category,
        }
    }

    /// The bins of rows `start..start + bins.len()`.
    pub(super) fn put(&self, column: &Column<'_>, start: usize, bins: &mut [u8]) {
        let range = start..start + bins.len();
        match (self, column) {
            (Self::Numeric { bounds }, Column::Numeric(values)) => {
                let missing = (bounds.len() + 1) as u8;
                let search = Search::new(bounds);
                for (bin, value) in bins.iter_mut().zip(&values[range]) {
                    *bin = if value.is_nan() {
                        missing
                    } else {
                        search.bin(bounded(*value))
                    };
                }
            }
            (Self::Category { bin_by_code, codes }, Column::Category(values)) => {
                let rest = codes.len() as u8;
                for (bin, code) in bins.iter_mut().zip(&values[range]) {
                    *bin = bin_by_code.get(*code as usize).copied().unwrap_or(rest);
                }
            }
            // A column of the other kind is refused before; were it not, its rows would count as null.
            _ => bins.fill(self.values() as u8),
        }
    }
}

/// Bounds padded to a power of two, so that every search takes the same eight steps and no branch.
struct Search([f64; 256]);

impl Search {
    fn new(bounds: &[f64]) -> Self {
        let mut padded = [f64::INFINITY; 256];
        padded[..bounds.len()].copy_from_slice(bounds);
        Self(padded)
    }

    fn bin(&self, value: f64) -> u8 {
        let mut below = 0usize;
        for step in [128, 64, 32, 16, 8, 4, 2, 1] {
            let next = below + step;
            below = if self.0[(next - 1) & 255] < value { next } else { below };
        }
        below as u8
    }
}

/// Fits the bins of all columns, each by one thread.
pub(super) fn fit_bins(columns: &[Column<'_>], bins_max: usize, threads: usize) -> Vec<ColumnBins> {
    map_in_order(columns, threads, |column| match column {
        Column::Numeric(values) => ColumnBins::Numeric {
            bounds: numeric_bounds(values, bins_max),
        },
        Column::Category(codes) => category_bins(codes),
    })
}

fn numeric_bounds(values: &[f64], bins_max: usize) -> Vec<f64> {
    let mut counts: Vec<(f64, usize)> = Vec::new();
    for value in sorted_sample(values) {
        match counts.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => counts.push((value, 1)),
        }
    }
    let ends = if counts.len() <= bins_max {
        ends_of_few(&counts)
    } else {
        ends_of_many(&counts, bins_max)
    };
    let mut bounds: Vec<f64> = ends
        .iter()
        .map(|at| between(counts[*at].0, counts[*at + 1].0))
        .collect();
    bounds.dedup();
    bounds
}

/// Values of evenly spread rows without nulls, ascending.
fn sorted_sample(values: &[f64]) -> Vec<f64> {
    let rows = values.len().min(SAMPLE_ROWS);
    let place = |at: usize| (at as u64 * values.len() as u64 / rows as u64) as usize;
    let taken = (0..rows)
        .map(|at| bounded(values[place(at)]))
        .filter(|value| !value.is_nan());
    // Keys whose order as integers is the order of the numbers sort much faster than numbers. Adding 0 turns -0 into 0.
    let key = |value: f64| {
        let bits = (value + 0.0).to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    };
    let mut keys: Vec<u64> = taken.map(key).collect();
    keys.sort_unstable();
    let value = |key: u64| f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key });
    keys.into_iter().map(value).collect()
}

/// Places in `counts` after which a bin ends, when every value may have a bin of its own.
fn ends_of_few(counts: &[(f64, usize)]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut rows = 0;
    for (at, (_, count)) in counts.iter().enumerate().take(counts.len().saturating_sub(1)) {
        rows += count;
        if rows >= BIN_ROWS_MIN {
            ends.push(at);
            rows = 0;
        }
    }
    ends
}

/// The same when values have to share bins: frequent values alone, the others in bins of about equal rows.
fn ends_of_many(counts: &[(f64, usize)], bins_max: usize) -> Vec<usize> {
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let mean = total as f64 / bins_max as f64;
    let frequent: Vec<bool> = counts.iter().map(|(_, count)| *count as f64 >= mean).collect();
    let mut bins_left = bins_max - frequent.iter().filter(|is| **is).count().min(bins_max - 1);
    let rest = counts.iter().zip(&frequent).filter(|(_, is)| !**is);
    let mut rows_left: usize = rest.map(|((_, count), _)| count).sum();
    let mut mean = rows_left as f64 / bins_left as f64;
    let mut ends = Vec::new();
    let mut rows = 0;
    for at in 0..counts.len() - 1 {
        let count = counts[at].1;
        rows_left -= if frequent[at] { 0 } else { count };
        rows += count;
        let full = rows as f64 >= mean || frequent[at + 1] && rows as f64 >= (mean * 0.5).max(1.0);
        if !(frequent[at] || full) {
            continue;
        }
        ends.push(at);
        if ends.len() + 1 >= bins_max {
            break;
        }
        rows = 0;
        if !frequent[at] {
            bins_left = bins_left.saturating_sub(1).max(1);
            mean = rows_left as f64 / bins_left as f64;
        }
    }
    ends
}

/// A bound from `low` to below `high`.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= high || middle < low { low } else { middle }
}

fn category_bins(codes: &[u32]) -> ColumnBins {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for code in codes.iter().filter(|code| **code != MISSING_CODE) {
        *counts.entry(*code).or_default() += 1;
    }
    let mut frequent: Vec<(u32, usize)> = counts.into_iter().filter(|(_, count)| *count >= BIN_ROWS_MIN).collect();
    frequent.sort_unstable_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
    frequent.truncate(CATEGORIES_MAX);
    let codes: Vec<u32> = frequent.into_iter().map(|(code, _)| code).collect();
    let rest = codes.len() as u8;
    let mut bin_by_code = vec![rest; codes.iter().max().map_or(0, |code| *code as usize + 1)];
    for (bin, code) in codes.iter().enumerate() {
        bin_by_code[*code as usize] = bin as u8;
    }
    ColumnBins::Category { bin_by_code, codes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins_of(bins: &ColumnBins, column: &Column<'_>) -> Vec<u8> {
        let mut all = vec![0; column.len()];
        bins.put(column, 0, &mut all);
        all
    }

    #[test]
    fn few_values_have_a_bin_each_and_null_the_last() {
        let values = [2.0, 2.0, 2.0, -1.0, -1.0, -1.0, 7.0, 7.0, 7.0, f64::NAN];
        let column = Column::Numeric(&values);
        let bins = fit_bins(&[column], 255, 1).remove(0);
        assert_eq!(bins, ColumnBins::Numeric { bounds: vec![0.5, 4.5] });
        assert_eq!(bins_of(&bins, &column), [1, 1, 1, 0, 0, 0, 2, 2, 2, 3]);
    }

    #[test]
    fn bins_of_many_values_hold_about_as_many_rows() {
        let values: Vec<f64> = (0..100_000u32)
            .map(|row| f64::from(row.wrapping_mul(2_654_435_761)).sqrt())
            .collect();
        let column = Column::Numeric(&values);
        let bins = fit_bins(&[column], 100, 1).remove(0);
        assert_eq!(bins.values(), 100);
        let mut rows = [0; 256];
        bins_of(&bins, &column)
            .iter()
            .for_each(|bin| rows[usize::from(*bin)] += 1);
        assert!(rows[..100].iter().all(|rows| (900..1100).contains(rows)), "{rows:?}");
    }

    #[test]
    fn a_frequent_value_is_alone_in_its_bin() {
        let spread = (0..3000).map(f64::from);
        let values: Vec<f64> = std::iter::repeat_n(1500.5, 1000).chain(spread).collect();
        let ColumnBins::Numeric { bounds } = fit_bins(&[Column::Numeric(&values)], 16, 1).remove(0) else {
            panic!("numbers have numeric bins");
        };
        let above = bounds.iter().position(|bound| *bound >= 1500.5).unwrap();
        assert!(bounds[above] < 1501.0 && bounds[above - 1] >= 1500.0, "{bounds:?}");
    }

    #[test]
    fn infinities_and_equal_neighbours_get_finite_ascending_bounds() {
        let mut values = vec![
            f64::INFINITY,
            f64::NEG_INFINITY,
            1.0,
            f64::from_bits(1f64.to_bits() + 1),
            f64::MAX,
        ];
        values = values.into_iter().flat_map(|value| [value; 3]).collect();
        let ColumnBins::Numeric { bounds } = fit_bins(&[Column::Numeric(&values)], 255, 1).remove(0) else {
            panic!("numbers have numeric bins");
        };
        assert!(
            bounds.iter().all(|bound| bound.is_finite()) && bounds.is_sorted(),
            "{bounds:?}"
        );
        assert_eq!(bounds.len(), 3);
    }

    #[test]
    fn rare_unseen_and_missing_categories_share_the_last_bin() {
        let codes = [5, 5, 5, 5, 2, 2, 2, 9, MISSING_CODE];
        let bins = fit_bins(&[Column::Category(&codes)], 255, 1).remove(0);
        let asked = [5, 2, 9, MISSING_CODE, 1_000_000];
        assert_eq!(bins_of(&bins, &Column::Category(&asked)), [0, 1, 2, 2, 2]);
    }
}
