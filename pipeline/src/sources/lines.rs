//! The lines of a file as raw bytes, each with its place, in bounded memory. It knows line ends in bytes and in UTF-16;
//! it decodes nothing. What was read since the last mark can be read again, so that a reader may change its mind.

use std::io::{ErrorKind, Read};

use encoding_rs::Encoding;

use super::LandRequest;
use super::decode::{Unit, sniff};
use super::encoding::{SAMPLE_BYTES, Utf32Reader};
use super::open::{open, read_failed};
use crate::error::Result;

/// The least that is asked of the file at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// The longest line end: CR and LF in UTF-16.
const LINE_END_MAX_BYTES: usize = 4;

/// Where a row starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Line in the file, from 1; row number from 1 where the file has no lines.
    pub line: i64,
    /// Byte offset in the file's content as it is decompressed, from 0; -1 where it has none.
    pub offset: i64,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnds {
    /// LF, CR LF and a lone CR.
    Any,
    /// LF and CR LF; a lone CR is data.
    Lf,
}

/// A line within the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Its first byte.
    pub place: Place,
    /// Offset behind its last byte, the line end left out.
    pub content_end: i64,
    /// How it ends, in ASCII; empty for a last line without one.
    pub end: &'static str,
}

/// What comes next in a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// A line; it is behind the reader now.
    Line(Line),
    /// A line of more bytes than asked for; the reader still stands before it.
    Long,
}

/// Reads a file line by line.
pub(super) struct Lines<'a> {
    request: &'a LandRequest<'a>,
    content: Utf32Reader<Box<dyn Read + 'a>>,
    ends: LineEnds,
    unit: Unit,
    /// `window[..filled]` are the bytes of the content from `base` on.
    window: Vec<u8>,
    filled: usize,
    base: i64,
    next: Place,
    /// Bytes from here on stay in the window.
    mark: i64,
    at_end: bool,
}

struct End {
    content: usize,
    total: usize,
    text: &'static str,
}

impl<'a> Lines<'a> {
    /// Opens the request's file, decompressed, and steps over its byte order mark. Also gives its encoding.
    pub(super) fn open(
        request: &'a LandRequest<'a>,
        ends: LineEnds,
        progress: &'a dyn Fn(u64),
    ) -> Result<(Self, &'static Encoding)> {
        let mut lines = Self {
            request,
            content: Utf32Reader::new(open(request, progress)?),
            ends,
            unit: Unit::Byte,
            window: Vec::new(),
            filled: 0,
            base: 0,
            next: Place { line: 1, offset: 0 },
            mark: 0,
            at_end: false,
        };
        while lines.filled < SAMPLE_BYTES && !lines.at_end {
            lines.fill()?;
        }
        let (encoding, bom_bytes) = sniff(request, &lines.window[..lines.filled], lines.at_end)?;
        lines.unit = Unit::of(encoding);
        lines.next.offset = bom_bytes as i64;
        lines.mark();
        Ok((lines, encoding))
    }

    /// Keeps what is read from here on, so that [`Self::bytes`] and [`Self::rewind`] reach it.
    pub(super) fn mark(&mut self) {
        self.mark = self.next.offset;
    }

    /// Where the next line starts.
    pub(super) fn place(&self) -> Place {
        self.next
    }

    /// Goes back to a place behind the mark.
    pub(super) fn rewind(&mut self, place: Place) {
        self.next = place;
    }

    /// The raw bytes between two offsets behind the mark.
    pub(super) fn bytes(&self, from: i64, to: i64) -> &[u8] {
        &self.window[(from - self.base) as usize..(to - self.base) as usize]
    }

    /// The next line if it has at most `max_bytes` without its line end; none at the end of the file.
    pub(super) fn next(&mut self, max_bytes: usize) -> Result<Option<Found>> {
        let mut searched = 0;
        loop {
            let line = self.ahead();
            let held = line.len();
            let end = match self.find_end(line, searched) {
                Some(end) => end,
                None if held > max_bytes.saturating_add(LINE_END_MAX_BYTES) => return Ok(Some(Found::Long)),
                None if self.at_end && held == 0 => return Ok(None),
                None if self.at_end => End {
                    content: held,
                    total: held,
                    text: "",
                },
                None => {
                    searched = self.searched(held);
                    self.fill()?;
                    continue;
                }
            };
            if end.content > max_bytes {
                return Ok(Some(Found::Long));
            }
            let place = self.next;
            self.next = Place {
                line: place.line + 1,
                offset: place.offset + end.total as i64,
            };
            let content_end = place.offset + end.content as i64;
            return Ok(Some(Found::Line(Line {
                place,
                content_end,
                end: end.text,
            })));
        }
    }

