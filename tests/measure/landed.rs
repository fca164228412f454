//! Lands one file of public data and reads its first row back from the Parquet file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::DataType;
use deskmill_pipeline::project::{Format, Limits, Read, SourceFile};
use deskmill_pipeline::sources::{LandRequest, ROWS_FILE, land};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Column to value of a file's first row; none if it has none.
pub fn land_one(path: &Path, format: Format) -> Option<BTreeMap<String, String>> {
    let out = tempfile::tempdir().ok()?;
    let file = SourceFile {
        relative: path.file_name()?.to_string_lossy().into_owned(),
        path: path.to_owned(),
        member: None,
    };
    let read = Read {
        pattern: String::new(),
        files: vec![file.clone()],
        csv: None,
        encoding: None,
        items: None,
        sheet: None,
    };
    let limits = Limits {
        memory_max_mib: 2048,
        row_max_bytes: 16 << 20,
        rejects_max_share: 1.0,
        threads_max: 1,
    };
    let request = LandRequest {
        source: "measured",
        format,
        read: &read,
        file: &file,
        file_id: 0,
        limits: &limits,
        out: out.path(),
        shared: None,
    };
    land(&request, &|_| ()).ok()?;
    let rows = File::open(out.path().join(ROWS_FILE)).ok()?;
    let batch = ParquetRecordBatchReaderBuilder::try_new(rows)
        .ok()?
        .build()
        .ok()?
        .next()?
        .ok()?;
    let schema = batch.schema();
    let texts = schema.fields().iter().enumerate().filter_map(|(index, field)| {
        let column = batch.column(index).as_string_opt::<i32>()?;
        let is_text = *field.data_type() == DataType::Utf8 && column.is_valid(0);
        is_text.then(|| (field.name().clone(), column.value(0).to_owned()))
    });
    Some(texts.collect())
}
