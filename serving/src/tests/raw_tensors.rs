//! The binary extension of the Open Inference Protocol, and packed bodies.

use std::io::Write;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::*;

/// A request with JSON and raw bytes behind it.
async fn raw(app: &Router, model: &str, head: Value, behind: &[u8]) -> Reply {
    let head = head.to_string();
    let request = Request::post(format!("/v2/models/{model}/infer"))
        .header("content-type", "application/octet-stream")
        .header("inference-header-content-length", head.len());
    let body = [head.as_bytes(), behind].concat();
    send(app, request.body(Body::from(body)).unwrap()).await
}

fn texts(texts: &[&str]) -> Vec<u8> {
    let one = |text: &&str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    texts.iter().flat_map(one).collect()
}

fn tensor(name: &str, shape: Value, datatype: &str, bytes: usize) -> Value {
    json!({"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": bytes}})
}

/// The JSON of an answer, and its raw tensors one after the other.
fn parts(reply: &Reply) -> (Value, Vec<Vec<u8>>) {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(reply.header("content-type"), "application/octet-stream");
    let len: usize = reply.header("inference-header-content-length").parse().unwrap();
    let (head, mut behind) = reply.bytes.split_at(len);
    let head: Value = serde_json::from_slice(head).unwrap();
    let mut tensors = Vec::new();
    for output in head["outputs"].as_array().unwrap() {
        let size = output["parameters"]["binary_data_size"].as_u64().unwrap_or(0) as usize;
        let (tensor, rest) = behind.split_at(size);
        tensors.push(tensor.to_vec());
        behind = rest;
    }
    assert!(behind.is_empty());
    (head, tensors)
}

#[tokio::test]
async fn raw_tensors_are_answered_by_raw_tensors() {
    let app = default_app();
    let behind = texts(&["hi", "我的包裹在哪里？"]);
    let head = json!({
        "id": "7",
        "inputs": [tensor("text", json!([2]), "BYTES", behind.len())],
        "parameters": {"binary_data_output": true},
    });
    let (head, tensors) = parts(&raw(&app, "intent", head, &behind).await);
    insta::assert_snapshot!(head.to_string(), @r#"{"model_name":"intent","model_version":"2","id":"7","outputs":[{"name":"label","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":17}},{"name":"score","datatype":"FP64","shape":[2],"parameters":{"binary_data_size":16}},{"name":"labels","datatype":"BYTES","shape":[2,2],"parameters":{"binary_data_size":30}},{"name":"stamp","datatype":"INT64","shape":[2],"parameters":{"binary_data_size":16}}]}"#);
    assert_eq!(tensors[0], texts(&["short", "long"]));
    assert_eq!(tensors[1], [0.75f64.to_le_bytes(), 0.75f64.to_le_bytes()].concat());
    assert_eq!(tensors[2], texts(&["short", "", "long", "short"]));
    assert_eq!(tensors[3], [2i64.to_le_bytes(), 2i64.to_le_bytes()].concat());
}

#[tokio::test]
async fn each_output_travels_as_asked_for() {
    let head = json!({
        "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["hi"]}],
        "outputs": [{"name": "stamp", "parameters": {"binary_data": true}}, {"name": "label"}],
    });
    let reply = post(&default_app(), "/v2/models/intent/infer", head).await;
    let (head, tensors) = parts(&reply);
    assert_eq!(head["outputs"][1]["data"], json!(["short"]));
    assert_eq!(tensors, [2i64.to_le_bytes().to_vec(), vec![]]);
}

#[tokio::test]
async fn raw_tensors_of_every_type_mean_what_json_means() {
    let app = default_app();
    let parts: [(&str, Value, &str, Vec<u8>); 7] = [
        ("text", json!([1, 1]), "BYTES", texts(&["a"])),
        ("count", json!([1]), "INT32", (-7i32).to_le_bytes().to_vec()),
        ("amount", json!([1]), "FP32", 0.5f32.to_le_bytes().to_vec()),
        ("open", json!([1]), "BOOL", vec![1]),
        ("at", json!([1]), "BYTES", texts(&["2026-11-22T20:58:00Z"])),
        ("tags", json!([1, 2]), "BYTES", texts(&["x", "y"])),
        ("waits", json!([1, 0]), "FP64", vec![]),
    ];
    let tensors: Vec<Value> = parts
        .iter()
        .map(|(name, shape, datatype, bytes)| tensor(name, shape.clone(), datatype, bytes.len()))
        .collect();
    let behind: Vec<u8> = parts.iter().flat_map(|part| part.3.clone()).collect();
    let reply = raw(&app, "mirror", json!({"inputs": tensors}), &behind).await;
    let by_json = json!({"inputs": [
        {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]},
        {"name": "count", "shape": [1], "datatype": "INT64", "data": [-7]},
        {"name": "amount", "shape": [1], "datatype": "FP64", "data": [0.5]},
        {"name": "open", "shape": [1], "datatype": "BOOL", "data": [true]},
        {"name": "at", "shape": [1], "datatype": "BYTES", "data": ["2026-11-22T20:58:00Z"]},
        {"name": "tags", "shape": [1, 2], "datatype": "BYTES", "data": ["x", "y"]},
        {"name": "waits", "shape": [1, 0], "datatype": "FP64", "data": []},
    ]});
    assert_eq!(
        reply.json(),
        post(&app, "/v2/models/mirror/infer", by_json).await.json()
    );
}

