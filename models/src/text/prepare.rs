//! What a model sees of a text, so that neither a vocabulary nor a report nor a golden row ever holds personal data.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::pii::{PiiRules, without_pseudonyms};
use super::{mask_numbers_and_addresses, normalise};

/// What is found without any declaration. A project's own rules are not asked: a model that is served elsewhere would
/// not have them.
static RULES: LazyLock<PiiRules> = LazyLock::new(PiiRules::default);

/// Taking one thing out can bring up another. Known texts need two rounds; the bound keeps the loop finite.
const ROUNDS_MAX: usize = 8;

/// `text` as models see it: personal data masked (names are found by their capitals, so before all else), normalised,
/// then addresses and long numbers of any kind masked. Total and idempotent.
pub fn prepare(text: &str) -> String {
    let masked = RULES.mask(text);
    // A pseudonym would teach a model about one person.
    let mut prepared = normal(&without_pseudonyms(&masked));
    for _ in 0..ROUNDS_MAX {
        // What was hidden by capitals, spaces or signs.
        let again = match RULES.mask(&prepared) {
            Cow::Borrowed(_) => break,
            Cow::Owned(masked) => normal(&masked),
        };
        if again == prepared {
            break;
        }
        prepared = again;
    }
    prepared
}

/// Builds what [`prepare`] searches with (about 50 ms), so that the first text is not slower than the others.
pub fn warm_up() {
    let _text = prepare("Hi Jane, 1 a (at) b@c.de: https://d.example?e=f 我叫李小明，1号");
}

/// Normalised and without long numbers, to the fixed point: a mask can stand next to a sign that it composes with, or
/// is one sign too many.
fn normal(text: &str) -> String {
    let mut now = mask_numbers_and_addresses(&normalise(text));
    for _ in 0..ROUNDS_MAX {
        if !now.contains('<') {
            break;
        }
        let again = mask_numbers_and_addresses(&normalise(&now));
        if again == now {
            break;
        }
        now = again;
    }
    now
}

/// How a model's texts were prepared when it was fitted. Its answers stay what they were, so it keeps to that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum Preparation {
    /// Normalised, then addresses and long numbers masked; names and short addresses stayed. Of models that do not say.
    #[default]
    NumbersOnly,
    /// As [`prepare`] does.
    Personal,
}

impl Preparation {
    /// The one that models are fitted with now.
    pub const NOW: Self = Self::Personal;

    /// `text` prepared this way.
    pub fn apply(self, text: &str) -> String {
        match self {
            Self::NumbersOnly => mask_numbers_and_addresses(&normalise(text)),
            Self::Personal => prepare(text),
        }
    }
}

impl From<Preparation> for u32 {
    fn from(preparation: Preparation) -> Self {
        match preparation {
            Preparation::NumbersOnly => 1,
            Preparation::Personal => 2,
        }
    }
}

impl TryFrom<u32> for Preparation {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            1 => Ok(Self::NumbersOnly),
            2 => Ok(Self::Personal),
            _ => Err(format!(
                "texts are prepared in way {number}, which this build does not know"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::prepare;
    use proptest::prelude::*;

    #[test]
    fn nothing_personal_is_seen() {
        for (text, seen) in [
            (
                "My name is Jane Example, ring 212-555-0123!",
                "my name is <name>, ring <phone>!",
            ),
            ("我叫李小明，手机１３８００１３８０００", "我叫<name>,手机<phone>"),
            (
                "I live at 12 Example Street, see https://example.org/a",
                "i live at <address>, see <url>",
            ),
            ("寄到北京市朝阳区建国路88号", "寄到<address>"),
            ("身份证 11010519491231002X", "身份证 <national_id>"),
            ("order DM-20418 of li@example.com", "order <number> of <email>"),
            // Found only when the capitals are gone, or the gap is one space.
            ("MEET ME AT 12 MAIN ROAD", "meet me at <address>"),
            ("my name\n is\u{200b} jane", "my name is <name>"),
            // Which person it was teaches a model nothing.
            (
                "<email:0123456789ab> wrote, <phone> called",
                "<email> wrote, <phone> called",
            ),
            ("<<<123456>>> 4111 1111 1111 1111\u{338}", "<<<number>>> <card≯"),
        ] {
            assert_eq!(prepare(text), seen, "{text}");
            assert_eq!(prepare(seen), seen);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        #[test]
        fn total_and_idempotent(text in crate::text::pii::pieces()) {
            let once = prepare(&text);
            prop_assert_eq!(prepare(&once), once, "{:?}", text);
        }

        #[test]
        fn any_text(text in "\\PC*|(?s).*|[<>a-z0-9@. \u{338}\u{20d2}！:_]{0,24}") {
            let once = prepare(&text);
            prop_assert_eq!(prepare(&once), once);
        }
    }
}
