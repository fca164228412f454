//! gc: removes from the work folder what nothing needs any more. Needed is what the plan of the project as it is leads to,
//! what the last good run had, and what every version in use was made from. Only folders and files that deskmill itself
//! names so are looked at; links are never followed, and fetched copies that cannot be had again never go.

mod needed;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use deskmill_models::registry::Registry;
use serde::Serialize;

use crate::catalog::{Catalog, entries, is_key, read_json, size_bytes};
use crate::checks;
use crate::encoders;
use crate::error::{Error, Result};
use crate::fetch::{fetched, listed_or_not};
use crate::lineage::{CONTENTS_STAGE, is_kept};
use crate::plan::Plan;
use crate::profile;
use crate::project::Project;
use crate::run;
use crate::stages::{assemble, clean, evaluate, fit, ingest};

use needed::Needed;

/// Reports of runs that are kept: the newest.
pub const RUNS_KEPT: usize = 100;

/// The folders of outputs that are looked at, in the way of the data.
const STAGES: [&str; 8] = [
    ingest::STAGE,
    CONTENTS_STAGE,
    clean::STAGE,
    checks::STAGE,
    profile::STAGE,
    assemble::STAGE,
    fit::STAGE,
    evaluate::STAGE,
];

/// The end of the name of an output that is on its way out.
const GONE: &str = ".gone";

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// Each folder of the work folder that was looked at.
    pub stages: Vec<SweptStage>,
}

/// One folder below the work folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweptStage {
    /// Its name: `raw`, `tables`, `runs` ...
    pub stage: String,
    /// What goes.
    pub removed: Amount,
    /// What stays.
    pub kept: Amount,
}

/// Outputs (or files, for `runs`, `spill` and `fetched`) and their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Bytes in their files.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

impl Swept {
    /// All that goes.
    pub fn removed(&self) -> Amount {
        let sum = |all: Amount, stage: &SweptStage| Amount {
            count: all.count + stage.removed.count,
            bytes: all.bytes + stage.removed.bytes,
        };
        self.stages.iter().fold(Amount::default(), sum)
    }
}

/// Removes what nothing needs; with `dry_run`, only says what would go. Nothing is removed before all that is needed is
/// known. Killed at any time, it leaves whole outputs and such that no run looks at.
///
/// # Errors
/// [`Error::Busy`] while a run is at work; when the project, its plan or the registry cannot be read; when something
/// cannot be removed.
pub async fn gc(project: &Project, registry: &Registry, dry_run: bool) -> Result<Swept> {
    let catalog = Catalog::new(&project.work_dir.path);
    let _lock = run::lock(&catalog)?;
    let project = fetched(project, &catalog)?;
    let plan = Plan::make(&project, &catalog)?;
    let mut needed = Needed::of_plan(&project, &plan, &catalog)?;
    needed.add_versions(&catalog, registry).await?;
    sweep(&catalog, &needed, dry_run)
}

fn sweep(catalog: &Catalog, needed: &Needed, dry_run: bool) -> Result<Swept> {
    let broom = Broom { catalog, dry_run };
    let mut stages = Vec::new();
    for stage in STAGES {
        stages.push(broom.outputs(stage, needed)?);
    }
    stages.push(broom.runs()?);
    stages.push(broom.spill()?);
    stages.push(broom.fetched()?);
    stages.push(broom.embeddings(needed)?);
    stages.retain(|stage| stage.removed.count + stage.kept.count > 0);
    Ok(Swept { dry_run, stages })
}

struct Broom<'a> {
    catalog: &'a Catalog,
    dry_run: bool,
}

