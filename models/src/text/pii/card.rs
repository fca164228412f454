//! Payment card numbers: issuer prefix and length (ISO/IEC 7812 and the issuers' published ranges), then Luhn.

use super::checksums::{luhn, value};
use super::number::Number;

/// (first prefix, last prefix, digits of the prefix, shortest, longest number) of the issuers.
const ISSUERS: &[(u32, u32, usize, usize, usize)] = &[
    (4, 4, 1, 16, 16),       // Visa
    (4, 4, 1, 13, 13),       // Visa, old
    (4, 4, 1, 19, 19),       // Visa, long
    (51, 55, 2, 16, 16),     // Mastercard
    (2221, 2720, 4, 16, 16), // Mastercard
    (34, 34, 2, 15, 15),     // American Express
    (37, 37, 2, 15, 15),     // American Express
    (300, 305, 3, 14, 19),   // Diners Club
    (309, 309, 3, 14, 19),   // Diners Club
    (36, 36, 2, 14, 19),     // Diners Club
    (38, 39, 2, 14, 19),     // Diners Club
    (6011, 6011, 4, 16, 19), // Discover
    (644, 659, 3, 16, 19),   // Discover, RuPay, Elo
    (622, 629, 3, 16, 19),   // UnionPay
    (620, 621, 3, 16, 19),   // UnionPay
    (810, 817, 3, 16, 19),   // UnionPay
    (35, 35, 2, 16, 19),     // JCB (3528-3589), and the rest of 35
    (1800, 1800, 4, 15, 15), // JCB, old
    (2131, 2131, 4, 15, 15), // JCB, old
    (2200, 2204, 4, 16, 19), // Mir
    (50, 50, 2, 12, 19),     // Maestro, Elo, Verve, RuPay
    (56, 58, 2, 12, 19),     // Maestro
    (6304, 6304, 4, 12, 19), // Maestro
    (6390, 6390, 4, 12, 19), // Maestro
    (6759, 6763, 4, 12, 19), // Maestro
    (636, 639, 3, 16, 19),   // InterPayment, InstaPayment, Hipercard
    (60, 60, 2, 16, 16),     // RuPay, Hipercard
    (82, 82, 2, 16, 16),     // RuPay
    (9792, 9792, 4, 16, 16), // Troy
    (1, 1, 1, 15, 15),       // UATP
];

/// Whether the digits of `number`, as grouped, are a card's.
pub(super) fn is_card(number: &Number<'_>) -> bool {
    let digits = number.digits();
    if !(12..=19).contains(&digits.len()) || number.plus || !number.left_ok || !number.right_ok {
        return false;
    }
    let grouped = match number.lens() {
        [_] => true,
        lens => is_usual(lens) && number.is_even(),
    };
    grouped && is_issued(digits) && luhn(digits)
}

/// Fours and a rest, or as some issuers and people write them.
fn is_usual(lens: &[usize]) -> bool {
    let Some((last, fours)) = lens.split_last() else {
        return false;
    };
    (fours.iter().all(|&len| len == 4) && (1..=5).contains(last))
        || matches!(lens, [4, 6, 4 | 5] | [4, 5, 6] | [8, 8] | [6, 13])
}

fn is_issued(digits: &[u8]) -> bool {
    let digits_of = |places: usize| value(&digits[..places]);
    let zero_prefixed = digits.len() == 12 && digits_of(4) == 604;
    zero_prefixed
        || ISSUERS.iter().any(|&(first, last, places, shortest, longest)| {
            (shortest..=longest).contains(&digits.len())
                && (first..=last).contains(&digits_of(places))
                && digits[0] != 0
        })
}

#[cfg(test)]
mod tests {
    use crate::text::pii::PiiRules;

    #[test]
    fn published_test_numbers_in_any_grouping() {
        for number in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4222222222222",
            "4222-2222-2222-2",
            "5555555555554444",
            "2223 0031 2200 3222",
            "378282246310005",
            "3782 822463 10005",
            "30569309025904",
            "3056 930902 5904",
            "6011111111111117",
            "3530111333300000",
            "6200000000000005",
            "4111.1111.1111.1111",
            "４１１１１１１１１１１１１１１１",
        ] {
            assert_eq!(
                PiiRules::default().mask(&format!("card {number}, thanks")),
                "card <card>, thanks",
                "{number}"
            );
            assert_eq!(
                PiiRules::default().mask(&format!("卡号{number}。")),
                "卡号<card>。",
                "{number}"
            );
        }
        assert_eq!(PiiRules::default().mask("4111 1111 1111 1111 12/27"), "<card> 12/27");
    }

    #[test]
    fn a_wrong_check_digit_is_no_card() {
        for text in ["4111111111111112", "9111111111111111", "parcel 1Z4111111111111111"] {
            assert_eq!(PiiRules::default().mask(text), text);
        }
    }
}
