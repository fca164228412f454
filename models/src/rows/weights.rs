//! How much each row of the examples counts.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use crate::error::{Error, Result};

/// The column `weight` of examples of a model; 1 for each row without such a column.
///
/// # Errors
/// When it holds a null or a value not above 0.
pub fn weights(batch: &RecordBatch, model: &str) -> Result<Vec<f32>> {
    let Some(column) = batch.column_by_name("weight") else {
        return Ok(vec![1.0; batch.num_rows()]);
    };
    let column = cast(column, &DataType::Float64).map_err(|e| Error::table("column `weight`", e))?;
    let column = column.as_primitive::<Float64Type>();
    let valid = column.null_count() == 0 && column.values().iter().all(|w| *w > 0.0 && w.is_finite());
    if !valid {
        return Err(Error::Examples {
            model: model.into(),
            message: "column `weight` holds a null or a value not above 0".into(),
            hint: "leave such rows out".into(),
        });
    }
    Ok(column.values().iter().map(|w| *w as f32).collect())
}
