//! The content of a JSON document as UTF-8 bytes in a window that moves on, with the place in the file. It knows white
//! space and where a value ends, and checks nothing else.

use std::io::{ErrorKind, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use crate::error::Result;
use crate::rejects::RAW_MAX_BYTES;
use crate::sources::LandRequest;
use crate::sources::decode::sniff;
use crate::sources::encoding::SAMPLE_BYTES;
use crate::sources::lines::{Place, find_either};
use crate::sources::open::{open, read_failed};

/// What is asked of the file at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// In place of bytes that are no text: no UTF-8 has this byte, so whoever reads the value sees that it is wrong.
const NO_TEXT: u8 = 0xff;

/// A value that the reader has stepped over.
pub(super) enum Stepped {
    /// It is from here to the place of the reader: [`Content::bytes_from`].
    Whole(u64),
    /// It has more bytes than asked for; its start.
    Long(Vec<u8>),
    /// The document ends within; its start.
    Cut(Vec<u8>),
}

/// Reads a document from its start to its end.
pub(super) struct Content<'a> {
    request: &'a LandRequest<'a>,
    reader: Box<dyn Read + 'a>,
    encoding: &'static Encoding,
    /// For all encodings but UTF-8.
    decoder: Option<Decoder>,
    chunk: Vec<u8>,
    /// The content from `base` on, as UTF-8.
    window: Vec<u8>,
    base: u64,
    /// The reader's place in the content.
    next: u64,
    /// Bytes from here on stay in the window.
    mark: u64,
    line: i64,
    bom_bytes: usize,
    at_end: bool,
}

impl<'a> Content<'a> {
    pub(super) fn open(request: &'a LandRequest<'a>, progress: &'a dyn Fn(u64)) -> Result<Self> {
        let mut content = Self {
            request,
            reader: open(request, progress)?,
            encoding: UTF_8,
            decoder: None,
            chunk: vec![0; CHUNK_BYTES],
            window: Vec::new(),
            base: 0,
            next: 0,
            mark: 0,
            line: 1,
            bom_bytes: 0,
            at_end: false,
        };
        while content.window.len() < SAMPLE_BYTES && content.fill()? {}
        let (encoding, bom_bytes) = sniff(request, &content.window, content.at_end)?;
        let head = content.window.split_off(bom_bytes);
        content.window.clear();
        content.bom_bytes = bom_bytes;
        content.encoding = encoding;
        content.decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
        content.take_in(&head, content.at_end);
        Ok(content)
    }

    /// The encoding of the file.
    pub(super) fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    /// Where the next byte is. Offsets are known where no character is decoded.
    pub(super) fn place(&self) -> Place {
        Place {
            line: self.line,
            offset: match self.decoder {
                None => self.next as i64 + self.bom_bytes as i64,
                Some(_) => -1,
            },
        }
    }

