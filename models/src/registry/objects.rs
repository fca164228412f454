//! The few things the registry asks of an object store: read a bounded object, create one if absent. Not a cache and
//! not a file system: objects are never overwritten or deleted here.

use std::fmt::{Display, Write as _};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// How often a write is tried that meets another one under way.
const CONFLICT_TRIES: usize = 5;

/// What became of a put-if-absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// The object is ours.
    Created,
    /// Somebody, perhaps an earlier run of ours, was first. Nothing was changed.
    Exists,
}

/// Creates an object unless it is there. Whoever reads it sees all of it or nothing: the local store writes a file
/// `name#1` aside and hard-links it into place; S3 takes `If-None-Match: *`.
pub(super) async fn put_if_absent(store: &dyn ObjectStore, path: &Path, bytes: Bytes) -> Result<Put> {
    let options = PutOptions {
        mode: PutMode::Create,
        ..PutOptions::default()
    };
    match store.put_opts(path, bytes.into(), options).await {
        Ok(_) => Ok(Put::Created),
        Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(Put::Exists),
        Err(error) => Err(store_failed(path, error)),
    }
}

/// Creates an object, or gives what is there already.
pub(super) async fn put_or_get(
    store: &dyn ObjectStore,
    path: &Path,
    bytes: Bytes,
    max_bytes: u64,
) -> Result<Option<Bytes>> {
    for _ in 0..CONFLICT_TRIES {
        if put_if_absent(store, path, bytes.clone()).await? == Put::Created {
            return Ok(None);
        }
        // S3 also says "conflict" while another write is under way that may yet fail: then there is nothing to read.
        if let Some(there) = get(store, path, max_bytes).await? {
            return Ok(Some(there));
        }
    }
    Err(store_failed(path, "cannot be created and is not there"))
}

/// Reads an object of at most `max_bytes`; `None` if there is none.
pub(super) async fn get(store: &dyn ObjectStore, path: &Path, max_bytes: u64) -> Result<Option<Bytes>> {
    let found = match store.get(path).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(store_failed(path, error)),
    };
    // The size is known before a byte is read, so a huge object costs nothing.
    let size = found.meta.size;
    if size > max_bytes {
        return Err(damaged(path, format!("{size} bytes; at most {max_bytes} are expected")));
    }
    found.bytes().await.map(Some).map_err(|error| store_failed(path, error))
}

/// SHA-256 as 64 lower-case hex digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The store itself did not work.
pub(super) fn store_failed(path: &Path, error: impl Display) -> Error {
    let hint = "check that the registry can be reached and that this user may read and write it";
    refused(path.as_ref(), error, hint)
}

/// An object is not what was written.
pub(super) fn damaged(path: &Path, message: impl Display) -> Error {
    Error::artifact(path.as_ref(), message)
}

/// The registry will not do it, and says what to do instead.
pub(super) fn refused(place: impl Into<String>, message: impl Display, hint: impl Into<String>) -> Error {
    Error::Registry {
        place: place.into(),
        message: message.to_string(),
        hint: hint.into(),
    }
}