impl Broom<'_> {
    fn outputs(&self, stage: &str, needed: &Needed) -> Result<SweptStage> {
        let mut swept = SweptStage::of(stage);
        for folder in folders(&self.catalog.work().join(stage))? {
            let name = file_name(&folder).to_owned();
            for output in folders(&folder)? {
                let key = file_name(&output);
                let is_output = is_key(key);
                if !is_output && !is_left_over(key) {
                    continue;
                }
                let bytes = size_bytes(&output);
                // What was only measured of a table is not what something was made from.
                let is_measured = [checks::STAGE, profile::STAGE].contains(&stage);
                let is_untraced = || needed.is_all_untraced() && !is_measured && !is_kept(&output);
                if is_output && (needed.has(stage, &name, key) || is_untraced()) {
                    swept.kept.add(bytes);
                    continue;
                }
                swept.removed.add(bytes);
                self.remove_folder(&output)?;
            }
            if !self.dry_run {
                // Only an empty one goes; what else is in it is not ours.
                let _not_empty = fs::remove_dir(&folder);
            }
        }
        Ok(swept)
    }

    /// Renamed first: what is half removed must not pass for an output.
    fn remove_folder(&self, folder: &Path) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        let key = file_name(folder);
        if !is_key(key) {
            return fs::remove_dir_all(folder).map_err(Error::file(folder));
        }
        let gone = folder.with_file_name(format!(".{key}{GONE}"));
        if gone.exists() {
            fs::remove_dir_all(&gone).map_err(Error::file(&gone))?;
        }
        fs::rename(folder, &gone).map_err(Error::file(folder))?;
        fs::remove_dir_all(&gone).map_err(Error::file(&gone))
    }

    fn remove_file(&self, file: &Path) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        fs::remove_file(file).map_err(Error::file(file))
    }

    /// The names of reports begin with their time. That of the last run is among the newest, or is kept all the same.
    fn runs(&self) -> Result<SweptStage> {
        let mut swept = SweptStage::of("runs");
        let last: serde_json::Value = read_json(&self.catalog.last_run_file()).unwrap_or_default();
        let last = last
            .get("run")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let folder = self
            .catalog
            .run_file("any")
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        let mut reports: Vec<PathBuf> = entries(&folder)?;
        reports.retain(|path| path.is_file() && path.extension().is_some_and(|end| end == "json"));
        reports.sort_unstable_by(|a, b| b.cmp(a));
        for (at, report) in reports.iter().enumerate() {
            let bytes = size_bytes(report);
            if at < RUNS_KEPT || report.file_stem().is_some_and(|name| name == last.as_str()) {
                swept.kept.add(bytes);
            } else {
                swept.removed.add(bytes);
                self.remove_file(report)?;
            }
        }
        Ok(swept)
    }

    /// What a killed query left behind. While any query is at work it is not known what is left behind, so all stays.
    fn spill(&self) -> Result<SweptStage> {
        let mut swept = SweptStage::of("spill");
        let lock = self.catalog.spill_lock_file();
        let held = File::create(&lock).map_err(Error::file(&lock))?;
        let is_idle = held.try_lock().is_ok();
        for entry in entries(&self.catalog.spill_folder())? {
            let bytes = size_bytes(&entry);
            if !is_idle {
                swept.kept.add(bytes);
                continue;
            }
            swept.removed.add(bytes);
            if entry.is_dir() {
                self.remove_folder(&entry)?;
            } else {
                self.remove_file(&entry)?;
            }
        }
        Ok(swept)
    }

    /// Vectors of encoders that no model of the project uses.
    fn embeddings(&self, needed: &Needed) -> Result<SweptStage> {
        let mut swept = SweptStage::of(encoders::FOLDER);
        for folder in folders(&self.catalog.work().join(encoders::FOLDER))? {
            let digest = file_name(&folder);
            if !is_key(digest) && !is_left_over(digest) {
                continue;
            }
            let bytes = size_bytes(&folder);
            if needed.encoders.contains(digest) {
                swept.kept.add(bytes);
            } else {
                swept.removed.add(bytes);
                self.remove_folder(&folder)?;
            }
        }
        Ok(swept)
    }

    fn fetched(&self) -> Result<SweptStage> {
        let mut swept = SweptStage::of("fetched");
        let (listed, unlisted) = listed_or_not(self.catalog)?;
        listed.iter().for_each(|file| swept.kept.add(size_bytes(file)));
        for file in unlisted {
            swept.removed.add(size_bytes(&file));
            self.remove_file(&file)?;
        }
        Ok(swept)
    }
}

impl SweptStage {
    fn of(stage: &str) -> Self {
        Self {
            stage: stage.into(),
            removed: Amount::default(),
            kept: Amount::default(),
        }
    }
}

/// Whether a folder is what a killed run or gc left of an output: `.KEY.partial`, `.KEY.old.partial`, `.KEY.gone`.
fn is_left_over(name: &str) -> bool {
    let parts = name.strip_prefix('.').and_then(|inner| inner.split_once('.'));
    parts.is_some_and(|(key, end)| is_key(key) && ["partial", "old.partial", "gone"].contains(&end))
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = entries(folder)?;
    found.retain(|path| path.is_dir());
    Ok(found)
}

/// The last part of a path that [`entries`] gave; empty if it is not UTF-8, which no name of ours is.
fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
