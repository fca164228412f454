//! What each URL does, one file a noun. How bodies look is in [`crate::protocols`], which URL leads where in
//! [`crate::routes`].

pub(crate) mod grpc;
pub(crate) mod health;
pub(crate) mod models;
pub(crate) mod operations;
pub(crate) mod predictions;
pub(crate) mod repository;
pub(crate) mod scoring;

use axum::extract::Request;

use crate::problem::{Problem, shown};

/// The answer to URLs that do not exist.
pub(crate) async fn not_found(request: Request) -> Problem {
    Problem::not_found(format!("there is nothing at `{}`", shown(request.uri().path())))
        .hint("GET /openapi.json lists what there is")
}

/// The answer to methods that a URL does not take. The router adds the Allow header.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::method(None)
}
