//! Rows that are not written as the dialect says, and that only one reading makes sense of. Such a reading has the right
//! number of fields and, in each column that holds one kind of value (at least two must), a value of that kind. Where two
//! readings do, or none, the row is a reject: what is meant is not guessed.

use super::dialect::Dialect;
use super::kinds::ColumnKind;

/// Columns of one kind of value without which nothing is mended: fewer would fit by chance.
const TYPED_MIN: usize = 2;
/// A longer line is not looked at.
const LINE_MAX_BYTES: usize = 64 * 1024;
/// Places of a stray quote that are tried.
const PLACES_MAX: usize = 32;

/// A value for each column; none is null.
pub(super) type Values = Vec<Option<String>>;

/// A field and whether quotes stood around it.
type Read = (String, bool);

/// Mends rows of one table.
#[derive(Debug)]
pub(super) struct Mender {
    dialect: Dialect,
    kinds: Vec<ColumnKind>,
}

impl Mender {
    pub(super) fn new(dialect: Dialect, kinds: Vec<ColumnKind>) -> Self {
        Self { dialect, kinds }
    }

    /// The row with another number of fields, if one reading makes sense of it. Empty fields too many at its end are
    /// left out in any case: nothing is lost.
    pub(super) fn fields(&self, fields: &[Read], width: usize) -> Option<Values> {
        let mut readings = Vec::new();
        let is_empty = |field: &Read| field.0.is_empty() && !field.1;
        if fields.len() > width {
            let (kept, rest) = fields.split_at(width);
            if rest.iter().all(is_empty) && (!self.is_sure() || self.fits(kept, None)) {
                readings.push(kept.to_vec());
            }
            if fields.len() == width + 1 && self.is_sure() {
                for at in (0..width).filter(|&at| is_empty(&fields[at])) {
                    let mut without = fields.to_vec();
                    without.remove(at);
                    readings.extend(Some(without).filter(|without| self.fits(without, None)));
                }
            }
        } else if self.is_sure() && fields.len() + 1 == width {
            let mut padded = fields.to_vec();
            padded.push((String::new(), false));
            readings.extend(Some(padded).filter(|padded| self.fits(padded, None)));
        }
        only(readings)
    }

    /// The line with a quote too many, if one reading makes sense of it.
    pub(super) fn quotes(&self, line: &str, width: usize) -> Option<Values> {
        let mark = self.dialect.quote?;
        if !self.is_sure() || line.len() > LINE_MAX_BYTES {
            return None;
        }
        let bytes = line.as_bytes();
        let starts = |&at: &usize| bytes[at] == mark && (at == 0 || bytes[at - 1] == self.dialect.delimiter);
        let places = (0..bytes.len()).filter(starts).take(PLACES_MAX);
        let read = |literal: Option<usize>| {
            let fields = self.leniently(line, literal)?;
            (fields.len() == width && self.fits(&fields, Some(char::from(mark)))).then_some(fields)
        };
        // Where every field that starts with a quote ends with one, the stray one is within: that reading goes first.
        let readings = read(None).map_or_else(
            || places.filter_map(|place| read(Some(place))).collect(),
            |first| vec![first],
        );
        only(readings)
    }

    /// Whether a value contradicts what is known of its column.
    pub(super) fn contradicts<'t>(&self, values: impl Iterator<Item = &'t str>) -> bool {
        self.is_sure()
            && self
                .kinds
                .iter()
                .zip(values)
                .any(|(column, value)| column.kind.is_some() && !column.fits(value))
    }

    fn is_sure(&self) -> bool {
        self.kinds.iter().filter(|column| column.kind.is_some()).count() >= TYPED_MIN
    }

    /// Whether each value can be one of its column; a stray quote does not count.
    fn fits(&self, fields: &[Read], stray: Option<char>) -> bool {
        let is_fit = |(column, (text, _)): (&ColumnKind, &Read)| match stray {
            Some(mark) => column.fits(text.trim_matches(mark)),
            None => column.fits(text),
        };
        self.kinds.len() == fields.len() && self.kinds.iter().zip(fields).all(is_fit)
    }

    /// Reads a line where a quote with text behind it is data, and so is the one that starts a field at `literal`; none
    /// if a quote stays open, or if the field at `literal` is the last (then it may be the start of a longer value).
    fn leniently(&self, line: &str, literal: Option<usize>) -> Option<Vec<Read>> {
        let mark = char::from(self.dialect.quote?);
        let delimiter = char::from(self.dialect.delimiter);
        let mut fields = Vec::new();
        let mut start = 0;
        loop {
            let rest = &line[start..];
            let is_quoted = rest.starts_with(mark) && literal != Some(start);
            let (text, taken) = if is_quoted {
                let end = closing(rest, mark, delimiter)?;
                (
                    rest[1..end].replace(&format!("{mark}{mark}"), &mark.to_string()),
                    end + 1,
                )
            } else {
                let end = rest.find(delimiter).unwrap_or(rest.len());
                (rest[..end].to_owned(), end)
            };
            let is_last = taken == rest.len();
            if is_last && literal == Some(start) {
                return None;
            }
            fields.push((text, is_quoted));
            if is_last {
                return Some(fields);
            }
            start += taken + 1;
        }
    }
}

/// Where the quote stands that closes the field at the start of `rest`: before a delimiter or the end.
fn closing(rest: &str, mark: char, delimiter: char) -> Option<usize> {
    let mut at = 1;
    loop {
        at += rest[at..].find(mark)?;
        let behind = &rest[at + 1..];
        if behind.is_empty() || behind.starts_with(delimiter) {
            return Some(at);
        }
        at += if behind.starts_with(mark) { 2 } else { 1 };
    }
}

/// The one reading there is.
fn only(mut readings: Vec<Vec<Read>>) -> Option<Values> {
    readings.dedup();
    let reading = readings.pop().filter(|_| readings.is_empty())?;
    let value = |(text, is_quoted): Read| (is_quoted || !text.is_empty()).then_some(text);
    Some(reading.into_iter().map(value).collect())
}
