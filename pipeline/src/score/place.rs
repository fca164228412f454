//! Where rows come from and go to: a file or a standard stream. An output file is written aside and renamed at the end,
//! so that half of one is never seen.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file or a standard stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// Standard input or standard output.
    Standard,
}

impl Place {
    /// What messages call it as an input.
    pub(super) fn name(&self) -> String {
        match self {
            Place::File(path) => path.display().to_string(),
            Place::Standard => "standard input".into(),
        }
    }

    /// What messages call it as an output.
    pub(super) fn output_path(&self) -> PathBuf {
        match self {
            Place::File(path) => path.clone(),
            Place::Standard => "standard output".into(),
        }
    }

    /// The bytes of an input, to be read once.
    pub(super) fn stream(&self) -> Result<Box<dyn Read>> {
        match self {
            Place::File(path) => Ok(Box::new(open_readable(path)?)),
            Place::Standard => Ok(Box::new(io::stdin().lock())),
        }
    }

    /// An input as a file that can be read from any place and more than once. A stream is copied to a temporary file,
    /// which has no name and goes when it is closed.
    pub(super) fn seekable(&self) -> Result<File> {
        if let Place::File(path) = self {
            let file = open_readable(path)?;
            if file.metadata().map_err(Error::file(path))?.is_file() {
                return Ok(file);
            }
        }
        let aside = std::env::temp_dir();
        let mut copy = tempfile::tempfile().map_err(Error::file(&aside))?;
        // What fails here may be the reading or the writing; the reason says which.
        io::copy(&mut self.stream()?, &mut copy).map_err(Error::file(Path::new(&self.name())))?;
        copy.rewind().map_err(Error::file(&aside))?;
        Ok(copy)
    }
}

fn open_readable(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(Error::file(path))?;
    if file.metadata().map_err(Error::file(path))?.is_dir() {
        return Err(refused(path, "it is a folder, not a file of rows"));
    }
    Ok(file)
}

fn refused(path: &Path, why: &str) -> Error {
    Error::File {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidInput, why),
    }
}

/// Refuses an output that is the input: its rows would be replaced.
pub(super) fn refuse_same_file(input: &Place, output: &Place) -> Result<()> {
    let (Place::File(input), Place::File(output)) = (input, output) else {
        return Ok(());
    };
    match (input.canonicalize(), resolve(output)) {
        (Ok(from), Ok(to)) if from == to => Err(refused(output, "the output is the input; write to another file")),
        _ => Ok(()),
    }
}

/// The absolute path behind links, of a file that need not exist.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if let Ok(existing) = path.canonicalize() {
        return Ok(existing);
    }
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it does not name a file"))?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Ok(folder.canonicalize()?.join(name))
}

/// An output that is being written.
pub(super) type Out = io::BufWriter<Box<dyn Write + Send>>;

/// Opens an output. For a file, the second part makes it appear once it is whole.
pub(super) fn create(place: &Place) -> Result<(Out, Option<Partial>)> {
    let Place::File(path) = place else {
        return Ok((io::BufWriter::new(Box::new(io::stdout())), None));
    };
    let wanted = resolve(path).map_err(Error::file(path))?;
    if fs::metadata(&wanted).is_ok_and(|about| !about.is_file()) {
        return Err(refused(path, "it is not a regular file, and will not be replaced"));
    }
    let mut name = OsString::from(".");
    name.push(wanted.file_name().unwrap_or_default());
    name.push(".partial");
    let aside = wanted.with_file_name(name);
    let file = File::create(&aside).map_err(Error::file(&aside))?;
    let partial = Partial {
        file,
        aside,
        wanted,
        is_whole: false,
    };
    let out = partial.file.try_clone().map_err(Error::file(path))?;
    Ok((io::BufWriter::new(Box::new(out)), Some(partial)))
}

/// A file under its working name. It goes away unless it is made whole.
pub(super) struct Partial {
    file: File,
    aside: PathBuf,
    wanted: PathBuf,
    is_whole: bool,
}

impl Partial {
    /// Gives the file, written to its end, the name that was asked for. What had the name before is replaced.
    pub(super) fn appear(mut self) -> Result<()> {
        self.file.sync_all().map_err(Error::file(&self.aside))?;
        fs::rename(&self.aside, &self.wanted).map_err(Error::file(&self.wanted))?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_whole {
            // Nobody is left to be told; what stays behind is overwritten by the next try.
            let _ = fs::remove_file(&self.aside);
        }
    }
}
