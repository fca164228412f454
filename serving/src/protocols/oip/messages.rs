//! The messages of `GRPCInferenceService` (package `inference`), as the Open Inference Protocol's proto file numbers them.
//! Written by hand, so that no protoc is needed; tests hold them against bytes that tritonclient's own messages gave.

use std::collections::HashMap;

use prost::{Message, Oneof};

/// The answer to `ServerLive`, `ServerReady` and `ModelReady`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Flag {
    #[prost(bool, tag = "1")]
    pub(crate) is: bool,
}

/// A request that names a model: `ModelReady`, `ModelMetadata`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NamedModel {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
}

/// The answer to `ServerMetadata`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ServerMetadata {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) extensions: Vec<String>,
}

/// The answer to `ModelMetadata`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelMetadata {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, repeated, tag = "2")]
    pub(crate) versions: Vec<String>,
    #[prost(string, tag = "3")]
    pub(crate) platform: String,
    #[prost(message, repeated, tag = "4")]
    pub(crate) inputs: Vec<TensorMetadata>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) outputs: Vec<TensorMetadata>,
}

/// A tensor of a model.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorMetadata {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) shape: Vec<i64>,
}

/// A prediction asked for.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct InferRequest {
    #[prost(string, tag = "1")]
    pub(crate) model_name: String,
    #[prost(string, tag = "2")]
    pub(crate) model_version: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) inputs: Vec<InputTensor>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) outputs: Vec<RequestedOutput>,
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub(crate) raw_input_contents: Vec<bytes::Bytes>,
}

/// One of its tensors.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct InputTensor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) shape: Vec<i64>,
    #[prost(map = "string, message", tag = "4")]
    pub(crate) parameters: HashMap<String, Parameter>,
    #[prost(message, optional, tag = "5")]
    pub(crate) contents: Option<Contents>,
}

/// An output asked for.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestedOutput {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(map = "string, message", tag = "2")]
    pub(crate) parameters: HashMap<String, Parameter>,
}

/// A parameter.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Parameter {
    #[prost(oneof = "Choice", tags = "1, 2, 3, 4, 5")]
    pub(crate) choice: Option<Choice>,
}

/// Its value.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Choice {
    #[prost(bool, tag = "1")]
    Flag(bool),
    #[prost(int64, tag = "2")]
    Whole(i64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(double, tag = "4")]
    Number(f64),
    #[prost(uint64, tag = "5")]
    Unsigned(u64),
}

/// Values of a tensor that do not travel raw.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Contents {
    #[prost(bool, repeated, tag = "1")]
    pub(crate) flags: Vec<bool>,
    #[prost(int32, repeated, tag = "2")]
    pub(crate) ints: Vec<i32>,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) longs: Vec<i64>,
    #[prost(uint32, repeated, tag = "4")]
    pub(crate) unsigned_ints: Vec<u32>,
    #[prost(uint64, repeated, tag = "5")]
    pub(crate) unsigned_longs: Vec<u64>,
    #[prost(float, repeated, tag = "6")]
    pub(crate) floats: Vec<f32>,
    #[prost(double, repeated, tag = "7")]
    pub(crate) doubles: Vec<f64>,
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub(crate) texts: Vec<bytes::Bytes>,
}

/// A prediction. Its tensors travel raw.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct InferResponse {
    #[prost(string, tag = "1")]
    pub(crate) model_name: String,
    #[prost(string, tag = "2")]
    pub(crate) model_version: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(map = "string, message", tag = "4")]
    pub(crate) parameters: HashMap<String, Parameter>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) outputs: Vec<TensorMetadata>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(crate) raw_output_contents: Vec<Vec<u8>>,
}

/// The answer to `grpc.health.v1.Health/Check`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HealthCheck {
    #[prost(int32, tag = "1")]
    pub(crate) status: i32,
}

/// The request of `RepositoryIndex`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct IndexRequest {
    #[prost(bool, tag = "2")]
    pub(crate) ready: bool,
}

/// The answer to `RepositoryIndex`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Index {
    #[prost(message, repeated, tag = "1")]
    pub(crate) models: Vec<IndexEntry>,
}

/// A version in the repository.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct IndexEntry {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
    #[prost(string, tag = "3")]
    pub(crate) state: String,
    #[prost(string, tag = "4")]
    pub(crate) reason: String,
}
