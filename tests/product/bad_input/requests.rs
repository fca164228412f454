//! Requests that are wrong: a 4xx that names the place, never a 5xx, and the server goes on.

use std::io::Write;

use serde_json::{Value, json};

use super::SECRET;
use crate::desk::{Desk, good_tickets};
use crate::http::{Ask, Reply, connect, read_reply};
use crate::server::Server;

const PREDICT: &str = "/v1/models/intent:predict";
const INFER: &str = "/v2/models/intent/infer";
const BODY_MAX_BYTES: usize = 300_000;
const FLAGS: [&str; 6] = [
    "--body-max-bytes",
    "300000",
    "--rows-max",
    "100",
    "--text-max-bytes",
    "5000",
];

fn server() -> (Desk, Server) {
    let desk = Desk::small(good_tickets());
    desk.run();
    let server = Server::slim(&desk.file("registry"), &FLAGS);
    (desk, server)
}

/// What every refusal must be: a 4xx with problem details or the protocol's own error, without the customer's text.
#[track_caller]
fn refused(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status, status, "{}", reply.body);
    assert!(!reply.body.contains(SECRET), "a customer's text in: {}", reply.body);
    let body = reply.json();
    assert!(body["error"].as_str().is_some_and(|error| !error.is_empty()), "{body}");
    if reply.header("content-type").starts_with("application/problem+json") {
        assert_eq!(body["status"], status, "{body}");
        assert!(
            body["title"].is_string() && body["detail"].is_string() && body["type"].is_string(),
            "{body}"
        );
    }
    body
}

/// It still answers, and neither its log nor its metrics know of a fault or a text.
#[track_caller]
fn unharmed(server: &Server) {
    server.ask("", "where is my parcel").with_status(200);
    assert!(
        !server.log().contains(SECRET),
        "a customer's text in the log: {}",
        server.log()
    );
    assert!(!server.log().contains("ERROR"), "{}", server.log());
    let metrics = server.get("/metrics").unwrap().with_status(200).body;
    assert!(!metrics.contains(SECRET), "a customer's text in the metrics: {metrics}");
    // Health checks say 503 until the models are loaded; no other request may.
    let mut faults = metrics
        .lines()
        .filter(|line| line.contains("status=\"5") && !line.contains("route=\"health\""));
    assert_eq!(faults.next(), None, "{}", server.log());
}

#[test]
fn a_value_that_does_not_fit_is_named_by_its_path() {
    let (_desk, server) = server();
    let long = format!("{SECRET}{}", "x".repeat(6000));
    for (body, path) in [
        (
            json!({"instances": [{"text": "a"}, {"text": 7}]}),
            "$.instances[1].text",
        ),
        (json!({"instances": [{"text": [SECRET]}]}), "$.instances[0].text"),
        (json!({"instances": [{"body": SECRET}]}), "$.instances[0].body"),
        (
            json!({"instances": [{"text": "a", "lang": SECRET}]}),
            "$.instances[0].lang",
        ),
        (json!({"instances": [{}]}), "$.instances[0].text"),
        (
            json!({"instances": [{"text": "a"}, {"text": long}]}),
            "$.instances[1].text",
        ),
        (json!({"instances": SECRET}), "$.instances"),
        (json!({"instances": vec!["a"; 101]}), "$.instances"),
        (json!({"inputs": {"text": ["a", true]}}), "$.inputs.text[1]"),
        (json!({"inputs": {"text": SECRET}}), "$.inputs.text"),
        (json!({"inputs": {}}), "$.inputs.text"),
        (json!({"inputs": {"text": ["a"], "lang": [SECRET]}}), "$.inputs.lang"),
        (json!({"instances": ["a"], "rows": SECRET}), "$.rows"),
        (json!({"instances": ["a"], "inputs": ["a"]}), "$"),
        (json!({}), "$"),
    ] {
        let problem = refused(&server.post(PREDICT, body.to_string()), 400);
        assert_eq!(problem["path"], path, "{problem}");
        for part in ["expected", "found"] {
            assert!(
                problem[part].as_str().is_some_and(|text| !text.is_empty()),
                "no {part} in {problem}"
            );
        }
        assert!(!problem["example"].is_null(), "no example in {problem}");
    }
    let tensor = |shape: Value, datatype: &str, data: Value| json!({"inputs": [{"name": "text", "shape": shape, "datatype": datatype, "data": data}]});
    for body in [
        tensor(json!([2]), "BYTES", json!([SECRET])),
        tensor(json!([1]), "FP32", json!([SECRET])),
        tensor(json!([1]), "BYTES", json!([7])),
        tensor(json!([u64::MAX, u64::MAX]), "BYTES", json!([SECRET])),
        tensor(json!([101]), "BYTES", json!(vec!["a"; 101])),
        tensor(json!([1]), "BYTES", json!([long])),
        json!({"inputs": [{"name": "subject", "shape": [1], "datatype": "BYTES", "data": [SECRET]}]}),
        json!({"inputs": []}),
        json!({"inputs": {"text": [SECRET]}}),
    ] {
        let problem = refused(&server.post(INFER, body.to_string()), 400);
        assert!(
            problem["error"].as_str().unwrap().contains("$."),
            "no path in {problem}"
        );
    }
    unharmed(&server);
}

