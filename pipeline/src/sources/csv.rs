//! csv files. A record that is wrong is one reject; above all, a quote that is never closed costs its own line and not
//! the lines after it. Three signs tell such a quote from a value of several lines:
//! text behind the next quote; no closing quote within `row_max_bytes` or the file; or a wrong number of fields while a
//! later line is a good record by itself. Then the first line alone is rejected, and the next one is read afresh.
//! Blank lines are not rows. An empty field is null, a quoted empty one is the empty text.

use encoding_rs::{Encoding, UTF_8};

use super::LandRequest;
use super::columns::check_names;
use super::decode::decode;
use super::fields::{Fields, Step};
use super::landing::{Fault, Landing, TEXT_MAX_BYTES};
use super::lines::{Found, Line, LineEnds, Lines, Place};
use crate::error::Result;
use crate::project::{CsvDialect, Quote};
use crate::rejects::RAW_MAX_BYTES;

/// Reads a csv file; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let Some(dialect) = &request.read.csv else {
        return Err(request.wrong(None, "it has no csv dialect", "write `format = \"csv\"`"));
    };
    let (lines, encoding) = Lines::open(request, LineEnds::Any, progress)?;
    let delimiter = dialect.delimiter.unwrap_or(b',');
    let quote = match dialect.quote {
        Some(Quote::Byte(byte)) => byte,
        _ => b'"',
    };
    let mut records = Records {
        row_max_bytes: request.limits.row_max_bytes,
        fields: Fields::new(delimiter, quote),
        alone: Fields::new(delimiter, quote),
        is_text: true,
        lines,
        encoding,
        expected: None,
        doubt_until: 0,
    };
    let columns = read_columns(request, dialect, &mut records)?;
    records.expected = Some(columns.len());
    let mut landing = Landing::create(request, &columns)?;
    while let Some(record) = records.next()? {
        match record.fault {
            Some((fault, raw)) => landing.reject(record.place, raw, fault)?,
            None => landing.keep(record.place, records.values())?,
        }
    }
    landing.close()
}

