//! The repository and the statistics of the Open Inference Protocol. What there is, the registry decides; a caller may
//! have it looked at now, and may keep a model out of memory.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::models::{VersionPath, asked};
use crate::Serving;
use crate::auth::Caller;
use crate::json;
use crate::limits;
use crate::loaded::Served;
use crate::problem::Problem;

/// `POST /v2/repository/index`, with `{"ready": true}` or an empty body.
pub(crate) async fn index(
    State(serving): State<Arc<Serving>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let deadline = Instant::now() + serving.config().timeout();
    let (head, body) = request.into_parts();
    let ready_only = read_ready(&serving, &head.headers, body, deadline).await?;
    let shelf = caller.part_of(&serving.loaded().shelf());
    let mut listed: Vec<Value> = shelf.models.values().flat_map(|model| states(model)).collect();
    let out = |name: Arc<str>| json!({ "name": *name, "version": "", "state": "UNAVAILABLE", "reason": "unloaded" });
    let unloaded = serving.wishes().unloaded().into_iter();
    listed.extend(unloaded.filter(|name| caller.sees(name)).map(out));
    listed.retain(|entry| !ready_only || entry["state"] == "READY");
    Ok(Json(Value::Array(listed)))
}

async fn read_ready(
    serving: &Serving,
    headers: &axum::http::HeaderMap,
    body: Body,
    deadline: Instant,
) -> Result<bool, Problem> {
    let body = limits::read_body(headers, body, serving.config(), deadline).await?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(false);
    }
    match json::parse(&body)?.get("ready") {
        None => Ok(false),
        Some(Value::Bool(ready)) => Ok(*ready),
        Some(other) => {
            let (path, expected) = ("$.ready".to_owned(), "true or false".to_owned());
            Err(Problem::value(
                path,
                expected,
                json::found(other).to_owned(),
                true.into(),
            ))
        }
    }
}

/// Versions of a model that are in memory or should be.
pub(crate) fn states(model: &Served) -> Vec<Value> {
    let state = |number: &u64| {
        let (state, reason) = match (model.versions.contains_key(number), model.failures.contains_key(number)) {
            (true, _) => ("READY", ""),
            (false, true) => ("UNAVAILABLE", "it could not be loaded"),
            (false, false) => ("LOADING", ""),
        };
        json!({ "name": *model.name, "version": number.to_string(), "state": state, "reason": reason })
    };
    model.planned.iter().map(state).collect()
}

/// `POST /v2/repository/models/{model}/load`: the registry is looked at now, and what did not load is tried again.
pub(crate) async fn load(State(serving): State<Arc<Serving>>, path: VersionPath) -> Result<Json<Value>, Problem> {
    let deadline = Instant::now() + serving.config().timeout();
    serving.wishes().load(&path.model);
    serving.loaded().retry_now(&path.model);
    if timeout_at(deadline, serving.wishes().look()).await.is_err() {
        return Err(Problem::not_ready(format!("model `{}` is being loaded", path.model)));
    }
    let version = serving.loaded().find(&path.model, &asked(None, None))?;
    Ok(Json(
        json!({ "name": **version.name(), "version": version.text(), "state": "READY" }),
    ))
}

/// `POST /v2/repository/models/{model}/unload`: out of memory until it is loaded again or the server starts anew.
pub(crate) async fn unload(State(serving): State<Arc<Serving>>, path: VersionPath) -> Result<Json<Value>, Problem> {
    let known = serving
        .loaded()
        .shelf()
        .model(&path.model)
        .map(|model| Arc::clone(&model.name))?;
    serving.wishes().unload(&known);
    serving.loaded().remove(&known);
    Ok(Json(json!({ "name": *known, "state": "UNAVAILABLE" })))
}

/// `GET /v2/models/stats` and `GET /v2/models/{model}[/versions/{version}]/stats`.
pub(crate) async fn stats_of(State(serving): State<Arc<Serving>>, path: VersionPath) -> Result<Json<Value>, Problem> {
    let shelf = serving.loaded().shelf();
    let model = shelf.model(&path.model)?;
    let versions = match path.version {
        None => model.versions.values().cloned().collect(),
        Some(version) => vec![model.find(&asked(Some(version), None))?],
    };
    let shown = versions
        .iter()
        .map(|version| version.stats().shown(version.name(), version.text()));
    Ok(Json(json!({ "model_stats": shown.collect::<Vec<_>>() })))
}

/// Of all models.
pub(crate) async fn stats(State(serving): State<Arc<Serving>>, caller: Caller) -> Json<Value> {
    let shelf = caller.part_of(&serving.loaded().shelf());
    let versions = shelf.models.values().flat_map(|model| model.versions.values());
    let shown = versions.map(|version| version.stats().shown(version.name(), version.text()));
    Json(json!({ "model_stats": shown.collect::<Vec<_>>() }))
}
