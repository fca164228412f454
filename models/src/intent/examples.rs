//! Examples as a fit reads them: batches with their columns checked and their texts prepared.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::context;
use super::labels::RowLabels;
use crate::encode::map_chunks;
use crate::error::{Error, Result};
use crate::kind::Rows;
use crate::text::Preparation;

/// Rows of examples with their columns checked.
pub(super) struct Source<'a> {
    pub rows: &'a dyn Rows,
    pub model: &'a str,
    pub threads: usize,
}

/// A batch of rows, texts prepared.
pub(super) struct Part {
    pub texts: Vec<String>,
    /// What was said before each text; none without such a column.
    pub contexts: Option<Vec<String>>,
    pub labels: RowLabels,
    pub weights: Vec<f32>,
}

impl Source<'_> {
    pub(super) fn problem(&self, message: String, hint: &str) -> Error {
        Error::Examples {
            model: self.model.into(),
            message,
            hint: hint.into(),
        }
    }

    pub(super) fn for_each(&self, visit: &mut dyn FnMut(Part) -> Result<()>) -> Result<()> {
        for batch in self.rows.batches()? {
            visit(self.part(&batch?)?)?;
        }
        Ok(())
    }

    fn part(&self, batch: &RecordBatch) -> Result<Part> {
        let raw: Vec<Option<String>> = self.texts(batch, "text")?;
        let prepare = |part: &[Option<String>]| -> Vec<String> {
            part.iter()
                .map(|value| Preparation::NOW.apply(value.as_deref().unwrap_or_default()))
                .collect()
        };
        Ok(Part {
            texts: map_chunks(&raw, self.threads, prepare).concat(),
            contexts: self.contexts(batch)?,
            labels: self.labels(batch)?,
            weights: self.weights(batch)?,
        })
    }

    fn contexts(&self, batch: &RecordBatch) -> Result<Option<Vec<String>>> {
        let Some(column) = batch.column_by_name(context::COLUMN) else {
            return Ok(None);
        };
        let raw = context::read(column)?;
        let prepare = |part: &[String]| -> Vec<String> {
            part.iter()
                .map(|value| context::prepare(value, Preparation::NOW))
                .collect()
        };
        Ok(Some(map_chunks(&raw, self.threads, prepare).concat()))
    }

    /// The labels of a batch.
    pub(super) fn labels(&self, batch: &RecordBatch) -> Result<RowLabels> {
        RowLabels::read(self.column(batch, "label")?)?.ok_or_else(|| {
            self.problem(
                "column `label` holds nulls".into(),
                "leave such rows out: `where label is not null`",
            )
        })
    }

    fn column<'b>(&self, batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
        batch.column_by_name(name).ok_or_else(|| {
            self.problem(
                format!("there is no column `{name}`"),
                "an intent model learns from the columns `text` and `label`",
            )
        })
    }

    fn texts(&self, batch: &RecordBatch, name: &str) -> Result<Vec<Option<String>>> {
        let column = self.column(batch, name)?;
        let column = cast(column, &DataType::Utf8).map_err(|e| Error::table(format!("column `{name}`"), e))?;
        Ok(column
            .as_string::<i32>()
            .iter()
            .map(|value| value.map(str::to_owned))
            .collect())
    }

    fn weights(&self, batch: &RecordBatch) -> Result<Vec<f32>> {
        let Some(column) = batch.column_by_name("weight") else {
            return Ok(vec![1.0; batch.num_rows()]);
        };
        let column = cast(column, &DataType::Float64).map_err(|e| Error::table("column `weight`", e))?;
        let column = column.as_primitive::<Float64Type>();
        let valid = column.null_count() == 0 && column.values().iter().all(|w| *w > 0.0 && w.is_finite());
        if !valid {
            return Err(self.problem(
                "column `weight` holds a null or a value not above 0".into(),
                "leave such rows out",
            ));
        }
        Ok(column.values().iter().map(|w| *w as f32).collect())
    }
}
