//! Examples as a fit reads them: batches with their columns checked and their texts prepared.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

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
    pub labels: Vec<String>,
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
        let texts = map_chunks(&raw, self.threads, prepare).concat();
        let labels: Option<Vec<String>> = self.texts(batch, "label")?.into_iter().collect();
        let labels = labels.ok_or_else(|| {
            self.problem(
                "column `label` holds nulls".into(),
                "leave such rows out: `where label is not null`",
            )
        })?;
        Ok(Part {
            texts,
            labels,
            weights: self.weights(batch)?,
        })
    }

    fn texts(&self, batch: &RecordBatch, name: &str) -> Result<Vec<Option<String>>> {
        let column = batch.column_by_name(name).ok_or_else(|| {
            self.problem(
                format!("there is no column `{name}`"),
                "an intent model learns from the columns `text` and `label`",
            )
        })?;
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
