//! Following a registry. The versions in it are damaged on purpose; whole ones are served in the product's tests.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use deskmill_models::registry::{NewVersion, Note, Registry};
use serde_json::json;

use super::*;
use crate::loaded::Facts;
use crate::reload::Reloader;

fn note() -> Note {
    let when = jiff::Timestamp::UNIX_EPOCH;
    Note {
        who: "test".into(),
        when,
        why: "test".into(),
        run: None,
        facts: Value::Null,
    }
}

async fn publish_damaged(registry: &Registry, key: &str) -> u64 {
    let file = |name: &str| {
        (
            name.to_owned(),
            bytes::Bytes::from_static(b"neither safetensors nor parquet"),
        )
    };
    let new = NewVersion {
        model: "intent".into(),
        kind: "intent".into(),
        key: key.into(),
        signature: Stamp::new(1).signature.clone(),
        recipe: json!({}),
        files: BTreeMap::from([file("model.safetensors"), file("golden.parquet")]),
        metrics: BTreeMap::from([("accuracy".to_owned(), 0.9)]),
        main_metric: "accuracy".into(),
        lineage: json!({}),
        note: note(),
    };
    registry.publish(new).await.unwrap().version
}

#[tokio::test]
async fn a_version_that_does_not_load_is_reported_and_the_old_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::local(folder.path()).unwrap();
    assert_eq!(publish_damaged(&registry, "a").await, 1);
    let serving = Arc::new(Serving::new(ServingConfig::default()));
    // Version 1 is in memory and whole; only version 2 has to be loaded.
    serving
        .loaded()
        .put(Served::of(vec![Version::new("intent", 1, Box::new(Stamp::new(1)))]).unwrap());
    registry.promote("intent", "prod", 1, note()).await.unwrap();
    assert_eq!(publish_damaged(&registry, "b").await, 2);
    registry.promote("intent", "prod", 2, note()).await.unwrap();
    let reloader = Reloader::new(registry.clone(), Arc::clone(&serving));
    reloader.reload().await;

    let app = app(Arc::clone(&serving));
    let ask = || post(&app, "/v1/models/intent:predict", json!({"instances": ["a"]}));
    assert_eq!(
        (ask().await.status, ask().await.header("deskmill-version").to_owned()),
        (StatusCode::OK, "1".into())
    );
    assert_eq!(get(&app, "/readyz").await.status, StatusCode::OK);
    let shown = get(&app, "/v1/models/intent").await.json();
    assert_eq!(shown["aliases"], json!({"prod": "1"}));
    insta::assert_snapshot!(shown["versions"].to_string(), @r#"[{"version":"2","state":"failed","error":"artifact intent@2 model.safetensors: header too large (hint: publish the model again, or roll back to a version that loads)","tries":1},{"version":"1","state":"loaded"}]"#);
    let asked = post(
        &app,
        "/v1/models/intent/versions/2:predict",
        json!({"instances": ["a"]}),
    )
    .await;
    insta::assert_snapshot!(asked.shown(), @r#"
    503 application/problem+json
    {
      "type": "urn:deskmill:problem:not-ready",
      "title": "Not ready",
      "status": 503,
      "detail": "version 2 of model `intent` could not be loaded",
      "error": "version 2 of model `intent` could not be loaded",
      "hint": "GET /v1/models/intent says why"
    }
    "#);
    assert!(
        get(&app, "/metrics")
            .await
            .body
            .contains(r#"deskmill_load_failures_total{model="intent"} 1"#)
    );

    // It is not tried again at once, and it is dropped when nobody wants it any more.
    reloader.reload().await;
    assert!(
        get(&app, "/metrics")
            .await
            .body
            .contains(r#"deskmill_load_failures_total{model="intent"} 1"#)
    );
    registry.rollback("intent", "prod", note()).await.unwrap();
    registry.retire("intent", 2, note()).await.unwrap();
    reloader.reload().await;
    let shown = get(&app, "/v1/models/intent").await.json();
    insta::assert_snapshot!(shown["versions"].to_string(), @r#"[{"version":"2","state":"retired"},{"version":"1","state":"loaded"}]"#);
}

#[tokio::test]
async fn a_model_that_never_loaded_keeps_the_server_from_being_ready() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::local(folder.path()).unwrap();
    publish_damaged(&registry, "a").await;
    registry.promote("intent", "prod", 1, note()).await.unwrap();
    let serving = Arc::new(Serving::new(ServingConfig::default()));
    Reloader::new(registry, Arc::clone(&serving)).reload().await;
    let app = app(serving);
    insta::assert_snapshot!(get(&app, "/readyz").await.json()["detail"], @r#""not loaded: intent""#);
    let asked = post(&app, "/v1/models/intent:predict", json!({"instances": ["a"]})).await;
    assert_eq!(asked.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_leaves_the_model_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::local(folder.path()).unwrap();
    publish_damaged(&registry, "a").await;
    std::fs::write(folder.path().join("intent/log/00000002.json"), "{").unwrap();
    let serving = Arc::new(Serving::new(ServingConfig::default()));
    serving
        .loaded()
        .put(Served::of(vec![Version::new("intent", 1, Box::new(Stamp::new(1)))]).unwrap());
    Reloader::new(registry, Arc::clone(&serving)).reload().await;
    let app = app(serving);
    let asked = post(&app, "/v1/models/intent:predict", json!({"instances": ["a"]})).await;
    assert_eq!(asked.header("deskmill-version"), "1");
    assert!(get(&app, "/v1/models/intent").await.json()["error"].is_string());
}

#[tokio::test]
async fn a_model_that_left_the_registry_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let serving = server(ServingConfig::default());
    Reloader::new(Registry::local(folder.path()).unwrap(), Arc::clone(&serving))
        .reload()
        .await;
    assert_eq!(get(&app(serving), "/v1/models").await.body, r#"{"models":[]}"#);
}

#[test]
fn aliases_are_loaded_before_the_newest() {
    let facts = Facts {
        kind: "stamp".into(),
        versions: (1..=9).map(|number| (number, number == 9)).collect(),
        aliases: [("candidate", 5), ("prod", 3), ("shadow", 3)]
            .map(|(alias, n)| (alias.to_owned(), n))
            .into(),
        last_entry: 12,
    };
    assert_eq!(facts.plan(1), (vec![3], vec![]));
    assert_eq!(facts.plan(4), (vec![3, 5], vec![8, 7]));
    assert_eq!(facts.plan(99), (vec![3, 5], vec![8, 7, 6, 4, 2, 1]));
}

#[test]
fn an_alias_moves_only_to_a_version_in_memory() {
    let version = |number: u64| Arc::new(Version::new("intent", number, Box::new(Stamp::new(number as i64))));
    let facts = |prod: u64| Facts {
        kind: "stamp".into(),
        versions: [(1, false), (2, false)].into(),
        aliases: [("prod".to_owned(), prod)].into(),
        last_entry: prod,
    };
    let one = Served::unknown("intent").next(facts(1), &[1], vec![version(1)]);
    let waiting = one.next(facts(2), &[2], vec![]);
    assert_eq!((waiting.aliases["prod"], waiting.versions.len()), (1, 1));
    let moved = waiting.next(facts(2), &[2], vec![version(2)]);
    assert_eq!(
        (
            moved.aliases["prod"],
            moved.versions.keys().copied().collect::<Vec<_>>()
        ),
        (2, vec![2])
    );
    // An alias whose version is not even planned must not quietly stay on another.
    assert!(one.next(facts(2), &[1], vec![]).aliases.is_empty());
}
