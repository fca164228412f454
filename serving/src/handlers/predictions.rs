//! Predictions, over every wire. What a URL and the headers say picks the wire; the rest is the same for all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::models::{VersionPath, asked};
use crate::Serving;
use crate::answer::{Answer, Payload, Ticket, work};
use crate::assignment::assign;
use crate::auth::{Caller, Scope};
use crate::limits::{self, BodyType, body_type, check_json};
use crate::loaded::{Asked, Version};
use crate::metrics::Answered;
use crate::problem::{Problem, shown};
use crate::protocols::Wire;
use crate::unpack::Coding;

const MODEL: HeaderName = HeaderName::from_static("deskmill-model");
const VERSION: HeaderName = HeaderName::from_static("deskmill-version");
const DEGRADED: HeaderName = HeaderName::from_static("deskmill-degraded");
const DRILL: HeaderName = HeaderName::from_static("deskmill-drill");
const JSON_BYTES: HeaderName = HeaderName::from_static("inference-header-content-length");

/// `POST /v1/models/{model}[/versions/{version}|/labels/{alias}]:predict` and the other verbs. The router knows no
/// suffixes, so the verb is cut off here, at the last colon.
pub(crate) async fn native(
    State(serving): State<Arc<Serving>>,
    caller: Caller,
    mut path: VersionPath,
    request: Request,
) -> Response {
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
    respond((&serving, &caller), &path.model, &asked, wire, request).await
}

/// `POST /v2/models/{model}[/versions/{version}]/infer`.
pub(crate) async fn infer(
    State(serving): State<Arc<Serving>>,
    caller: Caller,
    path: VersionPath,
    request: Request,
) -> Response {
    let wire = open_inference(request.headers());
    respond(
        (&serving, &caller),
        &path.model,
        &asked(path.version, None),
        wire,
        request,
    )
    .await
}

/// `POST /models/{model}[/versions/{version}]/invocations`.
pub(crate) async fn invocations(
    State(serving): State<Arc<Serving>>,
    caller: Caller,
    path: VersionPath,
    request: Request,
) -> Response {
    let wire = match body_type(request.headers()) {
        BodyType::Json => Ok(Wire::Mlflow),
        BodyType::Csv => Ok(Wire::MlflowCsv),
        _ => Err(
            Problem::media_type("the body's type is neither application/json nor text/csv")
                .hint("send one of these as the header `Content-Type`"),
        ),
    };
    respond(
        (&serving, &caller),
        &path.model,
        &asked(path.version, None),
        wire,
        request,
    )
    .await
}

/// `POST /models/{model}[/versions/{version}]`.
pub(crate) async fn pipeline(
    State(serving): State<Arc<Serving>>,
    caller: Caller,
    path: VersionPath,
    request: Request,
) -> Response {
    let wire = check_json(request.headers()).map(|()| Wire::Pipeline);
    respond(
        (&serving, &caller),
        &path.model,
        &asked(path.version, None),
        wire,
        request,
    )
    .await
}

/// `POST /models/{model}[/versions/{version}]/predict`.
pub(crate) async fn text_classification(
    State(serving): State<Arc<Serving>>,
    caller: Caller,
    path: VersionPath,
    request: Request,
) -> Response {
    let wire = check_json(request.headers()).map(|()| Wire::TextClassification);
    respond(
        (&serving, &caller),
        &path.model,
        &asked(path.version, None),
        wire,
        request,
    )
    .await
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

/// Answers with the version that the URL means, or with what stands below it on its ladder.
async fn respond(
    (serving, caller): (&Serving, &Caller),
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
        Ok(wire) => answer((serving, caller), &version, wire, request).await,
        Err(problem) => Err(problem),
    };
    response(answered, version)
}

/// `POST /v1/models/{model}[/versions/{version}|/labels/{alias}]:assign`.
async fn assigned(serving: &Serving, model: &str, asked: &Asked, request: Request) -> Response {
    match serving.loaded().find(model, asked) {
        Ok(version) => response(assign(serving, &version, request).await, version),
        Err(problem) => problem.into_response(),
    }
}

/// An answer, or why there is none, with the name of who was asked.
fn response(answered: Result<Answer, Problem>, version: Arc<Version>) -> Response {
    let mut response = match answered {
        Ok(answer) => answer_response(answer, version),
        Err(problem) => {
            let mut response = problem.into_response();
            name(&mut response, &version);
            response.extensions_mut().insert(Answered {
                version,
                rows: 0,
                degraded: None,
            });
            response
        }
    };
    response
        .headers_mut()
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    response
}

async fn answer(
    (serving, caller): (&Serving, &Caller),
    version: &Arc<Version>,
    wire: Wire,
    request: Request,
) -> Result<Answer, Problem> {
    let (head, body) = request.into_parts();
    let coding = Coding::of(&head.headers)?;
    let broken = broken_rungs(&head.headers, caller, version)?;
    let ticket = Ticket::take(serving, &head.headers, broken)?;
    let body = limits::read_body(&head.headers, body, serving.config(), ticket.deadline).await?;
    work(serving, version, ticket, Payload::Body(wire, coding, body)).await
}

/// How many steps of the ladder an administrator wants broken for this one request.
fn broken_rungs(headers: &HeaderMap, caller: &Caller, version: &Version) -> Result<usize, Problem> {
    let Some(written) = headers.get(DRILL) else {
        return Ok(0);
    };
    if !caller.may(Scope::Admin, version.name()) {
        return Err(Problem::forbidden("a drill needs a key with the scope `admin`"));
    }
    let broken = written.to_str().ok().and_then(|written| written.parse().ok());
    broken.ok_or_else(|| Problem::body("deskmill-drill is not the number of steps to break"))
}

fn answer_response(answer: Answer, asked: Arc<Version>) -> Response {
    let mut response = answer.encoded.body.into_response();
    let headers = response.headers_mut();
    let media_type = match answer.encoded.json_bytes {
        None => "application/json",
        Some(len) => {
            headers.insert(JSON_BYTES, HeaderValue::from(len));
            "application/octet-stream"
        }
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let by = answer.degraded.as_ref().map(|degraded| degraded.by);
    if let Some(degraded) = &answer.degraded
        && let Ok(shown) = HeaderValue::from_str(&format!("{}; {}", degraded.by, degraded.why))
    {
        headers.insert(DEGRADED, shown);
    }
    let rows = answer.rows;
    match (answer.version, by) {
        (Some(version), degraded) => {
            name(&mut response, &version);
            response.extensions_mut().insert(Answered {
                version,
                rows,
                degraded,
            });
        }
        (None, degraded) => {
            name(&mut response, &asked);
            let by = HeaderValue::from_static(degraded.unwrap_or_default());
            response.headers_mut().insert(VERSION, by);
            // No version predicted these rows.
            let (version, rows) = (asked, 0);
            response.extensions_mut().insert(Answered {
                version,
                rows,
                degraded,
            });
        }
    }
    response
}

fn name(response: &mut Response, version: &Version) {
    let [name, number] = version.headers().clone();
    response.headers_mut().insert(MODEL, name);
    response.headers_mut().insert(VERSION, number);
}
