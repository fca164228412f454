//! The repository, configuration and statistics of the Open Inference Protocol.

use axum::http::StatusCode;
use serde_json::json;

use super::*;

#[tokio::test]
async fn the_index_is_asked_for_with_an_empty_body() {
    let app = default_app();
    let all = post(&app, "/v2/repository/index", "").await;
    insta::assert_snapshot!(all.body, @r#"[{"name":"intent","version":"1","state":"READY","reason":""},{"name":"intent","version":"2","state":"READY","reason":""},{"name":"mirror","version":"1","state":"READY","reason":""}]"#);
    assert_eq!(
        post(&app, "/v2/repository/index", json!({"ready": true})).await.body,
        all.body
    );
    let wrong = post(&app, "/v2/repository/index", json!({"ready": 1})).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_model_can_be_kept_out_of_memory_and_let_in_again() {
    let serving = server(ServingConfig::default());
    let app = app(Arc::clone(&serving));
    assert_eq!(
        post(&app, "/v2/repository/models/none/unload", "").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        post(&app, "/v2/repository/models/mirror/unload", "").await.status,
        StatusCode::OK
    );
    assert_eq!(get(&app, "/v2/models/mirror/ready").await.status, StatusCode::NOT_FOUND);
    let index = post(&app, "/v2/repository/index", "").await.json();
    assert_eq!(
        index[2],
        json!({"name": "mirror", "version": "", "state": "UNAVAILABLE", "reason": "unloaded"})
    );
    let ready = post(&app, "/v2/repository/index", json!({"ready": true})).await.json();
    assert_eq!(ready.as_array().unwrap().len(), 2);
    // Nobody looks at a registry here, so it is there again only when somebody puts it there.
    assert_eq!(
        post(&app, "/v2/repository/models/mirror/load", "").await.status,
        StatusCode::NOT_FOUND
    );
    serving
        .loaded()
        .put(Served::of(vec![Version::new("mirror", 1, Box::new(Mirror::new()))]).unwrap());
    let loaded = post(&app, "/v2/repository/models/mirror/load", "").await;
    insta::assert_snapshot!(loaded.body, @r#"{"name":"mirror","version":"1","state":"READY"}"#);
    assert_eq!(post(&app, "/v2/repository/index", "").await.json()[2]["state"], "READY");
}

#[tokio::test]
async fn the_configuration_names_columns_in_tritons_words() {
    let config = get(&default_app(), "/v2/models/intent/config").await;
    insta::assert_snapshot!(config.body, @r#"{"name":"intent","platform":"deskmill_stamp","backend":"deskmill","max_batch_size":0,"input":[{"name":"text","data_type":"TYPE_STRING","dims":[-1]}],"output":[{"name":"label","data_type":"TYPE_STRING","dims":[-1]},{"name":"score","data_type":"TYPE_FP64","dims":[-1]},{"name":"labels","data_type":"TYPE_STRING","dims":[-1,-1]},{"name":"stamp","data_type":"TYPE_INT64","dims":[-1]}]}"#);
}

#[tokio::test]
async fn statistics_count_rows_answers_and_failures_by_version() {
    let app = default_app();
    post(&app, "/v1/models/intent:predict", json!({"instances": ["a", "b"]})).await;
    post(&app, "/v1/models/intent:predict", json!({"instances": vec!["a"; 100]})).await;
    post(&app, "/v1/models/intent:predict", json!({"instances": [7]})).await;
    let stats = get(&app, "/v2/models/intent/stats").await.json();
    assert_eq!(stats["model_stats"][0]["inference_count"], 0);
    let stats = &stats["model_stats"][1];
    assert_eq!((&stats["name"], &stats["version"]), (&json!("intent"), &json!("2")));
    assert_eq!(
        (&stats["inference_count"], &stats["execution_count"]),
        (&json!(102), &json!(2))
    );
    assert_eq!(stats["inference_stats"]["success"]["count"], 2);
    assert_eq!(stats["inference_stats"]["fail"]["count"], 1);
    assert!(stats["inference_stats"]["compute_infer"]["ns"].as_u64().unwrap() > 0);
    let one = get(&app, "/v2/models/intent/versions/2/stats").await.json();
    assert_eq!(one["model_stats"], json!([stats]));
    let all = get(&app, "/v2/models/stats").await.json();
    assert_eq!(all["model_stats"].as_array().unwrap().len(), 3);
}
