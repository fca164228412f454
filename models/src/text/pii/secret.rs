//! Secrets: URLs with a password, token, key or signature in them; JSON Web Tokens; API keys by their issuers' prefixes;
//! crypto wallets. A plain web address is no secret and stays.

use super::{Found, PiiType, certainty};
use regex::Regex;
use std::sync::LazyLock;

static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        // user:password@host
        r#"(?-u:\b)[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s/@:<>"'\x01]+:[^\s/@<>"'\x01]+@[^\s<>"'\x01，。）]+"#,
        // ?token=... in any web address
        r#"|(?i:(?-u:\b)(?:https?|wss?|ftp)://|(?-u:\b)www\.)[^\s?#<>"'\x01，。）]+[?#&;](?:[^\s<>"'\x01，。）]*[&;?#])?"#,
        r#"(?i:[a-z0-9_.-]{0,32}(?:token|secret|passw(?:or)?d|pwd|api_?-?key|apikey|signature|credential|"#,
        r#"session_?id|jwt|otp)[a-z0-9_-]{0,16}|sig|key|auth|code|sid|email|phone|mobile)=[^\s<>"'\x01，。）]{4,}"#,
        // JSON Web Token (RFC 7519)
        r"|(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        // Keys of AWS, GitHub, GitLab, Stripe, Slack, Google, npm, OpenAI, SendGrid, Shopify
        r"|(?-u:\b)(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z2-7]{16}(?-u:\b)|(?-u:\b)gh[pousr]_[A-Za-z0-9]{30,}|(?-u:\b)github_pat_[A-Za-z0-9_]{30,}",
        r"|(?-u:\b)glpat-[A-Za-z0-9_-]{20,64}|(?-u:\b)(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|",
        r"(?-u:\b)xox[abeoprs]-[A-Za-z0-9-]{10,}",
        r"|(?-u:\b)AIza[A-Za-z0-9_-]{35}|(?-u:\b)npm_[A-Za-z0-9]{36}|(?-u:\b)sk-[A-Za-z0-9_-]{20,}|",
        r"(?-u:\b)SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}|(?-u:\b)shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
        // Ethereum and bitcoin bech32 addresses
        r"|(?-u:\b)0x[a-fA-F0-9]{40}(?-u:\b)|(?-u:\b)bc1[ac-hj-np-z02-9]{11,71}(?-u:\b)",
    ))
    .expect("a fixed pattern compiles")
});

/// What each of the forms has at least one of: plain words, so that the search runs on many bytes at a time.
static SIGNS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("://|www\\.|WWW\\.|eyJ|AKIA|ASIA|AGPA|AIDA|AROA|_|glpat|xox|AIza|sk-|SG\\.|0x|bc1")
        .expect("a fixed pattern compiles")
});

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    if !SIGNS.is_match(text) {
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
