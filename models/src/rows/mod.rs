//! Rows in and out: JSON to record batches and back, any batch checked against a signature, and rows that can be read
//! more than once. Every wire goes through here, so the same row means the same everywhere.

mod conform;
mod from_json;
mod kept;
mod reading;
mod to_json;
mod weights;

pub use conform::conform;
pub use from_json::{from_columns, from_instances};
pub use kept::{KeepRows, KeptRows};
pub use reading::{MemoryRows, ParquetRows};
pub use to_json::{to_objects, value_at};
pub use weights::weights;

/// Bounds on rows that come from outside.
#[derive(Clone, Copy, Debug)]
pub struct RowLimits {
    /// Rows in one request.
    pub rows_max: usize,
    /// Bytes of one text value.
    pub text_max_bytes: usize,
}

#[cfg(test)]
mod tests;
