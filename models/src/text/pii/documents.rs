//! Numbers that directly follow the name of a personal document: passports and driving licences, whose numbers have no
//! common form, and other ids that are mistyped or of countries without a rule of their own.

use super::context::{before, is_link, last_mention};

#[rustfmt::skip]
const NAMES: &[&str] = &[
    "passport", "driver license", "driver licence", "driver's license", "driver's licence", "drivers license",
    "drivers licence", "driving license", "driving licence", "license", "licence", "dl", "reisepass",
    "reisepassnummer", "führerschein", "führerscheinnummer", "personalausweis", "ausweisnummer", "pasaporte",
    "carnet de conducir", "passeport", "permis de conduire", "passaporto", "patente", "паспорт", "护照", "護照", "驾驶证",
    "驾照", "駕照", "通行证", "パスポート", "여권", "identity card", "id card", "ssn", "social security", "social insurance",
    "national id", "national identity", "national insurance", "personal id", "tax id", "tin", "cnp", "pesel",
    "cpf", "inn", "инн", "снилс", "nif", "nir", "dni", "curp", "rfc", "amka", "personnummer", "bsn", "aadhaar",
    "身份证", "身分證", "身份証",
];
/// Words that may stand between the name and the number.
#[rustfmt::skip]
const LINKS: &[&str] = &[
    "number", "no", "nr", "num", "is", "was", "id", "my", "the", "s", "are", "nummer", "lautet", "ist", "número",
    "numero", "numéro", "est", "es", "der", "номер",
];
const DIGITS_MIN: usize = 4;
const BYTES: std::ops::RangeInclusive<usize> = 5..=18;

/// Where the document number in `start..end` ends, if it is one.
pub(super) fn end(text: &str, start: usize, end: usize) -> Option<usize> {
    let digits = text[start..end].bytes().filter(u8::is_ascii_digit).count();
    if digits < DIGITS_MIN || !BYTES.contains(&(end - start)) {
        return None;
    }
    let window = before(text, start);
    let named = last_mention(&window, NAMES)?;
    let between = &window[named..];
    let direct = between.len() <= 30
        && !between
            .replace("no.", "no")
            .contains(['.', ';', '!', '?', '\n', '\u{1}'])
        && !between.contains(|c: char| c.is_ascii_digit());
    (direct && is_link(between, LINKS)).then_some(end)
}

#[cfg(test)]
mod tests {
    use crate::text::pii::PiiRules;

    #[test]
    fn only_after_their_name() {
        for (text, masked) in [
            (
                "My driver's license number is A1234567",
                "My driver's license number is <national_id>",
            ),
            ("passport no. C01X00T47", "passport no. <national_id>"),
            ("passport: 123456789", "passport: <national_id>"),
            ("护照号E12345678", "护照号<national_id>"),
            (
                "I lost my passport on flight 12345",
                "I lost my passport on flight 12345",
            ),
            ("A1234567", "A1234567"),
        ] {
            assert_eq!(PiiRules::default().mask(text), masked);
        }
    }
}
