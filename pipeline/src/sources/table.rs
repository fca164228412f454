//! Where the table stands in a delimited file: the lines above it, its header, its width, and what its columns hold.
//! All of it is told from the start of the file; a header that is damaged is read if there is one way to read it.

use super::dialect::Dialect;
use super::kinds::{ColumnKind, Kind};
use super::sample::{Record, Sample};
use super::wrangle::width;
use crate::project::CsvDialect;

/// Rows of a header, at most.
const HEADER_ROWS_MAX: usize = 4;

/// A table, as it was found.
#[derive(Debug, Default, Clone)]
pub(super) struct Table {
    /// Lines above its header (or its first row, if it has none).
    pub skip_lines: usize,
    /// Lines above its first row.
    pub body_line: usize,
    /// What is in its header; none if it has none, or if it is yet to be read.
    pub names: Option<Vec<String>>,
    /// Rows of the header.
    pub header_rows: usize,
    /// Fields of a row.
    pub width: usize,
    /// What the columns hold; empty if too little is known.
    pub kinds: Vec<ColumnKind>,
    /// Names that the header has, where they are fewer than the fields of a row.
    pub names_found: Option<usize>,
}

/// Finds the table of a sample; none if there is no record to tell it from.
pub(super) fn find(sample: &Sample<'_>, dialect: Dialect, declared: &CsvDialect) -> Option<Table> {
    let skipped = declared.skip_lines.unwrap_or(0);
    let records = sample.records(dialect, skipped)?;
    let first = records.first()?;
    let width = if declared.header == Some(false) {
        declared.columns.len()
    } else {
        table_width(&records)?
    };
    let is_row = |record: &Record| !record.is_broken && record.cells.len() == width;
    let start = match declared.skip_lines {
        Some(_) => 0,
        None => records
            .iter()
            .position(|record| is_row(record) && !is_preamble(record, &records))
            .unwrap_or(0),
    };
    let body = || records[start..].iter().skip(1).filter(|record| is_row(record));
    let kinds: Vec<ColumnKind> = (0..width)
        .map(|column| ColumnKind::of(body().filter_map(|record| record.texts().nth(column))))
        .collect();
    let mut table = Table {
        skip_lines: records[start].line,
        body_line: records[start].line,
        width,
        kinds,
        ..Table::default()
    };
    // A header whose rows are all behind the sample is read like a declared one.
    let is_known = sample.is_whole() || records.len() > start + HEADER_ROWS_MAX;
    match declared.header {
        Some(true) => {}
        None if !is_known => {}
        Some(false) => (table.skip_lines, table.body_line) = (skipped, first.line.max(skipped)),
        None => table.name(sample, dialect, &records, start),
    }
    Some(table)
}

/// The number of fields of the table: that of most records, but the first one's own if enough others share it.
fn table_width(records: &[Record]) -> Option<usize> {
    let most = width(records)?;
    let first = records.iter().find(|record| !record.is_broken)?.cells.len();
    let like_first = records
        .iter()
        .filter(|record| !record.is_broken && record.cells.len() == first)
        .count();
    Some(if most == 1 || like_first * 3 >= records.len() {
        first
    } else {
        most
    })
}

/// A title with delimiters behind it, or delimiters alone, above a table.
fn is_preamble(record: &Record, records: &[Record]) -> bool {
    let width = record.cells.len();
    let is_fuller = |other: &Record| other.cells.len() == width && other.filled() > 1;
    width >= 3 && record.filled() <= 1 && records.iter().any(is_fuller)
}

impl Table {
    /// Finds the header at or above the first record of the table's width.
    fn name(&mut self, sample: &Sample<'_>, dialect: Dialect, records: &[Record], start: usize) {
        let first = &records[start];
        let above = start.checked_sub(1).map(|above| &records[above]);
        if self.is_header(first) {
            let damaged = above.filter(|above| self.typed() == 0 && self.may_be_header(above));
            if damaged.is_none() {
                return self.name_by(records, start);
            }
        }
        self.names = Some(Vec::new());
        let Some(above) = above else { return };
        let Some(names) = self.mend_header(sample, dialect, above) else {
            return;
        };
        self.names_found = (names.len() < self.width).then_some(names.len());
        self.skip_lines = above.line;
        self.header_rows = 1;
        self.names = Some(names);
    }

