//! From a text to the token numbers that a network takes.

use tokenizers::{Tokenizer, TruncationParams};

use super::caught::caught;
use super::{CHARACTERS_MAX, TOKENIZER_MAX_BYTES, TOKENS_MAX};
use crate::error::{Error, Result};

/// The fewest tokens that leave room for a word between the special ones.
const TOKENS_MIN: usize = 8;
const PLACE: &str = "tokenizer.json";
const HINT: &str = "use the tokenizer.json that belongs to the network";

/// A tokenizer that cuts texts and does not pad them.
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    max: usize,
}

impl Tokens {
    pub(super) fn load(file: &[u8]) -> Result<Self> {
        if file.len() as u64 > TOKENIZER_MAX_BYTES {
            let message = format!("{} bytes; at most {TOKENIZER_MAX_BYTES} are read", file.len());
            return Err(Error::encoder(PLACE, message, HINT));
        }
        caught(PLACE, HINT, || {
            let mut tokenizer = Tokenizer::from_bytes(file)?;
            let own = tokenizer.get_truncation().map_or(TOKENS_MAX, |own| own.max_length);
            let max = own.clamp(TOKENS_MIN, TOKENS_MAX);
            tokenizer.with_padding(None);
            tokenizer.with_truncation(Some(TruncationParams {
                max_length: max,
                ..TruncationParams::default()
            }))?;
            Ok::<_, tokenizers::Error>(Self { tokenizer, max })
        })
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// The token numbers of the beginning of a text, with the special tokens of the model around them: 1 to
    /// [`Self::max`].
    pub(super) fn ids(&self, text: &str) -> Result<Vec<i32>> {
        let end = text.char_indices().nth(CHARACTERS_MAX).map_or(text.len(), |(at, _)| at);
        let found = caught(PLACE, HINT, || self.tokenizer.encode_fast(&text[..end], true))?;
        let ids = found.get_ids();
        if ids.is_empty() || ids.len() > self.max {
            let message = format!("gives {} tokens; 1 to {} are expected", ids.len(), self.max);
            return Err(Error::encoder(PLACE, message, HINT));
        }
        let known =
            |id: &u32| i32::try_from(*id).map_err(|_| Error::encoder(PLACE, "a token number is too large", HINT));
        ids.iter().map(known).collect()
    }
}
