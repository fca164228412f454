//! Examples as a fit reads them: features, levels and weights of all rows, in memory.

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::levels::{Levels, names};
use crate::error::{Error, Result};
use crate::kind::Rows;
use crate::table::{Encoded, TableEncoder};

/// Columns that are not features.
pub(super) const OWN_COLUMNS: [&str; 7] = ["label", "time", "entity", "weight", "split", "id", "_row"];

/// Rows ready to be learned from.
#[derive(Default)]
pub(super) struct Part {
    pub encoded: Encoded,
    /// The place of each row's level.
    pub levels: Vec<u32>,
    pub weights: Vec<f32>,
}

/// How rows are read.
pub(super) struct Reading<'a> {
    pub encoder: &'a TableEncoder,
    pub levels: &'a Levels,
    pub model: &'a str,
    pub threads: usize,
    /// Every so-many-th row is taken, from the first.
    pub every: usize,
}

impl Reading<'_> {
    /// Reads all rows.
    ///
    /// # Errors
    /// When a column is missing or a weight is no number above 0.
    pub(super) fn read(&self, rows: &dyn Rows) -> Result<Part> {
        let mut part = Part::default();
        let mut place = 0;
        for batch in rows.batches()? {
            let batch = batch?;
            let taken: Vec<u32> = (0..batch.num_rows())
                .filter(|row| (place + row) % self.every == 0)
                .map(|row| row as u32)
                .collect();
            place += batch.num_rows();
            let batch = if self.every == 1 {
                batch
            } else {
                let taken = UInt32Array::from(taken);
                arrow::compute::take_record_batch(&batch, &taken).map_err(|e| Error::table("examples", e))?
            };
            self.append(&batch, &mut part)?;
        }
        Ok(part)
    }

    fn append(&self, batch: &RecordBatch, part: &mut Part) -> Result<()> {
        part.encoded.append(self.encoder.read(batch, self.threads)?);
        let labels = batch
            .column_by_name("label")
            .ok_or_else(|| Error::table("column `label`", "is missing"))?;
        let level = |label: Option<String>| label.and_then(|label| self.levels.place(&label)).unwrap_or(0) as u32;
        part.levels.extend(names(labels)?.into_iter().map(level));
        part.weights.extend(self.weights(batch)?);
        Ok(())
    }

    fn weights(&self, batch: &RecordBatch) -> Result<Vec<f32>> {
        let Some(column) = batch.column_by_name("weight") else {
            return Ok(vec![1.0; batch.num_rows()]);
        };
        let column = cast(column, &DataType::Float64).map_err(|e| Error::table("column `weight`", e))?;
        let column = column.as_primitive::<Float64Type>();
        let valid = column.null_count() == 0 && column.values().iter().all(|w| *w > 0.0 && w.is_finite());
        if !valid {
            return Err(Error::Examples {
                model: self.model.into(),
                message: "column `weight` holds a null or a value not above 0".into(),
                hint: "leave such rows out".into(),
            });
        }
        Ok(column.values().iter().map(|w| *w as f32).collect())
    }
}
