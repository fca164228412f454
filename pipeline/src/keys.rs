//! Keys of steps: digests of everything that goes into them. A step whose key has an output is not done again.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// What goes into a step, by name: `sql`, `raw.tickets`, `recipe` ... The values are digests or short texts.
pub type Parts = BTreeMap<String, String>;

/// Hexadecimal SHA-256.
pub fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of a part of the project.
pub fn digest_of(value: &impl Serialize) -> String {
    // Types of the project hold only maps with text keys, numbers and texts, which always have a JSON form.
    digest(serde_json::to_string(value).unwrap_or_default().as_bytes())
}

/// The key of a step: 16 bytes of the digest of its parts, in hexadecimal.
pub fn key(parts: &Parts) -> String {
    digest_of(parts)[..32].to_owned()
}
