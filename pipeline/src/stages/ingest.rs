//! Ingest: one source file to one Parquet of strings with provenance, and its rejects.

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::keys::{Parts, digest_of};
use crate::project::{Limits, Project, Source};
use crate::sources::{self, LandRequest};

/// Changes when the same file would land differently.
const FORMAT: &str = "1";

/// The folder of landed files under the work folder.
pub const STAGE: &str = "raw";

/// What became of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestFacts {
    /// Rows landed.
    pub rows: u64,
    /// Rows that could not be read.
    pub rejects: u64,
    /// Length of the file.
    pub bytes: u64,
}

/// One file of one source, ready to be landed.
#[derive(Debug, Clone)]
pub struct Landing {
    /// Position in `project.sources`.
    pub source: usize,
    /// Position in the source's reads and in the read's files.
    pub file: (usize, usize),
    /// The number in the upper bits of `_row`.
    pub file_id: u32,
}

/// The files of a source with their numbers, in order of number: the order of `_row`.
pub fn landings(project: &Project, source: usize) -> Vec<Landing> {
    let reads = &project.sources[source].reads;
    let places: Vec<(usize, usize)> = reads
        .iter()
        .enumerate()
        .flat_map(|(read, r)| (0..r.files.len()).map(move |file| (read, file)))
        .collect();
    let names: Vec<&str> = places
        .iter()
        .map(|(read, file)| reads[*read].files[*file].relative.as_str())
        .collect();
    let ids = sources::file_ids(&names);
    let mut all: Vec<Landing> = places
        .into_iter()
        .zip(ids)
        .map(|(file, file_id)| Landing { source, file, file_id })
        .collect();
    all.sort_by_key(|landing| landing.file_id);
    all
}

/// What decides how a file lands.
pub fn parts(source: &Source, landing: &Landing, content: &str, limits: &Limits) -> Parts {
    let read = &source.reads[landing.file.0];
    Parts::from([
        ("file".into(), read.files[landing.file.1].relative.clone()),
        ("content".into(), content.into()),
        ("reading".into(), digest_of(&(source.format, &read.csv, &read.encoding))),
        ("file_id".into(), landing.file_id.to_string()),
        ("row_max_bytes".into(), limits.row_max_bytes.to_string()),
        ("format".into(), FORMAT.into()),
    ])
}

/// Lands one file.
///
/// # Errors
/// When it cannot be read at all, or the output cannot be written.
pub fn ingest(
    project: &Project,
    landing: &Landing,
    catalog: &Catalog,
    key: &str,
    progress: &dyn Fn(u64),
) -> Result<IngestFacts> {
    let source = &project.sources[landing.source];
    let read = &source.reads[landing.file.0];
    let file = &read.files[landing.file.1];
    catalog.make(STAGE, &source.name, key, |out| {
        let request = LandRequest {
            source: &source.name,
            format: source.format,
            read,
            file,
            file_id: landing.file_id,
            limits: &project.limits,
            out,
        };
        let landed = sources::land(&request, progress)?;
        Ok(IngestFacts {
            rows: landed.rows,
            rejects: landed.rejects,
            bytes: landed.bytes,
        })
    })
}

/// Stops the run when too large a share of rows is rejected.
///
/// # Errors
/// [`Error::Rejects`] with the figures.
pub fn check_share(place: String, rejects: u64, rows: u64, limits: &Limits) -> Result<()> {
    if rejects as f64 <= limits.rejects_max_share * rows as f64 {
        return Ok(());
    }
    Err(Error::Rejects {
        place,
        rejects,
        rows,
        percent: 100.0 * rejects as f64 / rows as f64,
        allowed_percent: 100.0 * limits.rejects_max_share,
    })
}
