//! Reads single rows of examples again, for those who are shown them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::TEXT_MAX_CHARS;
use crate::error::{Error, Result};
use crate::kind::Rows;
use crate::text;

/// By place: the beginning of the text, personal data masked, and the number in the table if the rows have it.
pub type RowsBack = BTreeMap<u64, (String, Option<i64>)>;

/// The wanted rows, by their places from 0.
///
/// # Errors
/// When the rows cannot be read or have no column `text`.
pub fn read_back(rows: &dyn Rows, wanted: &BTreeSet<u64>) -> Result<RowsBack> {
    let mut back = RowsBack::new();
    let mut start = 0;
    for batch in rows.batches()? {
        if back.len() == wanted.len() {
            break;
        }
        let batch = batch?;
        let end = start + batch.num_rows() as u64;
        let here: Vec<usize> = wanted.range(start..end).map(|place| (place - start) as usize).collect();
        if !here.is_empty() {
            let texts =
                column(&batch, "text", &DataType::Utf8)?.ok_or_else(|| Error::table("column `text`", "is missing"))?;
            let numbers = column(&batch, "_row", &DataType::Int64)?;
            let (texts, numbers) = (
                texts.as_string::<i32>(),
                numbers.as_ref().map(|numbers| numbers.as_primitive::<Int64Type>()),
            );
            for row in here {
                let text = if texts.is_null(row) { "" } else { texts.value(row) };
                let shown = text::prepare(text).chars().take(TEXT_MAX_CHARS).collect();
                let number = numbers
                    .filter(|numbers| numbers.is_valid(row))
                    .map(|numbers| numbers.value(row));
                back.insert(start + row as u64, (shown, number));
            }
        }
        start = end;
    }
    Ok(back)
}

fn column(batch: &RecordBatch, name: &str, wanted: &DataType) -> Result<Option<arrow::array::ArrayRef>> {
    let column = batch.column_by_name(name).map(|column| cast(column, wanted));
    column
        .transpose()
        .map_err(|e| Error::table(format!("column `{name}`"), e))
}
