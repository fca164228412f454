//! The sample desk: simulates a customer-service desk of any size and writes it as a desk really leaves it, faults and all,
//! with `truth.json` beside it. Cases stream: memory does not grow with them. The same number of cases and seed give the
//! same bytes on every machine. It knows nothing of the pipeline that reads it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

mod arithmetic;
mod case;
mod causes;
mod chats;
mod clock;
mod compose;
mod dice;
mod files;
mod help;
mod intents;
mod mail;
mod names;
mod noise;
mod orders;
mod pages;
mod people;
mod personal;
mod phrases;
mod project;
mod tables;
#[cfg(test)]
mod tests;
mod texts_en;
mod texts_zh;
mod tickets;
mod truth;

use case::World;
use chats::Chats;
use files::CountedFile;
use mail::Mails;
use tables::Ratings;
use tickets::Tickets;
use truth::Truth;

/// `progress` is called after so many cases, and at the end.
const PROGRESS_EVERY_CASES: u64 = 4096;
/// Numbers of cases share their 64 bits with the sort of stream; no disk holds a desk of this size.
const CASES_MAX: u64 = 1 << 40;

/// What desk to write and where.
#[derive(Clone, Debug)]
pub struct SampleOptions {
    /// Number of customer contacts, 1 to 2^40.
    pub cases: u64,
    /// Chooses the desk; the same seed and number of cases give the same bytes.
    pub seed: u64,
    /// The folder to create. It must not exist, or be empty.
    pub out: PathBuf,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct SampleSummary {
    /// Number of customer contacts.
    pub cases: u64,
    /// Number of files, project files and truth.json included.
    pub files: u64,
    /// Size of all files in bytes.
    pub bytes: u64,
    /// Rows that were made malformed on purpose.
    pub malformed_rows: u64,
    /// Data rows (for mails and pages: files) by source, malformed and double ones included.
    pub rows_by_source: BTreeMap<String, u64>,
}

/// Why a desk could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The number of cases is out of range.
    #[error("a desk of {cases} cases cannot be simulated")]
    Cases {
        /// The number asked for.
        cases: u64,
    },
    /// The output folder has no name of its own, as in `.` or `/`.
    #[error("{} is no name for a new folder", path.display())]
    Unnamed {
        /// The path as given.
        path: PathBuf,
    },
    /// The output folder exists and holds something.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The path as given.
        path: PathBuf,
    },
    /// A file or folder could not be written, read or moved.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A row could not be written as JSON.
    #[error("cannot write JSON to {file}")]
    Json {
        /// The file, relative to the desk.
        file: String,
        /// The reason.
        source: serde_json::Error,
    },
}

impl SampleError {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Cases { .. } => {
                "give --cases a number from 1 on; 3000 makes a desk of 2 MB, 10000000 one of about 7 GB"
            }
            Self::Unnamed { .. } => "name the folder to create, for example --out desk",
            Self::NotEmpty { .. } => "give --out a new name, or remove the folder first",
            Self::Write { .. } => "check that the folder above exists, may be written to and has room",
            Self::Json { .. } => "this is a defect of deskmill: please report it with the number of cases and the seed",
        }
    }

    fn write(path: &Path, source: io::Error) -> Self {
        Self::Write {
            path: path.to_path_buf(),
            source,
        }
    }

    fn json(file: &str, source: serde_json::Error) -> Self {
        Self::Json {
            file: file.to_owned(),
            source,
        }
    }
}

/// Simulates a desk and writes it to `options.out`. It is written beside it first and moved at the end, so a half-written
/// desk never stands under its name; the remains of an earlier, killed run are removed. `progress` gets the number of
/// cases done.
///
/// # Errors
/// See [`SampleError`]; after an error nothing stands under `options.out` that did not before.
pub fn write_sample(options: &SampleOptions, progress: &mut dyn FnMut(u64)) -> Result<SampleSummary, SampleError> {
    if options.cases == 0 || options.cases > CASES_MAX {
        return Err(SampleError::Cases { cases: options.cases });
    }
    let partial = partial_folder(&options.out)?;
    refuse_full_folder(&options.out)?;
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(|source| SampleError::write(&partial, source))?;
    }
    let written = write_desk(options, &partial, progress).and_then(|summary| {
        if options.out.exists() {
            // It is empty; not every system renames over a folder.
            std::fs::remove_dir(&options.out).map_err(|source| SampleError::write(&options.out, source))?;
        }
        std::fs::rename(&partial, &options.out).map_err(|source| SampleError::write(&options.out, source))?;
        Ok(summary)
    });
    if written.is_err() {
        // The first error matters; remains are also removed by the next run.
        let _ = std::fs::remove_dir_all(&partial);
    }
    written
}

/// `.NAME.partial` beside the folder to write.
fn partial_folder(out: &Path) -> Result<PathBuf, SampleError> {
    let name = out.file_name().ok_or_else(|| SampleError::Unnamed {
        path: out.to_path_buf(),
    })?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".partial");
    Ok(out.with_file_name(hidden))
}

fn refuse_full_folder(out: &Path) -> Result<(), SampleError> {
    let not_empty = || SampleError::NotEmpty {
        path: out.to_path_buf(),
    };
    match std::fs::read_dir(out) {
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| Err(not_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(not_empty()),
        Err(error) => Err(SampleError::write(out, error)),
    }
}

/// Writes everything below `root`.
fn write_desk(
    options: &SampleOptions,
    root: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<SampleSummary, SampleError> {
    let world = World::new(options.seed, options.cases);
    let mut truth = Truth::new(options.seed, options.cases);
    tables::write_customers(&world, root, &mut truth)?;
    tables::write_orders(&world, root, &mut truth)?;
    tables::write_agents(&world, root, &mut truth)?;
    write_cases(&world, options.cases, root, &mut truth, progress)?;
    pages::write_pages(root, &mut truth)?;
    let mut summary = truth.summary();
    for (relative, content) in project::FILES {
        summary.bytes += write_whole(root, relative, content)?;
        summary.files += 1;
    }
    let json = serde_json::to_string_pretty(&truth.to_json(&world))
        .map_err(|source| SampleError::json("truth.json", source))?;
    summary.bytes += write_whole(root, "truth.json", &(json + "\n"))?;
    summary.files += 1;
    Ok(summary)
}

/// Writes all that comes from cases, one case after the other.
fn write_cases(
    world: &World,
    cases: u64,
    root: &Path,
    truth: &mut Truth,
    progress: &mut dyn FnMut(u64),
) -> Result<(), SampleError> {
    let mut tickets = Tickets::create(root, cases)?;
    let mut chats = Chats::create(root)?;
    let mut mails = Mails::new(root, cases);
    let mut ratings = Ratings::create(root)?;
    let mut last = None;
    for index in 0..cases {
        let mut case = world.case(index, last.take());
        tickets.write(world, &mut case, truth)?;
        chats.write(world, &mut case)?;
        mails.write(world, &mut case)?;
        ratings.write(world, &mut case, truth)?;
        last = Some(case);
        if (index + 1).is_multiple_of(PROGRESS_EVERY_CASES) {
            progress(index + 1);
        }
    }
    progress(cases);
    tickets.finish(truth)?;
    chats.finish(truth)?;
    mails.finish(truth);
    ratings.finish(truth)
}

fn write_whole(root: &Path, relative: &str, content: &str) -> Result<u64, SampleError> {
    let mut file = CountedFile::create(root, relative)?;
    file.write(content.as_bytes())?;
    file.finish()
}
