//! A run: the stages in order. What is there already is not done again, so a killed run resumes where it was.

mod models;
mod order;
mod profiles;
mod tables;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Instant;

use deskmill_models::registry::Registry;
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, write_json};
use crate::checks::CheckOutcome;
use crate::encoders;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::fetch::fetch;
use crate::plan::{Plan, Step};
use crate::profile::TableChange;
use crate::project::Project;
use crate::stages::assemble::AssembleFacts;
use crate::stages::clean::CleanFacts;
use crate::stages::evaluate::EvaluateFacts;
use crate::stages::ingest::IngestFacts;
use crate::stages::publish::PublishFacts;

/// What a run is told from outside.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Its id; unique in the project.
    pub run: String,
    /// Who started it.
    pub who: String,
    /// When.
    pub when: jiff::Timestamp,
    /// How far it goes.
    pub until: Until,
}

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Sources, tables and checks; no models.
    Tables,
    /// All the way.
    Models,
}

/// The account of a run, kept under `runs/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunReport {
    /// Its id.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// Time it took, in seconds.
    pub wall_s: f64,
    /// Rows of each source.
    pub sources: BTreeMap<String, IngestFacts>,
    /// Rows of each table.
    pub tables: BTreeMap<String, CleanFacts>,
    /// What the checks of the tables say.
    #[serde(default)]
    pub checks: Vec<CheckOutcome>,
    /// How each table changed since the last good run.
    #[serde(default)]
    pub profiles: BTreeMap<String, TableChange>,
    /// Each model.
    pub models: BTreeMap<String, ModelOutcome>,
}

/// What became of one model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelOutcome {
    /// Its examples.
    pub examples: AssembleFacts,
    /// What was measured.
    pub measured: EvaluateFacts,
    /// Version and gate.
    pub published: PublishFacts,
    /// The report page, in the work folder.
    pub report: PathBuf,
}

impl RunReport {
    /// Whether every gate that decided in this run said yes.
    pub fn passed(&self) -> bool {
        self.models
            .values()
            .all(|model| model.published.decision.as_ref().is_none_or(|decision| decision.passed))
    }
}

/// Threads to use under a project's limit.
pub fn threads_of(project: &Project) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    if project.limits.threads_max == 0 {
        cores
    } else {
        project.limits.threads_max.min(cores)
    }
}

/// Runs a project from its sources to published versions.
///
/// # Errors
/// The first thing that stops it; what was done before stays done.
pub fn run<'a>(
    project: &'a Project,
    request: &'a RunRequest,
    listener: Listener<'a>,
) -> LocalBoxFuture<'a, Result<RunReport>> {
    // Boxed, so that DataFusion's part of it is compiled here and not once more in every binary that awaits it.
    Box::pin(async move {
        let catalog = Catalog::new(&project.work_dir.path);
        let done = run_stages(project, &catalog, request, listener).await;
        done.map_err(|error| {
            if error.is_disk_full() {
                full(error, &catalog, project)
            } else {
                error
            }
        })
    })
}

/// An error about a full disk, with what takes the room.
fn full(error: Error, catalog: &Catalog, project: &Project) -> Error {
    let said = error.to_string();
    let message = match error {
        Error::File { path, source } => format!("{}: the disk is full: {source}", path.display()),
        Error::Sql { .. } => format!(
            "the disk is full: {said}; rows spill into {}",
            catalog.spill_folder().display()
        ),
        _ => format!(
            "the disk is full: {said}; the registry is in {}",
            project.registry.path.display()
        ),
    };
    let mut sizes: Vec<(String, u64)> = catalog.sizes_bytes().into_iter().collect();
    sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let shown = sizes
        .iter()
        .take(4)
        .map(|(name, bytes)| format!("{name} {} MiB", bytes.div_ceil(1 << 20)));
    let hint = format!(
        "make room there and run again: what is done stays done; `deskmill gc` removes what nothing needs; the work folder \
         holds {}, all of which but `fetched` may be deleted and is made again",
        shown.collect::<Vec<_>>().join(", ")
    );
    Error::DiskFull { message, hint }
}

async fn run_stages(
    project: &Project,
    catalog: &Catalog,
    request: &RunRequest,
    listener: Listener<'_>,
) -> Result<RunReport> {
    let started = Instant::now();
    let _lock = lock(catalog)?;
    catalog.sweep()?;
    if request.until == Until::Models {
        encoders::check(project)?;
    }
    let project = &fetch(project, catalog, &|source, bytes| {
        listener(Event::Progress {
            stage: "fetch",
            name: source.to_owned(),
            share: 0.0,
            what: format!("{bytes} bytes"),
        });
    })
    .await?;
    let plan = Plan::make(project, catalog)?;
    listener(Event::Run {
        run: request.run.clone(),
        project: project.name.clone(),
        steps_done: plan.steps.iter().filter(|step| step.done).count(),
        steps: plan.steps.len(),
    });
    let threads = threads_of(project);
    let engine = Engine::new(project, threads, catalog)?;
    let work = Work {
        project,
        catalog,
        plan: &plan,
        engine: &engine,
        threads,
        now: request.when,
        listener,
    };
    let (sources, (tables, checks, profiles)) = work.make_tables().await?;
    let is_stopped = checks.iter().any(CheckOutcome::stops);
    let mut report = RunReport {
        run: request.run.clone(),
        started: request.when.to_string(),
        wall_s: 0.0,
        sources,
        tables,
        checks,
        profiles,
        models: BTreeMap::new(),
    };
    if !is_stopped && request.until == Until::Models {
        let registry = Registry::local(&project.registry.path)?;
        for model in &project.models {
            let outcome = work.make_model(model, &registry, request).await?;
            report.models.insert(model.name.clone(), outcome);
        }
        plan.remember(catalog)?;
    }
    report.wall_s = started.elapsed().as_secs_f64();
    // A run that a check stops has its account too.
    write_json(&catalog.run_file(&request.run), &report)?;
    write_json(&catalog.last_run_file(), &report)?;
    if is_stopped {
        return Err(Error::Checks { all: report.checks });
    }
    work.remember_profiles(request)?;
    Ok(report)
}

/// Two runs in one work folder would write over each other.
pub(crate) fn lock(catalog: &Catalog) -> Result<File> {
    let path = catalog.lock_file();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::file(parent))?;
    }
    let file = File::create(&path).map_err(Error::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { path }),
        Err(TryLockError::Error(error)) => Err(Error::file(&path)(error)),
    }
}

struct Work<'a> {
    project: &'a Project,
    catalog: &'a Catalog,
    plan: &'a Plan,
    engine: &'a Engine,
    threads: usize,
    now: jiff::Timestamp,
    listener: Listener<'a>,
}

impl Work<'_> {
    fn tell(&self, step: (&'static str, &str), skipped: bool, started: Instant, outcome: (String, serde_json::Value)) {
        (self.listener)(Event::Stage {
            stage: step.0,
            name: step.1.into(),
            skipped,
            wall_s: started.elapsed().as_secs_f64(),
            outcome: outcome.0,
            facts: outcome.1,
        });
    }

    fn progress(&self, stage: &'static str, name: &str, share: f32, what: &str) {
        (self.listener)(Event::Progress {
            stage,
            name: name.into(),
            share,
            what: what.into(),
        });
    }

    fn folder(&self, stage: &str, step: &Step) -> PathBuf {
        self.catalog.folder(stage, &step.name, &step.key)
    }
}
