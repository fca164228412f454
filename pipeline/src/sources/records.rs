//! The records of a csv file, one after the other: good ones, mended ones, and rejects with their reasons. What a quote
//! that is never closed costs is decided here (see `csv`).

use encoding_rs::{Encoding, UTF_8};

use super::decode::decode;
use super::dialect::{Dialect, Inner};
use super::fields::{Fields, Step};
use super::landing::{Fault, TEXT_MAX_BYTES};
use super::lines::{Found, Line, Lines, Place};
use super::mend::{Mender, Values as Mended};
use super::plain::Plain;
use crate::error::Result;
use crate::rejects::RAW_MAX_BYTES;

/// From so many records with one wrong number of fields in a row, they are of another table.
const OTHER_TABLE_ROWS: usize = 3;

/// One record of the file.
pub(super) struct Record {
    pub place: Place,
    pub row: Row,
}

/// What became of a record.
pub(super) enum Row {
    /// It is good; its values are in [`Records::values`] until the next.
    Good,
    /// Only one reading makes sense of it: this one.
    Mended(Mended),
    /// It is rejected; with its raw bytes, cut.
    Bad(Fault, Vec<u8>),
}

/// Where the record just read is.
#[derive(Debug, Clone, Copy)]
enum Held {
    /// In the window, from an offset on, so many bytes; its fields are in [`Records::plain`].
    Window(i64, usize),
    /// In [`Records::fields`].
    Fields,
}

/// The records of a file.
pub(super) struct Records<'a> {
    lines: Lines<'a>,
    encoding: &'static Encoding,
    row_max_bytes: usize,
    /// Number of fields of a good record; unknown while the header is read.
    expected: Option<usize>,
    /// For records without quotes; none where those need a closer look too.
    plain: Option<Plain>,
    held: Held,
    /// Offsets of the record just read, its last line end left out.
    span: (i64, i64),
    mender: Mender,
    /// Another number of fields, and how many records in a row had it.
    odd: (usize, usize),
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

impl<'a> Records<'a> {
    pub(super) fn new(lines: Lines<'a>, encoding: &'static Encoding, dialect: Dialect, row_max_bytes: usize) -> Self {
        let is_plain = encoding == UTF_8 && !dialect.is_padded && !matches!(dialect.inner, Inner::Escaped(_));
        Self {
            row_max_bytes,
            fields: Fields::new(dialect),
            alone: Fields::new(dialect),
            is_text: true,
            lines,
            encoding,
            expected: None,
            plain: is_plain.then(|| Plain::new(dialect.delimiter, dialect.quote)),
            held: Held::Fields,
            span: (0, 0),
            mender: Mender::new(dialect, Vec::new()),
            odd: (0, 0),
            doubt_until: 0,
        }
    }

    /// From here on good records have so many fields, and the mender knows what is in them.
    pub(super) fn expect(&mut self, width: usize, mender: Mender) {
        self.expected = Some(width);
        self.mender = mender;
    }

    /// Steps over a line; gives its place and its start.
    pub(super) fn skip_line(&mut self) -> Result<(Place, Vec<u8>)> {
        self.lines.mark();
        let place = self.lines.place();
        let raw = match self.lines.next(self.row_max_bytes)? {
            Some(Found::Line(line)) => {
                let end = line.content_end.min(place.offset + RAW_MAX_BYTES as i64);
                self.lines.bytes(place.offset, end).to_vec()
            }
            Some(Found::Long) => {
                let raw = self.lines.start_of_long(RAW_MAX_BYTES).to_vec();
                self.lines.skip_line()?;
                raw
            }
            None => Vec::new(),
        };
        Ok((place, raw))
    }

    /// Whether all of the file is read.
    pub(super) fn is_at_end(&self) -> bool {
        self.lines.is_at_end() && self.lines.ahead().is_empty()
    }

