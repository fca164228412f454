//! Encoders on their way into the registry, and the vectors that fits have made with them.

mod cache;
mod import;
#[cfg(test)]
mod tests;

use deskmill_models::registry::{how_to_add, local_encoder};

use crate::error::{Error, Result};
use crate::project::Project;

pub use cache::CachedEmbeddings;
pub use import::{Imported, import};

/// The folder of vectors under the work folder: `<digest of the encoder>/vectors.bin`.
pub const FOLDER: &str = "embeddings";

/// Sees, before a long run begins, that the registry has the encoder of every model.
///
/// # Errors
/// When one is missing.
pub fn check(project: &Project) -> Result<()> {
    for model in &project.models {
        let Some(name) = &model.encoder else { continue };
        if local_encoder(&project.registry.path, name)?.is_none() {
            return Err(Error::Model(deskmill_models::Error::Encoder {
                place: name.into(),
                message: format!("model `{}` uses it, and it is not in the registry", model.name),
                hint: how_to_add(name),
            }));
        }
    }
    Ok(())
}
