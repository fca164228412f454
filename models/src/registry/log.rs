//! One entry of a model's log: who did what, when and why. Written once, by put-if-absent, and never changed.
//! What the entries add up to is in state.rs.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::objects::{damaged, refused, sha256};
use super::rfc3339;
use crate::error::Result;

/// The format of entries this build writes and reads.
pub(super) const LOG_FORMAT: u64 = 1;
/// Bound on one entry: metrics and gate figures, no tables.
pub(super) const ENTRY_MAX_BYTES: u64 = 1 << 20;
const DIGEST_KEY: &str = "sha256";

/// Who wants a change, when and why. The registry has no clock: `when` is handed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// A person or a schedule.
    pub who: String,
    /// When it was asked for.
    #[serde(with = "rfc3339")]
    pub when: Timestamp,
    /// For people.
    pub why: String,
    /// The pipeline run it came from.
    pub run: Option<String>,
    /// Figures behind it, such as the gate's; null if none.
    pub facts: Value,
}

/// What an entry did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A version became whole.
    Publish {
        /// Its number.
        version: u64,
        /// Digest of its manifest, which holds the digest of everything else.
        manifest_sha256: String,
        /// Its kind.
        kind: String,
        /// Digest of everything that made it.
        key: String,
        /// What was measured.
        metrics: BTreeMap<String, f64>,
        /// The one versions are compared by.
        main_metric: String,
    },
    /// An alias was set.
    Promote {
        /// The alias.
        alias: String,
        /// What it names from now on.
        version: u64,
        /// What it named before.
        from: Option<u64>,
    },
    /// An alias went back to what it named before.
    Rollback {
        /// The alias.
        alias: String,
        /// What it names from now on.
        version: u64,
        /// What it named before.
        from: u64,
    },
    /// A version was taken out of use; its files stay.
    Retire {
        /// Its number.
        version: u64,
    },
}

/// One entry of a model's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Format of the entry.
    pub format: u64,
    /// The model.
    pub model: String,
    /// Its number in the log: 1, 2, 3 ... without gaps.
    pub seq: u64,
    /// What was done.
    pub action: Action,
    /// When it was asked for. The order is `seq`; clocks of several writers may disagree.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// A person or a schedule.
    pub who: String,
    /// For people.
    pub why: String,
    /// The pipeline run it came from.
    pub run: Option<String>,
    /// Figures behind it; null if none.
    pub facts: Value,
}

impl LogEntry {
    pub(super) fn new(model: &str, seq: u64, action: Action, note: Note) -> Self {
        let Note {
            who,
            when,
            why,
            run,
            facts,
        } = note;
        Self {
            format: LOG_FORMAT,
            model: model.to_owned(),
            seq,
            action,
            at: when,
            who,
            why,
            run,
            facts,
        }
    }

    /// Who, when and why.
    pub fn note(&self) -> Note {
        let Self {
            at,
            who,
            why,
            run,
            facts,
            ..
        } = self.clone();
        Note {
            who,
            when: at,
            why,
            run,
            facts,
        }
    }

    /// The entry as JSON with its own digest, so that a flipped byte is seen. Refuses what [`Self::decode`] would not
    /// read back: an entry that nobody can read would end the log.
    pub(super) fn encode(&self, path: &Path) -> Result<Bytes> {
        let write = |e: serde_json::Error| refused(path.as_ref(), e, "leave out what is not plain JSON");
        let mut value = serde_json::to_value(self).map_err(write)?;
        let digest = sha256(&serde_json::to_vec(&value).map_err(write)?);
        if let Value::Object(fields) = &mut value {
            fields.insert(DIGEST_KEY.to_owned(), Value::String(digest));
        }
        let bytes = serde_json::to_vec_pretty(&value).map_err(write)?;
        let unreadable = |message: String| refused(path.as_ref(), message, "note less in `facts` and `why`");
        if bytes.len() as u64 > ENTRY_MAX_BYTES {
            return Err(unreadable(format!(
                "{} bytes; at most {ENTRY_MAX_BYTES} fit an entry",
                bytes.len()
            )));
        }
        match Self::decode(path, &bytes) {
            Ok(back) if back == *self => Ok(Bytes::from(bytes)),
            Ok(_) => Err(unreadable(
                "would not be read back as it is (numbers must be finite)".to_owned(),
            )),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// Reads an entry. Its place in the log is checked by the fold.
    pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Self> {
        let fields = object_of_format(path, bytes, LOG_FORMAT)?;
        let stated = fields
            .get(DIGEST_KEY)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let rest: serde_json::Map<_, _> = fields.into_iter().filter(|(key, _)| key != DIGEST_KEY).collect();
        let rest = Value::Object(rest);
        let found = sha256(&serde_json::to_vec(&rest).map_err(|e| damaged(path, e))?);
        if found != stated {
            return Err(damaged(
                path,
                "was changed after it was written (its digest does not fit)",
            ));
        }
        serde_json::from_value(rest).map_err(|e| damaged(path, e))
    }
}

/// A JSON object whose `format` is the one this build knows. Checked before the fields are, because another format
/// may have others.
pub(super) fn object_of_format(path: &Path, bytes: &[u8], known: u64) -> Result<serde_json::Map<String, Value>> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| damaged(path, e))?;
    let Value::Object(fields) = value else {
        return Err(damaged(path, "is not a JSON object"));
    };
    match fields.get("format").and_then(Value::as_u64) {
        Some(format) if format == known => Ok(fields),
        Some(format) if format > known => {
            let message = format!("format {format}; this build reads {known}");
            Err(refused(path.as_ref(), message, "use a newer deskmill"))
        }
        _ => Err(damaged(path, "has no known format number")),
    }
}
