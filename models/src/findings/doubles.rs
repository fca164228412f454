//! Examples whose texts are the same, or nearly: which belong together when rows are cut, which stand on both sides of the
//! cut all the same, and which have different labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Contradiction, Cut, Duplicates, LISTED_MAX, LabelledRow, Part, RowRef, Union, read_back};
use crate::encode::map_chunks;
use crate::error::Result;
use crate::kind::Rows;
use crate::text::near_dup::{MinHash, NearDuplicates, near_dup_key};

/// Share of common wording from which on texts are near-duplicates. High, as short questions about different things
/// share much of their wording.
const THRESHOLD: f64 = 0.9;

/// Near-duplicates are not joined to more than this share of the rows: links could chain texts of one template into a
/// group that is the whole of a part.
const GROUP_SHARE_MAX: f64 = 0.01;
/// Nor kept from this many rows.
const GROUP_ROWS_MIN: u64 = 20;

/// Rows listed that stand on both sides of the cut, of each sort.
const ACROSS_LISTED: usize = 10;
/// Labels shown of one contradiction.
const LABELS_SHOWN: usize = 6;

/// Sides of the cut on which rows stand.
const LEARNED: u8 = 1;
const MEASURED: u8 = 2;

/// Takes note of texts and labels, row by row. Memory: about 16 bytes a row, 70 a text, and what near-duplicates hold,
/// which is bounded.
#[derive(Debug)]
pub struct Texts {
    threads: usize,
    near_max_bytes: usize,
    /// By row: its text, its label.
    rows: Vec<(u32, u32)>,
    labels: Numbers<String>,
    /// Texts by the hash of their prepared form.
    texts: Numbers<u64>,
    /// By text: the number of its key.
    keys_of_texts: Vec<u32>,
    keys: Numbers<u64>,
    /// Signatures of keys.
    near: NearDuplicates,
    not_compared: u64,
}

/// Numbers values in the order in which they come.
#[derive(Debug)]
struct Numbers<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T: Clone + Eq + std::hash::Hash> Numbers<T> {
    fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            values: Vec::new(),
        }
    }

    /// The number of a value, and whether it is new.
    fn of(&mut self, value: &T) -> (u32, bool) {
        if let Some(number) = self.numbers.get(value) {
            return (*number, false);
        }
        let number = self.values.len() as u32;
        self.numbers.insert(value.clone(), number);
        self.values.push(value.clone());
        (number, true)
    }
}

/// Texts by the group they are in: the number of its first text.
#[derive(Debug)]
pub struct NearGroups {
    of_text: Vec<u32>,
}

impl Texts {
    /// Nothing noted yet. Signatures are taken until they would hold more than `near_max_bytes`.
    pub fn new(threads: usize, near_max_bytes: usize) -> Self {
        Self {
            threads,
            near_max_bytes,
            rows: Vec::new(),
            labels: Numbers::new(),
            texts: Numbers::new(),
            keys_of_texts: Vec::new(),
            keys: Numbers::new(),
            near: NearDuplicates::new(THRESHOLD),
            not_compared: 0,
        }
    }

    /// Threads to use.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Takes rows: their prepared texts, the hashes of these, and their labels.
    pub fn add(&mut self, prepared: &[String], hashes: &[u64], labels: &[String]) {
        let mut new_texts = Vec::new();
        for ((text, hash), label) in prepared.iter().zip(hashes).zip(labels) {
            let (number, is_new) = self.texts.of(hash);
            if is_new {
                new_texts.push(text);
            }
            self.rows.push((number, self.labels.of(label).0));
        }
        let key = |text: &&String| u64::from_str_radix(&near_dup_key(text), 16).unwrap_or_default();
        let keys = map_chunks(&new_texts, self.threads, |part| {
            part.iter().map(key).collect::<Vec<_>>()
        })
        .concat();
        let mut new_keys = Vec::new();
        for (text, key) in new_texts.into_iter().zip(keys) {
            let (number, is_new) = self.keys.of(&key);
            self.keys_of_texts.push(number);
            if is_new {
                new_keys.push((number, text));
            }
        }
        if self.near.size_bytes() >= self.near_max_bytes {
            self.not_compared += new_keys.len() as u64;
            return;
        }
        let sign = |(number, text): &(u32, &String)| (*number, MinHash::of_text(text));
        let signed = map_chunks(&new_keys, self.threads, |part| {
            part.iter().map(sign).collect::<Vec<_>>()
        });
        for (number, signature) in signed.into_iter().flatten() {
            // A text without anything to be seen is like no other.
            if let Some(signature) = signature {
                self.near.add(number.into(), signature);
            }
        }
    }

