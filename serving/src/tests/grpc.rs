//! `GRPCInferenceService` through the router: frames, statuses, tensors.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, Request};
use futures::future::poll_fn;
use prost::Message;
use serde_json::json;

use super::*;
use crate::protocols::messages::{
    Choice, Contents, Flag, HealthCheck, InferRequest, InferResponse, InputTensor, ModelMetadata, NamedModel,
    RequestedOutput,
};

/// What a call gave: the message, the code, the text of a refusal.
struct Called {
    message: Vec<u8>,
    status: String,
    text: String,
}

async fn call_bytes(app: &Router, path: &str, body: Vec<u8>) -> Called {
    let request = Request::post(path).header("content-type", "application/grpc");
    let response = app
        .clone()
        .oneshot(request.body(Body::from(body)).unwrap())
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let text = |headers: &HeaderMap, name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    let (head, mut body) = response.into_parts();
    let (mut data, mut status) = (Vec::new(), text(&head.headers, "grpc-status"));
    while let Some(frame) = poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {
        match frame.unwrap().into_data() {
            Ok(bytes) => data.extend(bytes),
            Err(frame) => status = text(frame.trailers_ref().unwrap(), "grpc-status"),
        }
    }
    Called {
        message: data.split_off(data.len().min(5)),
        status,
        text: text(&head.headers, "grpc-message"),
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

async fn call(app: &Router, method: &str, message: &impl Message) -> Called {
    let path = format!("/inference.GRPCInferenceService/{method}");
    call_bytes(app, &path, framed(&message.encode_to_vec())).await
}

fn tensor(name: &str, datatype: &str, shape: Vec<i64>) -> InputTensor {
    InputTensor {
        name: name.into(),
        datatype: datatype.into(),
        shape,
        ..InputTensor::default()
    }
}

fn texts(texts: &[&str]) -> Contents {
    Contents {
        texts: texts
            .iter()
            .map(|text| Bytes::copy_from_slice(text.as_bytes()))
            .collect(),
        ..Contents::default()
    }
}

fn infer(texts_of: &[&str]) -> InferRequest {
    let mut input = tensor("text", "BYTES", vec![texts_of.len() as i64]);
    input.contents = Some(texts(texts_of));
    InferRequest {
        model_name: "intent".into(),
        id: "a-1".into(),
        inputs: vec![input],
        ..InferRequest::default()
    }
}

#[tokio::test]
async fn tensors_are_answered_raw() {
    let app = default_app();
    let called = call(&app, "ModelInfer", &infer(&["hi", "a longer text"])).await;
    assert_eq!((called.status.as_str(), called.text.as_str()), ("0", ""));
    let answer = InferResponse::decode(&called.message[..]).unwrap();
    assert_eq!((answer.id.as_str(), answer.model_version.as_str()), ("a-1", "2"));
    let shapes: Vec<(&str, &[i64])> = answer.outputs.iter().map(|o| (o.name.as_str(), &o.shape[..])).collect();
    assert_eq!(
        shapes,
        [
            ("label", &[2][..]),
            ("score", &[2]),
            ("labels", &[2, 2]),
            ("stamp", &[2])
        ]
    );
    assert_eq!(
        answer.raw_output_contents[3],
        [2i64.to_le_bytes(), 2i64.to_le_bytes()].concat()
    );

    // The same from raw contents, and the outputs in the order asked for.
    let mut raw = infer(&["hi", "a longer text"]);
    raw.inputs[0].contents = None;
    raw.raw_input_contents = vec![Bytes::from_static(b"\x02\0\0\0hi\x0d\0\0\0a longer text")];
    raw.model_version = "1".into();
    raw.outputs = ["stamp", "label"]
        .map(|name| RequestedOutput {
            name: name.into(),
            ..RequestedOutput::default()
        })
        .to_vec();
    let called = call(&app, "ModelInfer", &raw).await;
    let other = InferResponse::decode(&called.message[..]).unwrap();
    assert_eq!(
        other.raw_output_contents[0],
        [1i64.to_le_bytes(), 1i64.to_le_bytes()].concat()
    );
    assert_eq!(other.raw_output_contents[1], answer.raw_output_contents[0]);
}

#[test]
fn messages_are_read_as_public_clients_write_them() {
    // `service_pb2.ModelInferRequest(...).SerializeToString()` of tritonclient 2.73.
    let sent =
        b"\n\x06intent\x12\x012\x1a\x03a-1*\'\n\x04text\x12\x05BYTES\x1a\x01\x01\"\x15\n\x0ccontent_type\x12\x05\
        \x1a\x03str2\x1d\n\x05stamp\x12\x14\n\x0eclassification\x12\x02\x10\x03:\x06\x02\x00\x00\x00hi";
    let read = InferRequest::decode(&sent[..]).unwrap();
    let text = Choice::Text("str".into());
    assert_eq!(read.inputs[0].parameters["content_type"].choice, Some(text));
    assert_eq!(
        (read.inputs[0].name.as_str(), &read.inputs[0].shape[..]),
        ("text", &[1][..])
    );
    assert_eq!(
        read.outputs[0].parameters["classification"].choice,
        Some(Choice::Whole(3))
    );
    assert_eq!(&read.raw_input_contents[0][..], b"\x02\0\0\0hi");
    assert_eq!(read.encode_to_vec(), sent);
}

#[tokio::test]
async fn every_type_has_its_contents() {
    let mut inputs = vec![
        tensor("text", "BYTES", vec![1]),
        tensor("count", "INT32", vec![1]),
        tensor("amount", "FP32", vec![1]),
        tensor("open", "BOOL", vec![1]),
        tensor("at", "BYTES", vec![1]),
        tensor("tags", "BYTES", vec![1, 2]),
        tensor("waits", "FP64", vec![1, 1]),
    ];
    let contents = [
        texts(&["退款"]),
        Contents {
            ints: vec![-7],
            ..Contents::default()
        },
        Contents {
            floats: vec![0.5],
            ..Contents::default()
        },
        Contents {
            flags: vec![true],
            ..Contents::default()
        },
        texts(&["2026-11-22T20:58:00Z"]),
        texts(&["x", "y"]),
        Contents {
            doubles: vec![5e-324],
            ..Contents::default()
        },
    ];
    for (input, contents) in inputs.iter_mut().zip(contents) {
        input.contents = Some(contents);
    }
    let request = InferRequest {
        model_name: "mirror".into(),
        inputs,
        ..InferRequest::default()
    };
    let called = call(&default_app(), "ModelInfer", &request).await;
    assert_eq!((called.status.as_str(), called.text.as_str()), ("0", ""));
    let answer = InferResponse::decode(&called.message[..]).unwrap();
    let raw = &answer.raw_output_contents;
    assert_eq!(raw[0], [&6u32.to_le_bytes()[..], "退款".as_bytes()].concat());
    assert_eq!(
        (&raw[1][..], &raw[2][..]),
        (&(-7i64).to_le_bytes()[..], &0.5f64.to_le_bytes()[..])
    );
    assert_eq!((&raw[3][..], &raw[6][..]), (&[1][..], &5e-324f64.to_le_bytes()[..]));
}

#[tokio::test]
async fn what_is_wrong_has_its_code() {
    let app = default_app();
    let mut told = String::new();
    let mut tell = |called: Called| {
        assert!(called.message.is_empty());
        told.push_str(&format!("{} {}\n", called.status, called.text));
    };
    let mut request = infer(&["a"]);
    request.model_name = "nöne".into();
    tell(call(&app, "ModelInfer", &request).await);
    request = infer(&["a", "b"]);
    request.inputs[0].shape = vec![3];
    tell(call(&app, "ModelInfer", &request).await);
    request.inputs[0].shape = vec![-1];
    tell(call(&app, "ModelInfer", &request).await);
    request.raw_input_contents = vec![Bytes::new(), Bytes::new()];
    tell(call(&app, "ModelInfer", &request).await);
    tell(call(&app, "ModelInfer", &infer(&vec!["a"; 1001])).await);
    tell(call(&app, "ModelInvent", &request).await);
    let path = "/inference.GRPCInferenceService/ModelInfer";
    tell(call_bytes(&app, path, vec![]).await);
    tell(call_bytes(&app, path, vec![0, 0, 0, 0, 9, 1]).await);
    tell(call_bytes(&app, path, framed(&[0xff; 9])).await);
    tell(call_bytes(&app, path, vec![7, 0, 0, 0, 0]).await);
    insta::assert_snapshot!(told, @"
    5 there is no model `n%C3%B6ne` (hint: models: intent, mirror)
    3 $.inputs[0].data: expected 3 values, as the shape says, flat or nested like the shape, found 2 values
    3 $.inputs[0].shape: expected whole numbers from 0, found a negative one
    3 $.raw_input_contents: expected 1 raw tensors, one for each input, or none, found 2 raw tensors
    3 $.inputs[0].shape: expected at most 1000 rows in one request, found 1001 rows
    5 there is no method `ModelInvent`
    3 the body is not one whole gRPC message
    3 the body is not one whole gRPC message
    3 the message is not of the type that this method takes
    3 the body is not one whole gRPC message
    ");
}

#[tokio::test]
async fn the_server_and_its_models_describe_themselves() {
    let app = default_app();
    for method in ["ServerLive", "ServerReady"] {
        let called = call(&app, method, &NamedModel::default()).await;
        assert!(Flag::decode(&called.message[..]).unwrap().is);
    }
    for (name, ready) in [("intent", true), ("none", false)] {
        let model = NamedModel {
            name: name.into(),
            version: String::new(),
        };
        let called = call(&app, "ModelReady", &model).await;
        assert_eq!(Flag::decode(&called.message[..]).unwrap().is, ready);
    }
    let model = NamedModel {
        name: "intent".into(),
        version: "1".into(),
    };
    let called = call(&app, "ModelMetadata", &model).await;
    let metadata = ModelMetadata::decode(&called.message[..]).unwrap();
    assert_eq!((metadata.name.as_str(), metadata.versions.len()), ("intent", 2));
    assert_eq!(metadata.outputs[2].shape, [-1, -1]);
    let health = call_bytes(&app, "/grpc.health.v1.Health/Check", framed(&[])).await;
    assert_eq!(HealthCheck::decode(&health.message[..]).unwrap().status, 1);
    // What is asked over gRPC is counted like the rest.
    call(&app, "ModelInfer", &infer(&["a"])).await;
    let metrics = get(&app, "/metrics").await.body;
    let counted = r#"deskmill_requests_total{model="intent",version="2",route="grpc_infer",status="200"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    let mut missing = infer(&["a"]);
    missing.model_name = "none".into();
    call(&app, "ModelInfer", &missing).await;
    let metrics = get(&app, "/metrics").await.body;
    assert!(metrics.contains(r#"route="grpc_infer",status="404"} 1"#), "{metrics}");
    assert_eq!(json!(metadata.platform), json!("deskmill_stamp"));
}
