//! The n-gram encoder: a vocabulary with document frequencies, and rows weighted by TF-IDF (Salton and Buckley 1988)
//! with damped counts; words, words near each other and characters are each scaled to a length of their own.

mod context;

use std::collections::BTreeMap;

use super::by_hash::ByHash;
use super::grams::{Before, CharScratch, Gram, GramSettings, Part, hash_name};
use super::parallel::map_chunks;
use super::sparse::SparseRows;
use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};
use crate::text::words::{Token, cut_han, is_han, tokens};

/// A fitted vocabulary: names, weights, and where to find them.
#[derive(Clone)]
pub struct NgramEncoder {
    settings: GramSettings,
    names: Vec<Box<str>>,
    /// Inverse document frequency and part of each feature.
    facts: Vec<(f32, Part)>,
    /// The first features are taken whole: words among them bring no characters.
    whole: usize,
    slots: ByHash<u32>,
    /// By the hash of a known word that is not Chinese: where its features, its own first, lie in `word_features`.
    words: ByHash<(u32, u32)>,
    word_features: Vec<u32>,
    chinese: bool,
}

/// How many of the first features are taken whole; models that take none do not say.
const WHOLE: &str = "vocabulary.whole";

impl NgramEncoder {
    pub(super) fn new(settings: GramSettings, names: Vec<Box<str>>, idf: Vec<f32>, whole: usize) -> Self {
        let hashes = names.iter().map(|name| hash_name(name));
        let slots = hashes.enumerate().map(|(at, hash)| (hash, at as u32)).collect();
        let mut encoder = Self {
            settings,
            facts: names.iter().zip(idf).map(|(name, idf)| (idf, Part::of(name))).collect(),
            chinese: names.iter().any(|name| name.chars().any(is_han)),
            names,
            whole,
            slots,
            words: ByHash::default(),
            word_features: Vec::new(),
        };
        encoder.cut_words();
        encoder
    }

    /// Cuts every known word once, so that a text is encoded word by word and not character by character.
    fn cut_words(&mut self) {
        let mut scratch = CharScratch::default();
        for (at, name) in self.names.iter().enumerate() {
            let is_word = Part::of(name) == Part::Words && !name.contains(' ') && !name.starts_with(is_han);
            if !is_word {
                continue;
            }
            let start = self.word_features.len() as u32;
            self.word_features.push(at as u32);
            if at >= self.whole {
                scratch.visit_word(name, self.settings, &mut |hash, _| {
                    self.word_features.extend(self.slots.get(&hash));
                });
            }
            let range = (start, self.word_features.len() as u32);
            self.words.insert(hash_name(name), range);
        }
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of a feature: words apart by one space, characters after U+0001.
    pub fn name(&self, feature: u32) -> Option<&str> {
        self.names.get(feature as usize).map(AsRef::as_ref)
    }

    /// Whether any feature is Chinese, so that the dictionary will be needed.
    pub fn has_chinese(&self) -> bool {
        self.chinese
    }

    /// Bytes of the stored vocabulary.
    pub fn stored_bytes(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.len()).sum();
        names + self.names.len() * (size_of::<u32>() + size_of::<f32>())
    }

    /// Encodes one prepared text into `row` (cleared first), features ascending.
    pub fn encode(&self, text: &str, row: &mut Vec<(u32, f32)>) {
        let mut features = Vec::with_capacity(256);
        self.features(text, &mut features);
        self.weigh(&mut features, row);
    }

    /// Appends the features of a text, repeats included, in no order.
    fn features(&self, text: &str, features: &mut Vec<u32>) {
        let mut before = Before::new(self.settings);
        let mut scratch = CharScratch::default();
        for token in tokens(text) {
            match token {
                Token::Word(word) => {
                    let mut is_known = false;
                    before.visit(word, &mut |hash, gram| match gram {
                        Gram::Word(_) => {
                            if let Some(&(start, end)) = self.words.get(&hash) {
                                features.extend_from_slice(&self.word_features[start as usize..end as usize]);
                                is_known = true;
                            }
                        }
                        _ => features.extend(self.slots.get(&hash)),
                    });
                    if !is_known {
                        scratch.visit_word(word, self.settings, &mut |hash, _| {
                            features.extend(self.slots.get(&hash));
                        });
                    }
                }
                Token::Han(_) if !self.chinese => before.interrupt(),
                Token::Han(run) => {
                    for word in cut_han(run) {
                        before.visit(word, &mut |hash, _| features.extend(self.slots.get(&hash)));
                    }
                    scratch.visit_han(run, self.settings, &mut |hash, _| {
                        features.extend(self.slots.get(&hash));
                    });
                }
            }
        }
    }

