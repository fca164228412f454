//! Reading a registry: models, state, history, and the files of a version, each checked against its digest. Nothing
//! found in the store is trusted.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;

use super::log::{ENTRY_MAX_BYTES, LogEntry};
use super::manifest::{FileFact, MANIFEST_MAX_BYTES, Manifest};
use super::names::{self, MANIFEST_FILE};
use super::objects::{self, damaged, refused, sha256, store_failed};
use super::state::ModelState;
use super::{Registry, names::check_model};
use crate::error::{Error, Result};

/// Bound on the entries of one model's log; their names have eight digits, so this is far below what they can name.
pub(super) const LOG_ENTRIES_MAX: u64 = 100_000;
/// Objects asked for at once.
const READS_AT_ONCE: usize = 16;

/// The log of a model, read and folded. Empty for a model that does not exist yet.
pub(super) struct Log {
    pub(super) entries: Vec<Arc<LogEntry>>,
    pub(super) state: ModelState,
}

impl Registry {
    /// The names of all models, sorted. Folders that are no model's are passed over.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn models(&self) -> Result<Vec<String>> {
        let listed = self.store.list_with_delimiter(Some(&self.prefix)).await;
        let listed = listed.map_err(|e| store_failed(&self.prefix, e))?;
        let names = listed.common_prefixes.iter().filter_map(|path| path.filename());
        let names: Vec<String> = names.filter(|name| names::is_name(name)).map(str::to_owned).collect();
        let kept = stream::iter(names)
            .map(|name| self.clone().with_log(name))
            .buffered(READS_AT_ONCE);
        let mut models: Vec<String> = kept.try_filter_map(async |name| Ok(name)).try_collect().await?;
        models.sort();
        Ok(models)
    }

    async fn with_log(self, model: String) -> Result<Option<String>> {
        Ok(if self.last_entry(&model).await? > 0 {
            Some(model)
        } else {
            None
        })
    }

    /// The state of a model: the fold of its log.
    ///
    /// # Errors
    /// When there is no such model, or its log is damaged.
    pub async fn state(&self, model: &str) -> Result<ModelState> {
        Ok(self.log_of(model).await?.state)
    }

    /// All entries of a model's log, oldest first.
    ///
    /// # Errors
    /// When there is no such model, or its log is damaged.
    pub async fn history(&self, model: &str) -> Result<Vec<LogEntry>> {
        Ok(self
            .log_of(model)
            .await?
            .entries
            .iter()
            .map(|entry| LogEntry::clone(entry))
            .collect())
    }

    /// The number of the newest entry, 0 if there is no such model. One listing and no reading: for watchers.
    ///
    /// # Errors
    /// When the name is no model's or the store cannot be listed.
    pub async fn last_entry(&self, model: &str) -> Result<u64> {
        check_model(model)?;
        Ok(self.list_log(model).await?.last_key_value().map_or(0, |(seq, _)| *seq))
    }

    /// The manifest of a published version, retired or not. Its digest is checked against the log's.
    ///
    /// # Errors
    /// When the version is not published, or the manifest is missing or damaged.
    pub async fn manifest(&self, model: &str, version: u64) -> Result<Manifest> {
        let state = self.state(model).await?;
        self.manifest_of(model, version, &state.published(version)?.manifest_sha256)
            .await
    }

    /// One file of a published version. Length and digest are checked against the manifest.
    ///
    /// # Errors
    /// When the version or the file does not exist, or the file is damaged.
    pub async fn file(&self, model: &str, version: u64, name: &str) -> Result<Bytes> {
        let manifest = self.manifest(model, version).await?;
        self.file_of(&manifest, name).await
    }

    /// As [`Self::file`], for a manifest that was read before.
    ///
    /// # Errors
    /// When the manifest does not name the file, or the file is missing or damaged.
    pub async fn file_of(&self, manifest: &Manifest, name: &str) -> Result<Bytes> {
        let (model, version) = (manifest.model.as_str(), manifest.version);
        // Both come from a manifest, which a caller can make up.
        check_model(model)?;
        names::check_file(name)?;
        let path = self.file_path(model, version, name);
        let fact: &FileFact = manifest.files.get(name).ok_or_else(|| {
            let known: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
            refused(
                path.as_ref(),
                "the version has no such file",
                format!("its files: {}", known.join(", ")),
            )
        })?;
        let content = objects::get(self.store.as_ref(), &path, fact.bytes).await?;
        let content = content.ok_or_else(|| damaged(&path, "the file is missing"))?;
        fact.check(&path, &content)?;
        Ok(content)
    }

    pub(super) async fn manifest_of(&self, model: &str, version: u64, digest: &str) -> Result<Manifest> {
        let path = self.file_path(model, version, MANIFEST_FILE);
        let bytes = objects::get(self.store.as_ref(), &path, MANIFEST_MAX_BYTES).await?;
        let bytes = bytes.ok_or_else(|| damaged(&path, "the manifest is missing"))?;
        if sha256(&bytes) != digest {
            return Err(damaged(&path, "its digest is not the one in the log"));
        }
        Manifest::decode(&path, &bytes, model, version)
    }

    /// The log of a model that exists.
    async fn log_of(&self, model: &str) -> Result<Log> {
        let log = self.read_log(model).await?;
        if log.entries.is_empty() {
            Err(self.no_model(model).await)
        } else {
            Ok(log)
        }
    }

    pub(super) async fn no_model(&self, model: &str) -> Error {
        let hint = match self.models().await {
            Ok(models) if models.is_empty() => "publish a version first; this registry is empty".to_owned(),
            Ok(models) => format!("models here: {}", models.join(", ")),
            Err(_) => "publish a version first".to_owned(),
        };
        refused(model, "there is no such model in this registry", hint)
    }

    /// Reads and folds the log; an empty one for a model that does not exist.
    pub(super) async fn read_log(&self, model: &str) -> Result<Log> {
        check_model(model)?;
        let listed = self.list_log(model).await?;
        let newest = listed.last_key_value().map_or(0, |(seq, _)| *seq);
        // Entries are created in order, so every number up to the newest must exist, even one that a listing of a
        // folder that is being written to passed over: each is asked for by name.
        let wanted: Vec<_> = (1..=newest).map(|seq| (seq, listed.get(&seq).cloned())).collect();
        let reads = stream::iter(wanted).map(|(seq, meta)| {
            let (registry, model) = (self.clone(), model.to_owned());
            async move { registry.entry(&model, seq, meta).await }
        });
        let entries: Vec<Arc<LogEntry>> = reads.buffered(READS_AT_ONCE).try_collect().await?;
        let state = ModelState::fold(model, entries.iter().map(Arc::as_ref))?;
        Ok(Log { entries, state })
    }

    /// The entries that a listing shows. Other files in the folder are none of ours.
    async fn list_log(&self, model: &str) -> Result<BTreeMap<u64, ObjectMeta>> {
        let folder = self.log_folder(model);
        let mut listed = BTreeMap::new();
        let mut objects = self.store.list(Some(&folder));
        while let Some(meta) = objects.try_next().await.map_err(|e| store_failed(&folder, e))? {
            let seq = meta
                .location
                .filename()
                .and_then(|name| name.strip_suffix(".json")?.parse().ok());
            if let Some(seq) = seq.filter(|seq| *seq > 0 && self.entry_path(model, *seq) == meta.location) {
                listed.insert(seq, meta);
            }
        }
        match listed.last_key_value() {
            Some((newest, _)) if *newest > LOG_ENTRIES_MAX => {
                let message = format!("the log has an entry {newest}; at most {LOG_ENTRIES_MAX} are read");
                Err(refused(
                    folder.as_ref(),
                    message,
                    "remove the stray file, or go on under another model name",
                ))
            }
            _ => Ok(listed),
        }
    }

    async fn entry(&self, model: &str, seq: u64, meta: Option<ObjectMeta>) -> Result<Arc<LogEntry>> {
        let path = self.entry_path(model, seq);
        {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, entry)) = seen.get(&path).filter(|(known, _)| Some(known) == meta.as_ref()) {
                return Ok(entry.clone());
            }
        }
        let bytes = objects::get(self.store.as_ref(), &path, ENTRY_MAX_BYTES)
            .await?
            .ok_or_else(|| {
                let hint = "restore the file from a backup; entries are never deleted";
                refused(path.as_ref(), "this entry is missing although later ones exist", hint)
            })?;
        let entry = Arc::new(LogEntry::decode(&path, &bytes)?);
        // The fold checks that the entry belongs here; one that does not is never asked for again in this place.
        if let Some(meta) = meta {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(path, (meta, entry.clone()));
        }
        Ok(entry)
    }
}
