//! Models in the words of the Open Inference Protocol.

use deskmill_models::kind::{ValueSpec, ValueType};
use serde_json::{Value, json};

use super::is_list;
use crate::loaded::{Served, Version};

/// The datatype that a value travels as. Times travel as RFC 3339 text.
pub(crate) fn datatype(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Text | ValueType::Time | ValueType::TextList => "BYTES",
        ValueType::Integer => "INT64",
        ValueType::Number | ValueType::NumberList => "FP64",
        ValueType::Boolean => "BOOL",
    }
}

/// The dimensions of a column: rows, and the length of a list.
pub(crate) fn shape(value_type: ValueType) -> &'static [i64] {
    if is_list(value_type) { &[-1, -1] } else { &[-1] }
}

/// The answer to `GET /v2/models/{model}`.
pub(crate) fn metadata(served: &Served, version: &Version) -> Value {
    let tensor = |spec: &ValueSpec| json!({ "name": spec.name, "datatype": datatype(spec.value_type), "shape": shape(spec.value_type) });
    let signature = version.signature();
    json!({
        "name": **version.name(),
        "versions": served.versions.keys().map(u64::to_string).collect::<Vec<_>>(),
        "platform": platform(version),
        "inputs": signature.inputs.iter().map(tensor).collect::<Vec<_>>(),
        "outputs": signature.outputs.iter().map(tensor).collect::<Vec<_>>(),
    })
}

/// The answer to `GET /v2/models/{model}/config`: what Triton's configuration says of a model and is true of this one.
pub(crate) fn config(version: &Version) -> Value {
    let data_type = |value_type| match datatype(value_type) {
        "BYTES" => "TYPE_STRING",
        "INT64" => "TYPE_INT64",
        "BOOL" => "TYPE_BOOL",
        _ => "TYPE_FP64",
    };
    let tensor = |spec: &ValueSpec| {
        let mut tensor = json!({
            "name": spec.name, "data_type": data_type(spec.value_type), "dims": shape(spec.value_type),
        });
        if spec.optional {
            tensor["optional"] = json!(true);
        }
        tensor
    };
    let signature = version.signature();
    json!({
        "name": **version.name(),
        "platform": platform(version),
        "backend": "deskmill",
        "max_batch_size": 0,
        "input": signature.inputs.iter().map(tensor).collect::<Vec<_>>(),
        "output": signature.outputs.iter().map(tensor).collect::<Vec<_>>(),
    })
}

fn platform(version: &Version) -> String {
    format!("deskmill_{}", version.kind())
}
