//! Phone numbers: international ones by country code and length (ITU-T E.164), national ones by their usual grouping,
//! and what has no form of its own by the words around it.

use super::certainty;
use super::checksums::{is_day, value};
use super::context::{self, Says};
use super::number::{Number, is_right_free};
use super::phone_codes::is_international;

/// Words and signs before an extension.
const EXTENSIONS: [&str; 14] = [
    "extension",
    "ext.",
    "ext",
    "extn",
    "x",
    "#",
    "分机",
    "轉",
    "转",
    "доб.",
    "poste",
    "durchwahl",
    "dw",
    "int.",
];
const EXTENSION_DIGITS_MAX: usize = 6;

/// Where the phone number that `number` is ends, its extension included, and how certain it is.
pub(super) fn end(number: &Number<'_>) -> Option<(usize, u8)> {
    let count = number.digits().len();
    if !number.left_ok || !(6..=18).contains(&count) || is_dated(number) {
        return None;
    }
    let extended = extension(number.text, number.end);
    if extended.is_none() && !number.right_ok {
        return None;
    }
    let end = extended.unwrap_or(number.end);
    let found = |certainty| Some((end, certainty));
    if number.plus {
        let grouped = number.lens().len() > 1 && number.digits().len() >= 7;
        let valid = has_international_form(number) || has_loose_international_form(number);
        let called = !valid && grouped && context::phone(number.text, number.start, end) == Says::Yes;
        return if valid || called {
            found(certainty::PHONE_INTERNATIONAL)
        } else {
            None
        };
    }
    let typical = is_abroad(number) || is_typical(number);
    let loose = number.alone && is_loose(number);
    if !typical && !loose {
        return None;
    }
    let says = context::phone(number.text, number.start, end);
    if typical && says != Says::No {
        return found(if extended.is_some() {
            certainty::PHONE_EXTENDED
        } else {
            certainty::PHONE
        });
    }
    let own_line =
        number.lens().len() > 1 && is_regular(number) && context::is_own_line(number.text, number.start, end);
    let grouped_and_extended = number.lens().len() > 1 && extended.is_some();
    if loose && (says == Says::Yes || (says == Says::Nothing && (own_line || grouped_and_extended))) {
        // The whole of a long number is better than the typical part in it: equal certainty, and the longer is taken.
        let whole = says == Says::Yes && number.lens().len() > 2 && (number.lens()[0] > 1 || number.digits()[0] == 0);
        return found(if whole {
            certainty::PHONE
        } else {
            certainty::PHONE_BY_CONTEXT
        });
    }
    None
}

fn extension(text: &str, end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let skip = |at: usize, signs: &[u8], most: usize| {
        at + bytes[at..]
            .iter()
            .take(most)
            .take_while(|byte| signs.contains(byte))
            .count()
    };
    let at = skip(end, b" ,;(", 3);
    let word = EXTENSIONS.iter().find(|word| {
        text.get(at..at + word.len())
            .is_some_and(|there| there.to_lowercase() == **word)
            && text[at + word.len()..].starts_with(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '.' | ':'))
    })?;
    let from = skip(at + word.len(), b" .:", 3);
    let to = skip(from, b"0123456789", EXTENSION_DIGITS_MAX + 1);
    ((1..=EXTENSION_DIGITS_MAX).contains(&(to - from)) && is_right_free(text, to)).then_some(to)
}

/// `+`, country code, number. The trunk zero in `+44 (0)20` is not counted.
fn has_international_form(number: &Number<'_>) -> bool {
    let lens = number.lens();
    if number.gaps().contains(&b'?') || number.digits().len() < 7 {
        return false;
    }
    let trunk = (lens.len() > 2 && lens[1] == 1 && number.digits()[lens[0]] == 0).then_some(lens[0]);
    let digits = number
        .digits()
        .iter()
        .enumerate()
        .filter(|(place, _)| Some(*place) != trunk);
    let mut kept = [0; 20];
    let count = digits.zip(&mut kept).map(|((_, &digit), place)| *place = digit).count();
    is_international(&kept[..count])
}

/// With a `+`, but of a length that its country does not have: mistyped, or the table is behind. `+10 000 000` is none.
fn has_loose_international_form(number: &Number<'_>) -> bool {
    let (digits, lens) = (number.digits(), number.lens());
    let thousands = lens[1..].iter().all(|&len| len == 3) && lens[0] <= 3;
    (9..=15).contains(&digits.len())
        && digits[0] != 0
        && !digits.ends_with(&[0, 0, 0])
        && (lens.len() == 1 || !thousands)
        && !number.gaps().contains(&b'?')
}

