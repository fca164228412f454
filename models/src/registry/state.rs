//! The state of a model: the fold of its log. The same checks guard a log that is read and an entry before it is
//! written, so no order of concurrent writers can make a log that does not fold.

use std::collections::BTreeMap;

use super::log::{Action, LogEntry, Note};
use super::names::{self, PROD, Wanted};
use super::objects::refused;
use crate::error::{Error, Result};

/// What the log of one model adds up to.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelState {
    /// The model.
    pub model: String,
    /// Its kind; the same for all its versions. Empty as long as nothing is published.
    pub kind: String,
    /// Published versions by number. A number that is missing was claimed by a publish that never ended.
    pub versions: BTreeMap<u64, VersionState>,
    /// What each alias names.
    pub aliases: BTreeMap<String, u64>,
    /// Number of the newest entry; 0 for an empty log.
    pub last_entry: u64,
    /// What each alias named on its way, without what was rolled back; the last is the current one.
    trails: BTreeMap<String, Vec<u64>>,
}

/// A published version.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionState {
    /// Its number.
    pub version: u64,
    /// Who published it, when and why.
    pub published: Note,
    /// Digest of everything that made it.
    pub key: String,
    /// What was measured.
    pub metrics: BTreeMap<String, f64>,
    /// The metric versions are compared by.
    pub main_metric: String,
    /// Whether it was taken out of use.
    pub retired: bool,
    /// Digest of its manifest.
    pub manifest_sha256: String,
}

impl VersionState {
    /// The value versions are compared by.
    pub fn main_value(&self) -> Option<f64> {
        self.metrics.get(&self.main_metric).copied()
    }
}

