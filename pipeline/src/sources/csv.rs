//! csv files. A record that is wrong is one reject; above all, a quote that is never closed costs its own line and not
//! the lines after it. Three signs tell such a quote from a value of several lines:
//! text behind the next quote; no closing quote within `row_max_bytes` or the file; or a wrong number of fields while a
//! later line is a good record by itself. Then the first line alone is rejected, and the next one is read afresh.
//! Blank lines are not rows. An empty field is null, a quoted empty one is the empty text.
//! The dialect is what is declared, and for the rest what the file's start tells; it is written to [`DIALECT_FILE`].

use std::borrow::Cow;
use std::fs;

use encoding_rs::{Encoding, UTF_8};

use super::LandRequest;
use super::columns::{check_names, tidy};
use super::dialect::{DIALECT_FILE, Detected, Dialect, Inner};
use super::encoding::SAMPLE_BYTES;
use super::landing::{Fault, Landing};
use super::lines::{LineEnds, Lines};
use super::mend::Mender;
use super::records::{Records, Row};
use super::sample::Sample;
use super::table::{Table, find};
use super::wrangle::tell;
use crate::error::{Error, Result};
use crate::project::CsvDialect;

/// Reads a csv file; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let Some(declared) = &request.read.csv else {
        return Err(request.wrong(None, "it has no csv dialect", "write `format = \"csv\"`"));
    };
    let (lines, encoding) = Lines::open(request, LineEnds::Any, progress)?;
    let start = Start::of(&lines, encoding, declared);
    let mut records = Records::new(lines, encoding, start.dialect, request.limits.row_max_bytes);
    let mut detected = start.detected(encoding);
    let mut landing = match &start.table.names {
        Some(names) => start_below(request, &start, names, &mut records)?,
        None if start.is_empty && declared.header.is_none() => Landing::create(request, &[])?,
        None => start_at_header(request, declared, &start, &mut records)?,
    };
    detected.columns = landing.columns();
    if start.table.names.is_none() && declared.header != Some(false) && detected.columns > 0 {
        // It was read like a declared one.
        (detected.header, detected.header_rows) = (true, 1);
    }
    let again = start.table.names.clone().filter(|_| start.table.header_rows == 1);
    while let Some(record) = records.next()? {
        match record.row {
            Row::Good if again.as_ref().is_some_and(|names| is_same(names, records.values())) => {
                landing.reject(record.place, records.raw(), header_again())?;
            }
            Row::Good => landing.keep(record.place, records.values())?,
            Row::Mended(values) => {
                detected.mended_rows += 1;
                landing.keep(record.place, values.iter().map(Option::as_deref))?;
            }
            Row::Bad(fault, raw) => landing.reject(record.place, raw, fault)?,
        }
    }
    let counts = landing.close()?;
    write(request, &detected)?;
    Ok(counts)
}

/// What the start of a file tells.
struct Start {
    dialect: Dialect,
    table: Table,
    /// Whether the file has blank lines only, or none.
    is_empty: bool,
}

impl Start {
    fn of(lines: &Lines<'_>, encoding: &'static Encoding, declared: &CsvDialect) -> Self {
        let ahead = lines.ahead();
        let bytes = &ahead[..ahead.len().min(SAMPLE_BYTES)];
        let is_whole = lines.is_at_end() && bytes.len() == ahead.len();
        let text = match encoding {
            e if e == UTF_8 => String::from_utf8_lossy(bytes),
            other => Cow::Owned(other.decode_without_bom_handling(bytes).0.into_owned()),
        };
        let sample = Sample::new(&text, is_whole);
        let is_told = declared.delimiter.is_some() && declared.quote.is_some();
        let found = if is_told {
            Dialect::PLAIN
        } else {
            tell(&sample, declared.delimiter)
        };
        let dialect = found.with(declared);
        Self {
            dialect,
            table: find(&sample, dialect, declared).unwrap_or_default(),
            is_empty: is_whole && sample.lines.iter().all(|(line, _)| line.is_empty()),
        }
    }

    fn detected(&self, encoding: &'static Encoding) -> Detected {
        Detected {
            encoding: encoding.name(),
            delimiter: char::from(self.dialect.delimiter),
            quote: self.dialect.quote.map(char::from),
            escape: match self.dialect.inner {
                Inner::Escaped(escape) => Some(char::from(escape)),
                _ => None,
            },
            bare_quotes: self.dialect.inner == Inner::Bare,
            trim_left: self.dialect.is_padded,
            header: self.table.header_rows > 0,
            header_rows: self.table.header_rows,
            skip_lines: self.table.skip_lines,
            columns: 0,
            mended_rows: 0,
        }
    }

