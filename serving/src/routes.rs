//! Every URL on one page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::Serving;
use crate::handlers::{health, method_not_allowed, models, not_found, operations, predictions};
use crate::metrics::measure;

pub(crate) fn router(serving: Arc<Serving>) -> Router {
    Router::new()
        // Native; also TensorFlow Serving's REST and KServe v1. The last segment of a POST ends in `:predict`.
        .route("/v1/models", get(models::list))
        .route("/v1/models/{model}", get(models::show).post(predictions::predict))
        .route("/v1/models/{model}/metadata", get(models::show_version))
        .route(
            "/v1/models/{model}/versions/{version}",
            get(models::show_version).post(predictions::predict),
        )
        .route(
            "/v1/models/{model}/versions/{version}/metadata",
            get(models::show_version),
        )
        .route(
            "/v1/models/{model}/labels/{alias}",
            get(models::show_version).post(predictions::predict),
        )
        .route("/v1/models/{model}/labels/{alias}/metadata", get(models::show_version))
        // Open Inference Protocol v2.
        .route("/v2", get(operations::v2_server))
        .route("/v2/health/live", get(health::v2_live))
        .route("/v2/health/ready", get(health::v2_ready))
        .route("/v2/models/{model}", get(models::v2_metadata))
        .route("/v2/models/{model}/ready", get(health::v2_model_ready))
        .route("/v2/models/{model}/infer", post(predictions::infer))
        .route("/v2/models/{model}/versions/{version}", get(models::v2_metadata))
        .route(
            "/v2/models/{model}/versions/{version}/ready",
            get(health::v2_model_ready),
        )
        .route("/v2/models/{model}/versions/{version}/infer", post(predictions::infer))
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
