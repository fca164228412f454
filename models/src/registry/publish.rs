//! Publishing a version: claim a number, write the files, then the manifest, then the log entry that makes it exist.
//! Every step is a put-if-absent that a second try finds done, so a publish can die anywhere and be started again.

use std::collections::BTreeMap;

use bytes::Bytes;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::changes::{Appended, Step, newest};
use super::log::{Action, LogEntry, Note, object_of_format};
use super::manifest::{FILE_MAX_BYTES, FILES_MAX, FileFact, MANIFEST_FORMAT, MANIFEST_MAX_BYTES, Manifest};
use super::names::{self, CLAIM_FILE, GOLDEN_FILE, MANIFEST_FILE, MODEL_FILE};
use super::objects::{damaged, put_or_get, refused, sha256};
use super::read::Log;
use super::{ModelState, Registry};
use crate::error::Result;
use crate::kind::Signature;

const KEY_MAX_BYTES: usize = 256;
const CLAIM_FORMAT: u64 = 1;
const CLAIM_MAX_BYTES: u64 = 1 << 16;
/// Bound on the numbers tried for one publish.
const VERSIONS_MAX: u64 = 100_000;

/// A version about to be published.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// The model.
    pub model: String,
    /// Its kind; the same for all versions of a model.
    pub kind: String,
    /// Digest of everything that made it (examples, recipe, seed, code format): the same key means the same files.
    pub key: String,
    /// The columns it takes and gives.
    pub signature: Signature,
    /// The checked recipe.
    pub recipe: Value,
    /// The files by name; [`MODEL_FILE`] and [`GOLDEN_FILE`] among them.
    pub files: BTreeMap<String, Bytes>,
    /// What was measured; finite numbers.
    pub metrics: BTreeMap<String, f64>,
    /// The metric versions are compared by; one of `metrics`.
    pub main_metric: String,
    /// Where the examples came from.
    pub lineage: Value,
    /// Who publishes, when and why.
    pub note: Note,
}

/// The outcome of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The number of the version with this key.
    pub version: u64,
    /// Whether this call made it; false if the key was published before or by another writer just now.
    pub new: bool,
}

/// `claim.json`: whose number it is.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    format: u64,
    key: String,
    run: Option<String>,
}

impl Registry {
    /// Publishes a version under the next free number, or finds the one that was published with the same key.
    /// Safe to call again after any crash and from several writers at once; see [`Registry`] for what a crash leaves.
    ///
    /// # Errors
    /// When a name, file or metric is unfit, the model is of another kind, a file of an earlier try with the same key
    /// differs, or the store fails.
    pub async fn publish(&self, new: NewVersion) -> Result<Published> {
        new.check()?;
        let model = new.model.as_str();
        let state = self.read_log(model).await?.state;
        if let Some(version) = state.version_of(&new.key) {
            return Ok(Published { version, new: false });
        }
        state.check_kind(&new.kind)?;
        let version = self.claim(&new, &state).await?;
        for (name, content) in &new.files {
            self.put_file(&self.file_path(model, version, name), content).await?;
        }
        let manifest_sha256 = self.put_manifest(&new, version).await?;
        self.settle(&self.version_folder(model, version))?;
        let publish = Action::Publish {
            version,
            manifest_sha256,
            kind: new.kind.clone(),
            key: new.key.clone(),
            metrics: new.metrics.clone(),
            main_metric: new.main_metric.clone(),
        };
        let same_key = |e: &LogEntry| matches!(&e.action, Action::Publish { key, .. } if *key == new.key);
        let decide = |log: &Log| Ok(newest(log, same_key).map_or_else(|| Step::Append(publish.clone()), Step::Done));
        let Appended { entry, new } = self.append(model, new.note.clone(), decide).await?;
        let version = if let Action::Publish { version, .. } = entry.action {
            version
        } else {
            version
        };
        Ok(Published { version, new })
    }

    /// Takes the first number that is neither published nor claimed for another key. Every writer with the same key
    /// walks the same way, so all of them end at the same number, also after a crash.
    async fn claim(&self, new: &NewVersion, state: &ModelState) -> Result<u64> {
        let claim = Claim {
            format: CLAIM_FORMAT,
            key: new.key.clone(),
            run: new.note.run.clone(),
        };
        for version in (1..=VERSIONS_MAX).filter(|version| !state.versions.contains_key(version)) {
            let path = self.file_path(&new.model, version, CLAIM_FILE);
            let bytes = serde_json::to_vec(&claim).map_err(|e| refused(path.as_ref(), e, "use a plain text key"))?;
            if bytes.len() as u64 > CLAIM_MAX_BYTES {
                return Err(refused(
                    path.as_ref(),
                    "the name of the run is too long",
                    "use a shorter run id",
                ));
            }
            let Some(there) = put_or_get(self.store.as_ref(), &path, bytes.into(), CLAIM_MAX_BYTES).await? else {
                self.settle_object(&path)?;
                return Ok(version);
            };
            let fields = object_of_format(&path, &there, CLAIM_FORMAT)?;
            let found: Claim = serde_json::from_value(Value::Object(fields)).map_err(|e| damaged(&path, e))?;
            if found.key == new.key {
                return Ok(version);
            }
        }
        let message = format!("no free number up to {VERSIONS_MAX}");
        Err(refused(new.model.as_str(), message, "go on under another model name"))
    }

