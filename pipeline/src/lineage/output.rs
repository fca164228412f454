//! What one output says of itself: its parts, its inputs, its query or its files. One schema for all stages. It holds no
//! time and nothing that depends on where the checkout stands, so that the same key always has the same bytes.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LINEAGE_FILE;
use crate::catalog::{Catalog, read_json, write_json};
use crate::engine::RAW;
use crate::error::Result;
use crate::keys::{Parts, digest, digest_of};
use crate::plan::{Plan, Step};
use crate::project::Project;
use crate::sources::{DIALECT_FILE, Landed};

/// The format of lineage files that this build writes.
pub const FORMAT: u32 = 1;

/// Stands for a stage where an input is a source: all its landed files.
pub const SOURCE: &str = "source";

/// The folder under the work folder that knows which landings the content of a source consists of.
pub(crate) const CONTENTS_STAGE: &str = "contents";

/// What an output was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The format of this record.
    pub format: u32,
    /// `ingest`, `clean`, `assemble`, `fit` or `evaluate`.
    pub stage: String,
    /// The source, table or model.
    pub name: String,
    /// The key of the output.
    pub key: String,
    /// What went into the key.
    pub parts: Parts,
    /// What was read, in order of the names; empty for ingest, which reads files.
    pub inputs: Vec<Input>,
    /// For clean and assemble: the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<SqlText>,
    /// Rows (`rows`, `kept`, `duplicates`, `rejects`, `train` ...) and sizes (`bytes`, `artifact_bytes`) by name.
    #[serde(default)]
    pub counts: Counts,
    /// For ingest: the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// For a csv file: how it was read, see [`crate::sources::Detected`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Value>,
}

/// Figures by name.
pub type Counts = std::collections::BTreeMap<String, u64>;

/// Something an output reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// The stage that made it, or [`SOURCE`].
    pub stage: String,
    /// As the query names it: `tickets`, `raw.tickets`; the model for fit and evaluate.
    pub name: String,
    /// The key of its content.
    pub content: String,
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlText {
    /// The file, as the project names it.
    pub path: String,
    /// Its SHA-256.
    pub sha256: String,
    /// Its text.
    pub text: String,
}

/// The files of one landing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// How many they are.
    pub count: u64,
    /// Digest of the whole list, whether it is written here or not.
    pub list_sha256: String,
    /// One by one, in order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<FileOrigin>,
    /// Why they are not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// One source file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOrigin {
    /// From the project folder; absolute only if the project's `path` is.
    pub path: String,
    /// The member of the zip archive, for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The number in the upper bits of `_row`.
    pub file_id: u32,
    /// SHA-256 of the file, of a zip member that of the archive.
    pub sha256: String,
    /// Its length on the disk.
    pub bytes: u64,
    /// Rows landed from it.
    pub rows: u64,
    /// Rows of it that could not be read.
    pub rejects: u64,
}

/// Which landings the content of a source consists of, in order of `_row`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The keys of the landings.
    pub landings: Vec<String>,
}

impl Input {
    /// An input of a query or a stage.
    pub fn new(stage: &str, name: &str, content: &str) -> Self {
        Self {
            stage: stage.into(),
            name: name.into(),
            content: content.into(),
        }
    }

    /// The name of the source, table or model.
    pub fn of(&self) -> &str {
        let raw = self.name.strip_prefix(RAW).and_then(|rest| rest.strip_prefix('.'));
        raw.filter(|_| self.stage == SOURCE).unwrap_or(&self.name)
    }
}

impl Output {
    /// What is known of an output before it is made.
    pub fn begin(project: &Project, step: &Step) -> Self {
        let sql = match step.stage {
            "clean" => project.table(&step.name).map(|table| (&table.sql_path, &table.sql)),
            "assemble" => project
                .model(&step.name)
                .map(|model| (&model.examples_path, &model.examples_sql)),
            _ => None,
        };
        let files = step.landing.as_ref().map(|landing| {
            let mut listed = Vec::with_capacity(landing.files.len());
            for ((at, (_, file)), sha256) in landing.files.iter().zip(landing.files(project)).zip(&step.contents) {
                listed.push(FileOrigin {
                    path: file.relative.clone(),
                    member: file.member.clone(),
                    file_id: at.file_id,
                    sha256: sha256.clone(),
                    bytes: 0,
                    rows: 0,
                    rejects: 0,
                });
            }
            Files::of(listed)
        });
        Self {
            format: FORMAT,
            stage: step.stage.into(),
            name: step.name.clone(),
            key: step.key.clone(),
            parts: step.parts.clone(),
            inputs: step.inputs.clone(),
            sql: sql.map(|(path, text)| SqlText {
                path: path.written.clone(),
                sha256: digest(text.as_bytes()),
                text: text.clone(),
            }),
            counts: Counts::new(),
            files,
            dialect: None,
        }
    }

    /// Nothing but the name of something.
    pub(crate) fn bare(of: &Input) -> Self {
        Self {
            format: FORMAT,
            stage: of.stage.clone(),
            name: of.of().to_owned(),
            key: of.content.clone(),
            parts: Parts::new(),
            inputs: Vec::new(),
            sql: None,
            counts: Counts::new(),
            files: None,
            dialect: None,
        }
    }

    /// With its figures.
    #[must_use]
    pub fn counted(mut self, counts: &[(&str, u64)]) -> Self {
        self.counts = counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect();
        self
    }

    /// With what each of its files gave, in their order; `out` may hold what was told of a csv file.
    #[must_use]
    pub fn landed(mut self, landed: &[Landed], out: &Path) -> Self {
        if let Some(files) = self.files.take() {
            let mut listed = files.listed;
            for (file, landed) in listed.iter_mut().zip(landed) {
                (file.bytes, file.rows, file.rejects) = (landed.bytes, landed.rows, landed.rejects);
            }
            self.files = Some(Files::of(listed));
        }
        self.dialect = read_json(&out.join(DIALECT_FILE)).ok();
        let total = |of: fn(&Landed) -> u64| landed.iter().map(of).sum();
        self.counted(&[
            ("rows", total(|file| file.rows)),
            ("rejects", total(|file| file.rejects)),
            ("bytes", total(|file| file.bytes)),
        ])
    }

    /// Writes it into the folder of the output, which nobody sees yet.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        write_json(&out.join(LINEAGE_FILE), self)
    }

    /// A figure; 0 if it was not counted.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }
}

impl Files {
    fn of(listed: Vec<FileOrigin>) -> Self {
        Self {
            count: listed.len() as u64,
            list_sha256: digest_of(&listed),
            listed,
            left_out: None,
        }
    }
}

/// Whether an output's folder says what the output was made from.
pub fn is_kept(folder: &Path) -> bool {
    folder.join(LINEAGE_FILE).is_file()
}

/// Keeps which landings the present content of each source consists of, where that is not known yet.
///
/// # Errors
/// When it cannot be written.
pub fn keep_contents(project: &Project, plan: &Plan, catalog: &Catalog) -> Result<()> {
    for source in &project.sources {
        let Some(content) = plan.content(&format!("{RAW}.{}", source.name)) else {
            continue;
        };
        if catalog.has(CONTENTS_STAGE, &source.name, content) {
            continue;
        }
        let landings = plan.landings(&source.name).map(|step| step.key.clone()).collect();
        catalog.make(CONTENTS_STAGE, &source.name, content, |_| Ok(Contents { landings }))?;
    }
    Ok(())
}
