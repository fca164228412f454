//! Every URL on one page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::Serving;
use crate::handlers::{
    grpc, health, method_not_allowed, models, not_found, operations, predictions, repository, scoring,
};
use crate::metrics::measure;

pub(crate) fn router(serving: Arc<Serving>) -> Router {
    native()
        .merge(open_inference())
        .merge(below_a_base_url())
        .route("/inference.GRPCInferenceService/{method}", post(grpc::inference))
        .route("/grpc.health.v1.Health/Check", post(grpc::health))
        // Operations.
        .route("/metrics", get(operations::metrics))
        .route("/openapi.json", get(operations::openapi))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&serving), measure))
        .with_state(serving)
}

/// Native; also TensorFlow Serving's REST and KServe v1. The last segment of a POST ends in `:predict` or another verb.
fn native() -> Router<Arc<Serving>> {
    Router::new()
        .route("/", get(health::alive))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{model}", get(models::show).post(predictions::native))
        .route("/v1/models/{model}/metadata", get(models::show_version))
        .route(
            "/v1/models/{model}/versions/{version}",
            get(models::show_version).post(predictions::native),
        )
        .route(
            "/v1/models/{model}/versions/{version}/metadata",
            get(models::show_version),
        )
        .route(
            "/v1/models/{model}/labels/{alias}",
            get(models::show_version).post(predictions::native),
        )
        .route("/v1/models/{model}/labels/{alias}/metadata", get(models::show_version))
}

/// Open Inference Protocol v2.
fn open_inference() -> Router<Arc<Serving>> {
    let mut router = Router::new()
        .route("/v2", get(operations::v2_server))
        .route("/v2/", get(operations::v2_server))
        .route("/v2/health/live", get(health::v2_live))
        .route("/v2/health/ready", get(health::v2_ready))
        .route("/v2/models/stats", get(repository::stats))
        .route("/v2/repository/index", post(repository::index))
        .route("/v2/repository/models/{model}/load", post(repository::load))
        .route("/v2/repository/models/{model}/unload", post(repository::unload));
    for base in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
        router = router
            .route(base, get(models::v2_metadata))
            .route(&format!("{base}/ready"), get(health::v2_model_ready))
            .route(&format!("{base}/config"), get(models::v2_config))
            .route(&format!("{base}/stats"), get(repository::stats_of))
            .route(&format!("{base}/infer"), post(predictions::infer));
    }
    router
}

/// Protocols whose clients know a base URL with one model behind it: MLflow scoring, Hugging Face text classification.
fn below_a_base_url() -> Router<Arc<Serving>> {
    let mut router = Router::new();
    for base in ["/models/{model}", "/models/{model}/versions/{version}"] {
        router = router
            .route(&format!("{base}/ping"), get(scoring::ping))
            .route(&format!("{base}/health"), get(scoring::ping))
            .route(&format!("{base}/version"), get(scoring::version))
            .route(&format!("{base}/invocations"), post(predictions::invocations))
            .route(base, post(predictions::pipeline))
            .route(&format!("{base}/"), post(predictions::pipeline))
            .route(&format!("{base}/predict"), post(predictions::text_classification))
            .route(&format!("{base}/info"), get(scoring::info));
    }
    router
}
