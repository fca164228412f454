//! How the report writes numbers: three decimals, thousands separated by commas, a dash where there is none.

/// Stands for a number that is not there.
pub(crate) const NONE: &str = "–";

/// A count, as in `12,345`.
pub(crate) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// A measured value with three decimals, as in `0.912` or `−1,204.500`.
pub(crate) fn score(value: f64) -> String {
    if !value.is_finite() {
        return NONE.into();
    }
    let digits = format!("{:.3}", value.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    // What rounds to zero has no sign.
    let sign = if value < 0.0 && digits != "0.000" { "−" } else { "" };
    format!("{sign}{}.{fraction}", grouped(whole))
}

/// A value that may not be there.
pub(crate) fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.into(), score)
}

/// A difference, always signed unless it rounds to zero.
pub(crate) fn change(difference: f64) -> String {
    let text = score(difference);
    if difference > 0.0 && difference.is_finite() && text != "0.000" {
        format!("+{text}")
    } else {
        text
    }
}

/// Low to high.
pub(crate) fn interval((low, high): (f64, f64)) -> String {
    format!("{} to {}", score(low), score(high))
}

/// A share as a percentage with one decimal.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.1}%", share * 100.0)
    } else {
        NONE.into()
    }
}

/// A size in decimal units, as in `12.4 MB`.
pub(crate) fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{:.1} kB", size as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", size as f64 / 1e6),
        _ => format!("{} GB", score(size as f64 / 1e9)),
    }
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_decimals_and_separators() {
        let written = [
            count(0),
            count(999),
            count(1_000),
            count(1_234_567),
            score(0.9124),
            score(-1204.5),
        ];
        assert_eq!(written, ["0", "999", "1,000", "1,234,567", "0.912", "−1,204.500"]);
        assert_eq!(
            [score(f64::NAN), score(-0.0001), score(f64::INFINITY)],
            ["–", "0.000", "–"]
        );
        assert_eq!(
            [change(0.0121), change(-0.004), change(0.0001), change(f64::NAN)],
            ["+0.012", "−0.004", "0.000", "–"]
        );
        assert_eq!(
            [bytes(12), bytes(1_500), bytes(12_400_000)],
            ["12 B", "1.5 kB", "12.4 MB"]
        );
    }
}
