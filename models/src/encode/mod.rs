//! Fitted encoders: from prepared texts to sparse rows of numbers. Plain data, no learning of labels.

mod by_hash;
mod grams;
mod ngrams;
mod parallel;
mod sparse;
mod vocabulary;

pub use grams::{Gram, GramSettings, Part, readable, visit_grams};
pub use ngrams::NgramEncoder;
pub use parallel::{map_chunks, threads};
pub use sparse::SparseRows;
pub use vocabulary::{VocabularyBuilder, VocabularyLimits};