    /// Writes a file, or finds the same one there.
    async fn put_file(&self, path: &Path, content: &Bytes) -> Result<()> {
        match put_or_get(self.store.as_ref(), path, content.clone(), FILE_MAX_BYTES).await? {
            None => return Ok(()),
            Some(there) if there == content => return Ok(()),
            Some(_) => {}
        }
        let message = "an earlier try with the same key left other content here";
        let hint = "the number was never published: delete its folder and publish again; then find out why the same \
                    key gave other bytes";
        Err(refused(path.as_ref(), message, hint))
    }

    /// Writes the manifest and gives its digest. One that an earlier try left is kept as it is, with its time and
    /// run, if it has the same key and names the same files.
    async fn put_manifest(&self, new: &NewVersion, version: u64) -> Result<String> {
        let path = self.file_path(&new.model, version, MANIFEST_FILE);
        let manifest = new.manifest(version);
        let bytes = manifest.encode(&path)?;
        let Some(there) = put_or_get(self.store.as_ref(), &path, bytes.clone(), MANIFEST_MAX_BYTES).await? else {
            return Ok(sha256(&bytes));
        };
        let earlier = Manifest::decode(&path, &there, &new.model, version)?;
        let made_of = |m: &Manifest| (m.key.clone(), m.kind.clone(), m.signature.clone(), m.files.clone());
        if made_of(&earlier) == made_of(&manifest) {
            return Ok(sha256(&there));
        }
        let message = "an earlier try with the same key left another manifest here";
        let hint = "the number was never published: delete its folder and publish again";
        Err(refused(path.as_ref(), message, hint))
    }
}

impl NewVersion {
    /// Refuses what could not be read back or found again.
    fn check(&self) -> Result<()> {
        names::check_model(&self.model)?;
        let unfit = |message: String, hint: &str| Err(refused(self.model.as_str(), message, hint));
        if !names::is_name(&self.kind) {
            return unfit(
                format!("`{}` is no name of a kind", self.kind.escape_debug()),
                "use a kind of this build",
            );
        }
        if self.key.is_empty() || self.key.len() > KEY_MAX_BYTES {
            return unfit(
                format!("the key has {} bytes", self.key.len()),
                "use a digest of 1 to 256 bytes",
            );
        }
        for (name, content) in &self.files {
            names::check_file(name)?;
            if content.len() as u64 > FILE_MAX_BYTES {
                return unfit(
                    format!("{name} has {} bytes", content.len()),
                    "a file holds at most 4 GiB",
                );
            }
        }
        if self.files.len() > FILES_MAX {
            return unfit(
                format!("{} files; at most {FILES_MAX}", self.files.len()),
                "put some into one",
            );
        }
        for name in [MODEL_FILE, GOLDEN_FILE] {
            if !self.files.contains_key(name) {
                return unfit(
                    format!("{name} is missing"),
                    "every version has a fitted model and golden rows",
                );
            }
        }
        if let Some((name, value)) = self.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return unfit(
                format!("metric {} is {value}", name.escape_debug()),
                "leave out what was not measured",
            );
        }
        if !self.metrics.contains_key(&self.main_metric) {
            let message = format!("`{}` is not among the metrics", self.main_metric.escape_debug());
            return unfit(message, "versions are compared by it: measure it");
        }
        Ok(())
    }

    fn manifest(&self, version: u64) -> Manifest {
        Manifest {
            format: MANIFEST_FORMAT,
            model: self.model.clone(),
            kind: self.kind.clone(),
            version,
            key: self.key.clone(),
            created: self.note.when,
            deskmill: env!("CARGO_PKG_VERSION").to_owned(),
            signature: self.signature.clone(),
            recipe: self.recipe.clone(),
            files: self
                .files
                .iter()
                .map(|(name, content)| (name.clone(), FileFact::of(content)))
                .collect(),
            metrics: self.metrics.clone(),
            main_metric: self.main_metric.clone(),
            lineage: self.lineage.clone(),
        }
    }
}
