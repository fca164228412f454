//! The one normal form of a text: compatibility composition (NFKC), lower case, single spaces, no control or invisible
//! format characters, a sign repeated at most three times. Emoji and every script stay.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

const REPEATS_MAX: usize = 3;

/// The normal form of `text`. Total (any text has one) and idempotent (a normal form is its own).
pub fn normalise(text: &str) -> String {
    let mut once = pass(text);
    if once.is_ascii() {
        return once;
    }
    // Lower case can undo composition and dropping invisible characters can join what composes, so passes repeat until
    // nothing changes. Two are enough for all known text; the bound only keeps the loop finite.
    for _ in 0..8 {
        let again = pass(&once);
        if again == once {
            break;
        }
        once = again;
    }
    once
}

fn pass(text: &str) -> String {
    if text.is_ascii() {
        return tidy(text.chars().map(|c| c.to_ascii_lowercase()), text.len());
    }
    let lower = |c: char| c.to_lowercase();
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => tidy(text.chars().flat_map(lower), text.len()),
        _ => tidy(text.nfkc().flat_map(lower), text.len()),
    }
}

/// Collapses whitespace, drops what cannot be seen, limits repeats.
fn tidy(chars: impl Iterator<Item = char>, capacity: usize) -> String {
    let mut out = String::with_capacity(capacity);
    let mut last = None;
    let mut repeats = 0;
    let mut space = false;
    for c in chars {
        if c.is_whitespace() {
            space = true;
            continue;
        }
        if is_invisible(c) {
            continue;
        }
        if space && !out.is_empty() {
            out.push(' ');
            last = None;
        }
        space = false;
        repeats = if last == Some(c) { repeats + 1 } else { 1 };
        last = Some(c);
        if repeats <= REPEATS_MAX || c.is_numeric() {
            out.push(c);
        }
    }
    out
}

/// Control characters, zero-width and direction marks, soft hyphen, byte order mark, variation selectors, tags, and the
/// replacement character that a broken decoding leaves.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use proptest::prelude::*;

    #[test]
    fn widths_case_spaces_and_repeats() {
        assert_eq!(
            normalise("  Ｗｈｅｒｅ　IS\u{a0}my\tORDER？？？？！ "),
            "where is my order???!"
        );
        assert_eq!(normalise("ﬁne\u{200b}ly soooooo late"), "finely sooo late");
        assert_eq!(normalise("退款１２３４ ㈱"), "退款1234 (株)");
        assert_eq!(normalise("10000000"), "10000000");
        assert_eq!(normalise("\0\u{feff}"), "");
    }

    #[test]
    fn emoji_keep_what_they_show() {
        // Variation selectors and joiners go, so the forms that programs write differently fall together.
        assert_eq!(normalise("❤\u{fe0f} 1\u{fe0f}\u{20e3}"), "❤ 1\u{20e3}");
        assert_eq!(normalise("👩\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈"), "👩👩👧 🏳🌈");
        assert_eq!(normalise("👍🏽👍🏽👍🏽👍🏽 🇨🇳🇩🇪"), "👍🏽👍🏽👍🏽👍🏽 🇨🇳🇩🇪");
        assert_eq!(normalise("😂😂😂😂😂！！！！！。。。。"), "😂😂😂!!!。。。");
        for text in [
            "👩\u{200d}🚀",
            "🏴\u{e0067}\u{e0062}\u{e007f}",
            "#\u{fe0f}\u{20e3}",
            "👋🏿",
            "🇯🇵",
        ] {
            let once = normalise(text);
            assert!(!once.is_empty());
            assert_eq!(normalise(&once), once);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn total_and_idempotent(text in "\\PC*|(?s).*|[❤👍🏽👩🇨🇳#1\u{200d}\u{fe0f}\u{20e3}！a ]{0,20}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
