//! Predictions, over every wire. What a URL and the headers say picks the wire; the rest is the same for all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::models::{VersionPath, asked};
use crate::Serving;
use crate::answer::{Answer, answer};
use crate::assignment::assign;
use crate::limits::{BodyType, body_type, check_json};
use crate::loaded::{Asked, Version};
use crate::metrics::Answered;
use crate::problem::{Problem, shown};
use crate::protocols::Wire;

const MODEL: HeaderName = HeaderName::from_static("deskmill-model");
const VERSION: HeaderName = HeaderName::from_static("deskmill-version");
const JSON_BYTES: HeaderName = HeaderName::from_static("inference-header-content-length");

/// `POST /v1/models/{model}[/versions/{version}|/labels/{alias}]:predict` and the other verbs. The router knows no
/// suffixes, so the verb is cut off here, at the last colon.
pub(crate) async fn native(State(serving): State<Arc<Serving>>, mut path: VersionPath, request: Request) -> Response {
    let last = path.version.as_mut().or(path.alias.as_mut()).unwrap_or(&mut path.model);
    let Some(colon) = last.rfind(':') else {
        return Problem::method(Some("GET, HEAD"))
            .hint("add `:predict` to the URL")
            .into_response();
    };
    let verb = last.split_off(colon);
    let wire = match &verb[1..] {
        "predict" => Wire::Predict,
        "explain" => Wire::Explain,
        "classify" => Wire::Classify,
        "regress" => Wire::Regress,
        "assign" => {
            let asked = asked(path.version, path.alias);
            return assigned(&serving, &path.model, &asked, request).await;
        }
        other => {
            let detail = format!("there is no verb `{}`", shown(other));
            return Problem::not_found(detail)
                .hint("verbs: predict, explain, classify, regress, assign")
                .into_response();
        }
    };
    let wire = check_json(request.headers()).map(|()| wire);
    let asked = asked(path.version, path.alias);
    respond(&serving, &path.model, &asked, wire, request).await
}

/// `POST /v2/models/{model}[/versions/{version}]/infer`.
pub(crate) async fn infer(State(serving): State<Arc<Serving>>, path: VersionPath, request: Request) -> Response {
    let wire = open_inference(request.headers());
    respond(&serving, &path.model, &asked(path.version, None), wire, request).await
}

/// `POST /models/{model}[/versions/{version}]/invocations`.
pub(crate) async fn invocations(State(serving): State<Arc<Serving>>, path: VersionPath, request: Request) -> Response {
    let wire = match body_type(request.headers()) {
        BodyType::Json => Ok(Wire::Mlflow),
        BodyType::Csv => Ok(Wire::MlflowCsv),
        _ => Err(
            Problem::media_type("the body's type is neither application/json nor text/csv")
                .hint("send one of these as the header `Content-Type`"),
        ),
    };
    respond(&serving, &path.model, &asked(path.version, None), wire, request).await
}

/// `POST /models/{model}[/versions/{version}]`.
pub(crate) async fn pipeline(State(serving): State<Arc<Serving>>, path: VersionPath, request: Request) -> Response {
    let wire = check_json(request.headers()).map(|()| Wire::Pipeline);
    respond(&serving, &path.model, &asked(path.version, None), wire, request).await
}

/// `POST /models/{model}[/versions/{version}]/predict`.
pub(crate) async fn text_classification(
    State(serving): State<Arc<Serving>>,
    path: VersionPath,
    request: Request,
) -> Response {
    let wire = check_json(request.headers()).map(|()| Wire::TextClassification);
    respond(&serving, &path.model, &asked(path.version, None), wire, request).await
}

/// With the header of the binary extension the body may be of any bytes, and clients say so in different ways.
fn open_inference(headers: &HeaderMap) -> Result<Wire, Problem> {
    let Some(written) = headers.get(JSON_BYTES) else {
        check_json(headers)?;
        return Ok(Wire::OpenInference { json_bytes: None });
    };
    match written.to_str().ok().and_then(|written| written.trim().parse().ok()) {
        Some(len) => Ok(Wire::OpenInference { json_bytes: Some(len) }),
        None => Err(Problem::body(
            "Inference-Header-Content-Length is not a whole number of bytes",
        )),
    }
}

async fn respond(
    serving: &Serving,
    model: &str,
    asked: &Asked,
    wire: Result<Wire, Problem>,
    request: Request,
) -> Response {
    let version = match serving.loaded().find(model, asked) {
        Ok(version) => version,
        Err(problem) => return problem.into_response(),
    };
    let answered = match wire {
        Ok(wire) => answer(serving, &version, wire, request).await,
        Err(problem) => Err(problem),
    };
    response(version, answered)
}

/// `POST /v1/models/{model}[/versions/{version}|/labels/{alias}]:assign`.
async fn assigned(serving: &Serving, model: &str, asked: &Asked, request: Request) -> Response {
    match serving.loaded().find(model, asked) {
        Ok(version) => {
            let answered = assign(serving, &version, request).await;
            response(version, answered)
        }
        Err(problem) => problem.into_response(),
    }
}

/// An answer of a version, or why there is none, with its name and number in the headers.
fn response(version: Arc<Version>, answered: Result<Answer, Problem>) -> Response {
    let (mut response, rows) = match answered {
        Ok(answer) => {
            let mut response = answer.encoded.body.into_response();
            let media_type = match answer.encoded.json_bytes {
                None => "application/json",
                Some(len) => {
                    response.headers_mut().insert(JSON_BYTES, HeaderValue::from(len));
                    "application/octet-stream"
                }
            };
            let media_type = HeaderValue::from_static(media_type);
            response.headers_mut().insert(CONTENT_TYPE, media_type);
            (response, answer.rows)
        }
        Err(problem) => (problem.into_response(), 0),
    };
    let [name, number] = version.headers().clone();
    response.headers_mut().insert(MODEL, name);
    response.headers_mut().insert(VERSION, number);
    response.extensions_mut().insert(Answered { version, rows });
    response
}
