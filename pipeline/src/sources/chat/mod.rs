//! Chat transcripts in plain text: a turn is a row. Columns: `chat_id`, `turn` (from 0 in each chat; rejected turns count), `time` (as
//! written), `speaker` (none for what the chat itself says), `text` (lines that go on are joined with line breaks). The
//! form of a file is the one that most of its first lines fit; [`form`] lists them.
//!
//! A chat is a file, and its id the file's name without folder and ending; or it starts behind a line such as
//! `--- chat 123 ---`, and its id is what stands there between the signs. Blank lines do not part chats, for they also
//! stand within texts. A line before the first turn of a chat is a reject.

mod form;

use encoding_rs::Encoding;

use self::form::{Form, Turn};
use super::LandRequest;
use super::decode::decode;
use super::document::stem;
use super::landing::{Fault, Landing, TEXT_MAX_BYTES};
use super::lines::{Found, LineEnds, Lines, Place};
use crate::error::Result;
use crate::rejects::RAW_MAX_BYTES;

const COLUMNS: [&str; 5] = ["chat_id", "turn", "time", "speaker", "text"];
/// Lines that are looked at to tell the form.
const SAMPLE_LINES: usize = 200;
/// Bytes of them, give or take a line.
const SAMPLE_BYTES: i64 = 256 * 1024;

/// Reads a transcript; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let columns = COLUMNS.map(str::to_owned);
    let mut chats = Chats {
        landing: Landing::create(request, &columns)?,
        row_max_bytes: request.limits.row_max_bytes,
        chat_id: stem(request).to_owned(),
        turns: 0,
        open: None,
    };
    let (mut lines, encoding) = Lines::open(request, LineEnds::Lf, progress)?;
    let form = form_of(&mut lines, encoding, chats.row_max_bytes)?;
    let mut is_empty = true;
    loop {
        lines.mark();
        let place = lines.place();
        match lines.next(chats.row_max_bytes)? {
            None => break,
            Some(Found::Long) => {
                let raw = lines.start_of_long(RAW_MAX_BYTES).to_vec();
                lines.skip_line()?;
                is_empty = false;
                chats.take_bad(form, place, &raw, Fault::too_long(chats.row_max_bytes))?;
            }
            Some(Found::Line(line)) => {
                let raw = lines.bytes(place.offset, line.content_end);
                is_empty &= raw.trim_ascii().is_empty();
                match text_of(encoding, raw) {
                    Ok(text) => chats.take(form, place, &text, raw)?,
                    Err(fault) => chats.take_bad(form, place, raw, fault)?,
                }
            }
        }
    }
    chats.end_turn()?;
    if is_empty {
        let fault = Fault::new("empty", "there is no turn in it; fill it, or make `path` leave it out");
        chats.landing.reject(Place { line: 1, offset: 0 }, Vec::new(), fault)?;
    }
    chats.landing.close()
}

/// The form of a file by its first lines; the reader stands where it stood.
fn form_of(lines: &mut Lines<'_>, encoding: &'static Encoding, row_max_bytes: usize) -> Result<Form> {
    let start = lines.place();
    let mut sample = Vec::new();
    while sample.len() < SAMPLE_LINES && lines.place().offset - start.offset < SAMPLE_BYTES {
        let place = lines.place();
        match lines.next(row_max_bytes.min(SAMPLE_BYTES as usize))? {
            Some(Found::Line(line)) => {
                let raw = lines.bytes(place.offset, line.content_end);
                sample.extend(text_of(encoding, raw).ok());
            }
            // The bytes before it stay, so it is not stepped over.
            Some(Found::Long) | None => break,
        }
    }
    lines.rewind(start);
    Ok(Form::most_fitting(&sample))
}

fn text_of(encoding: &'static Encoding, raw: &[u8]) -> std::result::Result<String, Fault> {
    let (text, is_text) = decode(encoding, raw);
    match String::from_utf8(text.into_owned()) {
        Ok(text) if is_text && text.contains('\0') => Err(Fault::nul()),
        Ok(text) if is_text && text.len() <= TEXT_MAX_BYTES => Ok(text),
        _ => Err(Fault::encoding(encoding.name())),
    }
}

/// A turn whose last line may be still to come.
struct OpenTurn {
    place: Place,
    time: Option<String>,
    speaker: Option<String>,
    text: String,
    /// Bytes of its lines so far.
    bytes: usize,
    /// Their start, for a reject.
    raw: Vec<u8>,
    fault: Option<Fault>,
}

