//! Check digits: each takes digit values 0-9 and says whether they hold together.

/// Luhn (ISO/IEC 7812-1 annex B): payment cards and some national ids.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| {
            let doubled = u32::from(digit) * if place % 2 == 1 { 2 } else { 1 };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Verhoeff (dihedral group of order 10): Indian Aadhaar.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0u8;
    for (place, &digit) in digits.iter().rev().enumerate() {
        let permuted = (0..place % 8).fold(digit, |d, _| PERMUTED[usize::from(d)]);
        check = dihedral(check, permuted);
    }
    check == 0
}

/// The product in the dihedral group D5, with 0-4 the rotations and 5-9 the reflections.
fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

/// The weighted sum of the leading digits; `weights` may be shorter than `digits`.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(&digit, weight)| u32::from(digit) * weight)
        .sum()
}

/// ISO/IEC 7064 MOD 11,10: German tax id.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((&check, body)) = digits.split_last() else {
        return false;
    };
    let product = body.iter().fold(10u32, |product, &digit| {
        let sum = (u32::from(digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(check)
}

/// The number that `digits` write, modulo `modulus`.
pub(super) fn modulo(digits: &[u8], modulus: u32) -> u32 {
    digits
        .iter()
        .fold(0, |rest, &digit| (rest * 10 + u32::from(digit)) % modulus)
}

/// The number that at most nine digits write.
pub(super) fn value(digits: &[u8]) -> u32 {
    digits
        .iter()
        .take(9)
        .fold(0, |value, &digit| value * 10 + u32::from(digit))
}

/// A day that the calendar has (February always with 29).
pub(super) fn is_day(month: u32, day: u32) -> bool {
    const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = usize::try_from(month)
        .ok()
        .and_then(|month| DAYS.get(month.checked_sub(1)?));
    days.is_some_and(|&days| (1..=days).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
    }

    type Check = fn(&[u8]) -> bool;

    #[test]
    fn known_numbers_hold_and_every_changed_digit_is_seen() {
        let checks: [(&str, Check); 3] = [
            ("4111111111111111", luhn),
            ("2363", verhoeff),
            ("86095742719", mod_11_10),
        ];
        for (text, check) in checks {
            let mut number = digits(text);
            assert!(check(&number), "{text}");
            for place in 0..number.len() {
                number[place] = (number[place] + 1) % 10;
                assert!(!check(&number), "{text} at {place}");
                number[place] = (number[place] + 9) % 10;
            }
        }
    }

    #[test]
    fn days() {
        assert!(is_day(2, 29) && is_day(12, 31));
        assert!(!is_day(0, 1) && !is_day(13, 1) && !is_day(4, 31) && !is_day(4, 0));
    }
}
