//! From a request to the bytes of its answer: decode, predict, encode. Small requests are worked on where they are, so
//! that they cost no thread switch; larger ones go to a thread of their own, so that nobody waits behind them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::extract::Request;
use bytes::Bytes;
use deskmill_models::explained::Reason;
use deskmill_models::rows::RowLimits;
use prost::Message;
use tokio::time::{Duration, Instant, timeout_at};

use crate::Serving;
use crate::config::ServingConfig;
use crate::limits::{self, Place};
use crate::loaded::Version;
use crate::problem::Problem;
use crate::protocols::messages::InferRequest;
use crate::protocols::{Decoded, Encoded, Predicted, Reply, Wire, grpc};
use crate::stats::Took;
use crate::unpack::Coding;

/// Bodies up to this size are parsed where they are: a few microseconds.
const INLINE_BODY_MAX_BYTES: usize = 4096;
/// This many rows are predicted where they are: about a millisecond.
const INLINE_ROWS_MAX: usize = 32;

/// The body of an answer and the rows in it.
pub(crate) struct Answer {
    pub(crate) encoded: Encoded,
    pub(crate) rows: usize,
}

/// A request that has arrived whole.
pub(crate) enum Payload {
    /// A body as it was sent.
    Body(Wire, Coding, Bytes),
    /// A message of gRPC, which had to be read to know whom it is for.
    Message(Box<InferRequest>),
}

/// Answers a request with one version, within the server's bounds.
pub(crate) async fn answer(
    serving: &Serving,
    version: &Arc<Version>,
    wire: Wire,
    request: Request,
) -> Result<Answer, Problem> {
    let config = serving.config();
    let deadline = Instant::now() + config.timeout();
    let (head, body) = request.into_parts();
    let coding = Coding::of(&head.headers)?;
    let place = serving.limits().admit(config)?;
    let body = limits::read_body(&head.headers, body, config, deadline).await?;
    work(serving, version, place, deadline, Payload::Body(wire, coding, body)).await
}

/// Answers a request that has arrived.
pub(crate) async fn work(
    serving: &Serving,
    version: &Arc<Version>,
    place: Place,
    deadline: Instant,
    payload: Payload,
) -> Result<Answer, Problem> {
    let started = Instant::now();
    let answered = here_or_aside(serving, version, place, deadline, payload).await;
    if answered.is_err() {
        version.stats().failed(started.elapsed());
    }
    answered
}

async fn here_or_aside(
    serving: &Serving,
    version: &Arc<Version>,
    place: Place,
    deadline: Instant,
    payload: Payload,
) -> Result<Answer, Problem> {
    let mut job = Job {
        version: Arc::clone(version),
        config: Arc::clone(serving.config_shared()),
        took: Took::default(),
    };
    if payload.is_large() {
        return aside(serving, place, deadline, move |queued| {
            job.took.queue = queued;
            let decoded = job.decode(payload)?;
            job.finish(decoded)
        })
        .await;
    }
    let decoded = job.decode(payload)?;
    if decoded.rows.num_rows() > INLINE_ROWS_MAX {
        return aside(serving, place, deadline, move |queued| {
            job.took.queue = queued;
            job.finish(decoded)
        })
        .await;
    }
    job.finish(decoded)
}

impl Payload {
    fn is_large(&self) -> bool {
        match self {
            Payload::Body(_, coding, body) => *coding != Coding::Identity || body.len() > INLINE_BODY_MAX_BYTES,
            Payload::Message(message) => message.encoded_len() > INLINE_BODY_MAX_BYTES,
        }
    }
}

/// Works on another thread when a core is free. Work whose time is up before it starts is dropped; work that has
/// started keeps its place and its core until it is done, even when the caller was told that it is late. The work is
/// told how long it waited.
pub(crate) async fn aside(
    serving: &Serving,
    place: Place,
    deadline: Instant,
    work: impl FnOnce(Duration) -> Result<Answer, Problem> + Send + 'static,
) -> Result<Answer, Problem> {
    let late = || Problem::late(serving.config().timeout_ms);
    let asked = Instant::now();
    let lane = timeout_at(deadline, serving.limits().lane())
        .await
        .map_err(|_| late())?;
    let thread = tokio::task::spawn_blocking(move || {
        let _held = (place, lane);
        let now = Instant::now();
        (now < deadline).then(|| work(now - asked))
    });
    match timeout_at(deadline, thread).await {
        Ok(Ok(Some(answer))) => answer,
        Ok(Ok(None)) | Err(_) => Err(late()),
        Ok(Err(fault)) => Err(Problem::internal("predict", &fault)),
    }
}

struct Job {
    version: Arc<Version>,
    config: Arc<ServingConfig>,
    took: Took,
}

impl Job {
    fn decode(&mut self, payload: Payload) -> Result<Decoded, Problem> {
        let started = Instant::now();
        let limits = RowLimits {
            rows_max: self.config.rows_max,
            text_max_bytes: self.config.text_max_bytes,
        };
        let decoded = match payload {
            Payload::Body(wire, coding, body) => {
                let body = coding.unpack(body, &self.config)?;
                wire.decode(&body, &self.version, limits)
            }
            Payload::Message(message) => grpc::decode(&message, &self.version, limits),
        };
        self.took.decode = started.elapsed();
        decoded
    }

    fn finish(mut self, decoded: Decoded) -> Result<Answer, Problem> {
        let Decoded { rows, reply } = decoded;
        let started = Instant::now();
        let answers = self.predict(&rows)?;
        let predicted = Predicted {
            version: &self.version,
            reasons: self.reasons(&rows, &answers, &reply)?,
            rows: answers,
            degraded: None,
        };
        let predicted_at = Instant::now();
        let encoded = reply.encode(&predicted)?;
        self.took.predict = predicted_at - started;
        self.took.encode = predicted_at.elapsed();
        self.version.stats().answered(rows.num_rows(), self.took);
        Ok(Answer {
            encoded,
            rows: rows.num_rows(),
        })
    }

    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch, Problem> {
        // A model that faults must not take a connection, let alone the server, with it. It is shared read-only, so
        // nothing half-changed is left behind.
        let predicted = catch_unwind(AssertUnwindSafe(|| self.version.predict(rows)));
        let predicted = predicted
            .map_err(|_| Problem::internal(&self.place(), &"predict panicked"))?
            .map_err(|error| Problem::from_models(&self.place(), error))?;
        if predicted.num_rows() != rows.num_rows() {
            let message = format!("{} answers to {} rows", predicted.num_rows(), rows.num_rows());
            return Err(Problem::internal(&self.place(), &message));
        }
        Ok(predicted)
    }

    fn reasons(
        &self,
        rows: &RecordBatch,
        answers: &RecordBatch,
        reply: &Reply,
    ) -> Result<Option<Vec<Vec<Reason>>>, Problem> {
        if !reply.wants_reasons() {
            return Ok(None);
        }
        let reasons = catch_unwind(AssertUnwindSafe(|| self.version.reasons(rows, answers)));
        let reasons = reasons
            .map_err(|_| Problem::internal(&self.place(), &"reasons panicked"))?
            .map_err(|error| Problem::from_models(&self.place(), error))?;
        reasons.map(Some).ok_or_else(|| {
            let detail = format!(
                "models of the kind `{}` cannot say why they answer so",
                self.version.kind()
            );
            Problem::body(detail).hint("ask it by `:predict`")
        })
    }

    fn place(&self) -> String {
        format!("{}@{}", self.version.name(), self.version.number())
    }
}
