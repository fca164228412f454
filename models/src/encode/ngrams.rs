//! The n-gram encoder: a vocabulary with document frequencies, and rows weighted by TF-IDF (Salton and Buckley 1988)
//! with damped counts; words, words near each other and characters are each scaled to a length of their own.

mod context;

use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::grams::{GramSettings, Part, context_hash, context_name, hash_name, visit_grams};
use super::parallel::map_chunks;
use super::sparse::SparseRows;
use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};

/// The keys are hashes already.
#[derive(Default, Clone)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys are hashed")
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Identity>>;

struct Counted {
    rows: u32,
    name: Box<str>,
}

/// Which n-grams become features.
#[derive(Debug, Clone, Copy)]
pub struct VocabularyLimits {
    /// An n-gram in fewer rows is left out.
    pub rows_min: u32,
    /// At most this many, the most frequent ones.
    pub features_max: usize,
    /// Memory for counting, in bytes; the rarest n-grams are forgotten when it is full (lossy counting, Manku and
    /// Motwani 2002).
    pub memory_max_bytes: usize,
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
        let parts = map_chunks(texts, threads, |part| count_part(part, settings, false));
        self.rows += texts.len() as u64;
        self.add(parts);
    }

    /// Adds what chunks of a batch have counted, in order.
    fn add(&mut self, parts: Vec<ByHash<Counted>>) {
        for part in parts {
            if self.counts.is_empty() {
                self.counts = part;
                continue;
            }
            for (hash, counted) in part {
                match self.counts.entry(hash) {
                    Entry::Occupied(mut entry) => entry.get_mut().rows += counted.rows,
                    Entry::Vacant(entry) => {
                        entry.insert(counted);
                    }
                }
            }
        }
        while self.counts.len() * COUNTED_BYTES > self.limits.memory_max_bytes {
            self.forgotten_rows += 1;
            let least = self.forgotten_rows;
            self.counts.retain(|_, counted| counted.rows > least);
        }
    }

    /// The encoder of what was counted; the most frequent n-grams first.
    pub fn finish(self) -> NgramEncoder {
        let rows_min = self.limits.rows_min.max(1);
        let is_kept = |counted: &Counted| {
            counted.rows >= rows_min && (counted.rows >= NEAR_ROWS_MIN || Part::of(&counted.name) != Part::Near)
        };
        let mut kept: Vec<Counted> = self.counts.into_values().filter(is_kept).collect();
        kept.sort_unstable_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.name.cmp(&b.name)));
        kept.truncate(self.limits.features_max);
        let idf = |counted: &Counted| ((1.0 + self.rows as f64) / (1.0 + f64::from(counted.rows))).ln() + 1.0;
        let idf = kept.iter().map(|counted| idf(counted) as f32).collect();
        NgramEncoder::new(
            self.settings,
            kept.into_iter().map(|counted| counted.name).collect(),
            idf,
        )
    }
}

/// In how many of the texts, or contexts of texts, each n-gram comes.
fn count_part(texts: &[String], settings: GramSettings, context: bool) -> ByHash<Counted> {
    let mut counts = ByHash::<Counted>::default();
    let mut seen = ByHash::<()>::default();
    for text in texts {
        seen.clear();
        visit_grams(text, settings, true, |hash, gram| {
            let hash = if context { context_hash(hash) } else { hash };
            if seen.insert(hash, ()).is_none() {
                let entry = counts.entry(hash).or_insert_with(|| {
                    let name = gram.name();
                    let name = if context { context_name(&name) } else { name };
                    Counted {
                        rows: 0,
                        name: name.into(),
                    }
                });
                entry.rows += 1;
            }
        });
    }
    counts
}

/// A fitted vocabulary: names, weights, and where to find them.
#[derive(Clone)]
pub struct NgramEncoder {
    settings: GramSettings,
    names: Vec<Box<str>>,
    idf: Vec<f32>,
    parts: Vec<Part>,
    slots: ByHash<u32>,
    chinese: bool,
}

impl NgramEncoder {
    fn new(settings: GramSettings, names: Vec<Box<str>>, idf: Vec<f32>) -> Self {
        let slots = names
            .iter()
            .enumerate()
            .map(|(at, name)| (hash_name(name), at as u32))
            .collect();
        let chinese = names.iter().any(|name| name.chars().any(crate::text::words::is_han));
        Self {
            settings,
            parts: names.iter().map(|name| Part::of(name)).collect(),
            names,
            idf,
            slots,
            chinese,
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

    /// Whether any feature is Chinese, so that the dictionary will be needed.
    pub fn has_chinese(&self) -> bool {
        self.chinese
    }

    /// Encodes one prepared text into `row` (cleared first), features ascending.
    pub fn encode(&self, text: &str, row: &mut Vec<(u32, f32)>) {
        row.clear();
        visit_grams(text, self.settings, self.chinese, |hash, _| {
            if let Some(&feature) = self.slots.get(&hash) {
                row.push((feature, 1.0));
            }
        });
        self.weigh(row);
    }

    /// Turns occurrences into weights, each part scaled to the length that the settings give it.
    fn weigh(&self, row: &mut Vec<(u32, f32)>) {
        row.sort_unstable_by_key(|pair| pair.0);
        let mut kept = 0;
        let mut squares = [0f32; Part::COUNT];
        let mut at = 0;
        while at < row.len() {
            let feature = row[at].0;
            let same = row[at..].iter().take_while(|pair| pair.0 == feature).count();
            let weight = (1.0 + (same as f32).ln()) * self.idf[feature as usize];
            squares[self.parts[feature as usize] as usize] += weight * weight;
            row[kept] = (feature, weight);
            kept += 1;
            at += same;
        }
        row.truncate(kept);
        let words = self.settings.words_weight;
        let mut scale = [words, words, 1.0, 1.0];
        for (scale, square) in scale.iter_mut().zip(squares) {
            *scale *= if square > 0.0 { square.sqrt().recip() } else { 0.0 };
        }
        for (feature, weight) in row {
            *weight *= scale[self.parts[*feature as usize] as usize];
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
        BTreeMap::from([
            ("vocabulary.text".to_owned(), Tensor::U8(text)),
            ("vocabulary.ends".to_owned(), Tensor::U32(ends)),
            ("vocabulary.idf".to_owned(), Tensor::F32(self.idf.clone())),
        ])
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
        Ok(Self::new(settings, names, idf))
    }
}
