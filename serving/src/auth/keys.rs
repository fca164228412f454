//! The file of keys: TOML, one `[[keys]]` a key, with the digest of the key and never the key itself. A key is 32 random
//! bytes, so one round of SHA-256 is enough: there is nothing to guess.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::problem::Problem;

/// What a key starts with, so that it is known for one when it turns up where it should not.
const PREFIX: &str = "dmk_";
/// More keys than this are hardly meant.
const KEYS_MAX: usize = 10_000;

/// What a key may do with its models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Ask for predictions, and for what a model takes.
    Predict,
    /// Ask what there is: metadata, statistics.
    Read,
    /// Load and unload models, and break rungs of a ladder for a drill.
    Admin,
}

impl Scope {
    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Predict => "predict",
            Scope::Read => "read",
            Scope::Admin => "admin",
        }
    }
}

/// A file of keys that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct KeyProblem {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    name: String,
    digest: [u8; 32],
    scopes: Vec<Scope>,
    /// Exact names; none for all models.
    models: Option<Vec<String>>,
    requests_per_minute: Option<u32>,
    /// Requests it may still make, and when that was counted.
    allowance: Mutex<Option<(f64, Instant)>>,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.digest == other.digest
            && self.scopes == other.scopes
            && self.models == other.models
            && self.requests_per_minute == other.requests_per_minute
    }
}

impl Key {
    /// Whether it has a scope. Who predicts may also read.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || scope == Scope::Read && self.scopes.contains(&Scope::Predict)
    }

    /// Whether it is for that model.
    pub(crate) fn sees(&self, model: &str) -> bool {
        self.models
            .as_ref()
            .is_none_or(|models| models.iter().any(|name| name == model))
    }

    /// Whether it is for all models.
    pub(crate) fn sees_all(&self) -> bool {
        self.models.is_none()
    }

    /// Takes one request out of what it may make: a bucket that holds a minute's worth and fills evenly.
    fn take_one(&self, now: Instant) -> Result<(), Problem> {
        let Some(per_minute) = self.requests_per_minute else {
            return Ok(());
        };
        let full = f64::from(per_minute);
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, counted) = allowance.unwrap_or((full, now));
        let left = (left + now.duration_since(counted).as_secs_f64() * full / 60.0).min(full);
        if left < 1.0 {
            *allowance = Some((left, now));
            let wait_s = ((1.0 - left) * 60.0 / full).ceil() as u64;
            return Err(Problem::too_many(per_minute, wait_s));
        }
        *allowance = Some((left - 1.0, now));
        Ok(())
    }
}

/// The keys of a server.
#[derive(Debug, PartialEq)]
pub struct Keys(Vec<Arc<Key>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sha256: String,
    scopes: Vec<Scope>,
    models: Option<Vec<String>>,
    requests_per_minute: Option<u32>,
}

impl Keys {
    /// Reads a file of keys.
    ///
    /// # Errors
    /// When it cannot be read, is not what it should be, or holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyProblem> {
        let problem = |reason: String| KeyProblem {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        Self::parse(&text).map_err(problem)
    }

    /// Reads the text of a file of keys.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The error shows the line, which holds digests at most.
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        if file.keys.is_empty() || file.keys.len() > KEYS_MAX {
            return Err(format!("{} keys; there must be 1 to {KEYS_MAX}", file.keys.len()));
        }
        let mut keys: Vec<Arc<Key>> = Vec::with_capacity(file.keys.len());
        for entry in file.keys {
            let name = entry.name;
            let digest = from_hex(&entry.sha256).ok_or(format!("key `{name}`: sha256 is not 64 hex digits"))?;
            if keys.iter().any(|key| key.name == name || key.digest == digest) {
                return Err(format!("key `{name}`: there are two of this name or with this digest"));
            }
            if entry.requests_per_minute == Some(0) || entry.scopes.is_empty() {
                return Err(format!("key `{name}`: it may do nothing; take it out instead"));
            }
            keys.push(Arc::new(Key {
                name,
                digest,
                scopes: entry.scopes,
                models: entry.models,
                requests_per_minute: entry.requests_per_minute,
                allowance: Mutex::default(),
            }));
        }
        Ok(Self(keys))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: a file without keys is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.name.as_str())
    }

    /// The key that was sent. All are compared, each to its end, so that the time taken tells nothing of them.
    pub(super) fn find(&self, written: &str) -> Result<Arc<Key>, Problem> {
        let digest: [u8; 32] = Sha256::digest(written.as_bytes()).into();
        let mut found = None;
        for key in &self.0 {
            let differs = key
                .digest
                .iter()
                .zip(&digest)
                .fold(0, |differs, (a, b)| differs | (a ^ b));
            if std::hint::black_box(differs) == 0 {
                found = Some(key);
            }
        }
        let key = found.ok_or_else(|| Problem::unauthorized("this key is not known here"))?;
        key.take_one(Instant::now())?;
        Ok(Arc::clone(key))
    }
}

