//! Encoders on their way into the registry, and the vectors that fits have made with them.

mod cache;
mod import;
#[cfg(test)]
mod tests;

pub use cache::CachedEmbeddings;
pub use import::{Imported, import};

/// The folder of vectors under the work folder: `<digest of the encoder>/vectors.bin`.
pub const FOLDER: &str = "embeddings";
