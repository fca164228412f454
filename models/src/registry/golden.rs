//! Golden rows: a few inputs and what the model answered when it was published, in one Parquet file with columns
//! `in.X` and `out.X`. Replaying them proves that a loaded model is the one that was measured.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::names::GOLDEN_FILE;
use crate::error::{Error, Result};
use crate::kind::Model;

/// Bound on the rows of the file.
const ROWS_MAX: i64 = 10_000;
/// Bound on what the file says it unpacks to.
const UNPACKED_MAX_BYTES: i64 = 256 << 20;
/// How far a float may be off: other processors add in another order.
const FLOAT_TOLERANCE: f64 = 1e-6;
const INPUT: &str = "in.";
const OUTPUT: &str = "out.";

/// Inputs of a model and its answers to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// Rows that conform to the signature's inputs.
    pub inputs: RecordBatch,
    /// The answers, row by row.
    pub outputs: RecordBatch,
}

impl Golden {
    /// What `model` answers to `inputs` now.
    ///
    /// # Errors
    /// When the inputs do not conform to the model's signature.
    pub fn record(model: &dyn Model, inputs: RecordBatch) -> Result<Self> {
        let outputs = model.predict(&inputs)?;
        Ok(Self { inputs, outputs })
    }

    /// The bytes of a Parquet file; the same rows give the same bytes.
    ///
    /// # Errors
    /// When there are no rows, too many, or the two sides differ in length.
    pub fn to_parquet(&self) -> Result<Bytes> {
        let rows = self.inputs.num_rows();
        if rows != self.outputs.num_rows() || rows == 0 || rows as i64 > ROWS_MAX {
            let message = format!(
                "{rows} inputs and {} outputs; 1 to {ROWS_MAX} of both",
                self.outputs.num_rows()
            );
            return Err(Error::table(GOLDEN_FILE, message));
        }
        let mut fields = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (prefix, batch) in [(INPUT, &self.inputs), (OUTPUT, &self.outputs)] {
            for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                let name = format!("{prefix}{}", field.name());
                fields.push(Field::new(name, field.data_type().clone(), field.is_nullable()));
                columns.push(column.clone());
            }
        }
        let failed = |e: &dyn std::fmt::Display| Error::table(GOLDEN_FILE, e);
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|e| failed(&e))?;
        let compression = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).map_err(|e| failed(&e))?;
        writer.write(&batch).map_err(|e| failed(&e))?;
        writer.into_inner().map(Bytes::from).map_err(|e| failed(&e))
    }

    /// Reads what [`Self::to_parquet`] wrote. The file is not trusted.
    ///
    /// # Errors
    /// When it is not such a file, has no rows or too many.
    pub fn from_parquet(bytes: Bytes) -> Result<Self> {
        // The Parquet reader asserts what it should check (bit widths, say), so a hostile file can make it panic. It
        // shares nothing with us that could be left half-changed.
        let read = catch_unwind(AssertUnwindSafe(|| Self::read(bytes)));
        read.unwrap_or_else(|_| Err(Error::artifact(GOLDEN_FILE, "is not a Parquet file that can be read")))
    }

    fn read(bytes: Bytes) -> Result<Self> {
        let failed = |e: &dyn std::fmt::Display| Error::artifact(GOLDEN_FILE, e);
        // An arrow schema inside the file is not looked at: its decoder panics on damaged bytes. Parquet's own schema
        // tells every type a signature can have.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options).map_err(|e| failed(&e))?;
        let facts = reader.metadata();
        let rows = facts.file_metadata().num_rows();
        let unpacked = facts
            .row_groups()
            .iter()
            .fold(0i64, |sum, group| sum.saturating_add(group.total_byte_size()));
        if !(1..=ROWS_MAX).contains(&rows) || !(0..=UNPACKED_MAX_BYTES).contains(&unpacked) {
            let bound = format!("at most {ROWS_MAX} rows and {UNPACKED_MAX_BYTES} bytes");
            return Err(failed(&format!("{rows} rows in {unpacked} bytes; {bound}")));
        }
        let schema = reader.schema().clone();
        let batches = reader.build().map_err(|e| failed(&e))?;
        let batches: Vec<_> = batches.collect::<std::result::Result<_, _>>().map_err(|e| failed(&e))?;
        let batch = concat_batches(&schema, &batches).map_err(|e| failed(&e))?;
        Ok(Self {
            inputs: side(&batch, INPUT)?,
            outputs: side(&batch, OUTPUT)?,
        })
    }

    /// Asks `model` again. Text, numbers of rows and integers must be the same, floats within 1e-6.
    ///
    /// # Errors
    /// At the first answer that differs, with its row and column; texts are not shown.
    pub fn replay(&self, model: &dyn Model) -> Result<()> {
        let found = model.predict(&self.inputs)?;
        let names = |batch: &RecordBatch| -> Vec<String> {
            batch
                .schema_ref()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect()
        };
        let (expected_names, found_names) = (names(&self.outputs), names(&found));
        if expected_names != found_names || self.outputs.num_rows() != found.num_rows() {
            let message = format!(
                "answered {} rows of {found_names:?}; it was {} rows of {expected_names:?}",
                found.num_rows(),
                self.outputs.num_rows(),
            );
            return Err(Error::artifact(GOLDEN_FILE, message));
        }
        for ((name, expected), found) in expected_names.iter().zip(self.outputs.columns()).zip(found.columns()) {
            for row in 0..expected.len() {
                if let Some(difference) = difference(&expected.slice(row, 1), &found.slice(row, 1)) {
                    let place = format!("{GOLDEN_FILE} row {row}, column {name}");
                    return Err(Error::artifact(
                        place,
                        format!("the model answers differently now: {difference}"),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The columns of one side, under their own names.
fn side(batch: &RecordBatch, prefix: &str) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if let Some(name) = field.name().strip_prefix(prefix) {
            fields.push(Field::new(name, field.data_type().clone(), field.is_nullable()));
            columns.push(column.clone());
        }
    }
    if columns.is_empty() {
        return Err(Error::artifact(GOLDEN_FILE, format!("has no column `{prefix}...`")));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| Error::artifact(GOLDEN_FILE, e))
}

/// How two arrays differ, in words that tell no text; `None` if they are the same but for the tolerance.
fn difference(expected: &ArrayRef, found: &ArrayRef) -> Option<String> {
    if expected.data_type() != found.data_type() {
        return Some(format!(
            "expected {}, found {}",
            expected.data_type(),
            found.data_type()
        ));
    }
    if expected.len() != found.len() {
        return Some(format!("expected {} values, found {}", expected.len(), found.len()));
    }
    match expected.data_type() {
        DataType::Float64 => {
            let pairs = expected
                .as_primitive::<Float64Type>()
                .iter()
                .zip(found.as_primitive::<Float64Type>().iter());
            pairs
                .into_iter()
                .find(|(expected, found)| !close(*expected, *found))
                .map(|(expected, found)| {
                    let shown = |value: Option<f64>| value.map_or("null".to_owned(), |value| value.to_string());
                    format!("expected {}, found {}", shown(expected), shown(found))
                })
        }
        DataType::List(_) => (0..expected.len()).find_map(|row| match (expected.is_null(row), found.is_null(row)) {
            (true, true) => None,
            (false, false) => difference(
                &expected.as_list::<i32>().value(row),
                &found.as_list::<i32>().value(row),
            ),
            (expected, _) => Some(if expected { "expected null" } else { "found null" }.to_owned()),
        }),
        other if expected != found => Some(format!("another value of type {other}")),
        _ => None,
    }
}

fn close(expected: Option<f64>, found: Option<f64>) -> bool {
    match (expected, found) {
        (Some(expected), Some(found)) => {
            expected.total_cmp(&found).is_eq() || (expected - found).abs() <= FLOAT_TOLERANCE
        }
        (expected, found) => expected.is_none() && found.is_none(),
    }
}