    /// Which texts are near-duplicates: those that share a key, or whose keys' signatures are alike.
    pub fn groups(&self) -> NearGroups {
        let mut first_key: Vec<u32> = (0..self.keys.values.len() as u32).collect();
        for group in self.near.groups() {
            let first = group.iter().min().copied().unwrap_or_default() as u32;
            group.iter().for_each(|key| first_key[*key as usize] = first);
        }
        let mut first_text = vec![u32::MAX; first_key.len()];
        let of_text = self.keys_of_texts.iter().zip(0u32..).map(|(key, text)| {
            let first = &mut first_text[first_key[*key as usize] as usize];
            *first = (*first).min(text);
            *first
        });
        NearGroups {
            of_text: of_text.collect(),
        }
    }

    /// Joins near-duplicates in `union`, where the texts' hashes stand for their rows, unless a group would become too
    /// large. `of_rows` are the groups of the rows so far. Gives the number of texts that were left apart.
    pub fn join(&self, near: &NearGroups, of_rows: &[u64], union: &mut Union) -> u64 {
        let rows_max = ((of_rows.len() as f64 * GROUP_SHARE_MAX) as u64).max(GROUP_ROWS_MIN);
        let mut members = BTreeMap::<u32, Vec<u32>>::new();
        for (text, first) in (0u32..).zip(&near.of_text).filter(|(text, first)| text != *first) {
            members.entry(*first).or_insert_with(|| vec![*first]).push(text);
        }
        let hash = |text: u32| self.texts.values[text as usize];
        let mut sizes: HashMap<u64, u64> = members
            .values()
            .flatten()
            .map(|text| (union.root(hash(*text)), 0))
            .collect();
        for group in of_rows {
            if let Some(size) = sizes.get_mut(&union.root(*group)) {
                *size += 1;
            }
        }
        let mut left_apart = 0;
        for group in members.values() {
            let mut anchor = hash(group[0]);
            for &text in &group[1..] {
                let (a, b) = (union.root(anchor), union.root(hash(text)));
                if a == b {
                    continue;
                }
                let together = sizes[&a] + sizes[&b];
                if together > rows_max {
                    // What comes after it can still be joined to it.
                    anchor = hash(text);
                    left_apart += 1;
                    continue;
                }
                let root = union.join(a, b);
                sizes.insert(root, together);
            }
        }
        left_apart
    }

    /// What was found. `parts` are those of the rows, `rows` the rows themselves, read once more for what is listed.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn found(
        &self,
        near: &NearGroups,
        parts: &[Part],
        rows: &dyn Rows,
        (cut, left_apart): (Cut, u64),
    ) -> Result<Duplicates> {
        let tally = Tally::of(self, near, parts);
        let across = Across::of(self, near, parts, &tally);
        let (contradictory, contradictions, contradicting) = self.contradictions(near, &tally);
        let mut wanted: BTreeSet<u64> = across.listed.iter().flatten().copied().collect();
        wanted.extend(contradictory.iter().flat_map(|group| group.first_rows()));
        let places = places(parts, &wanted);
        let back = read_back(rows, &wanted)?;
        let shown = |row: u64| {
            let (text, number) = back.get(&row).cloned().unwrap_or_default();
            let (part, place) = places.get(&row).copied().unwrap_or_default();
            LabelledRow {
                row: RowRef {
                    part: part.into(),
                    place,
                    row: number,
                    text,
                },
                label: self.labels.values[self.rows[row as usize].1 as usize].clone(),
            }
        };
        let grouped = || {
            tally
                .groups
                .iter()
                .map(|group| u64::from(group.rows))
                .filter(|rows| *rows > 1)
        };
        Ok(Duplicates {
            threshold: THRESHOLD,
            texts: self.texts.values.len() as u64,
            not_compared: self.not_compared,
            groups: grouped().count() as u64,
            grouped: grouped().sum(),
            largest: grouped().max().unwrap_or_default(),
            cut,
            left_apart,
            across_same: across.same,
            across_near: across.near,
            across: across.listed.iter().map(|pair| pair.map(shown)).collect(),
            contradictions,
            contradicting,
            contradictory: contradictory
                .iter()
                .map(|group| Contradiction {
                    is_same_text: group.is_same_text,
                    labels: group
                        .labels
                        .iter()
                        .map(|(label, (rows, _))| (self.labels.values[*label as usize].clone(), *rows))
                        .collect(),
                    rows: group.first_rows().map(shown).collect(),
                })
                .collect(),
        })
    }

    /// The groups with different labels that are listed, and how many there are, with how many rows beside the most
    /// frequent label.
    fn contradictions(&self, near: &NearGroups, tally: &Tally) -> (Vec<Mixed>, u64, u64) {
        let mut mixed = BTreeMap::<u32, (u32, bool, BTreeMap<u32, (u64, u64)>)>::new();
        for ((text, label), row) in self.rows.iter().zip(0u64..) {
            let group = near.of_text[*text as usize];
            if !tally.groups[group as usize].is_mixed {
                continue;
            }
            let (first, is_same_text, labels) = mixed.entry(group).or_insert_with(|| (*text, true, BTreeMap::new()));
            *is_same_text &= first == text;
            labels.entry(*label).or_insert((0, row)).0 += 1;
        }
        let count = mixed.len() as u64;
        let mut groups: Vec<Mixed> = mixed
            .into_values()
            .map(|(_, is_same_text, labels)| {
                let mut labels: Vec<(u32, (u64, u64))> = labels.into_iter().collect();
                labels.sort_by_key(|(_, (rows, first))| (std::cmp::Reverse(*rows), *first));
                let contradicting = labels[1..].iter().map(|(_, (rows, _))| rows).sum();
                labels.truncate(LABELS_SHOWN);
                Mixed {
                    is_same_text,
                    labels,
                    contradicting,
                }
            })
            .collect();
        let contradicting = groups.iter().map(|group| group.contradicting).sum();
        groups.sort_by_key(|group| {
            (
                !group.is_same_text,
                std::cmp::Reverse(group.contradicting),
                group.labels[0].1.1,
            )
        });
        groups.truncate(LISTED_MAX);
        (groups, count, contradicting)
    }
}

