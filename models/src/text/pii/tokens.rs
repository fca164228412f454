//! Words of letters and digits: IBANs, national ids with letters, wallets; and what a passport or licence is called.

use super::checksums::{is_day, value};
use super::context::mentions;
use super::{Found, PiiType, certainty, documents, iban, secret};

const TOKEN_BYTES_MAX: usize = 64;
#[rustfmt::skip]
const IDENTITY: &[&str] = &[
    "pan", "nino", "ssn", "social security", "ni number", "national insurance", "nric", "dni", "nie", "id",
    "identity", "tax", "身分證", "身份证", "codice",
];

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric();
    let mut at = 0;
    while let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let digit = at + digit;
        let start = digit - bytes[at..digit].iter().rev().take_while(|byte| is_part(byte)).count();
        let end = digit + bytes[digit..].iter().take_while(|byte| is_part(byte)).count();
        at = end;
        // A letter with an accent or another script's belongs to the word as well, so the word is no code.
        let joined = text[..start]
            .chars()
            .next_back()
            .is_some_and(super::context::is_spaced_letter)
            || bytes[..start].ends_with(b"_");
        if !joined {
            look(text, start, end, found);
        }
    }
}

fn look(text: &str, start: usize, end: usize, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut push = |start, end, kind, certainty| {
        found.push(Found {
            start,
            end,
            kind,
            certainty,
        })
    };
    // `DE 89 3704`, `QQ 12 34 56 C`: the letters before a space may belong to it.
    let letters = bytes[..start]
        .strip_suffix(b" ")
        .filter(|_| bytes[start].is_ascii_digit())
        .map_or(0, |head| {
            head.iter()
                .rev()
                .take(3)
                .take_while(|byte| byte.is_ascii_alphabetic())
                .count()
        });
    let apart = if letters == 2 { start - 3 } else { start };
    for from in [start, apart] {
        if let Some(length) = iban::length(&bytes[from..]) {
            push(from, from + length, PiiType::Iban, certainty::IBAN);
        }
        if let Some(length) = british_insurance(&bytes[from..], || mentions(text, from, IDENTITY)) {
            push(from, from + length, PiiType::NationalId, certainty::NATIONAL_ID);
        }
    }
    if let Some(length) = grouped_id(&bytes[start..]) {
        push(start, start + length, PiiType::NationalId, certainty::NATIONAL_ID);
    }
    if end - start <= TOKEN_BYTES_MAX {
        let token = &bytes[start..end];
        if is_id(token) || (is_indian(&token.to_ascii_uppercase()) && mentions(text, start, IDENTITY)) {
            push(start, end, PiiType::NationalId, certainty::NATIONAL_ID);
        } else if secret::is_bitcoin(token) {
            push(start, end, PiiType::UrlSecret, certainty::SECRET);
        }
    }
    if let Some(end) = documents::end(text, start, end) {
        push(start, end, PiiType::NationalId, certainty::DOCUMENT);
    }
}

/// British national insurance number, `QQ123456C` or `QQ 12 34 56 C`; prefixes and suffixes as HMRC gives them out, any
/// if it is `named`.
fn british_insurance(bytes: &[u8], named: impl Fn() -> bool) -> Option<usize> {
    let mut signs = [0u8; 9];
    let (mut count, mut at) = (0, 0);
    while count < 9 {
        match *bytes.get(at)? {
            byte if byte.is_ascii_alphanumeric() => {
                signs[count] = byte;
                count += 1;
            }
            b' ' | b'-' if matches!(count, 2 | 4 | 6 | 8) => {}
            _ => return None,
        }
        at += 1;
    }
    let [a, b, digits @ .., suffix] = signs;
    let ended = bytes.get(at).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let form = ended && has_form(&[a, b, suffix], b"AAA") && digits.iter().all(u8::is_ascii_digit);
    let barred = [*b"BG", *b"GB", *b"NK", *b"KN", *b"TN", *b"NT", *b"ZZ"].contains(&[a, b]);
    let upper = a.is_ascii_uppercase() && b.is_ascii_uppercase();
    let issued =
        upper && !b"DFIUV".contains(&a) && !b"DFIOUV".contains(&b) && !barred && (b'A'..=b'D').contains(&suffix);
    (form && (issued || named())).then_some(at)
}

/// Ids whose parts are joined by a sign: Spanish `12345678-Z`, Finnish `131052-308T`, Hong Kong `A123456(3)`.
fn grouped_id(bytes: &[u8]) -> Option<usize> {
    let ends = |length: usize| bytes.get(length).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let finnish = bytes.get(..11).filter(|id| {
        id[..6].iter().all(u8::is_ascii_digit)
            && matches!(id[6], b'-' | b'+' | b'A'..=b'F' | b'U'..=b'Y')
            && id[7..10].iter().all(u8::is_ascii_digit)
    });
    if let Some(id) = finnish.filter(|_| ends(11)) {
        const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
        let digits: Vec<u8> = id[..6].iter().chain(&id[7..10]).map(|byte| byte - b'0').collect();
        let check = CHECKS[(value(&digits) % 31) as usize];
        if is_day(value(&digits[2..4]), value(&digits[..2])) && check == id[10].to_ascii_uppercase() {
            return Some(11);
        }
    }
    let spanish = bytes
        .get(..10)
        .filter(|id| id[8] == b'-' && ends(10))
        .map(|id| [&id[..8], &id[9..]].concat());
    if spanish.is_some_and(|id| is_spanish(&id)) {
        return Some(10);
    }
    let letters = bytes
        .iter()
        .take(2)
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    let id = bytes.get(..letters + 9).filter(|_| letters > 0)?;
    (id[letters..letters + 6].iter().all(u8::is_ascii_digit)
        && id[letters + 6] == b'('
        && id[letters + 8] == b')'
        && is_hong_kong(&id[..letters], id))
    .then_some(letters + 9)
}

