//! Replay: rejects once more, after something was mended: the project file, the SQL, the source files, or the rejects
//! themselves in an edited export. Mends are stored first and then run, so a replay that is killed is completed by the
//! next run.

use std::path::Path;

use deskmill_models::registry::Registry;
use futures::future::LocalBoxFuture;
use serde::Serialize;

use super::Outputs;
use super::fates::{Fates, fates, pasts};
use super::landed::Landed;
use super::take::{By, Taken, take};
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::events::Listener;
use crate::fetch::fetched;
use crate::plan::Plan;
use crate::project::Project;
use crate::run::{RunRequest, Until, lock, run};
use crate::score::Format;
use crate::stale::{Stale, stale_models};

/// What a replay is told from outside.
pub struct ReplayRequest<'a> {
    /// The project.
    pub project: &'a Project,
    /// The run it makes; it goes to the tables whatever is said there.
    pub run: RunRequest,
    /// An edited export, if there is one: csv or jsonl.
    pub edited: Option<(&'a Path, Format)>,
}

/// What came of a replay.
#[derive(Debug, Serialize)]
pub struct Replayed {
    /// What was taken of the edited export.
    pub mends: Option<Taken>,
    /// What became of the rejects of the last run.
    pub fates: Fates,
    /// Mends that no longer fit their row: `raw/tickets.csv:12`.
    pub mends_unfit: Vec<String>,
    /// Models whose published version knows nothing of what changed.
    pub stale: Vec<Stale>,
    /// What stopped the run before its end.
    #[serde(skip)]
    pub stopped: Option<Error>,
}

/// Replays.
///
/// # Errors
/// [`Error::Mends`] when the edited export is wrong; as [`run`], but that too many rejects and failed checks are part of
/// the outcome.
pub fn replay<'a>(request: &'a ReplayRequest<'a>, listener: Listener<'a>) -> LocalBoxFuture<'a, Result<Replayed>> {
    Box::pin(replay_stages(request, listener))
}

async fn replay_stages(request: &ReplayRequest<'_>, listener: Listener<'_>) -> Result<Replayed> {
    let project = request.project;
    let catalog = Catalog::new(&project.work_dir.path);
    let plan = plan_of(project, &catalog)?;
    let before = Outputs::last(&catalog).unwrap_or_else(|| Outputs::of(&plan));
    let past = pasts(&before, &catalog, true)?;
    let mut mends = None;
    let mut stopped = None;
    let mut is_run = false;
    if let Some(edited) = request.edited {
        // Edits are held against the rejects as they are, so these must be there.
        if plan.steps.iter().any(|step| is_before_models(step.stage) && !step.done) {
            stopped = run_tables(request, "-before", listener).await?;
            is_run = true;
        }
        let taken = take_edits(request, &catalog, edited)?;
        is_run &= taken.new + taken.changed == 0;
        mends = Some(taken);
    }
    if !is_run {
        stopped = run_tables(request, "", listener).await?;
    }
    let project = &fetched(project, &catalog)?;
    let plan = Plan::make(project, &catalog)?;
    let landed = Landed {
        catalog: &catalog,
        plan: &plan,
    };
    let registry = Registry::local(&project.registry.path)?;
    Ok(Replayed {
        mends,
        fates: fates(project, (&before, past), landed)?,
        mends_unfit: unfit(project, landed),
        stale: stale_models(project, &plan, &registry).await?,
        stopped,
    })
}

fn plan_of(project: &Project, catalog: &Catalog) -> Result<Plan> {
    Plan::make(&fetched(project, catalog)?, catalog)
}

fn is_before_models(stage: &str) -> bool {
    ["ingest", "clean"].contains(&stage)
}

/// Takes the edits while no run is at work.
fn take_edits(request: &ReplayRequest<'_>, catalog: &Catalog, edited: (&Path, Format)) -> Result<Taken> {
    let _lock = lock(catalog)?;
    let project = &fetched(request.project, catalog)?;
    let plan = Plan::make(project, catalog)?;
    let by = By {
        who: &request.run.who,
        when: request.run.when.to_string(),
    };
    take(project, Landed { catalog, plan: &plan }, edited, &by)
}

/// A run to the tables; gives what stopped it if that is what a replay is there to find out.
async fn run_tables(request: &ReplayRequest<'_>, suffix: &str, listener: Listener<'_>) -> Result<Option<Error>> {
    let tables = RunRequest {
        run: format!("{}{suffix}", request.run.run),
        until: Until::Tables,
        ..request.run.clone()
    };
    match run(request.project, &tables, listener).await {
        Ok(_) => Ok(None),
        Err(stopped @ (Error::Rejects { .. } | Error::Checks { .. })) => Ok(Some(stopped)),
        Err(error) => Err(error),
    }
}

fn unfit(project: &Project, landed: Landed<'_>) -> Vec<String> {
    let of_source = project.sources.iter().map(|source| landed.unfit(&source.name));
    of_source.flatten().collect()
}
