//! The Open Inference Protocol v2 with JSON tensors.

use axum::http::StatusCode;
use serde_json::json;

use super::*;

const INFER: &str = "/v2/models/intent/infer";

#[tokio::test]
async fn the_server_and_its_health_are_asked_as_clients_ask() {
    let app = default_app();
    insta::assert_snapshot!(get(&app, "/v2").await.body, @r#"{"name":"deskmill","version":"0.1.0","extensions":["binary_tensor_data","model_configuration","model_repository","statistics"]}"#);
    insta::assert_snapshot!(get(&app, "/v2/health/live").await.body, @r#"{"live":true}"#);
    insta::assert_snapshot!(get(&app, "/v2/health/ready").await.body, @r#"{"ready":true}"#);
    insta::assert_snapshot!(get(&app, "/v2/models/intent").await.body, @r#"{"name":"intent","versions":["1","2"],"platform":"deskmill_stamp","inputs":[{"name":"text","datatype":"BYTES","shape":[-1]}],"outputs":[{"name":"label","datatype":"BYTES","shape":[-1]},{"name":"score","datatype":"FP64","shape":[-1]},{"name":"labels","datatype":"BYTES","shape":[-1,-1]},{"name":"stamp","datatype":"INT64","shape":[-1]}]}"#);
    assert_eq!(
        get(&app, "/v2/models/intent/versions/1/ready").await.status,
        StatusCode::OK
    );
    assert_eq!(get(&app, "/v2/models/intent/ready").await.status, StatusCode::OK);
    assert_eq!(
        get(&app, "/v2/models/intent/versions/1").await.json()["versions"],
        json!(["1", "2"])
    );
    assert_eq!(get(&app, "/v2/models/none/ready").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn tensors_are_answered_by_tensors_and_short_lists_are_filled_up() {
    let request = json!({
        "id": "a-1",
        "inputs": [{"name": "text", "shape": [2, 1], "datatype": "BYTES", "data": [["hi"], ["a longer text"]]}],
    });
    let reply = post(&default_app(), INFER, request).await;
    insta::assert_snapshot!(reply.body, @r#"{"model_name":"intent","model_version":"2","id":"a-1","outputs":[{"name":"label","datatype":"BYTES","shape":[2],"data":["short","long"]},{"name":"score","datatype":"FP64","shape":[2],"data":[0.75,0.75]},{"name":"labels","datatype":"BYTES","shape":[2,2],"data":["short",null,"long","short"]},{"name":"stamp","datatype":"INT64","shape":[2],"data":[2,2]}]}"#);
    assert_eq!(reply.header("content-type"), "application/json");
}

#[tokio::test]
async fn outputs_are_given_as_asked_for() {
    let request = json!({
        "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["hi"], "parameters": {}}],
        "outputs": [{"name": "stamp"}, {"name": "label", "parameters": {"binary_data": false}}],
        "parameters": {},
    });
    let reply = post(&default_app(), INFER, request).await;
    insta::assert_snapshot!(reply.body, @r#"{"model_name":"intent","model_version":"2","outputs":[{"name":"stamp","datatype":"INT64","shape":[1],"data":[2]},{"name":"label","datatype":"BYTES","shape":[1],"data":["short"]}]}"#);
}

#[tokio::test]
async fn every_type_has_its_tensor() {
    let inputs = json!([
        {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["退款", "b"]},
        {"name": "count", "shape": [2], "datatype": "INT64", "data": [1, -2]},
        {"name": "amount", "shape": [2], "datatype": "FP64", "data": [0.1, 2.0]},
        {"name": "open", "shape": [2], "datatype": "BOOL", "data": [true, false]},
        {"name": "at", "shape": [2], "datatype": "BYTES", "data": ["2026-11-22T20:58:00Z", "1969-12-31T23:59:59.5Z"]},
        {"name": "tags", "shape": [2, 2], "datatype": "BYTES", "data": ["a", "b", "c", "d"]},
        {"name": "waits", "shape": [2, 1], "datatype": "FP64", "data": [1.5, 5e-324]},
    ]);
    let app = default_app();
    let reply = post(&app, "/v2/models/mirror/infer", json!({"inputs": inputs})).await;
    assert_eq!(reply.json()["outputs"], inputs);
    // Narrower numbers are accepted, lists may be empty.
    let mut narrow = inputs.clone();
    narrow[1]["datatype"] = json!("INT32");
    narrow[2]["datatype"] = json!("FP32");
    narrow[5] = json!({"name": "tags", "shape": [2, 0], "datatype": "BYTES", "data": []});
    let reply = post(&app, "/v2/models/mirror/infer", json!({"inputs": narrow})).await;
    narrow[1]["datatype"] = json!("INT64");
    narrow[2]["datatype"] = json!("FP64");
    assert_eq!(reply.json()["outputs"], narrow);
}

#[tokio::test]
async fn tensors_that_do_not_fit_are_named_by_their_path() {
    let app = default_app();
    let tensor = |name: &str, shape: Value, datatype: &str, data: Value| json!({"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]});
    let huge = 1u64 << 33;
    let mut told = String::new();
    for request in [
        json!({}),
        json!({"inputs": []}),
        json!({"inputs": {}}),
        json!({"inputs": [7]}),
        json!({"inputs": [], "id": 7}),
        json!({"inputs": [], "model": "x"}),
        json!({"inputs": [], "model_name": "x", "model_version": null}),
        json!({"inputs": [], "outputs": [{"name": "nothing"}]}),
        json!({"inputs": [], "outputs": [{"name": "label"}, {"name": "label"}]}),
        tensor("texts", json!([1]), "BYTES", json!(["a"])),
        tensor("text", json!([1]), "FP32", json!(["a"])),
        tensor("text", json!([-1]), "BYTES", json!(["a"])),
        tensor("text", json!([1.5]), "BYTES", json!(["a"])),
        tensor("text", json!([]), "BYTES", json!(["a"])),
        tensor("text", json!([1, 2]), "BYTES", json!(["a", "b"])),
        tensor("text", json!([2]), "BYTES", json!(["a"])),
        tensor("text", json!([2, 1]), "BYTES", json!([["a", "b"]])),
        tensor("text", json!([huge]), "BYTES", json!([])),
        tensor("text", json!([1001]), "BYTES", json!(vec!["a"; 1001])),
        tensor("text", json!([2]), "BYTES", json!(["a", 7])),
        tensor("text", json!([1]), "BYTES", json!("a")),
        json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"], "date": 1}]}),
    ] {
        let reply = post(&app, INFER, &request).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{request}");
        told.push_str(reply.json()["error"].as_str().unwrap());
        told.push('\n');
    }
    insta::assert_snapshot!(told, @"
    $.inputs: expected an array of tensors, found nothing
    $.inputs.text: expected a string, found nothing
    $.inputs: expected an array of tensors, found an object
    $.inputs[0]: expected a tensor, found a number
    $.id: expected a string, found a number
    $.model: expected only the keys inputs, outputs, id, parameters, model_name, model_version, found a key that is not known here
    $.model_name: expected `intent`, as the URL says, or no such key, found a string
    $.outputs[0].name: expected one of label, score, labels, stamp, each once, found another name
    $.outputs[1].name: expected one of label, score, labels, stamp, each once, found the same name again
    $.inputs[0].name: expected one of text, found another name
    $.inputs[0].datatype: expected `BYTES`, found another datatype
    $.inputs[0].shape: expected an array of whole numbers from 0, found an array of other values
    $.inputs[0].shape: expected an array of whole numbers from 0, found an array of other values
    $.inputs[0].shape: expected one dimension: rows, found 0 dimensions
    $.inputs[0].shape: expected one dimension: rows, found 2 dimensions
    $.inputs[0].data: expected 2 values, as the shape says, flat or nested like the shape, found 1 values
    $.inputs[0].data: expected 2 values, as the shape says, flat or nested like the shape, found another nesting
    $.inputs[0].shape: expected at most 1000 rows in one request, found 8589934592 rows
    $.inputs[0].shape: expected at most 1000 rows in one request, found 1001 rows
    $.inputs[0].data[1]: expected a string, found a number
    $.inputs[0].data: expected an array of values, found a string
    $.inputs[0].date: expected only the keys name, shape, datatype, data, parameters, found a key that is not known here
    ");
}

#[tokio::test]
async fn shapes_whose_product_overflows_are_refused() {
    let wide = json!({"inputs": [
        {"name": "tags", "shape": [2, u64::MAX], "datatype": "BYTES", "data": ["a", "b"]},
    ]});
    let reply = post(&default_app(), "/v2/models/mirror/infer", wide).await;
    insta::assert_snapshot!(reply.shown(), @r#"
    400 application/json
    {
      "type": "urn:deskmill:problem:value",
      "title": "Value does not fit",
      "status": 400,
      "detail": "$.inputs[0].data: expected as many values as the shape says, found 2 values",
      "error": "$.inputs[0].data: expected as many values as the shape says, found 2 values",
      "path": "$.inputs[0].data",
      "expected": "as many values as the shape says",
      "found": "2 values",
      "example": [
        [
          "a",
          "b"
        ]
      ]
    }
    "#);
}

#[tokio::test]
async fn tensors_of_different_length_are_refused() {
    let uneven = json!({"inputs": [
        {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]},
        {"name": "count", "shape": [2], "datatype": "INT64", "data": [1, 2]},
    ]});
    let reply = post(&default_app(), "/v2/models/mirror/infer", uneven).await;
    assert_eq!(reply.json()["path"], "$.inputs[1].shape");
}
