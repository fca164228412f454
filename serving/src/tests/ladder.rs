//! The ladder: which rung answers when what is above it fails or is late, and what callers are told.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::*;
use crate::fallback::Ladders;

const PREDICT: &str = "/v1/models/intent:predict";
const LADDERS: &str = r#"
    [models.intent]
    budget_ms = 200
    [[models.intent.rungs]]
    use = "previous"
    budget_ms = 200
    [[models.intent.rungs]]
    use = "model"
    model = "small"
    budget_ms = 200
    [[models.intent.rungs]]
    use = "rule"
    input = "text"
    cases = [{ contains = ["refund", "退款"], answer = { label = "short", score = 1.0, labels = ["short"], stamp = 77 } }]
    [[models.intent.rungs]]
    use = "default"
    answer = { label = "long", score = 0.5, labels = [], stamp = 99 }
"#;

/// A stamp that fails while it is told to.
struct Moody(Stamp, Arc<AtomicBool>);

impl Model for Moody {
    fn kind(&self) -> &'static str {
        "moody"
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn predict(&self, rows: &RecordBatch) -> deskmill_models::Result<RecordBatch> {
        assert!(!self.1.load(Ordering::Relaxed), "asked to fail");
        self.0.predict(rows)
    }

    fn artifact(&self) -> Artifact {
        no_artifact()
    }
}

/// A server with `intent` in versions 1 and 2 and `small`, each of which can be made to fail.
struct Desk {
    app: Router,
    asked: Arc<AtomicBool>,
    previous: Arc<AtomicBool>,
    small: Arc<AtomicBool>,
}

fn desk(ladders: &str) -> Desk {
    let fails = || Arc::new(AtomicBool::new(false));
    let (asked, previous, small) = (fails(), fails(), fails());
    let moody = |name: &str, number: u64, fails: &Arc<AtomicBool>| {
        let stamp = Stamp::new(number as i64);
        Version::new(name, number, Box::new(Moody(stamp, Arc::clone(fails))))
    };
    let serving = Serving::new(ServingConfig::default()).with_ladders(Ladders::parse(ladders).unwrap());
    let versions = vec![moody("intent", 1, &previous), moody("intent", 2, &asked)];
    serving.loaded().put(Served::of(versions).unwrap());
    serving
        .loaded()
        .put(Served::of(vec![moody("small", 5, &small)]).unwrap());
    serving.loaded().set_complete();
    Desk {
        app: app(Arc::new(serving)),
        asked,
        previous,
        small,
    }
}

fn fail(what: &AtomicBool) {
    what.store(true, Ordering::Relaxed);
}

