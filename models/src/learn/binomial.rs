//! The binomial distribution's tail and what follows from it: exact bounds of shares (Clopper and Pearson, Biometrika
//! 1934) and the number of rows a claim needs.

/// The chance of at most `hits` hits in `rows` rows when each is a hit with chance `share`: the regularised incomplete
/// beta function I(1 - share; rows - hits, hits + 1). Exact to about 1e-12 for any number of rows.
pub fn at_most(hits: u64, rows: u64, share: f64) -> f64 {
    if hits >= rows || share <= 0.0 {
        1.0
    } else if share >= 1.0 {
        0.0
    } else {
        incomplete_beta((rows - hits) as f64, hits as f64 + 1.0, 1.0 - share)
    }
}

/// The largest share that `hits` in `rows` leave possible with `confidence`: the one-sided Clopper-Pearson bound.
pub fn share_at_most(hits: u64, rows: u64, confidence: f64) -> f64 {
    if hits >= rows {
        return 1.0;
    }
    let (mut low, mut high) = (hits as f64 / rows as f64, 1.0);
    // The tail falls with the share; 60 halvings leave less than the rounding of a double.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(hits, rows, middle) > 1.0 - confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The most hits in `rows` rows that still prove, at level `alpha`, that the share of hits is at most `share`; `None` if
/// not even no hit would.
pub fn hits_allowed(rows: u64, share: f64, alpha: f64) -> Option<u64> {
    if at_most(0, rows, share) > alpha {
        return None;
    }
    let (mut low, mut high) = (0, rows);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if at_most(middle, rows, share) <= alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

/// The fewest rows without a single hit that prove, at level `alpha`, that the share of hits is at most `share`.
pub fn rows_needed(share: f64, alpha: f64) -> u64 {
    (alpha.ln() / (-share).ln_1p()).ceil().max(1.0) as u64
}

/// The chance of at most `hits` hits in `rows` further rows after `seen_hits` hits in `seen` rows were counted, the share
/// of hits being unknown: the beta-binomial distribution with Jeffreys' prior. Unlike the tail at the share that was
/// seen, it knows how little a few rows say.
pub fn at_most_after(hits: u64, rows: u64, seen_hits: u64, seen: u64) -> f64 {
    if hits >= rows {
        return 1.0;
    }
    let (a, b) = (seen_hits as f64 + 0.5, (seen - seen_hits) as f64 + 0.5);
    let n = rows as f64;
    let ln_beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let ln_choose = |k: f64| ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    let term = |k: f64| (ln_choose(k) + ln_beta(k + a, n - k + b) - ln_beta(a, b)).exp();
    // How much larger the chance of k + 1 hits is than that of k.
    let step = |k: f64| (n - k) * (k + a) / ((k + 1.0) * (n - k - 1.0 + b));
    let last = hits as f64;
    let mut sum = 0.0;
    // The shorter tail: its terms shrink from its inner end on.
    if last < n * a / (a + b) {
        let (mut k, mut chance) = (last, term(last));
        while chance > sum * 1e-12 {
            sum += chance;
            if k < 1.0 {
                break;
            }
            k -= 1.0;
            chance /= step(k);
        }
        sum.min(1.0)
    } else {
        let (mut k, mut chance) = (last + 1.0, term(last + 1.0));
        while chance > sum * 1e-12 {
            sum += chance;
            if k > n - 1.0 {
                break;
            }
            chance *= step(k);
            k += 1.0;
        }
        (1.0 - sum).max(0.0)
    }
}

/// The regularised incomplete beta function by its continued fraction (Lentz's way; Numerical Recipes, section 6.4).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    let log_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    // The fraction converges fast on this side of the mean; the other side is its mirror image.
    let value = if x < (a + 1.0) / (a + b + 2.0) {
        log_front.exp() * fraction(a, b, x) / a
    } else {
        1.0 - log_front.exp() * fraction(b, a, 1.0 - x) / b
    };
    value.clamp(0.0, 1.0)
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    // It needs on the order of the square root of the larger argument: this many serve for billions of rows.
    for step in 1..100_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = d * c;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function for x >= 0.5 (Lanczos, SIAM 1964; g = 7, nine terms).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = TERMS
        .iter()
        .enumerate()
        .skip(1)
        .fold(TERMS[0], |sum, (at, term)| sum + term / (x + at as f64));
    let shifted = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * shifted.ln() - shifted + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum as it is written in textbooks, good for small numbers.
    fn by_sum(hits: u64, rows: u64, share: f64) -> f64 {
        let choose = |k: u64| (0..k).fold(1.0, |c, i| c * (rows - i) as f64 / (i + 1) as f64);
        (0..=hits)
            .map(|k| choose(k) * share.powi(k as i32) * (1.0 - share).powi((rows - k) as i32))
            .sum()
    }

    #[test]
    fn the_tail_is_the_sum_of_its_terms() {
        for rows in [1, 2, 7, 40, 100] {
            for hits in 0..=rows {
                for share in [0.001, 0.05, 0.3, 0.5, 0.95] {
                    let apart = (at_most(hits, rows, share) - by_sum(hits, rows, share)).abs();
                    assert!(apart < 1e-11, "{hits} of {rows} at {share}: {apart}");
                }
            }
        }
        // Far from the small: the normal law with its continuity correction, 500 of a million at 0.0005.
        let tail = at_most(500, 1_000_000, 0.0005);
        assert!((tail - 0.5119).abs() < 1e-3, "{tail}");
    }

    #[test]
    fn after_few_rows_little_is_known() {
        // The mean of the binomial tail over Jeffreys' posterior, by the midpoint rule.
        let by_integral = |hits, rows, seen_hits: u64, seen: u64| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for step in 0..200_000 {
                let share = (f64::from(step) + 0.5) / 200_000.0;
                let weight = share.powf(seen_hits as f64 - 0.5) * (1.0 - share).powf((seen - seen_hits) as f64 - 0.5);
                sum += weight * by_sum(hits, rows, share);
                weights += weight;
            }
            sum / weights
        };
        for (hits, rows, seen_hits, seen) in [(1, 60, 1, 20), (9, 60, 1, 20), (2, 30, 5, 40), (29, 30, 5, 40)] {
            let apart = at_most_after(hits, rows, seen_hits, seen) - by_integral(hits, rows, seen_hits, seen);
            assert!(
                apart.abs() < 1e-6,
                "{hits} of {rows} after {seen_hits} of {seen}: {apart}"
            );
        }
        assert!((at_most_after(2_000, 100_000, 20_000, 1_000_000) - 0.5).abs() < 0.01);
    }

    #[test]
    fn bounds_are_those_of_the_tables() {
        // No hit in 59 rows: the rule of three, exactly 1 - 0.05^(1/59).
        assert!((share_at_most(0, 59, 0.95) - (1.0 - 0.05f64.powf(1.0 / 59.0))).abs() < 1e-12);
        // 10 of 100: the published two-sided 90% interval ends at 0.1637.
        assert!((share_at_most(10, 100, 0.95) - 0.1637).abs() < 1e-4);
        assert_eq!(share_at_most(3, 3, 0.95), 1.0);
        assert_eq!((rows_needed(0.05, 0.05), rows_needed(0.02, 0.05)), (59, 149));
        assert_eq!(hits_allowed(58, 0.05, 0.05), None);
        assert_eq!(
            (hits_allowed(59, 0.05, 0.05), hits_allowed(93, 0.05, 0.05)),
            (Some(0), Some(1))
        );
    }
}
