//! The Open Inference Protocol v2 (KServe, Triton) with tensors as JSON. The first dimension is rows. A list is the
//! second dimension; where lists differ in length, the shorter ones are filled up with null. Answers are JSON even to
//! clients that would also take the binary extension, which the protocol leaves to the server.

use arrow::array::{Array, ArrayRef, RecordBatch};
use deskmill_models::kind::{Signature, ValueSpec, ValueType};
use deskmill_models::rows::{RowLimits, from_columns, value_at};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Decoded, Reply, check_keys};
use crate::json::found;
use crate::loaded::{Served, Version};
use crate::problem::Problem;

/// What a request wants back.
pub(crate) struct Tensors {
    id: Option<String>,
    /// Positions in the signature's outputs.
    outputs: Vec<usize>,
}

/// The datatype that a value travels as. Times travel as RFC 3339 text.
pub(crate) fn datatype(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Text | ValueType::Time | ValueType::TextList => "BYTES",
        ValueType::Integer => "INT64",
        ValueType::Number | ValueType::NumberList => "FP64",
        ValueType::Boolean => "BOOL",
    }
}

fn is_list(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::TextList | ValueType::NumberList)
}

fn accepts(value_type: ValueType, written: &str) -> bool {
    match value_type {
        ValueType::Integer => matches!(written, "INT64" | "INT32"),
        ValueType::Number | ValueType::NumberList => matches!(written, "FP64" | "FP32" | "INT64" | "INT32"),
        _ => written == datatype(value_type),
    }
}

/// The answer to `GET /v2/models/{model}`.
pub(crate) fn metadata(served: &Served, version: &Version) -> Value {
    let tensor = |spec: &ValueSpec| {
        let shape = if is_list(spec.value_type) {
            json!([-1, -1])
        } else {
            json!([-1])
        };
        json!({ "name": spec.name, "datatype": datatype(spec.value_type), "shape": shape })
    };
    let signature = version.signature();
    json!({
        "name": **version.name(),
        "versions": served.versions.keys().map(u64::to_string).collect::<Vec<_>>(),
        "platform": format!("deskmill_{}", version.kind()),
        "inputs": signature.inputs.iter().map(tensor).collect::<Vec<_>>(),
        "outputs": signature.outputs.iter().map(tensor).collect::<Vec<_>>(),
    })
}

pub(super) fn decode(body: &Map<String, Value>, version: &Version, limits: RowLimits) -> Result<Decoded, Problem> {
    check_keys(body, "$", &["inputs", "outputs", "id", "parameters"])?;
    let signature = version.signature();
    let id = match body.get("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(other) => return Err(misfit("$.id", "a string", found(other), "request-1".into())),
    };
    let outputs = selection(signature, body.get("outputs"))?;
    let tensors = match body.get("inputs") {
        Some(Value::Array(tensors)) => tensors,
        other => {
            return Err(misfit(
                "$.inputs",
                "an array of tensors",
                kind_of(other),
                example(signature),
            ));
        }
    };
    let mut columns = Map::new();
    let mut places: Vec<(&str, usize)> = Vec::with_capacity(tensors.len());
    let mut rows = None;
    for (at, tensor) in tensors.iter().enumerate() {
        let tensor = Tensor::read(signature, tensor, format!("$.inputs[{at}]"))?;
        let values = tensor.values(limits)?;
        if *rows.get_or_insert(values.len()) != values.len() {
            let expected = format!("{} rows, as many as the tensors before", rows.unwrap_or_default());
            return Err(misfit(
                format!("{}.shape", tensor.path),
                expected,
                format!("{} rows", values.len()),
                json!([1]),
            ));
        }
        if columns.insert(tensor.spec.name.clone(), Value::Array(values)).is_some() {
            return Err(misfit(
                tensor.path,
                "each tensor once",
                "this name a second time",
                example(signature),
            ));
        }
        places.push((&tensor.spec.name, at));
    }
    let rows = from_columns(signature, &Value::Object(columns), limits);
    let rows = rows.map_err(|error| Problem::from_models(version.name(), in_tensors(error, &places)))?;
    Ok(Decoded {
        rows,
        reply: Reply::Tensors(Tensors { id, outputs }),
    })
}

