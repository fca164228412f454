//! The plan: every step of a run with its key, whether its output is there already, and why it is not. Keys depend on
//! inputs only, so the whole plan is known before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use deskmill_models::registry::local_encoder;
use serde::Serialize;

use crate::catalog::{Catalog, read_json, write_json};
use crate::checks;
use crate::engine::references;
use crate::error::{Error, Result};
use crate::functions::PersonalData;
use crate::keys::{Parts, digest_of, key};
use crate::lineage::{self, Input};
use crate::project::{Expected, Project, SourceFile, Table};
use crate::rejects::Mends;
use crate::run::threads_of;
use crate::sources::{self, Content, Stamp};
use crate::stages::ingest::Landing;
use crate::stages::{assemble, clean, evaluate, fit, ingest};

/// One step of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// `ingest`, `clean`, `assemble`, `fit` or `evaluate`.
    pub stage: &'static str,
    /// The source, table or model.
    pub name: String,
    /// The file or how many files, for ingest.
    pub file: Option<String>,
    /// The key of its output.
    pub key: String,
    /// Whether the output is there.
    pub done: bool,
    /// Why it runs, or that nothing changed.
    pub why: String,
    /// What goes into the key.
    #[serde(skip)]
    pub parts: Parts,
    /// What it reads, by name.
    #[serde(skip)]
    pub inputs: Vec<Input>,
    /// For ingest: which files.
    #[serde(skip)]
    pub landing: Option<Landing>,
    /// For ingest: the digest of each file, in their order.
    #[serde(skip)]
    pub contents: Vec<String>,
}

/// All steps, in the order in which they run.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What a query can name, and the key of its content.
    #[serde(skip)]
    contents: BTreeMap<String, String>,
    /// The mends of the sources that have any.
    #[serde(skip)]
    mends: BTreeMap<String, Mends>,
    #[serde(skip)]
    personal: PersonalData,
}

struct Planner<'a> {
    project: &'a Project,
    catalog: &'a Catalog,
    personal: PersonalData,
    before: BTreeMap<String, Parts>,
    /// What a query can name, and the key of its content.
    known: BTreeMap<String, String>,
    /// Which of them are tables.
    tables: BTreeSet<String>,
    steps: Vec<Step>,
    mends: BTreeMap<String, Mends>,
    /// The most bytes of source files that may be read for their digests; `None` sets no bound.
    read_max_bytes: Option<u64>,
}

/// A step before it is known whether it is done.
struct Draft<'a> {
    stage: &'static str,
    name: &'a str,
    parts: Parts,
    inputs: Vec<Input>,
    /// For ingest: the files, what to call them, and their digests.
    landing: Option<(Landing, String, Vec<String>)>,
}

impl Plan {
    /// Works out the plan of a project. Reads source files only if they changed since their digest was last taken.
    ///
    /// # Errors
    /// When a source file cannot be read, or a query cannot be parsed or names something unknown.
    pub fn make(project: &Project, catalog: &Catalog) -> Result<Self> {
        Self::within(project, catalog, None)
    }

    /// As [`Self::make`], for those who want it at once: gives up where more than so many bytes of source files would have
    /// to be read because they changed.
    ///
    /// # Errors
    /// As [`Self::make`], and when it gives up.
    pub fn at_once(project: &Project, catalog: &Catalog, read_max_bytes: u64) -> Result<Self> {
        Self::within(project, catalog, Some(read_max_bytes))
    }

    fn within(project: &Project, catalog: &Catalog, read_max_bytes: Option<u64>) -> Result<Self> {
        let before = read_json(&catalog.last_parts_file()).unwrap_or_default();
        let mut planner = Planner {
            project,
            catalog,
            personal: PersonalData::of(&project.personal),
            before,
            known: BTreeMap::new(),
            tables: BTreeSet::new(),
            steps: Vec::new(),
            mends: BTreeMap::new(),
            read_max_bytes,
        };
        planner.plan_sources()?;
        planner.plan_tables()?;
        planner.plan_models()?;
        Ok(Self {
            steps: planner.steps,
            contents: planner.known,
            mends: planner.mends,
            personal: planner.personal,
        })
    }

