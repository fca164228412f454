//! Waiting cases to free agents, by a small routing model fitted here.

use axum::http::StatusCode;
use deskmill_models::kind::{Examples, FitContext, Kind};
use deskmill_models::routing::Routing;
use deskmill_models::rows::MemoryRows;
use serde_json::json;

use super::*;

/// Ann is quick with parcels, Bob with passwords; each has had both.
fn cases(range: std::ops::Range<usize>) -> MemoryRows {
    let rows: Vec<usize> = range.collect();
    let texts = |of: &dyn Fn(usize) -> &'static str| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(of(*row))).collect::<StringArray>())
    };
    let topic = |row: usize| ["parcel", "password"][row % 2];
    let agent = |row: usize| ["ann", "bob"][row / 2 % 2];
    let handle = |row: &usize| {
        let quick = row % 2 == row / 2 % 2;
        Some(if quick { 60.0 } else { 600.0 } + (row % 7) as f64)
    };
    let columns: [(&str, ArrayRef); 4] = [
        ("label", texts(&topic)),
        ("topic", texts(&topic)),
        ("agent_id", texts(&agent)),
        ("handle_s", Arc::new(rows.iter().map(handle).collect::<Float64Array>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    MemoryRows::new(batch.schema(), vec![batch])
}

fn routing_app() -> Router {
    let (train, calibrate) = (cases(0..400), cases(400..500));
    let examples = Examples {
        model: "routing",
        train: &train,
        calibrate: &calibrate,
    };
    let context = FitContext {
        seed: 7,
        threads: 1,
        memory_max_bytes: 64 << 20,
        progress: &|_, _| (),
        encoder: None,
    };
    let recipe = Routing
        .check_recipe(&json!({"agent": "agent_id", "feature_fraction": 1.0}))
        .unwrap();
    let model = Routing.fit(&examples, &recipe, &context).unwrap().model;
    let serving = server(ServingConfig::default());
    serving
        .loaded()
        .put(Served::of(vec![Version::new("routing", 1, model)]).unwrap());
    app(serving)
}

fn waiting(id: &str, topic: &str) -> Value {
    json!({"id": id, "waited_s": 30, "service_level_s": 60, "columns": {"topic": topic}})
}

#[tokio::test]
async fn each_case_goes_to_the_agent_who_is_quick_with_it() {
    let app = routing_app();
    let body = json!({
        "id": "r1",
        "cases": [waiting("c1", "password"), waiting("c2", "parcel"), waiting("c3", "parcel")],
        "agents": [{"id": "ann", "capacity": 1}, {"id": "bob", "capacity": 1}],
    });
    let reply = post(&app, "/v1/models/routing:assign", &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let reply_json = reply.json();
    let pairs: Vec<(&str, &str)> = reply_json["assigned"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["case"].as_str().unwrap(), one["agent"].as_str().unwrap()))
        .collect();
    assert!(pairs.contains(&("c1", "bob")) && pairs.len() == 2, "{}", reply.body);
    assert_eq!(reply_json["left"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&reply_json["model_name"], &reply_json["model_version"]),
        (&json!("routing"), &json!("1"))
    );
    assert_eq!(reply.header("deskmill-version"), "1");
    let document = get(&app, "/openapi.json").await.json();
    let example = &document["paths"]["/v1/models/routing:assign"]["post"]["requestBody"]["content"]["application/json"];
    let reply = post(&app, "/v1/models/routing:assign", &example["example"]).await;
    assert_eq!(
        reply.status,
        StatusCode::OK,
        "the example of the document: {}",
        reply.body
    );
}

#[tokio::test]
async fn what_does_not_fit_is_named_by_its_place() {
    let app = routing_app();
    let agents = json!([{"id": "ann", "capacity": 1}]);
    for (body, place) in [
        (
            json!({"id": "r", "cases": [waiting("c", "parcel")], "agents": agents, "x": 1}),
            "$.x",
        ),
        (json!({"id": "r", "cases": 3, "agents": agents}), "$.cases"),
        (json!({"cases": [], "agents": agents}), "$.id"),
        (
            json!({"id": "r", "cases": [{"id": "c"}], "agents": agents}),
            "$.cases[0]",
        ),
        (
            json!({"id": "r", "cases": [{"id": "c", "waited_s": 1, "service_level_s": 1, "columns": {"topic": 3}}], "agents": agents}),
            "$.cases[0].columns.topic",
        ),
        (
            json!({"id": "r", "cases": [waiting("c", "parcel"), waiting("c", "parcel")], "agents": agents}),
            "$.cases[1].id",
        ),
        (
            json!({"id": "r", "cases": [{"id": "c", "waited_s": -1, "service_level_s": 1}], "agents": agents}),
            "$.cases[0].waited_s",
        ),
    ] {
        let reply = post(&app, "/v1/models/routing:assign", &body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{place}: {}", reply.body);
        assert_eq!(reply.json()["path"], place, "{}", reply.body);
    }
    let reply = post(&app, "/v1/models/intent:assign", json!({})).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.json()["detail"].as_str().unwrap().contains("assigns no cases"));
}