/// Takes the lines of a file.
struct Chats<'a> {
    landing: Landing<'a>,
    row_max_bytes: usize,
    chat_id: String,
    turns: u64,
    open: Option<OpenTurn>,
}

impl Chats<'_> {
    fn take(&mut self, form: Form, place: Place, text: &str, raw: &[u8]) -> Result<()> {
        if let Some(id) = separator(text) {
            self.end_turn()?;
            self.chat_id = id.to_owned();
            self.turns = 0;
            return Ok(());
        }
        if let Some(turn) = form.turn(text) {
            self.end_turn()?;
            self.start_turn(place, &turn, raw);
            return Ok(());
        }
        match &mut self.open {
            Some(open) => {
                open.add(raw, self.row_max_bytes);
                if open.fault.is_none() {
                    if !open.text.is_empty() {
                        open.text.push('\n');
                    }
                    open.text.push_str(text.trim_end());
                }
                Ok(())
            }
            None if text.trim().is_empty() => Ok(()),
            None => {
                let hint = format!("no turn starts here: {}; mend the line, or take it out", form.hint());
                let raw = raw[..raw.len().min(RAW_MAX_BYTES)].to_vec();
                self.landing.reject(place, raw, Fault::new("chat", hint))
            }
        }
    }

    /// A line that cannot be read spoils the turn it belongs to: the one that starts in it, as far as that can be told.
    fn take_bad(&mut self, form: Form, place: Place, raw: &[u8], fault: Fault) -> Result<()> {
        let raw = &raw[..raw.len().min(RAW_MAX_BYTES)];
        let seen = String::from_utf8_lossy(raw);
        if let Some(turn) = form.turn(&seen) {
            self.end_turn()?;
            self.start_turn(place, &turn, raw);
        } else if let Some(open) = &mut self.open {
            open.add(raw, self.row_max_bytes);
        }
        match &mut self.open {
            Some(open) => {
                open.fault.get_or_insert(fault);
                Ok(())
            }
            None => self.landing.reject(place, raw.to_vec(), fault),
        }
    }

    fn start_turn(&mut self, place: Place, turn: &Turn<'_>, raw: &[u8]) {
        let mut open = OpenTurn {
            place,
            time: turn.time.map(str::to_owned),
            speaker: turn.speaker.map(str::to_owned),
            text: turn.text.to_owned(),
            bytes: 0,
            raw: Vec::new(),
            fault: None,
        };
        open.add(raw, self.row_max_bytes);
        self.open = Some(open);
    }

    fn end_turn(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let turn = self.turns.to_string();
        self.turns += 1;
        if let Some(fault) = open.fault {
            return self.landing.reject(open.place, open.raw, fault);
        }
        let text = open.text.trim();
        let values = [
            Some(self.chat_id.as_str()),
            Some(turn.as_str()),
            open.time.as_deref(),
            open.speaker.as_deref(),
            (!text.is_empty()).then_some(text),
        ];
        self.landing.keep(open.place, values.into_iter())
    }
}

impl OpenTurn {
    /// Counts a line; memory stays within the bound.
    fn add(&mut self, raw: &[u8], row_max_bytes: usize) {
        let room = RAW_MAX_BYTES.saturating_sub(self.raw.len() + 1);
        if !self.raw.is_empty() && room > 0 {
            self.raw.push(b'\n');
        }
        self.raw.extend_from_slice(&raw[..raw.len().min(room)]);
        self.bytes += raw.len() + usize::from(self.bytes > 0);
        if self.bytes > row_max_bytes && self.fault.is_none() {
            self.fault = Some(Fault::too_long(row_max_bytes));
            self.text = String::new();
        }
    }
}

/// What stands between the signs of a line such as `--- chat 123 ---` or `=== 会话 7 ===`.
fn separator(line: &str) -> Option<&str> {
    let line = line.trim();
    let sign = line
        .chars()
        .next()
        .filter(|sign| matches!(sign, '-' | '=' | '*' | '#' | '_'))?;
    let inner = line.trim_matches(sign);
    let width = line.len() - line.trim_start_matches(sign).len();
    let is_closed = line.len() - line.trim_end_matches(sign).len() >= 3;
    let id = inner.trim();
    (width >= 3 && is_closed && !id.is_empty() && id.len() < 256).then_some(id)
}