    /// Takes the names of the header that starts at a record. Rows below that are as unlike the rows as it is belong to it.
    fn name_by(&mut self, records: &[Record], start: usize) {
        let is_more = |record: &&Record| {
            self.typed() >= 2
                && !record.is_broken
                && record.cells.len() == self.width
                && record.filled() == self.width
                && self.fits(record) == 0
        };
        let rows: Vec<&Record> = records[start + 1..]
            .iter()
            .take(HEADER_ROWS_MAX - 1)
            .take_while(is_more)
            .collect();
        let mut names: Vec<String> = records[start].texts().map(|name| name.trim().to_owned()).collect();
        if names.len() != self.width {
            // The only record there is.
            self.width = names.len();
        }
        for row in &rows {
            for (name, more) in names.iter_mut().zip(row.texts()) {
                name.push(' ');
                name.push_str(more.trim());
            }
        }
        self.header_rows = 1 + rows.len();
        let last = rows.last().copied().unwrap_or(&records[start]);
        // A header may have line breaks in quotes: the next record says where it ends.
        let next = records.get(start + self.header_rows);
        self.body_line = next.map_or(usize::MAX, |next| next.line).max(last.line + 1);
        self.names = Some(names);
    }

    /// Columns that hold one kind of value.
    fn typed(&self) -> usize {
        self.kinds.iter().filter(|column| column.kind.is_some()).count()
    }

    /// Values of a record that are of their columns' kinds.
    fn fits(&self, record: &Record) -> usize {
        let pairs = self.kinds.iter().zip(record.texts());
        pairs
            .filter(|(column, text)| column.kind.is_some() && Kind::of(text) == column.kind)
            .count()
    }

    /// Whether a record of the table's width is unlike the rows; if nothing can tell, it is a header.
    fn is_header(&self, record: &Record) -> bool {
        let pairs = self.kinds.iter().zip(record.texts());
        let filled = pairs
            .filter(|(column, text)| column.kind.is_some() && !text.trim().is_empty())
            .count();
        filled == 0 || 2 * self.fits(record) < filled
    }

    /// Whether a record of another width may name the columns.
    fn may_be_header(&self, record: &Record) -> bool {
        let names = record.cells.len();
        names >= 2 && record.filled() >= 2 && names.abs_diff(self.width) <= (self.width / 4).max(1)
    }

    /// Names from a header that does not have one for each field: delimited by another character, with a stray quote,
    /// with empty names too many, or (the last resort) with names missing.
    fn mend_header(&self, sample: &Sample<'_>, dialect: Dialect, record: &Record) -> Option<Vec<String>> {
        let is_named = |names: &Vec<String>| {
            names.len() == self.width
                && names
                    .iter()
                    .all(|name| !name.trim().is_empty() && Kind::of(name).is_none())
        };
        let other = |delimiter: u8| {
            sample
                .line_as(Dialect { delimiter, ..dialect }, record.line)
                .filter(is_named)
        };
        if let Some(names) = [b',', b';', b'\t', b'|', b' '].into_iter().find_map(other) {
            return Some(names);
        }
        let unquoted = sample.line_as(Dialect { quote: None, ..dialect }, record.line);
        if let Some(names) = unquoted.filter(is_named) {
            let strip = |name: String| match (dialect.quote, name.as_bytes()) {
                (Some(mark), [first, .., last]) if *first == mark && *last == mark => {
                    name[1..name.len() - 1].to_owned()
                }
                _ => name,
            };
            return Some(names.into_iter().map(strip).collect());
        }
        if record.is_broken {
            return None;
        }
        let filled: Vec<String> = record
            .texts()
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        let is_short = self.may_be_header(record) && filled.len() == record.cells.len();
        let is_text = filled.iter().all(|name| Kind::of(name).is_none());
        (is_text && (filled.len() == self.width || (is_short && filled.len() < self.width))).then_some(filled)
    }
}
