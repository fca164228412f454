//! Hot swap: nobody is refused, nobody gets an answer of two versions, and what was replaced is freed.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_under_swaps_are_whole_and_never_fail() {
    const SWAPS: u64 = 300;
    let alive = Arc::new(());
    let serving = Arc::new(Serving::new(ServingConfig::default()));
    let put = |number: u64| {
        let version = Version::new("intent", number, Box::new(Stamp::counted(number as i64, &alive)));
        serving.loaded().put(Served::of(vec![version]).unwrap());
    };
    put(1);
    serving.loaded().set_complete();
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..8usize)
        .map(|caller| {
            let (app, done) = (app(Arc::clone(&serving)), Arc::clone(&done));
            // Some callers are answered where they are, some aside.
            let rows = if caller % 2 == 0 { 3 } else { 60 };
            tokio::spawn(async move {
                let body = json!({ "instances": vec!["a"; rows] }).to_string();
                let mut answers = 0;
                while !done.load(Ordering::Relaxed) || answers == 0 {
                    check(&post(&app, "/v1/models/intent:predict", &body).await, rows);
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for number in 2..=SWAPS {
        put(number);
        drop(serving.loaded().take_unused());
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Relaxed);
    let mut answers = 0;
    for caller in callers {
        answers += caller.await.unwrap();
    }
    assert!(answers >= 8);
    drop(serving.loaded().take_unused());
    // This test's own, and the version that serves.
    assert_eq!(Arc::strong_count(&alive), 2);
}

fn check(reply: &Reply, rows: usize) {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let body = reply.json();
    let version = reply.header("deskmill-version");
    assert_eq!(body["model_version"], version);
    let predictions = body["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), rows);
    let version: u64 = version.parse().unwrap();
    assert!(predictions.iter().all(|row| row["stamp"] == version), "{}", reply.body);
}

#[tokio::test]
async fn a_request_in_flight_keeps_its_version() {
    let (stamp, mut began, go) = Stamp::gated();
    let serving = Arc::new(Serving::new(ServingConfig::default()));
    serving
        .loaded()
        .put(Served::of(vec![Version::new("intent", 1, Box::new(stamp))]).unwrap());
    let app = app(Arc::clone(&serving));
    let body = json!({ "instances": vec!["a"; 100] });
    let asking = tokio::spawn({
        let (app, body) = (app.clone(), body.clone());
        async move { post(&app, "/v1/models/intent:predict", body).await }
    });
    began.recv().await.unwrap();
    serving
        .loaded()
        .put(Served::of(vec![Version::new("intent", 2, Box::new(Stamp::new(2)))]).unwrap());
    assert!(serving.loaded().take_unused().is_empty(), "a version in use was freed");
    assert_eq!(
        post(&app, "/v1/models/intent:predict", body)
            .await
            .header("deskmill-version"),
        "2"
    );
    drop(go);
    assert_eq!(asking.await.unwrap().header("deskmill-version"), "1");
    assert_eq!(serving.loaded().take_unused().len(), 1);
}
