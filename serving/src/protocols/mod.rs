//! The wires: each turns a body into rows and predictions into a body, and nothing else. One file a wire; all of them
//! make rows by [`deskmill_models::rows`], so that the same row means the same on each.

mod csv;
mod hugging_face;
mod mlflow;
mod native;
mod oip;
mod tensorflow;
mod values;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use deskmill_models::explained::Reason;
use deskmill_models::kind::{Signature, ValueType};
use deskmill_models::rows::RowLimits;
use serde_json::{Map, Value};

use crate::fallback::Degraded;
use crate::json;
use crate::loaded::Version;
use crate::problem::{Problem, shown};

pub(crate) use hugging_face::can_classify;
pub(crate) use oip::{config, datatype, grpc, messages, metadata, shape};
pub(crate) use tensorflow::{regressed, signature_def, version_status};

/// A protocol that a request can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Rows or columns of JSON: TensorFlow Serving's REST shape.
    Predict,
    /// The same with what spoke for each answer: KServe v1.
    Explain,
    /// Labels with scores for TensorFlow Serving's examples.
    Classify,
    /// One number for each of TensorFlow Serving's examples.
    Regress,
    /// The Open Inference Protocol, version 2. The binary extension says how many bytes of the body are JSON.
    OpenInference { json_bytes: Option<usize> },
    /// MLflow's scoring protocol as JSON.
    Mlflow,
    /// MLflow's scoring protocol as CSV.
    MlflowCsv,
    /// Hugging Face's text classification: always a list of lists.
    Pipeline,
    /// The same as text-embeddings-inference answers it: one text by one list.
    TextClassification,
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
    /// One object a row and its reasons.
    Explained,
    /// Pairs of label and score a row.
    Classes,
    /// The value of this output, of each row.
    Values(usize),
    /// Tensors of the Open Inference Protocol.
    Tensors(oip::Tensors),
    /// The same as a message of gRPC.
    Message(oip::Tensors),
    /// Objects of label and score, by row.
    Labels(hugging_face::Asked),
}

/// What a model answered, and how it came to be asked.
pub(crate) struct Predicted<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// Of the version asked for, whoever answered.
    pub(crate) signature: &'a Signature,
    pub(crate) rows: RecordBatch,
    /// What spoke for each row's answer, where it was asked for.
    pub(crate) reasons: Option<Vec<Vec<Reason>>>,
    /// Why this is not what the version asked for says.
    pub(crate) degraded: Option<&'a Degraded>,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) body: Vec<u8>,
    /// How many bytes of it are JSON, if raw tensors follow.
    pub(crate) json_bytes: Option<usize>,
}

impl From<Vec<u8>> for Encoded {
    fn from(body: Vec<u8>) -> Self {
        Self { body, json_bytes: None }
    }
}

impl Wire {
    /// Rows that fit the signature of `version`.
    pub(crate) fn decode(self, body: &[u8], version: &Version, limits: RowLimits) -> Result<Decoded, Problem> {
        let parsed = |body| object(json::parse(body)?);
        match self {
            Wire::Predict => native::decode(&parsed(body)?, version, limits),
            Wire::Explain => native::decode_explain(&parsed(body)?, version, limits),
            Wire::Classify => tensorflow::decode_classify(parsed(body)?, version, limits),
            Wire::Regress => tensorflow::decode_regress(parsed(body)?, version, limits),
            Wire::OpenInference { json_bytes } => {
                let (written, raw) = oip::split(body, json_bytes)?;
                oip::decode(&parsed(written)?, raw, version, limits)
            }
            Wire::Mlflow => mlflow::decode(&parsed(body)?, version, limits),
            Wire::MlflowCsv => mlflow::decode_csv(body, version, limits),
            Wire::Pipeline => hugging_face::decode_pipeline(&parsed(body)?, version, limits),
            Wire::TextClassification => hugging_face::decode_predict(&parsed(body)?, version, limits),
        }
    }
}

impl Reply {
    /// Whether the answer is to say what spoke for it.
    pub(crate) fn wants_reasons(&self) -> bool {
        matches!(self, Reply::Explained)
    }

    /// The body for what was predicted.
    pub(crate) fn encode(&self, predicted: &Predicted<'_>) -> Result<Encoded, Problem> {
        let written = match self {
            Reply::Rows => native::encode_rows(predicted),
            Reply::Columns => native::encode_columns(predicted),
            Reply::Explained => native::encode_explained(predicted),
            Reply::Classes => tensorflow::encode_classes(predicted),
            Reply::Values(output) => tensorflow::encode_values(*output, predicted),
            Reply::Tensors(tensors) => return oip::encode(tensors, predicted),
            Reply::Message(tensors) => return oip::grpc::encode(tensors, predicted),
            Reply::Labels(asked) => hugging_face::encode(asked, predicted),
        };
        written
            .map(Encoded::from)
            .map_err(|error| Problem::internal(predicted.name, &error))
    }
}

/// The outputs that hold a model's labels and their scores, if it has such: what classification means on every wire.
pub(crate) fn classes(signature: &Signature) -> Option<(usize, usize)> {
    let find = |name, value_type| {
        let mut outputs = signature.outputs.iter();
        outputs.position(|output| output.name == name && output.value_type == value_type)
    };
    Some((
        find("labels", ValueType::TextList)?,
        find("scores", ValueType::NumberList)?,
    ))
}

/// The labels of a row with their scores, the likeliest first. Empty if the answer has none.
fn ranked(predicted: &Predicted<'_>, row: usize) -> Vec<(String, f64)> {
    let Some((labels, scores)) = classes(predicted.signature) else {
        return Vec::new();
    };
    let (labels, scores) = (
        predicted.rows.column(labels).as_list::<i32>(),
        predicted.rows.column(scores),
    );
    let (labels, scores) = (labels.value(row), scores.as_list::<i32>().value(row));
    let (labels, scores) = (labels.as_string::<i32>(), scores.as_primitive::<Float64Type>());
    let mut pairs: Vec<(String, f64)> = (0..labels.len().min(scores.len()))
        .map(|at| (labels.value(at).to_owned(), scores.value(at)))
        .collect();
    // Stable, so that equal scores stay in the model's order.
    pairs.sort_by(|a, b| b.1.total_cmp(&a.1));
    pairs
}

/// The problem of asking a model for classes that has none.
fn no_classes(version: &Version) -> Problem {
    let detail = format!("models of the kind `{}` do not rank labels", version.kind());
    Problem::body(detail).hint("ask it by `:predict`")
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

/// An error about rows with the path that the caller wrote instead of the one the validator knows.
fn renamed(error: deskmill_models::Error, from: &str, to: &str) -> deskmill_models::Error {
    match error {
        deskmill_models::Error::Row {
            path,
            expected,
            found,
            example,
        } => {
            let path = path
                .strip_prefix(from)
                .map_or_else(|| path.clone(), |rest| format!("{to}{rest}"));
            deskmill_models::Error::Row {
                path,
                expected,
                found,
                example,
            }
        }
        other => other,
    }
}

fn misfit(path: impl Into<String>, expected: impl Into<String>, found: impl Into<String>, example: Value) -> Problem {
    Problem::value(path.into(), expected.into(), found.into(), example)
}

#[cfg(test)]
mod tests;
