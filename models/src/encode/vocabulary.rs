//! Which n-grams become features: how many rows each stands in, counted over batches in bounded memory.

use hashbrown::hash_map::Entry;

use super::by_hash::ByHash;
use super::grams::{Before, CharScratch, Gram, GramSettings, Part, finish, word_hash};
use super::ngrams::NgramEncoder;
use super::parallel::map_chunks;
use crate::text::words::{Token, cut_han, tokens};

/// Which n-grams become features.
#[derive(Debug, Clone, Copy)]
pub struct VocabularyLimits {
    /// An n-gram in fewer rows is left out.
    pub rows_min: u32,
    /// At most this many, the most frequent ones.
    pub features_max: usize,
    /// A word in more rows is taken whole, without its characters: it is known well enough by itself.
    pub chars_rows_max: u32,
    /// Memory for counting, in bytes; the rarest n-grams are forgotten when it is full (lossy counting, Manku and
    /// Motwani 2002).
    pub memory_max_bytes: usize,
}

struct Counted {
    rows: u32,
    name: Box<str>,
}

/// Counts n-grams over batches of prepared texts.
pub struct VocabularyBuilder {
    settings: GramSettings,
    limits: VocabularyLimits,
    counts: ByHash<Counted>,
    rows: u64,
    forgotten_rows: u32,
}

/// Two words near each other by chance say nothing: they have to meet in so many rows. Measured on BANKING77: half as
/// many features as with 2, and no answer worse.
const NEAR_ROWS_MIN: u32 = 3;

/// Measured size of one counted n-gram: key, count, name and the table's slack.
const COUNTED_BYTES: usize = 72;

impl VocabularyBuilder {
    /// An empty count.
    pub fn new(settings: GramSettings, limits: VocabularyLimits) -> Self {
        Self {
            settings,
            limits,
            counts: ByHash::default(),
            rows: 0,
            forgotten_rows: 0,
        }
    }

    /// Counts a batch with `threads` threads. The outcome does not depend on how many they are.
    pub fn count(&mut self, texts: &[String], threads: usize) {
        let settings = self.settings;
        let parts = map_chunks(texts, threads, |part| PartCount::of(part, settings));
        parts.iter().for_each(|part| self.add(part));
        self.rows += texts.len() as u64;
        self.forget();
    }

    /// Counts the n-grams of `settings` in texts that are no rows of their own, each under the hash and the name that
    /// `named` makes of its own.
    pub(super) fn count_named(
        &mut self,
        texts: &[String],
        (threads, settings): (usize, GramSettings),
        named: impl Fn(u64, &str) -> (u64, String),
    ) {
        for part in map_chunks(texts, threads, |part| PartCount::of(part, settings)) {
            let mut start = 0;
            for gram in &part.grams {
                let (hash, name) = named(gram.hash, &part.names[start..gram.name_end]);
                start = gram.name_end;
                let counted = self.counts.entry(hash).or_insert_with(|| Counted {
                    rows: 0,
                    name: name.into(),
                });
                counted.rows += gram.rows;
            }
        }
        self.forget();
    }

    /// Keeps to the memory there is.
    fn forget(&mut self) {
        while self.counts.len() * COUNTED_BYTES > self.limits.memory_max_bytes {
            self.forgotten_rows += 1;
            let least = self.forgotten_rows;
            self.counts.retain(|_, counted| counted.rows > least);
        }
    }

    fn add(&mut self, part: &PartCount) {
        let mut start = 0;
        for gram in &part.grams {
            match self.counts.entry(gram.hash) {
                Entry::Occupied(mut entry) => entry.get_mut().rows += gram.rows,
                Entry::Vacant(entry) => {
                    entry.insert(Counted {
                        rows: gram.rows,
                        name: part.names[start..gram.name_end].into(),
                    });
                }
            }
            start = gram.name_end;
        }
    }

    /// The encoder of what was counted; the most frequent n-grams first.
    pub fn finish(self) -> NgramEncoder {
        let rows_min = self.limits.rows_min.max(1);
        let is_kept = |counted: &Counted| {
            counted.rows >= rows_min && (counted.rows >= NEAR_ROWS_MIN || Part::of(&counted.name) != Part::Near)
        };
        let mut kept: Vec<Counted> = self.counts.into_values().filter(is_kept).collect();
        let by_rank = |a: &Counted, b: &Counted| b.rows.cmp(&a.rows).then_with(|| a.name.cmp(&b.name));
        if kept.len() > self.limits.features_max {
            kept.select_nth_unstable_by(self.limits.features_max, by_rank);
            kept.truncate(self.limits.features_max);
        }
        kept.sort_unstable_by(by_rank);
        let idf = |counted: &Counted| ((1.0 + self.rows as f64) / (1.0 + f64::from(counted.rows))).ln() + 1.0;
        let idf = kept.iter().map(|counted| idf(counted) as f32).collect();
        // In order of rows, so these are the first ones.
        let whole = kept.partition_point(|counted| counted.rows > self.limits.chars_rows_max);
        let names = kept.into_iter().map(|counted| counted.name).collect();
        NgramEncoder::new(self.settings, names, idf, whole)
    }
}