    /// The start of a [`Found::Long`] line, as far as it is read: at most so many bytes.
    pub(super) fn start_of_long(&self, max_bytes: usize) -> &[u8] {
        let line = self.ahead();
        let end = self.find_end(line, 0).map_or(line.len(), |end| end.content);
        &line[..end.min(max_bytes)]
    }

    /// Steps over a line of any length; the window does not grow by it.
    pub(super) fn skip_line(&mut self) -> Result<()> {
        loop {
            let line = self.ahead();
            let held = line.len();
            let end = self.find_end(line, 0).map(|end| end.total);
            if let Some(total) = end.or(self.at_end.then_some(held)) {
                self.next = Place {
                    line: self.next.line + 1,
                    offset: self.next.offset + total as i64,
                };
                return Ok(());
            }
            self.next.offset += self.searched(held) as i64;
            self.mark();
            self.fill()?;
        }
    }

    /// Whether [`Self::ahead`] goes to the end of the file.
    pub(super) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Steps over a line of so many bytes, its end included, that was found in [`Self::ahead`].
    pub(super) fn step(&mut self, bytes: usize) {
        self.next = Place {
            line: self.next.line + 1,
            offset: self.next.offset + bytes as i64,
        };
    }

    /// What is read of the file and not yet given out.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.window[(self.next.offset - self.base) as usize..self.filled]
    }

    /// How much of `held` bytes without a line end need no second look: the last unit may be the CR of a CR LF.
    fn searched(&self, held: usize) -> usize {
        let width = self.unit.width();
        (held - held % width).saturating_sub(width)
    }

    /// The first line end at or after `from`; none if there is none yet, or if it may go on behind the window.
    fn find_end(&self, line: &[u8], from: usize) -> Option<End> {
        let width = self.unit.width();
        let cr = (self.ends == LineEnds::Any).then_some(b'\r');
        let at = from + self.find_unit(&line[from..], b'\n', cr.unwrap_or(b'\n'))?;
        let is = |at: usize, byte: u8| self.unit.at(line, at) == Some(u16::from(byte));
        if is(at, b'\n') {
            return Some(match at.checked_sub(width) {
                Some(before) if is(before, b'\r') => End {
                    content: before,
                    total: at + width,
                    text: "\r\n",
                },
                _ => End {
                    content: at,
                    total: at + width,
                    text: "\n",
                },
            });
        }
        let behind = at + width;
        match self.unit.at(line, behind) {
            Some(0x0a) => Some(End {
                content: at,
                total: behind + width,
                text: "\r\n",
            }),
            Some(_) => Some(End {
                content: at,
                total: behind,
                text: "\r",
            }),
            None => self.at_end.then_some(End {
                content: at,
                total: behind,
                text: "\r",
            }),
        }
    }

    fn find_unit(&self, bytes: &[u8], a: u8, b: u8) -> Option<usize> {
        if self.unit == Unit::Byte {
            return find_either(bytes, a, b);
        }
        let wanted = [Some(u16::from(a)), Some(u16::from(b))];
        (0..bytes.len())
            .step_by(2)
            .find(|&at| wanted.contains(&self.unit.at(bytes, at)))
    }

    /// Reads more. Memory follows what the mark keeps, never the file.
    fn fill(&mut self) -> Result<()> {
        let kept = (self.mark.min(self.next.offset) - self.base) as usize;
        if kept > 0 {
            self.window.copy_within(kept..self.filled, 0);
            self.filled -= kept;
            self.base += kept as i64;
        }
        if self.window.len() - self.filled < CHUNK_BYTES {
            self.window.resize((self.window.len() * 2).max(2 * CHUNK_BYTES), 0);
        }
        let count = loop {
            match self.content.read(&mut self.window[self.filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.map_err(|error| read_failed(self.request, error))?,
            }
        };
        self.at_end = count == 0;
        self.filled += count;
        Ok(())
    }
}

/// The first of two bytes. Looks at 32 bytes at once, in a shape that the compiler turns into vector instructions.
pub(super) fn find_either(bytes: &[u8], a: u8, b: u8) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<32>();
    let is_hit = |block: &[u8; 32]| block.iter().fold(false, |hit, &byte| hit | (byte == a) | (byte == b));
    let clear = blocks.iter().position(is_hit).unwrap_or(blocks.len()) * 32;
    bytes[clear..]
        .iter()
        .position(|&byte| byte == a || byte == b)
        .map(|at| clear + at)
}
