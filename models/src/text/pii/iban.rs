//! IBANs: the registry of countries and lengths (ISO 13616, SWIFT registry), then the check digits modulo 97.

/// Country code and length, in the order of the codes.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

const SIGNS_MAX: usize = 34;

/// Length of the IBAN that `bytes` begins with, grouped by single spaces, dashes or dots or not at all. Lengths change with
/// the registry, so an ungrouped code that is one sign off is taken as well if its check digits hold.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let [a, b, c, d, ..] = *bytes else { return None };
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let index = LENGTHS.binary_search_by_key(&&country, |entry| entry.0).ok()?;
    let wanted = LENGTHS[index].1;
    // The check digits may stand apart from the country code: `DE 89 3704`.
    if !d.is_ascii_digit() || !(c.is_ascii_digit() || c == b' ') {
        return None;
    }
    let mut signs = [0u8; SIGNS_MAX];
    let (mut count, mut at) = (0, 0);
    while count < wanted && at < bytes.len() {
        match bytes[at] {
            byte if byte.is_ascii_alphanumeric() => {
                signs[count] = byte.to_ascii_uppercase();
                count += 1;
            }
            b' ' | b'-' | b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => {}
            _ => break,
        }
        at += 1;
    }
    let ends = |at: usize| bytes.get(at).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if count == wanted && ends(at) {
        return holds(&signs[..wanted]).then_some(at);
    }
    let plain = bytes
        .iter()
        .take(SIGNS_MAX + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let near = plain <= SIGNS_MAX && plain.abs_diff(wanted) == 1;
    (near && holds(&bytes[..plain].to_ascii_uppercase())).then_some(plain)
}

fn holds(signs: &[u8]) -> bool {
    let rest = signs[4..]
        .iter()
        .chain(&signs[..4])
        .fold(0u32, |rest, &sign| match sign {
            b'0'..=b'9' => (rest * 10 + u32::from(sign - b'0')) % 97,
            _ => (rest * 100 + u32::from(sign - b'A') + 10) % 97,
        });
    signs[2].is_ascii_digit() && signs[3].is_ascii_digit() && rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::pii::PiiRules;

    #[test]
    fn the_table_is_in_order() {
        assert!(LENGTHS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn examples_of_the_registry_in_any_grouping() {
        for iban in [
            "DE89370400440532013000",
            "DE89 3704 0044 0532 0130 00",
            "de89 3704 0044 0532 0130 00",
            "GB29NWBK60161331926819",
            "GB29-NWBK-6016-1331-9268-19",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "DE 89 3704 0044 0532 0130 00",
        ] {
            assert_eq!(
                PiiRules::default().mask(&format!("iban {iban} ok")),
                "iban <iban> ok",
                "{iban}"
            );
            assert_eq!(
                PiiRules::default().mask(&format!("账户{iban}。")),
                "账户<iban>。",
                "{iban}"
            );
        }
        for text in [
            "DE88370400440532013000",
            "DE8937040044053201300",
            "XX89370400440532013000",
        ] {
            assert_eq!(length(text.as_bytes()), None);
        }
    }
}
