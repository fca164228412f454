//! Predictions, over every wire.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::models::{VersionPath, asked};
use crate::Serving;
use crate::answer::answer;
use crate::loaded::Asked;
use crate::metrics::Answered;
use crate::problem::{Problem, shown};
use crate::protocols::Wire;

const MODEL: HeaderName = HeaderName::from_static("deskmill-model");
const VERSION: HeaderName = HeaderName::from_static("deskmill-version");

/// `POST /v1/models/{model}[/versions/{version}|/labels/{alias}]:predict`. The router knows no suffixes, so the verb
/// is cut off here, at the last colon.
pub(crate) async fn predict(State(serving): State<Arc<Serving>>, mut path: VersionPath, request: Request) -> Response {
    let last = path.version.as_mut().or(path.alias.as_mut()).unwrap_or(&mut path.model);
    let Some(colon) = last.rfind(':') else {
        return Problem::method(Some("GET, HEAD"))
            .hint("add `:predict` to the URL")
            .into_response();
    };
    if &last[colon..] != ":predict" {
        let detail = format!("there is no verb `{}`", shown(&last[colon + 1..]));
        return Problem::not_found(detail).hint("verbs: predict").into_response();
    }
    last.truncate(colon);
    let asked = asked(path.version, path.alias);
    respond(&serving, &path.model, &asked, Wire::Native, request).await
}

/// `POST /v2/models/{model}[/versions/{version}]/infer`.
pub(crate) async fn infer(State(serving): State<Arc<Serving>>, path: VersionPath, request: Request) -> Response {
    let asked = asked(path.version, None);
    respond(&serving, &path.model, &asked, Wire::OpenInference, request).await
}

async fn respond(serving: &Serving, model: &str, asked: &Asked, wire: Wire, request: Request) -> Response {
    let version = match serving.loaded().find(model, asked) {
        Ok(version) => version,
        Err(problem) => return problem.into_response(),
    };
    let (mut response, rows) = match answer(serving, &version, wire, request).await {
        Ok(answer) => {
            let mut response = answer.body.into_response();
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
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
