//! Name and key -> folder. The only place that knows where derived data lie. A folder is written aside, synced to the disk
//! and renamed when it is whole, so a folder that is there is complete, whenever a run was killed or the power failed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};

/// Where the outputs of stages lie: `<work_dir>/<stage>/<name>/<key>/`.
#[derive(Debug, Clone)]
pub struct Catalog {
    work: PathBuf,
}

/// Facts a stage leaves beside its files.
const FACTS: &str = "facts.json";
/// The end of the names of what is being written.
const PARTIAL: &str = ".partial";
/// A file that nobody has completed for so long belongs to a process that was killed.
const PARTIAL_MAX_AGE: Duration = Duration::from_secs(3600);

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
    /// As `make` does, or when the folder cannot be written. Nothing is left then.
    pub fn make<F: Serialize>(
        &self,
        stage: &str,
        name: &str,
        key: &str,
        make: impl FnOnce(&Path) -> Result<F>,
    ) -> Result<F> {
        let place = self.begin(stage, name, key)?;
        let made = make(&place).and_then(|facts| self.complete(stage, name, key, &facts).map(|()| facts));
        self.tidied(stage, name, key, made)
    }

    /// Gives `made` on; if it is an error, what was written aside by then is removed. It would only take room.
    ///
    /// # Errors
    /// That of `made`.
    pub fn tidied<T>(&self, stage: &str, name: &str, key: &str, made: Result<T>) -> Result<T> {
        if made.is_err() {
            // Why it was not made matters more than that it cannot be removed; the next run tries again.
            let _left = fs::remove_dir_all(self.aside(stage, name, key));
        }
        made
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
        sync_files(&aside)?;
        if !place.exists() {
            // Lost by a power failure, the rename is as if it had not been done yet.
            return fs::rename(&aside, &place).map_err(Error::file(&place));
        }
        // Moved away before it is removed: half removed, it could still pass for whole.
        let old = self.aside(stage, name, &format!("{key}.old"));
        if old.exists() {
            fs::remove_dir_all(&old).map_err(Error::file(&old))?;
        }
        fs::rename(&place, &old).map_err(Error::file(&place))?;
        fs::rename(&aside, &place).map_err(Error::file(&place))?;
        fs::remove_dir_all(&old).map_err(Error::file(&old))
    }

    fn aside(&self, stage: &str, name: &str, key: &str) -> PathBuf {
        self.work.join(stage).join(name).join(format!(".{key}{PARTIAL}"))
    }

    /// Removes what killed runs left half done: outputs under way, files being written, rows that the engine spilled. The
    /// caller holds the lock of [`Self::lock_file`].
    ///
    /// # Errors
    /// When the work folder cannot be read, or something in it not be removed.
    pub fn sweep(&self) -> Result<()> {
        for stage in entries(&self.real_work())? {
            forget(&stage);
            for name in entries(&stage)? {
                forget(&name);
                for output in entries(&name)?
                    .into_iter()
                    .filter(|output| output.is_dir() && is_partial(output))
                {
                    fs::remove_dir_all(&output).map_err(Error::file(&output))?;
                }
            }
        }
        // An engine that may spill holds this lock for as long as it lives.
        let lock = File::create(self.spill_lock_file())
            .ok()
            .filter(|lock| lock.try_lock().is_ok());
        let spill = self.spill_folder();
        if lock.is_some() && spill.exists() {
            fs::remove_dir_all(&spill).map_err(Error::file(&spill))?;
        }
        Ok(())
    }

    /// A hold on the spill folder: until it is dropped, no run removes what is there. None where nothing can be written.
    pub fn hold_spill(&self) -> Option<File> {
        let lock = File::create(self.spill_lock_file()).ok()?;
        lock.lock_shared().is_ok().then_some(lock)
    }

    /// The work folder itself may be a link, to another disk say.
    fn real_work(&self) -> PathBuf {
        fs::canonicalize(&self.work).unwrap_or_else(|_| self.work.clone())
    }

    /// Bytes in each folder of the work folder, as far as they can be read.
    pub fn sizes_bytes(&self) -> BTreeMap<String, u64> {
        let folders = entries(&self.real_work()).unwrap_or_default();
        let folders = folders.iter().filter(|folder| folder.is_dir());
        let sizes = folders.filter_map(|folder| Some((folder.file_name()?.to_str()?.to_owned(), size_bytes(folder))));
        sizes.collect()
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

    /// The outputs of the last run that may hold rejects.
    pub fn last_outputs_file(&self) -> PathBuf {
        self.work.join("last-outputs.json")
    }

    /// The report of the last run.
    pub fn last_run_file(&self) -> PathBuf {
        self.work.join("last-run.json")
    }

    /// The profiles of the last good run.
    pub fn last_profiles_file(&self) -> PathBuf {
        self.work.join("last-profiles.json")
    }

    /// The page of a profile that somebody asked for.
    pub fn profile_page_file(&self, name: &str) -> PathBuf {
        self.work.join("profiles").join(format!("{name}.html"))
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

/// Writes JSON aside, syncs it to the disk and renames it, so that the file is always whole.
///
/// # Errors
/// When it cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::file(path)(std::io::Error::other(e)))?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(Error::file(parent))?;
    }
    // Verbs that take no lock write some files too, so each process has a name of its own for what is half written.
    let aside = path.with_extension(format!("json.{}{PARTIAL}", std::process::id()));
    let written = fs::write(&aside, text + "\n").map_err(Error::file(&aside));
    let placed = written
        .and_then(|()| sync(&aside))
        .and_then(|()| fs::rename(&aside, path).map_err(Error::file(path)));
    if placed.is_err() {
        // It would only take room.
        let _left = fs::remove_file(&aside);
    }
    placed
}

