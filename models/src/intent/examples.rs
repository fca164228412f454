//! Examples as a fit reads them: batches with their columns checked and their texts prepared.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::context;
use super::labels::RowLabels;
use crate::encode::map_chunks;
use crate::error::{Error, Result};
use crate::kind::Rows;
use crate::rows::weights;
use crate::text::Preparation;

/// Rows of examples with their columns checked.
pub(super) struct Source<'a> {
    pub rows: &'a dyn Rows,
    pub model: &'a str,
    pub threads: usize,
    /// Whether the texts and contexts are prepared already.
    pub is_prepared: bool,
}

/// Batches read from the file while others are worked on.
const READ_AHEAD: usize = 2;

/// A batch of rows, texts prepared.
pub(super) struct Part {
    pub texts: Vec<String>,
    /// What was said before each text; none without such a column.
    pub contexts: Option<Vec<String>>,
    pub labels: RowLabels,
    pub weights: Vec<f32>,
}

impl Part {
    /// As rows that give the same part again.
    pub(super) fn to_batch(&self) -> Result<RecordBatch> {
        let texts = |values: &[String]| -> ArrayRef { Arc::new(StringArray::from_iter_values(values)) };
        let weights: ArrayRef = Arc::new(Float32Array::from(self.weights.clone()));
        let mut columns = vec![
            ("text", texts(&self.texts)),
            ("label", self.labels.to_array()),
            ("weight", weights),
        ];
        if let Some(contexts) = &self.contexts {
            columns.push((context::COLUMN, texts(contexts)));
        }
        RecordBatch::try_from_iter(columns).map_err(|e| Error::table("prepared rows", e))
    }
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
        let batches = self.rows.batches()?;
        std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::sync_channel(READ_AHEAD);
            // Ends when all is read or nobody listens any more.
            scope.spawn(move || batches.into_iter().try_for_each(|batch| send.send(batch)));
            for batch in receive {
                visit(self.part(&batch?)?)?;
            }
            Ok(())
        })
    }

    fn part(&self, batch: &RecordBatch) -> Result<Part> {
        let raw: Vec<Option<String>> = self.texts(batch, "text")?;
        let prepare = |part: &[Option<String>]| -> Vec<String> {
            part.iter()
                .map(|value| Preparation::NOW.apply(value.as_deref().unwrap_or_default()))
                .collect()
        };
        let texts = if self.is_prepared {
            raw.into_iter().flatten().collect()
        } else {
            map_chunks(&raw, self.threads, prepare).into_iter().flatten().collect()
        };
        Ok(Part {
            texts,
            contexts: self.contexts(batch)?,
            labels: self.labels(batch)?,
            weights: weights(batch, self.model)?,
        })
    }

    fn contexts(&self, batch: &RecordBatch) -> Result<Option<Vec<String>>> {
        let Some(column) = batch.column_by_name(context::COLUMN) else {
            return Ok(None);
        };
        let raw = context::read(column)?;
        if self.is_prepared {
            return Ok(Some(raw));
        }
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
}
