//! `[sources.NAME]`: formats, dialects and encodings, and the files they are for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::checked::{CsvDialect, Format, Read, Source};
use super::files::matching_files;
use super::names::NameRule;
use super::problems::{Problems, Span, quoted};
use super::section::Section;

const FORMATS: &[(&str, Format)] = &[
    ("csv", Format::Csv),
    ("jsonl", Format::Jsonl),
    ("parquet", Format::Parquet),
];

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
    })
}

/// What `path` matches and how it is written, with the place of `path`.
fn read_files(section: &mut Section<'_>, format: Option<Format>, folder: &Path) -> Option<(Read, Span)> {
    let pattern = section.required("path", "name the files: `path = \"raw/tickets-*.csv\"`");
    let csv = read_dialect(section, format);
    let encoding = read_encoding(section, format);
    let pattern = pattern?;
    let files = matching_files(&pattern, folder, section.problems())?;
    Some((
        Read {
            pattern: pattern.value,
            files,
            csv,
            encoding,
        },
        pattern.span,
    ))
}

fn read_dialect(section: &mut Section<'_>, format: Option<Format>) -> Option<CsvDialect> {
    if format != Some(Format::Csv) {
        for key in ["delimiter", "quote", "header", "columns"] {
            match format {
                Some(_) => section.without_effect(key, "on this format: it is for csv"),
                None => section.skip(key),
            }
        }
        return None;
    }
    let delimiter = read_byte(section, "delimiter", b',');
    let quote = read_byte(section, "quote", b'"');
    if delimiter.is_some() && delimiter == quote {
        let span = section.key_span("delimiter").or_else(|| section.key_span("quote"));
        section
            .problems()
            .add(span, "`delimiter` and `quote` are the same character", "choose two");
    }
    let header = section.flag("header", true);
    let columns = if header {
        section.without_effect("columns", "on files with a header: they are named there");
        Vec::new()
    } else {
        if section.key_span("columns").is_none() {
            section.missing(
                "columns",
                "name the columns, for `header` is false: `columns = [\"a\", \"b\"]`",
            );
        }
        section
            .texts("columns")
            .into_iter()
            .map(|column| column.value)
            .collect()
    };
    Some(CsvDialect {
        delimiter: delimiter?,
        quote: quote?,
        header,
        columns,
    })
}

/// The character under `key`, or the default; none if it cannot be that one.
fn read_byte(section: &mut Section<'_>, key: &'static str, default: u8) -> Option<u8> {
    let Some(written) = section.text(key) else {
        return Some(default);
    };
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

fn read_encoding(section: &mut Section<'_>, format: Option<Format>) -> String {
    let default = encoding_rs::UTF_8.name().to_owned();
    if format == Some(Format::Parquet) {
        section.without_effect("encoding", "on this format: the texts of parquet are UTF-8");
        return default;
    }
    let Some(written) = section.text("encoding") else {
        return default;
    };
    // Labels of encodings that browsers refuse lead to `replacement`, which reads a whole file as one U+FFFD.
    match encoding_rs::Encoding::for_label(written.value.as_bytes()) {
        Some(encoding) if encoding != encoding_rs::REPLACEMENT => encoding.name().to_owned(),
        _ => {
            let message = format!("unknown encoding {}", quoted(&written.value));
            let hint = "use a label of the WHATWG Encoding Standard, such as utf-8, gb18030, big5 or windows-1252";
            section.problems().add(Some(written.span), message, hint);
            default
        }
    }
}

/// A file that two patterns of one source match would be read twice, and its rows would count twice.
fn check_each_file_once(reads: &[Option<(Read, Span)>], problems: &Problems) {
    let mut readers: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for (read, span) in reads.iter().flatten() {
        for file in &read.files {
            let identity = file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
            if let Some(earlier) = readers.insert(identity, &read.pattern) {
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
