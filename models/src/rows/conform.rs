//! Any batch, checked against a signature: columns picked by name, safe casts made, nulls refused where not allowed.

use arrow::array::{Array, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::kind::{Signature, ValueSpec};

/// The signature's input columns of `rows`, in its order and types. Columns it does not name are left out; those that
/// may be missing are null.
///
/// # Errors
/// [`Error::Row`] naming the column when one is missing, cannot be cast without loss of meaning, or holds a null
/// where the signature has none.
pub fn conform(signature: &Signature, rows: &RecordBatch) -> Result<RecordBatch> {
    let columns = signature.inputs.iter().map(|spec| {
        let wanted = spec.value_type.data_type();
        let column = match rows.column_by_name(&spec.name) {
            Some(column) => column,
            None if spec.optional => return Ok(new_null_array(&wanted, rows.num_rows())),
            None => return Err(misfit(spec, "no such column")),
        };
        let column = if *column.data_type() == wanted {
            column.clone()
        } else {
            castable(column.data_type(), &wanted)
                .then(|| {
                    cast_with_options(
                        column,
                        &wanted,
                        &CastOptions {
                            safe: false,
                            ..Default::default()
                        },
                    )
                })
                .ok_or_else(|| misfit(spec, &format!("a column of {}", column.data_type())))?
                .map_err(|error| misfit(spec, &format!("a value that does not fit ({})", kind_of(&error))))?
        };
        if !spec.nullable && column.null_count() > 0 {
            return Err(misfit(spec, "null"));
        }
        Ok(column)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(signature.input_schema(), columns, &options).map_err(|e| Error::table("rows", e))
}

/// Texts come in several physical forms, and a file of strings (CSV) may hold any type; numbers do not become texts.
fn castable(from: &DataType, to: &DataType) -> bool {
    let text = |t: &DataType| {
        matches!(
            t,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null
        ) || matches!(t, DataType::Dictionary(_, value) if **value == DataType::Utf8)
    };
    let whole = |t: &DataType| t.is_integer() || *t == DataType::Null;
    match to {
        DataType::Utf8 => text(from),
        DataType::Int64 => text(from) || whole(from),
        DataType::Float64 => text(from) || whole(from) || from.is_floating(),
        DataType::Boolean => text(from),
        DataType::Timestamp(..) => text(from) || matches!(from, DataType::Timestamp(..) | DataType::Date32),
        DataType::List(_) => matches!(from, DataType::List(_) | DataType::LargeList(_) | DataType::Null),
        _ => false,
    }
}

/// The class of an arrow error without the value it quotes, which may be personal data.
fn kind_of(error: &arrow::error::ArrowError) -> &'static str {
    match error {
        arrow::error::ArrowError::CastError(_) => "cannot be cast",
        arrow::error::ArrowError::ParseError(_) => "cannot be parsed",
        _ => "cannot be converted",
    }
}

fn misfit(spec: &ValueSpec, found: &str) -> Error {
    Error::Row {
        path: format!("column `{}`", spec.name),
        expected: format!("{:?} values", spec.value_type).to_lowercase(),
        found: found.into(),
        example: spec.example.to_string(),
    }
}
