//! The second half of a run: from the tables to published versions, one model after the other.

use std::time::Instant;

use deskmill_models::kind::FitContext;
use deskmill_models::registry::{Note, Registry};
use deskmill_models::sentence::Embeddings;
use serde_json::json;

use super::{ModelOutcome, RunRequest, Work};
use crate::encoders::CachedEmbeddings;
use crate::error::{Error, Result};
use crate::lineage::{self, Input, Lineage, Output};
use crate::plan::Step;
use crate::project::ModelSpec;
use crate::report::ReportRows;
use crate::stages::Input as ReportInput;
use crate::stages::assemble::AssembleFacts;
use crate::stages::clean::CleanFacts;
use crate::stages::evaluate::{EvaluateFacts, EvaluateRequest, load_fitted};
use crate::stages::fit::{FitFacts, FitRequest};
use crate::stages::ingest::IngestFacts;
use crate::stages::publish::{PublishFacts, PublishRequest};
use crate::stages::{assemble, clean, evaluate, fit, ingest, publish};

impl Work<'_> {
    /// Makes one model: examples, fit, report, version, gate.
    pub(super) async fn make_model(
        &self,
        model: &ModelSpec,
        registry: &Registry,
        request: &RunRequest,
    ) -> Result<ModelOutcome> {
        let name = model.name.as_str();
        let steps = ["assemble", "fit", "evaluate"].map(|stage| self.plan.step(stage, name));
        let ([Some(assembled), Some(fitted), Some(evaluated)], Some(kind)) =
            (steps, deskmill_models::kind(&model.kind))
        else {
            return Err(Error::Examples {
                model: name.into(),
                message: format!("kind `{}` is not built in", model.kind),
                hint: "check `kind`".into(),
            });
        };
        let examples = self.assemble(model, assembled).await?;
        let fit = self.fit(model, kind, [assembled, fitted], registry).await?;
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
            artifact_bytes: fit.artifact_bytes,
            rows: ReportRows { train, calibrate, test },
        };
        let measured = self.evaluate(&request_of_report, evaluated, registry).await?;
        let started = Instant::now();
        let way = || {
            let lineage = Lineage::of_output(self.catalog, "evaluate", name, &evaluated.key)?;
            Ok(lineage.bounded(lineage::FILES_LISTED_MAX))
        };
        let publish_request = PublishRequest {
            kind,
            model,
            folders: [&folders[0], &folders[1], &folders[2]],
            measured: &measured,
            key: &publish::key_of(name, &evaluated.key),
            lineage: &lineage,
            way: &way,
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
    fn lineage(&self, assembled: &Step) -> Result<Vec<ReportInput>> {
        let mut inputs = Vec::new();
        for Input { stage, name, content } in &assembled.inputs {
            let rows = if stage == "clean" {
                let facts: CleanFacts = self.catalog.facts(clean::STAGE, name, content)?;
                facts.kept
            } else {
                let source = name.strip_prefix("raw.").unwrap_or(name);
                let facts = self
                    .plan
                    .landings(source)
                    .map(|step| self.catalog.facts(ingest::STAGE, source, &step.key));
                facts
                    .map(|facts: Result<IngestFacts>| facts.map(|facts| facts.rows))
                    .sum::<Result<u64>>()?
            };
            inputs.push((name.clone(), rows, content.clone()));
        }
        Ok(inputs)
    }

    async fn assemble(&self, model: &ModelSpec, step: &Step) -> Result<AssembleFacts> {
        let started = Instant::now();
        let facts = if step.done {
            self.catalog.facts(assemble::STAGE, &model.name, &step.key)?
        } else {
            self.progress("assemble", &model.name, 0.0, "running its SQL");
            let made = Output::begin(self.project, step);
            assemble::assemble(self.engine, model, self.project.seed, self.catalog, made).await?
        };
        let outcome = format!(
            "{} train, {} calibrate, {} test",
            facts.train, facts.calibrate, facts.test
        );
        self.tell(("assemble", &model.name), step.done, started, (outcome, json!(facts)));
        Ok(facts)
    }

    async fn fit(
        &self,
        model: &ModelSpec,
        kind: &dyn deskmill_models::kind::Kind,
        [from, step]: [&Step; 2],
        registry: &Registry,
    ) -> Result<FitFacts> {
        let started = Instant::now();
        let facts: FitFacts = if step.done {
            self.catalog.facts(fit::STAGE, &model.name, &step.key)?
        } else {
            let embeddings = match &model.encoder {
                Some(name) => {
                    let encoder = registry.encoder(name).await?;
                    Some(CachedEmbeddings::open(self.catalog, encoder, self.threads)?)
                }
                None => None,
            };
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
                    encoder: embeddings.as_ref().map(|embeddings| embeddings as &dyn Embeddings),
                },
            };
            tokio::task::block_in_place(|| fit::fit(&request, self.catalog, Output::begin(self.project, step)))?
        };
        let outcome = format!(
            "{:.1} MB in {:.2} s",
            facts.artifact_bytes as f64 / 1e6,
            facts.fit_wall_s
        );
        self.tell(("fit", &model.name), step.done, started, (outcome, json!(facts)));
        Ok(facts)
    }

    async fn evaluate(&self, request: &EvaluateRequest<'_>, step: &Step, registry: &Registry) -> Result<EvaluateFacts> {
        let started = Instant::now();
        let name = request.model.name.as_str();
        let facts: EvaluateFacts = if step.done {
            self.catalog.facts(evaluate::STAGE, name, &step.key)?
        } else {
            self.progress("evaluate", name, 0.0, "scoring the held-back rows");
            let model = load_fitted(request.kind, request.fitted, registry).await?;
            tokio::task::block_in_place(|| {
                evaluate::evaluate(request, model.as_ref(), self.catalog, Output::begin(self.project, step))
            })?
        };
        let value = facts.metrics.get(&facts.main_metric).copied().unwrap_or_default();
        let look = match facts.suspects {
            0 => String::new(),
            1 => "; 1 label looks wrong: see the report".to_owned(),
            many => format!("; {many} labels look wrong: see the report"),
        };
        let outcome = format!(
            "{} {value:.4} on {} held-back rows{look}",
            facts.main_metric, facts.rows
        );
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
