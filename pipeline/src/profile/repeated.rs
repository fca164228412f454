//! Rows that equal an earlier one. Each row becomes a hash; of very many rows, hashes in a part of their range stand for
//! all, so that memory stays bounded.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::row::{RowConverter, SortField};

use super::figures::Estimate;
use super::files::Files;
use crate::error::{Error, Result};
use crate::rejects::write_error;

/// Bytes of a hash, and of its copy while they grow.
const HASH_BYTES: u64 = 16;

/// Counts the rows that repeat an earlier one, with at most this memory, on so many threads; none if a column is of a
/// type that cannot be compared.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn repeated(files: &Files, memory_max_bytes: u64, threads: usize) -> Result<Option<Estimate>> {
    if !RowConverter::supports_fields(&sort_fields(files)) {
        return Ok(None);
    }
    // One hash in 2^skipped is kept.
    let hashes_max = (memory_max_bytes / HASH_BYTES).max(1);
    let skipped = files.rows.div_ceil(hashes_max).next_power_of_two().trailing_zeros();
    let mut hashes = hashes(files, (1 << skipped) - 1, threads)?;
    hashes.sort_unstable();
    let runs = hashes.chunk_by(|a, b| a == b);
    let again: u64 = runs.map(|run| run.len() as u64 - 1).sum();
    Ok(Some(Estimate {
        count: (again << skipped).min(files.rows.saturating_sub(1)),
        exact: skipped == 0,
    }))
}

fn sort_fields(files: &Files) -> Vec<SortField> {
    files
        .fields
        .iter()
        .map(|field| SortField::new(field.data_type().clone()))
        .collect()
}

/// The hashes of all rows whose lowest bits, those of `mask`, are zero.
fn hashes(files: &Files, mask: u64, threads: usize) -> Result<Vec<u64>> {
    let groups = files.groups();
    let next = AtomicUsize::new(0);
    let all = Mutex::new((Vec::new(), None::<Error>));
    let work = || {
        while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
            let done = hashes_of(files, *group, mask);
            let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match done {
                Ok(hashes) => all.0.extend(hashes),
                Err(error) => {
                    all.1 = Some(error);
                    next.store(groups.len(), Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(groups.len()) {
            scope.spawn(work);
        }
        work();
    });
    let (hashes, failure) = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failure.map_or(Ok(hashes), Err)
}

fn hashes_of(files: &Files, group: (usize, usize), mask: u64) -> Result<Vec<u64>> {
    let path = files.paths().nth(group.0).unwrap_or_else(|| "".as_ref());
    let failed = |e: arrow::error::ArrowError| write_error(path, e);
    let converter = RowConverter::new(sort_fields(files)).map_err(failed)?;
    let mut hashes = Vec::new();
    for batch in files.group(group)? {
        let batch = batch.map_err(failed)?;
        let rows = converter.convert_columns(&columns(files, &batch)).map_err(failed)?;
        let of_row = rows.iter().map(|row| {
            let mut hasher = DefaultHasher::new();
            hasher.write(row.data());
            hasher.finish()
        });
        hashes.extend(of_row.filter(|hash| hash & mask == 0));
    }
    Ok(hashes)
}

/// The columns of a batch in the order of the table; those that its file does not have are null.
fn columns(files: &Files, batch: &RecordBatch) -> Vec<ArrayRef> {
    let column = |field: &arrow::datatypes::FieldRef| {
        batch
            .column_by_name(field.name())
            .cloned()
            .unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    };
    files.fields.iter().map(column).collect()
}
