//! Writing to the log: promote, rollback, retire, and the append they share with publish. Whoever is second reads the
//! log again and decides anew, so every entry was valid after the one before it.

use std::sync::Arc;

use super::log::{Action, ENTRY_MAX_BYTES, LogEntry, Note};
use super::manifest::Manifest;
use super::names::check_alias;
use super::objects::{self, Put, put_if_absent, refused};
use super::read::{LOG_ENTRIES_MAX, Log};
use super::{ModelState, Registry};
use crate::error::Result;

/// How often an append is tried. Each lost try means that another writer got an entry in, so this many others would
/// have to be writing to one model at once.
const APPEND_TRIES: usize = 100;

/// What a writer wants to do on the newest state.
pub(super) enum Step {
    /// Append this.
    Append(Action),
    /// Nothing: this entry has done it before.
    Done(Arc<LogEntry>),
}

/// What came of an append.
pub(super) struct Appended {
    /// The entry that does what was wanted.
    pub(super) entry: LogEntry,
    /// Whether this call wrote it.
    pub(super) new: bool,
}

impl Registry {
    /// Lets `alias` name `version`. When it does already, nothing is written and the entry that did it is returned.
    /// All files of the version are read and checked first: an alias always names a whole version.
    ///
    /// # Errors
    /// When the version is not published, retired or damaged, or the alias has a bad name.
    pub async fn promote(&self, model: &str, alias: &str, version: u64, note: Note) -> Result<LogEntry> {
        check_alias(alias)?;
        let state = self.state(model).await?;
        state.in_use(version)?;
        self.verify(&state, version).await?;
        let decide = |log: &Log| {
            let from = log.state.aliases.get(alias).copied();
            log.state.in_use(version)?;
            match set_by(log, alias) {
                Some(entry) if from == Some(version) => Ok(Step::Done(entry)),
                _ => Ok(Step::Append(Action::Promote {
                    alias: alias.to_owned(),
                    version,
                    from,
                })),
            }
        };
        Ok(self.append(model, note, decide).await?.entry)
    }

    /// Lets `alias` name what it named before, passing over retired versions. Repeated rollbacks go further back.
    /// The version it goes back to is checked as in [`Self::promote`].
    ///
    /// # Errors
    /// When there is nothing to go back to, that version is damaged, or somebody else moves the alias meanwhile:
    /// a rollback is from what its caller saw, never from what came after.
    pub async fn rollback(&self, model: &str, alias: &str, note: Note) -> Result<LogEntry> {
        check_alias(alias)?;
        let state = self.state(model).await?;
        let (from, version) = state.before(alias)?;
        self.verify(&state, version).await?;
        let decide = |log: &Log| {
            let now = log.state.before(alias)?;
            if now != (from, version) {
                let message = format!("moved from {from} to {} while this rollback was under way", now.0);
                return Err(refused(
                    log.state.place(alias),
                    message,
                    "look at the history and decide again",
                ));
            }
            Ok(Step::Append(Action::Rollback {
                alias: alias.to_owned(),
                version,
                from,
            }))
        };
        Ok(self.append(model, note, decide).await?.entry)
    }

    /// Takes a version out of use; its files stay. When it is already, nothing is written and the entry that did it
    /// is returned.
    ///
    /// # Errors
    /// When the version is not published or an alias names it.
    pub async fn retire(&self, model: &str, version: u64, note: Note) -> Result<LogEntry> {
        self.state(model).await?;
        let decide = |log: &Log| {
            log.state.published(version)?;
            let by = |entry: &LogEntry| matches!(&entry.action, Action::Retire { version: v } if *v == version);
            if let Some(entry) = newest(log, by) {
                return Ok(Step::Done(entry));
            }
            log.state.check_unnamed(version)?;
            Ok(Step::Append(Action::Retire { version }))
        };
        Ok(self.append(model, note, decide).await?.entry)
    }

    /// Reads every file of a version against its digest.
    async fn verify(&self, state: &ModelState, version: u64) -> Result<Manifest> {
        let digest = &state.published(version)?.manifest_sha256;
        let manifest = self.manifest_of(&state.model, version, digest).await?;
        for name in manifest.files.keys() {
            self.file_of(&manifest, name).await?;
        }
        Ok(manifest)
    }

    /// Appends what `decide` makes of the newest state; `decide` is asked again whenever another writer was faster.
    ///
    /// Two callers with the very same note and action at the same time get the same entry: they cannot be told from
    /// one caller whose first answer was lost on the way.
    pub(super) async fn append<D>(&self, model: &str, note: Note, decide: D) -> Result<Appended>
    where
        D: Fn(&Log) -> Result<Step>,
    {
        for _ in 0..APPEND_TRIES {
            let mut log = self.read_log(model).await?;
            let action = match decide(&log)? {
                Step::Append(action) => action,
                Step::Done(entry) => {
                    return Ok(Appended {
                        entry: LogEntry::clone(&entry),
                        new: false,
                    });
                }
            };
            let seq = log.state.last_entry + 1;
            let path = self.entry_path(model, seq);
            if seq > LOG_ENTRIES_MAX {
                let message = format!("the log is full: {LOG_ENTRIES_MAX} entries");
                return Err(refused(path.as_ref(), message, "go on under another model name"));
            }
            let entry = LogEntry::new(model, seq, action, note.clone());
            let bytes = entry.encode(&path)?;
            // An entry that readers would refuse is never written.
            log.state.apply(&entry)?;
            if put_if_absent(self.store.as_ref(), &path, bytes.clone()).await? == Put::Created {
                self.settle_object(&path)?;
                return Ok(Appended { entry, new: true });
            }
            // A store may have taken the entry and lost its answer; then the entry that is there is ours.
            if objects::get(self.store.as_ref(), &path, ENTRY_MAX_BYTES).await? == Some(bytes) {
                return Ok(Appended { entry, new: true });
            }
        }
        let message = format!("{APPEND_TRIES} other entries came first");
        Err(refused(
            format!("{model} log"),
            message,
            "find out who writes so much to this model, then try again",
        ))
    }
}

/// The entry that last set the alias.
fn set_by(log: &Log, alias: &str) -> Option<Arc<LogEntry>> {
    newest(log, |entry| match &entry.action {
        Action::Promote { alias: set, .. } | Action::Rollback { alias: set, .. } => set == alias,
        Action::Publish { .. } | Action::Retire { .. } => false,
    })
}

/// The newest entry that `by` accepts.
pub(super) fn newest(log: &Log, by: impl Fn(&LogEntry) -> bool) -> Option<Arc<LogEntry>> {
    log.entries.iter().rev().find(|entry| by(entry)).cloned()
}
