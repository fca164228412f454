//! Mends: fields of rejected rows that a person put right, kept with the project in `mends/<source>.jsonl`, one a line.
//! They are data of the project and not derived from anything. Ingest lays them over the rows they were made for, as
//! long as these still say what they said then (`overlay`).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::keys::digest_of;
use crate::project::Project;
use crate::sources::number_in_file;

/// The folder of mends in the project folder.
pub const FOLDER: &str = "mends";

/// Columns whose names start so are deskmill's own; they cannot be mended.
pub(super) const OWN_PREFIX: char = '_';

/// What was put right in one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mend {
    /// The row's identity within its source (`_row`).
    pub row: i64,
    /// Its file, relative to the project folder.
    pub file: String,
    /// Its line when the mend was made, for people.
    pub line: i64,
    /// What the row said then: SHA-256 of a reject's bytes, or [`super::was_of_fields`] of a row that landed.
    pub was: String,
    /// Column -> the value that stands there instead; null for none. Other columns stay as they land.
    pub fields: BTreeMap<String, Option<String>>,
    /// Who made it.
    pub who: String,
    /// When, RFC 3339.
    pub when: String,
}

/// The mends of one file, by the number of the row in it.
pub type FileMends = BTreeMap<u64, Mend>;

/// The mends of one source, by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mends {
    files: BTreeMap<String, Arc<FileMends>>,
}

impl Mends {
    /// Where the mends of a source are kept.
    pub fn path(project: &Project, source: &str) -> PathBuf {
        project.folder.join(FOLDER).join(format!("{source}.jsonl"))
    }

    /// Reads the mends of a source; none if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, or a line of it is no mend.
    pub fn read(project: &Project, source: &str) -> Result<Self> {
        let path = Self::path(project, source);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::file(&path)(error)),
        };
        let mut mends = Self::default();
        for (at, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_ascii().is_empty())
        {
            let wrong = |message: String| {
                Error::Source {
                name: source.to_owned(),
                place: format!("{FOLDER}/{source}.jsonl, line {}", at + 1),
                message,
                hint: "`deskmill rejects replay FILE` writes this file; take it back from version control, or leave the line out".into(),
            }
            };
            let mend: Mend = serde_json::from_str(line).map_err(|error| wrong(format!("is no mend: {error}")))?;
            if let Some(message) = mend.fault() {
                return Err(wrong(message));
            }
            if mends.get(&mend.file, mend.number()).is_some() {
                return Err(wrong("mends a row that a line above mends".into()));
            }
            mends.put(mend);
        }
        Ok(mends)
    }

    /// Writes them aside and renames the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, project: &Project, source: &str) -> Result<()> {
        let path = Self::path(project, source);
        let folder = project.folder.join(FOLDER);
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let mut text = String::new();
        for mend in self.all() {
            text.push_str(&serde_json::to_string(mend).unwrap_or_default());
            text.push('\n');
        }
        let aside = folder.join(format!(".{source}.jsonl.partial"));
        let written = File::create(&aside).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(Error::file(&aside))?;
        fs::rename(&aside, &path).map_err(Error::file(&path))
    }

    /// Adds a mend in place of another of the same row.
    pub fn put(&mut self, mend: Mend) {
        let of_file = self.files.entry(mend.file.clone()).or_default();
        Arc::make_mut(of_file).insert(mend.number(), mend);
    }

    /// The mend of a row.
    pub fn get(&self, file: &str, number: u64) -> Option<&Mend> {
        self.files.get(file)?.get(&number)
    }

    /// Those of a file.
    pub fn of_file(&self, file: &str) -> Option<&Arc<FileMends>> {
        self.files.get(file)
    }

    /// All of them, by file and row.
    pub fn all(&self) -> impl Iterator<Item = &Mend> {
        self.files.values().flat_map(|of_file| of_file.values())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl Mend {
    /// The number of its row in the file.
    pub fn number(&self) -> u64 {
        number_in_file(self.row)
    }

    /// Why it cannot be one, for what a person may have written.
    fn fault(&self) -> Option<String> {
        if self.row < 0 {
            return Some("`row` is no row".into());
        }
        self.fields.iter().find_map(|(name, value)| {
            if name.is_empty() || name.starts_with(OWN_PREFIX) {
                return Some(format!("`{name}` is no column that can be mended"));
            }
            let has_nul = value.as_deref().is_some_and(|value| value.contains('\0'));
            has_nul.then(|| format!("the value of `{name}` has a NUL in it"))
        })
    }
}

/// Digest of all that decides how mended rows land; who made them and when does not.
pub(crate) fn digest_of_mends<'a>(files: impl Iterator<Item = &'a Arc<FileMends>>) -> String {
    let each: Vec<_> = files
        .flat_map(|of_file| of_file.values())
        .map(|mend| (&mend.file, mend.number(), &mend.was, &mend.fields))
        .collect();
    digest_of(&each)
}