/// A key to be made.
pub struct NewKey<'a> {
    /// Its name, for people.
    pub name: &'a str,
    /// What it may do.
    pub scopes: &'a [Scope],
    /// With which models; all if there are none.
    pub models: &'a [String],
    /// Requests it may make in a minute.
    pub requests_per_minute: Option<u32>,
}

/// Makes a key: the key itself, to be shown once, and its lines of the file.
///
/// # Errors
/// When the system has no random bytes.
pub fn new_key(new: &NewKey<'_>) -> std::io::Result<(String, String)> {
    let mut random = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let key = format!("{PREFIX}{}", hex(&random));
    // Every JSON string is a TOML string, too.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let list = |texts: Vec<String>| texts.join(", ");
    let scopes = new.scopes.iter().map(|scope| quoted(scope.name())).collect();
    let mut lines = format!(
        "[[keys]]\nname = {}\nsha256 = \"{}\"\nscopes = [{}]\n",
        quoted(new.name),
        hex(&Sha256::digest(key.as_bytes())),
        list(scopes),
    );
    if !new.models.is_empty() {
        let models = new.models.iter().map(|model| quoted(model)).collect();
        lines.push_str(&format!("models = [{}]\n", list(models)));
    }
    if let Some(limit) = new.requests_per_minute {
        lines.push_str(&format!("requests_per_minute = {limit}\n"));
    }
    Ok((key, lines))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes().as_chunks::<2>();
    let (pairs, []) = digits else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_new_key_is_found_by_itself_only() {
        let new = NewKey {
            name: "the \"shop\"",
            scopes: &[Scope::Predict, Scope::Admin],
            models: &["intent".to_owned()],
            requests_per_minute: Some(9),
        };
        let (key, lines) = new_key(&new).unwrap();
        assert!(!lines.contains(&key));
        let keys = Keys::parse(&lines).unwrap();
        assert_eq!(keys.names().collect::<Vec<_>>(), ["the \"shop\""]);
        let found = keys.find(&key).unwrap();
        assert!(found.sees("intent") && !found.sees("routing") && !found.sees_all());
        assert!(found.has(Scope::Read) && found.has(Scope::Admin));
        assert!(keys.find(&key[..key.len() - 1]).is_err());
        assert!(keys.find("").is_err());
        assert_ne!(new_key(&new).unwrap().0, key);
    }

    #[test]
    fn files_that_are_wrong_are_told_why() {
        let digest = "0".repeat(64);
        let key = |name: &str, rest: &str| format!("[[keys]]\nname = \"{name}\"\nsha256 = \"{digest}\"\n{rest}\n");
        let mut told = String::new();
        for text in [
            String::new(),
            key("a", "scopes = []"),
            key("a", "scopes = [\"read\"]\nrequests_per_minute = 0"),
            key("a", "scopes = [\"read\"]") + &key("b", "scopes = [\"read\"]"),
            "[[keys]]\nname = \"a\"\nsha256 = \"abc\"\nscopes = [\"read\"]".to_owned(),
        ] {
            told.push_str(&Keys::parse(&text).unwrap_err());
            told.push('\n');
        }
        insta::assert_snapshot!(told, @"
        0 keys; there must be 1 to 10000
        key `a`: it may do nothing; take it out instead
        key `a`: it may do nothing; take it out instead
        key `b`: there are two of this name or with this digest
        key `a`: sha256 is not 64 hex digits
        ");
        assert!(
            Keys::parse(&key("a", "scopes = [\"fly\"]"))
                .unwrap_err()
                .contains("fly")
        );
        assert!(
            Keys::parse(&key("a", "scope = [\"read\"]"))
                .unwrap_err()
                .contains("scope")
        );
    }

    #[test]
    fn an_allowance_fills_evenly() {
        let lines = format!(
            "[[keys]]\nname = \"a\"\nsha256 = \"{}\"\nscopes = [\"read\"]\nrequests_per_minute = 2",
            "0".repeat(64)
        );
        let keys = Keys::parse(&lines).unwrap();
        let (key, start) = (&keys.0[0], Instant::now());
        let asked = [0, 0, 1, 30, 31, 200, 200, 200].map(|s| key.take_one(start + Duration::from_secs(s)).is_ok());
        assert_eq!(asked, [true, true, false, true, false, true, true, false]);
    }
}
