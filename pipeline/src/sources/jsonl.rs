//! jsonl files: one JSON object a line. Blank lines are not rows; each other line is a row or a reject.

use std::cell::Cell;

use encoding_rs::{Encoding, UTF_8};

use super::LandRequest;
use super::decode::decode;
use super::json_line::JsonLine;
use super::landing::{Fault, TEXT_MAX_BYTES};
use super::lines::{Found, LineEnds, Lines};
use super::objects::{Object, Objects, land_objects};
use crate::error::Result;
use crate::rejects::RAW_MAX_BYTES;

/// Reads a jsonl file; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let told = Cell::new(0);
    // A file that is read twice is not told twice.
    let forward = |read_bytes: u64| {
        if read_bytes > told.replace(told.get().max(read_bytes)) {
            progress(read_bytes);
        }
    };
    match land_objects(request, || Rows::open(request, &forward))? {
        (0, 0) => Err(request.empty()),
        landed => Ok(landed),
    }
}

/// The rows of a file.
struct Rows<'a> {
    lines: Lines<'a>,
    encoding: &'static Encoding,
    row_max_bytes: usize,
    json: JsonLine,
}

impl<'a> Rows<'a> {
    fn open(request: &'a LandRequest<'a>, progress: &'a dyn Fn(u64)) -> Result<Self> {
        let (lines, encoding) = Lines::open(request, LineEnds::Lf, progress)?;
        Ok(Self {
            lines,
            encoding,
            row_max_bytes: request.limits.row_max_bytes,
            json: JsonLine::default(),
        })
    }
}

impl Objects for Rows<'_> {
    fn next(&mut self) -> Result<Option<Object>> {
        loop {
            self.lines.mark();
            let place = self.lines.place();
            let line = match self.lines.next(self.row_max_bytes)? {
                None => return Ok(None),
                Some(Found::Line(line)) => line,
                Some(Found::Long) => {
                    let raw = self.lines.start_of_long(RAW_MAX_BYTES).to_vec();
                    self.lines.skip_line()?;
                    return Ok(Some(Object {
                        place,
                        fault: Some((Fault::too_long(self.row_max_bytes), raw)),
                    }));
                }
            };
            let raw = self.lines.bytes(place.offset, line.content_end);
            let (text, is_text) = decode(self.encoding, raw);
            if text.trim_ascii().is_empty() {
                continue;
            }
            let read = match str::from_utf8(&text) {
                _ if !is_text => Err(Fault::encoding(self.encoding.name())),
                Err(_) => Err(Fault::encoding(UTF_8.name())),
                Ok(_) if text.len() > TEXT_MAX_BYTES => Err(Fault::too_long(TEXT_MAX_BYTES)),
                Ok(text) => self.json.read(text),
            };
            let fault = read
                .err()
                .map(|fault| (fault, raw[..raw.len().min(RAW_MAX_BYTES)].to_vec()));
            return Ok(Some(Object { place, fault }));
        }
    }

    fn json(&self) -> &JsonLine {
        &self.json
    }
}
