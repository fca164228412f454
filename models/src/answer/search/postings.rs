//! One channel's inverted index in flat arrays: for each term the passages it stands in and what it adds to their scores
//! by BM25F (Robertson, Zaragoza and Taylor, CIKM 2004). All of a passage's share is computed when the index is built, so
//! that a question costs one addition a posting.

use std::collections::{BTreeMap, HashMap};

use super::terms::Channel;
use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};

/// How fast a term's repeats stop to count, and how much a field's length does: the textbook's values. Measured on
/// BANKING77 and CLINC150 as in [`super::terms`]: no other pair finds more.
const SATURATION: f32 = 1.2;
const LENGTH_SHARE: f32 = 0.75;

/// About how many postings one question reads of one channel at most; the rarest terms come first, so what is left out
/// says least.
/// It bounds the time of a question, whatever is in it.
const POSTINGS_READ_MAX: usize = 250_000;

/// Most characters of a term; no word that is asked for is longer.
const TERM_BYTES_MAX: usize = 64;

/// A text of a passage and how much its words count.
pub(super) struct Field<'a> {
    /// As [`super::terms::seen`] gives it.
    pub text: &'a str,
    /// The weight of the field beside the others; fields of weight 0 are not read.
    pub weight: f32,
}

/// The fields of a passage, and the answer it belongs to: a term's rarity is its rarity among answers, so that ten
/// phrasings of one answer do not make their words common.
pub(super) struct Document<'a, const FIELDS: usize> {
    pub fields: [Field<'a>; FIELDS],
    pub answer: u32,
}

/// The index of one channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Postings {
    channel: Channel,
    /// Terms by their numbers, which follow the order of their letters.
    slots: HashMap<Box<str>, u32>,
    /// Where the postings of a term begin; one more than there are terms.
    starts: Vec<u32>,
    /// Passages of each posting, ascending within a term.
    passages: Vec<u32>,
    /// What each posting adds to the score of its passage.
    impacts: Vec<f32>,
    /// The rarity of each term, with its share.
    rarities: Vec<f32>,
    /// The rarity of a term that no passage holds.
    unseen: f32,
}

/// A question as one channel sees it.
pub(super) struct Asked {
    /// Known terms with their damped counts, by number.
    terms: Vec<(u32, f32)>,
    /// The rarities of all terms, known or not, times their counts: what a passage that says the same scores about.
    pub ideal: f32,
}

