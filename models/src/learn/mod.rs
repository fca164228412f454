//! Learners: from sparse rows and targets to weights. They know nothing of texts or columns.

mod calibrate;
mod linear;

pub use calibrate::{fit_temperature, softmax};
pub use linear::{Block, Blocks, LinearSettings, LinearTrainer, LinearWeights};
