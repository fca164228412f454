//! What shows that a file is still the one whose digest was taken. Programs can set a file's time of change back, but not
//! the time at which its inode changed.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::project::SourceFile;

/// What is read of a file at once for its digest.
const DIGEST_CHUNK_BYTES: usize = 1 << 20;
/// Clocks of file systems tick this seldom at worst (FAT). Two changes within one tick leave one stamp.
const TICK: Duration = Duration::from_secs(2);
/// `O_NONBLOCK` on Linux: without it, opening a pipe waits for somebody who writes.
const NON_BLOCKING: i32 = 0o4000;

/// The marks of one state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    bytes: u64,
    modified_ns: i64,
    /// `ctime`: when content, name or rights last changed.
    changed_ns: i64,
    inode: u64,
}

/// A file's content as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// The marks under which it was read.
    pub stamp: Stamp,
    /// Whether the file had been left alone long enough for a further change to show in its stamp.
    pub is_settled: bool,
}

impl Stamp {
    /// The marks of a file that is there.
    pub fn of(about: &Metadata) -> Self {
        let ns = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            bytes: about.len(),
            modified_ns: ns(about.mtime(), about.mtime_nsec()),
            changed_ns: ns(about.ctime(), about.ctime_nsec()),
            inode: about.ino(),
        }
    }

    /// The marks of the file at a path, links followed.
    ///
    /// # Errors
    /// When there is none, or no regular one.
    pub fn at(path: &Path) -> io::Result<Self> {
        let about = std::fs::metadata(path)?;
        if about.is_file() {
            Ok(Self::of(&about))
        } else {
            Err(not_a_file())
        }
    }

    /// Size of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn is_settled(&self, now: SystemTime) -> bool {
        let now_ns = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        u128::try_from(self.changed_ns).is_ok_and(|changed_ns| changed_ns + TICK.as_nanos() < now_ns)
    }
}

fn not_a_file() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "it is not a file")
}

/// Opens a regular file. Never waits on a pipe or a device that took its place.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub fn open_regular(path: &Path) -> io::Result<(File, Stamp)> {
    let file = OpenOptions::new().read(true).custom_flags(NON_BLOCKING).open(path)?;
    let about = file.metadata()?;
    if about.is_file() {
        Ok((file, Stamp::of(&about)))
    } else {
        Err(not_a_file())
    }
}

/// Reads a file of a source for its digest.
///
/// # Errors
/// [`Error::File`] when it cannot be read, [`Error::Source`] when it changed meanwhile.
pub fn digest(source: &str, file: &SourceFile) -> Result<Content> {
    let failed = |error| unreadable(source, file, error);
    let now = SystemTime::now();
    let (mut reader, stamp) = open_regular(&file.path).map_err(failed)?;
    let mut chunk = vec![0; DIGEST_CHUNK_BYTES];
    let mut hasher = Sha256::new();
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => hasher.update(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if Stamp::at(&file.path).map_err(failed)? != stamp {
        return Err(changed(source, file));
    }
    Ok(Content {
        sha256: hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
        stamp,
        is_settled: stamp.is_settled(now),
    })
}

/// The error about a file that cannot be read.
pub(super) fn unreadable(source: &str, file: &SourceFile, error: io::Error) -> Error {
    let wrong = |message: &str, hint: &str| Error::Source {
        name: source.to_owned(),
        place: file.relative.clone(),
        message: message.to_owned(),
        hint: hint.to_owned(),
    };
    match error.kind() {
        ErrorKind::NotFound => wrong("it is gone", "run again: what is there by then is read"),
        ErrorKind::InvalidInput => wrong("it is not a file", "name regular files in `path`"),
        _ => Error::file(&file.path)(error),
    }
}

/// The error about a file that somebody writes to.
pub(super) fn changed(source: &str, file: &SourceFile) -> Error {
    Error::Source {
        name: source.to_owned(),
        place: file.relative.clone(),
        message: "it changed while it was read".to_owned(),
        hint: "run again when nothing writes to it; write new data beside it and rename it into place".to_owned(),
    }
}
