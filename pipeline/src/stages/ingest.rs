//! Ingest: one source file to one Parquet of strings with provenance, and its rejects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, write_json};
use crate::error::{Error, Result};
use crate::keys::{Parts, digest_of};
use crate::lineage::Output;
use crate::project::{Limits, Project, Read, SourceFile};
use crate::rejects::Overlay;
use crate::rejects::mends::{FileMends, Mends, digest_of_mends};
use crate::sources::{self, Content, LandRequest};

/// Changes when the same file would land differently.
const FORMAT: &str = "2";

/// The folder of landed files under the work folder.
pub const STAGE: &str = "raw";

/// Which rows were mended, beside the landed files that have mends: file -> numbers of rows.
pub const MENDED_FILE: &str = "mended.json";

/// What became of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestFacts {
    /// Rows landed.
    pub rows: u64,
    /// Rows that could not be read.
    pub rejects: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Of the rows, those that landed as a mend has them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mended: u64,
    /// Mends whose row is gone or says something else by now.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mends_unfit: u64,
}

/// For a figure that is left out where it says nothing.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The most files that are landed together on average, where a file is a row or a few.
const GROUP_FILES: usize = 512;

/// Files of one source, ready to be landed into one output: one file, or several small ones.
#[derive(Debug, Clone)]
pub struct Landing {
    /// Position in `project.sources`.
    pub source: usize,
    /// The files in order of their numbers.
    pub files: Vec<LandingFile>,
    /// The mends of those that have any, by their number.
    pub mends: BTreeMap<u32, Arc<FileMends>>,
}

/// One file to land.
#[derive(Debug, Clone)]
pub struct LandingFile {
    /// Position in the source's reads.
    pub read: usize,
    /// Position in the read's files.
    pub file: usize,
    /// The number in the upper bits of `_row`.
    pub file_id: u32,
    /// What the plan found in it.
    pub content: Option<Content>,
}

impl Landing {
    /// Notes what the plan found in its files, in their order.
    pub fn found(&mut self, contents: Vec<Content>) {
        let files = self.files.iter_mut().zip(contents);
        files.for_each(|(file, content)| file.content = Some(content));
    }

    /// The files and how they are written.
    pub fn files<'a>(&'a self, project: &'a Project) -> impl Iterator<Item = (&'a Read, &'a SourceFile)> {
        let reads = &project.sources[self.source].reads;
        self.files
            .iter()
            .map(|at| (&reads[at.read], &reads[at.read].files[at.file]))
    }

    /// With the mends of its files.
    #[must_use]
    pub fn mended_by(mut self, mends: &Mends, project: &Project) -> Self {
        let found = self.files(project).zip(&self.files);
        let found = found.filter_map(|((_, file), at)| Some((at.file_id, Arc::clone(mends.of_file(&file.relative)?))));
        self.mends = found.collect();
        self
    }

    /// What to call it: the file, or how many they are.
    pub fn name(&self, project: &Project) -> String {
        match self.files.len() {
            1 => self.files(project).map(|(_, file)| file.relative.clone()).collect(),
            many => format!("{many} files"),
        }
    }

    /// Bytes of all files, as far as they are there.
    pub fn size_bytes(&self, project: &Project) -> u64 {
        let size = |path| std::fs::metadata(path).map_or(0, |about: std::fs::Metadata| about.len());
        self.files(project).map(|(_, file)| size(&file.path)).sum()
    }
}

/// The files of a source with their numbers, in order of number: the order of `_row`. Where a file is a row or a few,
/// files with neighbouring numbers go together, so that ten thousand mails are not ten thousand outputs.
pub fn landings(project: &Project, source: usize) -> Vec<Landing> {
    let format = project.sources[source].format;
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
    let mut all: Vec<LandingFile> = places
        .into_iter()
        .zip(ids)
        .map(|((read, file), file_id)| LandingFile {
            read,
            file,
            file_id,
            content: None,
        })
        .collect();
    all.sort_by_key(|file| file.file_id);
    // The number of groups is a power of two, so that it seldom changes; a new file then changes its own group only.
    let groups = (all.len() / GROUP_FILES).next_power_of_two();
    let group_of = |file: &LandingFile| (file.file_id as usize * groups) >> sources::FILE_ID_BITS;
    let together = |a: &LandingFile, b: &LandingFile| format.is_document() && group_of(a) == group_of(b);
    let files = all.chunk_by(together).map(<[LandingFile]>::to_vec);
    files
        .map(|files| Landing {
            source,
            files,
            mends: BTreeMap::new(),
        })
        .collect()
}

/// What decides how files land. `contents` are their digests, in their order.
pub fn parts(project: &Project, landing: &Landing, contents: &[String]) -> Parts {
    let files: Vec<_> = landing
        .files(project)
        .zip(contents)
        .zip(&landing.files)
        .map(|(((read, file), content), at)| {
            let reading = (&read.csv, &read.encoding, &read.items, &read.sheet);
            (&file.relative, content, at.file_id, digest_of(&reading))
        })
        .collect();
    let mut parts = Parts::from([
        ("file".into(), landing.name(project)),
        ("content".into(), digest_of(&files)),
        (
            "format".into(),
            digest_of(&(FORMAT, project.sources[landing.source].format)),
        ),
        ("row_max_bytes".into(), project.limits.row_max_bytes.to_string()),
    ]);
    // Files without mends keep the keys they have.
    if !landing.mends.is_empty() {
        parts.insert("mends".into(), digest_of_mends(landing.mends.values()));
    }
    parts
}

/// Lands files into one output, `made` as it was begun.
///
/// # Errors
/// When one cannot be read at all, or the output cannot be written.
pub fn ingest(
    project: &Project,
    landing: &Landing,
    catalog: &Catalog,
    made: Output,
    progress: &dyn Fn(u64),
) -> Result<IngestFacts> {
    let source = &project.sources[landing.source];
    let overlays: BTreeMap<u32, Overlay<'_>> = landing
        .mends
        .iter()
        .map(|(file_id, mends)| (*file_id, Overlay::new(mends)))
        .collect();
    let key = made.key.clone();
    catalog.make(STAGE, &source.name, &key, |out| {
        let requests: Vec<LandRequest<'_>> = landing
            .files(project)
            .zip(&landing.files)
            .map(|((read, file), at)| LandRequest {
                source: &source.name,
                format: source.format,
                read,
                file,
                file_id: at.file_id,
                limits: &project.limits,
                out,
                shared: None,
                content: at.content.as_ref(),
                overlay: overlays.get(&at.file_id),
            })
            .collect();
        let landed = sources::land_all(&requests, progress)?;
        let mut facts = IngestFacts::default();
        for landed in &landed {
            facts.rows += landed.rows;
            facts.rejects += landed.rejects;
            facts.bytes += landed.bytes;
        }
        let mends: u64 = landing.mends.values().map(|mends| mends.len() as u64).sum();
        if mends > 0 {
            let applied: BTreeMap<&str, Vec<u64>> = requests
                .iter()
                .filter_map(|request| Some((request.file.relative.as_str(), request.overlay?.applied())))
                .collect();
            facts.mended = applied.values().map(|rows| rows.len() as u64).sum();
            facts.mends_unfit = mends - facts.mended;
            write_json(&out.join(MENDED_FILE), &applied)?;
        }
        made.landed(&landed, out).write(out)?;
        Ok(facts)
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
