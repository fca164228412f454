//! What a request may cost before any of it is believed: its place among those in progress, its headers, the bytes and
//! the time of its body. Bounds on rows and texts are kept where rows are made ([`deskmill_models::rows`]).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::config::ServingConfig;
use crate::problem::Problem;

/// The places that predictions in progress take up.
pub(crate) struct Limits {
    /// One for each prediction from its head to its answer.
    requests: Arc<Semaphore>,
    /// Larger requests are worked on here, no more at once, so that memory and other requests' latency stay bounded.
    lanes: Arc<Semaphore>,
}

/// How many larger requests are worked on at once: one a core, and two at least, so that one version never has them all.
pub(crate) fn lanes() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// A place among the requests in progress. Work that outlives its request keeps it.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

impl Limits {
    pub(crate) fn new(config: &ServingConfig) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(config.concurrent_max)),
            lanes: Arc::new(Semaphore::new(lanes())),
        }
    }

    /// Takes a place, or refuses at once: waiting in line only makes everybody late.
    pub(crate) fn admit(&self, config: &ServingConfig) -> Result<Place, Problem> {
        let place = Arc::clone(&self.requests).try_acquire_owned();
        place
            .map(Arc::new)
            .map_err(|_| Problem::overloaded(config.concurrent_max))
    }

    /// Waits for a core.
    pub(crate) async fn lane(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.lanes).acquire_owned().await.ok()
    }
}

/// When a request must be answered: the server's time, or what the caller says if that is shorter: `deskmill-timeout-ms`,
/// or gRPC's own header.
pub(crate) fn deadline(headers: &HeaderMap, config: &ServingConfig) -> Result<Instant, Problem> {
    let now = Instant::now();
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let asked = match (text("deskmill-timeout-ms"), text("grpc-timeout")) {
        (Some(written), _) => written
            .parse()
            .ok()
            .filter(|ms| *ms > 0)
            .map(Duration::from_millis)
            .map(Some),
        (None, Some(written)) => grpc_timeout(written).map(Some),
        (None, None) => Some(None),
    };
    let asked = asked.ok_or_else(|| Problem::body("the time in the headers is not a whole number from 1"))?;
    Ok(now + asked.map_or(config.timeout(), |asked| asked.min(config.timeout())))
}

/// At most eight digits and a unit.
fn grpc_timeout(written: &str) -> Option<Duration> {
    let (digits, unit) = written.split_at_checked(written.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// The type of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyType {
    /// Said to be JSON, or nothing was said: known clients say nothing.
    Json,
    /// Comma-separated values.
    Csv,
    /// Bytes of any kind.
    Bytes,
    /// Something that no wire reads.
    Other,
}

/// What the header says of the body's type.
pub(crate) fn body_type(headers: &HeaderMap) -> BodyType {
    let Some(written) = headers.get(CONTENT_TYPE) else {
        return BodyType::Json;
    };
    let written = written.to_str().unwrap_or_default();
    let essence = written
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        // The second is what `curl -d` says of any body; TensorFlow Serving takes it for JSON too.
        "application/json" | "application/x-www-form-urlencoded" => BodyType::Json,
        "text/csv" => BodyType::Csv,
        "application/octet-stream" => BodyType::Bytes,
        other if other.starts_with("application/") && other.ends_with("+json") => BodyType::Json,
        _ => BodyType::Other,
    }
}

/// Refuses bodies that are not plain JSON.
pub(crate) fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    match body_type(headers) {
        BodyType::Json => Ok(()),
        _ => Err(Problem::media_type("the body's type is not application/json")
            .hint("send the header `Content-Type: application/json`, or none")),
    }
}

/// Reads a body of at most `body_max_bytes` until `deadline`. What is over the bound is never held in memory.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    config: &ServingConfig,
    deadline: Instant,
) -> Result<Bytes, Problem> {
    let max_bytes = config.body_max_bytes;
    let stated = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| length > max_bytes as u64) {
        return Err(Problem::too_large(max_bytes));
    }
    let read = timeout_at(deadline, collect(body, max_bytes)).await;
    read.unwrap_or_else(|_| Err(Problem::slow_body(config.timeout_ms)))
}

async fn collect(body: Body, max_bytes: usize) -> Result<Bytes, Problem> {
    let broken = |_| Problem::body("the body ended before it was whole");
    let mut chunks = body.into_data_stream();
    // A small body comes in one chunk and is not copied.
    let first = chunks.next().await.transpose().map_err(broken)?.unwrap_or_default();
    let mut whole = BytesMut::new();
    let mut len = first.len();
    while len <= max_bytes {
        let Some(chunk) = chunks.next().await.transpose().map_err(broken)? else {
            return Ok(if whole.is_empty() { first } else { whole.freeze() });
        };
        len += chunk.len();
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        if len <= max_bytes {
            whole.extend_from_slice(&chunk);
        }
    }
    Err(Problem::too_large(max_bytes))
}