/// International with `00` or `011` instead of `+`, or with a country code and a mobile number that give themselves away.
fn is_abroad(number: &Number<'_>) -> bool {
    let (digits, lens) = (number.digits(), number.lens());
    let grouped = lens.len() > 1;
    let after = match digits {
        [0, 0, rest @ ..] if !number.bracket => rest,
        [0, 1, 1, rest @ ..] if grouped && lens[0] == 3 => rest,
        [8, 6, rest @ ..] if rest.len() == 11 => return is_chinese_mobile(rest),
        [9, 1, rest @ ..] if rest.len() == 10 && grouped && lens[0] == 2 => return rest[0] >= 6,
        _ => return false,
    };
    (grouped || after.len() >= 9) && !number.gaps().contains(&b'?') && is_international(after)
}

fn is_chinese_mobile(digits: &[u8]) -> bool {
    digits.len() == 11 && digits[0] == 1 && digits[1] >= 3
}

/// A form that hardly anything but a phone number has.
fn is_typical(number: &Number<'_>) -> bool {
    let (digits, lens, gaps) = (number.digits(), number.lens(), number.gaps());
    if gaps.contains(&b'?') {
        return false;
    }
    match (lens, digits) {
        ([11], _) | ([3, 4, 4] | [3, 3, 5] | [4, 4, 3] | [3, 8], [1, ..]) if is_chinese_mobile(digits) => true,
        // National with the trunk zero, in one piece: France, Britain, Australia, Japan, Taiwan, Germany; Israel, Thailand.
        ([10 | 11], [0, 1..=9, ..]) | ([9], [0, 2..=9, ..]) => true,
        // Russia in one piece.
        ([11], [7 | 8, 9, ..]) => true,
        // North America (also 400 and 800 numbers of China).
        ([3, 3, 4], _) | ([1, 3, 3, 4], [1, ..]) => true,
        ([3, 4, 3], [4 | 8, 0, 0, ..]) | ([4, 3, 3], [1, 3 | 8, 0, 0, ..]) if number.is_even() => true,
        // Russia, with its trunk 8 or code 7.
        ([1, 3, 3, 2, 2] | [1, 3, 3, 4] | [1, 3, 2, 2, 3], [7 | 8, ..]) => true,
        // India; Brazil (a mobile number begins with 9 after the area).
        ([5, 5], [6..=9, ..]) if matches!(gaps, b" " | b"-") => true,
        ([2, 5, 4], [_, _, 9, ..]) => true,
        ([2, 4, 4], _) if gaps == b" -" => true,
        // Japan without its trunk zero, but no years.
        ([2, 4, 4], _) if number.is_even() && !has_year(&digits[2..]) => true,
        // Greece; Turkey, Colombia; Poland; Hungary.
        ([4, 3, 3], _) if number.is_even() && !has_year(digits) && !digits.ends_with(&[0, 0, 0]) => true,
        ([3, 3, 2, 2] | [2, 3, 2, 2], [1..=9, ..]) if number.is_even() && gaps[0] != b'.' => true,
        ([1 | 2, 3, 4], _) if matches!(gaps, b"/ " | b"/-") => true,
        ([2, 1 | 2, 3, 4], [0, 6, ..]) if matches!(gaps, b"-/ " | b"-/-") => true,
        // North America in one piece: neither area nor exchange begins with 0 or 1, nor the area's middle digit is 9.
        ([10], [2..=9, 0..=8, _, 2..=9, ..]) => digits.iter().any(|digit| *digit != digits[0]),
        // Norway; Thailand.
        ([3, 2, 3], [4 | 8 | 9, ..]) if gaps == b"  " => true,
        ([1, 4, 4] | [1, 3, 3, 3], [0, ..]) if number.is_even() => true,
        // Spain, Portugal, Poland: mobile numbers.
        ([3, 3, 3], [4..=9, ..]) if matches!(gaps, b"  " | b"--") && !digits.ends_with(&[0, 0]) => true,
        ([3, 2, 2, 2], [6..=9, ..]) if number.is_even() => true,
        // Sweden: `08-99 99 82`.
        ([2, 2, 2, 2], [0, 1..=9, ..]) if gaps == b"-  " => true,
        _ => has_trunk_zero(number) || has_bracketed_area(number),
    }
}

