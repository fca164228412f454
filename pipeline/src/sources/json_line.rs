//! One JSON object -> names and texts. serde_json says whether the line is JSON; the walk over it afterwards keeps what a
//! parsed value would lose: how a number is written (`1.10`, twenty digits), and a key that is there twice.
//!
//! Objects in objects are flattened with `_` (`{"client": {"app": 1}}` is `client_app`); arrays and empty objects are
//! kept as JSON text as written; null is null.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::columns::NAME_MAX_BYTES;
use super::landing::Fault;
use super::lines::find_either;

/// Objects and arrays in each other; deeper ones are an attack on whoever reads them.
const DEPTH_MAX: usize = 128;

/// The fields of one line. Its buffers are used again for the next.
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
    /// Reads a line; on an error, what [`Self::fields`] gives is of no use.
    pub(super) fn read(&mut self, line: &str) -> Result<(), Fault> {
        self.text.clear();
        self.fields.clear();
        self.path.clear();
        self.names.clear();
        if let Err(error) = serde_json::from_str::<IgnoredAny>(line) {
            return Err(Fault::new(
                "json",
                format!("not JSON: {error}; write one object a line"),
            ));
        }
        let mut walk = Walk { line, at: 0 };
        if walk.peek() != b'{' {
            return Err(Fault::new(
                "json",
                "a row is an object; write one `{\"name\": value}` a line",
            ));
        }
        self.object(&mut walk, 1)?;
        self.check_names()
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

    fn object(&mut self, walk: &mut Walk<'_>, depth: usize) -> Result<(), Fault> {
        check_depth(depth)?;
        walk.at += 1;
        loop {
            match walk.peek() {
                b'"' => {}
                b',' => {
                    walk.at += 1;
                    continue;
                }
                b'}' => {
                    walk.at += 1;
                    return Ok(());
                }
                _ => return Err(unexpected()),
            }
            let base = self.path.len();
            if depth > 1 {
                self.path.push('_');
            }
            walk.string(&mut self.path)?;
            walk.peek();
            walk.at += 1; // the colon
            if walk.peek() == b'{' && !walk.is_empty_object() {
                self.object(walk, depth + 1)?;
            } else {
                self.leaf(walk, depth)?;
            }
            self.path.truncate(base);
        }
    }

    fn leaf(&mut self, walk: &mut Walk<'_>, depth: usize) -> Result<(), Fault> {
        let name = self.text.len()..self.text.len() + self.path.len();
        self.text.push_str(&self.path);
        self.names.push_str(&self.path);
        self.names.push('\0');
        let from = self.text.len();
        match walk.peek() {
            b'"' => walk.string(&mut self.text)?,
            b'{' | b'[' => self.text.push_str(walk.nested(depth)?),
            _ => match walk.scalar() {
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
        if self.text.as_bytes().contains(&0) {
            return Err(Fault::nul());
        }
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

/// A place in a line that is known to be JSON. It never leaves the line, whatever stands in it.
struct Walk<'l> {
    line: &'l str,
    at: usize,
}

impl<'l> Walk<'l> {
    /// Steps over white space; the byte behind it, 0 at the end.
    fn peek(&mut self) -> u8 {
        while matches!(self.byte(), b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
        self.byte()
    }

    fn byte(&self) -> u8 {
        self.line.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    /// Appends the text of the string that starts here.
    fn string(&mut self, to: &mut String) -> Result<(), Fault> {
        let from = self.at;
        let has_escape = self.skip_string()?;
        let token = self.line.get(from..self.at).unwrap_or_default();
        if has_escape {
            let text: String = serde_json::from_str(token)
                .map_err(|error| Fault::new("json", format!("{token:.80} is no text: {error}; mend its escapes")))?;
            to.push_str(&text);
        } else {
            to.push_str(token.get(1..token.len().saturating_sub(1)).unwrap_or_default());
        }
        Ok(())
    }

    /// Steps over the string that starts here; whether there is an escape in it.
    fn skip_string(&mut self) -> Result<bool, Fault> {
        let mut has_escape = false;
        self.at += 1;
        loop {
            let rest = self.line.as_bytes().get(self.at..).unwrap_or_default();
            let Some(skipped) = find_either(rest, b'"', b'\\') else {
                return Err(unexpected());
            };
            if rest[skipped] == b'"' {
                self.at += skipped + 1;
                return Ok(has_escape);
            }
            has_escape = true;
            self.at += skipped + 2;
        }
    }

    fn is_empty_object(&self) -> bool {
        let rest = self.line.as_bytes().get(self.at + 1..).unwrap_or_default();
        rest.trim_ascii_start().first() == Some(&b'}')
    }

    /// The array or object that starts here, as written.
    fn nested(&mut self, around: usize) -> Result<&'l str, Fault> {
        let from = self.at;
        let mut depth = 0;
        loop {
            match self.byte() {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'[' | b'{' => {
                    depth += 1;
                    check_depth(around + depth)?;
                }
                b']' | b'}' => depth -= 1,
                0 => return Err(unexpected()),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(self.line.get(from..self.at).unwrap_or_default());
            }
        }
    }

    /// The number, `true`, `false` or `null` that starts here.
    fn scalar(&mut self) -> &'l str {
        let from = self.at;
        while !matches!(self.byte(), b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' | 0) {
            self.at += 1;
        }
        self.line.get(from..self.at).unwrap_or_default()
    }
}

fn check_depth(depth: usize) -> Result<(), Fault> {
    match depth > DEPTH_MAX {
        false => Ok(()),
        true => Err(Fault::new(
            "json",
            format!("objects or arrays stand in each other more than {DEPTH_MAX} deep"),
        )),
    }
}

/// serde_json has said that the line is JSON, so this is not reached; if it were, the row would be a reject.
fn unexpected() -> Fault {
    Fault::new("json", "not JSON; write one object a line")
}
