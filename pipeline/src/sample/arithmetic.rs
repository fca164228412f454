//! Logarithm, exponential and logistic function from IEEE basic operations only. The platform's own `ln` and `exp` may
//! differ in the last digit between machines; the sample desk promises the same bytes everywhere.

const LN_2: f64 = std::f64::consts::LN_2;

/// Natural logarithm of a positive, normal number; relative error below 1e-13.
pub(super) fn ln(x: f64) -> f64 {
    debug_assert!(x.is_normal() && x > 0.0);
    let bits = x.to_bits();
    let mut exponent = f64::from(((bits >> 52) & 0x7ff) as u32) - 1023.0;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    // ln m = 2 artanh s with |s| <= 0.1716, so eleven terms reach double precision.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for k in (0..11).rev() {
        sum = sum * square + 1.0 / f64::from(2 * k + 1);
    }
    exponent * LN_2 + 2.0 * s * sum
}

/// Exponential function; arguments are cut to [-700, 700]; relative error below 1e-13 for moderate arguments.
pub(super) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let k = (x / LN_2).round();
    let rest = x - k * LN_2;
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * rest / f64::from(n);
    }
    // 2^k as bits: |k| <= 1010 keeps the exponent in the normal range.
    sum * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// The logistic function: a logit to a probability.
pub(super) fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + exp(-logit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_platform() {
        for k in 1..2000 {
            let x = f64::from(k) * 0.37;
            assert!((ln(x) - x.ln()).abs() <= 1e-13 * x.ln().abs().max(1.0), "ln {x}");
            let y = f64::from(k - 1000) * 0.03;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-13, "exp {y}");
        }
        assert!((logistic(0.0) - 0.5).abs() < 1e-15);
        assert!(exp(-1e9) > 0.0 && exp(1e9).is_finite());
    }
}
