//! Every bound, met from outside. Where time matters, a request waits for something that never comes, so that the
//! outcome does not depend on how fast this machine is.

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::*;

const PREDICT: &str = "/v1/models/intent:predict";

/// Enough rows to be worked on aside.
fn many_rows() -> String {
    json!({ "instances": vec!["a"; 100] }).to_string()
}

#[tokio::test]
async fn a_body_over_the_bound_is_refused_whether_its_length_is_stated_or_not() {
    let app = app(server(ServingConfig {
        body_max_bytes: 64,
        ..ServingConfig::default()
    }));
    let fits = format!(r#"{{"instances": ["{}"]}}"#, "x".repeat(45));
    assert_eq!(
        (fits.len(), post(&app, PREDICT, &fits).await.status),
        (64, StatusCode::OK)
    );
    let reply = post(&app, PREDICT, format!("{fits} ")).await;
    insta::assert_snapshot!(reply.shown(), @r#"
    413 application/problem+json
    {
      "type": "urn:deskmill:problem:too-large",
      "title": "Body too large",
      "status": 413,
      "detail": "the body is larger than 64 bytes",
      "error": "the body is larger than 64 bytes",
      "hint": "send fewer rows in one request, or raise body_max_bytes"
    }
    "#);
    let stated = Request::post(PREDICT)
        .header("content-length", u64::MAX)
        .body(Body::empty())
        .unwrap();
    assert_eq!(send(&app, stated).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let chunks = |texts: &'static [&'static str]| {
        let chunks = texts
            .iter()
            .map(|text| Ok::<_, std::io::Error>(Bytes::from_static(text.as_bytes())));
        Request::post(PREDICT)
            .body(Body::from_stream(futures::stream::iter(chunks)))
            .unwrap()
    };
    assert_eq!(
        send(&app, chunks(&[r#"{"instan"#, r#"ces": ["#, r#""a"]}"#]))
            .await
            .status,
        StatusCode::OK
    );
    const BLANKS: &str = "                                ";
    assert_eq!(
        send(&app, chunks(&[BLANKS, BLANKS, BLANKS])).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn rows_and_texts_over_the_bound_are_refused() {
    let app = app(server(ServingConfig {
        rows_max: 2,
        text_max_bytes: 6,
        ..ServingConfig::default()
    }));
    let rows = post(&app, PREDICT, json!({"instances": ["a", "b", "c"]})).await;
    insta::assert_snapshot!(rows.json()["detail"], @r#""$.instances: expected at most 2 rows in one request, found 3 rows""#);
    assert_eq!(
        post(&app, PREDICT, json!({"instances": ["退款"]})).await.status,
        StatusCode::OK
    );
    let text = post(&app, PREDICT, json!({"instances": ["退款!"]})).await;
    insta::assert_snapshot!(text.json()["detail"], @r#""$.instances[0].text: expected a text of at most 6 bytes, found 7 bytes""#);
}

#[tokio::test]
async fn more_requests_than_there_are_places_are_refused_at_once() {
    let (app, mut began, go) = gated(ServingConfig {
        concurrent_max: 1,
        ..ServingConfig::default()
    });
    let first = tokio::spawn({
        let app = app.clone();
        async move { post(&app, PREDICT, many_rows()).await }
    });
    began.recv().await.unwrap();
    let second = post(&app, PREDICT, many_rows()).await;
    insta::assert_snapshot!(second.shown(), @r#"
    503 application/problem+json
    {
      "type": "urn:deskmill:problem:overloaded",
      "title": "Overloaded",
      "status": 503,
      "detail": "as many predictions as this server takes (1) are in progress",
      "error": "as many predictions as this server takes (1) are in progress",
      "hint": "ask again after the time in Retry-After"
    }
    "#);
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(get(&app, "/livez").await.status, StatusCode::OK);
    drop(go);
    assert_eq!(first.await.unwrap().status, StatusCode::OK);
    assert_eq!(post(&app, PREDICT, many_rows()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_model_that_takes_too_long_is_not_waited_for() {
    let config = ServingConfig {
        timeout_ms: 20,
        concurrent_max: 1,
        ..ServingConfig::default()
    };
    let (app, mut began, go) = gated(config);
    // On a busy machine the time may be up before the work begins, and then it is not begun.
    let late = loop {
        let late = post(&app, PREDICT, many_rows()).await;
        if began.try_recv().is_ok() {
            break late;
        }
    };
    insta::assert_snapshot!(late.shown(), @r#"
    504 application/problem+json
    {
      "type": "urn:deskmill:problem:late",
      "title": "Too late",
      "status": 504,
      "detail": "there was no answer within 20 ms",
      "error": "there was no answer within 20 ms",
      "hint": "send fewer rows in one request, or ask again later"
    }
    "#);
    // The work goes on and keeps its place, so that late work cannot pile up.
    assert_eq!(
        post(&app, PREDICT, many_rows()).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    drop(go);
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let app = app(server(ServingConfig {
        timeout_ms: 20,
        ..ServingConfig::default()
    }));
    let endless = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let reply = send(&app, Request::post(PREDICT).body(endless).unwrap()).await;
    insta::assert_snapshot!(reply.shown(), @r#"
    408 application/problem+json
    {
      "type": "urn:deskmill:problem:slow-body",
      "title": "Body too slow",
      "status": 408,
      "detail": "the body did not arrive within 20 ms",
      "error": "the body did not arrive within 20 ms"
    }
    "#);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_callers_fault() {
    let app = default_app();
    let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]);
    let reply = send(&app, Request::post(PREDICT).body(Body::from_stream(broken)).unwrap()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}
