//! Rows kept in a temporary file, so that what was done to them once need not be done again.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::error::{Error, Result};
use crate::kind::{Batches, Rows};

const PLACE: &str = "rows in a temporary file";

/// Takes batches of one schema into a file without a name in the system's folder for temporary files (`TMPDIR`).
pub struct KeepRows {
    writer: StreamWriter<BufWriter<File>>,
    schema: SchemaRef,
    count: u64,
}

/// Rows that [`KeepRows`] took. They go when this does, also when the process is killed.
pub struct KeptRows {
    file: File,
    schema: SchemaRef,
    count: u64,
}

impl KeepRows {
    /// A file without rows.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(schema: SchemaRef) -> Result<Self> {
        let file = tempfile::tempfile().map_err(failed)?;
        let writer = StreamWriter::try_new(BufWriter::new(file), &schema);
        Ok(Self {
            writer: writer.map_err(|e| Error::table(PLACE, e))?,
            schema,
            count: 0,
        })
    }

    /// Appends a batch.
    ///
    /// # Errors
    /// When its schema is another or the file cannot be written.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.count += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|e| Error::table(PLACE, e))
    }

    /// All of them, to be read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> Result<KeptRows> {
        let writer = self.writer.into_inner().map_err(|e| Error::table(PLACE, e))?;
        Ok(KeptRows {
            file: writer.into_inner().map_err(|e| failed(e.into_error()))?,
            schema: self.schema,
            count: self.count,
        })
    }
}

impl Rows for KeptRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn count(&self) -> u64 {
        self.count
    }

    /// One reading at a time: they share the place in the file.
    fn batches(&self) -> Result<Batches<'_>> {
        let mut file = self.file.try_clone().map_err(failed)?;
        file.rewind().map_err(failed)?;
        let reader = StreamReader::try_new(BufReader::new(file), None).map_err(|e| Error::table(PLACE, e))?;
        Ok(Box::new(reader.map(|batch| batch.map_err(|e| Error::table(PLACE, e)))))
    }
}

fn failed(source: std::io::Error) -> Error {
    Error::File {
        path: std::env::temp_dir(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use std::sync::Arc;

    #[test]
    fn come_back_as_often_as_asked() {
        let batch = |texts: Vec<Option<&str>>| {
            let text: ArrayRef = Arc::new(StringArray::from(texts));
            RecordBatch::try_from_iter_with_nullable([("text", text, true)]).unwrap()
        };
        let batches = [batch(vec![Some("a"), None]), batch(vec![Some("退款")])];
        let mut keep = KeepRows::new(batches[0].schema()).unwrap();
        batches.iter().for_each(|batch| keep.push(batch).unwrap());
        let kept = keep.finish().unwrap();
        assert_eq!(kept.count(), 3);
        for _ in 0..2 {
            let read: Vec<RecordBatch> = kept.batches().unwrap().map(Result::unwrap).collect();
            assert_eq!(read, batches);
        }
    }
}
