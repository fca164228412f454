//! The caller's own time, and the walls between models.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::*;

const PREDICT: &str = "/v1/models/intent:predict";

async fn within(app: &Router, header: &str, value: &str, rows: usize) -> Reply {
    let request = Request::post(PREDICT).header(header, value);
    let body = json!({ "instances": vec!["a"; rows] }).to_string();
    send(app, request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_caller_can_have_less_time_than_the_server_gives_but_not_more() {
    let (app, _began, go) = gated(ServingConfig {
        timeout_ms: 300,
        ..ServingConfig::default()
    });
    for (header, value, told) in [
        ("deskmill-timeout-ms", "20", "there was no answer within 20 ms"),
        ("grpc-timeout", "20m", "there was no answer within 20 ms"),
        ("deskmill-timeout-ms", "60000", "there was no answer within 300 ms"),
    ] {
        let reply = within(&app, header, value, 100).await;
        assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT, "{}", reply.body);
        assert_eq!(reply.json()["detail"], told);
    }
    drop(go);
    for (header, value) in [
        ("deskmill-timeout-ms", "0"),
        ("deskmill-timeout-ms", "soon"),
        ("grpc-timeout", "5x"),
    ] {
        assert_eq!(
            within(&app, header, value, 1).await.status,
            StatusCode::BAD_REQUEST,
            "{value}"
        );
    }
}

/// However many requests a stuck model is sent, the others are answered, large requests too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_stuck_keeps_nobody_elses_lane() {
    let (stamp, mut began, go) = Stamp::gated();
    // Nothing here is to depend on how fast this machine is.
    let serving = server(ServingConfig {
        timeout_ms: 600_000,
        idle_max_ms: 600_001,
        ..ServingConfig::default()
    });
    serving
        .loaded()
        .put(Served::of(vec![Version::new("stuck", 1, Box::new(stamp))]).unwrap());
    let app = app(serving);
    let many = json!({ "instances": vec!["a"; 100] }).to_string();
    let stuck: Vec<_> = (0..40)
        .map(|_| {
            let (app, many) = (app.clone(), many.clone());
            tokio::spawn(async move { post(&app, "/v1/models/stuck:predict", many).await.status })
        })
        .collect();
    began.recv().await.unwrap();
    for _ in 0..20 {
        let reply = post(&app, PREDICT, &many).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    }
    drop(go);
    let mut answered = 0;
    for status in stuck {
        let status = status.await.unwrap();
        assert!(
            [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status),
            "{status}"
        );
        answered += usize::from(status == StatusCode::OK);
    }
    assert!(answered > 0);
}
