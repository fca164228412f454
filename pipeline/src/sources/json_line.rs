//! One JSON object -> names and texts, in one walk that checks the grammar (RFC 8259) as it goes. It keeps what a parsed
//! value would lose: how a number is written (`1.10`, twenty digits), and a key that is there twice.
//!
//! Objects in objects are flattened with `_` (`{"client": {"app": 1}}` is `client_app`); arrays and empty objects are
//! kept as JSON text as written; null is null.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::columns::NAME_MAX_BYTES;
use super::json_walk::{Walk, Wrong, check_depth};
use super::landing::Fault;

/// The column of values that are no objects.
pub(super) const VALUE_COLUMN: &str = "value";

/// The fields of one object. Its buffers are used again for the next.
#[derive(Debug, Default)]
pub(super) struct JsonLine {
    /// All names and values, one behind the other.
    text: String,
    fields: Vec<(Range<usize>, Option<Range<usize>>)>,
    /// The name so far, where the walk is.
    path: String,
    /// Indices of `fields`, for finding a name that is there twice.
    order: Vec<usize>,
    /// All names, a NUL behind each; and those of the last line whose names were good. Mostly they are the same.
    names: String,
    good_names: String,
}

impl JsonLine {
    /// Reads an object; on an error, what [`Self::fields`] gives is of no use.
    pub(super) fn read(&mut self, line: &str) -> Result<(), Fault> {
        self.clear();
        let mut walk = Walk::new(line);
        let read = match walk.peek() {
            b'{' => self.object(&mut walk, 1).and_then(|()| walk.end()),
            _ => Err(Wrong::Json),
        };
        match read {
            Ok(()) if walk.has_nul() => Err(Fault::nul()),
            Ok(()) => self.check_names(),
            Err(Wrong::Row(fault)) => Err(fault),
            Err(Wrong::Json) => Err(no_object(line)),
        }
    }

    /// Reads any value as one field named [`VALUE_COLUMN`]: the text of a string, and all else as it is written. A
    /// string with a NUL in it stays as written too, for no text has one.
    pub(super) fn read_value(&mut self, line: &str) -> Result<(), Fault> {
        self.clear();
        self.path.push_str(VALUE_COLUMN);
        let mut walk = Walk::new(line);
        let read = self.leaf(&mut walk, 0).and_then(|()| walk.end());
        match read {
            Ok(()) if walk.has_nul() => {
                let from = self.text.len();
                self.text.push_str(line.trim_ascii());
                self.fields = vec![(0..VALUE_COLUMN.len(), Some(from..self.text.len()))];
                Ok(())
            }
            Ok(()) => Ok(()),
            Err(Wrong::Row(fault)) => Err(fault),
            Err(Wrong::Json) => Err(not_json(line)),
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
        self.path.clear();
        self.names.clear();
    }

    /// Names and values in the order of the line; a value that is null is none.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, Option<Range<usize>>)> {
        self.fields
            .iter()
            .map(|(name, value)| (&self.text[name.clone()], value.clone()))
    }

    /// What a range of [`Self::fields`] stands for.
    pub(super) fn value(&self, range: Range<usize>) -> &str {
        &self.text[range]
    }

    fn object(&mut self, walk: &mut Walk<'_>, depth: usize) -> Result<(), Wrong> {
        check_depth(depth)?;
        if walk.enter_empty(b'}') {
            return Ok(());
        }
        loop {
            let base = self.path.len();
            if depth > 1 {
                self.path.push('_');
            }
            walk.key(&mut self.path)?;
            if walk.peek() == b'{' && !walk.is_empty_object() {
                self.object(walk, depth + 1)?;
            } else {
                self.leaf(walk, depth)?;
            }
            self.path.truncate(base);
            if walk.ends_or_goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    fn leaf(&mut self, walk: &mut Walk<'_>, depth: usize) -> Result<(), Wrong> {
        let name = self.text.len()..self.text.len() + self.path.len();
        self.text.push_str(&self.path);
        self.names.push_str(&self.path);
        self.names.push('\0');
        let from = self.text.len();
        match walk.peek() {
            b'"' => walk.string(&mut self.text)?,
            b'{' | b'[' => self.text.push_str(walk.nested(depth)?),
            _ => match walk.scalar()? {
                "null" => {
                    self.fields.push((name, None));
                    return Ok(());
                }
                written => self.text.push_str(written),
            },
        }
        self.fields.push((name, Some(from..self.text.len())));
        Ok(())
    }

    fn check_names(&mut self) -> Result<(), Fault> {
        if self.names == self.good_names {
            return Ok(());
        }
        let name = |index: usize| &self.text[self.fields[index].0.clone()];
        self.order.clear();
        self.order.extend(0..self.fields.len());
        self.order.sort_unstable_by_key(|&index| name(index));
        if let Some(twice) = self.order.windows(2).find(|pair| name(pair[0]) == name(pair[1])) {
            let hint = format!(
                "two values for `{}`; objects within objects are flattened with `_`",
                name(twice[0])
            );
            return Err(Fault {
                column: Some(name(twice[0]).to_owned()),
                ..Fault::new("json", hint)
            });
        }
        let is_wrong = |&index: &usize| name(index).trim().is_empty() || name(index).len() > NAME_MAX_BYTES;
        if self.order.iter().any(is_wrong) {
            let hint = format!("a key is empty, or has more than {NAME_MAX_BYTES} bytes together with those around it");
            return Err(Fault::new("json", hint));
        }
        std::mem::swap(&mut self.names, &mut self.good_names);
        Ok(())
    }
}

/// What is wrong with a line that does not start and end as an object.
fn no_object(line: &str) -> Fault {
    match serde_json::from_str::<IgnoredAny>(line) {
        Err(_) => not_json(line),
        Ok(_) => Fault::new("json", "a row is an object; write `{\"name\": value}`"),
    }
}

/// Says where the grammar is broken, in the words that people know.
fn not_json(text: &str) -> Fault {
    let why = match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => error.to_string(),
        Ok(_) => "its grammar is wrong".to_owned(),
    };
    Fault::new("json", format!("not JSON: {why}; mend it where it is made"))
}
