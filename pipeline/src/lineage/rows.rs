//! Single rows of a landed or cleaned file, by their number. Row groups that cannot hold them are passed over, and of the
//! others only the column of the numbers is read in full.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use deskmill_models::rows::to_objects;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::rejects::write_error;

/// The rows whose `column` is one of `numbers`, with these numbers.
pub(super) fn numbered(path: &Path, column: &str, numbers: &[i64]) -> Result<Vec<(i64, RecordBatch)>> {
    let failed = |e: &dyn std::fmt::Display| write_error(path, e.to_string());
    let file = File::open(path).map_err(Error::file(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&e))?;
    let columns = builder.parquet_schema().columns();
    let Some(at) = columns.iter().position(|known| known.name() == column) else {
        return Ok(Vec::new());
    };
    let groups = builder.metadata().row_groups().iter().enumerate();
    let groups = groups
        .filter(|(_, group)| may_hold(group, at, numbers))
        .map(|(number, _)| number);
    let groups: Vec<usize> = groups.collect();
    let mask = ProjectionMask::leaves(builder.parquet_schema(), [at]);
    let wanted = numbers.to_vec();
    let filter = ArrowPredicateFn::new(mask, move |batch| {
        let found = cast(batch.column(0), &DataType::Int64)?;
        let found = found.as_primitive::<Int64Type>();
        Ok(found
            .iter()
            .map(|number| Some(number.is_some_and(|number| wanted.contains(&number))))
            .collect::<BooleanArray>())
    });
    let reader = builder
        .with_row_groups(groups)
        .with_row_filter(RowFilter::new(vec![Box::new(filter)]))
        .build()
        .map_err(|e| failed(&e))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| failed(&e))?;
        for row in 0..batch.num_rows() {
            let row = batch.slice(row, 1);
            if let Some(number) = number(&row, column) {
                rows.push((number, row));
            }
        }
    }
    Ok(rows)
}

fn may_hold(group: &RowGroupMetaData, column: usize, numbers: &[i64]) -> bool {
    let bounds = match group.column(column).statistics() {
        Some(Statistics::Int64(known)) => known.min_opt().zip(known.max_opt()),
        _ => None,
    };
    bounds.is_none_or(|(min, max)| numbers.iter().any(|number| (min..=max).contains(&number)))
}

/// A number of a single row.
pub(super) fn number(row: &RecordBatch, column: &str) -> Option<i64> {
    let column = cast(row.column_by_name(column)?, &DataType::Int64).ok()?;
    column.is_valid(0).then(|| column.as_primitive::<Int64Type>().value(0))
}

/// A text of a single row.
pub(super) fn text(row: &RecordBatch, column: &str) -> Option<String> {
    let column = row.column_by_name(column)?.as_string_opt::<i32>()?;
    column.is_valid(0).then(|| column.value(0).to_owned())
}

/// The columns of a single row but deskmill's own.
pub(super) fn fields(row: &RecordBatch) -> Map<String, Value> {
    let mut fields = to_objects(row).pop().unwrap_or_default();
    fields.retain(|name, _| !["_row", "_file", "_line", "_offset"].contains(&name.as_str()));
    fields
}
