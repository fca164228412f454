//! Arrow values as text, for the formats that have types: numbers and dates as written in SQL, times with a zone in UTC,
//! lists and structs as Arrow displays them, bytes if they are UTF-8. A value that cannot become text rejects its row.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::LandRequest;
use super::landing::{Fault, Landing};
use super::lines::Place;
use crate::error::{Error, Result};

/// Lands batches, one behind the other.
pub(super) struct Batches<'a> {
    request: &'a LandRequest<'a>,
    names: Vec<String>,
    landing: Landing<'a>,
    /// Rows so far.
    rows: i64,
}

impl<'a> Batches<'a> {
    /// The names are checked already.
    pub(super) fn create(request: &'a LandRequest<'a>, names: Vec<String>) -> Result<Self> {
        Ok(Self {
            landing: Landing::create(request, &names)?,
            request,
            names,
            rows: 0,
        })
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> i64 {
        self.rows
    }

    /// Lands a batch; its text is held at once.
    pub(super) fn land(&mut self, batch: &RecordBatch) -> Result<()> {
        let texts = batch
            .columns()
            .iter()
            .map(to_text)
            .collect::<std::result::Result<Vec<_>, _>>();
        let texts = texts.map_err(|error| self.broken(&error))?;
        // Of a dictionary, an entry may be null; a column of nulls has no bits for them.
        let nulls: Vec<_> = batch.columns().iter().map(|column| column.logical_nulls()).collect();
        for index in 0..batch.num_rows() {
            self.rows += 1;
            let place = Place {
                line: self.rows,
                offset: -1,
            };
            match fault(self.request, &batch.schema(), (&texts, &nulls), index) {
                Some(fault) => self.landing.reject(place, shown(&self.names, &texts, index), fault)?,
                None => self.landing.keep(
                    place,
                    texts.iter().map(|text| text.is_valid(index).then(|| text.value(index))),
                )?,
            }
        }
        Ok(())
    }

    /// The error for a file that cannot be read from the next row on.
    pub(super) fn broken(&self, error: &dyn std::fmt::Display) -> Error {
        broken(self.request, Some(self.rows + 1), error)
    }

    /// Completes both files; gives the numbers of rows and rejects.
    pub(super) fn close(self) -> Result<(u64, u64)> {
        self.landing.close()
    }
}

/// The names of a schema's columns.
pub(super) fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// The error for a file that is not what its format says, from a row on where it is known.
pub(super) fn broken(request: &LandRequest<'_>, row: Option<i64>, error: &dyn std::fmt::Display) -> Error {
    let message = match row {
        Some(row) => format!("it cannot be read from row {row} on: {error}"),
        None => format!("it cannot be read: {error}"),
    };
    request.wrong(
        None,
        message,
        "make the file again, and check that it was copied to its end",
    )
}

/// What is wrong with a row.
fn fault(
    request: &LandRequest<'_>,
    schema: &Schema,
    (texts, nulls): (&[StringArray], &[Option<NullBuffer>]),
    row: usize,
) -> Option<Fault> {
    let mut row_bytes = 0;
    for (index, text) in texts.iter().enumerate() {
        if text.is_null(row) {
            if nulls[index].as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let field = schema.field(index);
            let fault = match field.data_type() {
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Fault::encoding("UTF-8"),
                other => Fault::new(
                    "cast",
                    format!("this {other} cannot be written as text; leave it out or mend it"),
                ),
            };
            return Some(Fault {
                column: Some(field.name().clone()),
                ..fault
            });
        }
        let value = text.value(row);
        row_bytes += value.len();
        if value.as_bytes().contains(&0) {
            return Some(Fault {
                column: Some(schema.field(index).name().clone()),
                ..Fault::nul()
            });
        }
    }
    let row_max_bytes = request.limits.row_max_bytes;
    (row_bytes > row_max_bytes).then(|| Fault::too_long(row_max_bytes))
}

/// A rejected row as one JSON object, for a Parquet row has no bytes of its own.
fn shown(names: &[String], texts: &[StringArray], row: usize) -> Vec<u8> {
    let values = names.iter().zip(texts).map(|(name, text)| {
        let value = text.is_valid(row).then(|| text.value(row));
        (name.clone(), value.into())
    });
    serde_json::Value::Object(values.collect()).to_string().into_bytes()
}

/// A column as text; null where it is null or cannot be text.
fn to_text(column: &ArrayRef) -> std::result::Result<StringArray, ArrowError> {
    let options = CastOptions {
        safe: true,
        format_options: FormatOptions::default(),
    };
    let kind = column.data_type();
    if let DataType::Timestamp(unit, Some(_)) = kind {
        // The same instants; names of zones would need a zone database.
        let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
        let column = cast_with_options(column, &utc, &options)?;
        return Ok(cast_with_options(&column, &DataType::Utf8, &options)?
            .as_string::<i32>()
            .clone());
    }
    if !kind.is_nested() && can_cast_types(kind, &DataType::Utf8) {
        return Ok(cast_with_options(column, &DataType::Utf8, &options)?
            .as_string::<i32>()
            .clone());
    }
    let formatter = ArrayFormatter::try_new(column, &options.format_options)?;
    let shown = |row| {
        column
            .is_valid(row)
            .then(|| formatter.value(row).try_to_string().ok())
            .flatten()
    };
    Ok((0..column.len()).map(shown).collect())
}
