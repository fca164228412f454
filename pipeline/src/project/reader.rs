//! `deskmill.toml` -> [`Project`]: the file itself, its TOML, and the sections that are about the project as a whole.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::Recipes;
use super::checked::{Limits, Project, ServingSpec};
use super::files::{read_bounded, read_folder};
use super::models::read_models;
use super::names::NameRule;
use super::personal::read_personal;
use super::problems::{Problems, ProjectError, quoted};
use super::schedule::read_schedule;
use super::section::Section;
use super::sources::read_sources;
use super::tables::read_tables;

/// The name of the project file in the project folder.
pub const FILE_NAME: &str = "deskmill.toml";

/// Reads and checks the project in `folder`, which may be relative. Looks at the file system (globs, SQL files), and
/// changes nothing.
///
/// # Errors
/// [`ProjectError`] if there is no project file, if it cannot be read, or with everything that is wrong in it.
pub fn read_project(folder: &Path, recipes: &dyn Recipes) -> Result<Project, ProjectError> {
    let path = folder.join(FILE_NAME);
    let bytes = read_bounded(&path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => ProjectError::Missing {
            folder: folder.to_owned(),
        },
        _ => ProjectError::Unreadable {
            path: path.clone(),
            cause,
        },
    })?;
    let folder = std::path::absolute(folder).map_err(|cause| ProjectError::Unreadable {
        path: folder.to_owned(),
        cause,
    })?;
    let problems = Problems::default();
    let text = String::from_utf8_lossy(&bytes);
    if let Err(error) = std::str::from_utf8(&bytes) {
        // Up to there, the bytes and the text are the same.
        let at = error.valid_up_to();
        let message = format!("byte {at} of the file is not UTF-8");
        problems.add(
            Some(at..at + char::REPLACEMENT_CHARACTER.len_utf8()),
            message,
            "save the file as UTF-8",
        );
        return Err(problems.into_error(&path, &text));
    }
    check(&text, &folder, recipes, &problems).ok_or_else(|| problems.into_error(&path, &text))
}

/// The project that `text` describes; none if there are problems.
pub(super) fn check(text: &str, folder: &Path, recipes: &dyn Recipes, problems: &Problems) -> Option<Project> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        problems.add(
            error.span(),
            format!("not TOML: {}", error.message()),
            syntax_hint(error.message()),
        );
    }
    // What the TOML reader makes of broken TOML is a guess: problems found in it might not be there.
    if !problems.is_empty() {
        return None;
    }
    let mut file = Section::file(table.get_ref(), problems);

    let mut section = file.section("project");
    let name = section.required("name", "write `[project]` with `name = \"my-desk\"`");
    if let Some(name) = &name {
        section.check_name(name, NameRule::Project);
    }
    let seed = section.whole("seed", 0..=i64::MAX.unsigned_abs(), 1);
    let work_dir = read_folder(&mut section, "work_dir", ".deskmill", true, folder);
    let registry = read_folder(&mut section, "registry", "registry", false, folder);
    section.finish();

    let limits = read_limits(file.section("limits"));
    let personal = read_personal(file.section("personal"));
    let (source_names, sources) = read_sources(&mut file, folder);
    let tables = read_tables(&mut file, &source_names, folder);
    let models = read_models(&mut file, recipes, folder);
    let schedule = read_schedule(&mut file, seed);
    let serving = read_serving(file.section("serving"));
    file.finish();

    let project = Project {
        folder: folder.to_owned(),
        name: name?.value,
        seed,
        work_dir,
        registry,
        limits,
        personal,
        sources,
        tables,
        models,
        schedule,
        serving,
    };
    problems.is_empty().then_some(project)
}

/// A way out for the commonest errors of the TOML reader, which has no hints of its own.
fn syntax_hint(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "write each key and each section once"
    } else if message.contains("invalid unquoted key") {
        "write a key with other characters in quotes: \"准确率\" = 0.8"
    } else if message.contains("unclosed") || message.contains("invalid basic string") {
        "close what is opened: \"text\", [list], [section], { table }"
    } else {
        "a line is `key = value` or `[section]`; a value is \"text\", a number, true, false or a [list]"
    }
}

fn read_limits(mut section: Section<'_>) -> Limits {
    let limits = Limits {
        memory_max_mib: section.whole("memory_max_mib", 256..=1 << 24, 2048),
        row_max_bytes: section.size("row_max_bytes", 64..=1 << 30, 1 << 20),
        unpacked_max_ratio: section.whole("unpacked_max_ratio", 1..=1_000_000, 1000),
        rejects_max_share: section.number("rejects_max_share", 0.0..=1.0, 0.05),
        threads_max: section.size("threads_max", 0..=1024, 0),
    };
    section.finish();
    limits
}

fn read_serving(mut section: Section<'_>) -> ServingSpec {
    let mut listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8700));
    if let Some(written) = section.text("listen") {
        match written.value.parse() {
            Ok(address) => listen = address,
            Err(_) => {
                let message = format!("`listen` cannot be {}", quoted(&written.value));
                let hint = "write an IP address and a port, such as \"127.0.0.1:8700\"";
                section.problems().add(Some(written.span), message, hint);
            }
        }
    }
    let serving = ServingSpec {
        listen,
        body_max_bytes: section.size("body_max_bytes", 1024..=1 << 30, 1 << 20),
        rows_max: section.size("rows_max", 1..=1_000_000, 1000),
        text_max_bytes: section.size("text_max_bytes", 1..=1 << 30, 100_000),
        timeout_ms: section.whole("timeout_ms", 1..=600_000, 1000),
        concurrent_max: section.size("concurrent_max", 1..=65_536, 256),
        reload_every_ms: section.whole("reload_every_ms", 10..=86_400_000, 1000),
        stop_grace_ms: section.whole("stop_grace_ms", 0..=600_000, 10_000),
    };
    section.finish();
    serving
}

/// The registry's folder as the project file has it, whatever else is wrong with the project; none where the file is not
/// TOML or there is no such folder.
pub fn registry_as_written(folder: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(folder.join(FILE_NAME)).ok()?;
    let file: toml::Table = text.parse().ok()?;
    let written = file.get("project").and_then(|project| project.get("registry"));
    let registry = folder.join(written.map_or(Some("registry"), toml::Value::as_str)?);
    registry.is_dir().then_some(registry)
}
