//! The verbs, one file each.

mod check;
mod completions;
mod drill;
mod encoder;
mod gc;
mod init;
mod keys;
mod lineage;
mod models;
mod plan;
mod predict;
mod profile;
mod rejects;
mod run;
mod runs;
mod sample;
mod schedule;
mod serve;
mod sql;
mod up;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use deskmill_models::registry::{Note, Registry};
use deskmill_pipeline::project::{Project, RecipeProblem, Recipes, read_project};

use crate::cli::{Cli, Verb};
use crate::output::DONE;

/// Runs the verb.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let place = Place {
        folder: cli.folder,
        json: cli.json,
    };
    match cli.verb {
        Verb::Init => init::run(&place)?,
        Verb::Sample(args) => sample::run(&place, &args)?,
        Verb::Plan => plan::run(&place)?,
        Verb::Run(args) => return run::run(&place, args).await,
        Verb::Schedule => schedule::run(&place).await?,
        Verb::Runs(args) => runs::run(&place, args).await?,
        Verb::Check(args) => return check::run(&place, &args).await,
        Verb::Profile(args) => profile::run(&place, &args)?,
        Verb::Models(args) => models::run(&place, args).await?,
        Verb::Encoder(args) => encoder::run(&place, args).await?,
        Verb::Predict(args) => predict::run(&place, &args).await?,
        Verb::Sql(args) => sql::run(&place, &args).await?,
        Verb::Rejects(args) => return rejects::run(&place, args).await,
        Verb::Lineage(args) => lineage::run(&place, &args).await?,
        Verb::Gc(args) => gc::run(&place, &args).await?,
        Verb::Drill(args) => return drill::run(&place, &args).await,
        Verb::Keys(args) => keys::run(&place, args)?,
        Verb::Serve(args) => serve::run(&place, &args).await?,
        Verb::Up(args) => return up::run(&place, &args).await,
        Verb::Completions { shell } => completions::run(shell)?,
    }
    Ok(ExitCode::from(DONE))
}

/// Where a verb works and how it prints.
pub struct Place {
    /// The project folder.
    pub folder: PathBuf,
    /// Whether JSON is wanted.
    pub json: bool,
}

impl Place {
    /// The project in the folder.
    ///
    /// # Errors
    /// When there is none or it is wrong.
    pub fn project(&self) -> Result<Project> {
        Ok(read_project(&self.folder, &BuiltIn).map_err(deskmill_pipeline::Error::from)?)
    }

    /// The project and its registry.
    ///
    /// # Errors
    /// As [`Self::project`], or when the registry cannot be opened.
    pub fn registry(&self) -> Result<(Project, Registry)> {
        let project = self.project()?;
        let registry = Registry::local(&project.registry.path)?;
        Ok((project, registry))
    }
}

/// A note for the log about something done by hand.
pub fn note(why: &str) -> Note {
    Note {
        who: who(),
        when: jiff::Timestamp::now(),
        why: why.into(),
        run: None,
        facts: serde_json::Value::Null,
    }
}

/// The user's name as the system has it.
pub fn who() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "unknown".into())
}

/// A path as one would type it here.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

/// The recipes of the kinds that are built in.
struct BuiltIn;

impl Recipes for BuiltIn {
    fn kinds(&self) -> Vec<&'static str> {
        deskmill_models::KINDS.iter().map(|kind| kind.about().name).collect()
    }

    fn check(&self, kind: &str, written: &serde_json::Value) -> Result<serde_json::Value, Vec<RecipeProblem>> {
        let Some(kind) = deskmill_models::kind(kind) else {
            return Ok(written.clone());
        };
        let problem = |p: deskmill_models::kind::RecipeProblem| RecipeProblem {
            key: p.key,
            message: p.message,
            hint: p.hint,
        };
        kind.check_recipe(written)
            .map_err(|problems| problems.into_iter().map(problem).collect())
    }
}
