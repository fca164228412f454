//! The Open Inference Protocol v2 (KServe, Triton). The first dimension of a tensor is rows. A list is the second
//! dimension; where lists differ in length, the shorter ones are filled up: with null in JSON, with empty texts and
//! not-a-number in raw tensors. Tensors travel as JSON or, by the binary extension, as raw bytes behind it.

mod binary;
mod describe;
pub(crate) mod grpc;
pub(crate) mod messages;
mod tensor;

use arrow::array::{Array, ArrayRef, RecordBatch};
use deskmill_models::kind::{Signature, ValueSpec, ValueType};
use deskmill_models::rows::{RowLimits, from_columns, value_at};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Decoded, Encoded, Predicted, Reply, check_keys, misfit};
use crate::fallback::Degraded;
use crate::json::found;
use crate::loaded::Version;
use crate::problem::Problem;
use binary::Raw;
use tensor::Tensor;

pub(super) use binary::split;
pub(crate) use describe::{config, datatype, metadata, shape};

/// What a request wants back.
pub(crate) struct Tensors {
    id: Option<String>,
    outputs: Vec<Output>,
}

/// An output that was asked for.
struct Output {
    /// Its position in the signature's outputs.
    at: usize,
    /// Whether it is to travel as raw bytes.
    raw: bool,
}

fn is_list(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::TextList | ValueType::NumberList)
}

pub(super) fn decode(
    body: &Map<String, Value>,
    raw: &[u8],
    version: &Version,
    limits: RowLimits,
) -> Result<Decoded, Problem> {
    check_keys(
        body,
        "$",
        &["inputs", "outputs", "id", "parameters", "model_name", "model_version"],
    )?;
    let signature = version.signature();
    // KServe's client says here again what the URL says.
    for (key, said) in [("model_name", &**version.name()), ("model_version", version.text())] {
        if let Some(other) = body.get(key).filter(|value| !value.is_null() && *value != said) {
            let expected = format!("`{said}`, as the URL says, or no such key");
            return Err(misfit(format!("$.{key}"), expected, found(other), said.into()));
        }
    }
    let id = match body.get("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(other) => return Err(misfit("$.id", "a string", found(other), "request-1".into())),
    };
    let outputs = selection(signature, body)?;
    let Some(Value::Array(written)) = body.get("inputs") else {
        let found = kind_of(body.get("inputs"));
        return Err(misfit("$.inputs", "an array of tensors", found, example(signature)));
    };
    let mut raw = Raw::new(raw);
    let read = |(at, tensor)| Tensor::read(signature, tensor, format!("$.inputs[{at}]"), &mut raw);
    let tensors: Vec<Tensor<'_>> = written.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    raw.check_used()?;
    Ok(Decoded {
        rows: rows_of(tensors, version, limits)?,
        reply: Reply::Tensors(Tensors { id, outputs }),
    })
}

