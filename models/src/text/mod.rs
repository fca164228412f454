//! Text, the same for training and serving: [`normalise`], [`mask_numbers_and_addresses`], [`words::tokens`], and the
//! functions that clean it before. Everything here is pure and total; what is not idempotent says so.

mod chinese;
mod html;
mod language;
mod mask;
mod near_dup;
mod normalise;
mod quotes;
mod repair;
mod sentences;
pub mod words;

pub use chinese::to_simplified;
pub use html::strip_html;
pub use language::language;
pub use mask::mask_numbers_and_addresses;
pub use near_dup::{MinHash, NearDuplicates, near_dup_key, shingles};
pub use normalise::normalise;
pub use quotes::{Reply, split_reply, strip_quotes};
pub use repair::repair_mojibake;
pub use sentences::sentences;

/// What a model sees of a text: normalised, with addresses and long numbers replaced, so that neither a vocabulary nor
/// a report ever holds them.
pub fn prepare(text: &str) -> String {
    mask_numbers_and_addresses(&normalise(text))
}
