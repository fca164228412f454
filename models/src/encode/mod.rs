//! Fitted encoders: from prepared texts to sparse rows of numbers. Plain data, no learning of labels.

mod grams;
mod ngrams;
mod parallel;
mod sparse;

pub use grams::{Gram, GramSettings, Part, visit_grams};
pub use ngrams::{NgramEncoder, VocabularyBuilder, VocabularyLimits};
pub use parallel::map_chunks;
pub use sparse::SparseRows;