    /// The step of a stage for a table or model.
    pub fn step(&self, stage: &str, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.stage == stage && step.name == name)
    }

    /// The key of the content that a name in a query stands for.
    pub fn content(&self, name: &str) -> Option<&str> {
        self.contents.get(name).map(String::as_str)
    }

    /// The mends of a source; none if it has none.
    pub fn mends(&self, source: &str) -> Option<&Mends> {
        self.mends.get(source)
    }

    /// The steps that land the files of a source, in order of `_row`.
    pub fn landings<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a Step> {
        self.steps
            .iter()
            .filter(move |step| step.landing.is_some() && step.name == source)
    }

    /// The key of what the checks of a table measure; none if it has no step here.
    ///
    /// # Errors
    /// When a check's query cannot be parsed.
    pub fn checks_key(&self, table: &Table) -> Result<Option<String>> {
        let Some(step) = self.step("clean", &table.name) else {
            return Ok(None);
        };
        let mut parts = checks::parts(table, &step.key);
        for check in &table.checks {
            for read in check.reads(&check.words())? {
                let content = self.content(&read).unwrap_or_default().to_owned();
                parts.insert(read, content);
            }
            if let Expected::Sql { sql, .. } = &check.expected {
                parts.extend(self.personal.parts(&check.words(), sql)?);
            }
        }
        Ok(Some(key(&parts)))
    }

    /// Stage, name and key of all that the last run which went well worked with; nothing if there was none.
    pub fn last_good(catalog: &Catalog) -> Vec<(String, String, String)> {
        let parts: BTreeMap<String, Parts> = read_json(&catalog.last_parts_file()).unwrap_or_default();
        let step = |(id, parts): (String, Parts)| {
            let mut words = id.splitn(3, ' ');
            Some((words.next()?.to_owned(), words.next()?.to_owned(), key(&parts)))
        };
        parts.into_iter().filter_map(step).collect()
    }

    /// Remembers the parts of all keys, so that the next plan can say what changed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remember(&self, catalog: &Catalog) -> Result<()> {
        let parts: BTreeMap<String, &Parts> = self.steps.iter().map(|step| (step.id(), &step.parts)).collect();
        write_json(&catalog.last_parts_file(), &parts)
    }
}

impl Step {
    fn id(&self) -> String {
        // Several landings of a source may have equally many files.
        let first = self.landing.as_ref().filter(|landing| landing.files.len() > 1);
        let first = first.and_then(|landing| landing.files.first());
        let from = first.map_or_else(String::new, |file| format!(" from {}", file.file_id));
        let file = self.file.as_deref().unwrap_or_default();
        format!("{} {} {file}{from}", self.stage, self.name)
    }
}

/// The folder of a stage's outputs.
pub fn folder_of(stage: &str) -> &'static str {
    match stage {
        "ingest" => ingest::STAGE,
        "clean" => clean::STAGE,
        "assemble" => assemble::STAGE,
        "fit" => fit::STAGE,
        _ => evaluate::STAGE,
    }
}

