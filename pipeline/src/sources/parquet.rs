//! Parquet files. Their values become text as the other formats have it: numbers and dates as written in SQL, times with
//! a zone in UTC, lists and structs as Arrow displays them, bytes if they are UTF-8. A value that cannot become text
//! rejects its row; a file that is not whole Parquet cannot be read at all.

use std::fs::File;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::LandRequest;
use super::columns::check_names;
use super::landing::{BATCH_BYTES, BATCH_ROWS, Fault, Landing};
use super::lines::Place;
use crate::error::{Error, Result};

/// Reads a Parquet file; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let path = &request.file.path;
    let file = File::open(path).map_err(Error::file(path))?;
    let file_bytes = file.metadata().map_err(Error::file(path))?.len();
    if file_bytes == 0 {
        return Err(request.empty());
    }
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(request, None, &error))?;
    let metadata = builder.metadata();
    let all_rows = metadata.file_metadata().num_rows().max(1) as u64;
    let text_bytes: i64 = metadata.row_groups().iter().map(|group| group.total_byte_size()).sum();
    let row_bytes = (text_bytes.max(0) as u64 / all_rows).max(1);
    let batch_rows = (BATCH_BYTES as u64 / row_bytes).clamp(1, BATCH_ROWS as u64) as usize;
    let names: Vec<String> = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    check_names(request, &names, None)?;
    let reader = builder
        .with_batch_size(batch_rows)
        .build()
        .map_err(|error| broken(request, None, &error))?;

    let mut landing = Landing::create(request, &names)?;
    let mut row: i64 = 0;
    for batch in reader {
        let batch = batch.map_err(|error| broken(request, Some(row + 1), &error))?;
        let texts = batch
            .columns()
            .iter()
            .map(to_text)
            .collect::<std::result::Result<Vec<_>, _>>();
        let texts = texts.map_err(|error| broken(request, Some(row + 1), &error))?;
        for index in 0..batch.num_rows() {
            row += 1;
            let place = Place { line: row, offset: -1 };
            match fault(request, &batch, &texts, index) {
                Some(fault) => landing.reject(place, shown(&names, &texts, index), fault)?,
                None => landing.keep(
                    place,
                    texts.iter().map(|text| text.is_valid(index).then(|| text.value(index))),
                )?,
            }
        }
        // How far the reader is in the file is not known; how far it is in the rows is.
        progress((u128::from(file_bytes) * u128::from(row as u64) / u128::from(all_rows)) as u64);
    }
    landing.close()
}

fn broken(request: &LandRequest<'_>, row: Option<i64>, error: &dyn std::fmt::Display) -> Error {
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
fn fault(request: &LandRequest<'_>, batch: &RecordBatch, texts: &[StringArray], row: usize) -> Option<Fault> {
    let mut row_bytes = 0;
    for (index, text) in texts.iter().enumerate() {
        if text.is_null(row) {
            if batch.column(index).is_null(row) {
                continue;
            }
            let field = batch.schema_ref().field(index);
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
                column: Some(batch.schema_ref().field(index).name().clone()),
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
