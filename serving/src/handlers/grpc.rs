//! `GRPCInferenceService` on the same port as everything else: unary calls over HTTP/2, each one frame in and one frame
//! out. The framing is gRPC's (its PROTOCOL-HTTP2 document); the work is done by the same code as for REST.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use prost::Message;

use super::models::asked;
use super::operations::EXTENSIONS;
use super::repository::states;
use crate::Serving;
use crate::answer::{Payload, Ticket, work};
use crate::auth::{Caller, Scope};
use crate::limits;
use crate::loaded::{Asked, Shelf};
use crate::metrics::{Answered, Refused};
use crate::problem::{Problem, shown};
use crate::protocols::grpc::tensors;
use crate::protocols::messages::{
    Flag, HealthCheck, Index, IndexEntry, IndexRequest, InferRequest, ModelMetadata, NamedModel, ServerMetadata,
};
use crate::unpack::Coding;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// A flag and a length before each message.
const FRAME_HEAD_BYTES: usize = 5;

/// `POST /inference.GRPCInferenceService/{method}`.
pub(crate) async fn inference(
    State(serving): State<Arc<Serving>>,
    Path(method): Path<String>,
    caller: Caller,
    request: Request,
) -> Response {
    match call(&serving, &method, &caller, request).await {
        Ok((message, answered)) => {
            let mut response = framed(&message);
            response.extensions_mut().extend(answered);
            response
        }
        Err(problem) => refused(&problem),
    }
}

/// `POST /grpc.health.v1.Health/Check`: 1 is serving, 2 is not.
pub(crate) async fn health(State(serving): State<Arc<Serving>>) -> Response {
    let status = if serving.not_ready_because().is_none() { 1 } else { 2 };
    framed(&HealthCheck { status }.encode_to_vec())
}

type Called = (Vec<u8>, axum::http::Extensions);

async fn call(serving: &Arc<Serving>, method: &str, caller: &Caller, request: Request) -> Result<Called, Problem> {
    let is_grpc = |value: &HeaderValue| value.as_bytes().starts_with(b"application/grpc");
    if !request.headers().get(CONTENT_TYPE).is_some_and(is_grpc) {
        return Err(Problem::media_type("the body's type is not application/grpc"));
    }
    let (head, body) = request.into_parts();
    let ticket = Ticket::take(serving, &head.headers, 0)?;
    let body = limits::read_body(&head.headers, body, serving.config(), ticket.deadline).await?;
    let message = unframed(serving, &head.headers, body)?;
    if method == "ModelInfer" {
        let request: InferRequest = read(message)?;
        caller.check(Scope::Predict, &request.model_name, &serving.loaded().shelf())?;
        let version = serving
            .loaded()
            .find(&request.model_name, &of(&request.model_version))?;
        let payload = Payload::Message(Box::new(request));
        let answer = work(serving, &version, ticket, payload).await?;
        let mut extensions = axum::http::Extensions::new();
        extensions.insert(Answered {
            rows: answer.version.as_ref().map_or(0, |_| answer.rows),
            version: answer.version.unwrap_or(version),
            degraded: answer.degraded.map(|degraded| degraded.by),
        });
        return Ok((answer.encoded.body, extensions));
    }
    let message = match method {
        "ServerLive" => Flag { is: true }.encode_to_vec(),
        "ServerReady" => {
            let is = serving.not_ready_because().is_none();
            Flag { is }.encode_to_vec()
        }
        "ModelReady" => {
            let model: NamedModel = read(message)?;
            let found = serving.loaded().find(&model.name, &of(&model.version));
            let is = found.is_ok() && caller.may(Scope::Read, &model.name);
            Flag { is }.encode_to_vec()
        }
        "ServerMetadata" => ServerMetadata {
            name: "deskmill".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        }
        .encode_to_vec(),
        "ModelMetadata" => {
            let model: NamedModel = read(message)?;
            caller.check(Scope::Read, &model.name, &serving.loaded().shelf())?;
            metadata(serving, &model)?.encode_to_vec()
        }
        "RepositoryIndex" => {
            let shelf = caller.part_of(&serving.loaded().shelf());
            index(&shelf, read::<IndexRequest>(message)?.ready).encode_to_vec()
        }
        other => return Err(Problem::not_found(format!("there is no method `{}`", shown(other)))),
    };
    Ok((message, axum::http::Extensions::new()))
}

