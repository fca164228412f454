//! Invented personal data, well-formed so that a detector must see it: checksums hold, and wherever a range is reserved
//! for fiction or tests it is used. China reserves no such range: mobile numbers take the block 0000 and resident numbers
//! are of people born before 1913.

use std::fmt::Write as _;

use super::dice::Dice;
use super::names::{CITIES_EN, CITIES_ZH, STREETS_EN, STREETS_ZH};
use super::people::{Customer, Language};

/// What sort of personal data a text can hold.
#[derive(Clone, Copy, Debug)]
enum Sort {
    Email,
    Phone,
    Card,
    Iban,
    ResidentId,
    Address,
}

const SORTS_EN: [Sort; 6] = [
    Sort::Email,
    Sort::Phone,
    Sort::Phone,
    Sort::Card,
    Sort::Iban,
    Sort::Address,
];
const SORTS_ZH: [Sort; 6] = [
    Sort::Email,
    Sort::Phone,
    Sort::Phone,
    Sort::Card,
    Sort::ResidentId,
    Sort::Address,
];

/// Appends a sentence that holds one piece of personal data.
pub(super) fn push_sentence(customer: &Customer, dice: &mut Dice, out: &mut String) {
    let english = customer.language == Language::En;
    let sort = dice.pick(if english { &SORTS_EN } else { &SORTS_ZH });
    let lead: &[&str] = match (sort, english) {
        (Sort::Email, true) => &["My email is ", "Write to ", "Mail: "],
        (Sort::Phone, true) => &["Call me at ", "My phone number is ", "Tel. "],
        (Sort::Card, true) => &["I paid with card ", "Card number "],
        (Sort::Iban, true) => &["My IBAN is ", "Account: "],
        (Sort::ResidentId, true) => &["ID number "],
        (Sort::Address, true) => &["I live at ", "My address is "],
        (Sort::Email, false) => &["我的邮箱是", "邮箱："],
        (Sort::Phone, false) => &["我的电话是", "手机：", "请打"],
        (Sort::Card, false) => &["付款卡号", "卡号是"],
        (Sort::Iban, false) => &["账号"],
        (Sort::ResidentId, false) => &["身份证号", "我的身份证是"],
        (Sort::Address, false) => &["我住", "地址："],
    };
    out.push_str(dice.pick(lead));
    match sort {
        Sort::Email => customer.push_email(out),
        Sort::Phone => customer.push_phone(out),
        Sort::Card => push_card(dice, out),
        Sort::Iban => push_iban(dice, out),
        Sort::ResidentId => push_resident_id(dice, out),
        Sort::Address => push_address(customer.language, dice, out),
    }
    out.push_str(if english { "." } else { "。" });
}

/// Appends a phone number; `number` (below 10,000) chooses country and digits.
pub(super) fn push_phone(language: Language, number: u32, out: &mut String) {
    let _ = match (language, number % 4) {
        (Language::Zh, 0 | 1) => write!(out, "138 0000 {number:04}"),
        (Language::Zh, 2) => write!(out, "1590000{number:04}"),
        (Language::Zh, _) => write!(out, "+86 139-0000-{number:04}"),
        (Language::En, 0) => write!(out, "+1 202 555 01{:02}", number / 4 % 100),
        (Language::En, 1) => write!(out, "+44 7700 900{:03}", number / 4 % 1000),
        (Language::En, 2) => write!(out, "+49 30 23125 {:03}", number / 4 % 1000),
        (Language::En, _) => write!(out, "(202) 555-01{:02}", number / 4 % 100),
    };
}

fn push_card(dice: &mut Dice, out: &mut String) {
    let prefix = dice.pick(&["424242424242", "411111111111", "555555555555"]);
    let body = format!("{prefix}{:03}", dice.below(1000));
    let number = format!("{body}{}", luhn_digit(&body));
    let gap = dice.pick(&["", " ", "-"]);
    for (k, digit) in number.char_indices() {
        if k > 0 && k % 4 == 0 {
            out.push_str(gap);
        }
        out.push(digit);
    }
}

/// The check digit that makes a card number valid (ISO/IEC 7812-1).
fn luhn_digit(body: &str) -> u32 {
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(k, byte)| {
            let digit = u32::from(byte - b'0');
            if k % 2 == 0 {
                digit * 2 / 10 + digit * 2 % 10
            } else {
                digit
            }
        })
        .sum();
    (10 - sum % 10) % 10
}

fn push_iban(dice: &mut Dice, out: &mut String) {
    let number = dice.below(100_000_000);
    let (country, account) = if dice.chance(0.5) {
        ("DE", format!("1234567800{number:08}"))
    } else {
        ("GB", format!("TEST000000{number:08}"))
    };
    let _ = write!(out, "{country}{:02}{account}", iban_check(country, &account));
}

/// The two check digits of an IBAN (ISO 7064, modulo 97).
fn iban_check(country: &str, account: &str) -> u32 {
    let rest = account
        .bytes()
        .chain(country.bytes())
        .chain(*b"00")
        .fold(0, |rest, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
        });
    98 - rest
}

fn push_resident_id(dice: &mut Dice, out: &mut String) {
    let region = dice.pick(&["110101", "310104", "440106", "510107"]);
    let (year, month, day) = (1900 + dice.below(13), 1 + dice.below(12), 1 + dice.below(28));
    let body = format!("{region}{year}{month:02}{day:02}{:03}", dice.below(1000));
    out.push_str(&body);
    out.push(resident_check(&body));
}

/// The last character of a Chinese resident number (GB 11643, ISO 7064 modulo 11-2).
fn resident_check(body: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body
        .bytes()
        .zip(WEIGHTS)
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    char::from(b"10X98765432"[sum as usize % 11])
}

fn push_address(language: Language, dice: &mut Dice, out: &mut String) {
    let number = 1 + dice.below(240);
    let _ = match language {
        Language::En => write!(out, "{number} {}, {}", dice.pick(&STREETS_EN), dice.pick(&CITIES_EN)),
        Language::Zh => {
            write!(
                out,
                "{}市{}{number}号{}室",
                dice.pick(&CITIES_ZH),
                dice.pick(&STREETS_ZH),
                101 + dice.below(900)
            )
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_published_ones() {
        assert_eq!(luhn_digit("424242424242424"), 2);
        assert_eq!(luhn_digit("411111111111111"), 1);
        assert_eq!(iban_check("GB", "WEST12345698765432"), 82);
        assert_eq!(iban_check("DE", "370400440532013000"), 89);
        assert_eq!(resident_check("11010519491231002"), 'X');
    }
}