#[tokio::test]
async fn each_rung_answers_for_those_above_it_and_says_why() {
    let desk = desk(LADDERS);
    let ask = async |text: &str| {
        let reply = post(&desk.app, PREDICT, json!({ "instances": [text] })).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let stamp = reply.json()["predictions"][0]["stamp"].to_string();
        let model = reply.header("deskmill-model").to_owned();
        let version = reply.header("deskmill-version").to_owned();
        assert_eq!(reply.json()["model_version"], version);
        format!(
            "{model}@{version} stamp {stamp} [{}]",
            reply.header("deskmill-degraded")
        )
    };
    let mut told = vec![ask("refund").await];
    fail(&desk.asked);
    told.push(ask("refund").await);
    fail(&desk.previous);
    told.push(ask("refund").await);
    fail(&desk.small);
    told.push(ask("REFUND, please").await);
    told.push(ask("hi").await);
    insta::assert_snapshot!(told.join("\n"), @"
    intent@2 stamp 2 []
    intent@1 stamp 1 [previous; asked: server error]
    small@5 stamp 5 [model; asked: server error; previous: server error]
    intent@rule stamp 77 [rule; asked: server error; previous: server error; model: server error]
    intent@default stamp 99 [default; asked: server error; previous: server error; model: server error; rule: no answer written down]
    ");
    let reply = post(&desk.app, PREDICT, json!({"instances": ["hi"]})).await;
    assert_eq!(reply.json()["degraded"]["by"], "default");
    let metrics = get(&desk.app, "/metrics").await.body;
    assert!(
        metrics.contains(r#"deskmill_degraded_total{model="intent",by="default"} 2"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn every_wire_says_that_an_answer_is_degraded() {
    let desk = desk(LADDERS);
    fail(&desk.asked);
    let tensor = json!({"name": "text", "shape": [1], "datatype": "BYTES", "data": ["hi"]});
    let reply = post(&desk.app, "/v2/models/intent/infer", json!({"inputs": [tensor]})).await;
    assert_eq!(reply.json()["parameters"]["degraded"]["by"], "previous");
    assert_eq!(reply.json()["outputs"][3]["data"], json!([1]));
    let reply = post(&desk.app, "/models/intent/invocations", json!({"instances": ["hi"]})).await;
    assert_eq!(
        (reply.status, reply.json()["degraded"]["by"].clone()),
        (StatusCode::OK, json!("previous"))
    );
    let columns = post(&desk.app, PREDICT, json!({"inputs": ["hi"]})).await;
    assert_eq!(columns.json()["degraded"]["why"], "asked: server error");
}

#[tokio::test]
async fn the_callers_own_mistakes_go_down_no_ladder() {
    let desk = desk(LADDERS);
    fail(&desk.asked);
    let reply = post(&desk.app, PREDICT, json!({"instances": [7]})).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.header("deskmill-degraded"), "");
}

#[tokio::test]
async fn without_a_default_the_first_failure_is_told() {
    let desk = desk("[[models.intent.rungs]]\nuse = \"previous\"");
    fail(&desk.asked);
    fail(&desk.previous);
    let reply = post(&desk.app, PREDICT, json!({"instances": ["hi"]})).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    // The oldest version has none before it.
    let first = post(
        &desk.app,
        "/v1/models/intent/versions/1:predict",
        json!({"instances": ["hi"]}),
    )
    .await;
    assert_eq!(first.status, StatusCode::INTERNAL_SERVER_ERROR);
    // A model without a ladder fails as it always did.
    fail(&desk.small);
    let small = post(&desk.app, "/v1/models/small:predict", json!({"instances": ["hi"]})).await;
    assert_eq!(small.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_version_that_keeps_failing_is_left_alone() {
    let desk = desk(LADDERS);
    fail(&desk.asked);
    let why = async || {
        let reply = post(&desk.app, PREDICT, json!({"instances": ["hi"]})).await;
        reply.header("deskmill-degraded").to_owned()
    };
    for _ in 0..5 {
        assert_eq!(why().await, "previous; asked: server error");
    }
    assert_eq!(why().await, "previous; asked: out of order");
    let states = get(&desk.app, "/v1/models/intent").await.json();
    assert_eq!(states["versions"][0]["state"], "out of order");
    assert_eq!(
        states["ladder"],
        json!(["asked", "previous", "model", "rule", "default"])
    );
}

#[tokio::test]
async fn a_version_that_is_late_is_answered_for_within_the_deadline() {
    let (stamp, _began, go) = Stamp::gated();
    let ladders = Ladders::parse(
        "[models.intent]\nbudget_ms = 20\n[[models.intent.rungs]]\nuse = \"default\"\n\
         answer = { label = \"long\", score = 0.5, labels = [], stamp = 99 }",
    );
    let serving = Serving::new(ServingConfig {
        timeout_ms: 60_000,
        idle_max_ms: 61_000,
        ..ServingConfig::default()
    })
    .with_ladders(ladders.unwrap());
    serving
        .loaded()
        .put(Served::of(vec![Version::new("intent", 1, Box::new(stamp))]).unwrap());
    let app = app(Arc::new(serving));
    let reply = post(&app, PREDICT, json!({ "instances": vec!["a"; 100] })).await;
    assert_eq!(reply.header("deskmill-degraded"), "default; asked: too late");
    assert_eq!(reply.json()["predictions"].as_array().unwrap().len(), 100);
    drop(go);
}

#[tokio::test]
async fn a_drill_breaks_rungs_for_one_request_only() {
    let desk = desk(LADDERS);
    let drill = async |broken: &str| {
        let request = Request::post(PREDICT).header("deskmill-drill", broken);
        send(
            &desk.app,
            request.body(Body::from(r#"{"instances": ["refund"]}"#)).unwrap(),
        )
        .await
    };
    for (broken, by) in [
        ("0", ""),
        ("1", "previous"),
        ("2", "model"),
        ("3", "rule"),
        ("4", "default"),
    ] {
        let reply = drill(broken).await;
        let found = reply.header("deskmill-degraded").split(';').next().unwrap().to_owned();
        assert_eq!((reply.status, found.as_str()), (StatusCode::OK, by), "{broken}");
    }
    let all = drill("5").await;
    assert_eq!(
        (all.status, all.json()["title"].clone()),
        (StatusCode::SERVICE_UNAVAILABLE, json!("Broken for the drill"))
    );
    assert_eq!(drill("x").await.status, StatusCode::BAD_REQUEST);
    let reply = post(&desk.app, PREDICT, json!({"instances": ["refund"]})).await;
    assert_eq!(reply.header("deskmill-version"), "2");
}

#[tokio::test]
async fn answers_written_down_must_be_what_the_model_answers_with() {
    let desk = desk("[[models.intent.rungs]]\nuse = \"default\"\nanswer = { label = \"long\" }");
    fail(&desk.asked);
    let reply = post(&desk.app, PREDICT, json!({"instances": ["hi"]})).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", reply.body);
}
