//! The rows of a table as they are written: at once, or set aside until it is known which of them are duplicates.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;

use super::clean::ROWS_FILE;
use super::seen::Bits;
use crate::engine::table_writer;
use crate::error::{Error, Result};
use crate::rejects::write_error;

/// The column of the rows set aside that says where their landed row is.
const PLACE: &str = "__place";

/// Writes the rows of a table.
pub(super) struct KeptRows {
    path: PathBuf,
    writer: ArrowWriter<File>,
    aside: Aside,
    /// Rows written so far.
    pub(super) count: u64,
}

/// Rows set aside, uncompressed, for they are read once and soon.
struct Aside {
    path: PathBuf,
    schema: SchemaRef,
    writer: Option<StreamWriter<BufWriter<File>>>,
}

impl KeptRows {
    /// Creates the file of a table in `out`; rows are set aside in `scratch`, which is made when it is needed.
    pub(super) fn create(out: &Path, scratch: &Path, schema: SchemaRef) -> Result<Self> {
        let path = out.join(ROWS_FILE);
        let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(PLACE, DataType::Int64, false)));
        Ok(Self {
            writer: table_writer(&path, schema)?,
            path,
            aside: Aside {
                path: scratch.join("rows.arrows"),
                schema: Arc::new(Schema::new(fields)),
                writer: None,
            },
            count: 0,
        })
    }

    /// Writes rows.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.count += rows.num_rows() as u64;
        self.writer.write(rows).map_err(|e| write_error(&self.path, e))
    }

    /// Sets rows aside; `places` say where their landed rows are.
    pub(super) fn set_aside(&mut self, rows: &RecordBatch, places: Vec<i64>) -> Result<()> {
        let Aside { path, schema, writer } = &mut self.aside;
        if writer.is_none() {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(Error::file(folder))?;
            }
            let file = BufWriter::new(File::create(&*path).map_err(Error::file(path))?);
            *writer = Some(StreamWriter::try_new(file, schema).map_err(|e| write_error(path, e))?);
        }
        let mut columns = rows.columns().to_vec();
        columns.push(Arc::new(Int64Array::from(places)) as ArrayRef);
        let written = RecordBatch::try_new(Arc::clone(schema), columns)
            .and_then(|batch| writer.as_mut().map_or(Ok(()), |writer| writer.write(&batch)));
        written.map_err(|e| write_error(path, e))
    }

    /// Writes the rows set aside but for the repeated ones, whose places are told to `repeated_at`; completes the file.
    pub(super) fn close(mut self, repeated: &Bits, mut repeated_at: impl FnMut(i64) -> Result<()>) -> Result<u64> {
        if let Some(mut writer) = self.aside.writer.take() {
            let path = self.aside.path.clone();
            let failed = |e: arrow::error::ArrowError| write_error(&path, e);
            writer.finish().map_err(failed)?;
            drop(writer);
            let file = BufReader::new(File::open(&path).map_err(Error::file(&path))?);
            let mut number = 0;
            for batch in StreamReader::try_new(file, None).map_err(failed)? {
                let mut batch = batch.map_err(failed)?;
                let places = batch.remove_column(batch.num_columns() - 1);
                let mut keep = Vec::with_capacity(batch.num_rows());
                for &place in places.as_primitive::<Int64Type>().values() {
                    keep.push(!repeated.has(number));
                    if repeated.has(number) {
                        repeated_at(place)?;
                    }
                    number += 1;
                }
                let kept = filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(failed)?;
                self.write(&kept)?;
            }
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
        self.writer.close().map_err(|e| write_error(&self.path, e))?;
        Ok(self.count)
    }
}
