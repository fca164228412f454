//! The one error type of this crate: every variant says where, and `hint` says what to do about it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::checks::CheckOutcome;
use crate::project::ProjectError;

/// What can stop a run. Rows that cannot be used do not: they become rejects.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The project file is wrong; the text is the whole rendering, hints included.
    #[error("{0}")]
    Project(#[from] ProjectError),
    /// A source file cannot be read at all.
    #[error("source `{name}`, {place}: {message}")]
    Source {
        /// The source.
        name: String,
        /// File, and line or row where known.
        place: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A query of the project is wrong or failed.
    #[error("{place}: {message}")]
    Sql {
        /// The table, model or command, and the SQL file.
        place: String,
        /// The engine's words.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A table's rows break a rule that no reject can mend.
    #[error("table `{table}`: {message}")]
    Table {
        /// The table.
        table: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Too many rows were rejected to go on.
    #[error(
        "{place}: {rejects} of {rows} rows are rejects ({percent:.1}%), more than the allowed {allowed_percent:.1}%"
    )]
    Rejects {
        /// Source or table.
        place: String,
        /// Rejected rows.
        rejects: u64,
        /// All rows.
        rows: u64,
        /// Their share.
        percent: f64,
        /// The project's limit.
        allowed_percent: f64,
    },
    /// Checks that stop a run do not hold.
    #[error("{}", words_of(all))]
    Checks {
        /// All checks of the run, those among them that hold.
        all: Vec<CheckOutcome>,
    },
    /// Examples cannot be split as asked.
    #[error("examples of model `{model}`: {message}")]
    Examples {
        /// The model.
        model: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// An edited export of rejects is wrong somewhere, so nothing of it was taken.
    #[error("{}: nothing was taken:\n  {}", path.display(), problems.join("\n  "))]
    Mends {
        /// The file.
        path: PathBuf,
        /// Each with its line.
        problems: Vec<String>,
    },
    /// What something was made from cannot be told.
    #[error("{place}: {message}")]
    Lineage {
        /// The table, source, version or row.
        place: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A schedule cannot be kept, or a scheduled run not be found.
    #[error("schedule of `{project}`: {message}")]
    Schedule {
        /// The project.
        project: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Another run is at work in the same work folder.
    #[error("{}: another run is at work in this folder", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The models crate refused something.
    #[error(transparent)]
    Model(#[from] deskmill_models::Error),
    /// The disk took no more.
    #[error("{message}")]
    DiskFull {
        /// What could not be written, and the system's words.
        message: String,
        /// What takes the room, and how to make some.
        hint: String,
    },
    /// Reading or writing a file failed.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Error {
    /// What the reader can do about it; empty where the message says it already.
    pub fn hint(&self) -> String {
        match self {
            Error::Project(_) => String::new(),
            Error::Source { hint, .. }
            | Error::Sql { hint, .. }
            | Error::Table { hint, .. }
            | Error::Examples { hint, .. }
            | Error::DiskFull { hint, .. }
            | Error::Schedule { hint, .. }
            | Error::Lineage { hint, .. } => hint.clone(),
            Error::Rejects { .. } => {
                "`deskmill rejects` shows them with their reasons; mend the data, the SQL, or `limits.rejects_max_share`".into()
            }
            Error::Checks { all } => all.iter().find(|check| check.stops()).map(|check| check.hint.clone()).unwrap_or_default(),
            Error::Mends { .. } => "mend these lines and replay the file again; columns that start with `_` stay as they were exported".into(),
            Error::Busy { .. } => "wait for it to end, or stop it".into(),
            Error::Model(error) => error.hint(),
            Error::File { source, .. } => hint_for(source.kind()).into(),
        }
    }

    /// A file error with its path.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    }

    /// Whether the disk, or this user's share of it, is full.
    pub fn is_disk_full(&self) -> bool {
        let kind = match self {
            Error::File { source, .. } => source.kind(),
            Error::Sql { message, .. } => of_system(message).kind(),
            Error::Model(error) => of_system(&error.to_string()).kind(),
            _ => return false,
        };
        is_full(kind)
    }
}

/// The system's error that a library tells in its own words: std writes "(os error 28)" behind it.
pub(crate) fn of_system(words: &str) -> io::Error {
    let code = words
        .rsplit_once("(os error ")
        .and_then(|(_, rest)| rest.split_once(')'));
    match code.and_then(|(code, _)| code.parse().ok()) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other(words.to_owned()),
    }
}

/// Whether it says that the disk, or this user's share of it, is full.
pub(crate) fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn hint_for(kind: ErrorKind) -> &'static str {
    match kind {
        kind if is_full(kind) => "the disk is full: make room there and run again; what is done stays done",
        ErrorKind::NotFound => "see whether the file was moved or removed; run again when it is there",
        ErrorKind::PermissionDenied => "give this user the right to read the file, or to write in its folder",
        ErrorKind::ReadOnlyFilesystem => "the disk is mounted for reading only: work in another folder",
        _ => "check that the file exists, that the disk has room, and this user's rights",
    }
}

fn words_of(all: &[CheckOutcome]) -> String {
    let each = all.iter().filter(|check| check.stops()).map(|check| {
        format!(
            "table `{}`: expected: {}; found: {}",
            check.table, check.check, check.found
        )
    });
    each.collect::<Vec<_>>().join("\n")
}

/// This crate's result.
pub type Result<T> = std::result::Result<T, Error>;
