//! The rows of a document whose shape is known.

use super::Shape;
use super::content::{Content, Stepped};
use super::walker::{Step, Walker};
use crate::error::Result;
use crate::rejects::RAW_MAX_BYTES;
use crate::sources::LandRequest;
use crate::sources::json_line::JsonLine;
use crate::sources::landing::Fault;
use crate::sources::lines::Place;
use crate::sources::objects::{Object, Objects};

/// Reads the rows one after the other.
pub(super) struct Elements<'a> {
    shape: &'a Shape,
    walker: Walker<'a>,
    row_max_bytes: usize,
    json: JsonLine,
    /// For what stands around the rows: it is checked and left out.
    around: JsonLine,
    /// The start of the document, until it gave a row.
    start: Option<(Place, Vec<u8>)>,
    /// Whether the documents are objects that follow each other; unknown in the first.
    is_one_of_many: bool,
    /// Whether the document is an array.
    is_array: bool,
    is_done: bool,
}

impl<'a> Elements<'a> {
    pub(super) fn open(request: &'a LandRequest<'a>, shape: &'a Shape, progress: &'a dyn Fn(u64)) -> Result<Self> {
        let mut content = Content::open(request, progress)?;
        let is_array = content.peek()? == Some(b'[');
        let start = Some((content.place(), content.start()));
        Ok(Self {
            shape,
            walker: Walker::new(content),
            row_max_bytes: request.limits.row_max_bytes,
            json: JsonLine::default(),
            around: JsonLine::default(),
            start,
            is_one_of_many: false,
            is_array,
            is_done: false,
        })
    }

    /// Rejects what is left. If there was no row yet, that is the whole document.
    fn broken(&mut self, place: Place, why: &str, raw: Option<Vec<u8>>) -> Result<Object> {
        let rest = self.walker.content.rest()?;
        self.is_done = true;
        let raw = raw.unwrap_or(rest);
        let (place, raw) = self.start.take().unwrap_or((place, raw));
        let hint = format!("not JSON from here on: {why}; mend it where it is made");
        Ok(Object {
            place,
            fault: Some((Fault::new("json", hint), raw)),
        })
    }

    /// Takes the value where the walker is as a row.
    fn element(&mut self, first: u8) -> Result<Object> {
        let place = self.walker.content.place();
        let is_element = self.walker.is_in_array();
        let from = match self.walker.content.step_over(self.row_max_bytes)? {
            Stepped::Whole(from) => from,
            Stepped::Long(start) => {
                self.start = None;
                return Ok(Object {
                    place,
                    fault: Some((Fault::too_long(self.row_max_bytes), start)),
                });
            }
            Stepped::Cut(start) => return self.broken(place, "it ends within a value", Some(start)),
        };
        self.start = None;
        let content = &self.walker.content;
        let raw = content.bytes_from(from);
        let read = match str::from_utf8(raw) {
            Err(_) => Err(Fault::encoding(content.encoding().name())),
            Ok(text) if is_element && self.shape.is_of_values => self.json.read_value(text),
            Ok(text) if is_element || self.is_one_of_many => self.json.read(text),
            Ok(text) if first != b'{' => self.json.read_value(text),
            // Nothing but an object of its own: what cannot be columns is kept as it is written.
            Ok(text) => self.json.read(text).or_else(|_| self.json.read_value(text)),
        };
        let fault = read
            .err()
            .map(|fault| (fault, raw[..raw.len().min(RAW_MAX_BYTES)].to_vec()));
        Ok(Object { place, fault })
    }

    /// Steps over a value that is no row; whether it is JSON. One longer than a row may be is not looked at.
    fn is_right(&mut self) -> Result<bool> {
        Ok(match self.walker.content.step_over(self.row_max_bytes)? {
            Stepped::Whole(from) => str::from_utf8(self.walker.content.bytes_from(from))
                .is_ok_and(|text| self.around.read_value(text).is_ok()),
            Stepped::Long(_) => true,
            Stepped::Cut(_) => false,
        })
    }
}

impl Objects for Elements<'_> {
    fn next(&mut self) -> Result<Option<Object>> {
        while !self.is_done {
            let place = self.walker.content.place();
            match self.walker.next()? {
                Step::Nothing => break,
                Step::Broken(why) => {
                    let place = self.walker.content.place();
                    return self.broken(place, why, None).map(Some);
                }
                Step::Behind { next: None, .. } => break,
                Step::Behind {
                    next: Some(b'{'),
                    is_on_later_line: true,
                } if self.shape.path.is_empty() && !self.is_array => {
                    self.is_one_of_many = true;
                    self.walker.start();
                }
                Step::Behind { .. } => {
                    let place = self.walker.content.place();
                    return self
                        .broken(place, "something stands behind the document", None)
                        .map(Some);
                }
                Step::Value(first) => {
                    let path = self.walker.path();
                    let target = &self.shape.path;
                    let is_target = path == target;
                    if self.walker.is_in_array() || (is_target && first != b'[') {
                        return self.element(first).map(Some);
                    }
                    if is_target || (first == b'{' && target.starts_with(path) && self.walker.may_enter()) {
                        self.walker.enter();
                    } else if !self.is_right()? {
                        return self.broken(place, "a value around the rows is wrong", None).map(Some);
                    }
                }
            }
        }
        Ok(None)
    }

    fn json(&self) -> &JsonLine {
        &self.json
    }
}
