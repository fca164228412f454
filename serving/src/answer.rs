//! From a request to the bytes of its answer: decode, predict, encode. Small requests to quick versions are worked on where
//! they are, so that they cost no thread switch; the others go to a thread of their own, so that nobody waits behind them.
//! Where a ladder is declared, what fails or is late is tried on the rung below.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::http::HeaderMap;
use bytes::Bytes;
use deskmill_models::explained::Reason;
use deskmill_models::rows::{RowLimits, conform};
use prost::Message;
use tokio::time::{Duration, Instant, timeout_at};

use crate::Serving;
use crate::bulkhead::Refusal;
use crate::config::ServingConfig;
use crate::fallback::{By, Degraded, Fixed, Ladder, Step};
use crate::limits::{self, Place};
use crate::loaded::Version;
use crate::problem::Problem;
use crate::protocols::messages::InferRequest;
use crate::protocols::{Decoded, Encoded, Predicted, Reply, Wire, grpc};
use crate::stats::Took;
use crate::unpack::Coding;

/// Bodies up to this size are parsed where they are: a few microseconds.
const INLINE_BODY_MAX_BYTES: usize = 4096;
/// This many rows are predicted where they are, if the version takes no longer for them than this.
const INLINE_ROWS_MAX: usize = 32;
const INLINE_MAX: Duration = Duration::from_millis(1);

/// The body of an answer, and where it came from.
pub(crate) struct Answer {
    pub(crate) encoded: Encoded,
    pub(crate) rows: usize,
    /// The version that answered; none where the answer was written down.
    pub(crate) version: Option<Arc<Version>>,
    pub(crate) degraded: Option<Degraded>,
}

/// What a request is let in with.
pub(crate) struct Ticket {
    place: Place,
    began: Instant,
    pub(crate) deadline: Instant,
    /// How many steps of the ladder are broken on purpose for this request.
    broken: usize,
}

impl Ticket {
    /// Lets a request in, or refuses it before any of its body is read.
    pub(crate) fn take(serving: &Serving, headers: &HeaderMap, broken: usize) -> Result<Self, Problem> {
        let deadline = limits::deadline(headers, serving.config())?;
        Ok(Self {
            place: serving.limits().admit(serving.config())?,
            began: Instant::now(),
            deadline,
            broken,
        })
    }

    fn late(&self) -> Problem {
        let given = self.deadline.saturating_duration_since(self.began);
        // The deadline was set a moment before this began.
        Problem::late(given.as_micros().div_ceil(1000) as u64)
    }
}

/// A request that has arrived whole.
pub(crate) enum Payload {
    /// A body as it was sent.
    Body(Wire, Coding, Bytes),
    /// A message of gRPC, which had to be read to know whom it is for.
    Message(Box<InferRequest>),
}

/// A request understood.
struct Question {
    /// The version that was asked for: its signature is the answer's, whoever answers.
    asked: Arc<Version>,
    rows: RecordBatch,
    reply: Reply,
    decode: Duration,
}

/// Answers a request that has arrived.
pub(crate) async fn work(
    serving: &Serving,
    version: &Arc<Version>,
    ticket: Ticket,
    payload: Payload,
) -> Result<Answer, Problem> {
    let answered = understand_and_answer(serving, version, &ticket, payload).await;
    if answered.is_err() {
        version.stats().failed(ticket.began.elapsed());
    }
    answered
}

async fn understand_and_answer(
    serving: &Serving,
    version: &Arc<Version>,
    ticket: &Ticket,
    payload: Payload,
) -> Result<Answer, Problem> {
    let question = if payload.is_large() {
        let (version, config) = (Arc::clone(version), Arc::clone(serving.config_shared()));
        let held = (Arc::clone(&ticket.place), lane(serving, ticket, ticket.deadline).await?);
        aside(ticket, ticket.deadline, held, move || {
            understand(&version, &config, payload)
        })
        .await?
    } else {
        understand(version, serving.config(), payload)?
    };
    let question = Arc::new(question);
    match serving.ladders().of(version.name()) {
        None => ask(serving, version, &question, (ticket, ticket.deadline), None).await,
        Some(ladder) => climb(serving, ladder, &question, ticket).await,
    }
}

fn understand(version: &Arc<Version>, config: &ServingConfig, payload: Payload) -> Result<Question, Problem> {
    let started = Instant::now();
    let limits = RowLimits {
        rows_max: config.rows_max,
        text_max_bytes: config.text_max_bytes,
    };
    let Decoded { rows, reply } = match payload {
        Payload::Body(wire, coding, body) => wire.decode(&coding.unpack(body, config)?, version, limits)?,
        Payload::Message(message) => grpc::decode(&message, version, limits)?,
    };
    Ok(Question {
        asked: Arc::clone(version),
        rows,
        reply,
        decode: started.elapsed(),
    })
}

