//! Rows that can be read more than once, batch by batch.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{Error, Result};
use crate::kind::{Batches, Rows};

const BATCH_ROWS: usize = 8192;

/// Rows of a Parquet file, read anew each time: memory does not grow with the file.
#[derive(Debug)]
pub struct ParquetRows {
    path: PathBuf,
    schema: SchemaRef,
    count: u64,
}

impl ParquetRows {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// When it is missing or not Parquet.
    pub fn open(path: &Path) -> Result<Self> {
        let builder = reader(path)?;
        let count = builder.metadata().file_metadata().num_rows().try_into().unwrap_or(0);
        Ok(Self {
            path: path.to_owned(),
            schema: builder.schema().clone(),
            count,
        })
    }
}

fn reader(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| Error::table(path.display().to_string(), e))
}

impl Rows for ParquetRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn batches(&self) -> Result<Batches<'_>> {
        let place = self.path.display().to_string();
        let batches = reader(&self.path)?
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| Error::table(&place, e))?;
        Ok(Box::new(
            batches.map(move |batch| batch.map_err(|e| Error::table(&place, e))),
        ))
    }
}

/// Rows in memory.
#[derive(Debug)]
pub struct MemoryRows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl MemoryRows {
    /// Rows of batches that share a schema.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }
}

impl Rows for MemoryRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn count(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }

    fn batches(&self) -> Result<Batches<'_>> {
        Ok(Box::new(self.batches.iter().cloned().map(Ok)))
    }
}
