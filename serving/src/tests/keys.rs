//! Who may ask what: every route with every key, and what a key may not know.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use prost::Message;
use serde_json::json;

use super::*;
use crate::auth::{Keys, NewKey, Scope, new_key};
use crate::protocols::messages::NamedModel;
use crate::routes::patterns;

/// A server with the models `intent`, `mirror` and `ranker`, and the keys by name.
fn guarded() -> (Router, BTreeMap<&'static str, String>) {
    let scopes: [(&'static str, &[Scope], &[&str]); 5] = [
        ("reader", &[Scope::Read], &["intent"]),
        ("shop", &[Scope::Predict], &["intent"]),
        ("other", &[Scope::Predict, Scope::Read, Scope::Admin], &["mirror"]),
        ("everywhere", &[Scope::Predict, Scope::Read], &[]),
        ("root", &[Scope::Predict, Scope::Read, Scope::Admin], &[]),
    ];
    let (mut keys, mut file) = (BTreeMap::new(), String::new());
    for (name, scopes, models) in scopes {
        let models: Vec<String> = models.iter().map(|model| (*model).to_owned()).collect();
        let (key, lines) = new_key(&NewKey {
            name,
            scopes,
            models: &models,
            requests_per_minute: None,
        })
        .unwrap();
        file.push_str(&lines);
        keys.insert(name, key);
    }
    let serving = Serving::new(ServingConfig::default()).with_keys(Keys::parse(&file).unwrap());
    let put = |model: Version| serving.loaded().put(Served::of(vec![model]).unwrap());
    put(Version::new("intent", 1, Box::new(Ranker::new())));
    put(Version::new("mirror", 1, Box::new(Mirror::new())));
    put(Version::new("ranker", 1, Box::new(Ranker::new())));
    serving.loaded().set_complete();
    (app(Arc::new(serving)), keys)
}

async fn ask(app: &Router, method: Method, path: &str, key: Option<&str>, body: &str) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    send(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// What a key may do on a route, by what the route is: written once more, in other words than the code has it.
fn expected(pattern: &str, method: &Method, key: Option<&str>) -> u16 {
    let open = [
        "/",
        "/livez",
        "/readyz",
        "/v2",
        "/v2/",
        "/v2/health/live",
        "/v2/health/ready",
    ];
    if open.contains(&pattern) || pattern.starts_with("/grpc.health") {
        return 200;
    }
    let Some(key) = key else { return 401 };
    if pattern == "/metrics" {
        return if ["everywhere", "root"].contains(&key) {
            200
        } else {
            403
        };
    }
    if !pattern.contains("{model}") {
        return 200;
    }
    let allowed = match (pattern.starts_with("/v2/repository"), method == Method::POST) {
        (true, _) => vec!["root"],
        (false, true) => vec!["shop", "everywhere", "root"],
        (false, false) => vec!["reader", "shop", "everywhere", "root"],
    };
    match key {
        "other" => 404,
        _ if allowed.contains(&key) => 200,
        _ => 403,
    }
}

#[tokio::test]
async fn every_route_keeps_to_every_keys_scopes() {
    let mut asked = 0;
    for pattern in patterns() {
        for method in [Method::GET, Method::POST] {
            for key in [
                None,
                Some("reader"),
                Some("shop"),
                Some("other"),
                Some("everywhere"),
                Some("root"),
            ] {
                // A new server each time: some of these change it.
                let (app, keys) = guarded();
                let mut path = pattern
                    .replace("{model}", "intent")
                    .replace("{version}", "1")
                    .replace("{alias}", "prod");
                if pattern.starts_with("/v1/models/{model}") && !pattern.ends_with("metadata") && method == Method::POST
                {
                    path.push_str(":predict");
                }
                if pattern.contains("{method}") {
                    continue;
                }
                let body = match pattern.as_str() {
                    _ if pattern.ends_with("/infer") => {
                        r#"{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}"#
                    }
                    _ if pattern.starts_with("/v1") || pattern.ends_with("/invocations") => r#"{"instances": ["a"]}"#,
                    _ if pattern.starts_with("/models") => r#"{"inputs": "a"}"#,
                    _ => "",
                };
                let reply = ask(&app, method.clone(), &path, key.map(|key| keys[key].as_str()), body).await;
                // That a URL does not take a method is no secret, and nothing was done.
                if reply.status == StatusCode::METHOD_NOT_ALLOWED {
                    continue;
                }
                let expected = expected(&pattern, &method, key);
                assert_eq!(
                    reply.status.as_u16(),
                    expected,
                    "{method} {path} with {key:?}: {}",
                    reply.body
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 200, "{asked}");
}

#[tokio::test]
async fn a_model_that_a_key_may_not_see_is_not_there() {
    let (app, keys) = guarded();
    let shop = Some(keys["shop"].as_str());
    for path in [
        "/v1/models/mirror",
        "/v2/models/mirror/ready",
        "/models/mirror/ping",
        "/v2/models/mirror/stats",
    ] {
        let hidden = ask(&app, Method::GET, path, shop, "").await;
        let missing = ask(&app, Method::GET, &path.replace("mirror", "nothing"), shop, "").await;
        assert_eq!(hidden.status, StatusCode::NOT_FOUND);
        assert_eq!(hidden.body.replace("mirror", "nothing"), missing.body);
        assert_eq!(hidden.headers.len(), missing.headers.len());
        assert_eq!(hidden.json()["hint"], "models: intent");
    }
    assert_eq!(
        ask(&app, Method::GET, "/v1/models", shop, "").await.body,
        r#"{"models":["intent"]}"#
    );
    for path in ["/openapi.json", "/v2/models/stats"] {
        let shown = ask(&app, Method::GET, path, shop, "").await.body;
        assert!(shown.contains("intent") && !shown.contains("mirror"), "{path}");
    }
    let index = ask(&app, Method::POST, "/v2/repository/index", shop, "").await.json();
    assert_eq!(index.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_are_sent_in_either_header_and_over_grpc() {
    let (app, keys) = guarded();
    let by_name = Request::get("/v1/models").header("x-api-key", &keys["root"]);
    assert_eq!(
        send(&app, by_name.body(Body::empty()).unwrap()).await.status,
        StatusCode::OK
    );
    let refused = ask(&app, Method::GET, "/v1/models", Some("dmk_0"), "").await;
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    insta::assert_snapshot!(refused.shown(), @r#"
    401 application/problem+json
    {
      "type": "urn:deskmill:problem:unauthorized",
      "title": "Who are you?",
      "status": 401,
      "detail": "this key is not known here",
      "error": "this key is not known here",
      "hint": "send the header `Authorization: Bearer KEY`, or `X-API-Key: KEY`"
    }
    "#);
    for (key, model, code) in [
        (None, "intent", "16"),
        (Some("shop"), "intent", ""),
        (Some("shop"), "mirror", "5"),
        (Some("other"), "mirror", ""),
    ] {
        let message = NamedModel {
            name: model.into(),
            version: String::new(),
        }
        .encode_to_vec();
        let frame = [&[0], &(message.len() as u32).to_be_bytes()[..], &message].concat();
        let mut request = Request::post("/inference.GRPCInferenceService/ModelMetadata");
        request = request.header("content-type", "application/grpc");
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {}", keys[key]));
        }
        let reply = send(&app, request.body(Body::from(frame)).unwrap()).await;
        assert_eq!(reply.header("grpc-status"), code, "{key:?} {model}");
    }
}

#[tokio::test]
async fn a_key_that_asked_too_often_waits() {
    let (key, lines) = new_key(&NewKey {
        name: "shop",
        scopes: &[Scope::Predict],
        models: &[],
        requests_per_minute: Some(2),
    })
    .unwrap();
    let serving = Serving::new(ServingConfig::default()).with_keys(Keys::parse(&lines).unwrap());
    serving.loaded().set_complete();
    let app = app(Arc::new(serving));
    for status in [200, 200, 429] {
        let reply = ask(&app, Method::GET, "/v1/models", Some(&key), "").await;
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!(reply.header("retry-after"), if status == 429 { "30" } else { "" });
    }
}

#[tokio::test]
async fn without_keys_strangers_change_nothing() {
    let serving = server(ServingConfig {
        listen: "0.0.0.0:1".parse().unwrap(),
        allow_remote: true,
        ..ServingConfig::default()
    });
    let app = app(serving);
    let reply = post(&app, "/v2/repository/models/intent/unload", "").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let reply = post(&app, "/v1/models/intent:predict", json!({"instances": ["a"]})).await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[test]
fn the_file_of_keys_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let make = |name: &str| {
        let models = [];
        let new = NewKey {
            name,
            scopes: &[Scope::Read],
            models: &models,
            requests_per_minute: None,
        };
        new_key(&new).unwrap()
    };
    let ((first, lines), (second, more)) = (make("first"), make("second"));
    std::fs::write(&path, &lines).unwrap();
    let serving = Serving::new(ServingConfig::default()).with_keys(Keys::read(&path).unwrap());
    let knows = |key: &str| serving.doors().knows(key);
    assert!(knows(&first) && !knows(&second));
    std::fs::write(&path, &more).unwrap();
    serving.doors().reload(&path);
    assert!(!knows(&first) && knows(&second));
    // A file that went bad takes nobody's key away, and lets nobody in.
    std::fs::write(&path, "[[keys]").unwrap();
    serving.doors().reload(&path);
    assert!(!knows(&first) && knows(&second));
}