/// Tries the steps of a ladder, one after the other, until one answers. The caller's own mistakes end it at once.
async fn climb(
    serving: &Serving,
    ladder: &Ladder,
    question: &Arc<Question>,
    ticket: &Ticket,
) -> Result<Answer, Problem> {
    let steps = ladder.steps(&question.asked, serving);
    let (mut first, mut whys) = (None, Vec::new());
    for (at, step) in steps.iter().enumerate() {
        let now = Instant::now();
        let deadline = step.deadline(now, ticket.deadline, at + 1 == steps.len());
        let degraded = (at > 0).then(|| Degraded {
            by: step.name,
            why: whys.join("; "),
        });
        let tried = match at < ticket.broken {
            true => Err(Problem::drill()),
            false => attempt(serving, step, question, (ticket, deadline), degraded).await,
        };
        match tried {
            Err(problem) if problem.status().is_server_error() => {
                whys.push(format!("{}: {}", step.name, problem.title()));
                first = first.or(Some(problem));
            }
            ended => return ended,
        }
    }
    Err(first.unwrap_or_else(|| ticket.late()))
}

async fn attempt(
    serving: &Serving,
    step: &Step,
    question: &Arc<Question>,
    (ticket, deadline): (&Ticket, Instant),
    degraded: Option<Degraded>,
) -> Result<Answer, Problem> {
    let version = match &step.by {
        By::Version(version) => version,
        By::Fixed(fixed) => return written_down(fixed, step.name, question, degraded),
        By::Nobody(what) => return Err(Problem::not_ready(what.clone())),
    };
    if !version.bulkhead().allows() {
        return Err(Problem::tripped(version.name()));
    }
    let answered = ask(serving, version, question, (ticket, deadline), degraded).await;
    match &answered {
        Ok(_) => version.bulkhead().ended(true),
        // What was refused for want of room says nothing of the version.
        Err(problem) if problem.is_fault() => version.bulkhead().ended(false),
        Err(_) => {}
    }
    answered
}

/// Asks one version, here or aside.
async fn ask(
    serving: &Serving,
    version: &Arc<Version>,
    question: &Arc<Question>,
    (ticket, deadline): (&Ticket, Instant),
    degraded: Option<Degraded>,
) -> Result<Answer, Problem> {
    let rows = question.rows.num_rows();
    if rows <= INLINE_ROWS_MAX && version.bulkhead().expected(rows) <= INLINE_MAX {
        return answer_with(version, question, Duration::ZERO, degraded);
    }
    let asked = Instant::now();
    let pass = match version.bulkhead().enter(rows, deadline).await {
        Ok(pass) => pass,
        Err(Refusal::Busy(wait)) => return Err(Problem::busy(version.name(), wait)),
        Err(Refusal::Late) => return Err(ticket.late()),
    };
    let held = (Arc::clone(&ticket.place), pass, lane(serving, ticket, deadline).await?);
    let (version, question) = (Arc::clone(version), Arc::clone(question));
    aside(ticket, deadline, held, move || {
        let queue = asked.elapsed();
        let answered = answer_with(&version, &question, queue, degraded);
        let took = asked.elapsed();
        version.bulkhead().left(took, took - queue);
        answered
    })
    .await
}

/// Does some work of a version on another thread, when there is room for it.
pub(crate) async fn in_lane<T: Send + 'static>(
    serving: &Serving,
    version: &Version,
    ticket: &Ticket,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let pass = match version.bulkhead().enter(1, ticket.deadline).await {
        Ok(pass) => pass,
        Err(Refusal::Busy(wait)) => return Err(Problem::busy(version.name(), wait)),
        Err(Refusal::Late) => return Err(ticket.late()),
    };
    let held = (
        Arc::clone(&ticket.place),
        pass,
        lane(serving, ticket, ticket.deadline).await?,
    );
    aside(ticket, ticket.deadline, held, work).await
}

async fn lane(
    serving: &Serving,
    ticket: &Ticket,
    deadline: Instant,
) -> Result<Option<tokio::sync::OwnedSemaphorePermit>, Problem> {
    let lane = timeout_at(deadline, serving.limits().lane()).await;
    lane.map_err(|_| ticket.late())
}

/// Works on another thread. Work whose time is up before it starts is dropped; work that has started keeps what it holds
/// until it is done, even when the caller was told that it is late.
async fn aside<T: Send + 'static>(
    ticket: &Ticket,
    deadline: Instant,
    held: impl Send + 'static,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let thread = tokio::task::spawn_blocking(move || {
        let done = (Instant::now() < deadline).then(work);
        drop(held);
        done
    });
    match timeout_at(deadline, thread).await {
        Ok(Ok(Some(done))) => done,
        Ok(Ok(None)) | Err(_) => Err(ticket.late()),
        Ok(Err(fault)) => Err(Problem::internal("predict", &fault)),
    }
}

