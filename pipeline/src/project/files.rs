//! The files that a project file names: found, bounded and read.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};
use zip::ZipArchive;

use super::checked::{Format, ProjectPath, SourceFile};
use super::problems::{Problems, quoted};
use super::section::{At, Section};

/// A project file or a query beyond this is a mistake, not a text.
const TEXT_FILE_MAX_BYTES: u64 = 1 << 20;

/// The most files in one zip archive.
const MEMBERS_MAX: usize = 100_000;

/// `*` stays within a folder, and hidden files (an editor's, say) are not data.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// The bytes of a regular file of at most 1 MiB. Never waits on a pipe or a device.
pub(super) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(TEXT_FILE_MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > TEXT_FILE_MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB"));
    }
    Ok(bytes)
}

/// The query in the file that `key` names.
pub(super) fn read_sql(section: &mut Section<'_>, key: &'static str, folder: &Path) -> Option<(ProjectPath, String)> {
    let written = section.required(
        key,
        &format!("name the file with the query: `{key} = \"sql/NAME.sql\"`"),
    )?;
    let wrong = |message: String, hint: &str| {
        section.problems().add(Some(written.span.clone()), message, hint);
        None
    };
    let shown = quoted(&written.value);
    if !is_below(&written.value) {
        return wrong(
            format!("{shown} is not below the project folder"),
            "write a relative path without `..`",
        );
    }
    let path = folder.join(&written.value);
    let bytes = match read_bounded(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return wrong(
                format!("there is no file {shown}"),
                &format!("looked for {}", path.display()),
            );
        }
        Err(error) => {
            return wrong(
                format!("cannot read {shown}: {error}"),
                "name a file of at most 1 MiB with a query",
            );
        }
    };
    let Ok(sql) = String::from_utf8(bytes) else {
        return wrong(format!("{shown} is not UTF-8 text"), "save the query as UTF-8");
    };
    if sql.trim().is_empty() {
        return wrong(format!("{shown} is empty"), "write a query (`select ...`) into it");
    }
    Some((
        ProjectPath {
            written: written.value,
            path,
        },
        sql,
    ))
}

/// A folder under `key`, which need not exist. If `below`, it must be in the project folder.
pub(super) fn read_folder(
    section: &mut Section<'_>,
    key: &'static str,
    default: &str,
    below: bool,
    folder: &Path,
) -> ProjectPath {
    let written = section.text(key);
    if let Some(At { value, span }) = &written {
        let is_named = Path::new(value)
            .components()
            .any(|part| matches!(part, Component::Normal(_)));
        if !is_named || value.contains("://") || value.contains('\0') || (below && !is_below(value)) {
            let whose = if below { " below the project folder" } else { "" };
            let message = format!("`{key}` cannot be {}", quoted(value));
            section.problems().add(
                Some(span.clone()),
                message,
                format!("name a folder{whose}: `{key} = \"{default}\"`"),
            );
        }
    }
    let written = written.map_or_else(|| default.to_owned(), |text| text.value);
    let path = folder.join(&written);
    ProjectPath { written, path }
}

