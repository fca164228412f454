//! Who may ask what: keys with scopes on models, one check for every wire. Without a file of keys everybody who reaches the
//! server may ask its models; the settings then refuse an address that strangers reach.

mod keys;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Serving;
use crate::loaded::Shelf;
use crate::problem::{NOT_UTF8, Problem};
use keys::Key;
pub use keys::{KeyProblem, Keys, NewKey, Scope, new_key};

/// The keys that are good at this moment. `None` inside: there is no file of keys.
pub(crate) struct Doors {
    keys: ArcSwapOption<Keys>,
    /// What was last wrong with the file, so that it is said once.
    trouble: Mutex<Option<String>>,
}

impl Doors {
    pub(crate) fn new(keys: Option<Keys>) -> Self {
        Self {
            keys: ArcSwapOption::from_pointee(keys),
            trouble: Mutex::default(),
        }
    }

    /// Whether a key is good.
    #[cfg(test)]
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.keys.load().as_ref().is_some_and(|keys| keys.find(key).is_ok())
    }

    /// Reads the file of keys again, so that a key added or taken out counts without a restart. While the file cannot be
    /// read, the keys before it stay good.
    pub(crate) fn reload(&self, path: &std::path::Path) {
        let read = Keys::read(path);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(keys) => {
                *trouble = None;
                // A key's allowance must not start anew at each look.
                if self.keys.load().as_deref() != Some(&keys) {
                    tracing::info!(keys = keys.len(), "the keys changed");
                    self.keys.store(Some(Arc::new(keys)));
                }
            }
            Err(problem) => {
                let message = problem.to_string();
                if trouble.as_ref() != Some(&message) {
                    tracing::error!(%message, "the keys cannot be read; those before stay good");
                }
                *trouble = Some(message);
            }
        }
    }
}

/// Who asks.
#[derive(Clone)]
pub(crate) enum Caller {
    /// Anybody, where there are no keys. Repository changes are for this machine only.
    Anybody { local: bool },
    /// The holder of a key.
    Holder(Arc<Key>),
}

impl Caller {
    /// Whether the caller may do that with a model. Who predicts may also read what a model takes.
    pub(crate) fn may(&self, scope: Scope, model: &str) -> bool {
        match self {
            Caller::Anybody { local } => scope != Scope::Admin || *local,
            Caller::Holder(key) => key.sees(model) && key.has(scope),
        }
    }

    /// Whether the caller may know that a model is there.
    pub(crate) fn sees(&self, model: &str) -> bool {
        match self {
            Caller::Anybody { .. } => true,
            Caller::Holder(key) => key.sees(model),
        }
    }

    /// The models that the caller may know of.
    pub(crate) fn part_of(&self, shelf: &Shelf) -> Shelf {
        let mut seen = shelf.clone();
        seen.models.retain(|name, _| self.sees(name));
        seen
    }

    /// Refuses what the caller may not do. A model that it may not know of is answered as one that is not there.
    pub(crate) fn check(&self, scope: Scope, model: &str, shelf: &Shelf) -> Result<(), Problem> {
        let Caller::Holder(_) = self else {
            return match self.may(scope, model) {
                true => Ok(()),
                false => Err(Problem::forbidden(
                    "without keys the repository is changed from this machine only",
                )),
            };
        };
        if !self.sees(model) || !shelf.models.contains_key(model) && scope != Scope::Admin {
            return Err(match self.part_of(shelf).model(model) {
                Err(problem) => problem,
                Ok(_) => Problem::not_found("there is no such model"),
            });
        }
        match self.may(scope, model) {
            true => Ok(()),
            false => Err(Problem::forbidden(format!(
                "the key lacks the scope `{}`",
                scope.name()
            ))),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A route that the check below does not stand before is closed.
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::internal("auth", &"a route without its check"))
    }
}

/// What a route asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: probes.
    Nothing,
    /// Any key; what the answer lists is what the key may see.
    AnyKey,
    /// The scope `read` on all models.
    ReadAll,
    /// A scope on the model that the URL names.
    Model(Scope),
    /// A scope on the model that the body names; the handler checks it.
    ModelInBody,
}

/// What the route of that pattern asks for. What is not known here is closed to all but administrators.
pub(crate) fn need(pattern: &str, method: &Method) -> Need {
    let reads = *method == Method::GET || *method == Method::HEAD;
    match pattern {
        "/" | "/livez" | "/readyz" | "/v2" | "/v2/" | "/v2/health/live" | "/v2/health/ready" => Need::Nothing,
        "/grpc.health.v1.Health/Check" => Need::Nothing,
        "/v1/models" | "/v2/models/stats" | "/v2/repository/index" | "/openapi.json" => Need::AnyKey,
        "/inference.GRPCInferenceService/{method}" => Need::ModelInBody,
        "/metrics" => Need::ReadAll,
        _ if pattern.starts_with("/v2/repository/") => Need::Model(Scope::Admin),
        _ if pattern.contains("{model}") && reads => Need::Model(Scope::Read),
        _ if pattern.contains("{model}") => Need::Model(Scope::Predict),
        _ => Need::Model(Scope::Admin),
    }
}

/// Stands before every route: finds the caller, and refuses what it may not do.
pub(crate) async fn admit(
    State(serving): State<Arc<Serving>>,
    pattern: MatchedPath,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(params) = params else {
        return Problem::not_found(NOT_UTF8).into_response();
    };
    match caller(&serving, pattern.as_str(), &params, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) if pattern.as_str().starts_with("/inference.") => super::handlers::grpc::refused(&problem),
        Err(problem) => problem.into_response(),
    }
}

fn caller(serving: &Serving, pattern: &str, params: &RawPathParams, request: &Request) -> Result<Caller, Problem> {
    let need = need(pattern, request.method());
    let keys = serving.doors().keys.load();
    let local = serving.config().listen.ip().is_loopback();
    let caller = match (&*keys, need) {
        (None, _) | (_, Need::Nothing) => Caller::Anybody { local },
        (Some(keys), _) => Caller::Holder(keys.find(written(request.headers())?)?),
    };
    match need {
        Need::Nothing | Need::AnyKey | Need::ModelInBody => {}
        Need::ReadAll => {
            if let Caller::Holder(key) = &caller
                && !(key.has(Scope::Read) && key.sees_all())
            {
                return Err(Problem::forbidden(
                    "this needs a key with the scope `read` on all models",
                ));
            }
        }
        Need::Model(scope) => {
            let name = params
                .iter()
                .find(|(name, _)| *name == "model")
                .map_or("", |(_, value)| value);
            // The native URLs have a verb behind the model's name.
            let verb = pattern == "/v1/models/{model}" && scope == Scope::Predict;
            let model = if verb {
                name.rsplit_once(':').map_or(name, |(model, _)| model)
            } else {
                name
            };
            caller.check(scope, model, &serving.loaded().shelf())?;
        }
    }
    Ok(caller)
}

/// The key of a request: `Authorization: Bearer KEY`, as most clients can be told to send, or `X-API-Key: KEY`.
fn written(headers: &HeaderMap) -> Result<&str, Problem> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.split_once(' '));
    let bearer = bearer
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim());
    let named = || {
        headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    bearer
        .or_else(named)
        .ok_or_else(|| Problem::unauthorized("this server answers to keys only"))
}
