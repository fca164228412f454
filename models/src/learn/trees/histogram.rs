//! Gradient histograms in integers. First and second derivatives of a row are rounded to integers and packed into one
//! 64-bit word, so that a histogram takes one addition a row and column and its sums are exact: they do not depend on
//! the order of rows, and a child's histogram is exactly its parent's less its sibling's.
//!
//! Columns lie in groups of up to eight, the bins of a row side by side in one word; groups lie in tiles of up to eight,
//! the words of a row side by side in one cache line. A tile's words of some hundred rows are fetched at a time, so that
//! cache misses overlap; then each group is summed, its histograms in the first-level cache.

use std::ops::Range;

/// Columns of a group.
pub(super) const GROUP: usize = 8;

/// Groups of a tile.
const TILE: usize = 8;

/// Rows that are fetched before they are summed: enough to keep a group's histograms in the cache for a while.
const AHEAD: usize = 512;

/// Histograms of the columns of a group: by column, by bin, packed sums.
pub(super) type GroupHistogram = [[u64; 256]; GROUP];

/// Where the bins of columns lie: groups and tiles are as even as they can be.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Columns of each group.
    widths: Vec<usize>,
    /// Groups of each tile.
    tiles: Vec<Range<usize>>,
    /// By column: its group and its byte in the group's words.
    pub(super) places: Vec<(usize, usize)>,
}

impl Layout {
    pub(super) fn new(columns: usize) -> Self {
        let widths: Vec<usize> = even(columns, GROUP).map(|range| range.len()).collect();
        let place = |(group, width): (usize, &usize)| (0..*width).map(move |lane| (group, lane));
        let places = widths.iter().enumerate().flat_map(place).collect();
        let tiles = even(widths.len(), TILE).collect();
        Self { widths, tiles, places }
    }

    /// Number of groups.
    pub(super) fn groups(&self) -> usize {
        self.widths.len()
    }

    /// The tiles of rows whose bins are given by column.
    pub(super) fn tiles(&self, columns: &[Vec<u8>]) -> Vec<Vec<u64>> {
        let rows = columns.first().map_or(0, Vec::len);
        let mut tiles: Vec<Vec<u64>> = self.tiles.iter().map(|tile| vec![0; tile.len() * rows]).collect();
        for (words, tile) in tiles.iter_mut().zip(&self.tiles) {
            for (column, (group, lane)) in columns.iter().zip(&self.places) {
                if tile.contains(group) {
                    let own = words.iter_mut().skip(group - tile.start).step_by(tile.len());
                    own.zip(column)
                        .for_each(|(word, bin)| *word |= u64::from(*bin) << (lane * 8));
                }
            }
        }
        tiles
    }
}

/// As few ranges as hold `count` things, at most `size` each and about as many in all.
fn even(count: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let ranges = count.div_ceil(size);
    (0..ranges).map(move |at| at * count / ranges..(at + 1) * count / ranges)
}

/// The sum of magnitudes over all rows, in rounded units: with rounding, sums stay below 2^31 for up to 2^30 rows.
const SUM_MAX: f64 = (1u64 << 30) as f64;

/// Units that derivatives are rounded to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Units {
    /// Of first derivatives.
    pub(super) gradient: f64,
    /// Of second derivatives.
    pub(super) hessian: f64,
}

impl Units {
    /// Units for derivatives whose magnitudes add up to the given sums. At 200,000 rows the mean magnitude becomes about
    /// 5,000 units, so rounding is far below what sampling noise does.
    pub(super) fn new(gradient_sum: f64, hessian_sum: f64) -> Self {
        let unit = |sum: f64| if sum > 0.0 { sum / SUM_MAX } else { 1.0 };
        Self {
            gradient: unit(gradient_sum),
            hessian: unit(hessian_sum),
        }
    }

    /// Rounds and packs derivatives; `hessians` are at least 0.
    pub(super) fn pack(&self, gradients: &[f32], hessians: &[f32], packed: &mut [u64]) {
        let (per_gradient, per_hessian) = (self.gradient.recip(), self.hessian.recip());
        for ((word, gradient), hessian) in packed.iter_mut().zip(gradients).zip(hessians) {
            let gradient = rounded(f64::from(*gradient) * per_gradient);
            let hessian = rounded(f64::from(*hessian) * per_hessian);
            *word = (gradient << 32).wrapping_add(hessian & 0xffff_ffff);
        }
    }
}

/// Adding 1.5 * 2^52 leaves the nearest integer in the low bits: no branch, and several at once.
fn rounded(value: f64) -> u64 {
    (value + 6_755_399_441_055_744.0).to_bits()
}

/// The sum of first derivatives in a packed sum, in units.
pub(super) fn gradient_of(packed: u64) -> f64 {
    f64::from((packed >> 32) as u32 as i32)
}

/// The sum of second derivatives in a packed sum, in units.
pub(super) fn hessian_of(packed: u64) -> f64 {
    f64::from(packed as u32 as i32)
}

/// Words of some rows of a tile: by group, by row.
pub(super) struct Fetched(Box<[[u64; AHEAD]; TILE]>);

impl Default for Fetched {
    fn default() -> Self {
        Self(Box::new([[0; AHEAD]; TILE]))
    }
}

