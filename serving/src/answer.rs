//! From a request to the bytes of its answer: decode, predict, encode. Small requests are worked on where they are, so
//! that they cost no thread switch; larger ones go to a thread of their own, so that nobody waits behind them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::extract::Request;
use bytes::Bytes;
use deskmill_models::rows::RowLimits;
use tokio::time::{Instant, timeout_at};

use crate::Serving;
use crate::limits::{self, Place};
use crate::loaded::Version;
use crate::problem::Problem;
use crate::protocols::{Decoded, Wire};

/// Bodies up to this size are parsed where they are: a few microseconds.
const INLINE_BODY_MAX_BYTES: usize = 4096;
/// This many rows are predicted where they are: about a millisecond.
const INLINE_ROWS_MAX: usize = 32;

/// The body of an answer and the rows in it.
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    pub(crate) rows: usize,
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
    limits::check_type(&head.headers)?;
    let place = serving.limits().admit(config)?;
    let body = limits::read_body(&head.headers, body, config, deadline).await?;
    let limits = RowLimits {
        rows_max: config.rows_max,
        text_max_bytes: config.text_max_bytes,
    };
    let job = Job {
        version: Arc::clone(version),
        wire,
        limits,
    };
    if body.len() > INLINE_BODY_MAX_BYTES {
        return aside(serving, place, deadline, move || {
            job.decode(&body).and_then(|decoded| job.finish(decoded))
        })
        .await;
    }
    let decoded = job.decode(&body)?;
    if decoded.rows.num_rows() > INLINE_ROWS_MAX {
        return aside(serving, place, deadline, move || job.finish(decoded)).await;
    }
    job.finish(decoded)
}

/// Works on another thread when a core is free. Work whose time is up before it starts is dropped; work that has
/// started keeps its place and its core until it is done, even when the caller was told that it is late.
async fn aside(
    serving: &Serving,
    place: Place,
    deadline: Instant,
    work: impl FnOnce() -> Result<Answer, Problem> + Send + 'static,
) -> Result<Answer, Problem> {
    let late = || Problem::late(serving.config().timeout_ms);
    let lane = timeout_at(deadline, serving.limits().lane())
        .await
        .map_err(|_| late())?;
    let thread = tokio::task::spawn_blocking(move || {
        let _held = (place, lane);
        if Instant::now() >= deadline { None } else { Some(work()) }
    });
    match timeout_at(deadline, thread).await {
        Ok(Ok(Some(answer))) => answer,
        Ok(Ok(None)) | Err(_) => Err(late()),
        Ok(Err(fault)) => Err(Problem::internal("predict", &fault)),
    }
}

struct Job {
    version: Arc<Version>,
    wire: Wire,
    limits: RowLimits,
}

impl Job {
    fn decode(&self, body: &Bytes) -> Result<Decoded, Problem> {
        self.wire.decode(body, &self.version, self.limits)
    }

    fn finish(&self, decoded: Decoded) -> Result<Answer, Problem> {
        let Decoded { rows, reply } = decoded;
        // A model that faults must not take a connection, let alone the server, with it. It is shared read-only, so
        // nothing half-changed is left behind.
        let predicted = catch_unwind(AssertUnwindSafe(|| self.version.predict(&rows)));
        let place = || format!("{}@{}", self.version.name(), self.version.number());
        let predicted = predicted
            .map_err(|_| Problem::internal(&place(), &"predict panicked"))?
            .map_err(|error| Problem::from_models(&place(), error))?;
        if predicted.num_rows() != rows.num_rows() {
            let message = format!("{} answers to {} rows", predicted.num_rows(), rows.num_rows());
            return Err(Problem::internal(&place(), &message));
        }
        let body = reply.encode(&self.version, &predicted);
        Ok(Answer {
            body: body.map_err(|error| Problem::internal(&place(), &error))?,
            rows: rows.num_rows(),
        })
    }
}
