//! The first half of a run: sources are landed, all at once; tables are made, one after the other, and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use super::Work;
use super::order::{Piece, side_by_side};
use crate::checks::{self, CheckOutcome, Measured};
use crate::engine::references;
use crate::error::{Error, Result};
use crate::lineage;
use crate::plan::Step;
use crate::profile::{Baseline, TableChange};
use crate::project::{Source, Table, Then};
use crate::rejects::{Outputs, mends_told};
use crate::stages::clean::{CleanFacts, ROWS_FILE};
use crate::stages::ingest::IngestFacts;
use crate::stages::{clean, ingest};

/// Tables, what their checks say, and how they changed.
type Tables = (
    BTreeMap<String, CleanFacts>,
    Vec<CheckOutcome>,
    BTreeMap<String, TableChange>,
);
/// Rows by source, then the tables.
type Made = (BTreeMap<String, IngestFacts>, Tables);

impl Work<'_> {
    /// Sources and tables. Where their rejects are is remembered, also if there are too many of them.
    pub(super) async fn make_tables(&self) -> Result<Made> {
        let made = async { Ok((self.ingest_all().await?, self.clean_all()?)) };
        let made: Result<Made> = made.await;
        if matches!(&made, Ok(_) | Err(Error::Rejects { .. })) {
            Outputs::of(self.plan).remember(self.catalog)?;
        }
        made
    }

    /// Lands every file that was not landed before, several at once, and makes the sources known to SQL.
    pub(super) async fn ingest_all(&self) -> Result<BTreeMap<String, IngestFacts>> {
        let started = Instant::now();
        tokio::task::block_in_place(|| self.land_files())?;
        lineage::keep_contents(self.project, self.plan, self.catalog)?;
        let mut all = BTreeMap::new();
        for source in &self.project.sources {
            let total = self.total_of(source)?;
            let steps: Vec<&Step> = self.plan.landings(&source.name).collect();
            let skipped = steps.iter().all(|step| step.done);
            let mut outcome = format!(
                "{} rows, {} rejects from {} file(s)",
                total.rows,
                total.rejects,
                source.reads.iter().map(|read| read.files.len()).sum::<usize>()
            );
            outcome.push_str(&mends_told(self.plan, self.catalog, &source.name, &total));
            self.tell(("ingest", &source.name), skipped, started, (outcome, json!(total)));
            let place = format!("source `{}`", source.name);
            ingest::check_share(place, total.rejects, total.rows + total.rejects, &self.project.limits)?;
            let files: Vec<PathBuf> = steps
                .iter()
                .map(|step| self.folder(ingest::STAGE, step).join(ROWS_FILE))
                .collect();
            self.engine.add_source(&source.name, &files).await?;
            all.insert(source.name.clone(), total);
        }
        Ok(all)
    }

    /// A thread takes the largest file that nobody has taken, until there are none or one of them fails.
    fn land_files(&self) -> Result<()> {
        let mut steps: Vec<(u64, &Step)> = self
            .plan
            .steps
            .iter()
            .filter(|step| step.landing.is_some() && !step.done)
            .map(|step| {
                (
                    step.landing
                        .as_ref()
                        .map_or(0, |landing| landing.size_bytes(self.project)),
                    step,
                )
            })
            .collect();
        // Equal sizes keep their order.
        steps.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let failure: Mutex<Option<(usize, Error)>> = Mutex::new(None);
        let work = || {
            while !failed.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some((bytes, step)) = steps.get(at) else { return };
                let Err(error) = self.land(step, *bytes) else { continue };
                failed.store(true, Ordering::Relaxed);
                let mut first = failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                // Of several failures at once, the same one is told each time.
                if first.as_ref().is_none_or(|(earlier, _)| at < *earlier) {
                    *first = Some((at, error));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(steps.len()) {
                scope.spawn(work);
            }
            work();
        });
        let failure = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        failure.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn land(&self, step: &Step, size_bytes: u64) -> Result<()> {
        let Some(landing) = &step.landing else { return Ok(()) };
        let told = |bytes: u64| {
            let share = bytes as f32 / size_bytes.max(1) as f32;
            self.progress(
                "ingest",
                &step.name,
                share.min(1.0),
                step.file.as_deref().unwrap_or_default(),
            );
        };
        let made = lineage::Output::begin(self.project, step);
        ingest::ingest(self.project, landing, self.catalog, made, &told).map(drop)
    }

    fn total_of(&self, source: &Source) -> Result<IngestFacts> {
        let mut total = IngestFacts::default();
        for step in self.plan.landings(&source.name) {
            let facts: IngestFacts = self.catalog.facts(ingest::STAGE, &source.name, &step.key)?;
            total.rows += facts.rows;
            total.rejects += facts.rejects;
            total.bytes += facts.bytes;
            total.mended += facts.mended;
        }
        // Mends of files that are gone are among them.
        let mends = self
            .plan
            .mends(&source.name)
            .map_or(0, |mends| mends.all().count() as u64);
        total.mends_unfit = mends.saturating_sub(total.mended);
        Ok(total)
    }

    /// Makes every table, profiles it, measures its checks, and gives what came of it; several at once where none of them
    /// waits for another. Whether a failed check stops the run is decided when all of them are known.
    pub(super) fn clean_all(&self) -> Result<Tables> {
        let baseline = self.baseline();
        let engine = tokio::runtime::Handle::current();
        let made = tokio::task::block_in_place(|| {
            side_by_side(&self.pieces()?, self.threads, &|at| {
                engine.block_on(self.make_table(&self.project.tables[at], &baseline))
            })
        })?;
        let mut tables = Tables::default();
        for (table, (facts, outcomes, change)) in self.project.tables.iter().zip(made) {
            tables.0.insert(table.name.clone(), facts);
            tables.1.extend(outcomes);
            tables.2.insert(table.name.clone(), change);
        }
        Ok(tables)
    }

    /// The tables as pieces of work. A table waits for those above it that it reads; and for those that read a source of its
    /// name, which they see only until it takes the name.
    fn pieces(&self) -> Result<Vec<Piece>> {
        let tables = &self.project.tables;
        let mut reads: Vec<BTreeSet<String>> = Vec::with_capacity(tables.len());
        for table in tables {
            let mut names = BTreeSet::from_iter(references(&table.name, &checks::judged(table))?);
            for check in &table.checks {
                names.extend(check.reads(&check.words())?);
            }
            reads.push(names);
        }
        let piece = |at: usize| {
            let table = &tables[at];
            let waits = |above: &usize| reads[at].contains(&tables[*above].name) || reads[*above].contains(&table.name);
            let source = table.rows_of.as_ref().and_then(|name| self.project.source(name));
            Ok(Piece {
                waits_for: (0..at).filter(waits).collect(),
                size: source.map_or(Ok(0), |source| self.total_of(source).map(|total| total.bytes))?,
            })
        };
        (0..tables.len()).map(piece).collect()
    }

    async fn make_table(
        &self,
        table: &Table,
        baseline: &Baseline,
    ) -> Result<(CleanFacts, Vec<CheckOutcome>, TableChange)> {
        let step = self.plan.step("clean", &table.name);
        let step = step.expect("the plan has a step for each table of its project");
        let facts = self.clean(table, step).await?;
        let files = [self.folder(clean::STAGE, step).join(ROWS_FILE)];
        self.engine.add_table(&table.name, &files).await?;
        let change = tokio::task::block_in_place(|| self.profile(step, baseline))?;
        let outcomes = if table.checks.is_empty() {
            Vec::new()
        } else {
            self.check(table, &facts, &change).await?
        };
        Ok((facts, outcomes, change))
    }

    async fn clean(&self, table: &Table, step: &Step) -> Result<CleanFacts> {
        let started = Instant::now();
        let facts: CleanFacts = if step.done {
            self.catalog.facts(clean::STAGE, &table.name, &step.key)?
        } else {
            self.progress("clean", &table.name, 0.0, "running its SQL");
            let rows_of = table.rows_of.as_deref().unwrap_or_default();
            let landings = self.plan.landings(rows_of);
            let raw: Vec<PathBuf> = landings
                .map(|step| self.folder(ingest::STAGE, step).join(ROWS_FILE))
                .collect();
            let made = lineage::Output::begin(self.project, step);
            clean::clean(self.engine, table, &raw, self.catalog, made).await?
        };
        let outcome = format!(
            "{} rows, {} duplicates, {} rejects",
            facts.kept, facts.duplicates, facts.rejects
        );
        self.tell(("clean", &table.name), step.done, started, (outcome, json!(facts)));
        let place = format!("table `{}`", table.name);
        ingest::check_share(place, facts.rejects, facts.rows_in, &self.project.limits)?;
        Ok(facts)
    }

    /// What the checks of a table say. Their figures depend on its content only and are kept; what they mean may depend
    /// on the time and on earlier runs.
    async fn check(&self, table: &Table, facts: &CleanFacts, change: &TableChange) -> Result<Vec<CheckOutcome>> {
        let started = Instant::now();
        let key = self.plan.checks_key(table)?.unwrap_or_default();
        let known = self.catalog.has(checks::STAGE, &table.name, &key);
        let measured: Vec<Measured> = if known {
            self.catalog.facts(checks::STAGE, &table.name, &key)?
        } else {
            let measured = checks::measure(self.engine, table).await?;
            self.catalog.begin(checks::STAGE, &table.name, &key)?;
            self.catalog.complete(checks::STAGE, &table.name, &key, &measured)?;
            measured
        };
        let outcomes = checks::judge(table, &measured, self.now, &facts.rejected_by, change);
        let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
        let warned = outcomes
            .iter()
            .filter(|outcome| !outcome.passed && outcome.then == Then::Warn)
            .count();
        let outcome = match failed {
            0 => format!("{} checks hold", outcomes.len()),
            _ => format!(
                "{failed} of {} checks do not hold, {warned} of them warnings",
                outcomes.len()
            ),
        };
        self.tell(("check", &table.name), known, started, (outcome, json!(outcomes)));
        Ok(outcomes)
    }
}
