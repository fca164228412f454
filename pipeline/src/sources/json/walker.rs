//! Walks a JSON document from value to value. It checks what stands between values; the values themselves are entered,
//! skipped or taken by whoever walks.

use super::content::{Content, Stepped};
use crate::error::Result;
use crate::sources::json_walk::DEPTH_MAX;

/// The longest name that can lead to rows, as it is written.
const KEY_MAX_BYTES: usize = 64 * 1024;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no document at all.
    Nothing,
    /// The walker stands before a value with this first byte; it is to be entered or stepped over.
    Value(u8),
    /// The document is over; what stands behind it, and whether that starts on a later line.
    Behind { next: Option<u8>, is_on_later_line: bool },
    /// It goes on as no JSON does.
    Broken(&'static str),
}

/// What the walker is in.
struct Level {
    is_array: bool,
    is_empty: bool,
}

/// A place in a document.
pub(super) struct Walker<'a> {
    /// The document.
    pub content: Content<'a>,
    levels: Vec<Level>,
    /// The names of the objects that are entered, each that of the value where the walker is.
    path: Vec<String>,
    is_started: bool,
}

impl<'a> Walker<'a> {
    pub(super) fn new(content: Content<'a>) -> Self {
        Self {
            content,
            levels: Vec::new(),
            path: Vec::new(),
            is_started: false,
        }
    }

    /// The names that lead to the value where the walker is, up to the array it is in.
    pub(super) fn path(&self) -> &[String] {
        &self.path
    }

    /// Whether the value is an element of an array.
    pub(super) fn is_in_array(&self) -> bool {
        self.levels.last().is_some_and(|level| level.is_array)
    }

    /// Begins again with the document behind the last.
    pub(super) fn start(&mut self) {
        self.is_started = false;
    }

    /// The next step.
    pub(super) fn next(&mut self) -> Result<Step> {
        if !self.is_started {
            self.is_started = true;
            return Ok(match self.content.peek()? {
                None => Step::Nothing,
                Some(first) => value(first),
            });
        }
        loop {
            let line = self.content.place().line;
            let found = self.content.peek()?;
            let Some(level) = self.levels.last_mut() else {
                let is_on_later_line = self.content.place().line > line;
                return Ok(Step::Behind {
                    next: found,
                    is_on_later_line,
                });
            };
            let is_array = level.is_array;
            let Some(found) = found else {
                return Ok(Step::Broken("it ends too soon"));
            };
            if !is_array && !level.is_empty {
                self.path.pop();
            }
            if found == if is_array { b']' } else { b'}' } {
                self.content.advance(1);
                self.levels.pop();
                continue;
            }
            if !std::mem::replace(&mut level.is_empty, false) {
                if found != b',' {
                    return Ok(Step::Broken("there is no comma between two values"));
                }
                self.content.advance(1);
            }
            if is_array {
                return Ok(self.content.peek()?.map_or(Step::Broken("it ends too soon"), value));
            }
            return self.member();
        }
    }

    /// Goes over a name and its colon, to its value.
    fn member(&mut self) -> Result<Step> {
        if self.content.peek()? != Some(b'"') {
            return Ok(Step::Broken("a name in quotes is missing"));
        }
        let key = match self.content.step_over(KEY_MAX_BYTES)? {
            Stepped::Whole(from) => match serde_json::from_slice(self.content.bytes_from(from)) {
                Ok(key) => key,
                Err(_) => return Ok(Step::Broken("a name is not JSON text")),
            },
            // No name of `items` is empty, and none is that long.
            Stepped::Long(_) => String::new(),
            Stepped::Cut(_) => return Ok(Step::Broken("it ends within a name")),
        };
        self.path.push(key);
        if self.content.peek()? != Some(b':') {
            return Ok(Step::Broken("there is no colon behind a name"));
        }
        self.content.advance(1);
        Ok(self.content.peek()?.map_or(Step::Broken("it ends too soon"), value))
    }

    /// Steps into the object or array where the walker is.
    pub(super) fn enter(&mut self) {
        let is_array = self.content.first() == Some(b'[');
        self.content.advance(1);
        self.levels.push(Level {
            is_array,
            is_empty: true,
        });
    }

    /// Whether the walker may enter one more.
    pub(super) fn may_enter(&self) -> bool {
        self.levels.len() < DEPTH_MAX
    }

    /// Steps over the value where the walker is, unseen.
    pub(super) fn skip(&mut self) -> Result<()> {
        self.content.step_over(0)?;
        Ok(())
    }
}

/// What stands where a value should.
fn value(first: u8) -> Step {
    match first {
        b',' | b':' | b']' | b'}' => Step::Broken("a value is missing"),
        first => Step::Value(first),
    }
}
