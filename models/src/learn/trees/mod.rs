//! The table learner: histogram gradient-boosted trees over numbers and categories, by the methods of LightGBM (Ke et al.,
//! NeurIPS 2017), written so that a fit does not depend on the number of threads. Knows nothing of texts or kinds.
//!
//! The data's way: `columns` are binned (`bins`) and dealt out to threads (`team`, `shard`); each round (`rounds`) takes
//! derivatives of the loss (`objective`) and grows trees (`grow`) by histograms (`histogram`) and splits (`split`,
//! `category`); the trees become flat `arrays`, checked into a `model` that scores (`score`, `masks`; `cross` for pairs) and explains
//! (`shap`).

mod arrays;
mod bins;
mod boost;
mod category;
mod columns;
mod cross;
mod error;
mod grow;
mod histogram;
mod masks;
mod model;
mod objective;
mod rounds;
mod score;
mod settings;
mod shap;
mod shard;
mod split;
mod stored;
mod team;
#[cfg(test)]
mod tests;
mod tree;

pub use arrays::TreeArrays;
pub use boost::{Fitted, fit};
pub use columns::{CODE_MAX, Column, ColumnKind, Examples, MISSING_CODE};
pub use error::TreeError;
pub use model::TreeModel;
pub use settings::{CategorySettings, Objective, TreeSettings};
pub use stored::{take_trees, tree_tensors};
