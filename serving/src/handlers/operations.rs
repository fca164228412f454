//! What operators and tools ask of the server itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::Serving;
use crate::auth::Caller;
use crate::openapi;
use crate::problem::Problem;

/// `GET /metrics`.
pub(crate) async fn metrics(State(serving): State<Arc<Serving>>) -> Result<impl IntoResponse, Problem> {
    let text = serving.metrics().text(&serving.loaded().shelf());
    let text = text.map_err(|error| Problem::internal("metrics", &error))?;
    Ok((
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    ))
}

/// `GET /openapi.json`.
pub(crate) async fn openapi(State(serving): State<Arc<Serving>>, caller: Caller) -> Json<Value> {
    Json(openapi::document(&caller.part_of(&serving.loaded().shelf())))
}

/// What the server speaks of the protocol's extensions.
pub(crate) const EXTENSIONS: [&str; 4] = [
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "statistics",
];

/// `GET /v2`.
pub(crate) async fn v2_server() -> Json<Value> {
    Json(json!({ "name": "deskmill", "version": env!("CARGO_PKG_VERSION"), "extensions": EXTENSIONS }))
}
