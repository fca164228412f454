//! Rows out without a model: batches of one schema in the formats of batch scoring.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};

use super::read::{At, Chunk};
use super::write::Writer;
use super::{Format, Place};
use crate::error::Result;

/// An output of plain rows that is being written. A file appears when it is finished.
pub(crate) struct RowsWriter(Writer);

impl RowsWriter {
    /// Opens the output.
    pub(crate) fn create(place: &Place, format: Format, schema: SchemaRef) -> Result<Self> {
        Writer::create(place, format, schema).map(Self)
    }

    /// Writes rows of its schema.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let none = RecordBatch::try_new_with_options(Schema::empty().into(), Vec::new(), &options);
        let chunk = Chunk {
            rows: rows.clone(),
            objects: None,
            at: At::Row(1),
        };
        let none = none.map_err(|e| crate::rejects::write_error("rows".as_ref(), e))?;
        self.0.write(&chunk, &none)
    }

    /// Writes what is held back.
    pub(crate) fn finish(self) -> Result<()> {
        self.0.finish()
    }
}