/// The rows that tensors are the columns of.
fn rows_of(tensors: Vec<Tensor<'_>>, version: &Version, limits: RowLimits) -> Result<RecordBatch, Problem> {
    let signature = version.signature();
    let mut columns = Map::new();
    let mut places: Vec<(&str, usize)> = Vec::with_capacity(tensors.len());
    let mut rows = None;
    for (at, tensor) in tensors.into_iter().enumerate() {
        let values = tensor.values(limits)?;
        if *rows.get_or_insert(values.len()) != values.len() {
            let expected = format!("{} rows, as many as the tensors before", rows.unwrap_or_default());
            let found = format!("{} rows", values.len());
            return Err(misfit(format!("{}.shape", tensor.path), expected, found, json!([1])));
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
    rows.map_err(|error| Problem::from_models(version.name(), in_tensors(error, &places)))
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
fn selection(signature: &Signature, body: &Map<String, Value>) -> Result<Vec<Output>, Problem> {
    let names: Vec<&str> = signature.outputs.iter().map(|output| output.name.as_str()).collect();
    let flag = |parameters: Option<&Value>, name: &str| parameters.and_then(|p| p.get(name)).and_then(Value::as_bool);
    let raw = flag(body.get("parameters"), "binary_data_output").unwrap_or(false);
    let written = match body.get("outputs") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(written)) => written,
        Some(other) => {
            let example = json!([{ "name": names.first() }]);
            return Err(misfit("$.outputs", "an array", found(other), example));
        }
    };
    if written.is_empty() {
        return Ok((0..names.len()).map(|at| Output { at, raw }).collect());
    }
    let mut chosen: Vec<Output> = Vec::with_capacity(names.len());
    for (place, output) in written.iter().enumerate() {
        let name = output.get("name").and_then(Value::as_str);
        let at = name_at(&names, name, &chosen, &format!("$.outputs[{place}].name"))?;
        let parameters = output.get("parameters");
        for unheard in ["classification", "shared_memory_region"] {
            if parameters.is_some_and(|parameters| parameters.get(unheard).is_some()) {
                let path = format!("$.outputs[{place}].parameters.{unheard}");
                return Err(misfit(
                    path,
                    "no such parameter",
                    "one that is not done here",
                    Value::Null,
                ));
            }
        }
        let raw = flag(parameters, "binary_data").unwrap_or(raw);
        chosen.push(Output { at, raw });
    }
    Ok(chosen)
}

/// Where the output of that name is, if it is not chosen yet.
fn name_at(names: &[&str], name: Option<&str>, chosen: &[Output], path: &str) -> Result<usize, Problem> {
    let known = name.and_then(|name| names.iter().position(|known| *known == name));
    match known {
        Some(at) if chosen.iter().all(|output| output.at != at) => Ok(at),
        _ => {
            let found = if known.is_some() {
                "the same name again"
            } else {
                "another name"
            };
            let expected = format!("one of {}, each once", names.join(", "));
            Err(misfit(path, expected, found, names.first().copied().into()))
        }
    }
}

pub(super) fn encode(tensors: &Tensors, predicted: &Predicted<'_>) -> Result<Encoded, Problem> {
    let specs = &predicted.signature.outputs;
    let mut behind = Vec::new();
    let mut outputs = Vec::with_capacity(tensors.outputs.len());
    for output in &tensors.outputs {
        let (Some(spec), Some(column)) = (specs.get(output.at), predicted.rows.columns().get(output.at)) else {
            continue;
        };
        let mut tensor = OutputTensor::of(spec, column);
        if output.raw {
            tensor.move_behind(&mut behind)?;
        }
        outputs.push(tensor);
    }
    let raw = tensors.outputs.iter().any(|output| output.raw);
    let mut body = serde_json::to_vec(&Answer {
        model_name: predicted.name,
        model_version: predicted.version,
        id: tensors.id.as_deref(),
        parameters: predicted.degraded.map(|degraded| Parameters { degraded }),
        outputs,
    })
    .map_err(|error| Problem::internal(predicted.name, &error))?;
    let json_bytes = raw.then_some(body.len());
    body.append(&mut behind);
    Ok(Encoded { body, json_bytes })
}

#[derive(Serialize)]
struct Answer<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters<'a>>,
    outputs: Vec<OutputTensor<'a>>,
}

#[derive(Serialize)]
struct Parameters<'a> {
    degraded: &'a Degraded,
}

#[derive(Serialize)]
struct OutputTensor<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<Value>>,
}

#[derive(Serialize)]
struct Size {
    binary_data_size: usize,
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
            parameters: None,
            data: Some(data),
        }
    }

    /// Its values as bytes at the end of `behind`.
    fn move_behind(&mut self, behind: &mut Vec<u8>) -> Result<(), Problem> {
        let before = behind.len();
        let values = self.data.take().unwrap_or_default();
        binary::write(self.datatype, &values, behind).ok_or_else(|| {
            let expected = "an answer without nulls; ask for this output as JSON";
            misfit(format!("$.outputs.{}", self.name), expected, "a null", Value::Null)
        })?;
        self.parameters = Some(Size {
            binary_data_size: behind.len() - before,
        });
        Ok(())
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