/// The n-grams of a part of a batch, in order of first sight. A word's characters are cut and looked up once.
#[derive(Default)]
struct PartCount {
    grams: Vec<PartGram>,
    /// All names, one after the other.
    names: String,
    places: ByHash<u32>,
    /// Where the character n-grams of a word begin and end in `chars`, by the word's place.
    words: ByHash<(u32, u32)>,
    chars: Vec<u32>,
}

struct PartGram {
    hash: u64,
    rows: u32,
    /// Number of the last row it was seen in, from 1.
    last: u32,
    name_end: usize,
}

impl PartCount {
    fn of(texts: &[String], settings: GramSettings) -> Self {
        let mut part = Self::default();
        let mut scratch = CharScratch::default();
        for (row, text) in texts.iter().enumerate() {
            part.add(text, row as u32 + 1, settings, &mut scratch);
        }
        part
    }

    fn add(&mut self, text: &str, row: u32, settings: GramSettings, scratch: &mut CharScratch) {
        let mut before = Before::new(settings);
        for token in tokens(text) {
            match token {
                Token::Word(word) => {
                    before.visit(word, &mut |hash, gram| self.see(hash, gram, row));
                    self.see_chars(word, row, settings, scratch);
                }
                Token::Han(run) => {
                    for word in cut_han(run) {
                        before.visit(word, &mut |hash, gram| self.see(hash, gram, row));
                    }
                    scratch.visit_han(run, settings, &mut |hash, gram| self.see(hash, gram, row));
                }
            }
        }
    }

    fn see_chars(&mut self, word: &str, row: u32, settings: GramSettings, scratch: &mut CharScratch) {
        let hash = finish(word_hash(word));
        let known = self.words.get(&hash).copied();
        let (start, end) = known.unwrap_or_else(|| {
            let start = self.chars.len() as u32;
            scratch.visit_word(word, settings, &mut |hash, gram| {
                let place = self.place(hash, gram);
                self.chars.push(place);
            });
            let range = (start, self.chars.len() as u32);
            self.words.insert(hash, range);
            range
        });
        for at in start as usize..end as usize {
            self.see_at(self.chars[at], row);
        }
    }

    fn see(&mut self, hash: u64, gram: Gram<'_>, row: u32) {
        let place = self.place(hash, gram);
        self.see_at(place, row);
    }

    fn see_at(&mut self, place: u32, row: u32) {
        let gram = &mut self.grams[place as usize];
        if gram.last != row {
            gram.last = row;
            gram.rows += 1;
        }
    }

    fn place(&mut self, hash: u64, gram: Gram<'_>) -> u32 {
        *self.places.entry(hash).or_insert_with(|| {
            gram.write_name(&mut self.names);
            self.grams.push(PartGram {
                hash,
                rows: 0,
                last: 0,
                name_end: self.names.len(),
            });
            self.grams.len() as u32 - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::visit_grams;

    const SETTINGS: GramSettings = GramSettings {
        words_max: 2,
        chars_min: 2,
        chars_max: 4,
        near_max: 2,
        words_weight: 0.6,
    };

    #[test]
    fn counts_rows_not_occurrences() {
        let texts = [
            "refund refund 退款退款 <email>",
            "a refunded card",
            "",
            "退款 card card",
        ]
        .map(str::to_owned);
        let mut expected = std::collections::BTreeMap::<String, u32>::new();
        for text in &texts {
            let mut seen = std::collections::BTreeSet::new();
            visit_grams(text, SETTINGS, true, |_, gram| {
                seen.insert(gram.name());
            });
            seen.into_iter()
                .for_each(|name| *expected.entry(name).or_default() += 1);
        }
        for threads in [1, 3] {
            let limits = VocabularyLimits {
                rows_min: 1,
                features_max: 1_000,
                chars_rows_max: 10,
                memory_max_bytes: 1 << 20,
            };
            let mut builder = VocabularyBuilder::new(SETTINGS, limits);
            builder.count(&texts, threads);
            let found = builder.counts.values().map(|gram| (gram.name.to_string(), gram.rows));
            assert_eq!(found.collect::<std::collections::BTreeMap<_, _>>(), expected);
        }
    }
}
