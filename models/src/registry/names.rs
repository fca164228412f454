//! Which names the registry accepts, and how a version is named: `intent@prod`, `intent@7`, `intent`. Names become
//! object paths, so everything else is refused before a path is made of it.

use std::fmt;

use super::objects::refused;
use crate::error::Result;

/// The alias that answers when nobody asks for another.
pub const PROD: &str = "prod";
/// The fitted model in a version.
pub const MODEL_FILE: &str = "model.safetensors";
/// The golden rows in a version.
pub const GOLDEN_FILE: &str = "golden.parquet";
/// What a version consists of; written last, so a version that has one is whole.
pub(super) const MANIFEST_FILE: &str = "manifest.json";
/// Whose number it is.
pub(super) const CLAIM_FILE: &str = "claim.json";

const NAME_MAX_BYTES: usize = 64;
const FILE_NAME_MAX_BYTES: usize = 128;

/// Which version of a model is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The one that [`PROD`] names.
    Default,
    /// This one.
    Version(u64),
    /// The one this alias names.
    Alias(String),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Default => f.write_str(PROD),
            Wanted::Version(version) => write!(f, "{version}"),
            Wanted::Alias(alias) => f.write_str(alias),
        }
    }
}

/// Reads `model`, `model@version` or `model@alias`.
///
/// ```
/// use deskmill_models::registry::{Wanted, parse_reference};
/// assert_eq!(parse_reference("intent@7").unwrap(), ("intent".to_owned(), Wanted::Version(7)));
/// assert!(parse_reference("../etc/passwd").is_err());
/// ```
///
/// # Errors
/// When a name in it is not one the registry accepts.
pub fn parse_reference(text: &str) -> Result<(String, Wanted)> {
    let (model, wanted) = match text.split_once('@') {
        None => (text, Wanted::Default),
        Some((model, wanted)) if !wanted.is_empty() && wanted.bytes().all(|b| b.is_ascii_digit()) => {
            let version = wanted
                .parse()
                .map_err(|_| bad_name("version", wanted, "a number from 1"))?;
            (model, Wanted::Version(version))
        }
        Some((model, alias)) => {
            check_alias(alias)?;
            (model, Wanted::Alias(alias.to_owned()))
        }
    };
    check_model(model)?;
    Ok((model.to_owned(), wanted))
}

pub(super) const NAME_RULE: &str = "a small letter, then at most 63 small letters, digits, `_` or `-`";

/// Refuses what is not a name of a model.
pub(super) fn check_model(name: &str) -> Result<()> {
    if is_name(name) {
        Ok(())
    } else {
        Err(bad_name("model", name, NAME_RULE))
    }
}

/// Refuses what is not a name of an alias. A number never is one, so `intent@7` has one meaning.
pub(super) fn check_alias(name: &str) -> Result<()> {
    if is_name(name) {
        Ok(())
    } else {
        Err(bad_name("alias", name, NAME_RULE))
    }
}

/// Refuses what is not a name of an encoder.
pub(super) fn check_encoder(name: &str) -> Result<()> {
    if is_name(name) {
        Ok(())
    } else {
        Err(bad_name("encoder", name, NAME_RULE))
    }
}

/// Refuses what is not a plain file name, and the names the registry writes itself.
pub(super) fn check_file(name: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    let starts = name
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let own = name == MANIFEST_FILE || name == CLAIM_FILE;
    if starts && !own && name.len() <= FILE_NAME_MAX_BYTES && name.bytes().all(plain) {
        return Ok(());
    }
    let rule = "small letters, digits, `_`, `-` and `.`, and neither manifest.json nor claim.json";
    Err(bad_name("file", name, rule))
}

/// Whether `name` can be a model, an alias or a kind.
pub(super) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= NAME_MAX_BYTES
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

pub(super) fn bad_name(what: &str, name: &str, rule: &str) -> crate::error::Error {
    // A name from outside can be long or hold control characters; neither may reach a terminal or a log.
    let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
    refused(
        format!("{what} `{shown}`"),
        "is not a name the registry accepts",
        format!("use {rule}"),
    )
}
