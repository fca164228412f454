//! Vectors that fits have made, kept by the digest of their text: making them is most of the time of a fit. A file an
//! encoder that only grows; whatever of its end was not written whole is cut off when it is opened.
//!
//! ```text
//! header: "DMVEC01\n", dimensions (u32)      record: key (16 bytes), vector (f32 each), check (4 bytes)
//! ```
//! The key is the beginning of the text's SHA-256, the check that of the record before it. All numbers are little-endian.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use deskmill_models::sentence::{Embeddings, SentenceEncoder};
use deskmill_models::{Error as ModelsError, Result as ModelsResult};
use sha2::{Digest, Sha256};

use super::FOLDER;
use crate::catalog::Catalog;
use crate::error::{Error, Result};

const FILE: &str = "vectors.bin";
const MAGIC: &[u8; 8] = b"DMVEC01\n";
const HEADER_BYTES: u64 = 12;
const CHECK_BYTES: usize = 4;
/// A file that has reached this grows no more; what is not in it is made anew.
const FILE_MAX_BYTES: u64 = 4 << 30;
/// Texts that are embedded before their vectors are written: what a killed fit loses at most.
const TEXTS_PER_WRITE: usize = 512;

type Key = [u8; 16];

/// [`Embeddings`] that are kept in the work folder. One run at a time writes there, as the run's lock sees to.
pub struct CachedEmbeddings {
    encoder: Arc<SentenceEncoder>,
    threads: usize,
    vectors: Mutex<Vectors>,
}

impl CachedEmbeddings {
    /// Opens the vectors of an encoder, none if it is new here. `threads` is how many embed at once, at least 1.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(catalog: &Catalog, encoder: Arc<SentenceEncoder>, threads: usize) -> Result<Self> {
        let folder = catalog.work().join(FOLDER).join(encoder.digest());
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let path = folder.join(FILE);
        let vectors = Vectors::open(&path, encoder.dimensions(), FILE_MAX_BYTES).map_err(Error::file(&path))?;
        Ok(Self {
            encoder,
            threads,
            vectors: Mutex::new(vectors),
        })
    }
}

impl Embeddings for CachedEmbeddings {
    fn embed_all(&self, texts: &[String]) -> ModelsResult<Vec<f32>> {
        let dimensions = self.encoder.dimensions();
        let mut vectors = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        let path = vectors.path.clone();
        let failed = |source| ModelsError::File {
            path: path.clone(),
            source,
        };
        let mut all = vec![0.0; texts.len() * dimensions];
        // The places of each text that is not there yet, in order of the texts.
        let mut places: HashMap<Key, Vec<usize>> = HashMap::new();
        let mut missing = Vec::new();
        for (at, (text, vector)) in texts.iter().zip(all.chunks_exact_mut(dimensions)).enumerate() {
            let key = key_of(text);
            if vectors.read(&key, vector).map_err(failed)? {
                continue;
            }
            let places = places.entry(key).or_default();
            if places.is_empty() {
                missing.push((key, text));
            }
            places.push(at);
        }
        for part in missing.chunks(TEXTS_PER_WRITE) {
            let texts: Vec<String> = part.iter().map(|(_, text)| (*text).clone()).collect();
            let made = self.encoder.embed_all(&texts, self.threads)?;
            let made = || part.iter().map(|(key, _)| key).zip(made.chunks_exact(dimensions));
            vectors.append(made()).map_err(failed)?;
            for (key, vector) in made() {
                for at in &places[key] {
                    all[at * dimensions..][..dimensions].copy_from_slice(vector);
                }
            }
        }
        Ok(all)
    }

    fn encoder(&self) -> Arc<SentenceEncoder> {
        self.encoder.clone()
    }
}

fn key_of(text: &str) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    key
}

/// The file, and which of its records holds which key.
pub(super) struct Vectors {
    path: PathBuf,
    file: File,
    dimensions: usize,
    records: HashMap<Key, u64>,
    /// The end of the last whole record.
    end: u64,
    max_bytes: u64,
}

impl Vectors {
    pub(super) fn open(path: &Path, dimensions: usize, max_bytes: u64) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut vectors = Self {
            path: path.to_owned(),
            file,
            dimensions,
            records: HashMap::new(),
            end: 0,
            max_bytes,
        };
        vectors.scan()?;
        Ok(vectors)
    }

    /// Reads up to the first record that is not whole, and cuts the file there.
    fn scan(&mut self) -> std::io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        let mut header = [0; HEADER_BYTES as usize];
        let is_ours = read_whole(&mut reader, &mut header)? && header == self.header();
        let mut record = vec![0; self.record_bytes()];
        if is_ours {
            self.end = HEADER_BYTES;
            while read_whole(&mut reader, &mut record)? {
                let Some((key, _)) = checked(&record) else { break };
                self.records.insert(key, self.end);
                self.end += record.len() as u64;
            }
        }
        self.file.set_len(self.end)?;
        if !is_ours {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&self.header())?;
            self.end = HEADER_BYTES;
        }
        Ok(())
    }

    fn header(&self) -> [u8; HEADER_BYTES as usize] {
        let mut header = [0; HEADER_BYTES as usize];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        header[MAGIC.len()..].copy_from_slice(&(self.dimensions as u32).to_le_bytes());
        header
    }

    fn record_bytes(&self) -> usize {
        size_of::<Key>() + self.dimensions * size_of::<f32>() + CHECK_BYTES
    }

    /// Fills in the vector of a key; false if it is not there, or not what was written.
    pub(super) fn read(&mut self, key: &Key, vector: &mut [f32]) -> std::io::Result<bool> {
        let Some(at) = self.records.get(key) else {
            return Ok(false);
        };
        let mut record = vec![0; self.record_bytes()];
        self.file.seek(SeekFrom::Start(*at))?;
        if !read_whole(&mut self.file, &mut record)? {
            return Ok(false);
        }
        let Some((_, values)) = checked(&record).filter(|(found, _)| found == key) else {
            return Ok(false);
        };
        let values = values.as_chunks::<4>().0;
        vector
            .iter_mut()
            .zip(values)
            .for_each(|(x, raw)| *x = f32::from_le_bytes(*raw));
        Ok(true)
    }

    /// Writes records behind the others, as long as there is room.
    pub(super) fn append<'a>(&mut self, new: impl Iterator<Item = (&'a Key, &'a [f32])>) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let mut added = Vec::new();
        for (key, vector) in new {
            let at = self.end + bytes.len() as u64;
            if at + self.record_bytes() as u64 > self.max_bytes {
                break;
            }
            let start = bytes.len();
            bytes.extend_from_slice(key);
            bytes.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
            let check = check_of(&bytes[start..]);
            bytes.extend(check);
            added.push((*key, at));
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        self.end += bytes.len() as u64;
        self.records.extend(added);
        Ok(())
    }
}

/// Key and values of a record; none if it is not what was written.
fn checked(record: &[u8]) -> Option<(Key, &[u8])> {
    let (content, check) = record.split_at_checked(record.len().checked_sub(CHECK_BYTES)?)?;
    let (key, values) = content.split_first_chunk()?;
    (check_of(content) == check).then_some((*key, values))
}

fn check_of(content: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&Sha256::digest(content)[..CHECK_BYTES]);
    check
}

/// Fills `buffer`; false if the file ends before.
fn read_whole(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
