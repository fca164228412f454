//! Whether text holds pairs of characters that people do not write but wrong decodings make. A yes is a suspicion that
//! another decoding is to be tried, not a finding. Classes and rules are those of `ftfy.badness` 6.3 (Apache-2.0).

use std::sync::LazyLock;

const COMMON: u32 = 1;
const C1: u32 = 1 << 1;
const BAD: u32 = 1 << 2;
const LAW: u32 = 1 << 3;
const CURRENCY: u32 = 1 << 4;
const OPEN: u32 = 1 << 5;
const CLOSE: u32 = 1 << 6;
const NUMERIC: u32 = 1 << 7;
const KAOMOJI: u32 = 1 << 8;
const UPPER: u32 = 1 << 9;
const LOWER: u32 = 1 << 10;
const UPPER_COMMON: u32 = 1 << 11;
const LOWER_COMMON: u32 = 1 << 12;
const BOX: u32 = 1 << 13;
const ASCII_LOWER: u32 = 1 << 14;
const ASCII_UPPER: u32 = 1 << 15;
const SPACE: u32 = 1 << 16;
const WORD: u32 = 1 << 17;
const NOT_ASCII_LETTER: u32 = 1 << 18;
const ASCII_LETTER: u32 = ASCII_LOWER | ASCII_UPPER;

/// The characters of each class; `a-z` is a range.
const CLASSES: [(u32, &str); 14] = [
    (COMMON, "\u{a0}\u{ad}´·–-―’…"),
    (C1, "\u{80}-\u{9f}"),
    (BAD, "¤¦¨ª¬¯¸ºƒˆˇ˘˛˜†‡‰⌐◊\u{fffd}"),
    (LAW, "§¶"),
    (CURRENCY, "¢£¥₧€"),
    (OPEN, "¡©«¿΄΅‘‚“„•‹\u{f8ff}"),
    (CLOSE, "®»˝”›™"),
    (NUMERIC, "±-³µ¹¼-¾×÷\u{2044}№∂∆∏∑√∞∩∫≈≠≡≤≥"),
    // Letters that people draw faces with.
    (KAOMOJI, "°Ò-ÖÙ-Üò-öø-üŌŐŪŲ"),
    (UPPER, "À-ÑØÜÝĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶĹĻĽŁŃŅŇŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"),
    (LOWER, "ß-ñüāăąćčďđēėęěğģīįķĺļľłœŕśşšťźżžґﬁﬂ"),
    (UPPER_COMMON, "ÞΆΈ-ΊΌΎΏΑ-ΫЁ-Я"),
    (LOWER_COMMON, "ά-ωа-џ"),
    (BOX, "│┌┐┘├┤┬┼═-╬▀▄█▌▐-▓"),
];

/// What one place of a rule takes: any class of the mask, or any of the characters.
type Place = (u32, &'static str);

const fn class(mask: u32) -> Place {
    (mask, "")
}

const fn one_of(chars: &'static str) -> Place {
    (0, chars)
}

const ANY: Place = class(u32::MAX);
const LETTERS: u32 = LOWER | UPPER;
const AROUND_BAD: u32 = LETTERS | BOX | OPEN | CLOSE | CURRENCY | NUMERIC | LAW;
const CYRILLIC_INNER: Place = (C1 | BAD | OPEN | CLOSE | CURRENCY, "°µ");
const GREEK_INNER: Place = (C1 | BAD | OPEN | CLOSE | CURRENCY, "°");
const ARABIC_SECOND: Place = (COMMON | CURRENCY | BAD | NUMERIC | OPEN, "ŸŠ®°µ»");

const RULES: &[&[Place]] = &[
    &[class(C1)],
    &[class(BAD | AROUND_BAD), class(BAD)],
    &[class(ASCII_LETTER), class(LOWER_COMMON | UPPER_COMMON), class(BAD)],
    &[class(BAD), class(AROUND_BAD)],
    &[
        class(LOWER | LOWER_COMMON | BOX | CLOSE | CURRENCY | NUMERIC),
        class(UPPER),
    ],
    &[class(BOX | CLOSE | CURRENCY | NUMERIC), class(LOWER)],
    &[class(LOWER | BOX | CLOSE), class(CURRENCY)],
    &[class(SPACE), class(UPPER), class(CURRENCY)],
    &[class(UPPER | BOX), class(NUMERIC | LAW)],
    &[class(LETTERS | BOX | CURRENCY | CLOSE), class(OPEN), class(NUMERIC)],
    &[
        class(LETTERS | CURRENCY | NUMERIC | BOX | LAW),
        class(CLOSE),
        class(OPEN),
    ],
    &[class(CURRENCY | NUMERIC | BOX), class(OPEN)],
    &[class(ASCII_LOWER), class(UPPER), class(OPEN | CURRENCY)],
    &[class(BOX), class(KAOMOJI)],
    &[class(LETTERS | CURRENCY | NUMERIC | OPEN | CLOSE | LAW), class(BOX)],
    &[class(BOX), class(CLOSE)],
    &[class(LETTERS), class(OPEN | CLOSE), class(WORD)],
    &[one_of("Œœ"), class(NOT_ASCII_LETTER)],
    &[class(UPPER), one_of("°")],
    // Windows-1252.
    &[one_of("ÂÃÎÐ"), (OPEN | CLOSE, "€œŠš¢£Ÿž\u{a0}\u{ad}®©°·»–—´")],
    &[one_of("×"), one_of("²³")],
    // Arabic and some scripts of South Asia as Windows-1252.
    &[one_of("ØÙ"), ARABIC_SECOND, one_of("ØÙ"), ARABIC_SECOND],
    &[one_of("à"), one_of("²µ¹¼½¾")],
    // Mac Roman.
    &[one_of("√"), one_of("±∂†≠®™´≤≥¥µø")],
    &[one_of("≈"), one_of("°¢")],
    &[one_of("‚"), one_of("Ä"), one_of("ìîïòôúùû†°¢π")],
    &[one_of("‚"), one_of("âó"), one_of("àä°ê")],
    // Windows-1251.
    &[one_of("в"), one_of("Ђ")],
    &[one_of("ВГРС"), CYRILLIC_INNER, one_of("ВГРС")],
    &[
        one_of("Г"),
        one_of("ў"),
        one_of("В"),
        one_of("Ђ"),
        one_of("В"),
        ANY,
        (ASCII_LETTER, " "),
    ],
    // `à`, `á` and the no-break space as Windows-1252.
    &[one_of("Ã"), one_of("\u{a0}¡")],
    &[class(ASCII_LOWER), one_of("ÃÂ"), one_of(" ")],
    &[class(ASCII_LOWER), class(SPACE), one_of("ÃÂ"), one_of(" ")],
    &[
        (ASCII_LOWER | CLOSE, ".,?!"),
        one_of(" "),
        one_of("Â"),
        one_of(" "),
        (OPEN | CLOSE, " "),
    ],
    // Windows-1253 and -1257.
    &[one_of("β"), one_of("€"), one_of("™\u{a0}Ά\u{ad}®°")],
    &[one_of("ΒΓΞΟ"), GREEK_INNER, one_of("ΒΓΞΟ")],
    &[one_of("ā"), one_of("€")],
];

/// Rules look back at ASCII characters before the first other one by this much.
const ASCII_LEAD: usize = 2;
const TABLE_END: usize = 0x2600;

static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| {
    (0..TABLE_END as u32)
        .map(|code| char::from_u32(code).map_or(0, classify))
        .collect()
});

