//! One tensor of a request: its shape is believed only after it was checked against the data, which may be JSON, flat or
//! nested like the shape, or raw bytes behind the JSON.

use deskmill_models::kind::{Signature, ValueSpec, ValueType};
use deskmill_models::rows::RowLimits;
use serde_json::{Value, json};

use super::super::{check_keys, misfit};
use super::binary::Raw;
use super::{datatype, example_tensor, is_list, kind_of};
use crate::json::found;
use crate::problem::Problem;

/// Datatypes of whole numbers.
const WHOLE: [&str; 8] = ["INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8"];

fn accepts(value_type: ValueType, written: &str) -> bool {
    match value_type {
        ValueType::Integer => WHOLE.contains(&written),
        ValueType::Number | ValueType::NumberList => matches!(written, "FP64" | "FP32") || WHOLE.contains(&written),
        _ => written == datatype(value_type),
    }
}

/// One tensor of a request, with everything about it that its shape must agree with.
pub(super) struct Tensor<'a> {
    pub(super) path: String,
    pub(super) spec: &'a ValueSpec,
    pub(super) shape: Vec<u64>,
    pub(super) data: Data<'a>,
}

/// The values of a tensor as they were written.
pub(super) enum Data<'a> {
    /// JSON, flat or nested.
    Json(&'a [Value]),
    /// JSON values that were something else before.
    Values(Vec<Value>),
    /// Little-endian bytes of that datatype.
    Raw(&'a str, &'a [u8]),
}

/// The column that a tensor of that name and datatype fills.
pub(super) fn input<'a>(
    signature: &'a Signature,
    name: Option<&str>,
    written: Option<&str>,
    path: &str,
) -> Result<&'a ValueSpec, Problem> {
    let Some(spec) = signature.inputs.iter().find(|input| Some(input.name.as_str()) == name) else {
        let names: Vec<&str> = signature.inputs.iter().map(|input| input.name.as_str()).collect();
        let expected = format!("one of {}", names.join(", "));
        let found = name.map_or("nothing that is a name", |_| "another name");
        return Err(misfit(
            format!("{path}.name"),
            expected,
            found,
            names.first().copied().into(),
        ));
    };
    if written.is_some_and(|written| accepts(spec.value_type, written)) {
        return Ok(spec);
    }
    let datatype = datatype(spec.value_type);
    let found = written.map_or("nothing that is a datatype", |_| "another datatype");
    Err(misfit(
        format!("{path}.datatype"),
        format!("`{datatype}`"),
        found,
        datatype.into(),
    ))
}

impl<'a> Tensor<'a> {
    pub(super) fn read(
        signature: &'a Signature,
        tensor: &'a Value,
        path: String,
        raw: &mut Raw<'a>,
    ) -> Result<Self, Problem> {
        let Some(object) = tensor.as_object() else {
            return Err(misfit(
                path,
                "a tensor",
                found(tensor),
                example_tensor(signature.inputs.first()),
            ));
        };
        check_keys(object, &path, &["name", "shape", "datatype", "data", "parameters"])?;
        let written = object.get("datatype").and_then(Value::as_str);
        let spec = input(signature, object.get("name").and_then(Value::as_str), written, &path)?;
        let dims = object.get("shape").and_then(Value::as_array);
        let shape: Option<Vec<u64>> = dims.and_then(|dims| dims.iter().map(Value::as_u64).collect());
        let Some(shape) = shape else {
            let found = dims.map_or_else(|| kind_of(object.get("shape")), |_| "an array of other values");
            let expected = "an array of whole numbers from 0";
            return Err(misfit(format!("{path}.shape"), expected, found, json!([1])));
        };
        let parameter = |name: &str| object.get("parameters").and_then(|parameters| parameters.get(name));
        if parameter("shared_memory_region").is_some() {
            let expected = "values in the request: memory is not shared with callers";
            return Err(misfit(
                format!("{path}.parameters"),
                expected,
                "a region of shared memory",
                json!({}),
            ));
        }
        let data = match (object.get("data"), parameter("binary_data_size")) {
            (Some(Value::Array(data)), None) => Data::Json(data),
            (None, Some(size)) => Data::Raw(written.unwrap_or_default(), raw.take(size, &path)?),
            (Some(_), Some(_)) => {
                let expected = "either `data` or the parameter `binary_data_size`";
                return Err(misfit(path, expected, "both", example_tensor(Some(spec))));
            }
            (other, None) => {
                let example = json!([spec.example]);
                return Err(misfit(
                    format!("{path}.data"),
                    "an array of values",
                    kind_of(other),
                    example,
                ));
            }
        };
        Ok(Self {
            path,
            spec,
            shape,
            data,
        })
    }