#[test]
fn bodies_that_are_no_json_or_a_bomb() {
    let (_desk, server) = server();
    let nested = format!("{{\"instances\": {}\"{SECRET}\"", "[".repeat(100_000));
    let closed = format!(
        "{{\"instances\": {}\"{SECRET}\"{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let objects = "{\"instances\":".repeat(20_000);
    for body in [
        "",
        " ",
        "null",
        "[]",
        "{",
        "text",
        "{\"instances\": [\"a\"]} x",
        "{\"instances\": [\"a\"], \"instances\": [\"b\"]}",
        "{\"instances\": [\"\u{1}\"]}",
        "{\"instances\": [1e999]}",
        "{\"instances\": [\"\\ud800\"]}",
        nested.as_str(),
        closed.as_str(),
        objects.as_str(),
    ] {
        for path in [PREDICT, INFER] {
            refused(&server.post(path, body), 400);
        }
    }
    refused(&server.post(PREDICT, b"{\"instances\": [\"\xff\xfe\"]}"), 400);
    let many = json!({ "instances": vec![""; 90_000] }).to_string();
    let problem = refused(&server.post(PREDICT, &many), 400);
    assert_eq!(problem["expected"], "at most 100 rows in one request");
    unharmed(&server);
}

#[test]
fn bodies_over_the_bound() {
    let (_desk, server) = server();
    let frame = json!({ "instances": [""] }).to_string().len();
    // A body of exactly the bound is read, and then refused for its long text.
    let fits = json!({ "instances": ["x".repeat(BODY_MAX_BYTES - frame)] }).to_string();
    assert_eq!(fits.len(), BODY_MAX_BYTES);
    assert_eq!(
        refused(&server.post(PREDICT, &fits), 400)["path"],
        "$.instances[0].text"
    );
    let problem = refused(&server.post(PREDICT, fits.clone() + " "), 413);
    assert_eq!(problem["detail"], "the body is larger than 300000 bytes");
    assert!(problem["hint"].is_string(), "{problem}");
    refused(&server.post(INFER, vec![b'x'; 20 * BODY_MAX_BYTES]), 413);

    // Without a stated length, what is over the bound is noticed on the way.
    let mut stream = connect(server.address).unwrap();
    let head = format!("POST {PREDICT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    // The server may close before it has all of it.
    let _sent = stream.write_all((head + &chunk.repeat(8) + "0\r\n\r\n").as_bytes());
    refused(&read_reply(&mut stream).unwrap(), 413);
    unharmed(&server);
}

#[test]
fn models_versions_and_urls_that_are_not_there() {
    let (_desk, server) = server();
    let body = json!({ "instances": [SECRET] }).to_string();
    for (path, word) in [
        ("/v1/models/intend:predict", "intend"),
        ("/v1/models/intent/versions/9:predict", "9"),
        ("/v1/models/intent/versions/one:predict", "one"),
        (
            "/v1/models/intent/versions/99999999999999999999:predict",
            "99999999999999999999",
        ),
        ("/v1/models/intent/labels/candidate:predict", "candidate"),
        ("/v1/models/intent:foretell", "foretell"),
        ("/v1/models/%2e%2e%2fetc:predict", ""),
        ("/v1/models/%ff:predict", ""),
        ("/v2/models/intend/infer", "intend"),
        ("/v2/models/intent/versions/9/infer", "9"),
        ("/v3/models", "/v3/models"),
    ] {
        let problem = refused(&server.post(path, &body), 404);
        assert!(problem["error"].as_str().unwrap().contains(word), "{path}: {problem}");
    }
    unharmed(&server);
}

#[test]
fn methods_types_and_codings_that_are_not_taken() {
    let (_desk, server) = server();
    let body = json!({ "instances": ["where is my parcel"] }).to_string();
    for (method, path) in [
        ("GET", PREDICT),
        ("PUT", PREDICT),
        ("DELETE", "/v1/models/intent"),
        ("POST", "/metrics"),
    ] {
        let reply = Ask {
            method,
            path,
            headers: &[],
            body: body.as_bytes(),
        }
        .send(server.address)
        .unwrap();
        refused(&reply, 405);
        assert!(
            !reply.header("allow").is_empty(),
            "{method} {path} does not say what is allowed"
        );
    }
    for (header, status) in [
        (("content-type", "text/plain"), 415),
        (("content-encoding", "br"), 415),
        // A coding that is taken, and a body that is not in it.
        (("content-encoding", "gzip"), 400),
    ] {
        let ask = Ask {
            method: "POST",
            path: PREDICT,
            headers: &[header],
            body: body.as_bytes(),
        };
        refused(&ask.send(server.address).unwrap(), status);
    }
    unharmed(&server);
}

#[test]
fn lines_that_are_no_http() {
    let (_desk, server) = server();
    for sent in [
        "\r\n\r\n",
        "nonsense\r\n\r\n",
        "POST / HTTP/9.9\r\n\r\n",
        &"x".repeat(100_000),
    ] {
        let mut stream = connect(server.address).unwrap();
        let _sent = stream.write_all(sent.as_bytes());
        let _closed = stream.shutdown(std::net::Shutdown::Write);
        if let Ok(reply) = read_reply(&mut stream) {
            assert!(
                (400..500).contains(&reply.status) || reply.status == 505,
                "{}",
                reply.status
            );
        }
    }
    unharmed(&server);
}
