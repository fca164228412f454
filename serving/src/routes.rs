//! Every URL on one page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::Serving;
use crate::auth::admit;
use crate::handlers::{
    grpc, health, method_not_allowed, models, not_found, operations, predictions, repository, scoring,
};
use crate::metrics::measure;

pub(crate) fn router(serving: Arc<Serving>) -> Router {
    let mut router = Router::new();
    for (pattern, methods) in routes() {
        router = router.route(&pattern, methods);
    }
    router
        .route_layer(from_fn_with_state(Arc::clone(&serving), admit))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&serving), measure))
        .with_state(serving)
}

/// The URLs, for the test that asks all of them.
#[cfg(test)]
pub(crate) fn patterns() -> Vec<String> {
    routes().into_iter().map(|(pattern, _)| pattern).collect()
}

type Route = (String, MethodRouter<Arc<Serving>>);

fn routes() -> Vec<Route> {
    let mut routes = native();
    routes.extend(open_inference());
    routes.extend(below_a_base_url());
    routes.extend(named([
        // Operations.
        ("/metrics", get(operations::metrics)),
        ("/openapi.json", get(operations::openapi)),
        ("/livez", get(health::livez)),
        ("/readyz", get(health::readyz)),
    ]));
    routes
}

fn named<const N: usize>(routes: [(&str, MethodRouter<Arc<Serving>>); N]) -> Vec<Route> {
    routes.map(|(pattern, methods)| (pattern.to_owned(), methods)).to_vec()
}

/// Native; also TensorFlow Serving's REST and KServe v1. The last segment of a POST ends in `:predict` or another verb.
fn native() -> Vec<Route> {
    let described = || get(models::show_version).post(predictions::native);
    named([
        ("/", get(health::alive)),
        ("/v1/models", get(models::list)),
        ("/v1/models/{model}", get(models::show).post(predictions::native)),
        ("/v1/models/{model}/metadata", get(models::show_version)),
        ("/v1/models/{model}/versions/{version}", described()),
        (
            "/v1/models/{model}/versions/{version}/metadata",
            get(models::show_version),
        ),
        ("/v1/models/{model}/labels/{alias}", described()),
        ("/v1/models/{model}/labels/{alias}/metadata", get(models::show_version)),
    ])
}

/// Open Inference Protocol v2, over REST and gRPC.
fn open_inference() -> Vec<Route> {
    let mut routes = named([
        ("/v2", get(operations::v2_server)),
        ("/v2/", get(operations::v2_server)),
        ("/v2/health/live", get(health::v2_live)),
        ("/v2/health/ready", get(health::v2_ready)),
        ("/v2/models/stats", get(repository::stats)),
        ("/v2/repository/index", post(repository::index)),
        ("/v2/repository/models/{model}/load", post(repository::load)),
        ("/v2/repository/models/{model}/unload", post(repository::unload)),
        ("/inference.GRPCInferenceService/{method}", post(grpc::inference)),
        ("/grpc.health.v1.Health/Check", post(grpc::health)),
    ]);
    for base in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
        routes.extend([
            (base.to_owned(), get(models::v2_metadata)),
            (format!("{base}/ready"), get(health::v2_model_ready)),
            (format!("{base}/config"), get(models::v2_config)),
            (format!("{base}/stats"), get(repository::stats_of)),
            (format!("{base}/infer"), post(predictions::infer)),
        ]);
    }
    routes
}

/// Protocols whose clients know a base URL with one model behind it: MLflow scoring, Hugging Face text classification.
fn below_a_base_url() -> Vec<Route> {
    let mut routes = Vec::new();
    for base in ["/models/{model}", "/models/{model}/versions/{version}"] {
        routes.extend([
            (format!("{base}/ping"), get(scoring::ping)),
            (format!("{base}/health"), get(scoring::ping)),
            (format!("{base}/version"), get(scoring::version)),
            (format!("{base}/invocations"), post(predictions::invocations)),
            (base.to_owned(), post(predictions::pipeline)),
            (format!("{base}/"), post(predictions::pipeline)),
            (format!("{base}/predict"), post(predictions::text_classification)),
            (format!("{base}/info"), get(scoring::info)),
        ]);
    }
    routes
}
