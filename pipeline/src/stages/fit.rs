//! Fit: from examples to an artifact. The same examples, recipe, seed and code give the same bytes.

use std::path::Path;
use std::time::Instant;

use deskmill_models::kind::{Examples, FitContext, Kind};
use deskmill_models::registry::MODEL_FILE;
use deskmill_models::rows::ParquetRows;
use serde::{Deserialize, Serialize};

use super::assemble;
use crate::catalog::{Catalog, write_json};
use crate::error::{Error, Result};
use crate::keys::{Parts, digest_of};
use crate::lineage::Output;
use crate::project::ModelSpec;

/// Changes when the same examples would give another artifact.
const FORMAT: &str = "4";

/// The folder of artifacts under the work folder.
pub const STAGE: &str = "fitted";

/// What is worth a look in the examples, beside the artifact.
pub const FINDINGS_FILE: &str = "findings.json";

/// The part of a fit's key that is the digest of its encoder; models without one have no such part.
pub const ENCODER: &str = "encoder";

/// What a fit took and gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FitFacts {
    /// Time from the first row to the finished artifact, in seconds.
    pub fit_wall_s: f64,
    /// Size of the artifact.
    pub artifact_bytes: u64,
}

/// What decides how a model comes out, but for its examples and its encoder.
pub fn parts(model: &ModelSpec, seed: u64) -> Parts {
    Parts::from([
        ("kind".into(), model.kind.clone()),
        ("recipe".into(), digest_of(&model.recipe)),
        ("seed".into(), seed.to_string()),
        ("format".into(), FORMAT.into()),
    ])
}

/// What a fit is handed besides its examples.
pub struct FitRequest<'a> {
    /// The kind of the model.
    pub kind: &'a dyn Kind,
    /// The model as the project has it.
    pub model: &'a ModelSpec,
    /// The folder of its examples.
    pub examples: &'a Path,
    /// Seed, threads, memory, the encoder, and who is told.
    pub context: FitContext<'a>,
}

/// Fits one model, `made` as it was begun.
///
/// # Errors
/// When the examples cannot be learned from, or the output cannot be written.
pub fn fit(request: &FitRequest<'_>, catalog: &Catalog, made: Output) -> Result<FitFacts> {
    let [train, calibrate, _] = assemble::FILES.map(|file| request.examples.join(file));
    let key = made.key.clone();
    catalog.make(STAGE, &request.model.name, &key, |out| {
        let started = Instant::now();
        let (train, calibrate) = (ParquetRows::open(&train)?, ParquetRows::open(&calibrate)?);
        let examples = Examples {
            model: &request.model.name,
            train: &train,
            calibrate: &calibrate,
        };
        let fitted = request.kind.fit(&examples, &request.model.recipe, &request.context)?;
        write_json(&out.join(FINDINGS_FILE), &fitted.findings)?;
        let bytes = fitted.model.artifact().to_bytes()?;
        let path = out.join(MODEL_FILE);
        std::fs::write(&path, &bytes).map_err(Error::file(&path))?;
        made.counted(&[("artifact_bytes", bytes.len() as u64)]).write(out)?;
        Ok(FitFacts {
            fit_wall_s: started.elapsed().as_secs_f64(),
            artifact_bytes: bytes.len() as u64,
        })
    })
}
