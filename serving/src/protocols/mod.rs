//! The wires: each turns a body into rows and predictions into a body, and nothing else. One file a wire.

mod native;
mod oip;

use arrow::array::RecordBatch;
use deskmill_models::rows::RowLimits;
use serde_json::{Map, Value};

use crate::json;
use crate::loaded::Version;
use crate::problem::{Problem, shown};

pub(crate) use oip::{datatype, metadata};

/// A protocol that a request can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Rows or columns of JSON: TensorFlow Serving's REST shape.
    Native,
    /// The Open Inference Protocol, version 2.
    OpenInference,
}

/// A body understood: the rows, and the shape its answer is to have.
pub(crate) struct Decoded {
    pub(crate) rows: RecordBatch,
    pub(crate) reply: Reply,
}

/// The shape of an answer.
pub(crate) enum Reply {
    /// One object a row.
    Rows,
    /// One array a column.
    Columns,
    /// Tensors of the Open Inference Protocol.
    Tensors(oip::Tensors),
}

impl Wire {
    /// Rows that fit the version's signature.
    pub(crate) fn decode(self, body: &[u8], version: &Version, limits: RowLimits) -> Result<Decoded, Problem> {
        let body = object(json::parse(body)?)?;
        match self {
            Wire::Native => native::decode(&body, version, limits),
            Wire::OpenInference => oip::decode(&body, version, limits),
        }
    }
}

impl Reply {
    /// The body for these predictions.
    pub(crate) fn encode(&self, version: &Version, predicted: &RecordBatch) -> serde_json::Result<Vec<u8>> {
        match self {
            Reply::Rows => native::encode_rows(version, predicted),
            Reply::Columns => native::encode_columns(version, predicted),
            Reply::Tensors(tensors) => oip::encode(tensors, version, predicted),
        }
    }
}

fn object(body: Value) -> Result<Map<String, Value>, Problem> {
    match body {
        Value::Object(object) => Ok(object),
        other => Err(Problem::body(format!(
            "the body is {}; a JSON object is expected",
            json::found(&other)
        ))),
    }
}

/// Refuses keys that nothing would be done with.
fn check_keys(object: &Map<String, Value>, path: &str, known: &[&str]) -> Result<(), Problem> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Problem::value(
            format!("{path}.{}", shown(key)),
            format!("only the keys {}", known.join(", ")),
            "a key that is not known here".to_owned(),
            known.first().copied().unwrap_or_default().into(),
        )),
    }
}

#[cfg(test)]
mod tests;
