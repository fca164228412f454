//! Rows of any columns as features for trees: numbers, times of the day and the week, categories, and texts as scores of
//! the linear learner. The same code reads the rows of a fit and the rows of a request.

mod encoder;
mod grow;
mod model;
mod plan;
mod rows;
#[cfg(test)]
mod tests;
mod texts;

pub use encoder::{Encoded, FeatureColumn, TableEncoder, columns_of, scored};
pub use grow::{Grown, Targeted, grow};
pub use model::{TableModel, in_parts, ranked};
pub use plan::{ColumnPlan, LeftOut, Plan, Role, RoleChoice, table_notes};
pub use rows::{Classes, OWN_COLUMNS, TableRows, read_rows};
pub use texts::{TextClasses, TextScorer};
