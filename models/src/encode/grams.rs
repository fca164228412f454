//! From a prepared text to its n-grams: words, word pairs, words that stand near each other, characters within words. The
//! same when the vocabulary is counted, when rows are encoded for training, and when a request is answered.

use serde::{Deserialize, Serialize};

use crate::text::words::{Token, cut_han, tokens};

/// Which n-grams are taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GramSettings {
    /// Longest run of words: 1 words only, 2 also neighbours.
    pub words_max: usize,
    /// Shortest run of characters within a word (Chinese: within a run of characters, where 1 is always taken).
    pub chars_min: usize,
    /// Longest run of characters; 0 for none.
    pub chars_max: usize,
    /// Two words at most so many apart, in any order, are a feature too; 0 for none.
    #[serde(default)]
    pub near_max: usize,
    /// Weight of the words, and of the words near each other, beside that of the characters, which is 1.
    #[serde(default = "even")]
    pub words_weight: f32,
}

/// The weight in models that were fitted before there was one.
fn even() -> f32 {
    1.0
}

/// One n-gram of a text.
#[derive(Debug, Clone, Copy)]
pub enum Gram<'a> {
    /// One word or sign.
    Word(&'a str),
    /// Two neighbouring words.
    Pair(&'a str, &'a str),
    /// Two different words near each other, in the order of their letters.
    Near(&'a str, &'a str),
    /// Characters within a word; a space stands for the word's edge.
    Chars(&'a str),
}

/// The parts of a row, each of which is brought to unit length by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Words and word pairs.
    Words,
    /// Words near each other.
    Near,
    /// Characters.
    Chars,
    /// What was said before the text.
    Context,
}

impl Part {
    /// How many parts there are.
    pub const COUNT: usize = 4;

    /// The part that the n-gram of this name belongs to.
    pub fn of(name: &str) -> Self {
        if name.starts_with(CONTEXT_MARK) {
            Part::Context
        } else if name.starts_with(CHARS_MARK) {
            Part::Chars
        } else if name.contains(NEAR_MARK) {
            Part::Near
        } else {
            Part::Words
        }
    }
}

/// Stands before the name of characters; no text holds it.
const CHARS_MARK: char = '\u{1}';

/// Stands before the name of an n-gram of the context, what was said before the text; no text holds it.
const CONTEXT_MARK: char = '\u{2}';

/// Stands between the names of words near each other; no text holds it.
const NEAR_MARK: char = '\u{3}';

impl Gram<'_> {
    /// How it is stored in a vocabulary: words apart by one space, characters after a mark that no text holds.
    pub fn name(&self) -> String {
        let mut name = String::new();
        self.write_name(&mut name);
        name
    }

    /// Appends [`Self::name`].
    pub(super) fn write_name(&self, out: &mut String) {
        match self {
            Gram::Word(word) => out.push_str(word),
            Gram::Pair(first, second) => out.extend([first, " ", second]),
            Gram::Near(first, second) => {
                // Most words meet once, so this is written often: no string in between.
                out.push_str(first);
                out.push(NEAR_MARK);
                out.push_str(second);
            }
            Gram::Chars(chars) => {
                out.push(CHARS_MARK);
                out.push_str(chars);
            }
        }
    }
}

/// The hash of a vocabulary name; equals the hash [`visit_grams`] gives for the gram of that name.
pub fn hash_name(name: &str) -> u64 {
    if let Some(name) = name.strip_prefix(CONTEXT_MARK) {
        return context_hash(hash_name(name));
    }
    if let Some((first, second)) = name.split_once(NEAR_MARK) {
        return near_hash(word_hash(first), word_hash(second));
    }
    match name.strip_prefix(CHARS_MARK) {
        Some(chars) => finish(chars.chars().fold(CHARS_SEED, |hash, c| step(hash, c as u64))),
        None => match name.split_once(' ') {
            Some((first, second)) => pair_hash(word_hash(first), word_hash(second)),
            None => finish(word_hash(name)),
        },
    }
}

/// The name of an n-gram as people read it: characters between stars, words near each other with dots between.
pub fn readable(name: &str) -> String {
    if let Some(name) = name.strip_prefix(CONTEXT_MARK) {
        return format!("before: {}", readable(name));
    }
    match name.strip_prefix(CHARS_MARK) {
        Some(chars) => format!("*{chars}*"),
        None => name.replace(NEAR_MARK, " ... "),
    }
}

/// The name of an n-gram when it comes from the context.
pub fn context_name(name: &str) -> String {
    format!("{CONTEXT_MARK}{name}")
}

/// The hash of an n-gram when it comes from the context.
pub fn context_hash(hash: u64) -> u64 {
    finish(step(CONTEXT_SEED, hash))
}

const CONTEXT_SEED: u64 = 0xa076_1d64_78bd_642f;
const WORD_SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const CHARS_SEED: u64 = 0xd1b5_4a32_d192_ed03;
const NEAR_SEED: u64 = 0x8ebc_6af0_9c88_c6e3;

