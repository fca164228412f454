//! The whole way of an output back to the files: its own lineage and that of all it reads, gathered from the catalog. It is
//! what a version carries, and what is shown.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::LINEAGE_FILE;
use super::output::{CONTENTS_STAGE, Contents, FORMAT, Input, Output, SOURCE};
use crate::catalog::{Catalog, read_json};
use crate::error::{Error, Result};
use crate::plan::folder_of;

/// All that something was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    /// The format of this record.
    pub format: u32,
    /// What it is the lineage of: an output, or a source.
    pub of: Input,
    /// Every output on the way, each behind those that it reads.
    pub outputs: Vec<Output>,
    /// Every source on the way.
    pub sources: Vec<SourceContent>,
    /// What was made before lineage was kept, or is gone: here the way ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Files of one source that are listed one by one at most.
    pub files_listed_max: u64,
}

/// A source as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceContent {
    /// The source.
    pub name: String,
    /// The digest of its landings.
    pub content: String,
    /// The keys of its landings, in order of `_row`.
    pub landings: Vec<String>,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows landed.
    pub rows: u64,
    /// Rows that could not be read.
    pub rejects: u64,
}

/// An output or source that the way leads to and that says nothing of itself.
pub type Missing = Input;

impl Lineage {
    /// The lineage of an output in the catalog.
    ///
    /// # Errors
    /// When a lineage file is there and cannot be read.
    pub fn of_output(catalog: &Catalog, stage: &str, name: &str, key: &str) -> Result<Self> {
        Self::of(catalog, Input::new(stage, name, key))
    }

    /// The lineage of a source's content in the catalog.
    ///
    /// # Errors
    /// When a lineage file is there and cannot be read.
    pub fn of_source(catalog: &Catalog, name: &str, content: &str) -> Result<Self> {
        Self::of(catalog, Input::new(SOURCE, name, content))
    }

    pub(super) fn of(catalog: &Catalog, of: Input) -> Result<Self> {
        let mut lineage = Self::empty(of.clone());
        let mut seen = BTreeSet::new();
        lineage.follow(catalog, &of, &mut seen)?;
        Ok(lineage)
    }

    /// A lineage that knows nothing yet.
    pub(super) fn empty(of: Input) -> Self {
        Self {
            format: FORMAT,
            of,
            outputs: Vec::new(),
            sources: Vec::new(),
            missing: Vec::new(),
            files_listed_max: u64::MAX,
        }
    }

    fn follow(
        &mut self,
        catalog: &Catalog,
        input: &Input,
        seen: &mut BTreeSet<(String, String, String)>,
    ) -> Result<()> {
        let node = (input.stage.clone(), input.of().to_owned(), input.content.clone());
        if !seen.insert(node) {
            return Ok(());
        }
        if input.stage == SOURCE {
            return self.follow_source(catalog, input);
        }
        let Some(output) = output_of(catalog, &input.stage, input.of(), &input.content)? else {
            self.missing.push(input.clone());
            return Ok(());
        };
        for read in &output.inputs {
            self.follow(catalog, read, seen)?;
        }
        self.outputs.push(output);
        Ok(())
    }

    fn follow_source(&mut self, catalog: &Catalog, input: &Input) -> Result<()> {
        let Some(landings) = landings_of(catalog, input.of(), &input.content) else {
            self.missing.push(input.clone());
            return Ok(());
        };
        let mut source = SourceContent {
            name: input.of().to_owned(),
            content: input.content.clone(),
            landings,
            files: 0,
            bytes: 0,
            rows: 0,
            rejects: 0,
        };
        for key in &source.landings {
            match output_of(catalog, "ingest", &source.name, key)? {
                Some(output) => {
                    source.files += output.files.as_ref().map_or(0, |files| files.count);
                    source.bytes += output.count("bytes");
                    source.rows += output.count("rows");
                    source.rejects += output.count("rejects");
                    self.outputs.push(output);
                }
                None => self.missing.push(Input::new("ingest", &source.name, key)),
            }
        }
        self.sources.push(source);
        Ok(())
    }

    /// Takes in another lineage, without what is known already.
    pub(super) fn join(&mut self, other: Self) {
        for output in other.outputs {
            if self.output(&output.stage, &output.name, &output.key).is_none() {
                self.outputs.push(output);
            }
        }
        for source in other.sources {
            if self.source(&source.name, &source.content).is_none() {
                self.sources.push(source);
            }
        }
        self.missing.extend(other.missing);
    }

    /// The same without the list of files of sources that have more than so many.
    #[must_use]
    pub fn bounded(mut self, files_listed_max: u64) -> Self {
        self.files_listed_max = files_listed_max;
        for source in self.sources.iter().filter(|source| source.files > files_listed_max) {
            let own = |output: &&mut Output| output.stage == "ingest" && output.name == source.name;
            for output in self.outputs.iter_mut().filter(own) {
                if let Some(files) = &mut output.files {
                    files.listed.clear();
                    files.left_out = Some(format!(
                        "`{}` has {} files, more than the {files_listed_max} that are listed one by one",
                        source.name, source.files
                    ));
                }
            }
        }
        self
    }

    /// As it stands in a version.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Texts, numbers and maps with text keys always have a JSON form.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; `place` is for the error.
    ///
    /// # Errors
    /// [`Error::Lineage`] when it is something else, or from a newer deskmill.
    pub fn from_bytes(place: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |message: String, hint: &str| Error::Lineage {
            place: place.into(),
            message,
            hint: hint.into(),
        };
        let damaged =
            |e: serde_json::Error| wrong(format!("{LINEAGE_FILE} cannot be read: {e}"), "use a newer deskmill");
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(damaged)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format <= u64::from(FORMAT) => serde_json::from_value(value).map_err(damaged),
            _ => Err(wrong(
                format!("{LINEAGE_FILE} is of a format that this build does not know"),
                "use a newer deskmill",
            )),
        }
    }

    /// The output of this stage, name and key.
    pub fn output(&self, stage: &str, name: &str, key: &str) -> Option<&Output> {
        let is = |output: &&Output| output.stage == stage && output.name == name && output.key == key;
        self.outputs.iter().find(is)
    }

    /// The source with this content.
    pub fn source(&self, name: &str, content: &str) -> Option<&SourceContent> {
        let is = |source: &&SourceContent| source.name == name && source.content == content;
        self.sources.iter().find(is)
    }
}

/// What an output in the catalog says of itself; none if it is not there or was made before it did.
pub(crate) fn output_of(catalog: &Catalog, stage: &str, name: &str, key: &str) -> Result<Option<Output>> {
    let path = catalog.folder(folder_of(stage), name, key).join(LINEAGE_FILE);
    if path.is_file() {
        read_json(&path).map(Some)
    } else {
        Ok(None)
    }
}

/// The landings of a source's content, where that is known.
pub(crate) fn landings_of(catalog: &Catalog, source: &str, content: &str) -> Option<Vec<String>> {
    let contents: Option<Contents> = catalog.facts(CONTENTS_STAGE, source, content).ok();
    contents.map(|contents| contents.landings)
}
