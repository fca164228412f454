//! National ids made of digits: by form, date and check digits; where these leave room for chance, also by the words
//! before them. Ids with letters are in `tokens`, passports and driving licences in `documents`.

use super::certainty;
use super::checksums::{is_day, luhn, mod_11_10, modulo, value, verhoeff, weighted};
use super::context::mentions;
use super::number::{Number, is_right_free};

const SSN: &[&str] = &["ssn", "social security", "itin", "taxpayer", "tin"];
#[rustfmt::skip]
const GERMAN_TAX: &[&str] = &[
    "steuer", "idnr", "steuer-id", "identifikationsnummer", "steuernummer", "steueridentifikationsnummer",
    "steuerid", "tin", "tax id", "tax",
];
#[rustfmt::skip]
const NINE: &[&str] = &[
    "bsn", "burgerservicenummer", "sofinummer", "sofi", "tfn", "tax file", "sin", "social insurance", "nif",
    "ת\"ז", "תעודת זהות",
];
const HEALTH: &[&str] = &["nhs", "medicare"];
/// What it is called in English; elsewhere `my number` may be any.
const JAPANESE: &[&str] = &["my number"];
#[rustfmt::skip]
const PERSONAL: &[&str] = &[
    "pesel", "cpf", "cnpj", "personnummer", "personal number", "personal identity", "fødselsnummer",
    "fodselsnummer", "kimlik", "cpr", "aadhaar", "aadhar", "uid", "national id", "id number", "identity",
    "identification", "id card", "身份证", "身份証", "身分證", "证件", "マイナンバー", "個人番号", "주민등록번호", "主民",
    "снилс", "ssn", "id no", "nin",
];

/// Where the id that `number` is ends, and how certain it is. The Chinese check digit may be a letter after the digits.
pub(super) fn end(number: &Number<'_>) -> Option<(usize, u8)> {
    if !number.left_ok || number.plus || number.bracket {
        return None;
    }
    if is_chinese_with_x(number) {
        return Some((number.end + 1, certainty::CHINESE_ID));
    }
    let certainty = if number.digits().len() == 18 {
        certainty::CHINESE_ID
    } else {
        certainty::NATIONAL_ID
    };
    (number.right_ok && is_id(number)).then_some((number.end, certainty))
}

fn is_id(number: &Number<'_>) -> bool {
    let digits = number.digits();
    let named = |words: &[&str]| mentions(number.text, number.start, words);
    match digits.len() {
        9 => is_nine(number, named),
        10 => {
            (named(HEALTH) && number.is_plain_or(&[3, 3, 4]) && is_british_health(digits))
                || (named(HEALTH) && is_australian_medicare(digits))
                || (number.is_form(&[6, 4], b"-") && is_born(&digits[..6]) && (luhn(digits) || named(PERSONAL)))
                || (number.is_plain_or(&[6, 4]) && is_born(&digits[..6]) && luhn(digits) && named(PERSONAL))
        }
        11 => is_eleven(number, named),
        12 => {
            let aadhaar = digits[0] >= 2 && number.is_plain_or(&[4, 4, 4]) && verhoeff(digits);
            (aadhaar && (number.lens().len() > 1 || named(PERSONAL)))
                || (number.is_plain_or(&[4, 4, 4]) && is_japanese(digits) && (named(PERSONAL) || named(JAPANESE)))
                || (number.is_form(&[8, 4], b"-") && is_born_in_century(&digits[..8]) && luhn(&digits[2..]))
        }
        13 => {
            number.is_form(&[6, 7], b"-") && is_born(&digits[..6]) && (1..=8).contains(&digits[6])
                || (number.is_plain_or(&[6, 4, 2, 1]) && is_born(&digits[..6]) && digits[10] <= 1 && luhn(digits))
                || (number.is_form(&[1, 4, 5, 2, 1], b"----") && is_thai(digits))
                || (is_swiss(digits) && number.is_plain_or(&[3, 4, 4, 2]))
        }
        14 => number.is_form(&[2, 3, 3, 4, 2], b"../-") && is_brazilian_company(digits),
        15 => is_french(number) || (number.lens().len() == 1 && is_chinese_old(digits)),
        18 => number.is_plain_or(&[6, 8, 4]) && is_chinese(digits, digits[17]),
        _ => false,
    }
}

/// US social security number and ITIN; Dutch, Australian, Canadian, Portuguese and Israeli ones by name.
fn is_nine(number: &Number<'_>, named: impl Fn(&[&str]) -> bool) -> bool {
    let digits = number.digits();
    let (area, middle, serial) = (value(&digits[..3]), value(&digits[3..5]), value(&digits[5..]));
    if number.lens() == [3, 2, 4] && number.is_even() {
        let itin = area >= 900 && matches!(middle, 50..=65 | 70..=88 | 90..=92 | 94..=99);
        let issued = !matches!(area, 0 | 666) && (area < 900 || itin) && middle > 0 && serial > 0;
        return (issued && number.gaps() == b"--") || named(SSN) || named(PERSONAL);
    }
    if number.lens().len() == 1 && named(SSN) {
        return area != 0 && middle > 0 && serial > 0;
    }
    let australian = weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11);
    let portuguese = (weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1])) % 11 <= 1;
    (number.is_plain_or(&[3, 3, 3]) || number.is_plain_or(&[4, 2, 3]))
        && (named(NINE) || named(SSN) || named(PERSONAL))
        && (is_dutch(digits) || australian || portuguese || luhn(digits))
}

/// The Dutch "elfproef": weights 9 to 2, and minus one for the last digit.
fn is_dutch(digits: &[u8]) -> bool {
    (weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) + 10 * u32::from(digits[8])).is_multiple_of(11)
}

