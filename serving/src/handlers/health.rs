//! Whether the server runs, and whether it should be sent requests.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::models::{VersionPath, asked};
use crate::Serving;
use crate::problem::Problem;

/// `GET /livez`: the process answers.
pub(crate) async fn livez() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// `GET /readyz`: every model with the alias `prod` was loaded, and the server is not stopping.
pub(crate) async fn readyz(State(serving): State<Arc<Serving>>) -> Result<Json<Value>, Problem> {
    match serving.not_ready_because() {
        None => Ok(Json(json!({ "status": "ready" }))),
        Some(reason) => Err(Problem::not_ready(reason)),
    }
}

/// `GET /`: what KServe's v1 client takes for life.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// `GET /v2/health/live`.
pub(crate) async fn v2_live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// `GET /v2/health/ready`.
pub(crate) async fn v2_ready(State(serving): State<Arc<Serving>>) -> Response {
    let ready = serving.not_ready_because().is_none();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({ "ready": ready }))).into_response()
}

/// `GET /v2/models/{model}[/versions/{version}]/ready`.
pub(crate) async fn v2_model_ready(
    State(serving): State<Arc<Serving>>,
    path: VersionPath,
) -> Result<Json<Value>, Problem> {
    let version = serving.loaded().find(&path.model, &asked(path.version, None))?;
    Ok(Json(json!({ "name": **version.name(), "ready": true })))
}
