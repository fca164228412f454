//! The SQL functions: thin shells over the models crate, so that SQL and serving run the same code.

mod calls;
mod near_dup;
mod personal;
mod predict;
#[cfg(test)]
mod tests;
mod text;

use datafusion::logical_expr::{ScalarUDF, WindowUDF};
use datafusion::prelude::SessionContext;

pub use personal::PersonalData;
pub use predict::{PredictFunction, models_named};

use crate::project::Limits;

/// Adds the functions of a project to a session.
pub fn register(context: &SessionContext, limits: &Limits, personal: &PersonalData) {
    let scalars = text::all().into_iter().chain(personal::all(personal));
    scalars.for_each(|function| context.register_udf(function));
    context.register_udf(ScalarUDF::from(near_dup::NearDupSimilarity::new()));
    context.register_udwf(WindowUDF::from(near_dup::NearDupGroup::new(limits.memory_max_mib)));
}
