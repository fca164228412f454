//! `:assign` of a routing model: waiting cases and free agents in, who takes which case out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::extract::Request;
use deskmill_models::kind::Signature;
use deskmill_models::routing::RoutingModel;
use deskmill_models::routing::assign::{Assignment, example, from_json};
use deskmill_models::rows::RowLimits;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::Serving;
use crate::answer::{Answer, Ticket, in_lane};
use crate::json;
use crate::limits;
use crate::loaded::Version;
use crate::problem::Problem;
use crate::stats::Took;
use crate::unpack::Coding;

/// Answers a request to assign with one version, within the server's bounds. It has no ladder: a fixed answer cannot know who
/// waits.
pub(crate) async fn assign(serving: &Serving, version: &Arc<Version>, request: Request) -> Result<Answer, Problem> {
    let started = Instant::now();
    let answered = within_bounds(serving, version, request, started).await;
    if answered.is_err() {
        version.stats().failed(started.elapsed());
    }
    answered
}

async fn within_bounds(
    serving: &Serving,
    version: &Arc<Version>,
    request: Request,
    started: Instant,
) -> Result<Answer, Problem> {
    let (head, body) = request.into_parts();
    limits::check_json(&head.headers)?;
    let coding = Coding::of(&head.headers)?;
    let ticket = Ticket::take(serving, &head.headers, 0)?;
    let body = limits::read_body(&head.headers, body, serving.config(), ticket.deadline).await?;
    let (own, config) = (Arc::clone(version), Arc::clone(serving.config_shared()));
    in_lane(serving, version, &ticket, move || {
        let queue = started.elapsed();
        let body = json::parse(&coding.unpack(body, &config)?)?;
        let limits = RowLimits {
            rows_max: config.rows_max,
            text_max_bytes: config.text_max_bytes,
        };
        let assigned = catch_unwind(AssertUnwindSafe(|| assigned(&own, &body, limits)));
        let (body, cases) = assigned.map_err(|_| Problem::internal(&place_of(&own), &"assign panicked"))??;
        let took = Took {
            queue,
            predict: started.elapsed() - queue,
            ..Took::default()
        };
        own.stats().answered(cases, took);
        Ok(Answer {
            encoded: body.into(),
            rows: cases,
            version: Some(own),
            degraded: None,
        })
    })
    .await
}

/// The answer to a body, and how many cases are in it.
fn assigned(version: &Version, body: &Value, limits: RowLimits) -> Result<(Vec<u8>, usize), Problem> {
    let Some((routing, (agents, agent))) = router(version) else {
        let detail = format!("model `{}` assigns no cases", version.name());
        return Err(Problem::body(detail).hint("ask a routing model whose recipe names the column of the `agent`"));
    };
    let failed = |error| Problem::from_models(&place_of(version), error);
    let asked = from_json(body, &routing.case_signature(), (&agents, agent), limits).map_err(failed)?;
    let assignment = routing
        .assign(&asked.request, &asked.cases, &asked.agents)
        .map_err(failed)?;
    let answer = Named {
        assignment: &assignment,
        model_name: version.name(),
        model_version: version.text(),
    };
    let body = serde_json::to_vec(&answer).map_err(|error| Problem::internal(&place_of(version), &error))?;
    Ok((body, asked.request.cases.len()))
}

/// An assignment that says who made it.
#[derive(Serialize)]
struct Named<'a> {
    #[serde(flatten)]
    assignment: &'a Assignment,
    model_name: &'a str,
    model_version: &'a str,
}

/// The model, with what it takes of agents, if it assigns cases.
fn router(version: &Version) -> Option<(&RoutingModel, (Signature, &str))> {
    let routing = version.model_as::<RoutingModel>()?;
    Some((routing, routing.agent_signature()?))
}

/// A body that a version takes; `None` if it assigns no cases.
pub(crate) fn body_of(version: &Version) -> Option<Value> {
    let (routing, (agents, agent)) = router(version)?;
    Some(example(&routing.case_signature(), (&agents, agent)))
}

fn place_of(version: &Version) -> String {
    format!("{}@{}", version.name(), version.number())
}