#[tokio::test]
async fn raw_tensors_that_do_not_fit_are_refused() {
    let app = default_app();
    let two = texts(&["a", "b"]);
    let one = |shape: Value, datatype: &str, bytes: usize| json!({"inputs": [tensor("text", shape, datatype, bytes)]});
    let mut told = String::new();
    for (head, behind) in [
        (one(json!([2]), "BYTES", 11), &two[..]),
        (one(json!([2]), "BYTES", 9), &two[..]),
        (one(json!([1]), "BYTES", 10), &two[..]),
        (one(json!([2]), "BYTES", 10), &two[..]),
        (one(json!([u64::MAX]), "BYTES", 0), &[]),
        (one(json!([1]), "FP16", 0), &[]),
        (
            json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}),
            &two[..],
        ),
        (
            json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"],
                "parameters": {"binary_data_size": 1}}]}),
            &two[..],
        ),
        (
            json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES",
                "parameters": {"shared_memory_region": "x"}}]}),
            &[],
        ),
        (
            json!({"inputs": [], "outputs": [{"name": "label", "parameters": {"classification": 2}}]}),
            &[],
        ),
    ] {
        let reply = raw(&app, "intent", head, behind).await;
        let detail = reply.json().get("detail").map(ToString::to_string).unwrap_or_default();
        told.push_str(&format!("{} {detail}\n", reply.status.as_u16()));
    }
    insta::assert_snapshot!(told, @r#"
    400 "$.inputs[0].parameters.binary_data_size: expected a whole number of at most 10, which is what follows the JSON, found another value"
    400 "1 bytes behind the JSON belong to no tensor"
    400 "$.inputs[0].data: expected 1 values, as the shape says, flat or nested like the shape, found 2 values"
    200 
    400 "$.inputs[0].shape: expected at most 1000 rows in one request, found 18446744073709551615 rows"
    400 "$.inputs[0].datatype: expected `BYTES`, found another datatype"
    400 "10 bytes behind the JSON belong to no tensor"
    400 "$.inputs[0]: expected either `data` or the parameter `binary_data_size`, found both"
    400 "$.inputs[0].parameters: expected values in the request: memory is not shared with callers, found a region of shared memory"
    400 "$.outputs[0].parameters.classification: expected no such parameter, found one that is not done here"
    "#);
    for length in ["9999", "-1", "x"] {
        let request = Request::post("/v2/models/intent/infer").header("inference-header-content-length", length);
        let reply = send(&app, request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{length}");
    }
    // A null that bytes cannot show is said to be one.
    let null = json!({
        "inputs": [
            {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]},
            {"name": "count", "shape": [1], "datatype": "INT64", "data": [null]},
            {"name": "amount", "shape": [1], "datatype": "FP64", "data": [null]},
            {"name": "open", "shape": [1], "datatype": "BOOL", "data": [null]},
            {"name": "at", "shape": [1], "datatype": "BYTES", "data": [null]},
            {"name": "tags", "shape": [1, 0], "datatype": "BYTES", "data": []},
            {"name": "waits", "shape": [1, 0], "datatype": "FP64", "data": []},
        ],
        "outputs": [{"name": "count", "parameters": {"binary_data": true}}],
    });
    let reply = post(&app, "/v2/models/mirror/infer", null).await;
    insta::assert_snapshot!(reply.json()["detail"], @r#""$.outputs.count: expected an answer without nulls; ask for this output as JSON, found a null""#);
}

#[tokio::test]
async fn packed_bodies_are_read_on_every_wire_and_bombs_are_not() {
    let app = ranker_app();
    let gzip = |body: &[u8]| {
        let mut writer = GzEncoder::new(Vec::new(), Compression::best());
        writer.write_all(body).unwrap();
        writer.finish().unwrap()
    };
    let ask = async |path: &str, body: Vec<u8>| {
        let request = Request::post(path).header("content-encoding", "gzip");
        send(&app, request.body(Body::from(body)).unwrap()).await
    };
    for (path, body) in [
        ("/v1/models/ranker:predict", json!({"instances": ["hi"]})),
        (
            "/models/ranker/invocations",
            json!({"dataframe_records": [{"text": "hi"}]}),
        ),
        ("/models/ranker", json!({"inputs": "hi"})),
    ] {
        let packed = ask(path, gzip(body.to_string().as_bytes())).await;
        assert_eq!(packed.status, StatusCode::OK, "{}", packed.body);
        assert_eq!(packed.json(), post(&app, path, body).await.json());
    }
    let path = "/v1/models/ranker:predict";
    let bomb = ask(path, gzip(&vec![b' '; 100_000_000])).await;
    assert_eq!(bomb.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", bomb.body);
    let steep = ask(path, gzip(&vec![b' '; 1_000_000])).await;
    insta::assert_snapshot!(steep.json()["detail"], @r#""unpacked, the body is more than 200 times as large as it was sent""#);
    let damaged = ask(path, b"no gzip".to_vec()).await;
    insta::assert_snapshot!(damaged.json()["detail"], @r#""the body is not what its Content-Encoding says, or is cut off""#);
}