    /// The column: one value a row, or one list a row.
    pub(super) fn values(&self, limits: RowLimits) -> Result<Vec<Value>, Problem> {
        let (rows, width) = self.extent(limits)?;
        let flat = self.flat(rows.checked_mul(width))?;
        if !is_list(self.spec.value_type) {
            return Ok(flat);
        }
        // Every width fits: it divides the number of values at hand, or there are none.
        let width = usize::try_from(width).unwrap_or(usize::MAX);
        let row = |row: usize| flat.iter().skip(row * width).take(width).cloned().collect();
        Ok((0..rows as usize).map(row).collect())
    }

    /// Rows, and values in each of them.
    fn extent(&self, limits: RowLimits) -> Result<(u64, u64), Problem> {
        let path = || format!("{}.shape", self.path);
        let wrong = |expected: &str| misfit(path(), expected, format!("{} dimensions", self.shape.len()), json!([1]));
        let list = is_list(self.spec.value_type);
        let (rows, width) = match *self.shape.as_slice() {
            [rows] if !list => (rows, 1),
            [rows, 1] if !list => (rows, 1),
            [rows, width] if list => (rows, width),
            _ if list => return Err(wrong("two dimensions: rows and the length of each list")),
            _ => return Err(wrong("one dimension: rows")),
        };
        if rows <= limits.rows_max as u64 {
            return Ok((rows, width));
        }
        let expected = format!("at most {} rows in one request", limits.rows_max);
        Err(misfit(path(), expected, format!("{rows} rows"), json!([1])))
    }

    /// As many values as the shape states, in row-major order.
    fn flat(&self, stated: Option<u64>) -> Result<Vec<Value>, Problem> {
        let wrong = |found: String| {
            let expected = match stated {
                Some(values) => format!("{values} values, as the shape says, flat or nested like the shape"),
                None => "as many values as the shape says".to_owned(),
            };
            misfit(
                format!("{}.data", self.path),
                expected,
                found,
                json!([self.spec.example]),
            )
        };
        let flat = match &self.data {
            Data::Json(values) if values.iter().any(Value::is_array) => {
                let mut flat = Vec::with_capacity(values.len());
                flatten(values, &self.shape, &mut flat).ok_or_else(|| wrong("another nesting".to_owned()))?;
                flat.into_iter().cloned().collect()
            }
            Data::Json(values) => values.to_vec(),
            Data::Values(values) => values.clone(),
            Data::Raw(datatype, bytes) => {
                let values = super::binary::read(datatype, bytes);
                values.ok_or_else(|| wrong(format!("{} bytes that are no {datatype} values", bytes.len())))?
            }
        };
        match stated == Some(flat.len() as u64) {
            true => Ok(flat),
            false => Err(wrong(format!("{} values", flat.len()))),
        }
    }
}

/// Nested values in row-major order, if the nesting is that of `shape`.
fn flatten<'a>(values: &'a [Value], shape: &[u64], flat: &mut Vec<&'a Value>) -> Option<()> {
    let (&len, inner) = shape.split_first()?;
    if values.len() as u64 != len {
        return None;
    }
    for value in values {
        match (value, inner.is_empty()) {
            (Value::Array(nested), false) => flatten(nested, inner, flat)?,
            (Value::Array(_), true) | (_, false) => return None,
            (value, true) => flat.push(value),
        }
    }
    Some(())
}
