//! Groups of near-duplicates by locality-sensitive hashing: signatures are cut into bands, texts that agree in a whole
//! band are candidates, and candidates whose signatures agree enough are joined (Leskovec et al., Mining of Massive
//! Datasets, chapter 3).

use super::{HASHES, MinHash, mix};
use std::collections::HashMap;

/// The share of pairs at the threshold that must become candidates.
const CANDIDATE_RECALL: f64 = 0.995;
/// Neighbours in a bucket that a text is compared with at most, so that a million like texts stay linear.
const COMPARISONS_MAX: usize = 32;

/// Collects signatures and groups them. Holds about 530 bytes a distinct signature, and 16 more while it groups.
#[derive(Debug)]
pub struct NearDuplicates {
    threshold: f64,
    /// Numbers of a signature in one band.
    rows: usize,
    /// Each id with the place of its signature; equal signatures are kept once.
    ids: Vec<(u64, usize)>,
    signatures: Vec<MinHash>,
    places: HashMap<u64, usize>,
}

impl NearDuplicates {
    /// Texts whose similarity is at least `threshold` (0 to 1; values outside are taken as the nearer end) belong
    /// together, and so do those that are linked by such texts.
    pub fn new(threshold: f64) -> Self {
        let threshold = if threshold.is_nan() {
            1.0
        } else {
            threshold.clamp(0.0, 1.0)
        };
        Self {
            threshold,
            rows: rows(threshold),
            ids: Vec::new(),
            signatures: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// Takes one text. Ids are the caller's and may repeat.
    pub fn add(&mut self, id: u64, signature: MinHash) {
        let mut key = hash(&signature.0);
        // Other signatures with the same hash: the next key.
        let place = loop {
            match self.places.get(&key) {
                Some(&place) if self.signatures[place] == signature => break place,
                Some(_) => key = mix(key.wrapping_add(1)),
                None => {
                    self.places.insert(key, self.signatures.len());
                    self.signatures.push(signature);
                    break self.signatures.len() - 1;
                }
            }
        };
        self.ids.push((id, place));
    }

    /// What it holds, and will hold while it groups, in bytes.
    pub fn size_bytes(&self) -> usize {
        // A place takes a hash table's entry, a bucket's and two of the sets; tables and lists grow by doubling.
        let distinct = size_of::<MinHash>() + 6 * size_of::<(u64, usize)>();
        self.signatures.capacity() * distinct + self.ids.capacity() * 3 * size_of::<(u64, usize)>()
    }

    /// The groups of two ids and more, each in the order of adding, ordered by their first. The same calls give the same
    /// groups. In a bucket of many texts each is compared with the 32 before it only, so a pair can be missed there.
    pub fn groups(&self) -> Vec<Vec<u64>> {
        let mut sets = Sets::new(self.signatures.len());
        let mut bucket: Vec<(u64, usize)> = Vec::with_capacity(self.signatures.len());
        for band in 0..HASHES / self.rows {
            let range = band * self.rows..(band + 1) * self.rows;
            bucket.clear();
            bucket.extend(
                self.signatures
                    .iter()
                    .enumerate()
                    .map(|(place, signature)| (hash(&signature.0[range.clone()]), place)),
            );
            bucket.sort_unstable();
            for run in bucket.chunk_by(|a, b| a.0 == b.0) {
                self.join_alike(run, &mut sets);
            }
        }
        let mut group_of: HashMap<usize, usize> = HashMap::new();
        let mut groups: Vec<Vec<u64>> = Vec::new();
        for &(id, place) in &self.ids {
            let group = *group_of.entry(sets.root(place)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(id);
        }
        groups.retain(|group| group.len() > 1);
        groups
    }

    fn join_alike(&self, run: &[(u64, usize)], sets: &mut Sets) {
        for (at, &(_, place)) in run.iter().enumerate() {
            for &(_, before) in &run[at.saturating_sub(COMPARISONS_MAX)..at] {
                if sets.root(before) != sets.root(place)
                    && self.signatures[before].similarity(&self.signatures[place]) >= self.threshold
                {
                    sets.join(before, place);
                }
            }
        }
    }
}

/// The most rows a band with which pairs at the threshold still become candidates: with `r` rows and `b` bands the chance
/// is `1 - (1 - t^r)^b`.
fn rows(threshold: f64) -> usize {
    let recall = |rows: usize| 1.0 - (1.0 - threshold.powi(rows as i32)).powi((HASHES / rows) as i32);
    (1..=HASHES)
        .rev()
        .find(|&rows| recall(rows) >= CANDIDATE_RECALL)
        .unwrap_or(1)
}

fn hash(numbers: &[u32]) -> u64 {
    numbers.iter().fold(0, |hash, &number| mix(hash ^ u64::from(number)))
}

/// Disjoint sets with path halving; the smaller place is the root, so results do not depend on the order of joins.
struct Sets(Vec<usize>);

impl Sets {
    fn new(len: usize) -> Self {
        Self((0..len).collect())
    }

    fn root(&mut self, mut place: usize) -> usize {
        while self.0[place] != place {
            self.0[place] = self.0[self.0[place]];
            place = self.0[place];
        }
        place
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}
