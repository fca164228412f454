//! Splits one csv record into fields (RFC 4180, with any delimiter and quote), line after line. It decides what the
//! record says; what to make of a wrong one is decided in `csv`.

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
    delimiter: u8,
    quote: u8,
    data: Vec<u8>,
    /// End of each field in `data`, and whether it was quoted.
    ends: Vec<(usize, bool)>,
    is_open: bool,
    has_late_quote: bool,
}

impl Fields {
    pub(super) fn new(delimiter: u8, quote: u8) -> Self {
        Self {
            delimiter,
            quote,
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
                match rest.split_first() {
                    Some((first, behind)) if *first == self.quote => rest = behind,
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
        // Most fields are short: a plain loop over them is faster than a vector search.
        let (field, behind) = match rest.iter().position(|&byte| byte == self.delimiter) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        self.has_late_quote |= field.last() == Some(&self.quote);
        self.data.extend_from_slice(field);
        self.ends.push((self.data.len(), false));
        behind
    }

    /// Takes the (rest of a) field within quotes.
    fn quoted<'l>(&mut self, mut rest: &'l [u8]) -> Closed<'l> {
        self.is_open = true;
        while let Some(at) = find_either(rest, self.quote, self.quote) {
            self.data.extend_from_slice(&rest[..at]);
            match rest.get(at + 1) {
                Some(&byte) if byte == self.quote => self.data.push(self.quote),
                Some(&byte) if byte == self.delimiter => {
                    self.close();
                    return Closed::Field(&rest[at + 2..]);
                }
                Some(_) => return Closed::Broken,
                None => {
                    self.close();
                    return Closed::Last;
                }
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

    /// Where in [`Self::data`] each field is: start, end, and whether it is null (empty and without quotes).
    pub(super) fn spans(&self) -> impl Iterator<Item = (usize, usize, bool)> {
        let mut start = 0;
        self.ends.iter().map(move |&(end, is_quoted)| {
            let from = std::mem::replace(&mut start, end);
            (from, end, from == end && !is_quoted)
        })
    }
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
