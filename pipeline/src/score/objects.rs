//! One line of JSON -> the members of its object, each value as it is written. What the values mean is no matter here.

use std::collections::HashSet;

use deskmill_models::kind::Signature;
use serde::de::IgnoredAny;

use super::read::Lines;
use super::{kept_names, wrong};
use crate::error::Result;

/// The name of a field and its value as it stands in the line.
pub(super) type Member<'a> = (String, &'a str);

/// What to do about a line that is not an object.
pub(super) const NOT_JSON_HINT: &str = "write one whole JSON object in each line, each field once";

/// The objects of a text.
pub(super) struct Objects {
    /// Where they come from.
    pub lines: Lines,
    line: Vec<u8>,
}

impl Objects {
    pub(super) fn new(lines: Lines) -> Self {
        Self {
            lines,
            line: Vec::new(),
        }
    }

    /// Reads the next line that is not blank; false at the end.
    pub(super) fn next(&mut self) -> Result<bool> {
        while self.lines.next(&mut self.line, 0)? {
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The members of the object in the line read last.
    pub(super) fn members(&self) -> Result<Vec<Member<'_>>> {
        let text = str::from_utf8(self.line.trim_ascii())
            .map_err(|_| self.lines.wrong("it is not UTF-8 text", "save the file as UTF-8"))?;
        members(text).map_err(|message| self.lines.wrong(message, NOT_JSON_HINT))
    }

    /// The members as they are written, under the names they have beside the outputs.
    pub(super) fn keep(&self, members: Vec<Member<'_>>, signature: &Signature) -> Result<Vec<(String, String)>> {
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        let kept = kept_names(&names, signature).map_err(|message| {
            let place = format!("line {}", self.lines.line);
            wrong(&self.lines.name, place, message, "give one of the two another name")
        })?;
        Ok(kept
            .into_iter()
            .zip(members)
            .map(|(name, (_, raw))| (name, raw.to_owned()))
            .collect())
    }
}

/// The members of a JSON object, each value as it is written. The text has no white space around it.
fn members(text: &str) -> std::result::Result<Vec<Member<'_>>, String> {
    let inside = text.strip_prefix('{').ok_or("it is not a JSON object")?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| reason(&error))?;
    // The text is valid JSON from here on, so commas and colons outside of texts and brackets part the members.
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    let mut found: Vec<Member<'_>> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |start: usize, colon: usize, end: usize| {
        let name: String = serde_json::from_str(&inside[start..colon]).map_err(|error| reason(&error))?;
        if !seen.insert(name.clone()) {
            return Err(format!("field `{name}` stands there twice"));
        }
        found.push((name, inside[colon + 1..end].trim_ascii()));
        Ok(())
    };
    let (mut depth, mut is_text, mut is_escaped, mut start, mut colon) = (0_usize, false, false, 0, 0);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b':' if depth == 0 => colon = at,
            b',' if depth == 0 => {
                add(start, colon, at)?;
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inside.trim_ascii().is_empty() {
        add(start, colon, inside.len())?;
    }
    Ok(found)
}

/// A value as text: a JSON text as what it says, null as null, all else as it is written.
pub(super) fn as_text(raw: &str) -> std::result::Result<Option<String>, String> {
    match raw.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => serde_json::from_str(raw).map(Some).map_err(|error| reason(&error)),
        _ => Ok(Some(raw.to_owned())),
    }
}

/// The parser's words without its own line number, which is always 1.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    format!("it is not valid JSON: {words} (column {})", error.column())
}
