//! Simpler models in an artifact: plain arrays under names of their own, every one checked when it is taken out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};

/// Where the arrays of simpler models are.
pub(super) const PREFIX: &str = "simple.";

/// A part of an artifact, its arrays named without the part's name.
pub(super) struct Part(Artifact);

impl Part {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self(Artifact {
            settings: Value::Null,
            tensors: BTreeMap::new(),
            encoder: None,
        })
    }

    /// Takes a part out of an artifact.
    pub(super) fn of(artifact: &mut Artifact, prefix: &str) -> Self {
        Self(artifact.take_part(prefix))
    }

    /// Takes a part out of this one.
    pub(super) fn part(&mut self, prefix: &str) -> Self {
        Self::of(&mut self.0, prefix)
    }

    /// What is left of it, as an artifact.
    pub(super) fn artifact(&mut self) -> &mut Artifact {
        &mut self.0
    }

    /// Its arrays, named with a prefix.
    pub(super) fn named(self, prefix: &str) -> BTreeMap<String, Tensor> {
        let tensors = self.0.tensors.into_iter();
        tensors
            .map(|(name, tensor)| (format!("{prefix}{name}"), tensor))
            .collect()
    }

    /// Adds a part, or arrays, under a name.
    pub(super) fn put_part(&mut self, prefix: &str, part: Self) {
        self.0.tensors.extend(part.named(prefix));
    }

    /// Adds arrays that are named already.
    pub(super) fn put_all(&mut self, tensors: BTreeMap<String, Tensor>) {
        self.0.tensors.extend(tensors);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.tensors.is_empty()
    }

    pub(super) fn put_u32(&mut self, name: &str, values: &[u32]) {
        self.0.tensors.insert(name.into(), Tensor::U32(values.to_vec()));
    }

    pub(super) fn put_f32(&mut self, name: &str, values: &[f32]) {
        self.0.tensors.insert(name.into(), Tensor::F32(values.to_vec()));
    }

    pub(super) fn put_f64(&mut self, name: &str, values: &[f64]) {
        self.0.tensors.insert(name.into(), Tensor::F64(values.to_vec()));
    }

    pub(super) fn take_u32(&mut self, name: &str) -> Result<Vec<u32>> {
        self.0.take_u32(name)
    }

    pub(super) fn take_f32(&mut self, name: &str) -> Result<Vec<f32>> {
        self.0.take_f32(name)
    }

    pub(super) fn take_f64(&mut self, name: &str) -> Result<Vec<f64>> {
        self.0.take_f64(name)
    }
}

/// Refuses what does not hold.
pub(super) fn require(holds: bool, place: &str, message: &str) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::artifact(format!("{PREFIX}{place}"), message))
    }
}

/// Whether all values are numbers of at most that size.
pub(super) fn finite(values: &[f32], most: f32) -> bool {
    values.iter().all(|value| value.abs() <= most)
}
