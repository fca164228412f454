//! Rows out: the input's own columns, then the answers. Floats are written in the shortest form that reads back to the
//! same bits.

use std::io::{self, Write};
use std::path::PathBuf;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use deskmill_models::rows::value_at;
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use super::Format;
use super::place::{self, Out, Partial, Place};
use super::read::Chunk;
use crate::error::{Error, Result};
use crate::rejects::{write_error, writer_properties};

/// A Parquet row group is ended when it holds so many bytes, however few its rows.
const ROW_GROUP_MAX_BYTES: usize = 128 << 20;

/// An output that is being written.
pub(super) struct Writer {
    path: PathBuf,
    schema: SchemaRef,
    rows: RowsOut,
    /// None for standard output.
    partial: Option<Partial>,
}

enum RowsOut {
    Csv(Out),
    /// With the column names as JSON texts.
    Jsonl(Out, Vec<String>),
    Parquet(Box<ArrowWriter<Out>>),
}

impl Writer {
    /// Opens the output; the schema is that of the whole rows.
    pub(super) fn create(place: &Place, format: Format, schema: SchemaRef) -> Result<Self> {
        let path = place.output_path();
        let (mut out, partial) = place::create(place)?;
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let rows = match format {
            Format::Csv => {
                write_csv_line(&mut out, names.map(|name| Some(name.to_owned()))).map_err(Error::file(&path))?;
                RowsOut::Csv(out)
            }
            Format::Jsonl => RowsOut::Jsonl(out, names.map(|name| Value::from(name).to_string()).collect()),
            Format::Parquet => {
                let writer = ArrowWriter::try_new(out, schema.clone(), Some(writer_properties()));
                RowsOut::Parquet(Box::new(writer.map_err(|error| write_error(&path, error))?))
            }
        };
        Ok(Self {
            path,
            schema,
            rows,
            partial,
        })
    }

    /// Writes the rows of a chunk with their answers.
    pub(super) fn write(&mut self, chunk: &Chunk, answers: &RecordBatch) -> Result<()> {
        if answers.num_rows() != chunk.rows.num_rows() {
            let message = format!("{} answers for {} rows", answers.num_rows(), chunk.rows.num_rows());
            return Err(deskmill_models::Error::Table {
                place: "predict".into(),
                message,
            }
            .into());
        }
        let inputs = if chunk.objects.is_some() {
            &[]
        } else {
            chunk.rows.columns()
        };
        let columns: Vec<&ArrayRef> = inputs.iter().chain(answers.columns()).collect();
        match &mut self.rows {
            RowsOut::Csv(out) => {
                let mut rows = 0..answers.num_rows();
                rows.try_for_each(|row| write_csv_line(out, columns.iter().map(|column| csv_value(column, row))))
                    .map_err(Error::file(&self.path))
            }
            RowsOut::Jsonl(out, names) => {
                // Where the objects stand for the inputs, the names of the answers are the last ones.
                let names = &names[names.len() - columns.len()..];
                let mut rows = 0..answers.num_rows();
                rows.try_for_each(|row| {
                    let object = chunk.objects.as_ref().and_then(|objects| objects.get(row));
                    write_object(
                        out,
                        object.map_or(&[], Vec::as_slice),
                        names,
                        columns.iter().map(|c| value_at(c, row)),
                    )
                })
                .map_err(Error::file(&self.path))
            }
            RowsOut::Parquet(writer) => {
                let failed = |error: &dyn std::fmt::Display| write_error(&self.path, error);
                let options = RecordBatchOptions::new().with_row_count(Some(answers.num_rows()));
                let columns = columns.into_iter().cloned().collect();
                let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options);
                writer
                    .write(&rows.map_err(|error| failed(&error))?)
                    .map_err(|error| failed(&error))?;
                if writer.in_progress_size() > ROW_GROUP_MAX_BYTES {
                    writer.flush().map_err(|error| failed(&error))?;
                }
                Ok(())
            }
        }
    }

    /// Writes what is held back; a file appears under its name.
    pub(super) fn finish(self) -> Result<()> {
        let mut out = match self.rows {
            RowsOut::Csv(out) | RowsOut::Jsonl(out, _) => out,
            RowsOut::Parquet(writer) => writer.into_inner().map_err(|error| write_error(&self.path, error))?,
        };
        out.flush().map_err(Error::file(&self.path))?;
        self.partial.map_or(Ok(()), Partial::appear)
    }
}

/// A value as csv text; none for null. Lists are JSON; what JSON cannot say (infinities) is written in words.
fn csv_value(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    if *column.data_type() == DataType::Utf8 {
        return Some(column.as_string::<i32>().value(row).to_owned());
    }
    Some(match value_at(column, row) {
        Value::String(text) => text,
        Value::Null => {
            let options = FormatOptions::default();
            ArrayFormatter::try_new(column, &options).map_or_else(|_| String::new(), |f| f.value(row).to_string())
        }
        other => other.to_string(),
    })
}

/// An empty text is quoted: nothing between two commas is null.
fn write_csv_line(out: &mut Out, values: impl Iterator<Item = Option<String>>) -> io::Result<()> {
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        match value {
            None => {}
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                write!(out, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Some(text) => out.write_all(text.as_bytes())?,
        }
    }
    out.write_all(b"\n")
}

/// One line of jsonl: members as they are written, then columns by name.
fn write_object(
    out: &mut Out,
    members: &[(String, String)],
    names: &[String],
    values: impl Iterator<Item = Value>,
) -> io::Result<()> {
    let mut before = "{";
    for (name, raw) in members {
        write!(out, "{before}{}:{raw}", Value::from(name.as_str()))?;
        before = ",";
    }
    for (name, value) in names.iter().zip(values) {
        write!(out, "{before}{name}:{value}")?;
        before = ",";
    }
    out.write_all(if before == "{" { b"{}\n" } else { b"}\n" })
}
