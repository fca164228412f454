//! Finding answers: passages in, ranked answers to a question out. Own flat arrays that live inside a model artifact; not
//! the answer kind itself, which brings the columns, the encoder and the promise.
//!
//! **The way of a question.** [`AnswerIndex`] scores all passages in two channels (words; runs of characters) by BM25F,
//! and by the cosine of vectors where the caller has them. The best answers, each by its best passage, are candidates.
//! Where labelled questions were given, [`AnswerModel`] ranks the candidates anew by a model fitted on questions that
//! neither the index nor the classifier had seen, and says how sure it is, calibrated on held-back questions.

mod classifier;
mod confidence;
mod features;
mod fit;
mod index;
mod model;
mod postings;
mod stem;
mod terms;
#[cfg(test)]
mod tests;

pub use fit::{FitSettings, HeldAnswer, Labelled};
pub use index::{Passage, Question, Vectors};
pub use model::{AnswerModel, Answered};
pub use terms::warm_up;
