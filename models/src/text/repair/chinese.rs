//! UTF-8 that was read as GBK or Big5: pairs of bytes became Han characters, most of them rare. A stretch is repaired only
//! if its bytes are UTF-8 to the end and say more common characters than it shows. What became U+FFFD twice over
//! ("锟斤拷") cannot be brought back and is left.

use encoding_rs::{BIG5, Encoding, GBK};
use std::sync::LazyLock;

const LAST_PLANE_0: usize = 0x1_0000;
/// Characters that a repaired stretch holds at least, where nothing else speaks for it.
const CHARS_MIN: usize = 2;

/// The bytes of each character of the basic plane: two, or one in the lower half; 0 if the encoding has none for it.
struct Pairs {
    bytes: Vec<u16>,
    /// Lead bytes of the characters that the encoding's makers thought common: level 1 of GB 2312 and of Big5.
    common: std::ops::RangeInclusive<u8>,
}

static ENCODINGS: LazyLock<[Pairs; 2]> =
    LazyLock::new(|| [Pairs::new(GBK, 0xb0..=0xd7).with_euro(), Pairs::new(BIG5, 0xa4..=0xc6)]);

impl Pairs {
    fn new(encoding: &'static Encoding, common: std::ops::RangeInclusive<u8>) -> Self {
        let mut bytes = vec![0; LAST_PLANE_0];
        for lead in 0x81..=0xfe_u8 {
            for trail in 0x40..=0xfe_u8 {
                let pair = [lead, trail];
                let (text, broken) = encoding.decode_without_bom_handling(&pair);
                let mut chars = text.chars();
                if let (false, Some(c), None) = (broken, chars.next(), chars.next())
                    && let Some(slot) = bytes.get_mut(c as usize)
                {
                    *slot = u16::from_be_bytes(pair);
                }
            }
        }
        Self { bytes, common }
    }

    /// GBK as Windows has it, where the byte 0x80 alone is the euro sign.
    fn with_euro(mut self) -> Self {
        self.bytes['€' as usize] = 0x80;
        self
    }

    fn pair(&self, c: char) -> Option<[u8; 2]> {
        self.bytes
            .get(c as usize)
            .filter(|&&pair| pair != 0)
            .map(|pair| pair.to_be_bytes())
    }

    fn is_common(&self, c: char) -> bool {
        self.pair(c)
            .is_some_and(|[lead, trail]| self.common.contains(&lead) && trail >= 0xa1)
    }
}

/// Whether some stretch of `text` can be repaired. Cheap on plain text: nearly every stretch fails at its first character.
pub(super) fn may_repair(text: &str) -> bool {
    repair(text).is_some()
}

/// Takes one layer off every stretch that can be told; `None` if there is none.
pub(super) fn repair(text: &str) -> Option<String> {
    ENCODINGS.iter().find_map(|encoding| repair_with(text, encoding))
}

fn repair_with(text: &str, encoding: &Pairs) -> Option<String> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(skip) = text.as_bytes()[at..].iter().position(|byte| !byte.is_ascii()) {
        let start = at + skip;
        let stretch = Stretch::read(&text[start..], encoding);
        if let Some(repaired) = stretch.accept(&text[start..], encoding) {
            out.push_str(&text[copied..start]);
            out.push_str(&repaired);
            copied = start + stretch.len;
        }
        at = start + stretch.len.max(text[start..].chars().next().map_or(1, char::len_utf8));
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&text[copied..]);
    Some(out)
}

/// Characters from a start up to where their bytes stop being UTF-8.
#[derive(Default)]
struct Stretch {
    /// Bytes of the text that it takes.
    len: usize,
    /// What its bytes were in the other encoding, whole characters of UTF-8 only.
    bytes: Vec<u8>,
    /// Whether a lost last byte shows as `?` or U+FFFD.
    is_cut: bool,
}

impl Stretch {
    fn read(text: &str, encoding: &Pairs) -> Self {
        let mut stretch = Self::default();
        let mut bytes: Vec<u8> = Vec::new();
        // Bytes up to the last end of a character of UTF-8 that is also one of the text, and up to the last end at all.
        let (mut shared, mut whole) = (0, 0);
        // Continuation bytes that the last lead byte still waits for.
        let mut waiting = 0;
        'text: for (at, c) in text.char_indices() {
            if waiting > 0 && matches!(c, '?' | '\u{fffd}') {
                shared = whole;
                stretch.len = at + c.len_utf8();
                stretch.is_cut = true;
                break;
            }
            let Some(pair) = encoding.pair(c) else { break };
            for &byte in &pair[usize::from(pair[0] == 0)..] {
                let Some(after) = step(waiting, byte) else { break 'text };
                waiting = after;
                bytes.push(byte);
                if waiting == 0 {
                    whole = bytes.len();
                }
            }
            if waiting == 0 {
                shared = whole;
                stretch.len = at + c.len_utf8();
            }
        }
        bytes.truncate(shared);
        stretch.bytes = bytes;
        stretch
    }

    /// The repaired stretch, if it is believable.
    fn accept(&self, text: &str, encoding: &Pairs) -> Option<String> {
        if self.bytes.is_empty() {
            return None;
        }
        let mut repaired = String::from_utf8(self.bytes.clone()).ok()?;
        if !is_punctuation(&repaired) {
            let shown = &text[..self.len];
            let count = repaired.chars().count();
            let common = repaired
                .chars()
                .filter(|&c| is_sign(c) || encoding.is_common(c) || is_kana(c))
                .count();
            let shown_common = shown.chars().filter(|&c| encoding.is_common(c)).count();
            // At least four in five characters are common ones, and less than half of those shown were.
            if count < CHARS_MIN || common * 5 < count * 4 || shown_common * 2 >= shown.chars().count() {
                return None;
            }
        }
        if self.is_cut {
            repaired.push('\u{fffd}');
        }
        Some(repaired)
    }
}

/// Dashes, curly quotes and dots of U+2010 to U+2027, perhaps with the ASCII letter that a pair swallowed: in GBK all of
/// them begin with a character that nobody writes (U+9225).
fn is_punctuation(repaired: &str) -> bool {
    let mut chars = repaired.chars();
    chars.next().is_some_and(|c| ('\u{2010}'..='\u{2027}').contains(&c)) && chars.all(|c| c.is_ascii() || is_sign(c))
}

/// Punctuation of Western and Chinese texts, and full-width forms.
fn is_sign(c: char) -> bool {
    matches!(c, '\u{20}'..='\u{7e}' | '\u{2010}'..='\u{2027}' | '\u{3000}'..='\u{3011}' | '\u{ff01}'..='\u{ff5e}')
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}')
}

/// One byte of UTF-8: how many continuation bytes are still to come, `None` if it cannot follow.
fn step(waiting: u8, byte: u8) -> Option<u8> {
    match (waiting, byte) {
        (1.., 0x80..=0xbf) => Some(waiting - 1),
        (0, 0x00..=0x7f) => Some(0),
        (0, 0xc2..=0xdf) => Some(1),
        (0, 0xe0..=0xef) => Some(2),
        (0, 0xf0..=0xf4) => Some(3),
        _ => None,
    }
}