/// Says where in the tensors a value is that does not fit as part of a column.
fn in_tensors(error: deskmill_models::Error, places: &[(&str, usize)]) -> deskmill_models::Error {
    let deskmill_models::Error::Row {
        path,
        expected,
        found,
        example,
    } = error
    else {
        return error;
    };
    let rest_of = |(name, at): &(&str, usize)| {
        let rest = path.strip_prefix("$.inputs.")?.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('[')).then(|| format!("$.inputs[{at}].data{rest}"))
    };
    let path = places.iter().find_map(rest_of).unwrap_or_else(|| path.clone());
    deskmill_models::Error::Row {
        path,
        expected,
        found,
        example,
    }
}

/// The outputs asked for, in the order asked for; all of them when none is named.
fn selection(signature: &Signature, written: Option<&Value>) -> Result<Vec<usize>, Problem> {
    let names: Vec<&str> = signature.outputs.iter().map(|output| output.name.as_str()).collect();
    let all = || (0..names.len()).collect();
    let written = match written {
        None | Some(Value::Null) => return Ok(all()),
        Some(Value::Array(written)) if written.is_empty() => return Ok(all()),
        Some(Value::Array(written)) => written,
        Some(other) => {
            return Err(misfit(
                "$.outputs",
                "an array",
                found(other),
                json!([{ "name": names.first() }]),
            ));
        }
    };
    let mut chosen = Vec::with_capacity(names.len());
    for (at, output) in written.iter().enumerate() {
        let name = output.get("name").and_then(Value::as_str);
        let known = name.and_then(|name| names.iter().position(|known| *known == name));
        match known {
            Some(position) if !chosen.contains(&position) => chosen.push(position),
            _ => {
                let found = if known.is_some() {
                    "the same name again"
                } else {
                    "another name"
                };
                let expected = format!("one of {}, each once", names.join(", "));
                return Err(misfit(
                    format!("$.outputs[{at}].name"),
                    expected,
                    found,
                    names.first().copied().into(),
                ));
            }
        }
    }
    Ok(chosen)
}

/// One tensor of a request, with its shape believed only after it was checked against the data.
struct Tensor<'a> {
    path: String,
    spec: &'a ValueSpec,
    shape: Vec<u64>,
    data: &'a Vec<Value>,
}

impl<'a> Tensor<'a> {
    fn read(signature: &'a Signature, tensor: &'a Value, path: String) -> Result<Self, Problem> {
        let Some(object) = tensor.as_object() else {
            return Err(misfit(
                path,
                "a tensor",
                found(tensor),
                example_tensor(signature.inputs.first()),
            ));
        };
        check_keys(object, &path, &["name", "shape", "datatype", "data", "parameters"])?;
        let name = object.get("name").and_then(Value::as_str);
        let Some(spec) = signature.inputs.iter().find(|input| Some(input.name.as_str()) == name) else {
            let names: Vec<&str> = signature.inputs.iter().map(|input| input.name.as_str()).collect();
            let found = name.map_or_else(|| kind_of(object.get("name")), |_| "another name");
            let expected = format!("one of {}", names.join(", "));
            return Err(misfit(
                format!("{path}.name"),
                expected,
                found,
                names.first().copied().into(),
            ));
        };
        let written = object.get("datatype").and_then(Value::as_str);
        if !written.is_some_and(|written| accepts(spec.value_type, written)) {
            let found = written.map_or_else(|| kind_of(object.get("datatype")), |_| "another datatype");
            let datatype = datatype(spec.value_type);
            return Err(misfit(
                format!("{path}.datatype"),
                format!("`{datatype}`"),
                found,
                datatype.into(),
            ));
        }
        let written = object.get("shape").and_then(Value::as_array);
        let shape: Option<Vec<u64>> = written.and_then(|dims| dims.iter().map(Value::as_u64).collect());
        let Some(shape) = shape else {
            let found = written.map_or_else(|| kind_of(object.get("shape")), |_| "an array of other values");
            return Err(misfit(
                format!("{path}.shape"),
                "an array of whole numbers from 0",
                found,
                json!([1]),
            ));
        };
        match object.get("data") {
            Some(Value::Array(data)) => Ok(Self {
                path,
                spec,
                shape,
                data,
            }),
            other => Err(misfit(
                format!("{path}.data"),
                "an array of values",
                kind_of(other),
                json!([spec.example]),
            )),
        }
    }