/// Grouped with a trunk zero: `030 1234567`, `01 23 45 67 89`, `0171-12 34 567`, `010-12345678`.
fn has_trunk_zero(number: &Number<'_>) -> bool {
    let (digits, lens) = (number.digits(), number.lens());
    matches!(digits, [0, 1..=9, ..])
        && (9..=13).contains(&digits.len())
        && lens.len() >= 2
        && (2..=6).contains(&lens[0])
        && lens[1..].iter().all(|len| (2..=8).contains(len))
        && number.gaps()[1..].windows(2).all(|pair| pair[0] == pair[1])
}

/// `(011) 4706-6184`, `(88) 684-334`; not `(2019) 12345`.
fn has_bracketed_area(number: &Number<'_>) -> bool {
    let (digits, lens) = (number.digits(), number.lens());
    let year = lens[0] == 4 && is_year(value(&digits[..4]));
    number.bracket
        && lens.len() >= 2
        && (2..=6).contains(&lens[0])
        && (8..=13).contains(&digits.len())
        && lens[1..].iter().all(|len| (2..=9).contains(len))
        && !year
}

/// A form that a phone number may have, if something else says that it is one.
fn is_loose(number: &Number<'_>) -> bool {
    let (digits, lens, gaps) = (number.digits(), number.lens(), number.gaps());
    if lens.len() == 1 {
        return (7..=15).contains(&digits.len());
    }
    // `49371.74`, `52.437866`; `16.13.10`; `80 000 000`.
    let decimal = gaps == b"." && !matches!(lens, [3 | 4, 4] | [3, 7]);
    let version = lens == [2, 2, 2] && gaps == b"..";
    let thousands = digits.ends_with(&[0, 0, 0]) && lens[0] <= 3 && lens[1..].iter().all(|&len| len == 3);
    if decimal || version || (thousands && gaps.iter().all(|&gap| gap == b' ')) {
        return false;
    }
    let dotted_four = lens.len() == 4 && gaps.iter().all(|&gap| gap == b'.') && lens.iter().any(|&len| len != 2);
    let years = lens == [4, 4] && [&digits[..4], &digits[4..]].iter().all(|year| is_year(value(year)));
    !dotted_four
        && !years
        && (digits.len() >= 7 || lens == [2, 2, 2])
        && !gaps.contains(&b'?')
        && digits.len() <= 15
        && (lens[0] > 1 || digits.len() >= 9)
        && lens.iter().all(|len| *len <= 9)
        && (lens[1..].iter().all(|len| *len >= 2) || lens == [3, 1, 3] || digits.len() >= 9)
}

/// Gaps of one kind, but for the first.
fn is_regular(number: &Number<'_>) -> bool {
    let gaps = number.gaps();
    gaps.len() < 2 || gaps[1..].windows(2).all(|pair| pair[0] == pair[1])
}

/// A date, alone or before something else: `2026-11-22`, `22.11.2026 10`, `20261122`.
fn is_dated(number: &Number<'_>) -> bool {
    let (digits, lens) = (number.digits(), number.lens());
    let is_either = |a: u32, b: u32| is_day(a, b) || is_day(b, a);
    if let [8] = lens {
        return is_year(value(&digits[..4])) && is_day(value(&digits[4..6]), value(&digits[6..8]));
    }
    let [a, b, c, ..] = *lens else { return false };
    let part = |from: usize, len: usize| value(&digits[from..from + len]);
    match (a, b, c) {
        (4, 1 | 2, 1 | 2) => is_year(part(0, 4)) && is_day(part(4, b), part(4 + b, c)),
        (1 | 2, 1 | 2, 4) => is_year(part(a + b, 4)) && is_either(part(0, a), part(a, b)),
        (2, 2, 2) if lens.len() == 3 || (lens.len() == 4 && lens[3] == 4 && is_year(part(6, 4))) => {
            number.gaps()[0] != b' ' && is_either(part(0, 2), part(2, 2))
        }
        _ => false,
    }
}

/// Whether one of the fours of `digits` is a year.
fn has_year(digits: &[u8]) -> bool {
    digits.chunks_exact(4).any(|four| is_year(value(four)))
}

/// A year that texts of customers speak of.
fn is_year(number: u32) -> bool {
    (1900..2100).contains(&number)
}
