//! jsonl files: one JSON object a line. The columns are all names of the file in the order of their first appearance,
//! which only a whole pass over it can tell: so it is read twice, and memory stays bounded. Blank lines are not rows.

use std::collections::HashMap;
use std::ops::Range;

use encoding_rs::{Encoding, UTF_8};

use super::LandRequest;
use super::columns::{COLUMNS_MAX, check_not_reserved, too_many};
use super::decode::decode;
use super::json_line::JsonLine;
use super::landing::{Fault, Landing, TEXT_MAX_BYTES};
use super::lines::{Found, LineEnds, Lines, Place};
use crate::error::Result;
use crate::rejects::RAW_MAX_BYTES;

/// Reads a jsonl file of so many bytes; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, file_bytes: u64, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    // Two passes are each half of the way.
    let first_half = |read_bytes: u64| progress(read_bytes / 2);
    let second_half = |read_bytes: u64| progress((file_bytes + read_bytes) / 2);
    let columns = read_columns(request, &first_half)?;
    let mut landing = Landing::create(request, &columns.names)?;
    let mut rows = Rows::open(request, &second_half)?;
    let mut values: Vec<Option<Range<usize>>> = vec![None; columns.names.len()];
    while let Some(row) = rows.next()? {
        if let Some((fault, raw)) = row.fault {
            landing.reject(row.place, raw, fault)?;
            continue;
        }
        values.fill(None);
        let mut guess = 0;
        for (name, value) in rows.json.fields() {
            // The first pass knew all names, so the file is another one by now.
            let index = columns.find(name, guess).ok_or_else(|| request.changed())?;
            values[index] = value;
            guess = index + 1;
        }
        landing.keep(
            row.place,
            values
                .iter()
                .map(|value| value.clone().map(|range| rows.json.value(range))),
        )?;
    }
    landing.close()
}

/// The names of all rows that will be kept.
fn read_columns(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<Columns> {
    let mut columns = Columns::default();
    let mut rows = Rows::open(request, progress)?;
    let mut is_empty = true;
    while let Some(row) = rows.next()? {
        is_empty = false;
        if row.fault.is_some() {
            continue;
        }
        let mut guess = 0;
        for (name, _) in rows.json.fields() {
            guess = 1 + match columns.find(name, guess) {
                Some(index) => index,
                None => {
                    let line = Some(row.place.line);
                    check_not_reserved(request, name, line)?;
                    if columns.names.len() == COLUMNS_MAX {
                        return Err(too_many(request, COLUMNS_MAX + 1, line));
                    }
                    columns.add(name)
                }
            };
        }
    }
    if is_empty { Err(request.empty()) } else { Ok(columns) }
}

/// Names and their places.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    index: HashMap<String, usize>,
}

impl Columns {
    /// The place of a name. Rows mostly have their names in one order, so the one behind the last found is a good guess.
    fn find(&self, name: &str, guess: usize) -> Option<usize> {
        match self.names.get(guess) {
            Some(guessed) if guessed == name => Some(guess),
            _ => self.index.get(name).copied(),
        }
    }

    fn add(&mut self, name: &str) -> usize {
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }
}

/// One row of the file; its fields are in [`Rows::json`] until the next.
struct Row {
    place: Place,
    /// Why it is rejected, with its raw bytes, cut.
    fault: Option<(Fault, Vec<u8>)>,
}

/// The rows of a file.
struct Rows<'a> {
    lines: Lines<'a>,
    encoding: &'static Encoding,
    row_max_bytes: usize,
    json: JsonLine,
}

impl<'a> Rows<'a> {
    fn open(request: &'a LandRequest<'a>, progress: &'a dyn Fn(u64)) -> Result<Self> {
        let (lines, encoding) = Lines::open(request, LineEnds::Lf, progress)?;
        Ok(Self {
            lines,
            encoding,
            row_max_bytes: request.limits.row_max_bytes,
            json: JsonLine::default(),
        })
    }

    /// The next row; none at the end of the file.
    fn next(&mut self) -> Result<Option<Row>> {
        loop {
            self.lines.mark();
            let place = self.lines.place();
            let line = match self.lines.next(self.row_max_bytes)? {
                None => return Ok(None),
                Some(Found::Line(line)) => line,
                Some(Found::Long) => {
                    let raw = self.lines.start_of_long(RAW_MAX_BYTES).to_vec();
                    self.lines.skip_line()?;
                    return Ok(Some(Row {
                        place,
                        fault: Some((Fault::too_long(self.row_max_bytes), raw)),
                    }));
                }
            };
            let raw = self.lines.bytes(place.offset, line.content_end);
            let (text, is_text) = decode(self.encoding, raw);
            if text.trim_ascii().is_empty() {
                continue;
            }
            let read = match str::from_utf8(&text) {
                _ if !is_text => Err(Fault::encoding(self.encoding.name())),
                Err(_) => Err(Fault::encoding(UTF_8.name())),
                Ok(_) if text.len() > TEXT_MAX_BYTES => Err(Fault::too_long(TEXT_MAX_BYTES)),
                Ok(text) => self.json.read(text),
            };
            let fault = read
                .err()
                .map(|fault| (fault, raw[..raw.len().min(RAW_MAX_BYTES)].to_vec()));
            return Ok(Some(Row { place, fault }));
        }
    }
}
