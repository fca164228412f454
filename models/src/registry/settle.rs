//! Syncing a local registry to its disk, so that what was said to be published is there after a power failure too.

use std::fs::{self, File};
use std::path::Path as FilePath;

use object_store::path::Path;

use super::Registry;
use crate::error::{Error, Result};

impl Registry {
    /// Has the disk take the objects of a folder, and the folders above it, before this returns.
    pub(super) fn settle(&self, folder: &Path) -> Result<()> {
        let Some(root) = &self.local else { return Ok(()) };
        let folder = folder.parts().fold(root.clone(), |path, part| path.join(part.as_ref()));
        let failed = |source| Error::File {
            path: folder.clone(),
            source,
        };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // What is being written aside (`name#1`) is not there yet, and may go any moment.
            if path.is_file()
                && !path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().contains('#'))
            {
                sync(&path)?;
            }
        }
        let mut above = folder.ancestors().take_while(|path| path.starts_with(root));
        above.try_for_each(sync)
    }

    /// Has the disk take one object, and the folders above it.
    pub(super) fn settle_object(&self, object: &Path) -> Result<()> {
        let Some(root) = &self.local else { return Ok(()) };
        let file = object.parts().fold(root.clone(), |path, part| path.join(part.as_ref()));
        let mut above = file.ancestors().take_while(|path| path.starts_with(root));
        above.try_for_each(sync)
    }
}

fn sync(path: &FilePath) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}
