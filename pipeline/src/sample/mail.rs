//! `raw/mail/`: e-mails of the cases that came that way, as mail programs write them: quoted replies, signatures, several
//! encodings. The mail server keeps a part of them only, spread over the whole time.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::fmt::rfc2822::DateTimePrinter;

use super::SampleError;
use super::case::{Case, World, slots_of};
use super::causes::Channel;
use super::clock::timestamp;
use super::compose::{fill, phrases};
use super::files::{CountedFile, Gb18030};
use super::people::Language;
use super::tickets::push_ticket_id;
use super::truth::{FileTruth, Truth};

const MAILS_MAX: u64 = 20_000;
const MAILS_PER_FOLDER: u64 = 1_000;
const LINE_MAX: usize = 76;

/// How a body travels.
#[derive(Clone, Copy)]
enum Transfer {
    Plain,
    QuotedPrintable,
    Base64,
    Base64Gb18030,
    /// Plain text and HTML side by side.
    Alternative,
}

const TRANSFERS_EN: [Transfer; 6] = [
    Transfer::Plain,
    Transfer::Plain,
    Transfer::Plain,
    Transfer::QuotedPrintable,
    Transfer::Base64,
    Transfer::Alternative,
];
const TRANSFERS_ZH: [Transfer; 6] = [
    Transfer::Plain,
    Transfer::QuotedPrintable,
    Transfer::Base64,
    Transfer::Base64Gb18030,
    Transfer::Base64Gb18030,
    Transfer::Alternative,
];

/// Writes the mails.
pub(super) struct Mails {
    root: PathBuf,
    cases: u64,
    kept_max: u64,
    counts: FileTruth,
    gb18030: Gb18030,
}

impl Mails {
    pub(super) fn new(root: &Path, cases: u64) -> Self {
        let kept_max = (cases / 20).clamp(10, MAILS_MAX);
        Self {
            root: root.to_path_buf(),
            cases,
            kept_max,
            counts: FileTruth::default(),
            gb18030: Gb18030::default(),
        }
    }

    /// Writes the mail of a case, if it came by mail and the server kept it.
    pub(super) fn write(&mut self, world: &World, case: &mut Case) -> Result<(), SampleError> {
        // So many mails may stand after so many cases: this spreads them evenly without knowing the future.
        let due = (u128::from(self.kept_max) * u128::from(case.index + 1)).div_ceil(u128::from(self.cases)) as u64;
        if case.channel != Channel::Email || self.counts.rows >= due {
            return Ok(());
        }
        let mail = self.mail(world, case);
        let folder = self.counts.rows / MAILS_PER_FOLDER + 1;
        let mut relative = format!("raw/mail/{folder:04}/");
        push_ticket_id(case.index, &mut relative);
        relative.push_str(".eml");
        let mut file = CountedFile::create(&self.root, &relative)?;
        file.write(&mail)?;
        self.counts.bytes += file.finish()?;
        self.counts.rows += 1;
        if case.personal {
            self.counts.plant("rows_with_personal_data");
        }
        Ok(())
    }

    fn mail(&mut self, world: &World, case: &mut Case) -> Vec<u8> {
        let transfer = case.dice.pick(match case.customer.language {
            Language::En => &TRANSFERS_EN,
            Language::Zh => &TRANSFERS_ZH,
        });
        let is_reply = case.dice.chance(0.2);
        let text = letter(world, case, is_reply);
        let mut ticket = String::new();
        push_ticket_id(case.index, &mut ticket);
        let mut head = self.addresses(case, transfer);
        let date = DateTimePrinter::new()
            .timestamp_to_string(&timestamp(case.opened_s))
            .unwrap_or_default();
        let _ = write!(head, "Date: {date}\r\nMessage-ID: <{ticket}@mail.example.com>\r\n");
        if is_reply {
            let _ = write!(head, "In-Reply-To: <{ticket}.auto@example.com>\r\n");
        }
        let _ = write!(head, "X-Ticket-Id: {ticket}\r\nMIME-Version: 1.0\r\n");
        let mut mail = head.into_bytes();
        match transfer {
            Transfer::Alternative => {
                let boundary = format!("=_part_{ticket}");
                mail.extend(format!("Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n").bytes());
                let html = format!(
                    "<html><body><p>{}</p></body></html>\n",
                    escape(&text).replace('\n', "<br>\n")
                );
                for (kind, part) in [("plain", &text), ("html", &html)] {
                    mail.extend(format!("--{boundary}\r\n").bytes());
                    self.push_part(kind, Transfer::QuotedPrintable, part, &mut mail);
                }
                mail.extend(format!("--{boundary}--\r\n").bytes());
            }
            _ => self.push_part("plain", transfer, &text, &mut mail),
        }
        mail
    }

    /// The lines From, To and Subject.
    fn addresses(&mut self, case: &Case, transfer: Transfer) -> String {
        let gb18030 = matches!(transfer, Transfer::Base64Gb18030);
        let mut name = String::new();
        case.customer.name.push(&mut name);
        let mut head = String::from("From: ");
        self.push_words(&name, gb18030, &mut head);
        head.push_str(" <");
        case.customer.push_email(&mut head);
        head.push_str(">\r\nTo: support@example.com\r\nSubject: ");
        self.push_words(&case.subject, gb18030, &mut head);
        head.push_str("\r\n");
        head
    }