/// German tax id, Polish PESEL, Brazilian CPF, Norwegian and Turkish ids, Belgian register number, Russian SNILS.
fn is_eleven(number: &Number<'_>, named: impl Fn(&[&str]) -> bool) -> bool {
    let digits = number.digits();
    let tail = |from: usize| u32::from(digits[from]);
    let cpf = is_brazilian(digits);
    let polish = (weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1])).is_multiple_of(10);
    let turkish = digits[0] != 0 && weighted(digits, &[1; 10]) % 10 == tail(10);
    let belgian = {
        let check = value(&digits[9..]);
        let body = &digits[..9];
        97 - modulo(body, 97) == check || 97 - (modulo(body, 97) + 2_000_000_000 % 97) % 97 == check
    };
    let snils = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100 == value(&digits[9..]);
    if number.is_form(&[3, 3, 3, 2], b"..-") {
        return cpf;
    }
    if number.is_form(&[2, 2, 2, 3, 2], b"..-.") {
        return belgian;
    }
    if number.is_form(&[3, 3, 3, 2], b"-- ") {
        return snils;
    }
    let german = digits[0] != 0 && mod_11_10(digits) && has_german_repeats(&digits[..10]);
    if number.is_form(&[2, 3, 3, 3], b"   ") {
        return german;
    }
    let plain = number.lens().len() == 1;
    let norwegian = is_day(value(&digits[2..4]), value(&digits[..2])) && is_norwegian(digits);
    (plain || number.is_plain_or(&[6, 5]))
        // A Chinese mobile number may pass for a Norwegian birthday.
        && (norwegian && (plain || number.gaps() == b" ") && (digits[0] != 1 || digits[1] < 3 || named(PERSONAL))
            || (german && named(GERMAN_TAX))
            || ((cpf || polish || turkish || belgian || snils) && named(PERSONAL)))
}

/// One digit of the first ten stands twice or three times, all others at most once.
fn has_german_repeats(digits: &[u8]) -> bool {
    let mut counts = [0; 10];
    digits.iter().for_each(|&digit| counts[usize::from(digit)] += 1);
    let repeated: Vec<_> = counts.into_iter().filter(|&count| count > 1).collect();
    matches!(repeated[..], [2 | 3])
}

fn is_norwegian(digits: &[u8]) -> bool {
    weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn is_brazilian(digits: &[u8]) -> bool {
    let check = |weights: &[u32]| weighted(digits, weights) * 10 % 11 % 10;
    digits.iter().any(|digit| *digit != digits[0])
        && check(&[10, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(digits[9])
        && check(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(digits[10])
}

fn is_brazilian_company(digits: &[u8]) -> bool {
    let check = |weights: &[u32]| weighted(digits, weights) * 10 % 11 % 10;
    check(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(digits[12])
        && check(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(digits[13])
}

fn is_british_health(digits: &[u8]) -> bool {
    (weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) + u32::from(digits[9])).is_multiple_of(11)
}

fn is_australian_medicare(digits: &[u8]) -> bool {
    (2..=6).contains(&digits[0]) && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(digits[8])
}

fn is_japanese(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    (if rest <= 1 { 0 } else { 11 - rest }) == u32::from(digits[11])
}

fn is_thai(digits: &[u8]) -> bool {
    (weighted(digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) + u32::from(digits[12])) % 11 % 10 == 1
}

/// AHV number: 756 for Switzerland and the check digit of EAN-13.
fn is_swiss(digits: &[u8]) -> bool {
    digits.starts_with(&[7, 5, 6]) && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// NIR: sex, year, month, place and order of birth, then the check modulo 97.
fn is_french(number: &Number<'_>) -> bool {
    let digits = number.digits();
    let month = value(&digits[3..5]);
    matches!(digits[0], 1 | 2 | 3 | 4 | 7 | 8)
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && 97 - modulo(&digits[..13], 97) == value(&digits[13..])
        && (number.lens().len() == 1 || (number.lens()[0] <= 2 && number.is_even()) || number.lens() == [13, 2])
}

/// Six digits that begin or end with the year of a birthday: `yymmdd` or `ddmmyy`; Swedish stand-in numbers add 60 days.
fn is_born(digits: &[u8]) -> bool {
    let (a, b, c) = (value(&digits[..2]), value(&digits[2..4]), value(&digits[4..6]));
    is_day(b, c) || is_day(b, a) || (c > 60 && is_day(b, c - 60))
}

fn is_born_in_century(digits: &[u8]) -> bool {
    (1850..2100).contains(&value(&digits[..4])) && is_day(value(&digits[4..6]), value(&digits[6..8]))
}

/// First digits of the Chinese provinces (GB/T 2260).
fn is_province(digits: &[u8]) -> bool {
    matches!(value(&digits[..2]), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91)
}

/// GB 11643: province, birthday, and ISO 7064 MOD 11-2, whose check 10 is written X.
fn is_chinese(digits: &[u8], check: u8) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    is_province(digits)
        && is_born_in_century(&digits[6..14])
        && (weighted(&digits[..17], &WEIGHTS) + u32::from(check)) % 11 == 1
}

fn is_chinese_with_x(number: &Number<'_>) -> bool {
    let digits = number.digits();
    digits.len() == 17
        && matches!(number.text.as_bytes().get(number.end), Some(b'x' | b'X'))
        && is_right_free(number.text, number.end + 1)
        && number.is_plain_or(&[6, 8, 3])
        && is_chinese(digits, 10)
}

fn is_chinese_old(digits: &[u8]) -> bool {
    is_province(digits) && is_day(value(&digits[8..10]), value(&digits[10..12]))
}
