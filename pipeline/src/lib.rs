//! Makes versions of models: sources, SQL, stages, runs. Knows nothing of HTTP.
//!
//! The way through this crate: [`project`] reads `deskmill.toml`, [`plan`] works out the steps, [`run`] takes them in
//! order through [`stages`], [`catalog`] knows where their outputs lie, [`engine`] runs SQL over them.

pub mod catalog;
pub mod checks;
pub mod encoders;
pub mod engine;
pub mod error;
pub mod events;
pub mod fetch;
pub mod functions;
pub mod gc;
pub mod keys;
pub mod lineage;
pub mod plan;
pub mod profile;
pub mod project;
pub mod rejects;
pub mod report;
pub mod run;
pub mod sample;
pub mod schedule;
pub mod score;
pub mod session;
pub mod sources;
pub mod stages;
pub mod stale;

pub use error::{Error, Result};