    /// Turns occurrences into weights, each part scaled to the length that the settings give it.
    fn weigh(&self, features: &mut [u32], row: &mut Vec<(u32, f32)>) {
        features.sort_unstable();
        row.clear();
        let mut squares = [0f32; Part::COUNT];
        for same in features.chunk_by(|a, b| a == b) {
            let damped = if same.len() == 1 {
                1.0
            } else {
                1.0 + (same.len() as f32).ln()
            };
            let (idf, part) = self.facts[same[0] as usize];
            let weight = damped * idf;
            squares[part as usize] += weight * weight;
            row.push((same[0], weight));
        }
        let words = self.settings.words_weight;
        let mut scale = [words, words, 1.0, 1.0];
        for (scale, square) in scale.iter_mut().zip(squares) {
            *scale *= if square > 0.0 { square.sqrt().recip() } else { 0.0 };
        }
        for (feature, weight) in row {
            *weight *= scale[self.facts[*feature as usize].1 as usize];
        }
    }

    /// Encodes a batch of prepared texts with `threads` threads, rows in order.
    pub fn encode_all(&self, texts: &[String], threads: usize) -> SparseRows {
        let parts = map_chunks(texts, threads, |part| self.encode_part(part));
        let mut all = SparseRows::default();
        parts.iter().for_each(|part| all.append(part));
        all
    }

    fn encode_part(&self, texts: &[String]) -> SparseRows {
        let mut rows = SparseRows::default();
        let mut row = Vec::new();
        for text in texts {
            self.encode(text, &mut row);
            rows.push(&row);
        }
        rows
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut text = Vec::new();
        let mut ends = Vec::with_capacity(self.names.len());
        for name in &self.names {
            text.extend_from_slice(name.as_bytes());
            ends.push(text.len() as u32);
        }
        let idf = self.facts.iter().map(|fact| fact.0).collect();
        let mut tensors = BTreeMap::from([
            ("vocabulary.text".to_owned(), Tensor::U8(text)),
            ("vocabulary.ends".to_owned(), Tensor::U32(ends)),
            ("vocabulary.idf".to_owned(), Tensor::F32(idf)),
        ]);
        if self.whole > 0 {
            tensors.insert(WHOLE.into(), Tensor::U32(vec![self.whole as u32]));
        }
        tensors
    }

    /// Takes an encoder out of an artifact and checks it.
    ///
    /// # Errors
    /// When arrays are missing, do not fit each other, or names are not text.
    pub fn take(artifact: &mut Artifact, settings: GramSettings) -> Result<Self> {
        let place = "vocabulary";
        let text = String::from_utf8(artifact.take_u8("vocabulary.text")?).map_err(|e| Error::artifact(place, e))?;
        let ends = artifact.take_u32("vocabulary.ends")?;
        let idf = artifact.take_f32("vocabulary.idf")?;
        if idf.len() != ends.len() || idf.iter().any(|v| !v.is_finite()) {
            return Err(Error::artifact(place, "weights do not fit the names"));
        }
        let mut start = 0;
        let mut names = Vec::with_capacity(ends.len());
        for end in ends {
            let name = text.get(start..end as usize);
            names.push(
                name.ok_or_else(|| Error::artifact(place, "names do not fit the text"))?
                    .into(),
            );
            start = end as usize;
        }
        let whole = match artifact.tensors.contains_key(WHOLE) {
            true => artifact.take_u32(WHOLE)?.first().map_or(0, |count| *count as usize),
            false => 0,
        };
        Ok(Self::new(settings, names, idf, whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{VocabularyBuilder, VocabularyLimits, visit_grams};
    use proptest::prelude::*;

    const SETTINGS: GramSettings = GramSettings {
        words_max: 2,
        chars_min: 2,
        chars_max: 4,
        near_max: 2,
        words_weight: 0.6,
    };

    fn encoder(texts: &[&str], chars_rows_max: u32) -> NgramEncoder {
        let limits = VocabularyLimits {
            rows_min: 1,
            features_max: 10_000,
            chars_rows_max,
            memory_max_bytes: 1 << 20,
        };
        let mut builder = VocabularyBuilder::new(SETTINGS, limits);
        builder.count(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), 2);
        builder.finish()
    }

    /// The features of a text, gram by gram.
    fn plainly(encoder: &NgramEncoder, text: &str) -> Vec<u32> {
        let mut features = Vec::new();
        visit_grams(text, SETTINGS, true, |hash, _| {
            features.extend(encoder.slots.get(&hash))
        });
        features.sort_unstable();
        features
    }

    #[test]
    fn a_frequent_word_is_taken_whole() {
        let encoder = encoder(&["card", "card lost", "card cart"], 2);
        let mut row = Vec::new();
        let mut names = |text: &str| -> Vec<String> {
            encoder.encode(text, &mut row);
            row.iter()
                .map(|pair| encoder.names[pair.0 as usize].to_string())
                .collect()
        };
        assert_eq!(names("card"), ["card"]);
        assert!(names("cars").contains(&"\u{1}car".to_owned()));
    }

    proptest! {
        #[test]
        fn word_by_word_is_gram_by_gram(text in "(card|cards|refund|lost|退款|我要退款|<email>|[a-e]{1,4}|[ ,!]){0,20}") {
            let encoder = encoder(&["my card, my cards!", "refund <email>", "我要申请退款", "abc abcd", "my card", "my card"], 1_000);
            let mut features = Vec::new();
            encoder.features(&text, &mut features);
            features.sort_unstable();
            prop_assert_eq!(features, plainly(&encoder, &text));
        }
    }
}
