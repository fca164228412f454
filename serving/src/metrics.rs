//! What the server counts, in the Prometheus families that `/metrics` shows. Labels are names of models, versions,
//! routes and statuses: bounded sets, never anything a caller wrote.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::Serving;
use crate::loaded::{Shelf, Version};
use crate::problem;

/// Upper edges of the latency histogram in seconds: dense where one prediction lies.
const SECONDS: [f64; 15] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5,
];

/// The families.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    rows: Family<VersionLabels, Counter>,
    degraded: Family<DegradedLabels, Counter>,
    load_failures: Family<ModelLabels, Counter>,
    versions_loaded: Gauge,
    in_flight: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    model: Arc<str>,
    version: Option<u64>,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    model: Arc<str>,
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    model: Arc<str>,
    version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DegradedLabels {
    model: Arc<str>,
    by: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: String,
}

/// The routes whose requests are counted by version.
const PREDICTIONS: [&str; 8] = [
    "predict",
    "explain",
    "classify",
    "regress",
    "infer",
    "grpc_infer",
    "invocations",
    "text_classification",
];

/// The status of a refusal whose wire answers 200 whatever happens; travels with the response as an extension.
#[derive(Clone, Copy)]
pub(crate) struct Refused(pub(crate) u16);

/// Which version a response came from; travels with it as an extension.
#[derive(Clone)]
pub(crate) struct Answered {
    pub(crate) version: Arc<Version>,
    pub(crate) rows: usize,
    /// The rung that answered instead of the version asked for.
    pub(crate) degraded: Option<&'static str>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("deskmill"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            rows: Family::default(),
            degraded: Family::default(),
            load_failures: Family::default(),
            versions_loaded: Gauge::default(),
            in_flight: Gauge::default(),
        };
        let r = &mut metrics.registry;
        r.register("requests", "Requests answered", metrics.requests.clone());
        r.register(
            "request_seconds",
            "Time from a request's head to its answer",
            metrics.seconds.clone(),
        );
        r.register("rows", "Rows predicted", metrics.rows.clone());
        r.register(
            "degraded",
            "Answers from further down a ladder, by the rung that gave them",
            metrics.degraded.clone(),
        );
        r.register(
            "load_failures",
            "Times a version or log could not be read",
            metrics.load_failures.clone(),
        );
        r.register("versions_loaded", "Versions in memory", metrics.versions_loaded.clone());
        r.register(
            "requests_in_flight",
            "Requests being answered",
            metrics.in_flight.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// The families in the OpenMetrics text format.
    ///
    /// # Errors
    /// Never in practice; writing to a string does not fail.
    pub(crate) fn text(&self, shelf: &Shelf) -> Result<String, fmt::Error> {
        let held: usize = shelf.models.values().map(|model| model.versions.len()).sum();
        self.versions_loaded.set(i64::try_from(held).unwrap_or(i64::MAX));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    pub(crate) fn load_failed(&self, model: &str) {
        self.load_failures
            .get_or_create(&ModelLabels {
                model: model.to_owned(),
            })
            .inc();
    }

    /// Takes a version that is no longer served out of the families, which would grow with every publish otherwise.
    pub(crate) fn forget(&self, version: &Version) {
        let (model, number) = (version.name(), version.number());
        self.rows.remove(&VersionLabels {
            model: Arc::clone(model),
            version: number,
        });
        for route in PREDICTIONS {
            for status in [200, 400, 403, 408, 413, 415, 500, 503, 504] {
                let version = Some(number);
                self.requests.remove(&RequestLabels {
                    model: Arc::clone(model),
                    version,
                    route,
                    status,
                });
            }
        }
    }

    fn answered(&self, route: &'static str, response: &Response, started: Instant) {
        let from = response.extensions().get::<Answered>();
        let model: Arc<str> = from.map_or_else(Arc::default, |from| Arc::clone(from.version.name()));
        let version = from.map(|from| from.version.number());
        let refused = response.extensions().get::<Refused>();
        let status = refused.map_or(response.status().as_u16(), |refused| refused.0);
        if let Some((from, version)) = from.filter(|from| from.rows > 0).zip(version) {
            self.rows
                .get_or_create(&VersionLabels {
                    model: Arc::clone(&model),
                    version,
                })
                .inc_by(from.rows as u64);
        }
        if let Some(by) = from.and_then(|from| from.degraded) {
            let model = Arc::clone(&model);
            self.degraded.get_or_create(&DegradedLabels { model, by }).inc();
        }
        let labels = RouteLabels {
            model: Arc::clone(&model),
            route,
        };
        self.seconds
            .get_or_create(&labels)
            .observe(started.elapsed().as_secs_f64());
        self.requests
            .get_or_create(&RequestLabels {
                model,
                version,
                route,
                status,
            })
            .inc();
    }
}

/// A request counts as in flight until its answer is made or its caller is gone.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn begin(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts and times every request. Also gives problems the media type that their wire expects: clients of the Open
/// Inference Protocol accept `application/json` only.
pub(crate) async fn measure(State(serving): State<Arc<Serving>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let metrics = serving.metrics();
    let _in_flight = InFlight::begin(&metrics.in_flight);
    let path = request.uri().path();
    let route = route_of(path);
    let open_inference = path == "/v2" || path.starts_with("/v2/");
    let mut response = next.run(request).await;
    if open_inference
        && response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|t| t == problem::MEDIA_TYPE)
    {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    metrics.answered(route, &response, started);
    response
}

/// The label of a path. A closed set: a caller cannot make a family grow.
fn route_of(path: &str) -> &'static str {
    match path {
        "/" | "/livez" | "/readyz" | "/v2/health/live" | "/v2/health/ready" => "health",
        "/metrics" => "metrics",
        "/openapi.json" => "openapi",
        "/inference.GRPCInferenceService/ModelInfer" => "grpc_infer",
        _ if path.ends_with(":predict") => "predict",
        _ if path.ends_with(":explain") => "explain",
        _ if path.ends_with(":classify") => "classify",
        _ if path.ends_with(":regress") => "regress",
        _ if path.ends_with(":assign") => "assign",
        _ if path.starts_with("/v2/") && path.ends_with("/infer") => "infer",
        _ if path.starts_with("/models/") && path.ends_with("/invocations") => "invocations",
        _ if path.starts_with("/models/") => "text_classification",
        _ if path.starts_with("/v1/models") || path.starts_with("/v2") => "models",
        _ => "other",
    }
}