/// A group with different labels.
struct Mixed {
    is_same_text: bool,
    /// Each label with its number of rows and the first of them.
    labels: Vec<(u32, (u64, u64))>,
    contradicting: u64,
}

impl Mixed {
    fn first_rows(&self) -> impl Iterator<Item = u64> {
        self.labels.iter().map(|(_, (_, first))| *first)
    }
}

/// What is known of a group, at the place of its first text.
#[derive(Clone, Copy, Default)]
struct Group {
    rows: u32,
    sides: u8,
    label: u32,
    is_mixed: bool,
}

struct Tally {
    groups: Vec<Group>,
    text_sides: Vec<u8>,
}

impl Tally {
    fn of(texts: &Texts, near: &NearGroups, parts: &[Part]) -> Self {
        let mut groups = vec![Group::default(); near.of_text.len()];
        let mut text_sides = vec![0; near.of_text.len()];
        for ((text, label), part) in texts.rows.iter().zip(parts) {
            let group = &mut groups[near.of_text[*text as usize] as usize];
            let side = side(*part);
            if group.rows == 0 {
                group.label = *label;
            }
            group.rows += 1;
            group.sides |= side;
            group.is_mixed |= group.label != *label;
            text_sides[*text as usize] |= side;
        }
        Self { groups, text_sides }
    }
}

fn side(part: Part) -> u8 {
    if part == Part::Test { MEASURED } else { LEARNED }
}

/// Rows on both sides of the cut.
struct Across {
    same: u64,
    near: u64,
    /// A test row and its like.
    listed: Vec<[u64; 2]>,
}

impl Across {
    fn of(texts: &Texts, near: &NearGroups, parts: &[Part], tally: &Tally) -> Self {
        let (mut same, mut near_rows) = (Vec::new(), Vec::new());
        let (mut same_count, mut near_count) = (0, 0);
        for (((text, _), part), row) in texts.rows.iter().zip(parts).zip(0u64..) {
            if *part != Part::Test {
                continue;
            }
            let group = near.of_text[*text as usize];
            let (count, listed, like) = if tally.text_sides[*text as usize] == LEARNED | MEASURED {
                (&mut same_count, &mut same, Like::Text(*text))
            } else if tally.groups[group as usize].sides == LEARNED | MEASURED {
                (&mut near_count, &mut near_rows, Like::Group(group))
            } else {
                continue;
            };
            *count += 1;
            if listed.len() < ACROSS_LISTED {
                listed.push((row, like));
            }
        }
        let wanted: Vec<(u64, Like)> = same.into_iter().chain(near_rows).collect();
        let mut found: BTreeMap<Like, u64> = BTreeMap::new();
        let likes: BTreeSet<Like> = wanted.iter().map(|(_, like)| *like).collect();
        for (((text, _), part), row) in texts.rows.iter().zip(parts).zip(0u64..) {
            if *part == Part::Test || found.len() == likes.len() {
                continue;
            }
            for like in [Like::Text(*text), Like::Group(near.of_text[*text as usize])] {
                if likes.contains(&like) {
                    found.entry(like).or_insert(row);
                }
            }
        }
        Self {
            same: same_count,
            near: near_count,
            listed: wanted
                .iter()
                .filter_map(|(row, like)| Some([*row, *found.get(like)?]))
                .collect(),
        }
    }
}

/// What a row on the other side is looked for by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Like {
    Text(u32),
    Group(u32),
}

/// The part of each wanted row, and its place in the file of that part.
fn places(parts: &[Part], wanted: &BTreeSet<u64>) -> HashMap<u64, (&'static str, u64)> {
    let mut counts = [0u64; 3];
    let mut places = HashMap::new();
    for (part, row) in parts.iter().zip(0u64..) {
        if wanted.contains(&row) {
            places.insert(row, (part.name(), counts[*part as usize]));
        }
        counts[*part as usize] += 1;
    }
    places
}

#[cfg(test)]
mod tests;
