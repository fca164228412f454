//! The text as the finders see it: full-width and other scripts' digits, letters and signs as ASCII, invisible characters
//! dropped, what is masked already as one opaque byte; with the way back to the bytes of the original.

use super::PiiType;
use std::borrow::Cow;

/// Stands for one placeholder (`<email>`), so that nothing is found in it and its words are no context.
pub(super) const OPAQUE: char = '\u{1}';

/// A text to search, and for each of its bytes the place in the original.
pub(super) struct View<'t> {
    pub(super) text: Cow<'t, str>,
    /// (byte here, byte in the original), where the difference between the two changes; in order.
    jumps: Vec<(usize, usize)>,
}

impl<'t> View<'t> {
    /// A view of `original`; borrows it where nothing changes.
    pub(super) fn of(original: &'t str) -> Self {
        if !original.bytes().any(may_change) {
            return Self {
                text: Cow::Borrowed(original),
                jumps: Vec::new(),
            };
        }
        let mut builder = Builder::default();
        let mut copied = 0;
        let mut at = 0;
        while let Some(c) = original[at..].chars().next() {
            let (width, replacement) = match c {
                '<' => match placeholder(&original[at..]) {
                    0 => (1, Change::Keep),
                    width => (width, Change::As(OPAQUE)),
                },
                _ => (c.len_utf8(), fold(c)),
            };
            if !matches!(replacement, Change::Keep) {
                builder.copy(&original[copied..at], copied);
                if let Change::As(c) = replacement {
                    builder.put(c, at);
                }
                copied = at + width;
            }
            at += width;
        }
        if copied == 0 {
            return Self {
                text: Cow::Borrowed(original),
                jumps: Vec::new(),
            };
        }
        builder.copy(&original[copied..], copied);
        builder.finish(original.len())
    }

    /// The same view with each of `spans` (in this view's bytes, in order, apart) as one opaque byte.
    pub(super) fn without(&self, spans: &[(usize, usize)]) -> View<'static> {
        let mut builder = Builder::default();
        let mut from = 0;
        for &(start, end) in spans {
            self.copy_into(&mut builder, from, start);
            builder.put(OPAQUE, self.original(start));
            from = end;
        }
        self.copy_into(&mut builder, from, self.text.len());
        builder.finish(self.original(self.text.len()))
    }

    fn copy_into(&self, builder: &mut Builder, mut from: usize, end: usize) {
        while from < end {
            let next = self.jumps.partition_point(|jump| jump.0 <= from);
            let to = self.jumps.get(next).map_or(end, |jump| jump.0.min(end));
            builder.copy(&self.text[from..to], self.original(from));
            from = to;
        }
    }

    /// The byte of the original that byte `at` of this view stands for.
    pub(super) fn original(&self, at: usize) -> usize {
        match self.jumps.partition_point(|jump| jump.0 <= at).checked_sub(1) {
            Some(index) => self.jumps[index].1 + (at - self.jumps[index].0),
            None => at,
        }
    }
}

#[derive(Default)]
struct Builder {
    text: String,
    jumps: Vec<(usize, usize)>,
}

impl Builder {
    fn copy(&mut self, piece: &str, original: usize) {
        if !piece.is_empty() {
            self.jump(original);
            self.text.push_str(piece);
        }
    }

    fn put(&mut self, c: char, original: usize) {
        self.jump(original);
        self.text.push(c);
    }

    fn jump(&mut self, original: usize) {
        let here = self.text.len();
        let follows = self.jumps.last().map_or(here, |jump| jump.1 + (here - jump.0));
        if follows != original || self.jumps.is_empty() {
            self.jumps.push((here, original));
        }
    }

    fn finish<'t>(mut self, original_len: usize) -> View<'t> {
        self.jump(original_len);
        View {
            text: Cow::Owned(self.text),
            jumps: self.jumps,
        }
    }
}

enum Change {
    Keep,
    Drop,
    As(char),
}

/// First bytes of the characters that [`fold`] may change, and of a placeholder.
fn may_change(byte: u8) -> bool {
    matches!(
        byte,
        b'<' | 0xc2 | 0xcd | 0xd9 | 0xdb | 0xdf..=0xe3 | 0xea | 0xef | 0xf0
    )
}

/// What one character stands for in a number, an address or a code.
fn fold(c: char) -> Change {
    if c.is_ascii() || ('\u{3001}'..='\u{9fff}').contains(&c) {
        return Change::Keep;
    }
    match c {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Change::As(' '),
        '\u{2028}' | '\u{2029}' => Change::As('\n'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' => Change::As('-'),
        '\u{2018}' | '\u{2019}' => Change::As('\''),
        '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' => {
            Change::Drop
        }
        '\u{20e3}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => Change::Drop,
        '\u{ff01}'..='\u{ff5e}' => Change::As(ascii(c as u32 - 0xfee0)),
        '\u{2460}'..='\u{2468}' => Change::As(ascii(c as u32 - 0x2460 + u32::from(b'1'))),
        '\u{24ea}' => Change::As('0'),
        _ => digit(c).map_or(Change::Keep, |value| Change::As(ascii(value + u32::from(b'0')))),
    }
}

fn ascii(code: u32) -> char {
    char::from_u32(code).unwrap_or(' ')
}

/// Zeros of the decimal digit rows of Unicode (general category Nd) that people write numbers with.
const ZEROS: [u32; 26] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
    0x17e0, 0x1810, 0xa9d0, 0xabf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1fbf0,
];

fn digit(c: char) -> Option<u32> {
    let code = c as u32;
    let zero = ZEROS[ZEROS.partition_point(|&zero| zero <= code).checked_sub(1)?];
    (code - zero < 10).then_some(code - zero)
}

/// `text` with `<email>` for each `<email:0123456789ab>`.
pub(in crate::text) fn without_pseudonyms(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    let mut from = 0;
    while let Some(at) = rest[from..].find('<').map(|at| from + at) {
        let width = placeholder(&rest[at..]);
        let tag = rest[at..at + width].find(':');
        if let Some(tag) = tag {
            out.push_str(&rest[..at + tag]);
            out.push('>');
            rest = &rest[at + width..];
        }
        from = if tag.is_some() { 0 } else { at + width.max(1) };
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Length of the placeholder (`<phone>`, `<phone:0123456789ab>`) that `text` begins with, 0 if it does not.
fn placeholder(text: &str) -> usize {
    PiiType::ALL
        .iter()
        .find_map(|kind| {
            let rest = text.strip_prefix('<')?.strip_prefix(kind.name())?;
            let rest = match rest.strip_prefix(':') {
                Some(tag) => {
                    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                    let (tag, rest) = tag.split_at_checked(super::pseudonym::DIGITS)?;
                    tag.chars().all(hex).then_some(rest)?
                }
                None => rest,
            };
            Some(text.len() - rest.strip_prefix('>')?.len())
        })
        .unwrap_or(0)
}