impl Postings {
    /// Indexes passages; their numbers are their places.
    pub fn build<const FIELDS: usize>(channel: Channel, documents: &[Document<'_, FIELDS>]) -> Self {
        let (counts, lengths) = count(channel, documents);
        let mean = |field: usize| {
            let all = lengths
                .iter()
                .map(|lengths| lengths[field])
                .filter(|length| *length > 0.0);
            let (sum, fields) = all.fold((0.0, 0.0), |(sum, fields), length| (sum + length, fields + 1.0));
            if fields > 0.0 { sum / fields } else { 1.0 }
        };
        let means: [f32; FIELDS] = std::array::from_fn(mean);
        let mut answers: Vec<u32> = documents.iter().map(|document| document.answer).collect();
        answers.sort_unstable();
        answers.dedup();
        let rarity = |of: usize| ((answers.len() as f32 - of as f32 + 0.5) / (of as f32 + 0.5)).ln_1p();
        let mut index = Self {
            channel,
            slots: HashMap::new(),
            starts: vec![0],
            passages: Vec::new(),
            impacts: Vec::new(),
            rarities: Vec::new(),
            unseen: rarity(0),
        };
        for (term, standing) in counts {
            let mut holders: Vec<u32> = standing.iter().map(|(at, _)| documents[*at as usize].answer).collect();
            holders.sort_unstable();
            holders.dedup();
            let rarity = rarity(holders.len()) * channel.share(&term);
            for (at, counts) in standing {
                let lengths = &lengths[at as usize];
                let mut frequency = 0.0;
                for (field, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0.0) {
                    let norm = 1.0 - LENGTH_SHARE + LENGTH_SHARE * lengths[field] / means[field];
                    frequency += documents[at as usize].fields[field].weight * count / norm;
                }
                index.passages.push(at);
                index
                    .impacts
                    .push(rarity * frequency * (SATURATION + 1.0) / (frequency + SATURATION));
            }
            index.starts.push(index.passages.len() as u32);
            index.slots.insert(term, index.rarities.len() as u32);
            index.rarities.push(rarity);
        }
        index
    }

    /// Reads a question that [`super::terms::seen`] made.
    pub fn ask(&self, question: &str) -> Asked {
        let mut counts: HashMap<Option<u32>, f32> = HashMap::new();
        let mut unknown: HashMap<Box<str>, f32> = HashMap::new();
        self.channel.visit(question, &mut |term| {
            match self.slots.get(term) {
                Some(slot) => *counts.entry(Some(*slot)).or_default() += 1.0,
                None => *unknown.entry(term.into()).or_default() += 1.0,
            };
        });
        let mut terms: Vec<(u32, f32)> = counts
            .into_iter()
            .filter_map(|(slot, n)| Some((slot?, damped(n))))
            .collect();
        terms.sort_unstable_by_key(|term| term.0);
        let known: f32 = terms
            .iter()
            .map(|(slot, count)| count * self.rarities[*slot as usize])
            .sum();
        // Summed in the order of the terms: a hash table has another one each time.
        let mut unknown: Vec<f32> = unknown
            .iter()
            .map(|(term, count)| damped(*count) * self.unseen * self.channel.share(term))
            .collect();
        unknown.sort_by(f32::total_cmp);
        Asked {
            terms,
            ideal: known + unknown.iter().sum::<f32>(),
        }
    }

    /// Adds to `scores`, one a passage, what the question scores there; 1 is about the question itself.
    pub fn score(&self, asked: &Asked, scores: &mut [f32]) {
        if asked.ideal <= 0.0 {
            return;
        }
        let mut terms: Vec<(usize, usize, f32)> = asked
            .terms
            .iter()
            .map(|&(slot, count)| {
                let (start, end) = (self.starts[slot as usize], self.starts[slot as usize + 1]);
                (start as usize, end as usize, count / asked.ideal)
            })
            .collect();
        terms.sort_by_key(|(start, end, _)| (end - start, *start));
        let mut read = 0;
        for (start, end, scale) in terms {
            if read >= POSTINGS_READ_MAX {
                break;
            }
            read += end - start;
            let postings = self.passages[start..end].iter().zip(&self.impacts[start..end]);
            postings.for_each(|(passage, impact)| scores[*passage as usize] += impact * scale);
        }
    }

    /// The share of the question's rarities that each of the `passages` (ascending) holds, from 0 to 1.
    pub fn coverage(&self, asked: &Asked, passages: &[u32]) -> Vec<f32> {
        let mut covered = vec![0.0; passages.len()];
        for &(slot, count) in &asked.terms {
            let range = self.starts[slot as usize] as usize..self.starts[slot as usize + 1] as usize;
            let holders = &self.passages[range];
            for (covered, passage) in covered.iter_mut().zip(passages) {
                if holders.binary_search(passage).is_ok() {
                    *covered += count * self.rarities[slot as usize];
                }
            }
        }
        let ideal = asked.ideal.max(f32::MIN_POSITIVE);
        covered.iter_mut().for_each(|covered| *covered /= ideal);
        covered
    }

    /// The arrays to store, their names after `place`.
    pub fn tensors(&self, place: &str) -> BTreeMap<String, Tensor> {
        let mut names: Vec<(&str, u32)> = self.slots.iter().map(|(name, slot)| (name.as_ref(), *slot)).collect();
        names.sort_unstable_by_key(|name| name.1);
        let (mut text, mut ends) = (Vec::new(), Vec::with_capacity(names.len()));
        for (name, _) in names {
            text.extend_from_slice(name.as_bytes());
            ends.push(text.len() as u32);
        }
        let mut rarities = self.rarities.clone();
        rarities.push(self.unseen);
        BTreeMap::from([
            (format!("{place}.text"), Tensor::U8(text)),
            (format!("{place}.ends"), Tensor::U32(ends)),
            (format!("{place}.starts"), Tensor::U32(self.starts.clone())),
            (format!("{place}.passages"), Tensor::U32(self.passages.clone())),
            (format!("{place}.impacts"), Tensor::F32(self.impacts.clone())),
            (format!("{place}.rarities"), Tensor::F32(rarities)),
        ])
    }

    /// Takes an index over so many `passages` out of an artifact and checks it.
    ///
    /// # Errors
    /// When arrays are missing or do not fit each other.
    pub fn take(artifact: &mut Artifact, (channel, place): (Channel, &str), passages: usize) -> Result<Self> {
        let text = artifact.take_u8(&format!("{place}.text"))?;
        let text = String::from_utf8(text).map_err(|e| Error::artifact(place, e))?;
        let ends = artifact.take_u32(&format!("{place}.ends"))?;
        let mut rarities = artifact.take_f32(&format!("{place}.rarities"))?;
        let unseen = rarities.pop();
        let mut slots = HashMap::with_capacity(ends.len());
        let mut start = 0;
        for (slot, &end) in ends.iter().enumerate() {
            let name = text.get(start..end as usize);
            let name = name.ok_or_else(|| Error::artifact(place, "terms do not fit the text"))?;
            slots.insert(name.into(), slot as u32);
            start = end as usize;
        }
        let index = Self {
            channel,
            starts: artifact.take_u32(&format!("{place}.starts"))?,
            passages: artifact.take_u32(&format!("{place}.passages"))?,
            impacts: artifact.take_f32(&format!("{place}.impacts"))?,
            unseen: unseen.ok_or_else(|| Error::artifact(place, "no rarities"))?,
            rarities,
            slots,
        };
        if index.is_sound(passages) {
            Ok(index)
        } else {
            Err(Error::artifact(place, "terms and postings do not fit each other"))
        }
    }

    /// Whether every place that a question will look at exists.
    fn is_sound(&self, passages: usize) -> bool {
        let terms = self.rarities.len();
        self.slots.len() == terms
            && self.starts.len() == terms + 1
            && self.starts[0] == 0
            && self.starts[terms] as usize == self.passages.len()
            && self.starts.is_sorted()
            && self.passages.len() == self.impacts.len()
            && self.passages.iter().all(|passage| (*passage as usize) < passages)
            && self.impacts.iter().chain(&self.rarities).all(|value| value.is_finite())
            && self.unseen.is_finite()
    }
}

/// Repeats in a question count less and less (as in TF-IDF with damped counts).
fn damped(count: f32) -> f32 {
    1.0 + count.ln()
}

/// By term, in the order of letters: the passages it stands in with its counts by field; and the length of every field.
type Counts<const FIELDS: usize> = (BTreeMap<Box<str>, Vec<(u32, [f32; FIELDS])>>, Vec<[f32; FIELDS]>);

fn count<const FIELDS: usize>(channel: Channel, documents: &[Document<'_, FIELDS>]) -> Counts<FIELDS> {
    let mut counts: BTreeMap<Box<str>, Vec<(u32, [f32; FIELDS])>> = BTreeMap::new();
    let mut lengths = vec![[0.0; FIELDS]; documents.len()];
    for (at, document) in documents.iter().enumerate() {
        for (place, field) in document
            .fields
            .iter()
            .enumerate()
            .filter(|(_, field)| field.weight > 0.0)
        {
            channel.visit(field.text, &mut |term| {
                lengths[at][place] += 1.0;
                if term.len() > TERM_BYTES_MAX {
                    return;
                }
                if !counts.contains_key(term) {
                    counts.insert(term.into(), Vec::new());
                }
                let Some(standing) = counts.get_mut(term) else { return };
                if standing.last().is_none_or(|last| last.0 != at as u32) {
                    standing.push((at as u32, [0.0; FIELDS]));
                }
                if let Some((_, counts)) = standing.last_mut() {
                    counts[place] += 1.0;
                }
            });
        }
    }
    (counts, lengths)
}
