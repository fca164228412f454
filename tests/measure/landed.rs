//! What the measures share: public files in order, landed one by one, and read back from the Parquet that ingest writes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::DataType;
use deskmill_pipeline::project::{CsvDialect, Format, Limits, Read, SourceFile};
use deskmill_pipeline::sources::{LandRequest, Landed, ROWS_FILE, land};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// Lands a file of which nothing is said but its format. The folder with what came of it, and how many rows; none if the
/// file was refused as a whole.
pub fn land_file(path: &Path, format: Format, row_max_bytes: usize) -> Option<(TempDir, Landed)> {
    let out = tempfile::tempdir().ok()?;
    let file = SourceFile {
        relative: path.file_name()?.to_string_lossy().into_owned(),
        path: path.to_owned(),
        member: None,
    };
    let read = Read {
        pattern: String::new(),
        files: vec![file.clone()],
        csv: (format == Format::Csv).then(CsvDialect::default),
        encoding: None,
        items: None,
        sheet: None,
    };
    let limits = Limits {
        unpacked_max_ratio: 1000,
        memory_max_mib: 2048,
        row_max_bytes,
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
        content: None,
        overlay: None,
    };
    let landed = land(&request, &|_| ()).ok()?;
    Some((out, landed))
}

/// What stands in a folder, in order of its paths.
pub fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Column to value of a file's first row; none if it has none.
pub fn land_one(path: &Path, format: Format) -> Option<BTreeMap<String, String>> {
    let (out, _) = land_file(path, format, 16 << 20)?;
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