/// Has the disk take a file's content, or a folder's names, before this returns.
///
/// # Errors
/// When it cannot be opened, or the disk refuses.
pub fn sync(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(Error::file(path))
}

/// Syncs the files of a folder, side by side: a disk takes several at once in the time of one.
fn sync_files(folder: &Path) -> Result<()> {
    let files: Vec<PathBuf> = entries(folder)?.into_iter().filter(|file| file.is_file()).collect();
    let synced: Vec<Result<()>> = std::thread::scope(|scope| {
        let syncing: Vec<_> = files.iter().map(|file| scope.spawn(|| sync(file))).collect();
        let done = syncing.into_iter().zip(&files);
        // A thread that died has synced nothing, and is told as that.
        done.map(|(thread, file)| thread.join().unwrap_or_else(|_| sync(file)))
            .collect()
    });
    synced.into_iter().collect()
}

fn is_partial(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with(PARTIAL))
}

/// Removes a file that a killed process was writing. A younger one may be another process's, who takes no lock.
fn forget(path: &Path) {
    let modified = fs::metadata(path).and_then(|about| about.modified());
    let is_old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > PARTIAL_MAX_AGE));
    if is_partial(path) && path.is_file() && is_old {
        // It may have been completed just now.
        let _left = fs::remove_file(path);
    }
}

/// Bytes of a file, or of all files below a folder, links not followed. What cannot be looked at counts nothing.
pub(crate) fn size_bytes(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => entries(path)
            .unwrap_or_default()
            .iter()
            .map(|entry| size_bytes(entry))
            .sum(),
        Ok(about) => about.len(),
        Err(_) => 0,
    }
}

/// Reads JSON.
///
/// # Errors
/// When the file is missing or not such JSON.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).map_err(Error::file(path))?;
    serde_json::from_slice(&text).map_err(|e| Error::file(path)(std::io::Error::other(e)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn write_outputs(folder: &Path, text: &str) -> Result<u32> {
        fs::write(folder.join("rows.parquet"), text).map_err(Error::file(folder))?;
        Ok(7)
    }

    #[test]
    fn an_output_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::new(folder.path());
        let failed: Result<u32> = catalog.make("raw", "a", "k", |out| {
            write_outputs(out, "half")?;
            Err(Error::Busy { path: out.to_owned() })
        });
        assert!(failed.is_err() && !catalog.has("raw", "a", "k"));
        assert!(
            entries(&folder.path().join("raw/a")).unwrap().is_empty(),
            "nothing takes room"
        );
        catalog.make("raw", "a", "k", |out| write_outputs(out, "one")).unwrap();
        // Made once more, it takes the place of the first.
        catalog.make("raw", "a", "k", |out| write_outputs(out, "two")).unwrap();
        let place = catalog.folder("raw", "a", "k");
        assert_eq!(fs::read_to_string(place.join("rows.parquet")).unwrap(), "two");
        assert_eq!(catalog.facts::<u32>("raw", "a", "k").unwrap(), 7);
        assert_eq!(entries(&folder.path().join("raw/a")).unwrap(), [place]);
    }

    #[test]
    fn a_sweep_takes_what_nobody_completes() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::new(folder.path());
        catalog.make("raw", "a", "k", |out| write_outputs(out, "one")).unwrap();
        write_outputs(&catalog.begin("raw", "a", "killed").unwrap(), "half").unwrap();
        fs::create_dir_all(folder.path().join("spill/datafusion-x")).unwrap();
        fs::create_dir_all(folder.path().join("runs")).unwrap();
        let [old, young] = ["runs/x.json.1.partial", "digests.json.2.partial"].map(|name| folder.path().join(name));
        fs::write(&young, "{").unwrap();
        fs::write(&old, "{").unwrap();
        let then = std::time::SystemTime::now() - 2 * PARTIAL_MAX_AGE;
        File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(then)
            .unwrap();
        let engine = catalog.hold_spill();
        catalog.sweep().unwrap();
        assert_eq!(
            entries(&folder.path().join("raw/a")).unwrap(),
            [catalog.folder("raw", "a", "k")]
        );
        assert!(young.exists() && !old.exists());
        assert!(catalog.spill_folder().exists(), "somebody may spill");
        drop(engine);
        catalog.sweep().unwrap();
        assert!(!catalog.spill_folder().exists());
        assert_eq!(
            catalog.sizes_bytes()["raw"],
            fs::metadata(catalog.folder("raw", "a", "k").join(FACTS)).unwrap().len() + 3
        );
    }
}