impl Fetched {
    /// Adds `packed[i]` at the bins of row `rows[i]` in all columns.
    pub(super) fn accumulate(
        &mut self,
        histograms: &mut [GroupHistogram],
        (layout, tiles): (&Layout, &[Vec<u64>]),
        (rows, packed): (&[u32], &[u64]),
    ) {
        for (tile, words) in layout.tiles.iter().zip(tiles) {
            let (histograms, widths) = (&mut histograms[tile.clone()], &layout.widths[tile.clone()]);
            for (rows, packed) in rows.chunks(AHEAD).zip(packed.chunks(AHEAD)) {
                self.fetch(tile.len(), words, rows);
                for ((histogram, width), words) in histograms.iter_mut().zip(widths).zip(self.0.iter()) {
                    accumulate(histogram, *width, &words[..rows.len()], packed);
                }
            }
        }
    }

    fn fetch(&mut self, groups: usize, words: &[u64], rows: &[u32]) {
        match groups {
            1 => self.fetch_groups::<1>(words, rows),
            2 => self.fetch_groups::<2>(words, rows),
            3 => self.fetch_groups::<3>(words, rows),
            4 => self.fetch_groups::<4>(words, rows),
            5 => self.fetch_groups::<5>(words, rows),
            6 => self.fetch_groups::<6>(words, rows),
            7 => self.fetch_groups::<7>(words, rows),
            _ => self.fetch_groups::<8>(words, rows),
        }
    }

    fn fetch_groups<const GROUPS: usize>(&mut self, words: &[u64], rows: &[u32]) {
        let fetched = &mut *self.0;
        for (at, row) in rows.iter().enumerate().take(AHEAD) {
            let start = *row as usize * GROUPS;
            for (group, word) in words[start..start + GROUPS].iter().enumerate() {
                fetched[group][at] = *word;
            }
        }
    }
}

fn accumulate(histogram: &mut GroupHistogram, width: usize, words: &[u64], packed: &[u64]) {
    match width {
        1 => accumulate_columns::<1>(histogram, words, packed),
        2 => accumulate_columns::<2>(histogram, words, packed),
        3 => accumulate_columns::<3>(histogram, words, packed),
        4 => accumulate_columns::<4>(histogram, words, packed),
        5 => accumulate_columns::<5>(histogram, words, packed),
        6 => accumulate_columns::<6>(histogram, words, packed),
        7 => accumulate_columns::<7>(histogram, words, packed),
        _ => accumulate_columns::<8>(histogram, words, packed),
    }
}

fn accumulate_columns<const WIDTH: usize>(histogram: &mut GroupHistogram, words: &[u64], packed: &[u64]) {
    for (word, gradient) in words.iter().zip(packed) {
        for (lane, bins) in histogram.iter_mut().enumerate().take(WIDTH) {
            let bin = (word >> (lane * 8)) as usize & 255;
            bins[bin] = bins[bin].wrapping_add(*gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_sums_come_apart_again() {
        let gradients: Vec<f32> = (0..10_000).map(|row| ((row * 37 % 101) as f32 - 60.0) / 7.0).collect();
        let hessians: Vec<f32> = (0..10_000).map(|row| (row * 11 % 13) as f32 / 5.0).collect();
        let sum = |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>();
        let sizes: f64 = gradients.iter().map(|value| f64::from(value.abs())).sum();
        let units = Units::new(sizes, sum(&hessians));
        let mut packed = vec![0; gradients.len()];
        units.pack(&gradients, &hessians, &mut packed);
        let total = packed.iter().fold(0u64, |total, word| total.wrapping_add(*word));
        assert!((gradient_of(total) * units.gradient - sum(&gradients)).abs() < 1e-5 * sizes);
        assert!((hessian_of(total) * units.hessian - sum(&hessians)).abs() < 1e-5 * sum(&hessians));
    }

    #[test]
    fn sums_are_those_of_adding_one_by_one() {
        for count in [1, 2, 7, 8, 9, 20, 63, 64, 65, 130] {
            let layout = Layout::new(count);
            let bin = |column: usize, row: usize| (row * (column + 3) % 251) as u8;
            let columns: Vec<Vec<u8>> = (0..count)
                .map(|column| (0..1500).map(|row| bin(column, row)).collect())
                .collect();
            let rows: Vec<u32> = (0..1500).filter(|row| row % 2 == 1).collect();
            let packed: Vec<u64> = rows.iter().map(|row| u64::from(row * 7)).collect();
            let mut histograms = vec![[[0; 256]; GROUP]; layout.groups()];
            let tiles = layout.tiles(&columns);
            Fetched::default().accumulate(&mut histograms, (&layout, &tiles), (&rows, &packed));
            for (column, (group, lane)) in layout.places.iter().enumerate() {
                let mut expected = [0u64; 256];
                rows.iter()
                    .for_each(|row| expected[usize::from(bin(column, *row as usize))] += u64::from(row * 7));
                assert_eq!(histograms[*group][*lane], expected, "column {column} of {count}");
            }
        }
    }

    #[test]
    fn groups_are_even_and_hold_every_column() {
        for columns in 1..200 {
            let layout = Layout::new(columns);
            assert_eq!(layout.places.len(), columns);
            let (least, most) = (layout.widths.iter().min().unwrap(), layout.widths.iter().max().unwrap());
            assert!(most - least <= 1 && *most <= GROUP, "{columns}: {:?}", layout.widths);
            assert!(layout.tiles.iter().all(|tile| tile.len() <= TILE));
        }
    }
}
