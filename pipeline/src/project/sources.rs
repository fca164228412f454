//! `[sources.NAME]`: formats, dialects and encodings, and the files they are for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::checked::{CsvDialect, Database, Format, ProjectPath, Quote, Read, Source};
use super::files::matching_files;
use super::names::NameRule;
use super::problems::{Problems, Span, quoted};
use super::section::Section;

const FORMATS: &[(&str, Format)] = &[
    ("csv", Format::Csv),
    ("jsonl", Format::Jsonl),
    ("json", Format::Json),
    ("parquet", Format::Parquet),
    ("arrow", Format::Arrow),
    ("xlsx", Format::Xlsx),
    ("mail", Format::Mail),
    ("html", Format::Html),
    ("chat", Format::Chat),
    ("text", Format::Text),
    ("markdown", Format::Markdown),
    ("postgres", Format::Postgres),
    ("mysql", Format::Mysql),
    ("sqlite", Format::Sqlite),
];

/// Keys that are about csv alone.
const CSV_KEYS: [&str; 6] = ["delimiter", "quote", "escape", "header", "columns", "skip_lines"];
/// Keys that are about databases alone.
const DATABASE_KEYS: [&str; 3] = ["url_env", "query", "cursor"];

/// The names of all sources as written, so that a wrong one is not reported again where it is used; and the right ones.
pub(super) fn read_sources(file: &mut Section<'_>, folder: &Path) -> (Vec<String>, Vec<Source>) {
    let sections = file.named_sections("sources", NameRule::Table);
    let names = sections.iter().map(|(name, _)| name.clone()).collect();
    let sources = sections
        .into_iter()
        .filter_map(|(name, section)| read_source(name, section, folder))
        .collect();
    (names, sources)
}

fn read_source(name: String, mut section: Section<'_>, folder: &Path) -> Option<Source> {
    let format = section.choice("format", FORMATS, None);
    if format.is_some_and(Format::is_database) {
        return read_database(name, section, format?, folder);
    }
    refuse(
        &mut section,
        &DATABASE_KEYS,
        format,
        "on this format: it is for databases",
    );
    let mut reads = vec![read_files(&mut section, format, folder)];
    for mut also in section.listed_sections("also") {
        reads.push(read_files(&mut also, format, folder));
        also.without_effect("format", "in `also`: it is that of the source");
        also.finish();
    }
    check_each_file_once(&reads, section.problems());
    section.finish();
    let reads = reads
        .into_iter()
        .map(|found| found.map(|(read, _)| read))
        .collect::<Option<Vec<_>>>()?;
    Some(Source {
        name,
        format: format?,
        reads,
        database: None,
    })
}

/// Keys that do nothing on this format; unknown ones cannot be judged if the format itself is wrong.
fn refuse(section: &mut Section<'_>, keys: &[&'static str], format: Option<Format>, why: &str) {
    for key in keys {
        match format {
            Some(_) => section.without_effect(key, why),
            None => section.skip(key),
        }
    }
}

/// A query of a database; what is fetched with it is csv as PostgreSQL writes it.
fn read_database(name: String, mut section: Section<'_>, format: Format, folder: &Path) -> Option<Source> {
    let why = "on this format: it is for files";
    refuse(&mut section, &CSV_KEYS, Some(format), why);
    refuse(&mut section, &["encoding", "items", "sheet", "also"], Some(format), why);
    let (url_env, path) = if format == Format::Sqlite {
        section.without_effect("url_env", "on sqlite: it has a `path`");
        let written = section.required("path", "name the file: `path = \"desk.sqlite\"`");
        let path = written.map(|written| ProjectPath {
            path: folder.join(&written.value),
            written: written.value,
        });
        (None, path)
    } else {
        section.without_effect(
            "path",
            "on this format: the database's URL stands in the environment, see `url_env`",
        );
        (read_url_env(&mut section), None)
    };
    let query = section.required("query", "write one query: `query = \"select * from tickets\"`");
    let cursor = section.text("cursor").map(|column| column.value);
    let is_complete = url_env.is_some() || path.is_some();
    section.finish();
    let query = query.filter(|_| is_complete)?.value;
    let read = Read {
        pattern: String::new(),
        files: Vec::new(),
        csv: Some(CsvDialect {
            delimiter: Some(b','),
            quote: Some(Quote::Byte(b'"')),
            header: Some(true),
            skip_lines: Some(0),
            ..CsvDialect::default()
        }),
        encoding: Some(encoding_rs::UTF_8.name().to_owned()),
        items: None,
        sheet: None,
    };
    Some(Source {
        name,
        format,
        reads: vec![read],
        database: Some(Database {
            url_env,
            path,
            query,
            cursor,
        }),
    })
}

/// The name of an environment variable; what looks like a URL would be a secret in a file.
fn read_url_env(section: &mut Section<'_>) -> Option<String> {
    let hint = "name the environment variable that holds the URL: `url_env = \"DESK_DATABASE_URL\"`";
    let written = section.required("url_env", hint)?;
    let is_name = written
        .value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        // Not shown: it may hold a password.
        let message = "`url_env` is not the name of an environment variable";
        section.problems().add(Some(written.span), message, hint);
        return None;
    }
    Some(written.value)
}

