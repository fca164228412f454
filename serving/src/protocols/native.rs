//! The native wire, which is also TensorFlow Serving's and KServe v1's: rows under `instances` are answered by objects
//! under `predictions`, columns under `inputs` by columns under `outputs`. A single output keeps its name, too.

use deskmill_models::explained::Reason;
use deskmill_models::kind::Signature;
use deskmill_models::rows::{RowLimits, from_columns, from_instances};
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::values::{Columns, Objects};
use super::{Decoded, Predicted, Reply, check_keys, misfit};
use crate::json::found;
use crate::loaded::Version;
use crate::problem::Problem;

const SIGNATURE_NAME: &str = "serving_default";

pub(super) fn decode(body: &Map<String, Value>, version: &Version, limits: RowLimits) -> Result<Decoded, Problem> {
    check_keys(body, "$", &["instances", "inputs", "signature_name"])?;
    if let Some(name) = body.get("signature_name").filter(|name| *name != SIGNATURE_NAME) {
        let expected = format!("`{SIGNATURE_NAME}` or no such key; a model has one signature");
        return Err(misfit("$.signature_name", expected, found(name), SIGNATURE_NAME.into()));
    }
    let signature = version.signature();
    let (rows, reply) = match (body.get("instances"), body.get("inputs")) {
        (Some(instances), None) => (from_instances(signature, instances, limits), Reply::Rows),
        (None, Some(inputs)) => (from_columns(signature, inputs, limits), Reply::Columns),
        (both, _) => {
            let found = if both.is_some() { "both" } else { "neither" };
            let expected = "one of `instances` (rows) and `inputs` (columns)";
            return Err(misfit("$", expected, found, example(signature)));
        }
    };
    let rows = rows.map_err(|error| Problem::from_models(version.name(), error))?;
    Ok(Decoded { rows, reply })
}

/// KServe's explanations are of rows; columns are refused.
pub(super) fn decode_explain(
    body: &Map<String, Value>,
    version: &Version,
    limits: RowLimits,
) -> Result<Decoded, Problem> {
    check_keys(body, "$", &["instances", "signature_name"])?;
    let decoded = decode(body, version, limits)?;
    Ok(Decoded {
        reply: Reply::Explained,
        ..decoded
    })
}

/// A body that this signature accepts.
fn example(signature: &Signature) -> Value {
    let row: Map<String, Value> = signature
        .inputs
        .iter()
        .map(|i| (i.name.clone(), i.example.clone()))
        .collect();
    json!({ "instances": [row] })
}

pub(super) fn encode_rows(predicted: &Predicted<'_>) -> serde_json::Result<Vec<u8>> {
    write(predicted, |answer| {
        answer.serialize_entry("predictions", &Objects(&predicted.rows))
    })
}

pub(super) fn encode_explained(predicted: &Predicted<'_>) -> serde_json::Result<Vec<u8>> {
    let of = |reasons: &Vec<Reason>| -> Value {
        let one = |reason: &Reason| json!({ "name": reason.name, "weight": reason.weight });
        reasons.iter().map(one).collect()
    };
    let explanations: Vec<Value> = predicted.reasons.iter().flatten().map(of).collect();
    write(predicted, |answer| {
        answer.serialize_entry("predictions", &Objects(&predicted.rows))?;
        answer.serialize_entry("explanations", &explanations)
    })
}

pub(super) fn encode_columns(predicted: &Predicted<'_>) -> serde_json::Result<Vec<u8>> {
    write(predicted, |answer| {
        answer.serialize_entry("outputs", &Columns(&predicted.rows))
    })
}

/// An answer that names its model and version and, if it comes from further down the ladder, says so.
pub(super) fn write(
    predicted: &Predicted<'_>,
    parts: impl FnOnce(&mut Answer<'_>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(256);
    let mut writer = serde_json::Serializer::new(&mut body);
    let mut answer = writer.serialize_map(None)?;
    parts(&mut answer)?;
    answer.serialize_entry("model_name", predicted.name)?;
    answer.serialize_entry("model_version", predicted.version)?;
    if let Some(degraded) = predicted.degraded {
        answer.serialize_entry("degraded", degraded)?;
    }
    SerializeMap::end(answer)?;
    Ok(body)
}

/// The object that is being written.
pub(super) type Answer<'a> = serde_json::ser::Compound<'a, &'a mut Vec<u8>, serde_json::ser::CompactFormatter>;
