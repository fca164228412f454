//! The OpenAPI 3.1 document of the models in memory: a path for each model and verb, with that model's own columns as
//! the request's and response's schema, and an example that can be sent as it is.

mod native;
mod problems;
mod schemas;
mod wires;

use serde_json::{Map, Value, json};

use crate::loaded::{Shelf, Version};
use problems::{PROBLEMS, problem_responses, problem_schema};

/// The document for these models, in the version that answers by default.
pub(crate) fn document(shelf: &Shelf) -> Value {
    let mut paths = Map::new();
    for model in shelf.models.values() {
        let newest = || model.versions.values().next_back();
        if let Some(version) = model.default_version().or_else(newest) {
            paths.extend(native::paths(version));
            paths.extend(wires::paths(version));
        }
    }
    for (method, path, summary) in GENERAL {
        let answer = json!({ "description": "the answer" });
        paths.insert(
            path.to_owned(),
            json!({ method: { "summary": summary, "responses": { "200": answer } } }),
        );
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "deskmill",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
        },
        "paths": paths,
        "components": { "responses": problem_responses(), "schemas": { "Problem": problem_schema() } },
    })
}

const DESCRIPTION: &str = "Models of a customer-service desk. Each path below asks the version that `prod` names. \
    `/v1/models/{model}/versions/{version}:predict`, `/v1/models/{model}/labels/{alias}:predict` (and so each verb), \
    `/v2/models/{model}/versions/{version}/infer` and `/models/{model}/versions/{version}/...` ask another one. Every \
    answer names its model and version, in the headers `deskmill-model` and `deskmill-version` too. Bodies may be packed \
    by gzip or deflate. `deskmill-timeout-ms` asks for an answer within less time than the server gives. \
    An answer from further down a model's ladder says so in `deskmill-degraded` and in its body. Where keys are needed, they \
    come as `Authorization: Bearer KEY` or `X-API-Key: KEY`.";

/// URLs that are the same whatever the models are.
const GENERAL: [(&str, &str, &str); 11] = [
    ("get", "/", "Whether the server runs (KServe)"),
    ("get", "/v1/models", "Names of the models"),
    (
        "get",
        "/v2",
        "Name and version of this server (Open Inference Protocol)",
    ),
    ("get", "/v2/health/live", "Whether the server runs"),
    (
        "get",
        "/v2/health/ready",
        "Whether every model with the alias `prod` is loaded",
    ),
    ("get", "/v2/models/stats", "What each version was asked so far"),
    (
        "post",
        "/v2/repository/index",
        "Versions and whether they are in memory",
    ),
    ("get", "/livez", "Whether the server runs"),
    ("get", "/readyz", "Whether every model with the alias `prod` is loaded"),
    ("get", "/metrics", "Counters and histograms (OpenMetrics)"),
    ("get", "/openapi.json", "This document"),
];

/// A URL that is only asked for what it tells.
fn told(version: &Version, summary: &str) -> Value {
    json!({
        "tags": [**version.name()],
        "summary": format!("{summary} of model {}", version.name()),
        "responses": { "200": { "description": "the answer" } },
    })
}

/// A prediction: `content` is the request's by media type, the pair the answer's schema and an example of it.
fn operation(version: &Version, summary: &str, content: Value, (answer, answered): (Value, Value)) -> Value {
    let header = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    let mut responses = Map::new();
    responses.insert(
        "200".into(),
        json!({
            "description": "the predictions, in the order of the rows",
            "headers": { "deskmill-model": header("the model"), "deskmill-version": header("its version") },
            "content": { "application/json": { "schema": answer, "example": answered } },
        }),
    );
    for (status, _) in PROBLEMS {
        let shared = format!("#/components/responses/{status}");
        responses.insert(status.to_owned(), json!({ "$ref": shared }));
    }
    json!({
        "tags": [**version.name()],
        "summary": summary,
        "requestBody": { "required": true, "content": content },
        "responses": responses,
    })
}