impl ModelState {
    /// Folds entries from the first one on; a prefix of the log gives the state at that time.
    ///
    /// # Errors
    /// When they are not the log of `model`: a gap, another model's entry, a promotion of what was never published.
    pub fn fold<'a>(model: &str, entries: impl IntoIterator<Item = &'a LogEntry>) -> Result<Self> {
        let mut state = Self {
            model: model.to_owned(),
            kind: String::new(),
            versions: BTreeMap::new(),
            aliases: BTreeMap::new(),
            last_entry: 0,
            trails: BTreeMap::new(),
        };
        for entry in entries {
            state.apply(entry)?;
        }
        Ok(state)
    }

    /// The version meant. [`Wanted::Default`] is what `prod` names, never simply the newest.
    ///
    /// # Errors
    /// When there is no such version or alias, or the version is retired.
    pub fn resolve(&self, wanted: &Wanted) -> Result<u64> {
        let alias = match wanted {
            Wanted::Version(version) => return self.in_use(*version).map(|v| v.version),
            Wanted::Alias(alias) => alias.as_str(),
            Wanted::Default => PROD,
        };
        self.aliases.get(alias).copied().ok_or_else(|| self.no_alias(alias))
    }

    /// A version that is published and not retired.
    pub(super) fn in_use(&self, version: u64) -> Result<&VersionState> {
        let found = self.published(version)?;
        if found.retired {
            let hint = format!("choose another version; in use: {}", self.versions_in_use());
            return Err(refused(self.place(version), "was retired", hint));
        }
        Ok(found)
    }

    /// A version that is published, retired or not.
    pub(super) fn published(&self, version: u64) -> Result<&VersionState> {
        self.versions.get(&version).ok_or_else(|| {
            let hint = format!("versions in use: {}", self.versions_in_use());
            refused(self.place(version), "is not published", hint)
        })
    }

    /// The version published with this key.
    pub(super) fn version_of(&self, key: &str) -> Option<u64> {
        self.versions.values().find(|v| v.key == key).map(|v| v.version)
    }

    /// What the alias named before, passing over retired versions: the target of a rollback. Every rollback shortens
    /// the trail, so repeated rollbacks go further back instead of to and fro.
    pub(super) fn before(&self, alias: &str) -> Result<(u64, u64)> {
        let current = *self.aliases.get(alias).ok_or_else(|| self.no_alias(alias))?;
        let trail = self.trails.get(alias).map(Vec::as_slice).unwrap_or_default();
        let earlier = trail.iter().rev().skip(1).copied();
        let target = earlier.into_iter().find(|&v| v != current && self.in_use(v).is_ok());
        target.map(|target| (current, target)).ok_or_else(|| {
            let message = format!("named no version in use before {current}");
            let hint = format!("promote one instead; in use: {}", self.versions_in_use());
            refused(self.place(alias), message, hint)
        })
    }

    /// Takes the next entry in, or refuses it and stays as it was.
    pub(super) fn apply(&mut self, entry: &LogEntry) -> Result<()> {
        let invalid = |message: String| {
            let place = format!("{} log entry {}", self.model, entry.seq);
            refused(
                place,
                message,
                "restore the log from a backup; no deskmill writes such an entry",
            )
        };
        if entry.model != self.model {
            return Err(invalid(format!("belongs to model `{}`", entry.model.escape_debug())));
        }
        if entry.seq != self.last_entry + 1 {
            return Err(invalid(format!("stands where entry {} belongs", self.last_entry + 1)));
        }
        self.check(&entry.action).map_err(|e| invalid(e.to_string()))?;
        match &entry.action {
            Action::Publish {
                version,
                manifest_sha256,
                kind,
                key,
                metrics,
                main_metric,
            } => {
                self.kind.clone_from(kind);
                let state = VersionState {
                    version: *version,
                    published: entry.note(),
                    key: key.clone(),
                    metrics: metrics.clone(),
                    main_metric: main_metric.clone(),
                    retired: false,
                    manifest_sha256: manifest_sha256.clone(),
                };
                self.versions.insert(*version, state);
            }
            Action::Promote { alias, version, .. } => {
                self.trails.entry(alias.clone()).or_default().push(*version);
                self.aliases.insert(alias.clone(), *version);
            }
            Action::Rollback { alias, version, .. } => {
                if let Some(trail) = self.trails.get_mut(alias) {
                    trail.pop();
                    while trail.last().is_some_and(|last| last != version) {
                        trail.pop();
                    }
                }
                self.aliases.insert(alias.clone(), *version);
            }
            Action::Retire { version } => {
                if let Some(state) = self.versions.get_mut(version) {
                    state.retired = true;
                }
            }
        }
        self.last_entry = entry.seq;
        Ok(())
    }

    /// Whether the action can follow on this state.
    fn check(&self, action: &Action) -> Result<()> {
        let unfit = |place: String, message: &str| Err(refused(place, message, "look at the history and try again"));
        match action {
            Action::Publish { version, kind, key, .. } => {
                if *version == 0 || self.versions.contains_key(version) {
                    return unfit(self.place(version), "is not a free version number");
                }
                if self.version_of(key).is_some() {
                    return unfit(self.place(version), "repeats the key of an earlier version");
                }
                self.check_kind(kind)
            }
            Action::Promote { alias, version, from } => {
                names::check_alias(alias)?;
                self.in_use(*version)?;
                if self.aliases.get(alias) != from.as_ref() {
                    return unfit(self.place(alias), "names another version than the entry says");
                }
                Ok(())
            }
            Action::Rollback { alias, version, from } => {
                if self.before(alias)? != (*from, *version) {
                    return unfit(self.place(alias), "did not name these versions last");
                }
                Ok(())
            }
            Action::Retire { version } => {
                self.in_use(*version)?;
                self.check_unnamed(*version)
            }
        }
    }

    /// All versions of a model are of one kind: whoever calls it relies on its signature's sort.
    pub(super) fn check_kind(&self, kind: &str) -> Result<()> {
        if self.kind.is_empty() || self.kind == kind {
            return Ok(());
        }
        let message = format!("is of kind {}; a version of kind {kind} cannot join it", self.kind);
        Err(refused(
            self.model.as_str(),
            message,
            "give the new kind a model name of its own",
        ))
    }

    /// Refuses a version that an alias names.
    pub(super) fn check_unnamed(&self, version: u64) -> Result<()> {
        match self.aliases.iter().find(|(_, named)| **named == version) {
            None => Ok(()),
            Some((alias, _)) => {
                let hint = format!("move `{alias}` to another version first");
                Err(refused(
                    self.place(version),
                    format!("is in use: `{alias}` names it"),
                    hint,
                ))
            }
        }
    }

    /// `intent@7`, `intent@prod`.
    pub(super) fn place(&self, wanted: impl std::fmt::Display) -> String {
        format!("{}@{wanted}", self.model)
    }

    fn no_alias(&self, alias: &str) -> Error {
        let aliases: Vec<&str> = self.aliases.keys().map(String::as_str).collect();
        let aliases = if aliases.is_empty() {
            "none".to_owned()
        } else {
            aliases.join(", ")
        };
        let hint = format!(
            "promote a version to `{alias}`, or name another; aliases: {aliases}; versions in use: {}",
            self.versions_in_use()
        );
        refused(self.place(alias), "this alias names no version", hint)
    }

    /// The newest versions in use, for hints.
    fn versions_in_use(&self) -> String {
        const SHOWN: usize = 10;
        let all = self.versions.values().rev().filter(|v| !v.retired);
        let shown: Vec<String> = all.take(SHOWN).map(|v| v.version.to_string()).collect();
        if shown.is_empty() {
            "none".to_owned()
        } else {
            shown.join(", ")
        }
    }
}
