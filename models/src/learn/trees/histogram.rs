//! Gradient histograms in integers. First and second derivatives of a row are rounded to integers and packed into one
//! 64-bit word, so that a histogram takes one addition a row and column and its sums are exact: they do not depend on
//! the order of rows, and a child's histogram is exactly its parent's less its sibling's.
//!
//! Columns lie in groups of up to eight, the bins of a row side by side in one word: a row's bins of a group come with
//! one load, and the histograms of a group stay in the first-level cache.

/// Columns of a group.
pub(super) const GROUP: usize = 8;

/// Histograms of the columns of a group: by column, by bin, packed sums.
pub(super) type GroupHistogram = [[u64; 256]; GROUP];

/// The sum of magnitudes over all rows, in rounded units: with rounding, sums stay below 2^31 for up to 2^30 rows.
const SUM_MAX: f64 = (1u64 << 30) as f64;

/// Rows whose words are fetched before any is added: their cache misses then overlap, which halves the time of a leaf
/// whose rows lie far apart.
const AHEAD: usize = 32;

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

/// Adds `packed[i]` at the bins of row `rows[i]`, for the first `width` columns of a group.
pub(super) fn accumulate(histogram: &mut GroupHistogram, width: usize, words: &[u64], rows: &[u32], packed: &[u64]) {
    match width {
        1 => accumulate_rows::<1>(histogram, words, rows, packed),
        2 => accumulate_rows::<2>(histogram, words, rows, packed),
        3 => accumulate_rows::<3>(histogram, words, rows, packed),
        4 => accumulate_rows::<4>(histogram, words, rows, packed),
        5 => accumulate_rows::<5>(histogram, words, rows, packed),
        6 => accumulate_rows::<6>(histogram, words, rows, packed),
        7 => accumulate_rows::<7>(histogram, words, rows, packed),
        _ => accumulate_rows::<8>(histogram, words, rows, packed),
    }
}

fn accumulate_rows<const WIDTH: usize>(histogram: &mut GroupHistogram, words: &[u64], rows: &[u32], packed: &[u64]) {
    let mut ahead = [0u64; AHEAD];
    for (rows, packed) in rows.chunks(AHEAD).zip(packed.chunks(AHEAD)) {
        for (word, row) in ahead.iter_mut().zip(rows) {
            *word = words[*row as usize];
        }
        for (word, gradient) in ahead.iter().zip(packed) {
            add::<WIDTH>(histogram, *word, *gradient);
        }
    }
}

#[inline(always)]
fn add<const WIDTH: usize>(histogram: &mut GroupHistogram, word: u64, gradient: u64) {
    for (lane, bins) in histogram.iter_mut().enumerate().take(WIDTH) {
        let bin = (word >> (lane * 8)) as usize & 255;
        bins[bin] = bins[bin].wrapping_add(gradient);
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
    fn every_width_adds_at_the_bins_of_its_columns_only() {
        let words = [0x0807_0605_0403_0201u64, 0x0102_0304_0506_0708];
        for width in 1..=GROUP {
            let mut histogram = [[0; 256]; GROUP];
            accumulate(&mut histogram, width, &words, &[1, 0], &[5, 7]);
            for (lane, bins) in histogram.iter().enumerate() {
                let (first, second) = (bins[lane + 1], bins[GROUP - lane]);
                let expected = if lane < width { (7, 5) } else { (0, 0) };
                assert_eq!((first, second), expected, "column {lane} of {width}");
                assert_eq!(bins.iter().sum::<u64>(), expected.0 + expected.1);
            }
        }
    }
}
