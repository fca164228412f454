//! Pseudonyms: a keyed hash of what was found, the same for every spelling of one value. Without the key they can neither
//! be undone nor be recomputed for a guess.

use super::PiiType;
use sha2::{Digest, Sha256};

/// Hex digits of a pseudonym: 48 bits, so that a million people collide with a chance below 1 in 500.
pub(super) const DIGITS: usize = 12;

const BLOCK: usize = 64;

/// The secret of the pseudonyms. `Debug` does not show it.
#[derive(Clone)]
pub(super) struct Key {
    inner: Sha256,
    outer: Sha256,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Prepares HMAC-SHA256 (RFC 2104) for `secret`.
    pub(super) fn new(secret: &[u8]) -> Self {
        let mut block = [0u8; BLOCK];
        if secret.len() > BLOCK {
            block[..32].copy_from_slice(&Sha256::digest(secret));
        } else {
            block[..secret.len()].copy_from_slice(secret);
        }
        Self {
            inner: Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)),
            outer: Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)),
        }
    }

    /// The first digits of HMAC(key, type, 0, canonical value), in hex.
    pub(super) fn pseudonym(&self, kind: PiiType, value: &str) -> String {
        let canonical = canonical(kind, value);
        let inner = self
            .inner
            .clone()
            .chain_update(kind.name())
            .chain_update([0])
            .chain_update(canonical)
            .finalize();
        let digest = self.outer.clone().chain_update(inner).finalize();
        digest
            .iter()
            .take(DIGITS / 2)
            .flat_map(|&byte| [byte >> 4, byte & 15])
            .map(hex)
            .collect()
    }
}

fn hex(nibble: u8) -> char {
    char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 })
}

/// One spelling for all spellings of a value. `value` is as the view shows it: digits and letters folded to ASCII.
fn canonical(kind: PiiType, value: &str) -> String {
    match kind {
        PiiType::Email => {
            let plain = value.to_lowercase().replace(['(', '[', '{', ')', ']', '}'], " ");
            let plain = plain.split_whitespace().map(|word| match word {
                "at" => "@",
                "dot" => ".",
                word => word,
            });
            plain.collect()
        }
        PiiType::Phone => phone(value),
        PiiType::Card | PiiType::Iban | PiiType::NationalId => value
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect(),
        PiiType::UrlSecret | PiiType::OrderNumber => value.to_owned(),
        PiiType::Ip | PiiType::Name | PiiType::Address => {
            value.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
        }
    }
}

/// Digits only, without `+`, `00` and the bracketed trunk zero. A national and an international spelling of one phone
/// stay two: the country of a text is not known.
fn phone(value: &str) -> String {
    let digits: String = value.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    digits.strip_prefix("00").unwrap_or(&digits).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_hmac_of_rfc_4231() {
        // Test case 2 of RFC 4231, computed through the two halves as `pseudonym` does.
        let key = Key::new(b"Jefe");
        let inner = key
            .inner
            .clone()
            .chain_update("what do ya want for nothing?")
            .finalize();
        let digest = key.outer.clone().chain_update(inner).finalize();
        assert_eq!(digest[..6], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60]);
    }

    #[test]
    fn one_value_has_one_pseudonym() {
        let key = Key::new(b"a key that is long enough");
        let same = |kind, a: &str, b: &str| assert_eq!(key.pseudonym(kind, a), key.pseudonym(kind, b));
        same(PiiType::Email, "Li.Wei@Example.com", "li.wei@example.com");
        same(PiiType::Email, "li.wei (at) example [dot] com", "li.wei@example.com");
        same(PiiType::Phone, "+44 (0)20 7946 0018", "0044 20-7946-0018");
        same(PiiType::Iban, "de89 3704 0044 0532 0130 00", "DE89370400440532013000");
        assert_ne!(key.pseudonym(PiiType::Phone, "1"), key.pseudonym(PiiType::Card, "1"));
        assert_eq!(format!("{key:?}"), "Key(..)");
    }
}
