//! Secrets: URLs with a password, token, key or signature in them; JSON Web Tokens; API keys by their issuers' prefixes;
//! crypto wallets. A plain web address is no secret and stays.

use super::{Found, PiiType, certainty};
use regex::Regex;
use std::sync::LazyLock;

static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        // user:password@host
        r#"\b[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s/@:<>"'\x01]+:[^\s/@<>"'\x01]+@[^\s<>"'\x01，。）]+"#,
        // ?token=... in any web address
        r#"|(?i:\b(?:https?|wss?|ftp)://|\bwww\.)[^\s?#<>"'\x01，。）]+[?#&;](?:[^\s<>"'\x01，。）]*[&;?#])?"#,
        r#"(?i:[a-z0-9_.-]{0,32}(?:token|secret|passw(?:or)?d|pwd|api_?-?key|apikey|signature|credential|"#,
        r#"session_?id|jwt|otp)[a-z0-9_-]{0,16}|sig|key|auth|code|sid|email|phone|mobile)=[^\s<>"'\x01，。）]{4,}"#,
        // JSON Web Token (RFC 7519)
        r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        // Keys of AWS, GitHub, GitLab, Stripe, Slack, Google, npm, OpenAI, SendGrid, Shopify
        r"|\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z2-7]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}",
        r"|\bglpat-[A-Za-z0-9_-]{20,64}|\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
        r"|\bAIza[A-Za-z0-9_-]{35}|\bnpm_[A-Za-z0-9]{36}|\bsk-[A-Za-z0-9_-]{20,}|",
        r"\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}|\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
        // Ethereum and bitcoin bech32 addresses
        r"|\b0x[a-fA-F0-9]{40}\b|\bbc1[ac-hj-np-z02-9]{11,71}\b",
    ))
    .expect("a fixed pattern compiles")
});

/// What each of the forms has at least one of: searched first, since it is fast.
const SIGNS: [&str; 16] = [
    "://", "www.", "WWW.", "eyJ", "AKIA", "ASIA", "AGPA", "AIDA", "AROA", "_", "glpat", "xox", "AIza", "sk-", "0x",
    "bc1",
];

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    if !SIGNS.iter().any(|sign| text.contains(sign)) && !text.contains("SG.") {
        return;
    }
    for m in SECRETS.find_iter(text) {
        let end = m.start()
            + m.as_str()
                .trim_end_matches(['.', ',', ';', '!', '?', ')', ']', '}'])
                .len();
        found.push(Found {
            start: m.start(),
            end,
            kind: PiiType::UrlSecret,
            certainty: certainty::SECRET,
        });
    }
}

/// Whether `token` is a bitcoin address in base58 with its check sum (two rounds of SHA-256).
pub(super) fn is_bitcoin(token: &[u8]) -> bool {
    use sha2::{Digest, Sha256};
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    if !(26..=35).contains(&token.len()) || !matches!(token[0], b'1' | b'3') {
        return false;
    }
    let mut decoded = [0u8; 25];
    for &sign in token {
        let Some(value) = ALPHABET.iter().position(|&letter| letter == sign) else {
            return false;
        };
        let mut carry = value;
        for byte in decoded.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry > 0 {
            return false;
        }
    }
    Sha256::digest(Sha256::digest(&decoded[..21]))[..4] == decoded[21..]
}

#[cfg(test)]
mod tests {
    use crate::text::pii::PiiRules;

    #[test]
    fn secrets() {
        for secret in [
            "https://li:pass@example.com/x",
            "postgres://li:pa55@db.example.com:5432/desk",
            "https://example.com/reset?token=abc123def",
            "https://example.com/a?x=1&access_token=abc.def&y=2",
            "https://example.com/a?sig=ab%2Fcd",
            "https://example.com/#id_token=abcd",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "sk_test_abcdefghij0123456789",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "0x52908400098527886E0F7030069857D2E4169EE7",
        ] {
            assert_eq!(
                PiiRules::default().mask(&format!("see {secret}. ")),
                "see <url_secret>. ",
                "{secret}"
            );
        }
    }

    #[test]
    fn plain_addresses_stay() {
        for text in [
            "https://example.com/help?page=2",
            "www.example.com",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "key=value",
        ] {
            assert_eq!(PiiRules::default().mask(text), text);
        }
    }
}
