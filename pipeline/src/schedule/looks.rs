//! What a scheduler looks at to see whether a run is wanted: the source files, and the project's own. By names, sizes and
//! times of change, so that a look costs little; a run that finds nothing new does nothing.

use std::time::UNIX_EPOCH;

use jiff::Timestamp;

use crate::keys::digest;
use crate::project::{Expected, FILE_NAME, Project};

/// A digest, and since when it is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) digest: String,
    pub(super) since: Timestamp,
}

/// Takes a new digest in.
pub(super) fn note(seen: &mut Option<Seen>, digest: String, now: Timestamp) {
    if seen.as_ref().is_none_or(|seen| seen.digest != digest) {
        *seen = Some(Seen { digest, since: now });
    }
}

/// A digest of which source files there are. What is elsewhere is asked for in runs only, and not looked at here.
pub(super) fn of_data(project: &Project) -> String {
    let reads = project
        .sources
        .iter()
        .flat_map(|source| source.reads.iter().map(move |read| (source, read)));
    let mut text = String::new();
    for (source, read) in reads {
        for file in &read.files {
            let about = std::fs::metadata(&file.path).ok();
            let changed = about.as_ref().and_then(|about| about.modified().ok());
            let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let about = (about.map(|about| about.len()), changed.map(|at| at.as_nanos()));
            text.push_str(&format!("{}\0{}\0{about:?}\n", source.name, file.relative));
        }
        for path in source.database.iter().filter_map(|database| database.path.as_ref()) {
            let about = std::fs::metadata(path).and_then(|about| about.modified()).ok();
            text.push_str(&format!("{}\0{}\0{about:?}\n", source.name, path.written));
        }
    }
    digest(text.as_bytes())
}

/// A digest of the project file and the queries it names.
pub(super) fn of_project(project: &Project) -> String {
    // It was read a moment ago; if it is gone, the next look says so.
    let mut text = std::fs::read(project.folder.join(FILE_NAME)).unwrap_or_default();
    let mut add = |sql: &str| {
        text.push(0);
        text.extend_from_slice(sql.as_bytes());
    };
    for table in &project.tables {
        add(&table.sql);
        for check in &table.checks {
            if let Expected::Sql { sql, .. } = &check.expected {
                add(sql);
            }
        }
    }
    project.models.iter().for_each(|model| add(&model.examples_sql));
    digest(&text)
}