    /// The column: one value a row, or one list a row.
    fn values(&self, limits: RowLimits) -> Result<Vec<Value>, Problem> {
        let wrong = |expected: String| {
            let found = format!("{} dimensions", self.shape.len());
            misfit(format!("{}.shape", self.path), expected, found, json!([1]))
        };
        let list = is_list(self.spec.value_type);
        let (rows, width) = match *self.shape.as_slice() {
            [rows] if !list => (rows, 1),
            [rows, 1] if !list => (rows, 1),
            [rows, width] if list => (rows, width),
            _ if list => return Err(wrong("two dimensions: rows and the length of each list".to_owned())),
            _ => return Err(wrong("one dimension: rows".to_owned())),
        };
        if rows > limits.rows_max as u64 {
            let expected = format!("at most {} rows in one request", limits.rows_max);
            return Err(misfit(
                format!("{}.shape", self.path),
                expected,
                format!("{rows} rows"),
                json!([1]),
            ));
        }
        let mut flat = Vec::with_capacity(self.data.len());
        let whole = if self.data.iter().any(Value::is_array) {
            flatten(self.data, &self.shape, &mut flat).is_some()
        } else {
            flat.extend(self.data);
            true
        };
        let stated = rows.checked_mul(width);
        if !whole || stated != Some(flat.len() as u64) {
            let expected = match stated {
                Some(values) => format!("{values} values, as the shape says, flat or nested like the shape"),
                None => "as many values as the shape says".to_owned(),
            };
            let found = if !whole {
                "another nesting".to_owned()
            } else {
                format!("{} values", flat.len())
            };
            return Err(misfit(
                format!("{}.data", self.path),
                expected,
                found,
                json!([self.spec.example]),
            ));
        }
        if !list {
            return Ok(flat.into_iter().cloned().collect());
        }
        // Every width fits: it divides the number of values at hand, or there are none.
        let width = usize::try_from(width).unwrap_or(usize::MAX);
        let row = |row: usize| {
            flat.iter()
                .skip(row * width)
                .take(width)
                .map(|value| (*value).clone())
                .collect()
        };
        Ok((0..rows as usize).map(row).collect())
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

pub(super) fn encode(tensors: &Tensors, version: &Version, predicted: &RecordBatch) -> serde_json::Result<Vec<u8>> {
    let specs = &version.signature().outputs;
    let chosen = tensors
        .outputs
        .iter()
        .filter_map(|&at| Some((specs.get(at)?, predicted.columns().get(at)?)));
    serde_json::to_vec(&Answer {
        model_name: version.name(),
        model_version: version.text(),
        id: tensors.id.as_deref(),
        outputs: chosen.map(|(spec, column)| OutputTensor::of(spec, column)).collect(),
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<OutputTensor<'a>>,
}

#[derive(Serialize)]
struct OutputTensor<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: Vec<usize>,
    data: Vec<Value>,
}

impl<'a> OutputTensor<'a> {
    fn of(spec: &'a ValueSpec, column: &ArrayRef) -> Self {
        let mut shape = vec![column.len()];
        let mut data: Vec<Value> = (0..column.len()).map(|row| value_at(column, row)).collect();
        if is_list(spec.value_type) {
            let width = data.iter().filter_map(Value::as_array).map(Vec::len).max().unwrap_or(0);
            shape.push(width);
            let row = |row: Value| {
                let mut items = if let Value::Array(items) = row {
                    items
                } else {
                    Vec::new()
                };
                items.resize(width, Value::Null);
                items
            };
            data = data.into_iter().flat_map(row).collect();
        }
        Self {
            name: &spec.name,
            datatype: datatype(spec.value_type),
            shape,
            data,
        }
    }
}

fn example(signature: &Signature) -> Value {
    signature
        .inputs
        .iter()
        .map(|input| example_tensor(Some(input)))
        .collect()
}

fn example_tensor(spec: Option<&ValueSpec>) -> Value {
    spec.map_or(Value::Null, |spec| match &spec.example {
        Value::Array(items) => json!({
            "name": spec.name, "shape": [1, items.len()], "datatype": datatype(spec.value_type), "data": items,
        }),
        value => json!({ "name": spec.name, "shape": [1], "datatype": datatype(spec.value_type), "data": [value] }),
    })
}

fn kind_of(value: Option<&Value>) -> &'static str {
    value.map_or("nothing", found)
}

fn misfit(path: impl Into<String>, expected: impl Into<String>, found: impl Into<String>, example: Value) -> Problem {
    Problem::value(path.into(), expected.into(), found.into(), example)
}
