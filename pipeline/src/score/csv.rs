//! csv rows (RFC 4180, UTF-8, a header): all columns are text; an empty field is null, a quoted empty one the empty text.
//! Strict, unlike the sources of a project: there a bad row is a reject, here it would be a row without an answer.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use deskmill_models::kind::Signature;

use super::read::{At, BATCH_MAX_BYTES, Chunk, Lines, RowReader};
use super::{check_has_inputs, wrong};
use crate::error::{Error, Result};

/// The rows of a csv text.
pub(super) struct CsvRows {
    lines: Lines,
    schema: SchemaRef,
    rows_max: usize,
    line: Vec<u8>,
    record: Record,
}

/// One record: its fields without their quotes, one behind the other.
#[derive(Default)]
struct Record {
    text: Vec<u8>,
    /// The end of each field in `text`, and whether it was quoted.
    ends: Vec<(usize, bool)>,
    /// Whether the field that is being read is quoted.
    is_quoted: bool,
    /// The line it starts in.
    line: u64,
}

/// Where in a record its next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a field.
    Start,
    /// In a field without quotes, where a quote is a character as others.
    Plain,
    /// Within quotes.
    Quoted,
    /// Behind a quote that closes a field, or is the first of two.
    Closed,
    /// Behind a carriage return, which only a line feed may follow.
    Return,
}

impl CsvRows {
    pub(super) fn open(lines: Lines, signature: &Signature, rows_max: usize) -> Result<Self> {
        let schema = Arc::new(Schema::empty());
        let mut rows = Self {
            lines,
            schema,
            rows_max,
            line: Vec::new(),
            record: Record::default(),
        };
        if !rows.read_record()? {
            let takes: Vec<&str> = signature.inputs.iter().map(|spec| spec.name.as_str()).collect();
            let hint = format!("its first line names the columns; the model takes {}", takes.join(", "));
            return Err(wrong(
                &rows.lines.name,
                "line 1",
                "it is empty, without even a header",
                hint,
            ));
        }
        let fields = rows.record.values().enumerate().map(|(at, name)| match name {
            Ok(name) => Ok(Field::new(name.unwrap_or_default(), DataType::Utf8, true)),
            Err(_) => Err(rows.not_utf8(&format!("the name of column {}", at + 1))),
        });
        rows.schema = Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
        check_has_inputs(
            &rows.lines.name,
            &format!("line {}", rows.record.line),
            &rows.schema,
            signature,
        )?;
        Ok(rows)
    }

    /// Reads the next record, if there is one. Blank lines are not records.
    fn read_record(&mut self) -> Result<bool> {
        self.record.text.clear();
        self.record.ends.clear();
        let mut state = State::Start;
        let mut held_bytes = 0;
        while self.lines.next(&mut self.line, held_bytes)? {
            if held_bytes == 0 {
                if matches!(self.line.as_slice(), b"\n" | b"\r\n" | b"\r" | b"") {
                    continue;
                }
                self.record.line = self.lines.line;
            }
            held_bytes += self.line.len();
            state = self
                .record
                .take(&self.line, state)
                .map_err(|(message, hint)| self.lines.wrong(message, hint))?;
            if state != State::Quoted {
                return Ok(true);
            }
        }
        if state == State::Quoted {
            let hint = "close the quote; within a quoted field, write a quote twice";
            return Err(self.wrong_record("a quote opens in this row and is never closed", hint));
        }
        Ok(false)
    }

    fn append(&self, columns: &mut [StringBuilder]) -> Result<()> {
        if self.record.ends.len() != columns.len() {
            let message = format!(
                "{} fields, and the header names {}",
                self.record.ends.len(),
                columns.len()
            );
            return Err(self.wrong_record(message, "quote fields that hold a comma or a line break"));
        }
        for (at, (column, value)) in columns.iter_mut().zip(self.record.values()).enumerate() {
            let value = value.map_err(|_| self.not_utf8(&format!("column `{}`", self.schema.field(at).name())))?;
            column.append_option(value);
        }
        Ok(())
    }

    fn wrong_record(&self, message: impl Into<String>, hint: impl Into<String>) -> Error {
        wrong(&self.lines.name, format!("line {}", self.record.line), message, hint)
    }

    fn not_utf8(&self, what: &str) -> Error {
        self.wrong_record(format!("{what} is not UTF-8 text"), "save the file as UTF-8")
    }
}

impl RowReader for CsvRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next(&mut self) -> Result<Option<Chunk>> {
        let mut columns: Vec<StringBuilder> = self.schema.fields().iter().map(|_| StringBuilder::new()).collect();
        let mut lines = Vec::new();
        let mut bytes = 0;
        while lines.len() < self.rows_max && bytes < BATCH_MAX_BYTES && self.read_record()? {
            self.append(&mut columns)?;
            lines.push(self.record.line);
            bytes += self.record.text.len();
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = columns
            .iter_mut()
            .map(|column| Arc::new(column.finish()) as ArrayRef)
            .collect();
        let rows = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| self.wrong_record(error.to_string(), "check the columns of the file"))?;
        Ok(Some(Chunk {
            rows,
            objects: None,
            at: At::Lines(lines),
        }))
    }
}

impl Record {
    /// Takes a line (the last may lack its line feed) and gives the state behind it: quoted if the record goes on.
    fn take(&mut self, line: &[u8], mut state: State) -> std::result::Result<State, (&'static str, &'static str)> {
        for &byte in line {
            state = match (state, byte) {
                (State::Quoted, b'"') => State::Closed,
                (State::Quoted, _) | (State::Closed, b'"') => {
                    self.text.push(byte);
                    State::Quoted
                }
                // The line ends, and with it the last field.
                (_, b'\n') => State::Start,
                (State::Return, _) => {
                    let hint = "end lines with a line feed, and quote fields that hold line breaks";
                    return Err(("a carriage return stands within the row", hint));
                }
                (_, b'\r') => State::Return,
                (_, b',') => {
                    self.end_field();
                    State::Start
                }
                (State::Start, b'"') => {
                    self.is_quoted = true;
                    State::Quoted
                }
                (State::Closed, _) => {
                    let hint = "within a quoted field, write a quote twice";
                    return Err(("text stands behind the closing quote of a field", hint));
                }
                (State::Start | State::Plain, _) => {
                    self.text.push(byte);
                    State::Plain
                }
            };
        }
        if state != State::Quoted {
            self.end_field();
        }
        Ok(state)
    }

    fn end_field(&mut self) {
        self.ends.push((self.text.len(), self.is_quoted));
        self.is_quoted = false;
    }

    /// The fields; none for null.
    fn values(&self) -> impl Iterator<Item = std::result::Result<Option<&str>, std::str::Utf8Error>> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        starts.zip(&self.ends).map(|(start, &(end, is_quoted))| {
            let value = str::from_utf8(&self.text[start..end])?;
            Ok((is_quoted || !value.is_empty()).then_some(value))
        })
    }
}
