//! An edited export, as spreadsheets and editors write it: csv with any of the usual delimiters, or jsonl. Every problem is
//! noted with its line, and the reading goes on.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::export::{ID_COLUMN, SOURCE_COLUMN};
use crate::error::{Error, Result};
use crate::score::Format;
use crate::sources::read_text;

/// The largest file that is read; it is held in memory.
const FILE_MAX_BYTES: u64 = 1 << 30;

/// One row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EditedRow {
    /// Its line, from 1.
    pub line: u64,
    /// The name of the reject.
    pub id: String,
    /// The source it is said to be of.
    pub source: String,
    /// The fields that the file has; none for an empty one.
    pub fields: Vec<(String, Option<String>)>,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Edited {
    pub rows: Vec<EditedRow>,
    /// Line and what is wrong there.
    pub problems: Vec<(u64, String)>,
    /// Whether an empty text cannot be told from none.
    pub is_csv: bool,
}

impl Edited {
    /// Reads a file.
    pub(super) fn read(path: &Path, format: Format) -> Result<Self> {
        let about = fs::metadata(path).map_err(Error::file(path))?;
        if about.len() > FILE_MAX_BYTES {
            let message = format!("more than {} MiB; replay it in parts", FILE_MAX_BYTES >> 20);
            return Err(Error::file(path)(std::io::Error::other(message)));
        }
        let bytes = fs::read(path).map_err(Error::file(path))?;
        // Spreadsheets save in the encoding of their country.
        let (text, _) = read_text(&bytes);
        Ok(match format {
            Format::Csv => Self::of_csv(&text),
            _ => Self::of_jsonl(&text),
        })
    }

    pub(super) fn of_csv(text: &str) -> Self {
        let mut edited = Self {
            is_csv: true,
            ..Self::default()
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter_of(text))
            .from_reader(text.as_bytes());
        let mut lines = LineCount::new(text);
        let mut header: Option<Vec<String>> = None;
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let line = lines.at(error.position());
                    edited.problems.push((line, format!("cannot be read: {error}")));
                    break;
                }
            };
            let line = lines.at(record.position());
            let values: Vec<&str> = record.iter().collect();
            match &header {
                None => {
                    let names: Vec<String> = values.iter().map(|name| name.trim().to_owned()).collect();
                    edited.check_header(&names);
                    header = Some(names);
                }
                // A spreadsheet may leave such rows at the end.
                Some(_) if values.iter().all(|value| value.is_empty()) => {}
                Some(names) => edited.add_record(line, names, &values),
            }
        }
        if header.is_none() {
            edited.problems.push((1, "the file is empty".into()));
        }
        edited
    }

    fn check_header(&mut self, names: &[String]) {
        for own in [ID_COLUMN, SOURCE_COLUMN] {
            if !names.iter().any(|name| name == own) {
                let message = format!("there is no column `{own}`; keep the columns of the export");
                self.problems.push((1, message));
            }
        }
        for (at, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..at].contains(name) {
                self.problems.push((1, format!("column `{name}` is there twice")));
            }
        }
    }

    fn add_record(&mut self, line: u64, names: &[String], values: &[&str]) {
        if values.len() != names.len() {
            let message = format!(
                "{} fields, and the header has {}; quote values that hold the delimiter",
                values.len(),
                names.len()
            );
            self.problems.push((line, message));
            return;
        }
        let mut row = EditedRow {
            line,
            id: String::new(),
            source: String::new(),
            fields: Vec::new(),
        };
        for (name, value) in names.iter().zip(values) {
            match name.as_str() {
                ID_COLUMN => row.id = value.trim().to_owned(),
                SOURCE_COLUMN => row.source = value.trim().to_owned(),
                "" if value.is_empty() => {}
                _ => {
                    let value = (!value.is_empty()).then(|| (*value).to_owned());
                    row.fields.push((name.clone(), value));
                }
            }
        }
        self.rows.push(row);
    }

    pub(super) fn of_jsonl(text: &str) -> Self {
        let mut edited = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (at, json) in text
            .split('\n')
            .enumerate()
            .filter(|(_, json)| !json.trim_ascii().is_empty())
        {
            let line = at as u64 + 1;
            match serde_json::from_str::<Map<String, Value>>(json) {
                Err(error) => edited
                    .problems
                    .push((line, format!("it is not a JSON object: {error}"))),
                Ok(mut object) => {
                    let mut own = |name: &str| match object.shift_remove(name) {
                        Some(Value::String(text)) => text,
                        _ => String::new(),
                    };
                    let (id, source) = (own(ID_COLUMN), own(SOURCE_COLUMN));
                    edited.rows.push(EditedRow {
                        line,
                        id,
                        source,
                        fields: object.into_iter().map(|(name, value)| (name, text_of(value))).collect(),
                    });
                }
            }
        }
        edited
    }
}

/// Finds the lines of places that only grow. The reader's own count is one behind where lines end as in Windows.
struct LineCount<'t> {
    text: &'t [u8],
    byte: usize,
    line: u64,
}

impl<'t> LineCount<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            byte: 0,
            line: 1,
        }
    }

    /// The line in which the record at a place starts, line ends before it left out.
    fn at(&mut self, place: Option<&::csv::Position>) -> u64 {
        let mut to = place.map_or(self.byte, |place| usize::try_from(place.byte()).unwrap_or(usize::MAX));
        while self.text.get(to).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            to += 1;
        }
        let passed = self.text.get(self.byte..to).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.byte = self.byte.max(to);
        self.line
    }
}

/// A value as it lands: a text as it is, all else as JSON.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// What stands between the columns of the header: spreadsheets of many countries write semicolons.
fn delimiter_of(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let has_id = |delimiter: char| {
        let mut names = header.split(delimiter);
        names.any(|name| name.trim().trim_matches('"') == ID_COLUMN)
    };
    let found = [(',', b','), (';', b';'), ('\t', b'\t')]
        .into_iter()
        .find(|(sign, _)| has_id(*sign));
    found.map_or(b',', |(_, byte)| byte)
}
