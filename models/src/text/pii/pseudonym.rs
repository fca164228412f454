//! Pseudonyms: a keyed hash of what was found, the same for every spelling of one value. Without the key they can neither
//! be undone nor be recomputed for a guess.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::PiiType;

/// Hex digits of a pseudonym: 48 bits, so that a million people collide with a chance below 1 in 500.
pub(super) const DIGITS: usize = 12;

/// The secret of the pseudonyms. `Debug` does not show it.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Prepares HMAC-SHA256 for `secret`.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC takes a key of any length"))
    }

    /// Tells this key from others without giving it away: 16 hex digits of its HMAC of a constant that no pseudonym has.
    pub(super) fn fingerprint(&self) -> String {
        let digest = self
            .0
            .clone()
            .chain_update("fingerprint of this key")
            .finalize()
            .into_bytes();
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first digits of HMAC(key, type, 0, canonical value), in hex.
    pub(super) fn pseudonym(&self, kind: PiiType, value: &str) -> String {
        let canonical = canonical(kind, value);
        let keyed = self
            .0
            .clone()
            .chain_update(kind.name())
            .chain_update([0])
            .chain_update(canonical);
        let digest = keyed.finalize().into_bytes();
        digest
            .iter()
            .take(DIGITS / 2)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
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
        // Test case 2 of RFC 4231.
        let keyed = Key::new(b"Jefe").0.chain_update("what do ya want for nothing?");
        let digest = keyed.finalize().into_bytes();
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
