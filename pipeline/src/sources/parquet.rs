//! Parquet files. Their values become text as `values.rs` has it; a file that is not whole Parquet cannot be read at all.
//! A compressed one, or a member of a zip archive, is unpacked into memory first.

use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::LandRequest;
use super::columns::check_names;
use super::landing::{BATCH_BYTES, BATCH_ROWS};
use super::open::{WHOLE_MAX_BYTES, open_plain, whole};
use super::values::{Batches, broken, names};
use crate::error::Result;

/// Reads a Parquet file of so many bytes; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, file_bytes: u64, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    if file_bytes == 0 {
        return Err(request.empty());
    }
    if let Some(file) = open_plain(request)? {
        return land_from(request, file, |done, all| {
            progress((u128::from(file_bytes) * u128::from(done) / u128::from(all.max(done))) as u64);
        });
    }
    let bytes = whole(request, WHOLE_MAX_BYTES, progress)?;
    land_from(request, Bytes::from(bytes), |_, _| {})
}

/// `progress` is told rows: how far the reader is in the file is not known.
fn land_from<F: ChunkReader + 'static>(
    request: &LandRequest<'_>,
    file: F,
    progress: impl Fn(u64, u64),
) -> Result<(u64, u64)> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(request, None, &error))?;
    let metadata = builder.metadata();
    let all_rows = metadata.file_metadata().num_rows().max(1) as u64;
    let text_bytes: i64 = metadata.row_groups().iter().map(|group| group.total_byte_size()).sum();
    let row_bytes = (text_bytes.max(0) as u64 / all_rows).max(1);
    let batch_rows = (BATCH_BYTES as u64 / row_bytes).clamp(1, BATCH_ROWS as u64) as usize;
    let names = names(builder.schema());
    check_names(request, &names, None)?;
    let reader = builder
        .with_batch_size(batch_rows)
        .build()
        .map_err(|error| broken(request, None, &error))?;
    let mut batches = Batches::create(request, names)?;
    for batch in reader {
        let batch = batch.map_err(|error| batches.broken(&error))?;
        batches.land(&batch)?;
        progress(batches.rows() as u64, all_rows);
    }
    batches.close()
}