fn read_columns(request: &LandRequest<'_>, dialect: &CsvDialect, records: &mut Records<'_>) -> Result<Vec<String>> {
    if dialect.header == Some(false) {
        check_names(request, &dialect.columns, None)?;
        return Ok(dialect.columns.clone());
    }
    let Some(header) = records.next()? else {
        return Err(request.empty());
    };
    let line = Some(header.place.line);
    if let Some((fault, _)) = header.fault {
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

/// One record of the file; its values are in [`Records::values`] until the next.
struct Record {
    place: Place,
    /// Why it is rejected, with its raw bytes, cut.
    fault: Option<(Fault, Vec<u8>)>,
}

/// The records of a file.
struct Records<'a> {
    lines: Lines<'a>,
    encoding: &'static Encoding,
    row_max_bytes: usize,
    /// Number of fields of a good record; unknown while the header is read.
    expected: Option<usize>,
    fields: Fields,
    /// Whether all of the record is text in [`Self::encoding`]; UTF-8 is looked at later.
    is_text: bool,
    /// For lines that are looked at by themselves.
    alone: Fields,
    /// Before this offset, a quote that ends a field may be the end of a value whose start was rejected. A good record
    /// takes the doubt away.
    doubt_until: i64,
}

/// The lines of a record, read.
struct Gathered {
    /// Whether it ends where a record can end; if not, its first line opens a quote that is never closed.
    is_complete: bool,
    /// Offset behind its last line, the line end left out.
    content_end: i64,
}

impl Records<'_> {
    /// The next record; none at the end of the file.
    fn next(&mut self) -> Result<Option<Record>> {
        let first = loop {
            self.lines.mark();
            let place = self.lines.place();
            match self.lines.next(self.row_max_bytes)? {
                None => return Ok(None),
                Some(Found::Line(line)) if line.content_end == line.place.offset => {}
                Some(Found::Line(line)) => break line,
                Some(Found::Long) => {
                    let raw = self.lines.start_of_long(RAW_MAX_BYTES).to_vec();
                    self.lines.skip_line()?;
                    return Ok(Some(Record {
                        place,
                        fault: Some((Fault::too_long(self.row_max_bytes), raw)),
                    }));
                }
            }
        };
        let behind_first = self.lines.place();
        let gathered = self.gather(first)?;
        let is_one_line = self.lines.place() == behind_first;
        let fault = if gathered.is_complete {
            self.fault(first.place)
        } else {
            None
        };
        let is_unclosed = match &fault {
            Some(fault) => fault.rule == "fields" && !is_one_line && self.has_record_within(behind_first),
            None => !gathered.is_complete,
        };
        let fault = if is_unclosed { Some(unclosed()) } else { fault };
        let Some(fault) = fault else {
            self.doubt_until = 0;
            return Ok(Some(Record {
                place: first.place,
                fault: None,
            }));
        };
        let mut end = gathered.content_end;
        if is_unclosed {
            self.doubt_until = end.saturating_add(self.row_max_bytes as i64);
            self.lines.rewind(behind_first);
            end = first.content_end;
        }
        let from = first.place.offset;
        let raw = self.lines.bytes(from, end.min(from + RAW_MAX_BYTES as i64)).to_vec();
        Ok(Some(Record {
            place: first.place,
            fault: Some((fault, raw)),
        }))
    }

    /// Feeds the lines of a record to [`Self::fields`], the first of which is read already.
    fn gather(&mut self, first: Line) -> Result<Gathered> {
        self.fields.clear();
        self.is_text = true;
        let mut line = first;
        loop {
            let content_end = line.content_end;
            let (text, is_text) = decode(self.encoding, self.lines.bytes(line.place.offset, content_end));
            self.is_text &= is_text;
            match self.fields.feed(&text, line.end) {
                Step::Done => {
                    return Ok(Gathered {
                        is_complete: true,
                        content_end,
                    });
                }
                Step::Broken => {
                    return Ok(Gathered {
                        is_complete: false,
                        content_end,
                    });
                }
                // So many fields over several lines are no value. The bound keeps the time linear in a file where each
                // line opens and closes quotes.
                Step::Open
                    if self
                        .expected
                        .is_some_and(|expected| self.fields.len() > 2 * expected + 16) =>
                {
                    return Ok(Gathered {
                        is_complete: false,
                        content_end,
                    });
                }
                Step::Open => {}
            }
            let read_bytes = (content_end - first.place.offset) as usize;
            line = match self.lines.next(self.row_max_bytes.saturating_sub(read_bytes))? {
                Some(Found::Line(line)) => line,
                Some(Found::Long) | None => {
                    return Ok(Gathered {
                        is_complete: false,
                        content_end,
                    });
                }
            };
        }
    }

    /// What is wrong with the complete record in [`Self::fields`].
    fn fault(&self, place: Place) -> Option<Fault> {
        let found = self.fields.len();
        if place.offset < self.doubt_until && self.fields.has_late_quote() {
            let hint =
                "it looks like the rest of the value that an earlier reject starts with; mend the quotes of that one";
            return Some(Fault::new("quote", hint));
        }
        if let Some(expected) = self.expected.filter(|&expected| expected != found) {
            let hint = format!(
                "{expected} fields are expected, {found} found; quote values that hold the delimiter, or check `delimiter`"
            );
            return Some(Fault::new("fields", hint));
        }
        if self.fields.data().len() > TEXT_MAX_BYTES {
            return Some(Fault::too_long(TEXT_MAX_BYTES));
        }
        if !self.is_text {
            return Some(Fault::encoding(self.encoding.name()));
        }
        // Only UTF-8 is unchecked here. A character that a delimiter cuts in two is not valid, even if the fields in one row look so.
        let is_text = str::from_utf8(self.fields.data())
            .is_ok_and(|text| self.fields.spans().all(|(_, end, _)| text.is_char_boundary(end)));
        if !is_text {
            return Some(Fault::encoding(UTF_8.name()));
        }
        self.fields.has_nul().then(Fault::nul)
    }

    /// Whether a line from `start` to the reader's place is a good record by itself.
    fn has_record_within(&mut self, start: Place) -> bool {
        let end = self.lines.place();
        self.lines.rewind(start);
        let mut is_found = false;
        // These lines are in the window: reading them again cannot fail.
        while let Ok(Some(Found::Line(line))) = self.lines.next(self.row_max_bytes) {
            let (text, _) = decode(self.encoding, self.lines.bytes(line.place.offset, line.content_end));
            self.alone.clear();
            let step = self.alone.feed(&text, line.end);
            let is_blank = text.is_empty();
            let is_whole = step == Step::Done && !self.alone.has_late_quote();
            is_found = is_whole && !is_blank && Some(self.alone.len()) == self.expected;
            if is_found || self.lines.place().offset >= end.offset {
                break;
            }
        }
        self.lines.rewind(end);
        is_found
    }

    /// The values of the record just read, if it is good.
    fn values(&self) -> impl Iterator<Item = Option<&str>> {
        let text = str::from_utf8(self.fields.data()).unwrap_or_default();
        self.fields
            .spans()
            .map(move |(from, to, is_null)| if is_null { None } else { text.get(from..to) })
    }
}

fn unclosed() -> Fault {
    let hint = "a quote opens in this line and is not closed where a value can end; write a quote within a value twice";
    Fault::new("quote", hint)
}
