//! The answer kind.

pub mod search;
