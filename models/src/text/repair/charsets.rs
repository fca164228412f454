//! The single-byte encodings that UTF-8 is mistaken for, from characters back to bytes, and the characters that the bytes
//! of UTF-8 sequences become in them.

use encoding_rs::{
    Encoding, ISO_8859_2, MACINTOSH, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1257,
};
use std::sync::LazyLock;

/// The byte that stands for U+FFFD, which is what is left of a byte that an encoding does not assign.
pub(super) const LOST: u8 = 0x1a;

/// Bytes 0x80 to 0xFF of code page 437 (unicode.org, VENDORS/MICSFT/PC/CP437.TXT).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// One single-byte encoding.
pub(super) struct Charset {
    /// Characters of bytes 0x80 and up, sorted.
    high: Vec<(char, u8)>,
    /// Unassigned bytes are C1 controls, and U+FFFD stands for a lost byte.
    pub(super) is_sloppy: bool,
    /// Whether a space may stand for byte 0xA0. In Mac Roman that would hit every dash before a space.
    pub(super) restores_spaces: bool,
}

/// In the order in which they are tried: the likeliest first, and those that more text can be encoded in last.
pub(super) static CHARSETS: LazyLock<Vec<Charset>> = LazyLock::new(|| {
    let latin_1 = Charset::new((0x80..=0xff).map(char::from).collect(), false, true);
    let sloppy = [
        WINDOWS_1252,
        WINDOWS_1251,
        WINDOWS_1250,
        WINDOWS_1253,
        WINDOWS_1254,
        WINDOWS_1257,
    ];
    let mut all = vec![latin_1];
    all.extend(sloppy.map(|encoding| Charset::new(decode_high(encoding), true, true)));
    all.push(Charset::new(decode_high(ISO_8859_2), false, true));
    all.push(Charset::new(decode_high(MACINTOSH), false, false));
    all.push(Charset::new(CP437.chars().collect(), false, true));
    all
});

fn decode_high(encoding: &'static Encoding) -> Vec<char> {
    (0x80..=0xff).map(|byte| decode_byte(encoding, byte)).collect()
}

fn decode_byte(encoding: &'static Encoding, byte: u8) -> char {
    let (text, _) = encoding.decode_without_bom_handling(std::slice::from_ref(&byte));
    text.chars()
        .next()
        .filter(|&c| c != '\u{fffd}')
        .unwrap_or(char::from(byte))
}

/// The character of `byte` in Windows-1252, or the C1 control where it has none.
pub(super) fn windows_1252(byte: u8) -> char {
    decode_byte(WINDOWS_1252, byte)
}

impl Charset {
    fn new(high: Vec<char>, is_sloppy: bool, restores_spaces: bool) -> Self {
        let mut high: Vec<(char, u8)> = high.into_iter().zip(0x80..=0xff).collect();
        high.sort_unstable();
        Self {
            high,
            is_sloppy,
            restores_spaces,
        }
    }

    /// The bytes that would be read as `text`; `None` if a character is not of this encoding.
    pub(super) fn encode(&self, text: &str) -> Option<Vec<u8>> {
        text.chars()
            .map(|c| match c {
                '\u{fffd}' if self.is_sloppy => Some(LOST),
                '\u{1a}' if self.is_sloppy => None,
                c if c.is_ascii() => Some(c as u8),
                c => self
                    .high
                    .binary_search_by_key(&c, |&(high, _)| high)
                    .ok()
                    .map(|found| self.high[found].1),
            })
            .collect()
    }
}

/// Characters that bytes of UTF-8 sequences become in the Latin-like encodings.
pub(super) mod clues {
    use super::{CHARSETS, LazyLock};

    const LEAD_2: u8 = 1;
    const LEAD_3: u8 = 2;
    const LEAD_4: u8 = 4;
    const CONTINUATION: u8 = 8;

    /// Latin-1 and the six Windows encodings.
    const LATIN_LIKE: usize = 7;

    static ROLES: LazyLock<Vec<(char, u8)>> = LazyLock::new(|| {
        let mut roles: Vec<(char, u8)> = Vec::new();
        for charset in CHARSETS.iter().take(LATIN_LIKE) {
            for &(c, byte) in &charset.high {
                let role = match byte {
                    0x80..=0xbf => CONTINUATION,
                    0xc2..=0xdf => LEAD_2,
                    0xe0..=0xef => LEAD_3,
                    // Of the four-byte sequences, only emoji and tags are written.
                    0xf0 | 0xf3 => LEAD_4,
                    _ => continue,
                };
                roles.push((c, role));
            }
        }
        roles.push((' ', CONTINUATION));
        roles.sort_unstable();
        roles.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 |= next.1;
            }
            same
        });
        roles
    });

    fn roles(c: char) -> u8 {
        ROLES
            .binary_search_by_key(&c, |&(known, _)| known)
            .map_or(0, |found| ROLES[found].1)
    }

    /// Whether `c` is what a continuation byte becomes, and not a sign that often stands before a word.
    pub(in super::super) fn is_continuation_strict(c: char) -> bool {
        !matches!(c, ' ' | '–'..='―' | '‘'..='‚' | '“'..='„' | '•' | '…') && roles(c) & CONTINUATION != 0
    }

    /// Bytes of the longest start of `text` that looks like UTF-8 sequences, 0 if it does not begin with one.
    pub(in super::super) fn sequence_len(text: &str) -> usize {
        let mut len = 0;
        loop {
            let mut chars = text[len..].char_indices();
            let Some((_, lead)) = chars.next() else { return len };
            let lead = roles(lead);
            let ends: Vec<usize> = chars
                .take(3)
                .take_while(|&(_, c)| roles(c) & CONTINUATION != 0)
                .map(|(at, c)| at + c.len_utf8())
                .collect();
            let taken = [(LEAD_2, 1), (LEAD_3, 2), (LEAD_4, 3)]
                .into_iter()
                .find_map(|(role, count)| {
                    if lead & role != 0 {
                        ends.get(count - 1).copied()
                    } else {
                        None
                    }
                });
            match taken {
                Some(end) => len += end,
                None => return len,
            }
        }
    }
}
