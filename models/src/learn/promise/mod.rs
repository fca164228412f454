//! Promises instead of thresholds: from rows the model has not learned, the scores from which answers are accepted so
//! that a promise about future rows holds with a stated confidence, however the threshold was chosen.
//!
//! **The rule.** Learn then test (Angelopoulos, Bates, Candès, Jordan, Lei 2021). The held-back rows are cut in two by
//! chance ([`tuning_rows`]). The tuning part, with which scores may also be calibrated, proposes thresholds from the
//! surest to the boldest and says which will most likely pass. The proving part tests them in this order: "the share of
//! wrong answers among the accepted is above what was promised" is refuted if the exact binomial tail is at most the
//! test's level. The levels follow the fallback procedure (Wiens, Pharmaceutical Statistics 2003): most of the chance of
//! error lies on the threshold most likely to pass, the rest on places along the sequence; what a passed test had is
//! handed on to the next one, and a failed test uses its own up. The boldest threshold that passed is taken. The chance
//! that any passed wrongly is at most the sum of the levels, `1 - confidence`: however precision falls with the score,
//! and with no correction for the number of thresholds. Rows must be drawn as future rows will be: a desk that
//! changes breaks any promise, so thresholds are derived anew at every fit.

mod miss;
mod precision;
#[cfg(test)]
mod tests;

pub use miss::{MissThreshold, miss_threshold};
pub use precision::{HeldRow, Offer, PrecisionThresholds, Threshold, precision_thresholds};

/// One in so many held-back rows tunes; the others prove.
const TUNING_SHARE: usize = 4;

/// Which of `rows` held-back rows tune: a quarter, by chance.
pub fn tuning_rows(rows: usize, seed: u64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_unstable_by_key(|row| (mixed(seed ^ *row as u64), *row));
    let mut tuning = vec![false; rows];
    for row in order.into_iter().take(rows / TUNING_SHARE) {
        tuning[row] = true;
    }
    tuning
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every bit of the result depends on every bit of the number.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
