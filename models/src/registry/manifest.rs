//! What a version consists of: `manifest.json`, with the digest of every other file. Its own digest is in the log.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::log::object_of_format;
use super::objects::{damaged, refused, sha256};
use super::{names, rfc3339};
use crate::error::Result;
use crate::kind::Signature;

/// The format of manifests this build writes and reads.
pub(super) const MANIFEST_FORMAT: u64 = 1;
/// Bound on a manifest: recipe and lineage, no tables.
pub(super) const MANIFEST_MAX_BYTES: u64 = 8 << 20;
/// Bound on one file of a version.
pub(super) const FILE_MAX_BYTES: u64 = 4 << 30;
/// Bound on the number of files of a version.
pub(super) const FILES_MAX: usize = 256;

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the manifest.
    pub format: u64,
    /// The model.
    pub model: String,
    /// Its kind.
    pub kind: String,
    /// The version.
    pub version: u64,
    /// Digest of everything that made it.
    pub key: String,
    /// When it was first published.
    #[serde(with = "rfc3339")]
    pub created: Timestamp,
    /// The deskmill that wrote it.
    pub deskmill: String,
    /// The columns it takes and gives.
    pub signature: Signature,
    /// The checked recipe it was fitted with.
    pub recipe: Value,
    /// Every other file of the version, by name.
    pub files: BTreeMap<String, FileFact>,
    /// What was measured on held-back rows.
    pub metrics: BTreeMap<String, f64>,
    /// The metric that versions are compared by; larger is better.
    pub main_metric: String,
    /// Where the examples came from.
    pub lineage: Value,
}

/// Length and digest of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 as hex.
    pub sha256: String,
}

impl FileFact {
    pub(super) fn of(content: &[u8]) -> Self {
        Self {
            bytes: content.len() as u64,
            sha256: sha256(content),
        }
    }

    /// Refuses content that is not this file's.
    pub(super) fn check(&self, path: &Path, content: &[u8]) -> Result<()> {
        let found = Self::of(content);
        if found.bytes != self.bytes {
            return Err(damaged(
                path,
                format!("{} bytes; the manifest says {}", found.bytes, self.bytes),
            ));
        }
        if found.sha256 != self.sha256 {
            return Err(damaged(path, "its digest is not the one in the manifest"));
        }
        Ok(())
    }
}

impl Manifest {
    pub(super) fn encode(&self, path: &Path) -> Result<Bytes> {
        let write = |e: serde_json::Error| refused(path.as_ref(), e, "leave out what is not plain JSON");
        let mut bytes = serde_json::to_vec_pretty(self).map_err(write)?;
        bytes.push(b'\n');
        let unreadable = |message: String| refused(path.as_ref(), message, "shorten recipe, lineage or examples");
        if bytes.len() as u64 > MANIFEST_MAX_BYTES {
            return Err(unreadable(format!(
                "{} bytes; at most {MANIFEST_MAX_BYTES} fit a manifest",
                bytes.len()
            )));
        }
        match Self::decode(path, &bytes, &self.model, self.version) {
            Ok(back) if back == *self => Ok(Bytes::from(bytes)),
            Ok(_) => Err(unreadable(
                "would not be read back as it is (numbers must be finite)".to_owned(),
            )),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// Reads the manifest found in the folder of `model` and `version`, and refuses that of another.
    pub(super) fn decode(path: &Path, bytes: &[u8], model: &str, version: u64) -> Result<Self> {
        let fields = object_of_format(path, bytes, MANIFEST_FORMAT)?;
        let manifest: Self = serde_json::from_value(Value::Object(fields)).map_err(|e| damaged(path, e))?;
        if manifest.model != model || manifest.version != version {
            let message = format!(
                "is the manifest of {}@{}",
                manifest.model.escape_debug(),
                manifest.version
            );
            return Err(damaged(path, message));
        }
        if manifest.files.len() > FILES_MAX {
            return Err(damaged(
                path,
                format!("names {} files; at most {FILES_MAX}", manifest.files.len()),
            ));
        }
        for (name, fact) in &manifest.files {
            names::check_file(name).map_err(|e| damaged(path, e))?;
            if fact.bytes > FILE_MAX_BYTES {
                return Err(damaged(
                    path,
                    format!("{name}: {} bytes; at most {FILE_MAX_BYTES}", fact.bytes),
                ));
            }
        }
        Ok(manifest)
    }
}
