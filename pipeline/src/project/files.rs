//! The files that a project file names: found, bounded and read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::checked::{ProjectPath, SourceFile};
use super::problems::{Problems, quoted};
use super::section::{At, Section};

/// A project file or a query beyond this is a mistake, not a text.
const TEXT_FILE_MAX_BYTES: u64 = 1 << 20;

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

/// The files that a glob matches, sorted; none (and a problem) if there are none.
pub(super) fn matching_files(pattern: &At<String>, folder: &Path, problems: &Problems) -> Option<Vec<SourceFile>> {
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
    files.sort_by(|a, b| a.relative.cmp(&b.relative));
    Some(files)
}

/// The path from the project folder with `/` between the parts; none if it is not UTF-8.
fn relative_to(path: &Path, folder: &Path) -> Option<String> {
    let relative: PathBuf = path.strip_prefix(folder).unwrap_or(path).components().collect();
    relative.to_str().map(str::to_owned)
}
