//! Texts that are the same but for trifles: a key for those that differ in what no reader minds, MinHash signatures for
//! those that share most of their wording (Broder 1997), and groups of them. Data structures only; no tables, no SQL.

mod groups;

pub use groups::NearDuplicates;

use super::normalise;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Characters of a shingle, in scripts with spaces and in Chinese, Japanese and Korean.
const SHINGLE_CHARS: usize = 5;
const SHINGLE_CHARS_CJK: usize = 2;
/// Hash functions of a signature. The estimate's standard error is at most `0.5 / sqrt(128)`, 0.044.
const HASHES: usize = 128;

/// A key of 16 hexadecimal digits that texts share if they differ only in case, width and compatibility forms (all that
/// `normalise` evens out), spaces and line breaks, punctuation, other signs and emoji, and in numbers: a run of ASCII
/// letters and digits that holds a digit, with `- _ / . , : #` inside, counts as one number whatever it is, so order ids,
/// dates, prices and phone numbers do too. A text without letters and digits is keyed by its normal form. Stable across
/// runs and machines; texts that differ otherwise share a key by chance only (64 bits of SHA-256).
pub fn near_dup_key(text: &str) -> String {
    let normal = normalise(text);
    let mut key = String::with_capacity(normal.len());
    for piece in Pieces(&normal) {
        match piece {
            Piece::Word(word) => key.push_str(word),
            // Numbers side by side are one, as in a phone number with and without spaces.
            Piece::Number if !key.ends_with('0') => key.push('0'),
            Piece::Number | Piece::Gap => {}
        }
    }
    let digest = Sha256::digest(if key.is_empty() { &normal } else { &key });
    digest.iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A normal form in pieces: words (or single letters), numbers, and what stands between.
struct Pieces<'a>(&'a str);

enum Piece<'a> {
    Word(&'a str),
    Number,
    Gap,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let first = self.0.chars().next()?;
        if first.is_ascii_alphanumeric() {
            let id = id_len(self.0);
            if self.0[..id].contains(|c: char| c.is_ascii_digit()) {
                self.0 = &self.0[id..];
                return Some(Piece::Number);
            }
        }
        let len = self
            .0
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(self.0.len())
            .max(first.len_utf8());
        let (piece, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(match first {
            c if c.is_alphabetic() => Piece::Word(piece),
            c if c.is_numeric() => Piece::Number,
            _ => Piece::Gap,
        })
    }
}

/// Bytes of the run of ASCII letters and digits at the start, with single joining signs inside. A run without a digit in
/// its first part ends there, so that the work stays linear.
fn id_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let joins = |byte: u8| matches!(byte, b'-' | b'_' | b'/' | b'.' | b',' | b':' | b'#');
    let mut len = 0;
    let mut has_digit = false;
    loop {
        match bytes.get(len) {
            Some(byte) if byte.is_ascii_alphanumeric() => has_digit |= byte.is_ascii_digit(),
            Some(&byte)
                if joins(byte)
                    && bytes.get(len + 1).is_some_and(|next| {
                        if has_digit {
                            next.is_ascii_alphanumeric()
                        } else {
                            next.is_ascii_digit()
                        }
                    }) => {}
            _ => return len,
        }
        len += 1;
    }
}

fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The MinHash signature of a text: as many of two signatures' 128 numbers are equal, in expectation, as their texts
/// share of all their shingles (Jaccard similarity). Stable across runs and machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinHash([u32; HASHES]);

impl MinHash {
    /// The signature of `text`, from its [`shingles`].
    pub fn of(text: &str) -> Self {
        Self::of_shingles(&shingles(text))
    }

    /// The signature of a text that has shingles: of any but one that is empty, or holds nothing that can be seen.
    pub fn of_text(text: &str) -> Option<Self> {
        let shingles = shingles(text);
        (!shingles.is_empty()).then(|| Self::of_shingles(&shingles))
    }

    fn of_shingles(shingles: &[u64]) -> Self {
        let mut least = [u32::MAX; HASHES];
        for &shingle in shingles {
            // The upper bits are the well-mixed ones.
            let x = (shingle >> 32) as u32;
            for (least, (factor, offset)) in least.iter_mut().zip(&FAMILY) {
                let hash = (x ^ offset).wrapping_mul(*factor);
                *least = (*least).min(hash ^ (hash >> 15));
            }
        }
        Self(least)
    }

    /// The estimated Jaccard similarity, 0 to 1. Two texts without shingles are equal.
    pub fn similarity(&self, other: &Self) -> f64 {
        let equal = self.0.iter().zip(&other.0).filter(|(a, b)| a == b).count();
        equal as f64 / HASHES as f64
    }
}

/// An odd factor and an offset for each hash function, from splitmix64 (Steele et al. 2014).
static FAMILY: [(u32, u32); HASHES] = {
    let mut family = [(0, 0); HASHES];
    let mut at = 0;
    while at < HASHES {
        let mixed = mix(at as u64 + 1);
        family[at] = (mixed as u32 | 1, (mixed >> 32) as u32);
        at += 1;
    }
    family
};

const fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hashes of the shingles of a text, sorted, each once: stretches of five characters of its normal form, two where they
/// begin with a Chinese, Japanese or Korean one; signs count as spaces, numbers as `0`. A shorter text is one shingle, and
/// so is one of signs and emoji only.
pub fn shingles(text: &str) -> Vec<u64> {
    let normal = normalise(text);
    let mut chars: Vec<char> = Vec::with_capacity(normal.len());
    for piece in Pieces(&normal) {
        match piece {
            Piece::Word(word) => chars.extend(word.chars()),
            Piece::Number => chars.push('0'),
            Piece::Gap if chars.last().is_some_and(|&last| last != ' ') => chars.push(' '),
            Piece::Gap => {}
        }
    }
    if chars.last() == Some(&' ') {
        chars.pop();
    }
    let hash = |window: &[char]| window.iter().fold(0, |hash, &c| mix(hash ^ c as u64));
    let mut all: Vec<u64> = (0..chars.len())
        .filter_map(|at| {
            let len = if is_cjk(chars[at]) {
                SHINGLE_CHARS_CJK
            } else {
                SHINGLE_CHARS
            };
            chars.get(at..at + len).map(hash)
        })
        .collect();
    if all.is_empty() {
        let whole: Vec<char> = if chars.is_empty() {
            normal.chars().filter(|c| *c != ' ').collect()
        } else {
            chars
        };
        all.extend((!whole.is_empty()).then(|| hash(&whole)));
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests;
