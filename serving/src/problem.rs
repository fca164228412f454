//! What a caller is told when a request is not answered: problem details (RFC 9457) with an `error` string beside them
//! for TensorFlow Serving's and KServe's clients. Never customer text; what only we need to know goes to the log, once.

use std::fmt::Display;

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

/// The media type of problem details.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What is wrong with a URL that cannot be read.
pub const NOT_UTF8: &str = "the URL is not UTF-8 when its %xx are decoded";

/// A request that is not answered, and why. Small, because it travels in every `Result`.
#[derive(Debug)]
pub struct Problem(Box<Details>);

#[derive(Debug, Serialize)]
struct Details {
    #[serde(rename = "type")]
    uri: &'static str,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    /// The same as `detail`: the one key that clients of other servers look for.
    error: String,
    #[serde(flatten)]
    place: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip)]
    allow: Option<&'static str>,
    /// Seconds after which it makes sense to ask again.
    #[serde(skip)]
    again_s: Option<u64>,
}

/// Where in the body, and what belongs there.
#[derive(Debug, Serialize)]
struct Place {
    path: String,
    expected: String,
    found: String,
    example: Value,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    fn new(status: StatusCode, uri: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Details {
            uri,
            title,
            status,
            error: detail.clone(),
            detail,
            place: None,
            hint: None,
            allow: None,
            again_s: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }))
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What went wrong in two words.
    pub fn title(&self) -> String {
        self.0.title.to_lowercase()
    }

    /// Whether something of ours is broken or slow, as against too much to do.
    pub fn is_fault(&self) -> bool {
        matches!(
            self.0.status,
            StatusCode::INTERNAL_SERVER_ERROR | StatusCode::GATEWAY_TIMEOUT
        )
    }

    /// What is wrong and the way out, in one line.
    pub fn text(&self) -> String {
        match &self.0.hint {
            Some(hint) => format!("{} (hint: {hint})", self.0.detail),
            None => self.0.detail.clone(),
        }
    }

    /// Adds the way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// There is no such URL, model, version or alias.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "urn:deskmill:problem:not-found",
            "Not found",
            detail,
        )
    }

    /// There is no key, or not one that is known.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        let uri = "urn:deskmill:problem:unauthorized";
        Self::new(StatusCode::UNAUTHORIZED, uri, "Who are you?", detail)
            .hint("send the header `Authorization: Bearer KEY`, or `X-API-Key: KEY`")
    }

    /// The caller is known, and may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "urn:deskmill:problem:forbidden",
            "Not allowed",
            detail,
        )
    }

    /// The key has made its requests of this minute.
    pub fn too_many(per_minute: u32, again_s: u64) -> Self {
        let detail = format!("this key may make {per_minute} requests in a minute");
        let uri = "urn:deskmill:problem:too-many";
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, uri, "Too many requests", detail);
        problem.0.again_s = Some(again_s);
        problem.hint("ask again after the time in Retry-After")
    }

    /// The URL is there, the method is not.
    pub fn method(allow: Option<&'static str>) -> Self {
        let detail = "this URL does not take this method; the Allow header names those it takes";
        let uri = "urn:deskmill:problem:method";
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, uri, "Method not allowed", detail);
        problem.0.allow = allow;
        problem
    }

    /// The body is not what the protocol asks for.
    pub fn body(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:deskmill:problem:body",
            "Body not understood",
            detail,
        )
    }

    /// A value of the body does not fit: at this JSON path, this was expected, that was found.
    pub fn value(path: String, expected: String, found: String, example: Value) -> Self {
        let detail = format!("{path}: expected {expected}, found {found}");
        let uri = "urn:deskmill:problem:value";
        let mut problem = Self::new(StatusCode::BAD_REQUEST, uri, "Value does not fit", detail);
        problem.0.place = Some(Place {
            path,
            expected,
            found,
            example,
        });
        problem
    }

    /// The body is over the bound.
    pub fn too_large(max_bytes: usize) -> Self {
        let detail = format!("the body is larger than {max_bytes} bytes");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "urn:deskmill:problem:too-large",
            "Body too large",
            detail,
        )
        .hint("send fewer rows in one request, or raise body_max_bytes")
    }

    /// The body became too large while it was unpacked.
    pub fn unpacked_too_large(max_ratio: usize) -> Self {
        let detail = format!("unpacked, the body is more than {max_ratio} times as large as it was sent");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "urn:deskmill:problem:too-large",
            "Body too large",
            detail,
        )
        .hint("send it as it is, or raise unpacked_max_ratio")
    }

    /// The body is of a type or coding that is not read here.
    pub fn media_type(detail: impl Into<String>) -> Self {
        let uri = "urn:deskmill:problem:media-type";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            uri,
            "Body type not supported",
            detail,
        )
    }

    /// Too much is in progress already.
    pub fn overloaded(concurrent_max: usize) -> Self {
        let detail = format!("as many predictions as this server takes ({concurrent_max}) are in progress");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:deskmill:problem:overloaded",
            "Overloaded",
            detail,
        )
        .hint("ask again after the time in Retry-After")
    }

    /// One version has as much to do as it can answer in time.
    pub fn busy(model: &str, wait: std::time::Duration) -> Self {
        let detail = format!("model `{model}` has as many requests as it can answer in time");
        let uri = "urn:deskmill:problem:overloaded";
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, uri, "Overloaded", detail);
        problem.0.again_s = Some(wait.as_secs() + 1);
        problem.hint("ask again after the time in Retry-After")
    }

    /// One version failed too often of late to be asked.
    pub fn tripped(model: &str) -> Self {
        let detail = format!("model `{model}` failed or was late too often of late and is left alone for a moment");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:deskmill:problem:tripped",
            "Out of order",
            detail,
        )
        .hint("ask again after the time in Retry-After; the server's log says what is wrong")
    }

    /// A rung of the ladder was broken on purpose.
    pub fn drill() -> Self {
        let uri = "urn:deskmill:problem:drill";
        let detail = "every rung of the ladder was broken on purpose, for a drill";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, uri, "Broken for the drill", detail)
    }

    /// The answers that were written down have none for a row. The reason goes to the log.
    pub fn no_rule(place: &str, reason: &str) -> Self {
        tracing::warn!(place, reason, "a rung of the ladder has no answer");
        let uri = "urn:deskmill:problem:no-rule";
        let detail = "no answer was written down for this";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, uri, "No answer written down", detail)
    }

    /// A model or the server cannot answer yet, or not for the moment.
    pub fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:deskmill:problem:not-ready",
            "Not ready",
            detail,
        )
    }

    /// The caller took too long to send the body.
    pub fn slow_body(timeout_ms: u64) -> Self {
        let detail = format!("the body did not arrive within {timeout_ms} ms");
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "urn:deskmill:problem:slow-body",
            "Body too slow",
            detail,
        )
    }

    /// We took too long.
    pub fn late(timeout_ms: u64) -> Self {
        let detail = format!("there was no answer within {timeout_ms} ms");
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "urn:deskmill:problem:late",
            "Too late",
            detail,
        )
        .hint("send fewer rows in one request, or ask again later")
    }

    /// Something of ours broke. `cause` goes to the log, here and nowhere else; the caller is told nothing of it.
    pub fn internal(place: &str, cause: &dyn Display) -> Self {
        tracing::error!(place, %cause, "request failed");
        let detail = "the server could not answer; its log says why";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:deskmill:problem:internal",
            "Server error",
            detail,
        )
    }

    /// What went wrong in the models crate: the caller's row, or something of ours.
    pub fn from_models(place: &str, error: deskmill_models::Error) -> Self {
        let hint = error.hint();
        match error {
            deskmill_models::Error::Row {
                path,
                expected,
                found,
                example,
            } => {
                let example = serde_json::from_str(&example).unwrap_or(Value::String(example));
                Self::value(path, expected, found, example).hint(hint)
            }
            other => Self::internal(place, &other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = self.0;
        let body = serde_json::to_vec(&details).unwrap_or_default();
        let mut response = (details.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(again_s) = details.again_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(again_s));
        }
        if details.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = details.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// A part of a request as it may be shown in an answer: one line, at most 60 characters.
pub fn shown(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(60)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if short.len() < text.len() && text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}
