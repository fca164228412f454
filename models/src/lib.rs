//! What a deskmill model is: text, features, learners, kinds and the registry that keeps their versions.
//!
//! The way through this crate: [`text`] cleans a text, [`encode`] turns it into features and
//! [`sentence`] into a vector, [`learn`] fits weights,
//! a [`kind::Kind`] puts them together, [`kind::Model::predict`] answers, [`registry`] keeps versions. Nothing here
//! knows SQL, projects or HTTP.

pub mod answer;
pub mod artifact;
#[cfg(test)]
mod check_kind;
pub mod encode;
pub mod error;
pub mod explained;
pub mod findings;
pub mod intent;
pub mod kind;
pub mod learn;
pub mod metrics;
#[cfg(test)]
mod real_data;
mod recipe;
pub mod registry;
pub mod routing;
pub mod rows;
pub mod satisfaction;
pub mod sentence;
pub mod table;
pub mod text;

pub use error::{Error, Result};

/// Every kind of model. Listing a kind here gives it the CLI, the routes, the OpenAPI schema and the common tests.
pub static KINDS: &[&dyn kind::Kind] = &[
    &intent::Intent,
    &satisfaction::Satisfaction,
    &routing::Routing,
    &answer::Answer,
];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static dyn kind::Kind> {
    KINDS.iter().copied().find(|kind| kind.about().name == name)
}
