//! A run: the stages in order. What is there already is not done again, so a killed run resumes where it was.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Instant;

use deskmill_models::kind::FitContext;
use deskmill_models::registry::{Note, Registry};
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::catalog::{Catalog, write_json};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::keys::{Parts, key};
use crate::plan::{Plan, Step};
use crate::project::{ModelSpec, Project};
use crate::report::ReportRows;
use crate::stages::Input;
use crate::stages::assemble::AssembleFacts;
use crate::stages::clean::{CleanFacts, ROWS_FILE};
use crate::stages::evaluate::{EvaluateFacts, EvaluateRequest};
use crate::stages::fit::{FitFacts, FitRequest};
use crate::stages::ingest::IngestFacts;
use crate::stages::publish::{PublishFacts, PublishRequest};
use crate::stages::{assemble, clean, evaluate, fit, ingest, publish};

/// What a run is told from outside.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Its id; unique in the project.
    pub run: String,
    /// Who started it.
    pub who: String,
    /// When.
    pub when: jiff::Timestamp,
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
    Box::pin(run_stages(project, request, listener))
}

async fn run_stages(project: &Project, request: &RunRequest, listener: Listener<'_>) -> Result<RunReport> {
    let started = Instant::now();
    let catalog = Catalog::new(&project.work_dir.path);
    let _lock = lock(&catalog)?;
    let plan = Plan::make(project, &catalog)?;
    listener(Event::Run {
        run: request.run.clone(),
        project: project.name.clone(),
        steps_done: plan.steps.iter().filter(|step| step.done).count(),
        steps: plan.steps.len(),
    });
    let threads = threads_of(project);
    let engine = Engine::new(&project.limits, threads, &catalog)?;
    let work = Work {
        project,
        catalog: &catalog,
        plan: &plan,
        engine: &engine,
        threads,
        listener,
    };
    let sources = work.ingest_all().await?;
    let tables = work.clean_all().await?;
    let registry = Registry::local(&project.registry.path)?;
    let mut models = BTreeMap::new();
    for model in &project.models {
        models.insert(model.name.clone(), work.make_model(model, &registry, request).await?);
    }
    plan.remember(&catalog)?;
    let wall_s = started.elapsed().as_secs_f64();
    let report = RunReport {
        run: request.run.clone(),
        started: request.when.to_string(),
        wall_s,
        sources,
        tables,
        models,
    };
    write_json(&catalog.run_file(&request.run), &report)?;
    write_json(&catalog.last_run_file(), &report)?;
    Ok(report)
}