impl Payload {
    fn is_large(&self) -> bool {
        match self {
            Payload::Body(_, coding, body) => *coding != Coding::Identity || body.len() > INLINE_BODY_MAX_BYTES,
            Payload::Message(message) => message.encoded_len() > INLINE_BODY_MAX_BYTES,
        }
    }
}

/// The answer of one version, in the shape that was asked for.
fn answer_with(
    version: &Arc<Version>,
    question: &Question,
    queue: Duration,
    degraded: Option<Degraded>,
) -> Result<Answer, Problem> {
    let place = format_args!("{}@{}", version.name(), version.number()).to_string();
    let is_other = !Arc::ptr_eq(version, &question.asked);
    let misfit = |error: deskmill_models::Error| Problem::internal(&place, &error);
    let rows = match is_other {
        true => conform(version.signature(), &question.rows).map_err(misfit)?,
        false => question.rows.clone(),
    };
    let started = Instant::now();
    let mut answers = predict(version, &rows, &place)?;
    let predicted_in = started.elapsed();
    version.bulkhead().predicted(rows.num_rows(), predicted_in);
    let reasons = reasons(version, question, &rows, &answers, &place)?;
    if is_other {
        // Read by the columns of the version that was asked for.
        let columns = deskmill_models::kind::Signature {
            inputs: question.asked.signature().outputs.clone(),
            outputs: Vec::new(),
        };
        answers = conform(&columns, &answers).map_err(misfit)?;
    }
    let encode_from = Instant::now();
    let encoded = question.reply.encode(&Predicted {
        name: version.name(),
        version: version.text(),
        signature: question.asked.signature(),
        rows: answers,
        reasons,
        degraded: degraded.as_ref(),
    })?;
    let took = Took {
        queue,
        decode: question.decode,
        predict: predicted_in,
        encode: encode_from.elapsed(),
    };
    version.stats().answered(rows.num_rows(), took);
    Ok(Answer {
        encoded,
        rows: rows.num_rows(),
        version: Some(Arc::clone(version)),
        degraded,
    })
}

/// An answer that was written down, in the shape that was asked for.
fn written_down(
    fixed: &Fixed,
    name: &'static str,
    question: &Question,
    degraded: Option<Degraded>,
) -> Result<Answer, Problem> {
    let asked = &question.asked;
    let answers = fixed.answer(asked.signature(), &question.rows);
    let rows = answers.map_err(|reason| Problem::no_rule(&format!("{} {name}", asked.name()), &reason))?;
    let count = rows.num_rows();
    let encoded = question.reply.encode(&Predicted {
        name: asked.name(),
        version: name,
        signature: asked.signature(),
        reasons: question.reply.wants_reasons().then(|| vec![Vec::new(); count]),
        rows,
        degraded: degraded.as_ref(),
    })?;
    Ok(Answer {
        encoded,
        rows: count,
        version: None,
        degraded,
    })
}

fn predict(version: &Version, rows: &RecordBatch, place: &str) -> Result<RecordBatch, Problem> {
    // A model that faults must not take a connection, let alone the server, with it. It is shared read-only, so nothing
    // half-changed is left behind.
    let predicted = catch_unwind(AssertUnwindSafe(|| version.predict(rows)));
    let predicted = predicted
        .map_err(|_| Problem::internal(place, &"predict panicked"))?
        .map_err(|error| Problem::from_models(place, error))?;
    if predicted.num_rows() != rows.num_rows() {
        let message = format!("{} answers to {} rows", predicted.num_rows(), rows.num_rows());
        return Err(Problem::internal(place, &message));
    }
    Ok(predicted)
}

fn reasons(
    version: &Version,
    question: &Question,
    rows: &RecordBatch,
    answers: &RecordBatch,
    place: &str,
) -> Result<Option<Vec<Vec<Reason>>>, Problem> {
    if !question.reply.wants_reasons() {
        return Ok(None);
    }
    let reasons = catch_unwind(AssertUnwindSafe(|| version.reasons(rows, answers)));
    let reasons = reasons
        .map_err(|_| Problem::internal(place, &"reasons panicked"))?
        .map_err(|error| Problem::from_models(place, error))?;
    reasons.map(Some).ok_or_else(|| {
        let detail = format!("models of the kind `{}` cannot say why they answer so", version.kind());
        Problem::body(detail).hint("ask it by `:predict`")
    })
}