    /// The next record; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        if let Some(place) = self.next_plain() {
            return Ok(Some(Record { place, row: Row::Good }));
        }
        self.held = Held::Fields;
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
                    let row = Row::Bad(Fault::too_long(self.row_max_bytes), raw);
                    return Ok(Some(Record { place, row }));
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
        let place = first.place;
        self.span = (place.offset, gathered.content_end);
        let Some(fault) = fault else {
            self.doubt_until = 0;
            self.odd = (0, 0);
            return Ok(Some(Record { place, row: Row::Good }));
        };
        let fault = self.count_odd(fault);
        let mut end = gathered.content_end;
        if is_unclosed {
            self.doubt_until = end.saturating_add(self.row_max_bytes as i64);
            self.lines.rewind(behind_first);
            end = first.content_end;
        }
        if (is_unclosed || is_one_line)
            && let Some(values) = self.mend(&fault, first)
        {
            self.doubt_until = 0;
            return Ok(Some(Record {
                place,
                row: Row::Mended(values),
            }));
        }
        let from = place.offset;
        let raw = self.lines.bytes(from, end.min(from + RAW_MAX_BYTES as i64)).to_vec();
        Ok(Some(Record {
            place,
            row: Row::Bad(fault, raw),
        }))
    }

    /// The next record if it has no quotes and is good, which needs no second look at any byte.
    fn next_plain(&mut self) -> Option<Place> {
        let (Some(plain), Some(expected)) = (&mut self.plain, self.expected) else {
            return None;
        };
        self.lines.mark();
        let ahead = self.lines.ahead();
        let cut = plain.cut(ahead)?;
        let content = &ahead[..cut.content];
        let is_good = plain.ends().len() == expected
            && cut.content <= self.row_max_bytes.min(TEXT_MAX_BYTES)
            && !content.contains(&0)
            && str::from_utf8(content).is_ok();
        if !is_good {
            return None;
        }
        let place = self.lines.place();
        self.held = Held::Window(place.offset, cut.content);
        self.span = (place.offset, place.offset + cut.content as i64);
        self.lines.step(cut.total);
        self.doubt_until = 0;
        self.odd = (0, 0);
        Some(place)
    }

    /// Counts records with one wrong number of fields in a row; many are of another table.
    fn count_odd(&mut self, fault: Fault) -> Fault {
        if fault.rule != "fields" {
            return fault;
        }
        let found = self.fields.len();
        self.odd = if self.odd.0 == found {
            (found, self.odd.1 + 1)
        } else {
            (found, 1)
        };
        if self.odd.1 < OTHER_TABLE_ROWS {
            return fault;
        }
        let hint = format!(
            "rows of {found} fields one after the other: a second table begins above; move it into a file of its own ({})",
            fault.hint
        );
        Fault::new("other_table", hint)
    }

    /// The record that starts with a line and has a fault, if one reading makes sense of it.
    fn mend(&self, fault: &Fault, first: Line) -> Option<Mended> {
        let expected = self.expected?;
        let (text, is_text) = decode(self.encoding, self.lines.bytes(first.place.offset, first.content_end));
        let text = str::from_utf8(&text)
            .ok()
            .filter(|text| is_text && !text.contains('\0'))?;
        match fault.rule {
            // The second of its kind is no slip.
            "fields" if self.odd.1 == 1 => {
                let data = str::from_utf8(self.fields.data()).ok()?;
                let cell = |(from, to, is_quoted)| Some((data.get(from..to)?.to_owned(), is_quoted));
                let fields = self.fields.cells().map(cell).collect::<Option<Vec<_>>>()?;
                self.mender
                    .fields(&fields, expected)
                    .or_else(|| self.mender.quotes(text, expected))
            }
            "quote" => self.mender.quotes(text, expected),
            _ => None,
        }
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
        if self.fields.has_late_quote() && self.has_slipped() {
            let hint = "a quote stands in the middle of a field, and the values are not those of their columns: a delimiter may \
                        be missing before the quote";
            return Some(Fault::new("quote", hint));
        }
        if self.fields.data().len() > TEXT_MAX_BYTES {
            return Some(Fault::too_long(TEXT_MAX_BYTES));
        }
        if !self.is_text {
            return Some(Fault::encoding(self.encoding.name()));
        }
        // Only UTF-8 is unchecked here. A character that a delimiter cuts in two is not valid, even if the fields in one row look so.
        let is_text = str::from_utf8(self.fields.data())
            .is_ok_and(|text| self.fields.cells().all(|(_, end, _)| text.is_char_boundary(end)));
        if !is_text {
            return Some(Fault::encoding(UTF_8.name()));
        }
        self.fields.has_nul().then(Fault::nul)
    }

    /// Whether the values of the complete record in [`Self::fields`] are not what its columns hold.
    fn has_slipped(&self) -> bool {
        let text = |(from, to, _)| str::from_utf8(&self.fields.data()[from..to]).unwrap_or_default();
        self.mender.contradicts(self.fields.cells().map(text))
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

    /// The raw bytes of the record just read, if it is good; cut.
    pub(super) fn raw(&self) -> Vec<u8> {
        let (from, end) = self.span;
        self.lines.bytes(from, end.min(from + RAW_MAX_BYTES as i64)).to_vec()
    }

    /// The values of the record just read, if it is good.
    pub(super) fn values(&self) -> Values<'_> {
        let (bytes, ends, gap) = match (self.held, &self.plain) {
            (Held::Window(from, bytes), Some(plain)) => (self.lines.bytes(from, from + bytes as i64), plain.ends(), 1),
            _ => (self.fields.data(), self.fields.ends(), 0),
        };
        Values {
            text: str::from_utf8(bytes).unwrap_or_default(),
            ends,
            start: 0,
            gap,
        }
    }
}

/// The values of a record; none is null.
pub(super) struct Values<'r> {
    text: &'r str,
    /// End of each, and whether it was quoted.
    ends: &'r [(usize, bool)],
    start: usize,
    /// Bytes between two values.
    gap: usize,
}

impl<'r> Iterator for Values<'r> {
    type Item = Option<&'r str>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&(end, is_quoted), rest) = self.ends.split_first()?;
        self.ends = rest;
        let from = std::mem::replace(&mut self.start, end + self.gap);
        if from == end && !is_quoted {
            Some(None)
        } else {
            Some(self.text.get(from..end))
        }
    }
}

fn unclosed() -> Fault {
    let hint = "a quote opens in this line and is not closed where a value can end; write a quote within a value twice";
    Fault::new("quote", hint)
}
