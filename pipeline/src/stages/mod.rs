//! The stages in reading order. Each reads named files and writes named files, with no clock, network or randomness but
//! what it is handed.

pub mod assemble;
pub mod clean;
pub mod evaluate;
pub mod fit;
pub mod gate;
pub mod ingest;
mod kept;
#[cfg(test)]
mod personal_tests;
pub mod publish;
mod rejected;
mod seen;
mod walk;

/// What examples were drawn from: the name of a table or source, its rows, and the digest of its content.
pub type Input = (String, u64, String);
