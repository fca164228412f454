//! The start of a delimited file, read in one dialect or another to see which makes sense of it.

use super::dialect::Dialect;
use super::fields::{Fields, Step};

/// The most records that are looked at.
const RECORDS_MAX: usize = 500;
/// Lines of one record; a longer one opens a quote that is never closed.
const RECORD_LINES_MAX: usize = 200;
/// How often the sample may be read over (quotes that are not closed are read again) before a dialect is given up.
const PASSES_MAX: usize = 6;

/// A record of the sample.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Its first line, from 0.
    pub line: usize,
    /// Its cells; those of a broken record are as far as they go.
    pub cells: Vec<Cell>,
    /// Whether its quotes cannot be made sense of. It is one line then.
    pub is_broken: bool,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub text: String,
    pub is_quoted: bool,
}

impl Record {
    /// Cells with something in them.
    pub(super) fn filled(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.text.trim().is_empty()).count()
    }

    /// The texts of its cells.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(|cell| cell.text.as_str())
    }
}

/// The lines of a sample, with their ends.
pub(super) struct Sample<'t> {
    pub lines: Vec<(&'t str, &'static str)>,
    bytes: usize,
    is_whole: bool,
}

impl<'t> Sample<'t> {
    /// Of a text from the start of a file; a last line without an end is left out if the file goes on.
    pub(super) fn new(text: &'t str, is_whole: bool) -> Self {
        let mut lines = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['\n', '\r']) {
            let end = match &rest.as_bytes()[at..] {
                [b'\r', b'\n', ..] => "\r\n",
                [b'\r', ..] => "\r",
                _ => "\n",
            };
            lines.push((&rest[..at], end));
            rest = &rest[at + end.len()..];
        }
        if !rest.is_empty() && (is_whole || lines.is_empty()) {
            lines.push((rest, ""));
        }
        Self {
            lines,
            bytes: text.len(),
            is_whole,
        }
    }

    /// Whether the file ends with the sample.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The records in a dialect, from a line on, blank lines left out; none if it would take too long to tell.
    pub(super) fn records(&self, dialect: Dialect, from: usize) -> Option<Vec<Record>> {
        let mut fields = Fields::new(dialect);
        let mut records = Vec::new();
        let mut budget = self.bytes.saturating_mul(PASSES_MAX);
        let mut line = from;
        while line < self.lines.len() && records.len() < RECORDS_MAX {
            if self.lines[line].0.is_empty() {
                line += 1;
                continue;
            }
            let (behind, is_complete, read_bytes) = self.record(&mut fields, line);
            budget = budget.checked_sub(read_bytes)?;
            // The last record may go on behind the sample.
            if !self.is_whole && !is_complete && behind == self.lines.len() && records.len() > 1 {
                break;
            }
            records.push(Record {
                line,
                cells: cells(&fields),
                is_broken: !is_complete,
            });
            line = if is_complete { behind } else { line + 1 };
        }
        Some(records)
    }

    /// Reads the record that starts in a line; gives the line behind it, whether it is complete, and its bytes.
    fn record(&self, fields: &mut Fields, line: usize) -> (usize, bool, usize) {
        fields.clear();
        let mut read_bytes = 0;
        let last = self.lines.len().min(line + RECORD_LINES_MAX);
        for (at, (text, end)) in self.lines[..last].iter().enumerate().skip(line) {
            read_bytes += text.len() + end.len();
            match fields.feed(text.as_bytes(), end) {
                Step::Done => return (at + 1, true, read_bytes),
                Step::Broken => return (at + 1, false, read_bytes),
                Step::Open => {}
            }
        }
        (last, false, read_bytes)
    }

    /// One line as a record by itself; none if its quotes are not in order.
    pub(super) fn line_as(&self, dialect: Dialect, line: usize) -> Option<Vec<String>> {
        let (text, end) = self.lines.get(line)?;
        let mut fields = Fields::new(dialect);
        let is_done = fields.feed(text.as_bytes(), end) == Step::Done;
        is_done.then(|| cells(&fields).into_iter().map(|cell| cell.text).collect())
    }
}

fn cells(fields: &Fields) -> Vec<Cell> {
    let cell = |(from, to, is_quoted)| Cell {
        text: String::from_utf8_lossy(&fields.data()[from..to]).into_owned(),
        is_quoted,
    };
    fields.cells().map(cell).collect()
}
