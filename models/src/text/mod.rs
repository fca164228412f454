//! Text, the same for training and serving: [`normalise`], [`mask_numbers_and_addresses`], [`words::tokens`].
//! Everything here is pure and total; the first two are idempotent.

mod mask;
mod normalise;
pub mod words;

pub use mask::mask_numbers_and_addresses;
pub use normalise::normalise;

/// What a model sees of a text: normalised, with addresses and long numbers replaced, so that neither a vocabulary nor
/// a report ever holds them.
pub fn prepare(text: &str) -> String {
    mask_numbers_and_addresses(&normalise(text))
}
