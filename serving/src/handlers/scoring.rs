//! What clients that know one model behind a base URL ask of it beside predictions (MLflow, Hugging Face).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::models::{VersionPath, asked};
use crate::Serving;
use crate::problem::Problem;
use crate::protocols;

/// `GET /models/{model}[/versions/{version}]/ping` and `/health`: the model answers.
pub(crate) async fn ping(State(serving): State<Arc<Serving>>, path: VersionPath) -> Result<&'static str, Problem> {
    serving.loaded().find(&path.model, &asked(path.version, None))?;
    Ok("\n")
}

/// `GET /models/{model}[/versions/{version}]/version`: of the server, as MLflow's clients expect.
pub(crate) async fn version(State(serving): State<Arc<Serving>>, path: VersionPath) -> Result<&'static str, Problem> {
    serving.loaded().find(&path.model, &asked(path.version, None))?;
    Ok(env!("CARGO_PKG_VERSION"))
}

/// `GET /models/{model}[/versions/{version}]/info`, in the words of text-embeddings-inference.
pub(crate) async fn info(State(serving): State<Arc<Serving>>, path: VersionPath) -> Result<Json<Value>, Problem> {
    let version = serving.loaded().find(&path.model, &asked(path.version, None))?;
    let config = serving.config();
    let mut body = json!({
        "model_id": **version.name(),
        "model_sha": Value::Null,
        "model_version": version.text(),
        "max_concurrent_requests": config.concurrent_max,
        "max_client_batch_size": config.rows_max,
        "max_input_bytes": config.text_max_bytes,
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let (Value::Object(body), true) = (&mut body, protocols::can_classify(version.signature())) {
        let classifier = Map::from_iter([("classifier".to_owned(), json!({}))]);
        body.insert("model_type".to_owned(), Value::Object(classifier));
    }
    Ok(Json(body))
}
