//! Answers with published models over HTTP.
//!
//! [`app`] is the whole server without a socket; [`run`] is the whole server with one. A request goes through
//! `routes` to a handler, which finds a version in [`loaded`] and has a wire of `protocols` decode the body, the
//! model predict and the wire encode the answer. [`reload`] follows the registry. Nothing here fits or evaluates.

mod answer;
mod assignment;
pub mod auth;
mod breaker;
mod bulkhead;
pub mod config;
pub mod error;
pub mod fallback;
mod gradient;
mod handlers;
mod json;
mod limits;
pub mod loaded;
pub mod metrics;
mod openapi;
mod problem;
mod protocols;
pub mod reload;
mod repository;
mod routes;
mod serve;
mod stats;
mod unpack;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use config::ServingConfig;
pub use error::{Error, Result};
pub use serve::{run, stop_signal};

/// Everything that requests share: settings, models, places, counters.
pub struct Serving {
    config: Arc<ServingConfig>,
    loaded: loaded::Loaded,
    limits: limits::Limits,
    metrics: metrics::Metrics,
    wishes: repository::Wishes,
    doors: auth::Doors,
    ladders: fallback::Ladders,
    stopping: AtomicBool,
}

impl Serving {
    /// A server without models. Give it some with [`loaded::Loaded::put`] or a [`reload::Reloader`].
    pub fn new(config: ServingConfig) -> Self {
        Self {
            limits: limits::Limits::new(&config),
            config: Arc::new(config),
            loaded: loaded::Loaded::default(),
            metrics: metrics::Metrics::default(),
            wishes: repository::Wishes::default(),
            doors: auth::Doors::new(None),
            ladders: fallback::Ladders::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// The same server, which answers to these keys only.
    #[must_use]
    pub fn with_keys(self, keys: auth::Keys) -> Self {
        Self {
            doors: auth::Doors::new(Some(keys)),
            ..self
        }
    }

    /// The same server, which goes down these ladders when a version fails.
    #[must_use]
    pub fn with_ladders(self, ladders: fallback::Ladders) -> Self {
        Self { ladders, ..self }
    }

    /// The settings.
    pub fn config(&self) -> &ServingConfig {
        &self.config
    }

    pub(crate) fn config_shared(&self) -> &Arc<ServingConfig> {
        &self.config
    }

    /// The models in memory.
    pub fn loaded(&self) -> &loaded::Loaded {
        &self.loaded
    }

    /// The counters.
    pub fn metrics(&self) -> &metrics::Metrics {
        &self.metrics
    }

    pub(crate) fn ladders(&self) -> &fallback::Ladders {
        &self.ladders
    }

    pub(crate) fn doors(&self) -> &auth::Doors {
        &self.doors
    }

    pub(crate) fn wishes(&self) -> &repository::Wishes {
        &self.wishes
    }

    pub(crate) fn limits(&self) -> &limits::Limits {
        &self.limits
    }

    /// From now on the server says that it is not ready, so that no new callers are sent to it.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Why callers should not be sent here yet, or any more.
    pub(crate) fn not_ready_because(&self) -> Option<String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Some("the server is stopping".to_owned());
        }
        let shelf = self.loaded.shelf();
        let waiting = shelf.waiting_for();
        match (waiting.is_empty(), shelf.complete) {
            (true, true) => None,
            (true, false) => Some("the models are being loaded".to_owned()),
            (false, _) => Some(format!("not loaded: {}", waiting.join(", "))),
        }
    }
}

/// The whole server without a socket.
pub fn app(serving: Arc<Serving>) -> axum::Router {
    routes::router(serving)
}

#[cfg(test)]
mod tests;
