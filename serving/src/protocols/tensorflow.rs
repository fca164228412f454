//! What TensorFlow Serving's REST has beside `:predict`: `:classify` and `:regress` with `examples` (and a `context` that
//! all of them share), the states of versions, and the signature in its words.

use arrow::array::Array;
use deskmill_models::kind::{Signature, ValueSpec, ValueType};
use deskmill_models::rows::{RowLimits, from_instances, value_at};
use serde::ser::SerializeMap;
use serde_json::{Map, Value, json};

use super::native::write;
use super::{Decoded, Predicted, Reply, check_keys, classes, misfit, no_classes, ranked, renamed};
use crate::json::found;
use crate::loaded::{Served, Version};
use crate::problem::Problem;

pub(super) fn decode_classify(
    body: Map<String, Value>,
    version: &Version,
    limits: RowLimits,
) -> Result<Decoded, Problem> {
    classes(version.signature()).ok_or_else(|| no_classes(version))?;
    if let Some(name) = body.get("signature_name").filter(|name| *name != "serving_default") {
        return Err(misfit(
            "$.signature_name",
            "`serving_default` or no such key",
            found(name),
            "serving_default".into(),
        ));
    }
    decode(body, version, limits, Reply::Classes)
}

/// `signature_name` picks the number, as it picks a signature there. Without it: the first that is not the score of a label.
pub(super) fn decode_regress(
    body: Map<String, Value>,
    version: &Version,
    limits: RowLimits,
) -> Result<Decoded, Problem> {
    let outputs = &version.signature().outputs;
    let numbers = numbers(version.signature());
    let chosen = match body.get("signature_name").and_then(Value::as_str) {
        None | Some("serving_default") => regressed(version.signature()),
        Some(name) => numbers.iter().copied().find(|at| outputs[*at].name == name),
    };
    let Some(chosen) = chosen else {
        let names: Vec<&str> = numbers.iter().map(|at| outputs[*at].name.as_str()).collect();
        return Err(misfit(
            "$.signature_name",
            format!("one of the numbers that this model answers: {}", names.join(", ")),
            found(body.get("signature_name").unwrap_or(&Value::Null)),
            names.first().copied().into(),
        ));
    };
    decode(body, version, limits, Reply::Values(chosen))
}

/// The output that `:regress` answers with when none is named.
pub(crate) fn regressed(signature: &Signature) -> Option<usize> {
    let numbers = numbers(signature);
    let beside = numbers.iter().find(|at| signature.outputs[**at].name != "score");
    beside.or(numbers.first()).copied()
}

fn numbers(signature: &Signature) -> Vec<usize> {
    let is_number = |output: &ValueSpec| matches!(output.value_type, ValueType::Number | ValueType::Integer);
    let outputs = signature.outputs.iter().enumerate();
    outputs
        .filter(|(_, output)| is_number(output))
        .map(|(at, _)| at)
        .collect()
}

fn decode(
    mut body: Map<String, Value>,
    version: &Version,
    limits: RowLimits,
    reply: Reply,
) -> Result<Decoded, Problem> {
    check_keys(&body, "$", &["examples", "context", "signature_name"])?;
    let Some(Value::Array(mut examples)) = body.remove("examples") else {
        return Err(misfit(
            "$.examples",
            "an array of rows",
            "something else or nothing",
            json!([{}]),
        ));
    };
    match body.remove("context") {
        None => {}
        Some(Value::Object(shared)) => {
            for row in examples.iter_mut().filter_map(Value::as_object_mut) {
                for (name, value) in &shared {
                    row.entry(name).or_insert_with(|| value.clone());
                }
            }
        }
        Some(other) => return Err(misfit("$.context", "an object", found(&other), json!({}))),
    }
    let rows = from_instances(version.signature(), &Value::Array(examples), limits)
        .map_err(|error| Problem::from_models(version.name(), renamed(error, "$.instances", "$.examples")))?;
    Ok(Decoded { rows, reply })
}

pub(super) fn encode_classes(predicted: &Predicted<'_>) -> serde_json::Result<Vec<u8>> {
    let rows: Vec<Vec<(String, f64)>> = (0..predicted.rows.num_rows())
        .map(|row| ranked(predicted, row))
        .collect();
    write(predicted, |answer| answer.serialize_entry("result", &rows))
}

pub(super) fn encode_values(output: usize, predicted: &Predicted<'_>) -> serde_json::Result<Vec<u8>> {
    let column = predicted.rows.column(output);
    let values: Vec<Value> = (0..column.len()).map(|row| value_at(column, row)).collect();
    write(predicted, |answer| answer.serialize_entry("result", &values))
}

/// The versions in memory or on their way, as TensorFlow Serving lists them.
pub(crate) fn version_status(model: &Served) -> Value {
    let status = |state: &str, code: &str, message: &str| json!({ "state": state, "status": { "error_code": code, "error_message": message } });
    let one = |number: &u64| {
        let mut status = match (model.versions.contains_key(number), model.failures.get(number)) {
            (true, _) => status("AVAILABLE", "OK", ""),
            (false, Some(_)) => status("END", "UNKNOWN", "the version could not be loaded"),
            (false, None) => status("LOADING", "OK", ""),
        };
        status["version"] = json!(number.to_string());
        status
    };
    model.planned.iter().map(one).collect()
}

/// The signature as TensorFlow Serving's metadata show it.
pub(crate) fn signature_def(version: &Version) -> Value {
    let tensor = |spec: &ValueSpec| {
        let dtype = match spec.value_type {
            ValueType::Text | ValueType::Time | ValueType::TextList => "DT_STRING",
            ValueType::Integer => "DT_INT64",
            ValueType::Number | ValueType::NumberList => "DT_DOUBLE",
            ValueType::Boolean => "DT_BOOL",
        };
        let dims: Vec<Value> = super::shape(spec.value_type)
            .iter()
            .map(|_| json!({ "size": "-1", "name": "" }))
            .collect();
        let shape = json!({ "dim": dims, "unknown_rank": false });
        (
            spec.name.clone(),
            json!({ "dtype": dtype, "tensor_shape": shape, "name": spec.name }),
        )
    };
    let signature = version.signature();
    let tensors = |specs: &[ValueSpec]| Value::Object(specs.iter().map(tensor).collect());
    json!({
        "signature_def": {
            "serving_default": {
                "inputs": tensors(&signature.inputs),
                "outputs": tensors(&signature.outputs),
                "method_name": "tensorflow/serving/predict",
            },
        },
    })
}