    /// What is wrong with a line above the rows: a row of another table, or a header with too few names. A title, which
    /// is no row, is passed over.
    fn above(&self, line: usize, raw: &[u8]) -> Option<Fault> {
        let fields = raw.split(|&byte| byte == self.dialect.delimiter);
        let filled = fields.filter(|field| !field.trim_ascii().is_empty()).count();
        let is_row = line < self.table.skip_lines && filled > 1 && self.dialect.delimiter != b' ';
        if is_row {
            let hint = "it stands above the table and is not of it; move it into a file of its own";
            return Some(Fault::new("other_table", hint));
        }
        let found = self.table.names_found.filter(|_| line == self.table.skip_lines)?;
        Some(short_header(found, self.table.width))
    }

    fn mender(&self, width: usize) -> Mender {
        let kinds = if self.table.width == width {
            self.table.kinds.clone()
        } else {
            Vec::new()
        };
        Mender::new(self.dialect, kinds)
    }
}

/// Starts below a header that was found (or at the first row, where there is none).
fn start_below<'r>(
    request: &'r LandRequest<'_>,
    start: &Start,
    names: &[String],
    records: &mut Records<'_>,
) -> Result<Landing<'r>> {
    let table = &start.table;
    let columns = tidy(names, table.width);
    check_names(request, &columns, Some(table.skip_lines as i64 + 1))?;
    let mut landing = Landing::create(request, &columns)?;
    let mut line = 0;
    while line < table.body_line && !records.is_at_end() {
        let (place, raw) = records.skip_line()?;
        if let Some(fault) = start.above(line, &raw) {
            landing.reject(place, raw, fault)?;
        }
        line += 1;
    }
    records.expect(table.width, start.mender(table.width));
    Ok(landing)
}

/// Starts at a header that is declared, or with the columns that are.
fn start_at_header<'r>(
    request: &'r LandRequest<'_>,
    declared: &CsvDialect,
    start: &Start,
    records: &mut Records<'_>,
) -> Result<Landing<'r>> {
    let mut line = 0;
    while line < start.table.skip_lines.max(declared.skip_lines.unwrap_or(0)) && !records.is_at_end() {
        records.skip_line()?;
        line += 1;
    }
    let columns = if declared.header == Some(false) {
        check_names(request, &declared.columns, None)?;
        declared.columns.clone()
    } else {
        read_header(request, records)?
    };
    records.expect(columns.len(), start.mender(columns.len()));
    Landing::create(request, &columns)
}

fn read_header(request: &LandRequest<'_>, records: &mut Records<'_>) -> Result<Vec<String>> {
    let Some(header) = records.next()? else {
        return Err(request.empty());
    };
    let line = Some(header.place.line);
    if let Row::Bad(fault, _) = header.row {
        let message = format!("the header cannot be read (rule `{}`)", fault.rule);
        return Err(request.wrong(line, message, fault.hint));
    }
    let columns: Vec<String> = records
        .values()
        .map(|name| name.unwrap_or_default().to_owned())
        .collect();
    check_names(request, &columns, line)?;
    Ok(columns)
}

/// Whether the values are the names of the columns.
fn is_same<'t>(names: &[String], mut values: impl Iterator<Item = Option<&'t str>>) -> bool {
    names.len() > 1
        && names
            .iter()
            .all(|name| values.next().flatten().is_some_and(|value| value.trim() == name))
}

fn header_again() -> Fault {
    Fault::new(
        "header",
        "the header comes again, as where files were joined; leave it out where the file is made",
    )
}

fn short_header(found: usize, width: usize) -> Fault {
    let hint = format!(
        "the header has {found} names and the rows have {width} fields: the last columns are named by their number, and \
         names may stand over the wrong columns; mend it, or write `header = false` and `columns = [...]`"
    );
    Fault::new("header", hint)
}

fn write(request: &LandRequest<'_>, detected: &Detected) -> Result<()> {
    let path = request.out.join(DIALECT_FILE);
    let json = serde_json::to_vec_pretty(detected).unwrap_or_default();
    fs::write(&path, json).map_err(Error::file(&path))
}
