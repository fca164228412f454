//! Splits one csv record into fields (RFC 4180, and the dialects beside it), line after line. It decides what the record
//! says; what to make of a wrong one is decided in `csv`.

use super::dialect::{Dialect, Inner};
use super::lines::find_either;

/// How a record stands after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It ends with this line.
    Done,
    /// A quote is open: the next line belongs to it.
    Open,
    /// Text stands behind a closing quote. What is meant cannot be known.
    Broken,
}

/// The fields of one record, unquoted, in one buffer that is used again for the next.
#[derive(Debug)]
pub(super) struct Fields {
    dialect: Dialect,
    data: Vec<u8>,
    /// End of each field in `data`, and whether it was quoted.
    ends: Vec<(usize, bool)>,
    is_open: bool,
    has_late_quote: bool,
}

impl Fields {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            data: Vec::new(),
            ends: Vec::new(),
            is_open: false,
            has_late_quote: false,
        }
    }

    /// Starts the next record.
    pub(super) fn clear(&mut self) {
        self.data.clear();
        self.ends.clear();
        self.is_open = false;
        self.has_late_quote = false;
    }

    /// Adds a line; `end` is its line end, which is data within quotes.
    pub(super) fn feed(&mut self, line: &[u8], end: &str) -> Step {
        let mut rest = line;
        let mut is_quoted = self.is_open;
        loop {
            if !is_quoted {
                if self.dialect.is_padded {
                    rest = without_spaces(rest);
                }
                match rest.split_first() {
                    Some((first, behind)) if self.dialect.quote == Some(*first) => rest = behind,
                    _ => match self.plain(rest) {
                        Some(behind) => {
                            rest = behind;
                            continue;
                        }
                        None => return Step::Done,
                    },
                }
            }
            is_quoted = false;
            match self.quoted(rest) {
                Closed::Field(behind) => rest = behind,
                Closed::Last => return Step::Done,
                Closed::Broken => return Step::Broken,
                Closed::NotYet => {
                    self.data.extend_from_slice(end.as_bytes());
                    return Step::Open;
                }
            }
        }
    }

    /// Takes a field without quotes around it; gives what stands behind its delimiter.
    fn plain<'l>(&mut self, rest: &'l [u8]) -> Option<&'l [u8]> {
        if let Inner::Escaped(escape) = self.dialect.inner {
            return self.plain_escaped(rest, escape);
        }
        // Most fields are short: a plain loop over them is faster than a vector search.
        let (field, behind) = match rest.iter().position(|&byte| byte == self.dialect.delimiter) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        self.has_late_quote |= field
            .last()
            .copied()
            .is_some_and(|last| self.dialect.quote == Some(last));
        self.data.extend_from_slice(field);
        self.ends.push((self.data.len(), false));
        behind
    }

    /// The same where a delimiter may be escaped.
    fn plain_escaped<'l>(&mut self, mut rest: &'l [u8], escape: u8) -> Option<&'l [u8]> {
        loop {
            let Some(at) = find_either(rest, self.dialect.delimiter, escape) else {
                self.has_late_quote |= rest
                    .last()
                    .copied()
                    .is_some_and(|last| self.dialect.quote == Some(last));
                self.data.extend_from_slice(rest);
                self.ends.push((self.data.len(), false));
                return None;
            };
            self.data.extend_from_slice(&rest[..at]);
            if rest[at] == self.dialect.delimiter {
                self.ends.push((self.data.len(), false));
                return Some(&rest[at + 1..]);
            }
            rest = self.escaped(&rest[at..]);
        }
    }

    /// Takes an escape and what it stands before; gives the rest. Before anything that needs no escape it is data.
    fn escaped<'l>(&mut self, rest: &'l [u8]) -> &'l [u8] {
        let taken = match rest.get(1) {
            Some(&byte) if byte == rest[0] || byte == self.dialect.delimiter || self.dialect.quote == Some(byte) => {
                self.data.push(byte);
                2
            }
            _ => {
                self.data.push(rest[0]);
                1
            }
        };
        &rest[taken..]
    }

    /// Takes the (rest of a) field within quotes.
    fn quoted<'l>(&mut self, mut rest: &'l [u8]) -> Closed<'l> {
        self.is_open = true;
        let Dialect {
            delimiter,
            quote: Some(quote),
            inner,
            ..
        } = self.dialect
        else {
            return Closed::NotYet;
        };
        let stop = if let Inner::Escaped(escape) = inner {
            escape
        } else {
            quote
        };
        while let Some(at) = find_either(rest, quote, stop) {
            self.data.extend_from_slice(&rest[..at]);
            if rest[at] != quote {
                rest = self.escaped(&rest[at..]);
                continue;
            }
            match rest.get(at + 1) {
                Some(&byte) if byte == delimiter => {
                    self.close();
                    return Closed::Field(&rest[at + 2..]);
                }
                None => {
                    self.close();
                    return Closed::Last;
                }
                Some(_) if inner == Inner::Bare => {
                    self.data.push(quote);
                    rest = &rest[at + 1..];
                    continue;
                }
                Some(&byte) if byte == quote => self.data.push(quote),
                Some(_) => return Closed::Broken,
            }
            rest = &rest[at + 2..];
        }
        self.data.extend_from_slice(rest);
        Closed::NotYet
    }

    fn close(&mut self) {
        self.is_open = false;
        self.ends.push((self.data.len(), true));
    }

    /// Number of complete fields.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether a quote ends a field that none begins. It is data (`5"`), unless there is cause for doubt.
    pub(super) fn has_late_quote(&self) -> bool {
        self.has_late_quote
    }

    /// Whether there is a NUL.
    pub(super) fn has_nul(&self) -> bool {
        self.data.contains(&0)
    }

    /// The bytes of all fields.
    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    /// End of each field in [`Self::data`], and whether it was quoted.
    pub(super) fn ends(&self) -> &[(usize, bool)] {
        &self.ends
    }

    /// Where in [`Self::data`] each field is: start, end, and whether it was quoted.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, usize, bool)> {
        let mut start = 0;
        self.ends
            .iter()
            .map(move |&(end, is_quoted)| (std::mem::replace(&mut start, end), end, is_quoted))
    }
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&byte| byte == b' ').count();
    &text[spaces..]
}

/// How a quoted field goes on.
enum Closed<'l> {
    /// It ends; this stands behind its delimiter.
    Field(&'l [u8]),
    /// It ends with the line.
    Last,
    /// It does not end in this line.
    NotYet,
    /// Text stands behind its closing quote.
    Broken,
}
