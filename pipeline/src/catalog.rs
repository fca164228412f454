//! Name and key -> folder. The only place that knows where derived data lie. A folder is written aside and renamed when
//! it is whole, so a folder that is there is complete, whenever a run was killed.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};

/// Where the outputs of stages lie: `<work_dir>/<stage>/<name>/<key>/`.
#[derive(Debug, Clone)]
pub struct Catalog {
    work: PathBuf,
}

/// Facts a stage leaves beside its files.
const FACTS: &str = "facts.json";

impl Catalog {
    /// A catalog over a project's work folder.
    pub fn new(work: &Path) -> Self {
        Self { work: work.to_owned() }
    }

    /// The folder of one output.
    pub fn folder(&self, stage: &str, name: &str, key: &str) -> PathBuf {
        self.work.join(stage).join(name).join(key)
    }

    /// Whether that output is there, whole.
    pub fn has(&self, stage: &str, name: &str, key: &str) -> bool {
        self.folder(stage, name, key).join(FACTS).is_file()
    }

    /// Makes an output: `make` fills an empty folder and returns its facts, then the folder takes its place.
    ///
    /// # Errors
    /// As `make` does, or when the folder cannot be written. Nothing is left then but a folder no one reads.
    pub fn make<F: Serialize>(
        &self,
        stage: &str,
        name: &str,
        key: &str,
        make: impl FnOnce(&Path) -> Result<F>,
    ) -> Result<F> {
        let place = self.begin(stage, name, key)?;
        let facts = make(&place)?;
        self.complete(stage, name, key, &facts)?;
        Ok(facts)
    }

    /// The empty folder in which an output is made; [`Self::complete`] puts it in its place.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn begin(&self, stage: &str, name: &str, key: &str) -> Result<PathBuf> {
        let aside = self.aside(stage, name, key);
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(Error::file(&aside))?;
        }
        fs::create_dir_all(&aside).map_err(Error::file(&aside))?;
        Ok(aside)
    }

    /// Writes the facts and puts the folder of [`Self::begin`] in its place.
    ///
    /// # Errors
    /// When it cannot be written or renamed.
    pub fn complete(&self, stage: &str, name: &str, key: &str, facts: &impl Serialize) -> Result<()> {
        let (aside, place) = (self.aside(stage, name, key), self.folder(stage, name, key));
        write_json(&aside.join(FACTS), facts)?;
        if place.exists() {
            fs::remove_dir_all(&place).map_err(Error::file(&place))?;
        }
        fs::rename(&aside, &place).map_err(Error::file(&place))
    }

    fn aside(&self, stage: &str, name: &str, key: &str) -> PathBuf {
        self.work.join(stage).join(name).join(format!(".{key}.partial"))
    }

    /// The facts of an output.
    ///
    /// # Errors
    /// When it is not there or not readable.
    pub fn facts<F: DeserializeOwned>(&self, stage: &str, name: &str, key: &str) -> Result<F> {
        read_json(&self.folder(stage, name, key).join(FACTS))
    }

    /// The keys of the outputs of a stage for a name, whole or not, sorted.
    pub fn keys(&self, stage: &str, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.work.join(stage).join(name));
        let entries = entries.into_iter().flatten().filter_map(std::result::Result::ok);
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut keys: Vec<String> = names.filter(|name| is_key(name)).collect();
        keys.sort_unstable();
        keys
    }

    /// The work folder.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    /// The report of a run.
    pub fn run_file(&self, run: &str) -> PathBuf {
        self.work.join("runs").join(format!("{run}.json"))
    }

    /// What the last run worked from: the parts of each step's key.
    pub fn last_parts_file(&self) -> PathBuf {
        self.work.join("last-parts.json")
    }

    /// The report of the last run.
    pub fn last_run_file(&self) -> PathBuf {
        self.work.join("last-run.json")
    }

    /// Digests of source files, by path, size and time of change.
    pub fn digests_file(&self) -> PathBuf {
        self.work.join("digests.json")
    }

    /// Where the SQL engine spills.
    pub fn spill_folder(&self) -> PathBuf {
        self.work.join("spill")
    }

    /// The lock that every query holds while it may spill; whoever clears the spill folder must have it alone.
    pub fn spill_lock_file(&self) -> PathBuf {
        self.work.join("spill.lock")
    }

    /// Local copies of what a source has elsewhere.
    pub fn fetched_folder(&self, source: &str) -> PathBuf {
        self.work.join("fetched").join(source)
    }

    /// The lock that keeps two runs apart.
    pub fn lock_file(&self) -> PathBuf {
        self.work.join("run.lock")
    }
}

/// Whether a folder's name is a key: part of a digest in hexadecimal, or all of it.
pub(crate) fn is_key(name: &str) -> bool {
    matches!(name.len(), 32 | 64) && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is in a folder, sorted; links are left out, and nothing is in a folder that is one.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir()) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let entry = entry.map_err(Error::file(folder))?;
        if !entry.file_type().map_err(Error::file(folder))?.is_symlink() {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Writes JSON aside and renames it, so that the file is always whole.
///
/// # Errors
/// When it cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::file(path)(std::io::Error::other(e)))?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(Error::file(parent))?;
    }
    let aside = path.with_extension("json.partial");
    fs::write(&aside, text + "\n").map_err(Error::file(&aside))?;
    fs::rename(&aside, path).map_err(Error::file(path))
}

/// Reads JSON.
///
/// # Errors
/// When the file is missing or not such JSON.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).map_err(Error::file(path))?;
    serde_json::from_slice(&text).map_err(|e| Error::file(path)(std::io::Error::other(e)))
}