fn is_hong_kong(letters: &[u8], id: &[u8]) -> bool {
    let letter = |byte: u8| u32::from(byte - b'A') + 10;
    let (first, second) = if let [a, b] = letters {
        (letter(*a), letter(*b))
    } else {
        (36, letter(letters[0]))
    };
    let digits = &id[letters.len()..letters.len() + 6];
    let sum: u32 = digits
        .iter()
        .zip([7, 6, 5, 4, 3, 2])
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    let check = match id[letters.len() + 7] {
        b'A' => 10,
        byte => u32::from(byte.wrapping_sub(b'0')),
    };
    (first * 9 + second * 8 + sum + check).is_multiple_of(11)
}

/// Whether the form and check sign of `token` leave no doubt. `A` in a form is a letter, `9` a digit, `*` either.
fn is_id(token: &[u8]) -> bool {
    match token.len() {
        9 => is_spanish(token) || is_singaporean(token),
        10 => has_form(token, b"A999999999") && is_taiwanese(token) || is_indian(token),
        16 => is_italian(token),
        18 => has_form(token, b"AAAA999999AAAAAA*9") && matches!(token[10].to_ascii_uppercase(), b'H' | b'M' | b'X'),
        _ => false,
    }
}

fn has_form(token: &[u8], form: &[u8]) -> bool {
    token.len() == form.len()
        && token.iter().zip(form).all(|(byte, sign)| match sign {
            b'A' => byte.is_ascii_alphabetic(),
            b'9' => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric(),
        })
}

/// DNI and NIE: the letter is the number modulo 23.
fn is_spanish(token: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let first = match token[0].to_ascii_uppercase() {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        digit if digit.is_ascii_digit() => digit - b'0',
        _ => return false,
    };
    if !has_form(&token[1..], b"9999999A") {
        return false;
    }
    let digits: Vec<u8> = std::iter::once(first)
        .chain(token[1..8].iter().map(|byte| byte - b'0'))
        .collect();
    LETTERS[(value(&digits) % 23) as usize] == token[8].to_ascii_uppercase()
}

fn is_singaporean(token: &[u8]) -> bool {
    if !has_form(token, b"A9999999A") {
        return false;
    }
    let sum: u32 = token[1..8]
        .iter()
        .zip([2, 7, 6, 5, 4, 3, 2])
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    let (checks, offset): (&[u8; 11], u32) = match token[0].to_ascii_uppercase() {
        b'S' => (b"JZIHGFEDCBA", 0),
        b'T' => (b"JZIHGFEDCBA", 4),
        b'F' => (b"XWUTRQPNMLK", 0),
        b'G' => (b"XWUTRQPNMLK", 4),
        b'M' => (b"XWUTRQPNJLK", 3),
        _ => return false,
    };
    let place = (sum + offset) % 11;
    let place = if token[0].eq_ignore_ascii_case(&b'M') {
        10 - place
    } else {
        place
    };
    checks[place as usize] == token[8].to_ascii_uppercase()
}

fn is_taiwanese(token: &[u8]) -> bool {
    const LETTERS: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let letter = LETTERS
        .iter()
        .position(|&letter| letter == token[0].to_ascii_uppercase())
        .unwrap_or(0) as u32
        + 10;
    let sum: u32 = token[1..]
        .iter()
        .zip([8, 7, 6, 5, 4, 3, 2, 1, 1])
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    matches!(token[1], b'1' | b'2' | b'8' | b'9') && (letter / 10 + letter % 10 * 9 + sum).is_multiple_of(10)
}

/// Permanent account number; its fourth letter is the kind of holder.
fn is_indian(token: &[u8]) -> bool {
    has_form(token, b"AAAAA9999A")
        && token.iter().all(|byte| !byte.is_ascii_lowercase())
        && b"ABCFGHJLPT".contains(&token[3])
}

/// Codice fiscale, with its check letter; digits may be replaced by letters where two people would share one.
fn is_italian(token: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    if !has_form(token, b"AAAAAA**A**A***A") || !b"ABCDEHLMPRST".contains(&token[8].to_ascii_uppercase()) {
        return false;
    }
    let sum: u32 = token[..15]
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            let index = if byte.is_ascii_digit() {
                byte - b'0'
            } else {
                byte.to_ascii_uppercase() - b'A'
            };
            if place % 2 == 0 {
                ODD[usize::from(index)]
            } else {
                u32::from(index)
            }
        })
        .sum();
    sum % 26 == u32::from(token[15].to_ascii_uppercase() - b'A')
}
