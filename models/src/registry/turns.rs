//! A small document that several writers replace by turns: what schedulers of one project share. Not a version and not a
//! log: only the newest counts, and old ones are removed.

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::Registry;
use super::names::{NAME_RULE, bad_name};
use super::objects::{self, Put, put_if_absent, refused, store_failed};
use crate::error::Result;

/// No model's name, so a model of any name has room beside it.
const FOLDER: &str = "_schedule";
/// Bound on a document.
const TURN_MAX_BYTES: u64 = 4 << 20;
/// Documents that are kept behind the newest.
const KEPT: u64 = 16;
/// How often the newest is asked for, which others may replace and remove meanwhile.
const READ_TRIES: usize = 20;

/// A document and its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its number, from 1.
    pub number: u64,
    /// The document.
    pub content: Bytes,
}

impl Registry {
    /// The newest document of a name; none if there never was one.
    ///
    /// # Errors
    /// When the name is none, or the store fails.
    pub async fn turn(&self, name: &str) -> Result<Option<Turn>> {
        let folder = self.turns_folder(name)?;
        for _ in 0..READ_TRIES {
            let Some(number) = self.turns(&folder).await?.into_iter().max() else {
                return Ok(None);
            };
            let path = turn_path(&folder, number);
            if let Some(content) = objects::get(self.store.as_ref(), &path, TURN_MAX_BYTES).await? {
                return Ok(Some(Turn { number, content }));
            }
        }
        Err(store_failed(&folder, "it is replaced faster than it can be read"))
    }

    /// Writes the document that follows turn `after` (0: the first). False if another writer was faster: read again and
    /// decide anew. Of several writers that saw the same turn, one is told true.
    ///
    /// # Errors
    /// When the document is too large, or the store fails; then it may be there or not, and the next reading tells.
    pub async fn replace_turn(&self, name: &str, after: u64, content: Bytes) -> Result<bool> {
        let folder = self.turns_folder(name)?;
        let path = turn_path(&folder, after + 1);
        if content.len() as u64 > TURN_MAX_BYTES {
            let message = format!("{} bytes; at most {TURN_MAX_BYTES} fit", content.len());
            return Err(refused(path.as_ref(), message, "keep less in it"));
        }
        if put_if_absent(self.store.as_ref(), &path, content).await? == Put::Exists {
            return Ok(false);
        }
        self.settle_object(&path)?;
        let numbers = self.turns(&folder).await?;
        let newest = numbers.iter().max().copied().unwrap_or(after + 1);
        // Ours may have been missing because it was removed long ago: then the others are far ahead.
        let is_late = newest > after + KEPT;
        for old in numbers.into_iter().filter(|number| number + KEPT < newest) {
            match self.store.delete(&turn_path(&folder, old)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(store_failed(&folder, error)),
            }
        }
        Ok(!is_late)
    }

    async fn turns(&self, folder: &Path) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        let mut objects = self.store.list(Some(folder));
        while let Some(meta) = objects.try_next().await.map_err(|e| store_failed(folder, e))? {
            let number = meta
                .location
                .filename()
                .and_then(|name| name.strip_suffix(".json")?.parse().ok());
            numbers.extend(number.filter(|number| turn_path(folder, *number) == meta.location));
        }
        Ok(numbers)
    }

    fn turns_folder(&self, name: &str) -> Result<Path> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
            return Err(bad_name("project", name, NAME_RULE));
        }
        Ok(self.prefix.clone().join(FOLDER).join(name))
    }
}

fn turn_path(folder: &Path, number: u64) -> Path {
    folder.clone().join(format!("{number:012}.json"))
}