    /// Appends header text; what is not ASCII as encoded words (RFC 2047), each below 75 characters.
    fn push_words(&mut self, text: &str, gb18030: bool, out: &mut String) {
        if text.is_ascii() {
            out.push_str(text);
            return;
        }
        let letters: Vec<char> = text.chars().collect();
        for (k, word) in letters.chunks(12).enumerate() {
            if k > 0 {
                out.push_str("\r\n ");
            }
            let word: String = word.iter().collect();
            let mut bytes = Vec::new();
            if gb18030 {
                self.gb18030.encode(&word, &mut bytes);
            } else {
                bytes.extend_from_slice(word.as_bytes());
            }
            let _ = write!(
                out,
                "=?{}?B?{}?=",
                if gb18030 { "GB18030" } else { "UTF-8" },
                base64(&bytes)
            );
        }
    }

    /// Appends the content headers, a blank line and the encoded text.
    fn push_part(&mut self, kind: &str, transfer: Transfer, text: &str, mail: &mut Vec<u8>) {
        let (charset, name) = match transfer {
            Transfer::Plain if text.is_ascii() => ("us-ascii", "7bit"),
            Transfer::Plain => ("utf-8", "8bit"),
            Transfer::QuotedPrintable | Transfer::Alternative => ("utf-8", "quoted-printable"),
            Transfer::Base64 => ("utf-8", "base64"),
            Transfer::Base64Gb18030 => ("gb18030", "base64"),
        };
        let head = format!("Content-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: {name}\r\n\r\n");
        mail.extend(head.bytes());
        let text = text.replace('\n', "\r\n");
        match transfer {
            Transfer::Plain => mail.extend(text.bytes()),
            Transfer::QuotedPrintable | Transfer::Alternative => push_quoted_printable(&text, mail),
            Transfer::Base64 | Transfer::Base64Gb18030 => {
                let mut bytes = Vec::new();
                if matches!(transfer, Transfer::Base64) {
                    bytes.extend(text.bytes());
                } else {
                    self.gb18030.encode(&text, &mut bytes);
                }
                for line in base64(&bytes).as_bytes().chunks(LINE_MAX) {
                    mail.extend_from_slice(line);
                    mail.extend_from_slice(b"\r\n");
                }
            }
        }
    }

    pub(super) fn finish(self, truth: &mut Truth) {
        truth.add_folder("raw/mail".to_owned(), self.counts);
    }
}

/// The whole letter: the message, perhaps a signature, perhaps the automatic answer it replies to, quoted.
fn letter(world: &World, case: &mut Case, is_reply: bool) -> String {
    let slots = slots_of(world, case);
    let words = phrases(slots.customer.language);
    let mut text = case.body.clone();
    text.push('\n');
    if case.dice.chance(0.5) {
        text.push_str("\n-- \n");
        slots.customer.name.push(&mut text);
        text.push('\n');
        if case.dice.chance(0.4) {
            slots.customer.push_phone(&mut text);
            text.push('\n');
        }
    }
    if is_reply {
        text.push_str(match slots.customer.language {
            Language::En => "\nSupport <support@example.com> wrote:\n> ",
            Language::Zh => "\n客服 <support@example.com> 写道：\n> ",
        });
        fill(case.dice.pick(words.agent_hello), &slots, &mut case.dice, &mut text);
        text.push_str("\n> \n> ");
        fill(case.dice.pick(words.closers), &slots, &mut case.dice, &mut text);
        text.push('\n');
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        for k in 0..4 {
            let filled = k <= group.len();
            out.push(if filled {
                char::from(LETTERS[(bits >> (18 - 6 * k)) as usize & 63])
            } else {
                '='
            });
        }
    }
    out
}

/// Quoted-printable (RFC 2045, section 6.7) of text whose lines end in CRLF.
fn push_quoted_printable(text: &str, out: &mut Vec<u8>) {
    for line in text.split_inclusive("\r\n") {
        let (line, end) = line.strip_suffix("\r\n").map_or((line, ""), |line| (line, "\r\n"));
        let mut width = 0;
        for (k, byte) in line.bytes().enumerate() {
            let last_blank = byte == b' ' && k + 1 == line.len();
            let literal = matches!(byte, b' '..=b'~') && byte != b'=' && !last_blank;
            let needed = if literal { 1 } else { 3 };
            if width + needed > LINE_MAX - 1 {
                out.extend_from_slice(b"=\r\n");
                width = 0;
            }
            width += needed;
            if literal {
                out.push(byte);
            } else {
                out.extend(format!("={byte:02X}").bytes());
            }
        }
        out.extend(end.bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn base64_is_the_published_one() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn quoted_printable_keeps_its_lines_short() {
        let mut out = Vec::new();
        push_quoted_printable(&format!("{}退=款 \r\nb", "a ".repeat(60)), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.len() <= LINE_MAX), "{text}");
        assert!(text.ends_with("=E9=80=80=3D=E6=AC=BE=20\r\nb"), "{text}");
    }
}