fn classify(c: char) -> u32 {
    let mut mask = CLASSES
        .iter()
        .filter(|(_, chars)| contains(chars, c))
        .fold(0, |mask, (class, _)| mask | class);
    for (class, holds) in [
        (ASCII_LOWER, c.is_ascii_lowercase()),
        (ASCII_UPPER, c.is_ascii_uppercase()),
        (SPACE, c.is_whitespace()),
        (WORD, c.is_alphanumeric() || c == '_'),
        (NOT_ASCII_LETTER, !c.is_ascii_alphabetic()),
    ] {
        if holds {
            mask |= class;
        }
    }
    mask
}

/// Whether a class string with ranges holds `c`.
fn contains(class: &str, c: char) -> bool {
    let mut chars = class.chars().peekable();
    while let Some(first) = chars.next() {
        let mut last = first;
        if chars.peek() == Some(&'-') {
            chars.next();
            last = chars.next().unwrap_or(first);
        }
        if (first..=last).contains(&c) {
            return true;
        }
    }
    false
}

/// Whether `c` is in no class of its own, as nearly all of Chinese is, so that no rule begins with it.
fn is_outside(c: char) -> bool {
    c as usize >= TABLE_END && !matches!(c, 'ﬁ' | 'ﬂ' | '\u{f8ff}' | '\u{fffd}')
}

fn classes_of(c: char) -> u32 {
    match TABLE.get(c as usize) {
        Some(&mask) => mask,
        None if !is_outside(c) => classify(c),
        None => NOT_ASCII_LETTER | if c.is_alphanumeric() { WORD } else { 0 },
    }
}

/// Whether any rule matches anywhere. Stops at the first match; ASCII is skipped at the speed of memory.
pub(super) fn is_bad(text: &str) -> bool {
    if matches!(text.as_bytes(), [0xc3, 0x82 | 0x83, b' ', ..]) {
        return true;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(skip) = bytes[at..].iter().position(|byte| !byte.is_ascii()) {
        let mut start = at + skip.saturating_sub(ASCII_LEAD);
        // The rules that begin with ASCII, and then all characters up to the next ASCII one.
        loop {
            let Some(c) = text[start..].chars().next() else {
                return false;
            };
            if !is_outside(c) && matches_at(&text[start..], classes_of(c)) {
                return true;
            }
            start += c.len_utf8();
            if start > at + skip && bytes.get(start).is_none_or(u8::is_ascii) {
                break;
            }
        }
        at = start;
    }
    false
}

fn matches_at(text: &str, first: u32) -> bool {
    // Characters outside every table begin no rule.
    const BEGINS: u32 = !(SPACE | WORD | NOT_ASCII_LETTER | COMMON);
    const ASCII_BEGINS: u32 = SPACE | BEGINS;
    if first & ASCII_BEGINS == 0 && !text.starts_with(['.', ',', '?', '!']) {
        return false;
    }
    RULES.iter().any(|rule| {
        let mut chars = text.chars();
        rule.iter().all(|(mask, literal)| {
            chars
                .next()
                .is_some_and(|c| classes_of(c) & mask != 0 || literal.contains(c))
        })
    })
}
