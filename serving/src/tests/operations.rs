//! Health, metrics and the OpenAPI document.

use axum::http::StatusCode;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_server_is_ready_when_its_models_are_there() {
    let serving = Arc::new(Serving::new(ServingConfig::default()));
    let app = app(Arc::clone(&serving));
    assert_eq!(get(&app, "/livez").await.status, StatusCode::OK);
    let early = get(&app, "/readyz").await;
    insta::assert_snapshot!(early.shown(), @r#"
    503 application/problem+json
    {
      "type": "urn:deskmill:problem:not-ready",
      "title": "Not ready",
      "status": 503,
      "detail": "the models are being loaded",
      "error": "the models are being loaded"
    }
    "#);
    assert_eq!(early.header("retry-after"), "1");
    assert_eq!(get(&app, "/v2/health/ready").await.body, r#"{"ready":false}"#);
    let ask = || post(&app, "/v1/models/intent:predict", json!({"instances": ["a"]}));
    assert_eq!(ask().await.status, StatusCode::SERVICE_UNAVAILABLE);

    serving.loaded().set_complete();
    assert_eq!(get(&app, "/readyz").await.body, r#"{"status":"ready"}"#);
    assert_eq!(ask().await.status, StatusCode::NOT_FOUND);

    serving.stop();
    assert_eq!(get(&app, "/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&app, "/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_are_counted_by_model_version_route_and_status() {
    let app = default_app();
    post(&app, "/v1/models/intent:predict", json!({"instances": ["a", "b"]})).await;
    post(&app, "/v1/models/intent:predict", json!({"instances": [7]})).await;
    post(&app, "/v1/models/none:predict", json!({"instances": ["a"]})).await;
    get(&app, "/anything/at/all").await;
    let metrics = get(&app, "/metrics").await;
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let is_count = |line: &&str| !line.starts_with('#') && !line.contains("seconds");
    let mut counts: Vec<&str> = metrics.body.lines().filter(is_count).collect();
    counts.sort_unstable();
    insta::assert_snapshot!(counts.join("\n"), @r#"
    deskmill_requests_in_flight 1
    deskmill_requests_total{model="",version="",route="other",status="404"} 1
    deskmill_requests_total{model="",version="",route="predict",status="404"} 1
    deskmill_requests_total{model="intent",version="2",route="predict",status="200"} 1
    deskmill_requests_total{model="intent",version="2",route="predict",status="400"} 1
    deskmill_rows_total{model="intent",version="2"} 2
    deskmill_versions_loaded 3
    "#);
    assert!(
        metrics
            .body
            .contains(r#"deskmill_request_seconds_count{model="intent",route="predict"} 2"#)
    );
    assert!(metrics.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_openapi_document_has_each_models_own_schema() {
    let serving = Arc::new(Serving::new(ServingConfig::default()));
    serving
        .loaded()
        .put(Served::of(vec![Version::new("intent", 2, Box::new(Stamp::new(2)))]).unwrap());
    let document = get(&app(serving), "/openapi.json").await.json();
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&document).unwrap());
}

#[tokio::test]
async fn the_examples_of_the_openapi_document_work_as_they_are() {
    let app = ranker_app();
    let document = get(&app, "/openapi.json").await.json();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let content = &item["post"]["requestBody"]["content"]["application/json"];
        let named = content["examples"]
            .as_object()
            .into_iter()
            .flat_map(|examples| examples.values());
        for example in named.map(|example| &example["value"]).chain(content.get("example")) {
            let reply = post(&app, path, example).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
            asked += 1;
        }
        if item.get("get").is_some() {
            assert_eq!(get(&app, path).await.status, StatusCode::OK, "{path}");
        }
    }
    // Of each of three models two bodies of :predict, one of :regress, one of infer, two of invocations; of the one that ranks
    // labels and says why, also one of :classify, of :explain and two of text classification.
    assert_eq!(asked, 22);
}