/// Two runs in one work folder would write over each other.
fn lock(catalog: &Catalog) -> Result<File> {
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

    async fn ingest_all(&self) -> Result<BTreeMap<String, IngestFacts>> {
        let mut all = BTreeMap::new();
        for source in &self.project.sources {
            let started = Instant::now();
            let mut total = IngestFacts::default();
            let mut skipped = true;
            let mut files = Vec::new();
            for step in self.plan.landings(&source.name) {
                let facts = match &step.landing {
                    Some(landing) if !step.done => {
                        skipped = false;
                        let read = &source.reads[landing.file.0].files[landing.file.1];
                        let size_bytes = std::fs::metadata(&read.path).map_or(1, |facts| facts.len().max(1));
                        let told = |bytes: u64| {
                            let share = bytes as f32 / size_bytes as f32;
                            self.progress("ingest", &source.name, share.min(1.0), &read.relative);
                        };
                        tokio::task::block_in_place(|| {
                            ingest::ingest(self.project, landing, self.catalog, &step.key, &told)
                        })?
                    }
                    _ => self.catalog.facts(ingest::STAGE, &source.name, &step.key)?,
                };
                total.rows += facts.rows;
                total.rejects += facts.rejects;
                total.bytes += facts.bytes;
                files.push(self.folder(ingest::STAGE, step).join(ROWS_FILE));
            }
            let outcome = format!(
                "{} rows, {} rejects from {} file(s)",
                total.rows,
                total.rejects,
                files.len()
            );
            self.tell(("ingest", &source.name), skipped, started, (outcome, json!(total)));
            let place = format!("source `{}`", source.name);
            ingest::check_share(place, total.rejects, total.rows + total.rejects, &self.project.limits)?;
            self.engine.add_source(&source.name, &files).await?;
            all.insert(source.name.clone(), total);
        }
        Ok(all)
    }

    async fn clean_all(&self) -> Result<BTreeMap<String, CleanFacts>> {
        let mut all = BTreeMap::new();
        for table in &self.project.tables {
            let started = Instant::now();
            let Some(step) = self.plan.step("clean", &table.name) else {
                continue;
            };
            let facts: CleanFacts = if step.done {
                self.catalog.facts(clean::STAGE, &table.name, &step.key)?
            } else {
                self.progress("clean", &table.name, 0.0, "running its SQL");
                let rows_of = table.rows_of.as_deref().unwrap_or_default();
                let raw: Vec<PathBuf> = self
                    .plan
                    .landings(rows_of)
                    .map(|step| self.folder(ingest::STAGE, step).join(ROWS_FILE))
                    .collect();
                clean::clean(self.engine, table, &raw, self.catalog, &step.key).await?
            };
            let outcome = format!(
                "{} rows, {} duplicates, {} rejects",
                facts.kept, facts.duplicates, facts.rejects
            );
            self.tell(("clean", &table.name), step.done, started, (outcome, json!(facts)));
            let place = format!("table `{}`", table.name);
            ingest::check_share(place, facts.rejects, facts.rows_in, &self.project.limits)?;
            self.engine
                .add_table(&table.name, &[self.folder(clean::STAGE, step).join(ROWS_FILE)])
                .await?;
            all.insert(table.name.clone(), facts);
        }
        Ok(all)
    }

    async fn make_model(&self, model: &ModelSpec, registry: &Registry, request: &RunRequest) -> Result<ModelOutcome> {
        let name = model.name.as_str();
        let steps = ["assemble", "fit", "evaluate"].map(|stage| self.plan.step(stage, name));
        let ([Some(assembled), Some(fitted), Some(evaluated)], Some(kind)) =
            (steps, deskmill_models::kind(&model.kind))
        else {
            let message = format!("kind `{}` is not built in", model.kind);
            return Err(Error::Examples {
                model: name.into(),
                message,
                hint: "check `kind`".into(),
            });
        };
        let examples = self.assemble(model, assembled).await?;
        let artifact_bytes = self.fit(model, kind, assembled, fitted)?.artifact_bytes;
        let folders = [
            (assemble::STAGE, assembled),
            (fit::STAGE, fitted),
            (evaluate::STAGE, evaluated),
        ];
        let folders = folders.map(|(stage, step)| self.folder(stage, step));
        let lineage = self.lineage(assembled)?;
        let AssembleFacts {
            train, calibrate, test, ..
        } = examples;
        let request_of_report = EvaluateRequest {
            kind,
            model,
            examples: &folders[0],
            fitted: &folders[1],
            lineage: &lineage,
            artifact_bytes,
            rows: ReportRows { train, calibrate, test },
        };
        let measured = self.evaluate(&request_of_report, evaluated)?;
        let started = Instant::now();
        let publish_request = PublishRequest {
            kind,
            model,
            folders: [&folders[0], &folders[1], &folders[2]],
            measured: &measured,
            key: &key(&Parts::from([
                ("evaluate".into(), evaluated.key.clone()),
                ("model".into(), name.into()),
            ])),
            lineage: &lineage,
            note: Note {
                who: request.who.clone(),
                when: request.when,
                why: "a run of the project".into(),
                run: Some(request.run.clone()),
                facts: serde_json::Value::Null,
            },
        };
        let published = publish::publish(&publish_request, registry).await?;
        self.tell(
            ("publish", name),
            !published.new,
            started,
            (outcome_of(&published, model), json!(published)),
        );
        Ok(ModelOutcome {
            examples,
            measured,
            published,
            report: folders[2].join(evaluate::REPORT_HTML),
        })
    }

    /// What the examples of a model were drawn from.
    fn lineage(&self, assembled: &Step) -> Result<Vec<Input>> {
        let mut inputs = Vec::new();
        for (name, content) in &assembled.parts {
            let source = name.strip_prefix("raw.").unwrap_or(name);
            if let Some(step) = self.plan.step("clean", name) {
                let facts: CleanFacts = self.catalog.facts(clean::STAGE, name, &step.key)?;
                inputs.push((name.clone(), facts.kept, content.clone()));
            } else if self.project.source(source).is_some() {
                let facts = self
                    .plan
                    .landings(source)
                    .map(|step| self.catalog.facts(ingest::STAGE, source, &step.key));
                let rows = facts
                    .map(|facts: Result<IngestFacts>| facts.map(|facts| facts.rows))
                    .sum::<Result<u64>>()?;
                inputs.push((name.clone(), rows, content.clone()));
            }
        }
        Ok(inputs)
    }

    async fn assemble(&self, model: &ModelSpec, step: &Step) -> Result<AssembleFacts> {
        let started = Instant::now();
        let facts = if step.done {
            self.catalog.facts(assemble::STAGE, &model.name, &step.key)?
        } else {
            self.progress("assemble", &model.name, 0.0, "running its SQL");
            assemble::assemble(self.engine, model, self.project.seed, self.catalog, &step.key).await?
        };
        let outcome = format!(
            "{} train, {} calibrate, {} test",
            facts.train, facts.calibrate, facts.test
        );
        self.tell(("assemble", &model.name), step.done, started, (outcome, json!(facts)));
        Ok(facts)
    }

    fn fit(
        &self,
        model: &ModelSpec,
        kind: &dyn deskmill_models::kind::Kind,
        from: &Step,
        step: &Step,
    ) -> Result<FitFacts> {
        let started = Instant::now();
        let facts: FitFacts = if step.done {
            self.catalog.facts(fit::STAGE, &model.name, &step.key)?
        } else {
            let told = |share: f32, what: &str| self.progress("fit", &model.name, share, what);
            let request = FitRequest {
                kind,
                model,
                examples: &self.folder(assemble::STAGE, from),
                context: FitContext {
                    seed: self.project.seed,
                    threads: self.threads,
                    memory_max_bytes: self.project.limits.memory_max_mib as usize * (1 << 20),
                    progress: &told,
                },
            };
            tokio::task::block_in_place(|| fit::fit(&request, self.catalog, &step.key))?
        };
        let outcome = format!(
            "{:.1} MB in {:.2} s",
            facts.artifact_bytes as f64 / 1e6,
            facts.fit_wall_s
        );
        self.tell(("fit", &model.name), step.done, started, (outcome, json!(facts)));
        Ok(facts)
    }

    fn evaluate(&self, request: &EvaluateRequest<'_>, step: &Step) -> Result<EvaluateFacts> {
        let started = Instant::now();
        let name = request.model.name.as_str();
        let facts: EvaluateFacts = if step.done {
            self.catalog.facts(evaluate::STAGE, name, &step.key)?
        } else {
            self.progress("evaluate", name, 0.0, "scoring the held-back rows");
            tokio::task::block_in_place(|| evaluate::evaluate(request, self.catalog, &step.key))?
        };
        let value = facts.metrics.get(&facts.main_metric).copied().unwrap_or_default();
        let outcome = format!("{} {value:.4} on {} held-back rows", facts.main_metric, facts.rows);
        self.tell(("evaluate", name), step.done, started, (outcome, json!(facts)));
        Ok(facts)
    }
}

fn outcome_of(published: &PublishFacts, model: &ModelSpec) -> String {
    let version = published.version;
    let alias = &model.gate.alias;
    match &published.decision {
        Some(decision) if decision.passed => format!("version {version}, now `{alias}`"),
        Some(decision) => {
            let failed: Vec<String> = decision
                .checks
                .iter()
                .filter(|check| !check.passed)
                .map(|check| format!("{}: {}", check.what, check.found))
                .collect();
            format!(
                "version {version}, kept from `{alias}` by the gate ({})",
                failed.join("; ")
            )
        }
        None => format!("version {version}, unchanged"),
    }
}
