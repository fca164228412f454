//! The registry: versions of models as files that are written once, and a log a model that says what became of them.
//! Works on any object store with put-if-absent, without a server or a lock. It knows no clock and no kind's insides.

mod changes;
mod encoders;
mod golden;
mod load;
mod log;
mod manifest;
mod names;
mod objects;
mod publish;
mod read;
mod rfc3339;
mod settle;
mod state;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

pub use encoders::{EncoderManifest, NewEncoder, how_to_add, local_encoder};
pub use golden::Golden;
pub use load::LoadedModel;
pub use log::{Action, LogEntry, Note};
pub use manifest::{FileFact, Manifest};
pub use names::{GOLDEN_FILE, MODEL_FILE, PROD, Wanted, parse_reference};
pub(crate) use objects::sha256;
pub use publish::{NewVersion, Published};
pub use state::{ModelState, VersionState};
pub use turns::Turn;

use crate::error::{Error, Result};
use crate::sentence::SentenceEncoder;

/// Versions and aliases of models on an object store. Cheap to clone.
///
/// ```text
/// <model>/log/00000042.json         publish, promote, rollback, retire: who, when, why; numbered without gaps
/// <model>/versions/7/claim.json     whose number 7 is
///                    model.safetensors, golden.parquet, report.json ...
///                    manifest.json  length and digest of each of them
/// encoders/<name>/                  network.onnx, tokenizer.json, and manifest.json, which is written last
/// _schedule/<project>/              the state of its schedule; see [`Registry::replace_turn`]
/// ```
///
/// Every object is created by put-if-absent and never changed. The state of a model is the fold of its log, so a
/// version exists from its `Publish` entry on, and two writers cannot both write the same entry.
///
/// # After a crash
/// A publish that dies leaves files under a claimed number that no entry mentions; nobody sees them. The same publish
/// (same key), started again, takes the number up and completes it. If it never comes back, the number stays unused
/// and the next publish takes the next one: numbers grow but may have holes. A killed write to a local folder can
/// leave a staging file such as `manifest.json#1` behind; it is never listed or read and may be deleted.
///
/// # After a power failure
/// In a local folder, the files of a version are on the disk before the entry that publishes it, and an entry is before
/// its call returns. A failure before that can leave short files under a claimed number that no entry mentions; the
/// publish that finds them says what to delete.
#[derive(Clone)]
pub struct Registry {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The folder of a local registry; nothing else needs to be synced.
    local: Option<PathBuf>,
    /// Entries read before, with the listing's facts they were read under. Entries never change; if one's facts do,
    /// somebody replaced the registry, and it is read again.
    seen: Arc<Mutex<Seen>>,
    /// Encoders in memory by digest. Models share one; the last that goes takes it along.
    encoders: Arc<Mutex<HashMap<String, Weak<SentenceEncoder>>>>,
}

type Seen = HashMap<Path, (ObjectMeta, Arc<LogEntry>)>;

impl Registry {
    /// A registry in a local folder, which is created when missing. The file system must have hard links.
    ///
    /// # Errors
    /// When the folder cannot be created or opened.
    pub fn local(folder: &std::path::Path) -> Result<Self> {
        let failed = |source| Error::File {
            path: folder.to_owned(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|e| failed(std::io::Error::other(e)))?;
        Ok(Self {
            local: Some(folder.to_owned()),
            ..Self::new(Arc::new(store), Path::default())
        })
    }

    /// A registry under `prefix` of an object store.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self {
            store,
            prefix,
            local: None,
            seen: Arc::default(),
            encoders: Arc::default(),
        }
    }

    fn log_folder(&self, model: &str) -> Path {
        self.prefix.clone().join(model).join("log")
    }

    /// Eight digits, so that the order of names is the order of entries.
    fn entry_path(&self, model: &str, seq: u64) -> Path {
        self.log_folder(model).join(format!("{seq:08}.json"))
    }

    fn version_folder(&self, model: &str, version: u64) -> Path {
        self.prefix
            .clone()
            .join(model)
            .join("versions")
            .join(version.to_string())
    }

    fn file_path(&self, model: &str, version: u64, name: &str) -> Path {
        self.version_folder(model, version).join(name)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("store", &self.store)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
