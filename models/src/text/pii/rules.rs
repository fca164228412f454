//! What to look for, and the two questions: where is it, and how does the text read without it.

use super::pseudonym::Key;
use super::view::View;
use super::{Found, PiiSpan, PiiType, certainty};
use super::{address, email, name, name_zh, network, number, resolve, secret, tokens};
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::collections::BTreeSet;

const PATTERNS_MAX: usize = 64;
const PATTERN_BYTES_MAX: usize = 1_000;
const PATTERN_COMPILED_BYTES_MAX: usize = 1 << 20;
const KEY_BYTES_MIN: usize = 16;
/// Masking one thing can reveal another next to it. Known texts need two passes; the bound keeps the loop finite.
const PASSES_MAX: usize = 8;

/// What to find and how to mask it. The default finds every type that needs no declaration and masks without pseudonyms.
///
/// ```
/// # use deskmill_models::text::pii::PiiRules;
/// let rules = PiiRules::default();
/// assert_eq!(rules.mask("mail li@example.com or call +1 212-555-0123"), "mail <email> or call <phone>");
/// assert_eq!(rules.mask("我的手机13800138000"), "我的手机<phone>");
/// ```
#[derive(Clone, Debug)]
pub struct PiiRules {
    kinds: BTreeSet<PiiType>,
    orders: Vec<Regex>,
    key: Option<Key>,
}

impl Default for PiiRules {
    fn default() -> Self {
        Self {
            kinds: PiiType::ALL.into_iter().collect(),
            orders: Vec::new(),
            key: None,
        }
    }
}

impl PiiRules {
    /// Finds only `kinds`.
    #[must_use]
    pub fn only(mut self, kinds: &[PiiType]) -> Self {
        self.kinds = kinds.iter().copied().collect();
        self
    }

    /// Finds order numbers of these forms too: regular expressions (syntax of the `regex` crate, no look-around), matched
    /// against the text with full-width and other digits as ASCII ones. A match must not be empty.
    ///
    /// # Errors
    /// A pattern that does not parse, is too long or too large when compiled, or too many patterns.
    pub fn with_order_numbers(mut self, patterns: &[impl AsRef<str>]) -> Result<Self, PiiRuleError> {
        if self.orders.len() + patterns.len() > PATTERNS_MAX {
            return Err(PiiRuleError::TooManyPatterns {
                count: self.orders.len() + patterns.len(),
            });
        }
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let refuse = |message: String| PiiRuleError::Pattern {
                pattern: pattern.chars().take(200).collect(),
                message,
            };
            if pattern.len() > PATTERN_BYTES_MAX {
                return Err(refuse(format!("longer than {PATTERN_BYTES_MAX} bytes")));
            }
            let built = RegexBuilder::new(pattern)
                .size_limit(PATTERN_COMPILED_BYTES_MAX)
                .dfa_size_limit(PATTERN_COMPILED_BYTES_MAX)
                .build();
            // The last line of the library's words says what is wrong, those before it show where.
            let words = |error: regex::Error| {
                let all = error.to_string();
                let last = all.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            };
            let order = built.map_err(|error| refuse(words(error)))?;
            if order.is_match("") {
                return Err(refuse("matches an empty text".to_owned()));
            }
            self.orders.push(order);
        }
        Ok(self)
    }

    /// Masks with pseudonyms: `<email:1f3a9c0b2d4e>`, the first 12 hex digits of HMAC-SHA256(key, type, value in one
    /// spelling). The same value gets the same pseudonym in every run with this key, and never shows it.
    ///
    /// # Errors
    /// A key shorter than 16 bytes.
    pub fn with_key(mut self, key: &[u8]) -> Result<Self, PiiRuleError> {
        if key.len() < KEY_BYTES_MIN {
            return Err(PiiRuleError::ShortKey { bytes: key.len() });
        }
        self.key = Some(Key::new(key));
        Ok(self)
    }

    /// Tells the key of the pseudonyms from others without giving it away (16 hex digits); none without a key.
    pub fn key_fingerprint(&self) -> Option<String> {
        self.key.as_ref().map(Key::fingerprint)
    }

    /// The types of personal data in `text`, in the order of [`PiiType::ALL`], each once.
    pub fn types(&self, text: &str) -> Vec<PiiType> {
        let kinds: BTreeSet<PiiType> = self.spans(text).into_iter().map(|(span, _)| span.kind).collect();
        kinds.into_iter().collect()
    }

    /// The personal data in `text`: byte ranges on character boundaries, in order, apart. Placeholders that `mask` wrote
    /// are not searched, and what is found does not change when the rest is masked, so masking is idempotent.
    pub fn find(&self, text: &str) -> Vec<PiiSpan> {
        self.spans(text).into_iter().map(|(span, _)| span).collect()
    }

    /// `text` with a placeholder for each piece of personal data: `<email>`, or `<email:1f3a9c0b2d4e>` with a key.
    /// Borrows the text where there is none.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let spans = self.spans(text);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for (span, pseudonym) in spans {
            out.push_str(&text[from..span.start]);
            out.push('<');
            out.push_str(span.kind.name());
            if let Some(pseudonym) = pseudonym {
                out.push(':');
                out.push_str(&pseudonym);
            }
            out.push('>');
            from = span.end;
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }

    /// Spans with their pseudonyms, to the fixed point: found pieces become opaque, and the rest is searched again.
    fn spans(&self, text: &str) -> Vec<(PiiSpan, Option<String>)> {
        let mut all = Vec::new();
        let mut view = View::of(text);
        for _ in 0..PASSES_MAX {
            let found = resolve::resolve(&view.text, self.propose(&view.text));
            if found.is_empty() {
                break;
            }
            for piece in &found {
                let span = PiiSpan {
                    start: view.original(piece.start),
                    end: view.original(piece.end),
                    kind: piece.kind,
                };
                let pseudonym = self
                    .key
                    .as_ref()
                    .map(|key| key.pseudonym(piece.kind, &view.text[piece.start..piece.end]));
                all.push((span, pseudonym));
            }
            let places: Vec<_> = found.iter().map(|piece| (piece.start, piece.end)).collect();
            view = view.without(&places);
        }
        all.sort_by_key(|(span, _)| span.start);
        all
    }

    /// What every finder proposes, after one look at which bytes there are.
    fn propose(&self, text: &str) -> Vec<Found> {
        let signs = Signs::of(text);
        let mut found = Vec::new();
        if signs.has(Signs::AT | Signs::BRACKET) || (signs.has(Signs::LETTER) && text.contains(" dot ")) {
            email::find(text, &mut found);
        }
        if signs.has(Signs::DIGIT) {
            number::find(text, &mut found);
            tokens::find(text, &mut found);
        }
        if signs.has(Signs::COLON) {
            network::find_colons(text, &mut found);
        }
        if signs.has(Signs::DIGIT | Signs::COLON | Signs::EQUALS) {
            secret::find(text, &mut found);
        }
        if signs.has(Signs::LETTER) && self.kinds.contains(&PiiType::Name) {
            name::find(text, &mut found);
        }
        if signs.has(Signs::WIDE) && self.kinds.contains(&PiiType::Name) {
            name_zh::find(text, &mut found);
        }
        if signs.has(Signs::DIGIT) && self.kinds.contains(&PiiType::Address) {
            address::find(text, &mut found);
        }
        found.retain(|piece| self.kinds.contains(&piece.kind));
        if self.kinds.contains(&PiiType::OrderNumber) {
            let matches = self.orders.iter().flat_map(|order| order.find_iter(text));
            found.extend(matches.map(|m| Found {
                start: m.start(),
                end: m.end(),
                kind: PiiType::OrderNumber,
                certainty: certainty::ORDER_NUMBER,
            }));
        }
        found
    }
}