/// Whether a written path stays in the folder it starts from.
fn is_below(written: &str) -> bool {
    Path::new(written)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// The files that a glob matches, sorted; of a zip archive, its members. None (and a problem) if there are none.
pub(super) fn matching_files(
    pattern: &At<String>,
    format: Option<Format>,
    folder: &Path,
    problems: &Problems,
) -> Option<Vec<SourceFile>> {
    let mut files = Vec::new();
    for file in matching_paths(pattern, folder, problems)? {
        // Workbooks are zip archives themselves.
        if format == Some(Format::Xlsx) || !is_zip(&file.path) {
            files.push(file);
            continue;
        }
        match members(&file) {
            Ok(members) => files.extend(members),
            Err((message, hint)) => {
                let message = format!("{}: {message}", quoted(&file.relative));
                problems.add(Some(pattern.span.clone()), message, hint);
                return None;
            }
        }
    }
    files.sort_by(|a, b| a.relative.cmp(&b.relative));
    Some(files)
}

/// Told by the first bytes: a member, or the end of an archive that has none (APPNOTE 4.3.7, 4.3.16).
fn is_zip(path: &Path) -> bool {
    let mut head = [0; 4];
    // A file that cannot be read is reported by whoever reads it.
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok();
    is_read && matches!(&head, b"PK\x03\x04" | b"PK\x05\x06")
}

/// The members of a zip archive that are data; or what is wrong with it, and the way out.
fn members(archive: &SourceFile) -> Result<Vec<SourceFile>, (String, &'static str)> {
    let broken = |error: &dyn std::fmt::Display| {
        let hint = "make the archive again, and check that it was copied to its end";
        (format!("the zip archive cannot be read: {error}"), hint)
    };
    let file = File::open(&archive.path).map_err(|error| broken(&error))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    if zip.len() > MEMBERS_MAX {
        return Err((
            format!("the archive has more than {MEMBERS_MAX} members"),
            "unpack it, or split it",
        ));
    }
    if zip.has_duplicate_names() {
        return Err((
            "two members of the archive have one name".to_owned(),
            "unpack it, and rename one",
        ));
    }
    let mut members = Vec::new();
    for index in 0..zip.len() {
        let member = zip.by_index_raw(index).map_err(|error| broken(&error))?;
        let name = member.name().map_err(|error| broken(&error))?.into_owned();
        if member.is_dir() || !is_data(&name) {
            continue;
        }
        if member.encrypted() {
            let message = format!("the member {} is encrypted", quoted(&name));
            return Err((message, "unpack the archive, or make it without a password"));
        }
        members.push(SourceFile {
            relative: format!("{}/{name}", archive.relative),
            path: archive.path.clone(),
            member: Some(name),
        });
    }
    if members.is_empty() {
        return Err((
            "no file is in the archive".to_owned(),
            "put data into it, or make `path` leave it out",
        ));
    }
    Ok(members)
}

/// Whether a member is neither hidden, nor what macOS puts beside files, nor out of the archive.
fn is_data(name: &str) -> bool {
    name.split('/')
        .all(|part| !part.is_empty() && !part.starts_with('.') && part != "__MACOSX")
}

/// The files that a glob matches, archives unopened.
fn matching_paths(pattern: &At<String>, folder: &Path, problems: &Problems) -> Option<Vec<SourceFile>> {
    let wrong = |message: String, hint: String| {
        problems.add(Some(pattern.span.clone()), message, hint);
        None
    };
    let shown = quoted(&pattern.value);
    if pattern.value.contains(['\\', '\0']) {
        return wrong(
            format!("{shown} is not a path"),
            "write `/` between the parts of a path".to_owned(),
        );
    }
    let Some(from) = folder.to_str() else {
        return wrong(
            "the path of the project folder is not UTF-8".to_owned(),
            "rename the folder".to_owned(),
        );
    };
    let whole = if Path::new(&pattern.value).is_absolute() {
        pattern.value.clone()
    } else {
        format!("{}/{}", Pattern::escape(from.trim_end_matches('/')), pattern.value)
    };
    let paths = match glob::glob_with(&whole, MATCHING) {
        Ok(paths) => paths,
        Err(error) => {
            let hint = "write `[[]`, `[*]` or `[?]` for the character itself".to_owned();
            return wrong(format!("{shown} is not a glob: {}", error.msg), hint);
        }
    };
    let mut files = Vec::new();
    for found in paths {
        match found {
            Ok(path) if path.is_file() => match relative_to(&path, folder) {
                Some(relative) => files.push(SourceFile {
                    relative,
                    path,
                    member: None,
                }),
                None => {
                    return wrong(
                        format!("the name of {path:?} is not UTF-8"),
                        "rename the file".to_owned(),
                    );
                }
            },
            Ok(_) => {}
            Err(error) => return wrong(format!("cannot look for {shown}"), error.to_string()),
        }
    }
    if files.is_empty() {
        let looked_for = folder.join(&pattern.value);
        return wrong(
            format!("no file matches {shown}"),
            format!("looked for {}", looked_for.display()),
        );
    }
    Some(files)
}

/// The path from the project folder with `/` between the parts; none if it is not UTF-8.
fn relative_to(path: &Path, folder: &Path) -> Option<String> {
    let relative: PathBuf = path.strip_prefix(folder).unwrap_or(path).components().collect();
    relative.to_str().map(str::to_owned)
}
