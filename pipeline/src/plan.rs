//! The plan: every step of a run with its key, whether its output is there already, and why it is not. Keys depend on
//! inputs only, so the whole plan is known before anything runs.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, read_json, write_json};
use crate::checks;
use crate::engine::references;
use crate::error::{Error, Result};
use crate::functions::PersonalData;
use crate::keys::{Parts, digest_of, key};
use crate::project::{Expected, Project, SourceFile};
use crate::sources;
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
    /// For ingest: which files.
    #[serde(skip)]
    pub landing: Option<Landing>,
}

/// All steps, in the order in which they run.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What a query can name, and the key of its content.
    #[serde(skip)]
    contents: BTreeMap<String, String>,
}

struct Planner<'a> {
    project: &'a Project,
    catalog: &'a Catalog,
    personal: PersonalData,
    before: BTreeMap<String, Parts>,
    /// What a query can name, and the key of its content.
    known: BTreeMap<String, String>,
    steps: Vec<Step>,
}

impl Plan {
    /// Works out the plan of a project. Reads source files only if they changed since their digest was last taken.
    ///
    /// # Errors
    /// When a source file cannot be read, or a query cannot be parsed or names something unknown.
    pub fn make(project: &Project, catalog: &Catalog) -> Result<Self> {
        let before = read_json(&catalog.last_parts_file()).unwrap_or_default();
        let mut planner = Planner {
            project,
            catalog,
            personal: PersonalData::of(&project.personal),
            before,
            known: BTreeMap::new(),
            steps: Vec::new(),
        };
        planner.plan_sources()?;
        planner.plan_tables()?;
        planner.plan_models()?;
        Ok(Self {
            steps: planner.steps,
            contents: planner.known,
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

    /// The steps that land the files of a source, in order of `_row`.
    pub fn landings<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a Step> {
        self.steps
            .iter()
            .filter(move |step| step.landing.is_some() && step.name == source)
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
        format!(
            "{} {} {}",
            self.stage,
            self.name,
            self.file.as_deref().unwrap_or_default()
        )
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
    fn add(&mut self, stage: &'static str, name: &str, parts: Parts) -> String {
        self.add_file(stage, name, parts, None)
    }

    fn add_file(
        &mut self,
        stage: &'static str,
        name: &str,
        parts: Parts,
        landing: Option<(Landing, String)>,
    ) -> String {
        let key = key(&parts);
        let done = self.catalog.has(folder_of(stage), name, &key);
        let (landing, file) = landing.unzip();
        let mut step = Step {
            stage,
            name: name.into(),
            file,
            key: key.clone(),
            done,
            why: String::new(),
            parts,
            landing,
        };
        step.why = self.why(&step);
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
        let mut digests = Digests::open(self.catalog);
        for (at, source) in self.project.sources.iter().enumerate() {
            let mut keys = Vec::new();
            for landing in ingest::landings(self.project, at) {
                let contents = landing.files(self.project).map(|(_, file)| digests.of(file));
                let contents = contents.collect::<Result<Vec<String>>>()?;
                let parts = ingest::parts(self.project, &landing, &contents);
                let name = landing.name(self.project);
                keys.push(self.add_file("ingest", &source.name, parts, Some((landing, name))));
            }
            let content = digest_of(&keys);
            self.known
                .insert(format!("{}.{}", crate::engine::RAW, source.name), content.clone());
            self.known.insert(source.name.clone(), content);
        }
        digests.keep(self.catalog)
    }

    /// Adds what a query reads to the parts of its key.
    fn add_inputs(&self, parts: &mut Parts, place: &str, sql: &str) -> Result<()> {
        for name in references(place, sql)? {
            let content = self.content_of(place, &name)?.to_owned();
            parts.insert(name, content);
        }
        Ok(())
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
            self.add_inputs(&mut parts, &place, &checks::judged(table))?;
            parts.extend(self.personal.parts(&place, &checks::judged(table))?);
            if let Some(source) = &table.rows_of {
                let name = format!("{}.{source}", crate::engine::RAW);
                parts.insert(name.clone(), self.known.get(&name).cloned().unwrap_or_default());
            }
            let key = self.add("clean", &table.name, parts);
            self.known.insert(table.name.clone(), key);
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
            self.add_inputs(&mut parts, &place, &model.examples_sql)?;
            parts.extend(self.personal.parts(&place, &model.examples_sql)?);
            let examples = self.add("assemble", &model.name, parts);
            let mut parts = fit::parts(model, self.project.seed);
            parts.insert("examples".into(), examples);
            let fitted = self.add("fit", &model.name, parts);
            let mut parts = evaluate::parts();
            parts.insert("fit".into(), fitted);
            self.add("evaluate", &model.name, parts);
        }
        Ok(())
    }
}

/// Digests of source files, taken again only when a file's size or time of change differs.
struct Digests {
    known: BTreeMap<String, Known>,
}

#[derive(Serialize, Deserialize)]
struct Known {
    bytes: u64,
    changed_ns: u128,
    sha256: String,
}

impl Digests {
    fn open(catalog: &Catalog) -> Self {
        Self {
            known: read_json(&catalog.digests_file()).unwrap_or_default(),
        }
    }

    fn of(&mut self, file: &SourceFile) -> Result<String> {
        let facts = std::fs::metadata(&file.path).map_err(Error::file(&file.path))?;
        let changed = facts
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let changed_ns = changed.map_or(0, |time| time.as_nanos());
        let path = file.path.display().to_string();
        if let Some(known) = self
            .known
            .get(&path)
            .filter(|k| k.bytes == facts.len() && k.changed_ns == changed_ns)
        {
            return Ok(known.sha256.clone());
        }
        let sha256 = sources::digest(file)?;
        self.known.insert(
            path,
            Known {
                bytes: facts.len(),
                changed_ns,
                sha256: sha256.clone(),
            },
        );
        Ok(sha256)
    }

    fn keep(&self, catalog: &Catalog) -> Result<()> {
        write_json(&catalog.digests_file(), &self.known)
    }
}