fn step(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Mixes high bits into low ones (the finaliser of MurmurHash3), so that any bits can choose a slot.
pub(super) fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

pub(super) fn word_hash(word: &str) -> u64 {
    word.bytes().fold(WORD_SEED, |hash, byte| step(hash, u64::from(byte)))
}

fn pair_hash(first: u64, second: u64) -> u64 {
    finish(step(first.rotate_left(17), second))
}

/// The same for both orders.
fn near_hash(one: u64, other: u64) -> u64 {
    finish(step(NEAR_SEED, one.wrapping_add(other)))
}

/// Calls `visit` with every n-gram of a prepared text and its hash, repeats included. Without `chinese`, runs of Chinese
/// characters are passed over: a vocabulary without any has no use for them, and the dictionary need not be loaded.
pub fn visit_grams(text: &str, settings: GramSettings, chinese: bool, mut visit: impl FnMut(u64, Gram<'_>)) {
    let mut before = Before::new(settings);
    let mut scratch = CharScratch::default();
    for token in tokens(text) {
        match token {
            Token::Word(word) => {
                before.visit(word, &mut visit);
                scratch.visit_word(word, settings, &mut visit);
            }
            Token::Han(_) if !chinese => before.interrupt(),
            Token::Han(run) => {
                for word in cut_han(run) {
                    before.visit(word, &mut visit);
                }
                scratch.visit_han(run, settings, &mut visit);
            }
        }
    }
}

/// Buffers for the characters of a word, used again from word to word.
#[derive(Default)]
pub(super) struct CharScratch {
    edges: Vec<(usize, char)>,
    padded: String,
}

impl CharScratch {
    /// Calls `visit` with the character n-grams of a word that is not Chinese.
    pub(super) fn visit_word(&mut self, word: &str, settings: GramSettings, visit: &mut impl FnMut(u64, Gram<'_>)) {
        if settings.chars_max == 0 {
            return;
        }
        self.padded.clear();
        self.padded.extend([" ", word, " "]);
        let lengths = (settings.chars_min, settings.chars_max);
        visit_chars(&self.padded, lengths, &mut self.edges, visit);
    }

    /// Calls `visit` with the character n-grams of a run of Chinese characters.
    pub(super) fn visit_han(&mut self, run: &str, settings: GramSettings, visit: &mut impl FnMut(u64, Gram<'_>)) {
        let lengths = (1, settings.chars_max.min(HAN_CHARS_MAX));
        visit_chars(run, lengths, &mut self.edges, visit);
    }
}

/// The words before the one that is looked at, as far back as any n-gram reaches.
pub(super) struct Before<'a> {
    settings: GramSettings,
    /// Hashes and words, the latest last.
    words: Vec<(u64, &'a str)>,
    /// Whether the latest word is a neighbour of the next.
    is_next: bool,
}

impl<'a> Before<'a> {
    pub(super) fn new(settings: GramSettings) -> Self {
        Self {
            settings,
            words: Vec::with_capacity(64),
            is_next: false,
        }
    }

    /// Something stands between the words before and those to come.
    pub(super) fn interrupt(&mut self) {
        self.is_next = false;
    }

    /// Calls `visit` with a word and what it makes with those before it.
    pub(super) fn visit(&mut self, word: &'a str, visit: &mut impl FnMut(u64, Gram<'_>)) {
        let hash = word_hash(word);
        visit(finish(hash), Gram::Word(word));
        if let Some((first_hash, first)) = self
            .words
            .last()
            .filter(|_| self.is_next && self.settings.words_max > 1)
        {
            visit(pair_hash(*first_hash, hash), Gram::Pair(first, word));
        }
        let reach = self.words.len().saturating_sub(self.settings.near_max);
        for &(other_hash, other) in self.words[reach..].iter().filter(|(other, _)| *other != hash) {
            let (first, second) = if other < word { (other, word) } else { (word, other) };
            visit(near_hash(other_hash, hash), Gram::Near(first, second));
        }
        self.words.push((hash, word));
        self.is_next = true;
    }
}

/// A Chinese character carries about as much as half an English word, so shorter runs say as much.
const HAN_CHARS_MAX: usize = 3;

fn visit_chars(
    text: &str,
    (shortest, longest): (usize, usize),
    edges: &mut Vec<(usize, char)>,
    visit: &mut impl FnMut(u64, Gram<'_>),
) {
    edges.clear();
    edges.extend(text.char_indices());
    for start in 0..edges.len() {
        let mut hash = CHARS_SEED;
        for length in 1..=longest.min(edges.len() - start) {
            hash = step(hash, edges[start + length - 1].1 as u64);
            if length >= shortest {
                let end = edges.get(start + length).map_or(text.len(), |edge| edge.0);
                visit(finish(hash), Gram::Chars(&text[edges[start].0..end]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: GramSettings = GramSettings {
        words_max: 2,
        chars_min: 2,
        chars_max: 5,
        near_max: 3,
        words_weight: 1.0,
    };

    #[test]
    fn names_can_be_read() {
        let names = ["refund", "my card", "\u{1}fun", "card\u{3}my", "\u{2}\u{1}fun"].map(readable);
        assert_eq!(names, ["refund", "my card", "*fun*", "card ... my", "before: *fun*"]);
    }

    #[test]
    fn names_of_a_short_text() {
        let mut names = Vec::new();
        let settings = GramSettings { chars_max: 3, ..ALL };
        visit_grams("my pin", settings, true, |_, gram| names.push(gram.name()));
        let chars = |list: &[&str]| list.iter().map(|c| format!("\u{1}{c}")).collect::<Vec<_>>();
        let mut expected = vec!["my".to_owned()];
        expected.extend(chars(&[" m", " my", "my", "my ", "y "]));
        expected.extend(["pin".to_owned(), "my pin".to_owned(), "my\u{3}pin".to_owned()]);
        expected.extend(chars(&[" p", " pi", "pi", "pin", "in", "in ", "n "]));
        assert_eq!(names, expected);
    }

    proptest! {
        #[test]
        fn a_name_hashes_as_its_gram(text in "([a-z'!<> 0-9]|[退款订单我要]|\\PC){0,40}") {
            let prepared = crate::text::prepare(&text);
            visit_grams(&prepared, ALL, true, |hash, gram| assert_eq!(hash, hash_name(&gram.name()), "{gram:?}"));
        }
    }
}