/// Which classes of bytes a text holds: what none of could start a match is rejected by one fast pass.
struct Signs(u8);

impl Signs {
    const DIGIT: u8 = 1;
    const AT: u8 = 2;
    const COLON: u8 = 4;
    const EQUALS: u8 = 8;
    const LETTER: u8 = 16;
    const WIDE: u8 = 32;
    const BRACKET: u8 = 64;

    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = match byte as u8 {
                b'0'..=b'9' => Self::DIGIT,
                b'@' => Self::AT,
                b':' => Self::COLON,
                b'=' => Self::EQUALS,
                b'a'..=b'z' | b'A'..=b'Z' => Self::LETTER,
                b'(' | b'[' | b'{' => Self::BRACKET,
                0xc3..=0xdf => Self::LETTER,
                0xe3..=0xff => Self::WIDE,
                _ => 0,
            };
            byte += 1;
        }
        table
    };

    fn of(text: &str) -> Self {
        Self(
            text.bytes()
                .fold(0, |signs, byte| signs | Self::TABLE[usize::from(byte)]),
        )
    }

    fn has(&self, any: u8) -> bool {
        self.0 & any != 0
    }
}

/// Rules that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PiiRuleError {
    /// A declared order number pattern is not usable.
    Pattern {
        /// The pattern (its first 200 characters).
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// More patterns than the bound.
    TooManyPatterns {
        /// How many were declared.
        count: usize,
    },
    /// The key of the pseudonyms could be guessed.
    ShortKey {
        /// Its length.
        bytes: usize,
    },
}

impl PiiRuleError {
    /// The way out.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Pattern { .. } => {
                "write a pattern such as `DM-\\d{5}`; look-around and back references are not available"
            }
            Self::TooManyPatterns { .. } => "join patterns with `|`",
            Self::ShortKey { .. } => "use a random key of at least 16 bytes, for instance from `openssl rand -hex 32`",
        }
    }
}

impl std::fmt::Display for PiiRuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pattern { pattern, message } => write!(f, "order number pattern `{pattern}`: {message}"),
            Self::TooManyPatterns { count } => write!(f, "{count} order number patterns, at most {PATTERNS_MAX}"),
            Self::ShortKey { bytes } => write!(
                f,
                "the pseudonym key has {bytes} bytes, at least {KEY_BYTES_MIN} are needed"
            ),
        }
    }
}

impl std::error::Error for PiiRuleError {}
