//! How the fields of a delimited file are cut, and what was told of it from the file's start.

use serde::Serialize;

use crate::project::{CsvDialect, Quote};

/// What was told of a csv file, beside its rows: a [`Detected`] as JSON.
pub const DIALECT_FILE: &str = "dialect.json";

/// How a quote that is data is written within quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Inner {
    /// Twice.
    Doubled,
    /// With this character before it (or twice); it also stands before a delimiter that is data, and before itself.
    Escaped(u8),
    /// As it is: only a quote before a delimiter or a line end closes the field.
    Bare,
}

/// How the fields of a record are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub delimiter: u8,
    /// None: a quote is data.
    pub quote: Option<u8>,
    pub inner: Inner,
    /// Whether spaces before a field are not part of it. With the delimiter space, many are one.
    pub is_padded: bool,
}

impl Dialect {
    /// RFC 4180, where nothing speaks for another.
    pub(super) const PLAIN: Self = Self {
        delimiter: b',',
        quote: Some(b'"'),
        inner: Inner::Doubled,
        is_padded: false,
    };

    /// With what is declared put in; what is not stays.
    pub(super) fn with(self, declared: &CsvDialect) -> Self {
        let quote = match declared.quote {
            None => self.quote,
            Some(Quote::None) => None,
            Some(Quote::Byte(byte)) => Some(byte),
        };
        // How quotes are escaped was told for the quote that was told.
        let inner = if declared.quote.is_some() {
            Inner::Doubled
        } else {
            self.inner
        };
        Self {
            delimiter: declared.delimiter.unwrap_or(self.delimiter),
            quote,
            inner: declared.escape.map_or(inner, Inner::Escaped),
            ..self
        }
    }
}

/// How a csv file was read: what was declared, and for the rest what was told from its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detected {
    /// The standard name of the encoding.
    pub encoding: &'static str,
    /// The character between two fields.
    pub delimiter: char,
    /// The character around fields; null: none.
    pub quote: Option<char>,
    /// The character before a quote that is data; null: such a quote is doubled, or bare (see [`Self::bare_quotes`]).
    pub escape: Option<char>,
    /// Whether quotes within quotes are neither doubled nor escaped.
    pub bare_quotes: bool,
    /// Whether spaces before a field are left out.
    pub trim_left: bool,
    /// Whether the table's first rows name the columns.
    pub header: bool,
    /// Rows of the header: the names in several are joined by a space.
    pub header_rows: usize,
    /// Lines above the table that are no rows.
    pub skip_lines: usize,
    /// Columns of the table.
    pub columns: usize,
    /// Rows that are not written as the dialect says and that only one reading makes sense of; they are kept in it.
    pub mended_rows: u64,
}
