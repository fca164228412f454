//! Reading the keys of a recipe: numbers within ranges, flags, and names that are known.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::kind::RecipeProblem;
use crate::table::RoleChoice;

/// Reads back a recipe that was checked.
///
/// # Errors
/// When it was not.
pub fn from_checked<R: DeserializeOwned>(value: &Value, model: &str) -> Result<R> {
    serde_json::from_value(value.clone()).map_err(|error| Error::Examples {
        model: model.into(),
        message: format!("the recipe was not checked: {error}"),
        hint: "pass the recipe through `check_recipe` first".into(),
    })
}

/// Reads the key `columns`: how columns of a table are used.
pub fn role_choices(reading: &mut Reading, written: &Map<String, Value>) {
    let must = (
        "must say `category`, `text` or `skip` of each column",
        "columns = { notes = \"text\", agent_id = \"skip\" }",
    );
    let choices = |value: &Value| {
        let read: std::result::Result<BTreeMap<String, RoleChoice>, _> = serde_json::from_value(value.clone());
        read.ok().map(|_| value.clone())
    };
    reading.other(written, "columns", choices, must);
}

/// A key that is a number.
#[derive(Debug, Clone, Copy)]
pub struct NumberKey {
    /// The key.
    pub key: &'static str,
    /// Its value if it is not given.
    pub default: f64,
    /// Its least value.
    pub least: f64,
    /// Its largest value.
    pub most: f64,
    /// Whether it is a whole number.
    pub whole: bool,
}

/// A whole number: key, default, least, most.
pub const fn whole(key: &'static str, default: f64, least: f64, most: f64) -> NumberKey {
    NumberKey {
        key,
        default,
        least,
        most,
        whole: true,
    }
}

/// A number: key, default, least, most.
pub const fn number(key: &'static str, default: f64, least: f64, most: f64) -> NumberKey {
    NumberKey {
        whole: false,
        ..whole(key, default, least, most)
    }
}

/// A recipe being read: what is good goes into `full`, what is not into `problems`.
#[derive(Debug, Default)]
pub struct Reading {
    /// Keys with their values.
    pub full: Map<String, Value>,
    /// What is wrong.
    pub problems: Vec<RecipeProblem>,
    known: Vec<&'static str>,
}

impl Reading {
    /// Reads numbers, or takes their defaults.
    pub fn numbers(&mut self, written: &Map<String, Value>, keys: &[NumberKey]) {
        for key in keys {
            self.known.push(key.key);
            let value = written.get(key.key).map_or(Some(key.default), Value::as_f64);
            let fits = |v: &f64| (key.least..=key.most).contains(v) && (!key.whole || v.fract() == 0.0);
            let Some(value) = value.filter(fits) else {
                let number = if key.whole { "a whole number" } else { "a number" };
                self.wrong(
                    key.key,
                    &format!("must be {number} from {} to {}", key.least, key.most),
                    &format!("the default is {}", key.default),
                );
                continue;
            };
            let value = if key.whole { (value as u64).into() } else { value.into() };
            self.full.insert(key.key.into(), value);
        }
    }

    /// Reads flags, or takes their defaults.
    pub fn flags(&mut self, written: &Map<String, Value>, keys: &[(&'static str, bool)]) {
        for (key, default) in keys {
            self.known.push(key);
            match written.get(*key).map_or(Some(*default), Value::as_bool) {
                Some(flag) => _ = self.full.insert((*key).into(), flag.into()),
                None => self.wrong(key, "must be true or false", &format!("the default is {default}")),
            }
        }
    }

    /// Reads a value that need not be there; `read` gives it back as it is to be kept, or nothing if it does not fit.
    pub fn other(
        &mut self,
        written: &Map<String, Value>,
        key: &'static str,
        read: impl Fn(&Value) -> Option<Value>,
        (must, hint): (&str, &str),
    ) {
        self.known.push(key);
        let Some(value) = written.get(key).filter(|value| !value.is_null()) else {
            return;
        };
        match read(value) {
            Some(value) => _ = self.full.insert(key.into(), value),
            None => self.wrong(key, must, hint),
        }
    }

    /// The recipe, or what is wrong with it.
    pub fn finish<R: DeserializeOwned>(self) -> std::result::Result<R, Vec<RecipeProblem>> {
        let recipe: Option<R> = serde_json::from_value(Value::Object(self.full)).ok();
        recipe.filter(|_| self.problems.is_empty()).ok_or(self.problems)
    }

    /// Notes what is wrong with a key.
    pub fn wrong(&mut self, key: &str, message: &str, hint: &str) {
        self.problems.push(RecipeProblem {
            key: key.into(),
            message: format!("`{key}` {message}"),
            hint: hint.into(),
        });
    }

    /// Finds keys that are not known, `others` being read elsewhere.
    pub fn check_known(&mut self, written: &Map<String, Value>, others: &[&'static str], kind: &str) {
        let known: Vec<&str> = self.known.iter().chain(others).copied().collect();
        for key in written.keys().filter(|key| !known.contains(&key.as_str())) {
            self.wrong(
                key,
                &format!("is not a key of the {kind} recipe"),
                &format!("known keys: {}", known.join(", ")),
            );
        }
    }
}
