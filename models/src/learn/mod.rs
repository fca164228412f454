//! Learners: from sparse rows and targets to weights. They know nothing of texts or columns.

mod binomial;
mod blend;
mod calibrate;
mod conditional;
mod crossfit;
mod linear;
mod platt;
pub mod promise;
pub mod simple;
mod spill;
mod targets;
pub mod trees;
mod weights;

pub use binomial::at_most as share_of_hits_at_most;
pub use blend::{Blend, Scored, fit_blend, sure_gap};
pub use calibrate::{best_of, fit_temperature, softmax};
pub use conditional::{Choice, Prior, choice_score, fit_choices, shares};
pub use crossfit::{CrossFit, FoldMargins, cross_fit};
pub use linear::{Block, Blocks, LinearSettings, LinearTrainer};
pub use platt::Sigmoid;
pub use spill::SpilledBlocks;
pub use targets::NO_CLASS;
pub use weights::LinearWeights;
