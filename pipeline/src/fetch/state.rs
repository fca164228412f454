//! What was fetched, as it is kept between runs: which files, from where, up to which cursor value. Holds no secret.
//! A file never changes under its name, so the state alone says what is current; what it does not list is rubbish.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::cursor::Mark;
use crate::catalog::{Catalog, entries, read_json, sync, write_json};
use crate::error::{Error, Result};
use crate::keys::{digest, digest_of};
use crate::project::{Database, Read, SourceFile};

const STATE_FILE: &str = "state.json";
/// The end of the names of files that are being written.
pub(super) const PARTIAL: &str = ".partial";
/// Hexadecimal digits of a digest in a file name: 80 bits.
const NAME_DIGITS: usize = 20;

/// The reads of a source, by [`read_key`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct SourceState {
    pub(super) reads: BTreeMap<String, ReadState>,
}

/// What one read has fetched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ReadState {
    /// In the order in which they are read.
    pub(super) files: Vec<Fetched>,
    /// For a database: a digest of where it is and which columns it gave.
    pub(super) shape: String,
    /// For a database with a cursor: how far it was read. None until there was a row.
    pub(super) mark: Option<Mark>,
}

/// One local copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fetched {
    /// The name that rows carry: `s3://bucket/key`, `postgres/tickets/part-000001.csv`.
    pub(super) relative: String,
    /// The name in the source's folder.
    pub(super) file: String,
    /// Its size.
    pub(super) bytes: u64,
    /// What the server said of this content.
    pub(super) version: Version,
}

/// What shows that a remote object is still the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// A digest of the whole URL, which may hold a secret.
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// A short digest, for names.
pub(super) fn short_digest(text: &str) -> String {
    digest(text.as_bytes())[..NAME_DIGITS].to_owned()
}

/// What names a read in the state. Digests, for a URL may hold a secret. Another query is another read: it starts anew.
pub(super) fn read_key(read: &Read, database: Option<&Database>) -> String {
    match database {
        Some(database) => digest_of(database)[..NAME_DIGITS].to_owned(),
        None => short_digest(&read.pattern),
    }
}

/// The folder of a source's fetched files.
#[derive(Debug)]
pub(super) struct Folder {
    source: String,
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(catalog: &Catalog, source: &str) -> Self {
        Self {
            source: source.to_owned(),
            path: catalog.fetched_folder(source),
        }
    }

    pub(super) fn create(catalog: &Catalog, source: &str) -> Result<Self> {
        let folder = Self::new(catalog, source);
        fs::create_dir_all(&folder.path).map_err(Error::file(&folder.path))?;
        Ok(folder)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn source_file(&self, fetched: &Fetched) -> SourceFile {
        SourceFile {
            relative: fetched.relative.clone(),
            path: self.file(&fetched.file),
            member: None,
        }
    }

    /// The state; empty if there is none. A read of which a file is gone or cut counts as never fetched: like all that
    /// is derived, these files may be deleted at any time.
    ///
    /// # Errors
    /// [`Error::Source`] when there is one that cannot be read: to start anew then would remove rows that a database may
    /// no longer have.
    pub(super) fn load(&self) -> Result<SourceState> {
        let path = self.file(STATE_FILE);
        let mut state: SourceState = match read_json(&path) {
            Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => SourceState::default(),
            Err(error) => {
                return Err(Error::Source {
                    name: self.source.clone(),
                    place: path.display().to_string(),
                    message: format!("the account of what was fetched cannot be read: {error}"),
                    hint: "put it back from a copy, or delete its folder to fetch everything anew".to_owned(),
                });
            }
            Ok(state) => state,
        };
        state
            .reads
            .retain(|_, read| read.files.iter().all(|file| self.has(file)));
        Ok(state)
    }

    /// Whether a copy is there, whole.
    pub(super) fn has(&self, fetched: &Fetched) -> bool {
        fs::metadata(self.file(&fetched.file)).is_ok_and(|about| about.is_file() && about.len() == fetched.bytes)
    }

    /// Makes a state the current one; then removes the files that it does not list.
    pub(super) fn keep(&self, state: &SourceState) -> Result<()> {
        write_json(&self.file(STATE_FILE), state)?;
        // What the last state lists must not go before this one is sure to be found after a power failure.
        sync(&self.path)?;
        let listed: BTreeSet<&str> = state
            .reads
            .values()
            .flat_map(|read| read.files.iter().map(|file| file.file.as_str()))
            .chain([STATE_FILE])
            .collect();
        for entry in fs::read_dir(&self.path).map_err(Error::file(&self.path))? {
            let entry = entry.map_err(Error::file(&self.path))?;
            let is_listed = entry.file_name().to_str().is_some_and(|name| listed.contains(name));
            if !is_listed && entry.path().is_file() {
                fs::remove_file(entry.path()).map_err(Error::file(&entry.path()))?;
            }
        }
        Ok(())
    }
}

/// The fetched files of all sources: those that a state lists, and those that no state will ever miss. Where a state
/// cannot be read, only what was being written when a fetch ended is such a file: the others may be rows of a cursor,
/// which cannot be had again. Links are passed over.
pub(crate) fn listed_or_not(catalog: &Catalog) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut listed, mut unlisted) = (Vec::new(), Vec::new());
    let root = catalog.fetched_folder("");
    for folder in entries(&root)?.into_iter().filter(|path| path.is_dir()) {
        let state: Option<SourceState> = read_json(&folder.join(STATE_FILE)).ok();
        let files = state.as_ref().map(|state| {
            let files = state.reads.values().flat_map(|read| &read.files);
            files.map(|file| file.file.as_str()).collect::<BTreeSet<&str>>()
        });
        for file in entries(&folder)?.into_iter().filter(|path| path.is_file()) {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_unfinished = name.starts_with('.') && name.ends_with(PARTIAL);
            let is_unlisted = files
                .as_ref()
                .is_some_and(|files| name != STATE_FILE && !files.contains(name));
            if is_unfinished || is_unlisted {
                unlisted.push(file);
            } else {
                listed.push(file);
            }
        }
    }
    Ok((listed, unlisted))
}
