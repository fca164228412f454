//! From a text to the terms that the index knows: words for one channel, runs of characters for the other. The same when
//! passages are indexed and when a question is asked.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::stem::stem;
use crate::text::words::{Token, cut_han, tokens};
use crate::text::{prepare, to_simplified};

/// Lengths of runs of characters within a word. Measured with one and five phrasings each of BANKING77 and CLINC150
/// against 2-4, 2-5 and 3-5: none finds more.
const WORD_CHARS: (usize, usize) = (3, 4);

/// Lengths of runs of Chinese characters: a character carries about as much as half an English word.
const HAN_CHARS: (usize, usize) = (1, 3);

/// What a word that only holds a question together counts beside one that says what it is about. Measured as above:
/// from .4 to .6 all is alike; at 1, and without these words, less is found.
const FRAME_SHARE: f32 = 0.5;

/// The stems of [`FRAME_WORDS`].
static FRAME: LazyLock<HashSet<String>> = LazyLock::new(|| FRAME_WORDS.iter().map(|word| stem(word)).collect());

/// Words that questions are made of.
const FRAME_WORDS: &[&str] = &[
    "a",
    "about",
    "am",
    "an",
    "and",
    "are",
    "as",
    "at",
    "be",
    "been",
    "but",
    "by",
    "can",
    "could",
    "did",
    "do",
    "does",
    "for",
    "from",
    "had",
    "has",
    "have",
    "he",
    "her",
    "his",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "just",
    "may",
    "me",
    "might",
    "must",
    "my",
    "of",
    "on",
    "or",
    "our",
    "please",
    "shall",
    "she",
    "should",
    "so",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "us",
    "very",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "you",
    "your",
    "一下",
    "为什么",
    "了",
    "什么",
    "会",
    "你",
    "你们",
    "可以",
    "吗",
    "吧",
    "呀",
    "呢",
    "和",
    "啊",
    "在",
    "如何",
    "怎么",
    "怎样",
    "您",
    "您好",
    "想",
    "我",
    "我们",
    "我想",
    "我要",
    "是",
    "有",
    "的",
    "能",
    "要",
    "请问",
    "这个",
    "那",
];

/// A text as the index sees it: prepared as for every model, in simplified Chinese.
pub(super) fn seen(text: &str) -> String {
    to_simplified(&prepare(text))
}

/// Loads what questions are read with (the Chinese dictionaries among it, about 0.2 s), so that the first one is not
/// slower than the others.
pub fn warm_up() {
    crate::text::warm_up();
    crate::text::words::warm_up_chinese();
    let _text = to_simplified("請");
}

/// The two ways in which the index reads a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    /// Words, English ones without their endings; Chinese by the dictionary.
    Words,
    /// Runs of characters within words: they meet in spite of slips and in compounds.
    Chars,
}

impl Channel {
    /// Calls `visit` with every term of a text that [`seen`] made, repeats included.
    pub fn visit(self, text: &str, visit: &mut impl FnMut(&str)) {
        let mut padded = String::new();
        for token in tokens(text) {
            match (self, token) {
                (_, Token::Word(word)) if !word.contains(char::is_alphanumeric) => {}
                (Self::Words, Token::Word(word)) => visit(&stem(plain(word))),
                (Self::Words, Token::Han(run)) => cut_han(run).for_each(&mut *visit),
                (Self::Chars, Token::Word(word)) => {
                    padded.clear();
                    padded.extend([" ", plain(word), " "]);
                    runs(&padded, WORD_CHARS, visit);
                }
                (Self::Chars, Token::Han(run)) => runs(run, HAN_CHARS, visit),
            }
        }
    }

    /// What a term counts beside others of the same rarity.
    pub fn share(self, term: &str) -> f32 {
        // A run of characters may hold the edges of its word.
        if FRAME.contains(term.trim()) { FRAME_SHARE } else { 1.0 }
    }
}

/// Without the ending of possession, which says nothing.
fn plain(word: &str) -> &str {
    word.strip_suffix("'s")
        .or_else(|| word.strip_suffix("’s"))
        .unwrap_or(word)
}

fn runs(text: &str, (shortest, longest): (usize, usize), visit: &mut impl FnMut(&str)) {
    let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    ends.push(text.len());
    let chars = ends.len() - 1;
    for start in 0..chars {
        for length in shortest..=longest.min(chars - start) {
            visit(&text[ends[start]..ends[start + length]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(channel: Channel, text: &str) -> Vec<String> {
        let mut terms = Vec::new();
        channel.visit(&seen(text), &mut |term| terms.push(term.to_owned()));
        terms
    }

    #[test]
    fn words_and_characters_of_both_scripts() {
        assert_eq!(terms(Channel::Words, "My card's charges!"), ["my", "card", "charg"]);
        assert_eq!(terms(Channel::Words, "我要申請退款"), ["我", "要", "申请", "退款"]);
        assert_eq!(terms(Channel::Chars, "PIN"), [" pi", " pin", "pin", "pin ", "in "]);
        assert_eq!(terms(Channel::Chars, "退款"), ["退", "退款", "款"]);
    }

    #[test]
    fn frame_words_are_found_by_their_stems() {
        for word in FRAME_WORDS {
            let known = terms(Channel::Words, word)
                .iter()
                .all(|term| Channel::Words.share(term) < 1.0);
            assert!(known, "{word}");
        }
        assert_eq!(Channel::Words.share("refund"), 1.0);
    }
}
