//! Learners: from sparse rows and targets to weights. They know nothing of texts or columns.

mod calibrate;
mod linear;
mod spill;
mod weights;

pub use calibrate::{fit_temperature, softmax};
pub use linear::{Block, Blocks, LinearSettings, LinearTrainer};
pub use spill::SpilledBlocks;
pub use weights::LinearWeights;
