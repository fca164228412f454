//! The texts of a column: lengths of all that are sampled; languages and near-duplicates, which cost more, of some.

use std::collections::{BTreeMap, HashMap, HashSet};

use deskmill_models::text::{language, near_dup_key};

use super::figures::TextProfile;
use super::spread::{histogram, spread};
use super::values::hash_of;

/// Bytes of a text that its language and near-duplicates are told from.
const EXAMINED_BYTES_MAX: usize = 64 * 1024;
/// What a text is filed under where nothing speaks for a language.
pub(super) const NO_LANGUAGE: &str = "none";

/// What was seen of the texts so far.
#[derive(Default)]
pub(super) struct Texts {
    lengths: Vec<f64>,
    profile: TextProfile,
    languages: BTreeMap<&'static str, u64>,
    keys: HashSet<String>,
    /// The languages of texts by their hashes: a text that comes again is a near-duplicate and is not examined anew.
    examined: HashMap<u64, &'static str>,
}

impl Texts {
    /// Takes a sampled text.
    pub(super) fn add(&mut self, text: &str) {
        self.lengths.push(text.chars().count() as f64);
        self.profile.sampled += 1;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.profile.blank += 1;
        } else if reads_as_number(trimmed) {
            self.profile.read_as_number += 1;
        } else if reads_as_time(trimmed) {
            self.profile.read_as_time += 1;
        }
    }

    /// Takes a text of those that are examined more closely.
    pub(super) fn examine(&mut self, text: &str) {
        let text = text[..text.floor_char_boundary(EXAMINED_BYTES_MAX)].trim();
        if text.is_empty() {
            return;
        }
        self.profile.examined += 1;
        let hash = hash_of(text);
        let known = self.examined.get(&hash).copied();
        let language = known.unwrap_or_else(|| language(text).unwrap_or(NO_LANGUAGE));
        *self.languages.entry(language).or_default() += 1;
        if known.is_some() || !self.keys.insert(near_dup_key(text)) {
            self.profile.near_duplicates += 1;
        }
        self.examined.insert(hash, language);
    }

    /// The figures; none if there was no text.
    pub(super) fn finish(mut self) -> Option<TextProfile> {
        let lengths = spread(&mut self.lengths)?;
        let named = self
            .languages
            .into_iter()
            .map(|(language, count)| (language.to_owned(), count));
        let mut languages: Vec<(String, u64)> = named.collect();
        languages.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Some(TextProfile {
            lengths,
            length_histogram: histogram(&self.lengths, false),
            languages,
            ..self.profile
        })
    }
}

/// Digits with a sign, a point or an exponent; not the words that Rust takes for numbers (`inf`, `nan`).
fn reads_as_number(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_digit() || c == '.') && text.parse::<f64>().is_ok()
}

/// As ISO 8601 and SQL write them.
fn reads_as_time(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.len() <= 40
        && (text.parse::<jiff::civil::DateTime>().is_ok() || text.parse::<jiff::Timestamp>().is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lengths_are_in_characters_and_languages_are_told() {
        let mut texts = Texts::default();
        for text in [
            "我的订单在哪里",
            "where is my order",
            "Where is my order?!",
            " ",
            "12.5",
            "2026-03-02 10:00:00",
            "nan",
        ] {
            texts.add(text);
            texts.examine(text);
        }
        let found = texts.finish().unwrap();
        assert_eq!((found.lengths.min, found.lengths.max), (1.0, 19.0));
        assert_eq!((found.blank, found.read_as_number, found.read_as_time), (1, 1, 1));
        assert_eq!((found.sampled, found.examined), (7, 6));
        let count = |language: &str| {
            found
                .languages
                .iter()
                .find(|known| known.0 == language)
                .map(|known| known.1)
        };
        assert_eq!((count("zh"), count("en")), (Some(1), Some(2)));
        // The two questions, and the two numbers.
        assert_eq!(found.near_duplicates, 2);
    }

    #[test]
    fn a_huge_text_is_examined_in_part() {
        let mut texts = Texts::default();
        let huge = "退款什么时候到账".repeat(100_000);
        texts.add(&huge);
        texts.examine(&huge);
        let found = texts.finish().unwrap();
        assert_eq!(found.lengths.max, 800_000.0);
        assert_eq!(found.languages, [("zh".to_owned(), 1)]);
    }
}
