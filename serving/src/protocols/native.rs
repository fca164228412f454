//! The native wire, which is also TensorFlow Serving's and KServe v1's: rows under `instances` are answered by objects
//! under `predictions`, columns under `inputs` by columns under `outputs`. A single output keeps its name, too.

use arrow::array::{Array, RecordBatch};
use deskmill_models::kind::Signature;
use deskmill_models::rows::{RowLimits, from_columns, from_instances, to_objects, value_at};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::{Decoded, Reply, check_keys};
use crate::json::found;
use crate::loaded::Version;
use crate::problem::Problem;

const SIGNATURE_NAME: &str = "serving_default";

pub(super) fn decode(body: &Map<String, Value>, version: &Version, limits: RowLimits) -> Result<Decoded, Problem> {
    check_keys(body, "$", &["instances", "inputs", "signature_name"])?;
    if let Some(name) = body.get("signature_name").filter(|name| *name != SIGNATURE_NAME) {
        let expected = format!("`{SIGNATURE_NAME}` or no such key; a model has one signature");
        let path = "$.signature_name".to_owned();
        return Err(Problem::value(
            path,
            expected,
            found(name).to_owned(),
            SIGNATURE_NAME.into(),
        ));
    }
    let signature = version.signature();
    let (rows, reply) = match (body.get("instances"), body.get("inputs")) {
        (Some(instances), None) => (from_instances(signature, instances, limits), Reply::Rows),
        (None, Some(inputs)) => (from_columns(signature, inputs, limits), Reply::Columns),
        (both, _) => {
            let found = if both.is_some() { "both" } else { "neither" };
            let expected = "one of `instances` (rows) and `inputs` (columns)".to_owned();
            return Err(Problem::value(
                "$".to_owned(),
                expected,
                found.to_owned(),
                example(signature),
            ));
        }
    };
    let rows = rows.map_err(|error| Problem::from_models(version.name(), error))?;
    Ok(Decoded { rows, reply })
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

pub(super) fn encode_rows(version: &Version, predicted: &RecordBatch) -> serde_json::Result<Vec<u8>> {
    encode("predictions", &to_objects(predicted), version)
}

pub(super) fn encode_columns(version: &Version, predicted: &RecordBatch) -> serde_json::Result<Vec<u8>> {
    let schema = predicted.schema();
    let column = |(name, column): (&arrow::datatypes::FieldRef, &arrow::array::ArrayRef)| {
        let values: Value = (0..column.len()).map(|row| value_at(column, row)).collect();
        (name.name().clone(), values)
    };
    let columns: Map<String, Value> = schema.fields().iter().zip(predicted.columns()).map(column).collect();
    encode("outputs", &columns, version)
}

fn encode(key: &'static str, value: &impl Serialize, version: &Version) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Named { key, value, version })
}

/// An answer that names its model and version.
struct Named<'a, T> {
    key: &'static str,
    value: &'a T,
    version: &'a Version,
}

impl<T: Serialize> Serialize for Named<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(self.key, self.value)?;
        map.serialize_entry("model_name", &**self.version.name())?;
        map.serialize_entry("model_version", self.version.text())?;
        map.end()
    }
}