fn of(version: &str) -> Asked {
    asked((!version.is_empty()).then(|| version.to_owned()), None)
}

fn metadata(serving: &Serving, asked_for: &NamedModel) -> Result<ModelMetadata, Problem> {
    let shelf = serving.loaded().shelf();
    let model = shelf.model(&asked_for.name)?;
    let version = model.find(&of(&asked_for.version))?;
    Ok(ModelMetadata {
        name: version.name().to_string(),
        versions: model.versions.keys().map(u64::to_string).collect(),
        platform: format!("deskmill_{}", version.kind()),
        inputs: tensors(&version.signature().inputs),
        outputs: tensors(&version.signature().outputs),
    })
}

fn index(shelf: &Shelf, ready_only: bool) -> Index {
    let listed = shelf.models.values().flat_map(|model| states(model));
    let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let entry = |entry: serde_json::Value| IndexEntry {
        name: text(&entry, "name"),
        version: text(&entry, "version"),
        state: text(&entry, "state"),
        reason: text(&entry, "reason"),
    };
    let models = listed.map(entry).filter(|entry| !ready_only || entry.state == "READY");
    Index {
        models: models.collect(),
    }
}

fn read<M: Message + Default>(message: Bytes) -> Result<M, Problem> {
    M::decode(message).map_err(|_| Problem::body("the message is not of the type that this method takes"))
}

/// The one message of a unary call.
fn unframed(serving: &Serving, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Problem> {
    let broken = || Problem::body("the body is not one whole gRPC message");
    let (head, message) = body.split_first_chunk::<FRAME_HEAD_BYTES>().ok_or_else(broken)?;
    let [flag, length @ ..] = *head;
    if u32::from_be_bytes(length) as usize != message.len() {
        return Err(broken());
    }
    let message = body.slice(FRAME_HEAD_BYTES..);
    match flag {
        0 => Ok(message),
        1 => {
            let coding = headers.get(ENCODING).and_then(|coding| coding.to_str().ok());
            Coding::named(coding.unwrap_or_default())?.unpack(message, serving.config())
        }
        _ => Err(broken()),
    }
}

fn framed(message: &[u8]) -> Response {
    let mut frame = Vec::with_capacity(FRAME_HEAD_BYTES + message.len());
    frame.push(0);
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    respond(Body::new(Unary(Some(frame.into()), true)))
}

/// A refusal has no message, so its status can stand in the head.
pub(crate) fn refused(problem: &Problem) -> Response {
    let mut response = respond(Body::empty());
    let (status, message) = (code(problem.status()), escaped(&problem.text()));
    response.headers_mut().insert(STATUS, HeaderValue::from(status));
    response.extensions_mut().insert(Refused(problem.status().as_u16()));
    if let Ok(message) = HeaderValue::from_str(&message) {
        response.headers_mut().insert(MESSAGE, message);
    }
    response
}

fn respond(body: Body) -> Response {
    ([(CONTENT_TYPE, "application/grpc")], body).into_response()
}

/// gRPC's code for an HTTP status.
fn code(status: StatusCode) -> u16 {
    match status.as_u16() {
        400 => 3,
        401 => 16,
        403 => 7,
        404 => 5,
        408 | 504 => 4,
        413 | 429 => 8,
        415 => 12,
        503 => 14,
        _ => 13,
    }
}

/// Percent-encoded as gRPC has it: what is not printable ASCII, and the percent sign.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// One frame of data, then the trailers that say that all went well.
struct Unary(Option<Bytes>, bool);

impl HttpBody for Unary {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        if let Some(frame) = self.0.take() {
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        let trailers = std::mem::take(&mut self.1).then(|| {
            let status = HeaderValue::from_static("0");
            Ok(Frame::trailers(HeaderMap::from_iter([(STATUS, status)])))
        });
        Poll::Ready(trailers)
    }
}
