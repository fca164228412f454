//! From a stored version to a model that answers: digests, artifact, signature, golden rows. A version that does not
//! pass all of them is never handed out.

use std::sync::Arc;

use bytes::Bytes;

use super::names::{GOLDEN_FILE, MODEL_FILE};
use super::objects::refused;
use super::{Golden, Manifest, Registry};
use crate::artifact::Artifact;
use crate::error::{Error, Result};
use crate::kind::{Kind, Model};
use crate::sentence::SentenceEncoder;

/// A model that was loaded, with what is known about it.
pub struct LoadedModel {
    /// What the version consists of.
    pub manifest: Manifest,
    /// The model.
    pub model: Box<dyn Model>,
}

impl Registry {
    /// Loads a published version and replays its golden rows. Computes for as long as that takes, on the caller's
    /// thread: keep it off threads that answer requests.
    ///
    /// # Errors
    /// When the version is not published, a file is damaged, this build does not know its kind, its encoder is not in
    /// this registry, or the model does not answer the golden rows as it did when it was published.
    pub async fn load(&self, model: &str, version: u64) -> Result<LoadedModel> {
        let manifest = self.manifest(model, version).await?;
        let kind = crate::kind(&manifest.kind).ok_or_else(|| {
            let known: Vec<&str> = crate::KINDS.iter().map(|kind| kind.about().name).collect();
            let message = format!(
                "is of kind `{}`, which this build does not know",
                manifest.kind.escape_debug()
            );
            let hint = format!("use a newer deskmill; kinds here: {}", known.join(", "));
            refused(format!("{model}@{version}"), message, hint)
        })?;
        let artifact = self.file_of(&manifest, MODEL_FILE).await?;
        let golden = self.file_of(&manifest, GOLDEN_FILE).await?;
        let encoder = self
            .encoder_of(&artifact)
            .await
            .map_err(|error| placed(error, &manifest))?;
        open(kind, manifest, (&artifact, encoder), golden)
    }
}

/// An error about an artifact, with the version it is of.
fn placed(error: Error, manifest: &Manifest) -> Error {
    match error {
        Error::Artifact { place, message } => Error::Artifact {
            place: format!("{}@{} {place}", manifest.model, manifest.version),
            message,
        },
        other => other,
    }
}

/// Makes a model of files whose digests were checked.
pub(super) fn open(
    kind: &dyn Kind,
    manifest: Manifest,
    (artifact, encoder): (&[u8], Option<Arc<SentenceEncoder>>),
    golden: Bytes,
) -> Result<LoadedModel> {
    let place = |error: Error| placed(error, &manifest);
    let model = Artifact::from_bytes(artifact, encoder)
        .and_then(|artifact| kind.load(artifact))
        .map_err(place)?;
    if *model.signature() != manifest.signature {
        return Err(place(Error::artifact(
            MODEL_FILE,
            "its signature is not the one in the manifest",
        )));
    }
    Golden::from_parquet(golden)
        .and_then(|golden| golden.replay(model.as_ref()))
        .map_err(place)?;
    Ok(LoadedModel { manifest, model })
}
