//! E-mail: a file is one message (RFC 5322), or an mbox, told by a first line that starts with `From `. A message is a
//! row. Columns: `message_id`, `in_reply_to`, `references` (apart by spaces), `thread_id` (the first of the references,
//! else what it replies to, else its own id, else a digest of its subject without `Re:` and the like), `sent_at` (RFC
//! 3339, UTC), `from_name`, `from_address`, `to`, `cc`, `reply_to` (addresses, apart by `, `), `subject`, `body` (the
//! plain text, else the text of the HTML), `reply` (the body without quotes and signature), `body_html` (`true` if the
//! body comes from HTML), `attachments` (JSON array of `{name, type, bytes}`, with `subject` for a message),
//! `headers` (JSON array of `{name, value}`), all of them decoded. NULs are left out.

mod body;
mod message;

use super::LandRequest;
use super::landing::{Fault, Landing};
use super::lines::{Found, LineEnds, Lines, Place};
use crate::error::Result;
use crate::rejects::RAW_MAX_BYTES;

use message::{COLUMNS, read};

/// How a message starts in an mbox.
const FROM: &[u8] = b"From ";

/// Reads a message or an mbox; gives the numbers of rows and rejects. Memory is bounded by the longest message allowed.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let columns = COLUMNS.map(str::to_owned);
    let mut landing = Landing::create(request, &columns)?;
    let (lines, _) = Lines::open(request, LineEnds::Lf, progress)?;
    let mut messages = Messages::new(lines, request.limits.row_max_bytes);
    let mut is_empty = true;
    while let Some(message) = messages.next()? {
        is_empty = false;
        match message.raw.and_then(|raw| read(&raw).map_err(|fault| (fault, raw))) {
            Ok(values) => landing.keep(message.place, values.iter().map(Option::as_deref))?,
            Err((fault, mut raw)) => {
                raw.truncate(RAW_MAX_BYTES);
                landing.reject(message.place, raw, fault)?;
            }
        }
    }
    if is_empty {
        let fault = Fault::new(
            "empty",
            "there is no message in it; fill it, or make `path` leave it out",
        );
        landing.reject(Place { line: 1, offset: 0 }, Vec::new(), fault)?;
    }
    landing.close()
}

/// The bytes of a message and where they start in the file.
struct Raw {
    place: Place,
    /// Without the mbox's own line and quoting; or why it is rejected.
    raw: std::result::Result<Vec<u8>, (Fault, Vec<u8>)>,
}

/// The messages of a file.
struct Messages<'a> {
    lines: Lines<'a>,
    row_max_bytes: usize,
    /// None before the first line.
    is_mbox: Option<bool>,
}

impl<'a> Messages<'a> {
    fn new(lines: Lines<'a>, row_max_bytes: usize) -> Self {
        Self {
            lines,
            row_max_bytes,
            is_mbox: None,
        }
    }

    /// The next message; none at the end of the file.
    fn next(&mut self) -> Result<Option<Raw>> {
        self.lines.mark();
        let start = self.lines.place();
        let mut message = Vec::new();
        let mut too_long: Option<Vec<u8>> = None;
        let mut after_blank = true;
        let mut is_first = true;
        let mut has_text = false;
        loop {
            self.lines.mark();
            let place = self.lines.place();
            let line = match self.lines.next(self.row_max_bytes)? {
                None => break,
                Some(Found::Line(line)) => line,
                Some(Found::Long) => {
                    let head = self.lines.start_of_long(RAW_MAX_BYTES).to_vec();
                    too_long.get_or_insert_with(|| started(&mut message, &head));
                    self.lines.skip_line()?;
                    (is_first, after_blank, has_text) = (false, false, true);
                    continue;
                }
            };
            let content = self.lines.bytes(place.offset, line.content_end);
            let is_from = content.starts_with(FROM);
            let is_mbox = *self.is_mbox.get_or_insert(is_from);
            if is_mbox && is_from && (is_first || after_blank && has_time(content)) {
                if is_first {
                    (is_first, after_blank, has_text) = (false, false, true);
                    continue;
                }
                self.lines.rewind(place);
                break;
            }
            let is_blank = content.is_empty();
            has_text |= !content.trim_ascii().is_empty();
            if too_long.is_none() {
                message.extend_from_slice(if is_mbox { unquoted(content) } else { content });
                message.extend_from_slice(line.end.as_bytes());
                if message.len() > self.row_max_bytes {
                    too_long = Some(started(&mut message, &[]));
                }
            }
            (is_first, after_blank) = (false, is_blank);
        }
        if !has_text {
            return Ok(None);
        }
        let raw = match too_long {
            Some(head) => Err((Fault::too_long(self.row_max_bytes), head)),
            None => Ok(message),
        };
        Ok(Some(Raw { place: start, raw }))
    }
}

/// The start of a message that is too long; its memory is given back.
fn started(message: &mut Vec<u8>, more: &[u8]) -> Vec<u8> {
    let mut head = std::mem::take(message);
    head.extend_from_slice(more);
    head.truncate(RAW_MAX_BYTES);
    head.shrink_to_fit();
    head
}

/// Some programs do not quote `From ` in a text; a line that starts a message says when it came.
fn has_time(line: &[u8]) -> bool {
    line.windows(5).any(|five| {
        let digits = [five[0], five[1], five[3], five[4]];
        five[2] == b':' && digits.iter().all(u8::is_ascii_digit)
    })
}

/// A line without the sign that mboxrd puts before `From ` in a text.
fn unquoted(line: &[u8]) -> &[u8] {
    let signs = line.iter().take_while(|&&byte| byte == b'>').count();
    if signs > 0 && line[signs..].starts_with(FROM) {
        &line[1..]
    } else {
        line
    }
}
