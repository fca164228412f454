//! Brings in what is elsewhere, before the plan: remote objects and database queries become local files, and from there
//! on a run sees only these. What was fetched is in the catalog's folder `fetched/<source>/`, listed in a `state.json`
//! that is replaced at once, so that a fetch that was killed shows nothing half. Rows are not read here.

mod cursor;
mod failure;
mod http;
mod intake;
mod mysql;
mod objects;
mod postgres;
mod rows;
mod s3;
mod spool;
mod sqlite;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::project::{Database, Format, Project, Source};
pub(crate) use state::listed_or_not;
use state::{Folder, ReadState, SourceState, read_key};

/// Who is told how many bytes of a source have come so far in this fetch. After a retry the number may be lower.
pub type Told<'a> = &'a dyn Fn(&str, u64);

/// Fetches all that is elsewhere and gives the project with `files` of every remote or database read filled in. What did
/// not change is not fetched again. The caller holds the catalog's lock; a run that reads earlier files is not disturbed
/// before this call ends well, which removes files that are listed no more.
///
/// S3 takes the usual `AWS_*` variables (keys, region, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`), a database the variable that
/// `url_env` names. No secret is logged, kept or shown.
///
/// # Errors
/// [`Error::Source`] when a place cannot be reached, refuses, breaks off, changes while it is read or has nothing that
/// matches; [`Error::File`] when writing fails. What was listed before is still listed then.
pub fn fetch<'a>(project: &'a Project, catalog: &'a Catalog, told: Told<'a>) -> LocalBoxFuture<'a, Result<Project>> {
    Box::pin(async move { Outside::of_process().fetch(project, catalog, told).await })
}

/// The project with the files of the last [`fetch`], nobody asked. A read that was never fetched, or differently, has
/// none.
///
/// # Errors
/// [`Error::Source`] when two objects of a source have the same name.
pub fn fetched(project: &Project, catalog: &Catalog) -> Result<Project> {
    let mut whole = project.clone();
    for source in whole.sources.iter_mut().filter(|source| is_elsewhere(source)) {
        let folder = Folder::new(catalog, &source.name);
        let state = folder.load()?;
        fill(source, &folder, &state)?;
    }
    Ok(whole)
}

fn is_elsewhere(source: &Source) -> bool {
    source.database.is_some() || source.reads.iter().any(crate::project::Read::is_remote)
}

/// Puts the files of a state into the reads they were fetched for.
fn fill(source: &mut Source, folder: &Folder, state: &SourceState) -> Result<()> {
    let mut names = BTreeSet::new();
    let database = source.database.clone();
    for read in &mut source.reads {
        if database.is_none() && !read.is_remote() {
            continue;
        }
        let Some(found) = state.reads.get(&read_key(read, database.as_ref())) else {
            continue;
        };
        for file in &found.files {
            if !names.insert(file.relative.clone()) {
                let message = "it is read twice, or differs from another location in its query string only";
                let hint = "make the locations of a source exclude each other, or make two sources of them";
                return Err(wrong(&source.name, &file.relative, message, hint));
            }
        }
        read.files = found.files.iter().map(|file| folder.source_file(file)).collect();
    }
    Ok(())
}

/// How long something elsewhere may keep a fetch waiting.
#[derive(Debug, Clone, Copy)]
struct Deadlines {
    /// For a connection to stand, sign-in included.
    connect_ms: u64,
    /// Between two pieces of a body.
    idle_ms: u64,
    /// For one query, from its start to its last row.
    statement_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect_ms: 30_000,
            idle_ms: 120_000,
            statement_ms: 6 * 3_600_000,
        }
    }
}

impl Deadlines {
    fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }

    fn statement(&self) -> Duration {
        Duration::from_millis(self.statement_ms)
    }
}

/// What a fetch takes from its surroundings.
#[derive(Clone, Default)]
struct Outside {
    /// Environment variables; those that are not UTF-8 are left out.
    environment: BTreeMap<String, String>,
    deadlines: Deadlines,
}

/// One source under fetch.
#[derive(Clone, Copy)]
struct Job<'a> {
    source: &'a str,
    outside: &'a Outside,
    folder: &'a Folder,
    told: Told<'a>,
}

impl Job<'_> {
    fn wrong(&self, place: &str, message: impl Into<String>, hint: impl Into<String>) -> Error {
        wrong(self.source, place, message, hint)
    }
}

fn wrong(source: &str, place: &str, message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Source {
        name: source.to_owned(),
        place: place.to_owned(),
        message: message.into(),
        hint: hint.into(),
    }
}

impl Outside {
    fn of_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            environment,
            deadlines: Deadlines::default(),
        }
    }

    async fn fetch(&self, project: &Project, catalog: &Catalog, told: Told<'_>) -> Result<Project> {
        let mut whole = project.clone();
        for source in whole.sources.iter_mut().filter(|source| is_elsewhere(source)) {
            let folder = Folder::create(catalog, &source.name)?;
            let job = Job {
                source: &source.name,
                outside: self,
                folder: &folder,
                told,
            };
            let state = fetch_source(job, source).await?;
            // Before anything is replaced: two objects of one name stop here.
            let mut filled = source.clone();
            fill(&mut filled, &folder, &state)?;
            folder.keep(&state)?;
            *source = filled;
        }
        Ok(whole)
    }
}

async fn fetch_source(job: Job<'_>, source: &Source) -> Result<SourceState> {
    let before = job.folder.load()?;
    let mut reads = BTreeMap::new();
    for read in &source.reads {
        let key = read_key(read, source.database.as_ref());
        let last = before.reads.get(&key).cloned().unwrap_or_default();
        let now = match &source.database {
            Some(database) => fetch_database(job, source.format, database, last).await?,
            None if read.is_remote() => objects::fetch(job, &read.pattern, last).await?,
            None => continue,
        };
        reads.insert(key, now);
    }
    Ok(SourceState { reads })
}

async fn fetch_database(job: Job<'_>, format: Format, database: &Database, last: ReadState) -> Result<ReadState> {
    match format {
        Format::Mysql => mysql::fetch(job, database, last).await,
        Format::Sqlite => sqlite::fetch(job, database, last).await,
        _ => postgres::fetch(job, database, last).await,
    }
}
