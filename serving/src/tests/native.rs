//! The native wire: predictions, versions and aliases, and what is said about a body that does not fit.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use super::*;

#[tokio::test]
async fn rows_are_answered_by_rows() {
    let app = default_app();
    let reply = post(
        &app,
        "/v1/models/intent:predict",
        json!({"instances": [{"text": "hi"}, "我的包裹在哪里？"]}),
    )
    .await;
    insta::assert_snapshot!(reply.body, @r#"{"predictions":[{"label":"short","score":0.75,"labels":["short"],"stamp":2},{"label":"long","score":0.75,"labels":["long","short"],"stamp":2}],"model_name":"intent","model_version":"2"}"#);
    assert_eq!(
        (reply.header("deskmill-model"), reply.header("deskmill-version")),
        ("intent", "2")
    );
    assert_eq!(reply.header("content-type"), "application/json");
}

#[tokio::test]
async fn columns_are_answered_by_columns() {
    let app = default_app();
    let reply = post(
        &app,
        "/v1/models/intent:predict",
        json!({"inputs": {"text": ["hi", "a longer text"]}}),
    )
    .await;
    insta::assert_snapshot!(reply.body, @r#"{"outputs":{"label":["short","long"],"score":[0.75,0.75],"labels":[["short"],["long","short"]],"stamp":[2,2]},"model_name":"intent","model_version":"2"}"#);
}

#[tokio::test]
async fn every_type_comes_back_bit_for_bit() {
    let app = default_app();
    let row = json!({
        "text": "退款 🧾", "count": i64::MIN, "amount": 0.1 + 0.2, "open": false, "at": "1969-12-31T23:59:59.999999Z",
        "tags": [], "waits": [5e-324, -0.0, 1.7976931348623157e308],
    });
    let nulls = json!({
        "text": null, "count": null, "amount": null, "open": null, "at": null, "tags": null, "waits": null,
    });
    let reply = post(&app, "/v1/models/mirror:predict", json!({"instances": [row, nulls]})).await;
    assert_eq!(reply.json()["predictions"].to_string(), json!([row, nulls]).to_string());
}

#[tokio::test]
async fn no_rows_are_no_error() {
    let reply = post(&default_app(), "/v1/models/intent:predict", json!({"instances": []})).await;
    insta::assert_snapshot!(reply.body, @r#"{"predictions":[],"model_name":"intent","model_version":"2"}"#);
}

#[tokio::test]
async fn many_rows_are_answered_in_order() {
    let texts: Vec<String> = (0..900).map(|n| "x".repeat(n % 20)).collect();
    let reply = post(&default_app(), "/v1/models/intent:predict", json!({"instances": texts})).await;
    let body = reply.json();
    let labels = body["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["label"] == "long");
    assert!(labels.eq(texts.iter().map(|text| text.len() > 10)));
}

#[tokio::test]
async fn versions_and_aliases_are_asked_for_in_the_url() {
    let app = default_app();
    for (path, version) in [
        ("/v1/models/intent/versions/1:predict", "1"),
        ("/v1/models/intent/versions/2:predict", "2"),
        ("/v1/models/intent/labels/prod:predict", "2"),
        ("/v1/models/intent:predict", "2"),
        ("/v2/models/intent/versions/1/infer", "1"),
    ] {
        let body = match path.starts_with("/v2") {
            true => json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}),
            false => json!({"instances": ["a"]}),
        };
        let reply = post(&app, path, body).await;
        assert_eq!(
            (reply.status, reply.header("deskmill-version")),
            (StatusCode::OK, version),
            "{path}"
        );
        assert_eq!(reply.json()["model_version"], version, "{path}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_answered_by_what_does() {
    let app = default_app();
    let body = json!({"instances": ["a"]});
    let model = post(&app, "/v1/models/intend:predict", &body).await;
    insta::assert_snapshot!(model.shown(), @r#"
    404 application/problem+json
    {
      "type": "urn:deskmill:problem:not-found",
      "title": "Not found",
      "status": 404,
      "detail": "there is no model `intend`",
      "error": "there is no model `intend`",
      "hint": "models: intent, mirror"
    }
    "#);
    let version = post(&app, "/v1/models/intent/versions/9:predict", &body).await;
    insta::assert_snapshot!(version.shown(), @r#"
    404 application/problem+json
    {
      "type": "urn:deskmill:problem:not-found",
      "title": "Not found",
      "status": 404,
      "detail": "model `intent` has no version `9`",
      "error": "model `intent` has no version `9`",
      "hint": "published versions: 2, 1"
    }
    "#);
    let alias = post(&app, "/v1/models/intent/labels/candidate:predict", &body).await;
    insta::assert_snapshot!(alias.shown(), @r#"
    404 application/problem+json
    {
      "type": "urn:deskmill:problem:not-found",
      "title": "Not found",
      "status": 404,
      "detail": "model `intent` has no alias `candidate`",
      "error": "model `intent` has no alias `candidate`",
      "hint": "aliases: prod"
    }
    "#);
    let verb = post(&app, "/v1/models/intent:foretell", &body).await;
    insta::assert_snapshot!(verb.shown(), @r#"
    404 application/problem+json
    {
      "type": "urn:deskmill:problem:not-found",
      "title": "Not found",
      "status": 404,
      "detail": "there is no verb `foretell`",
      "error": "there is no verb `foretell`",
      "hint": "verbs: predict, explain, classify, regress, assign"
    }
    "#);
    let url = get(&app, "/v3").await;
    insta::assert_snapshot!(url.shown(), @r#"
    404 application/problem+json
    {
      "type": "urn:deskmill:problem:not-found",
      "title": "Not found",
      "status": 404,
      "detail": "there is nothing at `/v3`",
      "error": "there is nothing at `/v3`",
      "hint": "GET /openapi.json lists what there is"
    }
    "#);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_named_by_its_path() {
    let app = default_app();
    let reply = post(
        &app,
        "/v1/models/intent:predict",
        json!({"instances": [{"text": "a"}, {"text": 7}]}),
    )
    .await;
    insta::assert_snapshot!(reply.shown(), @r#"
    400 application/problem+json
    {
      "type": "urn:deskmill:problem:value",
      "title": "Value does not fit",
      "status": 400,
      "detail": "$.instances[1].text: expected a string, found a number",
      "error": "$.instances[1].text: expected a string, found a number",
      "path": "$.instances[1].text",
      "expected": "a string",
      "found": "a number",
      "example": "Where is my parcel?",
      "hint": "a value that fits: \"Where is my parcel?\""
    }
    "#);
    assert_eq!(reply.header("deskmill-version"), "2");
}

#[tokio::test]
async fn bodies_that_are_not_understood_are_told_why() {
    let app = default_app();
    let mut told = String::new();
    let bomb = format!("{}{}", r#"{"instances":"#, "[".repeat(50_000));
    for body in [
        "",
        "[1]",
        "{",
        "{}",
        "{\"instances\": [\"\u{0}\"]}",
        r#"{"instances": ["a"]} x"#,
        r#"{"instances": ["a"], "instances": ["b"]}"#,
        r#"{"instances": ["a"], "inputs": ["b"]}"#,
        r#"{"instances": ["a"], "rows": 1}"#,
        r#"{"instances": {"text": "a"}}"#,
        r#"{"instances": [{"text": "a", "subject": "b"}]}"#,
        r#"{"instances": [{}]}"#,
        r#"{"instances": [null]}"#,
        r#"{"instances": ["a"], "signature_name": "other"}"#,
        &bomb,
    ] {
        let reply = post(&app, "/v1/models/intent:predict", body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        told.push_str(reply.json()["detail"].as_str().unwrap());
        told.push('\n');
    }
    insta::assert_snapshot!(told, @r"
    the body is empty; a JSON object is expected
    the body is an array; a JSON object is expected
    the body is not JSON that can be read: EOF while parsing an object at line 1 column 1
    $: expected one of `instances` (rows) and `inputs` (columns), found neither
    the body is not JSON that can be read: control character (\u0000-\u001F) found while parsing a string at line 1 column 17
    the body is not JSON that can be read: trailing characters at line 1 column 22
    the body is not JSON that can be read: the key `instances` appears twice at line 1 column 32
    $: expected one of `instances` (rows) and `inputs` (columns), found both
    $.rows: expected only the keys instances, inputs, signature_name, found a key that is not known here
    $.instances: expected an array of rows, found an object
    $.instances[0].subject: expected only the fields text, found a field the model does not take
    $.instances[0].text: expected a string, found nothing
    $.instances[0].text: expected a string, found null
    $.signature_name: expected `serving_default` or no such key; a model has one signature, found a string
    the body is not JSON that can be read: recursion limit exceeded at line 1 column 140
    ");
}

#[tokio::test]
async fn no_answer_repeats_a_customers_text() {
    let app = default_app();
    let secret = "4111-1111-1111-1111";
    for body in [
        format!(r#"{{"instances": [{{"text": ["{secret}"]}}]}}"#),
        format!(r#"{{"instances": [{{"text": "a", "text": "{secret}"}}]}}"#),
        format!(r#"{{"instances": "{secret}"}}"#),
        format!(r#"{{"instances": ["{secret}"#),
        format!(r#"{{"instances": ["{secret}"], "signature_name": "{secret}"}}"#),
    ] {
        let reply = post(&app, "/v1/models/intent:predict", &body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(!reply.body.contains(secret), "{}", reply.body);
    }
}

#[tokio::test]
async fn the_type_of_a_body_is_json_or_not_said() {
    let app = default_app();
    let ask = async |name: &'static str, value: &'static str| {
        let request = Request::post("/v1/models/intent:predict").header(name, value);
        send(&app, request.body(Body::from(r#"{"instances": ["a"]}"#)).unwrap()).await
    };
    for accepted in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/vnd.kserve+json",
        "application/x-www-form-urlencoded",
    ] {
        assert_eq!(ask("content-type", accepted).await.status, StatusCode::OK, "{accepted}");
    }
    assert_eq!(ask("content-encoding", "identity").await.status, StatusCode::OK);
    let other = ask("content-type", "text/csv").await;
    insta::assert_snapshot!(other.shown(), @r#"
    415 application/problem+json
    {
      "type": "urn:deskmill:problem:media-type",
      "title": "Body type not supported",
      "status": 415,
      "detail": "the body's type is not application/json",
      "error": "the body's type is not application/json",
      "hint": "send the header `Content-Type: application/json`, or none"
    }
    "#);
    assert_eq!(
        ask("content-encoding", "br").await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
}

#[tokio::test]
async fn other_methods_are_told_which_are_allowed() {
    let app = default_app();
    for (method, path, allow) in [
        (Method::DELETE, "/v1/models/intent", "GET,HEAD,POST"),
        (Method::POST, "/v1/models/intent", "GET, HEAD"),
        (Method::GET, "/v1/models/intent:predict", "POST"),
        (Method::GET, "/v1/models/intent/versions/1:predict", "POST"),
        (Method::GET, "/v2/models/intent/infer", "POST"),
        (Method::POST, "/metrics", "GET,HEAD"),
    ] {
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let reply = send(&app, request).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("allow")),
            (405, allow),
            "{method} {path}"
        );
        assert_eq!(reply.json()["title"], "Method not allowed");
    }
}

#[tokio::test]
async fn models_describe_themselves() {
    let app = default_app();
    insta::assert_snapshot!(get(&app, "/v1/models").await.shown(), @r#"
    200 application/json
    {
      "models": [
        "intent",
        "mirror"
      ]
    }
    "#);
    insta::assert_snapshot!(get(&app, "/v1/models/intent").await.body, @r#"{"name":"intent","ready":true,"kind":"stamp","aliases":{"prod":"2"},"versions":[{"version":"2","state":"loaded"},{"version":"1","state":"loaded"}],"model_version_status":[{"state":"AVAILABLE","status":{"error_code":"OK","error_message":""},"version":"1"},{"state":"AVAILABLE","status":{"error_code":"OK","error_message":""},"version":"2"}],"signature":{"inputs":[{"name":"text","value_type":"text","nullable":false,"about":"the text","example":"Where is my parcel?"}],"outputs":[{"name":"label","value_type":"text","nullable":false,"about":"the label","example":"long"},{"name":"score","value_type":"number","nullable":false,"about":"the score","example":0.75},{"name":"labels","value_type":"text_list","nullable":false,"about":"the labels","example":["long","short"]},{"name":"stamp","value_type":"integer","nullable":false,"about":"the stamp","example":1}]}}"#);
    let metadata = get(&app, "/v1/models/intent/metadata").await;
    let mut shown = metadata.json();
    // What TensorFlow Serving's words are is tested beside its other verbs.
    shown
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key != "model_spec" && key != "metadata");
    insta::assert_snapshot!(shown.to_string(), @r#"{"model_name":"intent","model_version":"2","kind":"stamp","aliases":["prod"],"versions":["1","2"],"signature":{"inputs":[{"name":"text","value_type":"text","nullable":false,"about":"the text","example":"Where is my parcel?"}],"outputs":[{"name":"label","value_type":"text","nullable":false,"about":"the label","example":"long"},{"name":"score","value_type":"number","nullable":false,"about":"the score","example":0.75},{"name":"labels","value_type":"text_list","nullable":false,"about":"the labels","example":["long","short"]},{"name":"stamp","value_type":"integer","nullable":false,"about":"the stamp","example":1}]}}"#);
    assert_eq!(
        metadata.body,
        get(&app, "/v1/models/intent/labels/prod/metadata").await.body
    );
    assert_eq!(metadata.body, get(&app, "/v1/models/intent/versions/2").await.body);
    assert_eq!(
        get(&app, "/v1/models/intent/versions/1/metadata").await.json()["model_version"],
        "1"
    );
    assert_eq!(
        get(&app, "/v1/models/intent/labels/none").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(get(&app, "/v1/models/%ff").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_model_that_panics_costs_one_answer() {
    let app = default_app();
    for rows in [1, 100] {
        let mut texts = vec!["a"; rows];
        texts[rows / 2] = "panic";
        let reply = post(&app, "/v1/models/intent:predict", json!({"instances": texts})).await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!reply.body.contains("panic"), "{}", reply.body);
    }
    assert_eq!(
        post(&app, "/v1/models/intent:predict", json!({"instances": ["a"]}))
            .await
            .status,
        StatusCode::OK
    );
}