/// What `path` matches and how it is written, with the place of `path`.
fn read_files(section: &mut Section<'_>, format: Option<Format>, folder: &Path) -> Option<(Read, Span)> {
    let pattern = section.required("path", "name the files: `path = \"raw/tickets-*.csv\"`");
    let csv = read_dialect(section, format);
    let encoding = read_encoding(section, format);
    let items = read_text_for(section, "items", format, Format::Json, "on this format: it is for json");
    let sheet = read_text_for(section, "sheet", format, Format::Xlsx, "on this format: it is for xlsx");
    let pattern = pattern?;
    let read = Read {
        pattern: pattern.value.clone(),
        files: Vec::new(),
        csv,
        encoding,
        items,
        sheet,
    };
    if read.is_remote() {
        return Some((read, pattern.span));
    }
    let files = matching_files(&pattern, format, folder, section.problems())?;
    Some((Read { files, ..read }, pattern.span))
}

/// A text that only one format has.
fn read_text_for(
    section: &mut Section<'_>,
    key: &'static str,
    format: Option<Format>,
    whose: Format,
    why: &str,
) -> Option<String> {
    if format == Some(whose) {
        return section.text(key).map(|text| text.value);
    }
    refuse(section, &[key], format, why);
    None
}

fn read_dialect(section: &mut Section<'_>, format: Option<Format>) -> Option<CsvDialect> {
    if format != Some(Format::Csv) {
        refuse(section, &CSV_KEYS, format, "on this format: it is for csv");
        return None;
    }
    let delimiter = read_byte(section, "delimiter");
    let quote = match section.text("quote") {
        Some(written) if written.value == "none" => Some(Quote::None),
        Some(_) => read_byte(section, "quote").map(Quote::Byte),
        None => None,
    };
    let escape = read_byte(section, "escape");
    if delimiter.is_some() && (delimiter == escape || delimiter.map(Quote::Byte) == quote) {
        let span = section.key_span("delimiter");
        let message = "`delimiter` is the same character as `quote` or `escape`";
        section.problems().add(span, message, "choose two");
    }
    let header = section.key_span("header").map(|_| section.flag("header", true));
    if header.is_none() {
        section.skip("header");
    }
    let columns = if header == Some(false) {
        if section.key_span("columns").is_none() {
            let hint = "name the columns, for `header` is false: `columns = [\"a\", \"b\"]`";
            section.missing("columns", hint);
        }
        let columns = section.texts("columns");
        columns.into_iter().map(|column| column.value).collect()
    } else {
        section.without_effect("columns", "without `header = false`: they are named in the file");
        Vec::new()
    };
    let skip_lines = section
        .key_span("skip_lines")
        .map(|_| section.size("skip_lines", 0..=1000, 0));
    section.skip("skip_lines");
    Some(CsvDialect {
        delimiter,
        quote,
        escape,
        header,
        columns,
        skip_lines,
    })
}

/// The character under `key`, if one is written and can be that.
fn read_byte(section: &mut Section<'_>, key: &'static str) -> Option<u8> {
    let written = section.text(key)?;
    match written.value.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Some(*byte),
        _ => {
            let message = format!("`{key}` cannot be {}", quoted(&written.value));
            let hint = "write one ASCII character, such as \",\" or \"\\t\"";
            section.problems().add(Some(written.span), message, hint);
            None
        }
    }
}

fn read_encoding(section: &mut Section<'_>, format: Option<Format>) -> Option<String> {
    let why = match format {
        Some(Format::Parquet | Format::Arrow | Format::Xlsx) => "on this format: its texts are Unicode",
        Some(Format::Mail) => "on this format: a message names its own encodings",
        _ => "",
    };
    if !why.is_empty() {
        section.without_effect("encoding", why);
        return None;
    }
    let written = section.text("encoding")?;
    // Labels of encodings that browsers refuse lead to `replacement`, which reads a whole file as one U+FFFD.
    match encoding_rs::Encoding::for_label(written.value.as_bytes()) {
        Some(encoding) if encoding != encoding_rs::REPLACEMENT => Some(encoding.name().to_owned()),
        _ => {
            let message = format!("unknown encoding {}", quoted(&written.value));
            let hint = "use a label of the WHATWG Encoding Standard, such as utf-8, gb18030, big5 or windows-1252";
            section.problems().add(Some(written.span), message, hint);
            None
        }
    }
}

/// A file that two patterns of one source match would be read twice, and its rows would count twice.
fn check_each_file_once(reads: &[Option<(Read, Span)>], problems: &Problems) {
    let mut readers: BTreeMap<(PathBuf, Option<&str>), &str> = BTreeMap::new();
    for (read, span) in reads.iter().flatten() {
        for file in &read.files {
            let identity = file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
            if let Some(earlier) = readers.insert((identity, file.member.as_deref()), &read.pattern) {
                let message = format!(
                    "{} is read twice: {} matches it too",
                    quoted(&file.relative),
                    quoted(earlier)
                );
                problems.add(
                    Some(span.clone()),
                    message,
                    "make the globs of a source exclude each other",
                );
                break;
            }
        }
    }
}
