//! A file that is coming in: written aside, digested on the way, and in its place only when it is whole. Objects are not
//! synced to the disk: after a power failure a cut file is found by its size, and fetched again.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::Job;
use super::state::{Folder, PARTIAL};
use crate::error::{Error, Result};

/// Bytes written at once.
const BUFFER_BYTES: usize = 1 << 18;
/// Bytes between two words about progress.
const TOLD_EVERY_BYTES: u64 = 1 << 20;

/// A file being written. Dropped before [`Self::place`], it leaves nothing.
pub(super) struct Spool<'a> {
    job: Job<'a>,
    path: PathBuf,
    out: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
    told_bytes: u64,
}

impl<'a> Spool<'a> {
    /// Begins a file; `name` is its own among those being written.
    pub(super) fn create(job: Job<'a>, name: &str) -> Result<Self> {
        let path = job.folder.file(&format!(".{name}{PARTIAL}"));
        let file = File::create(&path).map_err(Error::file(&path))?;
        Ok(Self {
            job,
            path,
            out: BufWriter::with_capacity(BUFFER_BYTES, file),
            hasher: Sha256::new(),
            bytes: 0,
            told_bytes: 0,
        })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes).map_err(Error::file(&self.path))?;
        self.bytes += bytes.len() as u64;
        if self.bytes - self.told_bytes >= TOLD_EVERY_BYTES {
            self.told_bytes = self.bytes;
            (self.job.told)(self.job.source, self.bytes);
        }
        Ok(())
    }

    /// Has the disk take what was written: for rows that their database may not have any more after a power failure.
    pub(super) fn sync(&mut self) -> Result<()> {
        let flushed = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        flushed.map_err(Error::file(&self.path))
    }

    /// Puts the file in its place, under the name made from its digest (hexadecimal SHA-256). Gives name and size.
    pub(super) fn place(mut self, folder: &Folder, name: impl FnOnce(&str) -> String) -> Result<(String, u64)> {
        self.out.flush().map_err(Error::file(&self.path))?;
        let digest: String = std::mem::take(&mut self.hasher)
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let name = name(&digest);
        let place = folder.file(&name);
        fs::rename(&self.path, &place).map_err(Error::file(&place))?;
        (self.job.told)(self.job.source, self.bytes);
        Ok((name, self.bytes))
    }
}

impl Drop for Spool<'_> {
    fn drop(&mut self) {
        // After `place` there is nothing at that path; before it, what stays is removed by the next fetch anyway.
        let _ = fs::remove_file(&self.path);
    }
}
