//! The SQL functions: thin shells over the models crate, so that SQL and serving run the same code.

mod predict;
mod text;

use datafusion::prelude::SessionContext;

pub use predict::{PredictFunction, models_named};

/// Adds the text functions to a session.
pub fn register(context: &SessionContext) {
    text::all()
        .into_iter()
        .for_each(|function| context.register_udf(function));
}
