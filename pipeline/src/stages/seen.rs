//! Keys seen so far, in bounded memory: the first million are held; from then on keys go to files by their first bits,
//! and which rows repeat one is known at the end.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The first half of a SHA-256 over a row's key.
pub(super) type Key = [u8; 16];

/// Keys are digests: their bytes are as good a hash as any. The first byte chooses the file, so it is left out.
#[derive(Debug, Default)]
struct OfDigest(u64);

impl Hasher for OfDigest {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*last);
        }
    }

    /// The length, which is that of all keys.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Keys held in memory, about 34 bytes each.
#[cfg(not(test))]
const HELD_MAX: usize = 1 << 20;
#[cfg(test)]
const HELD_MAX: usize = 1 << 4;

/// Files that keys are spread over; each is looked at by itself at the end, so memory is a 64th of all keys.
const PARTS: usize = 64;

/// Stands for a row whose key was held, which is the first with it.
const HELD: u64 = u64::MAX;

/// What is known of a key at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// No row before it has it.
    First,
    /// A row before it has it.
    Again,
    /// [`KeysSeen::repeated`] will tell, for the number it was asked with.
    Later,
}

/// Keys of the rows of a table, in their order.
pub(super) struct KeysSeen {
    folder: PathBuf,
    held: HashSet<Key, BuildHasherDefault<OfDigest>>,
    parts: Vec<BufWriter<File>>,
    /// Rows put off so far: their numbers are 0, 1, 2 ...
    later: u64,
}

impl KeysSeen {
    /// None yet. `folder` is for the files; it is made when it is needed.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            held: HashSet::default(),
            parts: Vec::new(),
            later: 0,
        }
    }

    /// Takes the key of the next row.
    pub(super) fn see(&mut self, key: Key) -> Result<Seen> {
        if !self.parts.is_empty() {
            self.put(key, self.later)?;
            self.later += 1;
            return Ok(Seen::Later);
        }
        if !self.held.insert(key) {
            return Ok(Seen::Again);
        }
        if self.held.len() >= HELD_MAX {
            self.spill()?;
        }
        Ok(Seen::First)
    }

    fn spill(&mut self) -> Result<()> {
        fs::create_dir_all(&self.folder).map_err(Error::file(&self.folder))?;
        for part in 0..PARTS {
            let path = self.part(part);
            let file = File::create(&path).map_err(Error::file(&path))?;
            self.parts.push(BufWriter::new(file));
        }
        for key in std::mem::take(&mut self.held) {
            self.put(key, HELD)?;
        }
        Ok(())
    }

    fn part(&self, part: usize) -> PathBuf {
        self.folder.join(format!("keys-{part}"))
    }

    fn put(&mut self, key: Key, number: u64) -> Result<()> {
        let part = usize::from(key[0]) % PARTS;
        let to = &mut self.parts[part];
        let written = to.write_all(&key).and_then(|()| to.write_all(&number.to_le_bytes()));
        written.map_err(Error::file(&self.folder))
    }

    /// Which of the rows put off repeat a key: one bit each, by their numbers.
    pub(super) fn repeated(mut self) -> Result<Bits> {
        let mut repeated = Bits(vec![0; (self.later as usize).div_ceil(64)]);
        for mut part in std::mem::take(&mut self.parts) {
            part.flush().map_err(Error::file(&self.folder))?;
        }
        for part in 0..if self.later > 0 { PARTS } else { 0 } {
            let path = self.part(part);
            let file = File::open(&path).map_err(Error::file(&path))?;
            let entries = file.metadata().map_err(Error::file(&path))?.len() / 24;
            let mut reader = BufReader::new(file);
            self.held.clear();
            // Held keys were written first, and the others in the order of their rows.
            for _ in 0..entries {
                let (mut key, mut number) = ([0; 16], [0; 8]);
                let read = reader
                    .read_exact(&mut key)
                    .and_then(|()| reader.read_exact(&mut number));
                read.map_err(Error::file(&path))?;
                if !self.held.insert(key) {
                    repeated.set(u64::from_le_bytes(number));
                }
            }
        }
        Ok(repeated)
    }
}

/// A bit for each number.
pub(super) struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, number: u64) {
        if let Some(word) = self.0.get_mut((number / 64) as usize) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether the bit is set.
    pub(super) fn has(&self, number: u64) -> bool {
        self.0
            .get((number / 64) as usize)
            .is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::{KeysSeen, Seen};

    proptest! {
        /// Whatever is held or put off, exactly the rows that repeat an earlier key are found.
        #[test]
        fn finds_every_repetition(keys in prop::collection::vec(0_u8..40, 0..120)) {
            let folder = tempfile::tempdir().unwrap();
            let mut seen = KeysSeen::new(folder.path());
            let answers: Vec<Seen> = keys.iter().map(|&key| seen.see([key; 16]).unwrap()).collect();
            let bits = seen.repeated().unwrap();
            let mut later = 0;
            for (at, answer) in answers.iter().enumerate() {
                let repeats = match answer {
                    Seen::First => false,
                    Seen::Again => true,
                    Seen::Later => {
                        later += 1;
                        bits.has(later - 1)
                    }
                };
                prop_assert_eq!(repeats, keys[..at].contains(&keys[at]));
            }
        }
    }
}
