//! Models and their versions: what there is, what it takes and gives, who follows which alias.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Serving;
use crate::auth::Caller;
use crate::loaded::{Asked, Served, Version};
use crate::problem::{NOT_UTF8, Problem};
use crate::protocols;

/// The part of a URL that names a model, and maybe a version or an alias.
#[derive(Deserialize)]
pub(crate) struct VersionPath {
    pub(crate) model: String,
    pub(crate) version: Option<String>,
    pub(crate) alias: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for VersionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<Self>::from_request_parts(parts, state).await;
        path.map(|Path(path)| path).map_err(|_| Problem::not_found(NOT_UTF8))
    }
}

pub(crate) fn asked(version: Option<String>, alias: Option<String>) -> Asked {
    match (version, alias) {
        (Some(version), _) => Asked::Version(version),
        (None, Some(alias)) => Asked::Label(alias),
        (None, None) => Asked::Default,
    }
}

/// `GET /v1/models`: names, as KServe lists them.
pub(crate) async fn list(State(serving): State<Arc<Serving>>, caller: Caller) -> Json<Value> {
    let shelf = caller.part_of(&serving.loaded().shelf());
    let names: Vec<String> = shelf.models.keys().map(|name| name.to_string()).collect();
    Json(json!({ "models": names }))
}

/// `GET /v1/models/{model}`: the model with all its versions, also those that could not be loaded.
pub(crate) async fn show(State(serving): State<Arc<Serving>>, path: VersionPath) -> Result<Json<Value>, Problem> {
    if path.model.contains(':') {
        return Err(Problem::method(Some("POST")));
    }
    let shelf = serving.loaded().shelf();
    let model = shelf.model(&path.model)?;
    let versions: Vec<Value> = model
        .facts
        .versions
        .keys()
        .rev()
        .map(|number| state(model, *number))
        .collect();
    let mut body = json!({
        "name": *model.name,
        "ready": model.default_version().is_some(),
        "kind": model.facts.kind,
        "aliases": aliases(model),
        "versions": versions,
        "model_version_status": protocols::version_status(model),
    });
    if let (Value::Object(body), Some(version)) = (&mut body, model.default_version()) {
        body.insert("signature".to_owned(), json!(version.signature()));
    }
    if let (Value::Object(body), Some(ladder)) = (&mut body, serving.ladders().of(&model.name)) {
        body.insert("ladder".to_owned(), json!(ladder.names()));
    }
    if let (Value::Object(body), Some(trouble)) = (&mut body, &model.trouble) {
        body.insert("error".to_owned(), json!(trouble));
    }
    Ok(Json(body))
}

/// `GET /v1/models/{model}/versions/{version}`, `.../labels/{alias}` and each with `/metadata`, also for the default.
pub(crate) async fn show_version(
    State(serving): State<Arc<Serving>>,
    path: VersionPath,
) -> Result<Json<Value>, Problem> {
    let last = path.version.as_ref().or(path.alias.as_ref());
    if last.is_some_and(|segment| segment.contains(':')) {
        return Err(Problem::method(Some("POST")));
    }
    let shelf = serving.loaded().shelf();
    let model = shelf.model(&path.model)?;
    let version = model.find(&asked(path.version, path.alias))?;
    let mut body = json!({ "model_name": *model.name, "model_version": version.text(), "kind": version.kind() });
    if let Value::Object(body) = &mut body {
        body.insert("aliases".to_owned(), aliases_of(model, &version));
        body.insert(
            "versions".to_owned(),
            json!(model.versions.keys().map(u64::to_string).collect::<Vec<_>>()),
        );
        body.insert("signature".to_owned(), json!(version.signature()));
        // The same in TensorFlow Serving's words.
        let spec = json!({ "name": *model.name, "signature_name": "", "version": version.text() });
        body.insert("model_spec".to_owned(), spec);
        body.insert("metadata".to_owned(), protocols::signature_def(&version));
    }
    Ok(Json(body))
}

/// `GET /v2/models/{model}[/versions/{version}]/config`.
pub(crate) async fn v2_config(State(serving): State<Arc<Serving>>, path: VersionPath) -> Result<Json<Value>, Problem> {
    let version = serving.loaded().find(&path.model, &asked(path.version, None))?;
    Ok(Json(protocols::config(&version)))
}

/// `GET /v2/models/{model}[/versions/{version}]`.
pub(crate) async fn v2_metadata(
    State(serving): State<Arc<Serving>>,
    path: VersionPath,
) -> Result<Json<Value>, Problem> {
    let shelf = serving.loaded().shelf();
    let model = shelf.model(&path.model)?;
    let version = model.find(&asked(path.version, None))?;
    Ok(Json(protocols::metadata(model, &version)))
}

/// Aliases as they answer now.
fn aliases(model: &Served) -> Value {
    let pairs = model
        .aliases
        .iter()
        .map(|(alias, number)| (alias.clone(), json!(number.to_string())));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn aliases_of(model: &Served, version: &Version) -> Value {
    model
        .aliases
        .iter()
        .filter(|(_, number)| **number == version.number())
        .map(|(alias, _)| alias.clone())
        .collect()
}

fn state(model: &Served, number: u64) -> Value {
    let retired = model.facts.versions.get(&number).copied().unwrap_or(false);
    let failure = model.failures.get(&number);
    let state = match () {
        // Its breaker is open: it failed too often of late, and the ladder answers for it.
        () if model
            .versions
            .get(&number)
            .is_some_and(|version| version.bulkhead().is_open()) =>
        {
            "out of order"
        }
        () if model.versions.contains_key(&number) => "loaded",
        () if failure.is_some() => "failed",
        () if retired => "retired",
        () => "not loaded",
    };
    let mut body = json!({ "version": number.to_string(), "state": state });
    if let (Value::Object(body), Some(failure)) = (&mut body, failure) {
        body.insert("error".to_owned(), json!(failure.message));
        body.insert("tries".to_owned(), json!(failure.tries));
    }
    body
}