impl Planner<'_> {
    fn add(&mut self, draft: Draft<'_>) -> String {
        let Draft {
            stage,
            name,
            parts,
            inputs,
            landing,
        } = draft;
        let key = key(&parts);
        let (landing, file, contents) = match landing {
            Some((landing, file, contents)) => (Some(landing), Some(file), contents),
            None => (None, None, Vec::new()),
        };
        let mut step = Step {
            stage,
            name: name.into(),
            file,
            key: key.clone(),
            done: self.catalog.has(folder_of(stage), name, &key),
            why: String::new(),
            parts,
            inputs,
            landing,
            contents,
        };
        // An output of which nobody can say what it was made from is made again, to the same bytes.
        let is_traced = !step.done || lineage::is_kept(&self.catalog.folder(folder_of(stage), name, &key));
        step.done &= is_traced;
        step.why = if is_traced {
            self.why(&step)
        } else {
            "made before lineage was kept".into()
        };
        self.steps.push(step);
        key
    }

    fn why(&self, step: &Step) -> String {
        if step.done {
            return "nothing changed".into();
        }
        let Some(before) = self.before.get(&step.id()) else {
            return "new".into();
        };
        let changed: Vec<&str> = step
            .parts
            .iter()
            .filter(|(name, value)| before.get(*name) != Some(value))
            .map(|(name, _)| name.as_str())
            .chain(
                before
                    .keys()
                    .filter(|name| !step.parts.contains_key(*name))
                    .map(String::as_str),
            )
            .collect();
        if changed.is_empty() {
            "not done yet".into()
        } else {
            format!("changed: {}", changed.join(", "))
        }
    }

    fn plan_sources(&mut self) -> Result<()> {
        let mut digests = Digests::open(self.catalog, self.read_max_bytes);
        digests.take_new(self.project);
        for (at, source) in self.project.sources.iter().enumerate() {
            let mut keys = Vec::new();
            let mends = Mends::read(self.project, &source.name)?;
            for mut landing in ingest::landings(self.project, at) {
                if !mends.is_empty() {
                    landing = landing.mended_by(&mends, self.project);
                }
                let found = landing
                    .files(self.project)
                    .map(|(_, file)| digests.of(&source.name, file));
                let found = found.collect::<Result<Vec<Content>>>()?;
                let contents: Vec<String> = found.iter().map(|content| content.sha256.clone()).collect();
                landing.found(found);
                let parts = ingest::parts(self.project, &landing, &contents);
                let file = landing.name(self.project);
                keys.push(self.add(Draft {
                    stage: "ingest",
                    name: &source.name,
                    parts,
                    inputs: Vec::new(),
                    landing: Some((landing, file, contents)),
                }));
            }
            let content = digest_of(&keys);
            self.known
                .insert(format!("{}.{}", crate::engine::RAW, source.name), content.clone());
            self.known.insert(source.name.clone(), content);
            if !mends.is_empty() {
                self.mends.insert(source.name.clone(), mends);
            }
        }
        digests.keep(self.catalog)
    }

    /// Adds what a query reads to the parts of its key; gives it in order of the names.
    fn add_inputs(&self, parts: &mut Parts, place: &str, sql: &str) -> Result<Vec<Input>> {
        let mut names = references(place, sql)?;
        names.sort_unstable();
        let read = |name: &String| Ok(self.add_input(parts, name, self.content_of(place, name)?));
        names.iter().map(read).collect()
    }

    /// Adds one thing that is read. A source may have the name of another part, which must count as well.
    fn add_input(&self, parts: &mut Parts, name: &str, content: &str) -> Input {
        let part = if parts.contains_key(name) {
            format!("reads {name}")
        } else {
            name.to_owned()
        };
        parts.insert(part, content.to_owned());
        let stage = if self.tables.contains(name) {
            "clean"
        } else {
            lineage::SOURCE
        };
        Input::new(stage, name, content)
    }

    fn content_of(&self, place: &str, name: &str) -> Result<&str> {
        self.known.get(name).map(String::as_str).ok_or_else(|| Error::Sql {
            place: place.into(),
            message: format!("reads `{name}`, which is no source and no table above it"),
            hint: format!(
                "known here: {}",
                self.known.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        })
    }

    fn plan_tables(&mut self) -> Result<()> {
        for table in &self.project.tables {
            let place = format!("table `{}` ({})", table.name, table.sql_path.written);
            let mut parts = clean::parts(table);
            let query = checks::judged(table);
            let mut inputs = self.add_inputs(&mut parts, &place, &query)?;
            parts.extend(self.personal.parts(&place, &query)?);
            if let Some(source) = &table.rows_of {
                let name = format!("{}.{source}", crate::engine::RAW);
                if inputs.iter().all(|input| input.name != name) {
                    let content = self.known.get(&name).cloned().unwrap_or_default();
                    inputs.push(self.add_input(&mut parts, &name, &content));
                }
            }
            let key = self.add(Draft {
                stage: "clean",
                name: &table.name,
                parts,
                inputs,
                landing: None,
            });
            self.known.insert(table.name.clone(), key);
            self.tables.insert(table.name.clone());
            for check in &table.checks {
                let place = format!("table `{}`, check {}", table.name, check.words());
                for name in check.reads(&place)? {
                    self.content_of(&place, &name)?;
                }
                if let Expected::Sql { sql, .. } = &check.expected {
                    self.personal.parts(&place, sql)?;
                }
            }
        }
        Ok(())
    }

    fn plan_models(&mut self) -> Result<()> {
        for model in &self.project.models {
            let place = format!("model `{}` ({})", model.name, model.examples_path.written);
            let mut parts = assemble::parts(model, self.project.seed);
            let inputs = self.add_inputs(&mut parts, &place, &model.examples_sql)?;
            parts.extend(self.personal.parts(&place, &model.examples_sql)?);
            let examples = self.add(Draft {
                stage: "assemble",
                name: &model.name,
                parts,
                inputs,
                landing: None,
            });
            let mut parts = fit::parts(model, self.project.seed);
            if let Some(name) = &model.encoder {
                let found = local_encoder(&self.project.registry.path, name)?;
                let digest = found.map_or("not in the registry".to_owned(), |manifest| manifest.digest);
                parts.insert(fit::ENCODER.into(), digest);
            }
            let fitted = self.add_after("fit", &model.name, parts, ("examples", "assemble", &examples));
            self.add_after("evaluate", &model.name, evaluate::parts(), ("fit", "fit", &fitted));
        }
        Ok(())
    }

    /// Adds a stage of a model that reads the one before it: its part, stage and key.
    fn add_after(
        &mut self,
        stage: &'static str,
        name: &str,
        mut parts: Parts,
        before: (&str, &'static str, &str),
    ) -> String {
        let (part, before, content) = before;
        parts.insert(part.into(), content.into());
        self.add(Draft {
            stage,
            name,
            parts,
            inputs: vec![Input::new(before, name, content)],
            landing: None,
        })
    }
}

/// Digests of source files, taken again only when a file's stamp differs, or could not have shown a change.
struct Digests {
    known: BTreeMap<String, Content>,
    /// Whether one was taken.
    is_new: bool,
    /// Files whose digest was taken for this plan, so that it need not be taken again.
    fresh: BTreeSet<String>,
    /// Bytes that may still be read; `None` sets no bound.
    left_bytes: Option<u64>,
}

impl Digests {
    fn open(catalog: &Catalog, left_bytes: Option<u64>) -> Self {
        Self {
            known: read_json(&catalog.digests_file()).unwrap_or_default(),
            is_new: false,
            fresh: BTreeSet::new(),
            left_bytes,
        }
    }

    /// Takes the digests of files that are new, several at once: hashing is what a plan over new data waits for. What goes
    /// wrong here is left to [`Self::of`].
    fn take_new(&mut self, project: &Project) {
        if self.left_bytes.is_some() {
            return;
        }
        let mut new: BTreeMap<String, (&str, &SourceFile)> = BTreeMap::new();
        for source in &project.sources {
            for file in source.reads.iter().flat_map(|read| &read.files) {
                let path = file.path.display().to_string();
                if self.still(&path, Stamp::at(&file.path).ok()).is_none() {
                    new.insert(path, (&source.name, file));
                }
            }
        }
        let new: Vec<(String, (&str, &SourceFile))> = new.into_iter().collect();
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        let work = || {
            while let Some((path, (source, file))) = new.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Ok(content) = sources::digest(source, file) {
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.push((path.clone(), content));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads_of(project).min(new.len()) {
                scope.spawn(work);
            }
            work();
        });
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.is_new |= !found.is_empty();
        self.fresh.extend(found.iter().map(|(path, _)| path.clone()));
        self.known.extend(found);
    }

    /// What is known of a file that has this stamp now.
    fn still(&self, path: &str, stamp: Option<Stamp>) -> Option<&Content> {
        let known = self.known.get(path);
        known.filter(|known| (known.is_settled || self.fresh.contains(path)) && Some(known.stamp) == stamp)
    }

    fn of(&mut self, source: &str, file: &SourceFile) -> Result<Content> {
        let path = file.path.display().to_string();
        let stamp = Stamp::at(&file.path).ok();
        if let Some(known) = self.still(&path, stamp) {
            return Ok(known.clone());
        }
        if let Some(left_bytes) = &mut self.left_bytes {
            let too_long = || std::io::Error::other("it changed, and is too long to be read at once");
            let file_bytes = stamp.map_or(0, |stamp| stamp.bytes());
            let rest = left_bytes.checked_sub(file_bytes);
            *left_bytes = rest.ok_or_else(|| Error::file(&file.path)(too_long()))?;
        }
        let content = sources::digest(source, file)?;
        self.known.insert(path, content.clone());
        self.is_new = true;
        Ok(content)
    }

    fn keep(&self, catalog: &Catalog) -> Result<()> {
        if self.is_new {
            write_json(&catalog.digests_file(), &self.known)?;
        }
        Ok(())
    }
}
