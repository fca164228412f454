//! A fitted model as data: JSON settings and named arrays in one safetensors file. Never code: a hostile file can at
//! worst be refused.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::sentence::{EncoderRef, SentenceEncoder};

/// The file format this build writes. Every released format stays loadable.
pub const FORMAT: u32 = 1;

const SETTINGS_KEY: &str = "deskmill";
const FORMAT_KEY: &str = "format";
const ENCODER_KEY: &str = "encoder";
const PLACE: &str = "model.safetensors";

/// Settings and arrays of one fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    /// Small facts: labels, feature settings, calibration. A JSON object.
    pub settings: Value,
    /// Fitted arrays by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// The encoder whose vectors the model was fitted on. Only its name and digest are in the file.
    pub encoder: Option<Arc<SentenceEncoder>>,
}

/// One fitted array, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// Bytes.
    U8(Vec<u8>),
    /// 32-bit unsigned integers.
    U32(Vec<u32>),
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
}

impl Artifact {
    /// The bytes of a safetensors file; the same artifact gives the same bytes.
    ///
    /// # Errors
    /// When the settings cannot be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let settings = serde_json::to_string(&self.settings).map_err(|e| Error::artifact("settings", e))?;
        let raw: Vec<(&str, Dtype, usize, Vec<u8>)> =
            self.tensors.iter().map(|(name, tensor)| tensor.raw(name)).collect();
        let mut views = BTreeMap::new();
        for (name, dtype, len, bytes) in &raw {
            let view = TensorView::new(*dtype, vec![*len], bytes).map_err(|e| Error::artifact(*name, e))?;
            views.insert((*name).to_owned(), view);
        }
        // The header's map order is not stable across processes, so both keys travel in one value.
        let mut header = serde_json::json!({ FORMAT_KEY: FORMAT, SETTINGS_KEY: settings });
        if let Some(encoder) = &self.encoder {
            let encoder = encoder.reference();
            header[ENCODER_KEY] = serde_json::json!({ "name": encoder.name, "digest": encoder.digest });
        }
        let metadata = HashMap::from([(SETTINGS_KEY.to_owned(), header.to_string())]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| Error::artifact("model.safetensors", e))
    }

    /// The encoder that the artifact in a safetensors file names, to be found before [`Self::from_bytes`] is called.
    ///
    /// # Errors
    /// As [`Self::from_bytes`].
    pub fn encoder_of(bytes: &[u8]) -> Result<Option<EncoderRef>> {
        let header = header_of(bytes)?;
        let Some(encoder) = header.get(ENCODER_KEY) else {
            return Ok(None);
        };
        let encoder = EncoderRef::deserialize(encoder).map_err(|e| Error::artifact(PLACE, e))?;
        Ok(Some(encoder))
    }

    /// Reads a safetensors file, for which the `encoder` that it names (see [`Self::encoder_of`]) was loaded. Lengths and
    /// offsets are checked by the format's library; what the arrays mean is checked by the kind that loads them.
    ///
    /// # Errors
    /// When the bytes are not such a file, the format is newer than this build, or `encoder` is not the one it names.
    pub fn from_bytes(bytes: &[u8], encoder: Option<Arc<SentenceEncoder>>) -> Result<Self> {
        let wanted = Self::encoder_of(bytes)?;
        if wanted.as_ref().map(|wanted| wanted.digest.as_str()) != encoder.as_ref().map(|given| given.digest()) {
            let name = |name: Option<&str>| {
                name.map_or("no encoder".to_owned(), |name| {
                    format!("encoder `{}`", name.escape_debug())
                })
            };
            let message = format!(
                "was fitted with {}, not with {} (or with other files of it)",
                name(wanted.as_ref().map(|wanted| wanted.name.as_str())),
                name(encoder.as_ref().map(|given| given.name())),
            );
            return Err(Error::artifact(PLACE, message));
        }
        let header = header_of(bytes)?;
        let settings = header[SETTINGS_KEY].as_str().unwrap_or_default();
        let settings = serde_json::from_str(settings).map_err(|e| Error::artifact(PLACE, e))?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| Error::artifact(PLACE, e))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let tensor = Tensor::read(&name, &view)?;
            tensors.insert(name, tensor);
        }
        Ok(Self {
            settings,
            tensors,
            encoder,
        })
    }

    /// Takes all arrays out whose names begin so, as an artifact of their own that names them without it.
    pub fn take_part(&mut self, prefix: &str) -> Self {
        let names: Vec<String> = self
            .tensors
            .keys()
            .filter(|name| name.starts_with(prefix))
            .cloned()
            .collect();
        let take = |name: &String| Some((name[prefix.len()..].to_owned(), self.tensors.remove(name)?));
        Self {
            settings: Value::Null,
            tensors: names.iter().filter_map(take).collect(),
            encoder: None,
        }
    }

    /// Takes an array of floats out of the artifact.
    ///
    /// # Errors
    /// When it is missing or of another type.
    pub fn take_f32(&mut self, name: &str) -> Result<Vec<f32>> {
        match self.tensors.remove(name) {
            Some(Tensor::F32(values)) => Ok(values),
            other => Err(wrong_tensor(name, "f32", other.as_ref())),
        }
    }

    /// Takes an array of 64-bit floats out of the artifact.
    ///
    /// # Errors
    /// When it is missing or of another type.
    pub fn take_f64(&mut self, name: &str) -> Result<Vec<f64>> {
        match self.tensors.remove(name) {
            Some(Tensor::F64(values)) => Ok(values),
            other => Err(wrong_tensor(name, "f64", other.as_ref())),
        }
    }

    /// Takes an array of 32-bit integers out of the artifact.
    ///
    /// # Errors
    /// When it is missing or of another type.
    pub fn take_u32(&mut self, name: &str) -> Result<Vec<u32>> {
        match self.tensors.remove(name) {
            Some(Tensor::U32(values)) => Ok(values),
            other => Err(wrong_tensor(name, "u32", other.as_ref())),
        }
    }

    /// Takes an array of bytes out of the artifact.
    ///
    /// # Errors
    /// When it is missing or of another type.
    pub fn take_u8(&mut self, name: &str) -> Result<Vec<u8>> {
        match self.tensors.remove(name) {
            Some(Tensor::U8(values)) => Ok(values),
            other => Err(wrong_tensor(name, "u8", other.as_ref())),
        }
    }
}