    /// Steps over white space; the byte behind it, none at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let ahead = self.ahead();
            let spaces = ahead
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
                .count();
            let found = ahead.get(spaces).copied();
            self.advance(spaces);
            self.mark = self.next;
            if found.is_some() || !self.fill()? {
                return Ok(found);
            }
        }
    }

    /// Steps over so many bytes of the window.
    pub(super) fn advance(&mut self, bytes: usize) {
        let stepped = &self.ahead()[..bytes];
        self.line += stepped.iter().map(|&byte| i64::from(byte == b'\n')).sum::<i64>();
        self.next += bytes as u64;
    }

    /// The bytes from a place to that of the reader.
    pub(super) fn bytes_from(&self, from: u64) -> &[u8] {
        &self.window[(from - self.base) as usize..(self.next - self.base) as usize]
    }

    /// Steps over the value that starts here, whatever is in it: to the closing quote of a string, to the bracket that
    /// closes an object or array (counted, not matched), or to where a scalar ends.
    pub(super) fn step_over(&mut self, max_bytes: usize) -> Result<Stepped> {
        let from = self.next;
        self.mark = from;
        let mut long: Option<Vec<u8>> = None;
        let mut inside = Inside::default();
        let is_closed = loop {
            let (stepped, is_closed) = inside.step(self.ahead());
            self.advance(stepped);
            if is_closed {
                break true;
            }
            if long.is_none() && self.next - from > max_bytes as u64 {
                long = Some(self.start_from(from));
            }
            if long.is_some() {
                self.mark = self.next;
            }
            if !self.fill()? {
                break inside.is_scalar() && self.next > from;
            }
        };
        Ok(match long {
            Some(start) if is_closed => Stepped::Long(start),
            Some(start) => Stepped::Cut(start),
            None if !is_closed => Stepped::Cut(self.start_from(from)),
            None if self.next - from > max_bytes as u64 => Stepped::Long(self.start_from(from)),
            None => Stepped::Whole(from),
        })
    }

    /// Steps over all that is left; its start.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>> {
        self.mark = self.next;
        while self.ahead().len() < RAW_MAX_BYTES && self.fill()? {}
        let ahead = self.ahead();
        let start = ahead[..ahead.len().min(RAW_MAX_BYTES)].to_vec();
        self.next = self.base + self.window.len() as u64;
        self.mark = self.next;
        while self.fill()? {
            self.next = self.base + self.window.len() as u64;
            self.mark = self.next;
        }
        Ok(start)
    }

    /// What the window has of the document from here on, cut.
    pub(super) fn start(&self) -> Vec<u8> {
        let ahead = self.ahead();
        ahead[..ahead.len().min(RAW_MAX_BYTES)].to_vec()
    }

    /// The next byte, if the window has it.
    pub(super) fn first(&self) -> Option<u8> {
        self.ahead().first().copied()
    }

    fn start_from(&self, from: u64) -> Vec<u8> {
        let bytes = self.bytes_from(from);
        bytes[..bytes.len().min(RAW_MAX_BYTES)].to_vec()
    }

    fn ahead(&self) -> &[u8] {
        &self.window[(self.next - self.base) as usize..]
    }

    /// Reads more; false at the end of the file. Memory follows what the mark keeps, never the file.
    fn fill(&mut self) -> Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        let kept = (self.mark.min(self.next) - self.base) as usize;
        // Moved only when it is worth it, so that a long value is not moved again and again.
        if kept >= self.window.len() / 2 {
            self.window.drain(..kept);
            self.base += kept as u64;
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        let count = loop {
            match self.reader.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.map_err(|error| read_failed(self.request, error))?,
            }
        };
        self.at_end = count == 0;
        self.take_in(&chunk[..count], self.at_end);
        self.chunk = chunk;
        Ok(true)
    }

    /// Puts bytes of the file into the window, decoded.
    fn take_in(&mut self, mut bytes: &[u8], is_last: bool) {
        let Some(decoder) = &mut self.decoder else {
            self.window.extend_from_slice(bytes);
            return;
        };
        loop {
            let filled = self.window.len();
            let room = decoder
                .max_utf8_buffer_length_without_replacement(bytes.len())
                .unwrap_or(CHUNK_BYTES);
            self.window.resize(filled + room, 0);
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(bytes, &mut self.window[filled..], is_last);
            self.window.truncate(filled + written);
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.window.push(NO_TEXT),
            }
        }
    }
}

/// How deep a reader is in a value.
#[derive(Default)]
struct Inside {
    depth: u64,
    in_string: bool,
    is_escaped: bool,
}

impl Inside {
    /// Whether the end of the document may end the value.
    fn is_scalar(&self) -> bool {
        self.depth == 0 && !self.in_string
    }

    /// How many of these bytes belong to the value, and whether it ends there.
    fn step(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            if self.is_escaped {
                self.is_escaped = false;
                at += 1;
                continue;
            }
            if self.in_string {
                let Some(skipped) = find_either(&bytes[at..], b'"', b'\\') else {
                    return (bytes.len(), false);
                };
                at += skipped + 1;
                match bytes[at - 1] {
                    b'\\' => self.is_escaped = true,
                    _ => self.in_string = false,
                }
                if !self.in_string && self.depth == 0 {
                    return (at, true);
                }
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 0 => return (at, true),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return (at, true),
                _ => {}
            }
            at += 1;
        }
        (at, false)
    }
}