/// The header of an artifact of a format that this build reads.
fn header_of(bytes: &[u8]) -> Result<Value> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| Error::artifact(PLACE, e))?;
    let header = metadata.metadata().as_ref().and_then(|m| m.get(SETTINGS_KEY));
    let header = header.ok_or_else(|| Error::artifact(PLACE, "has no deskmill settings"))?;
    let header: Value = serde_json::from_str(header).map_err(|e| Error::artifact(PLACE, e))?;
    let format = header[FORMAT_KEY].as_u64().unwrap_or(0);
    if format != u64::from(FORMAT) {
        return Err(Error::artifact(
            PLACE,
            format!("format {format}; this build reads {FORMAT}"),
        ));
    }
    Ok(header)
}

fn wrong_tensor(name: &str, expected: &str, found: Option<&Tensor>) -> Error {
    let found = found.map_or("nothing", Tensor::type_name);
    Error::artifact(name, format!("expected an array of {expected}, found {found}"))
}

impl Tensor {
    /// What it takes in a file, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Tensor::U8(values) => values.len(),
            Tensor::U32(values) => 4 * values.len(),
            Tensor::F32(values) => 4 * values.len(),
            Tensor::F64(values) => 8 * values.len(),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Tensor::U8(_) => "u8",
            Tensor::U32(_) => "u32",
            Tensor::F32(_) => "f32",
            Tensor::F64(_) => "f64",
        }
    }

    fn raw<'a>(&self, name: &'a str) -> (&'a str, Dtype, usize, Vec<u8>) {
        match self {
            Tensor::U8(v) => (name, Dtype::U8, v.len(), v.clone()),
            Tensor::U32(v) => (
                name,
                Dtype::U32,
                v.len(),
                v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            ),
            Tensor::F32(v) => (
                name,
                Dtype::F32,
                v.len(),
                v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            ),
            Tensor::F64(v) => (
                name,
                Dtype::F64,
                v.len(),
                v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            ),
        }
    }

    fn read(name: &str, view: &TensorView<'_>) -> Result<Self> {
        let words = || view.data().as_chunks::<4>().0;
        let doubles = || view.data().as_chunks::<8>().0;
        match view.dtype() {
            Dtype::U8 => Ok(Tensor::U8(view.data().to_vec())),
            Dtype::U32 => Ok(Tensor::U32(words().iter().map(|w| u32::from_le_bytes(*w)).collect())),
            Dtype::F32 => Ok(Tensor::F32(words().iter().map(|w| f32::from_le_bytes(*w)).collect())),
            Dtype::F64 => Ok(Tensor::F64(doubles().iter().map(|w| f64::from_le_bytes(*w)).collect())),
            other => Err(Error::artifact(
                name,
                format!("arrays of {other:?} are not part of the format"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn artifact() -> Artifact {
        let tensors = BTreeMap::from([
            ("a".to_owned(), Tensor::F32(vec![1.5, -0.0, f32::MIN_POSITIVE])),
            ("b".to_owned(), Tensor::U32(vec![7, u32::MAX])),
            ("c".to_owned(), Tensor::U8("文".as_bytes().to_vec())),
            ("d".to_owned(), Tensor::F64(vec![0.1, f64::MAX])),
        ]);
        Artifact {
            settings: serde_json::json!({"labels": ["x", "退款"]}),
            tensors,
            encoder: None,
        }
    }

    #[test]
    fn the_encoder_is_named_and_must_be_given_again() {
        let encoder = |pattern| {
            let files = crate::sentence::tests::encoder_of_pattern(pattern);
            Arc::new(SentenceEncoder::load("small", &files).unwrap())
        };
        let (own, other) = (encoder(1), encoder(2));
        let with = Artifact {
            encoder: Some(own.clone()),
            ..artifact()
        };
        let bytes = with.to_bytes().unwrap();
        assert_eq!(Artifact::encoder_of(&bytes).unwrap(), Some(own.reference()));
        assert_eq!(Artifact::from_bytes(&bytes, Some(own.clone())).unwrap(), with);
        let refused = Artifact::from_bytes(&bytes, None).unwrap_err().to_string();
        assert!(
            refused.contains("fitted with encoder `small`, not with no encoder"),
            "{refused}"
        );
        assert!(Artifact::from_bytes(&bytes, Some(other)).is_err());
        let without = artifact().to_bytes().unwrap();
        assert_eq!(Artifact::encoder_of(&without).unwrap(), None);
        assert!(Artifact::from_bytes(&without, Some(own)).is_err());
    }

    #[test]
    fn comes_back_bit_for_bit() {
        let bytes = artifact().to_bytes().unwrap();
        assert_eq!(bytes, artifact().to_bytes().unwrap());
        assert_eq!(Artifact::from_bytes(&bytes, None).unwrap(), artifact());
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = artifact().to_bytes().unwrap();
        for len in 0..bytes.len() {
            assert!(
                Artifact::from_bytes(&bytes[..len], None).is_err(),
                "{len} bytes were accepted"
            );
        }
    }

    #[test]
    fn a_missing_array_is_named() {
        let error = artifact().take_f32("b").unwrap_err().to_string();
        assert_eq!(error, "artifact b: expected an array of f32, found u32");
    }
}
