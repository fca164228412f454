//! From the bytes of one message to its columns. What is broken in it is left out; the rest stays.

use std::borrow::Cow;

use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders as _, PartType};
use sha2::{Digest as _, Sha256};

use super::body::{Body, body_of, newest_reply};
use crate::sources::document::{detect, filled, json_array, one_line};
use crate::sources::landing::Fault;

pub(super) const COLUMNS: [&str; 16] = [
    "message_id",
    "in_reply_to",
    "references",
    "thread_id",
    "sent_at",
    "from_name",
    "from_address",
    "to",
    "cc",
    "reply_to",
    "subject",
    "body",
    "reply",
    "body_html",
    "attachments",
    "headers",
];

/// The most parts of a message that may be messages themselves. They nest, and are freed in a recursion.
const MESSAGES_MAX: usize = 500;
/// Subtypes of parts that are, or hold, messages.
const MESSAGE_TYPES: [&[u8]; 3] = [b"rfc822", b"global", b"digest"];

/// The columns of a message.
pub(super) fn read(raw: &[u8]) -> Result<[Option<String>; 16], Fault> {
    if nested_messages(raw) > MESSAGES_MAX {
        let hint = format!("more than {MESSAGES_MAX} messages are in it; save them one by one");
        return Err(Fault::new("mail", hint));
    }
    let raw = readable_head(raw);
    let message = MessageParser::default().parse(raw.as_ref());
    let Some(message) = message.filter(has_known_header) else {
        let hint = "it has no header that e-mail knows, such as `From:` or `Subject:`; make `path` leave it out";
        return Err(Fault::new("mail", hint));
    };
    let message_id = message.message_id().and_then(clean);
    let in_reply_to = ids(message.in_reply_to());
    let references = ids(message.references());
    let subject = message.subject().map(one_line).and_then(clean);
    let thread_id = [&references, &in_reply_to]
        .into_iter()
        .flatten()
        .find_map(|ids| ids.split(' ').next().map(str::to_owned))
        .or_else(|| message_id.clone())
        .or_else(|| subject.as_deref().map(subject_digest));
    let from = message.from().and_then(Address::first);
    let Body { text, is_html } = body_of(&message, &raw);
    let text = without_nul(text);
    let reply = filled(newest_reply(&text));
    Ok([
        message_id,
        in_reply_to,
        references,
        thread_id,
        sent_at(&message),
        from.and_then(|from| from.name()).map(one_line).and_then(clean),
        from.and_then(|from| from.address()).and_then(clean),
        addresses(message.to()),
        addresses(message.cc()),
        addresses(message.reply_to()),
        subject,
        filled(&text),
        reply,
        Some(is_html.to_string()),
        attachments(&message),
        headers(&raw),
    ])
}

/// Parts that are or hold messages, as far as their types say so anywhere in the bytes.
fn nested_messages(raw: &[u8]) -> usize {
    let is_type = |at: usize| {
        let before = raw[..at].trim_ascii_end();
        let behind = raw[at..].get(..6).unwrap_or_default();
        before.ends_with(b"/") && MESSAGE_TYPES.iter().any(|name| behind.eq_ignore_ascii_case(name))
    };
    (0..raw.len())
        .filter(|&at| matches!(raw[at], b'r' | b'R' | b'g' | b'G' | b'd' | b'D') && is_type(at))
        .count()
}

/// Old programs write headers in their own 8-bit encoding: those lines are made UTF-8, which is what the parser expects. A line
/// with an encoded word (RFC 2047) names its charset, and stays.
fn readable_head(raw: &[u8]) -> Cow<'_, [u8]> {
    let is_blank = |line: &[u8]| line.trim_ascii_end().is_empty();
    let head_bytes = raw
        .split_inclusive(|&byte| byte == b'\n')
        .take_while(|line| !is_blank(line))
        .map(<[u8]>::len)
        .sum();
    let (head, rest) = raw.split_at(head_bytes);
    let lines = || head.split_inclusive(|&byte| byte == b'\n');
    let is_odd = |line: &[u8]| std::str::from_utf8(line).is_err() && !line.windows(2).any(|two| two == b"=?");
    let odd: Vec<u8> = lines().filter(|line| is_odd(line)).flatten().copied().collect();
    if odd.is_empty() {
        return Cow::Borrowed(raw);
    }
    let encoding = detect(&odd);
    let mut out = Vec::with_capacity(raw.len() + odd.len());
    for line in lines() {
        if is_odd(line) {
            out.extend_from_slice(encoding.decode_without_bom_handling(line).0.as_bytes());
        } else {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

fn has_known_header(message: &Message<'_>) -> bool {
    let is_known = |name: &HeaderName<'_>| !matches!(name, HeaderName::Other(_));
    message.headers().iter().any(|header| is_known(&header.name))
}

fn ids(value: &HeaderValue<'_>) -> Option<String> {
    let ids: Vec<&str> = match value {
        HeaderValue::Text(id) => vec![id.as_ref()],
        HeaderValue::TextList(ids) => ids.iter().map(AsRef::as_ref).collect(),
        _ => return None,
    };
    clean(one_line(&ids.join(" ")))
}

fn addresses(list: Option<&Address<'_>>) -> Option<String> {
    let addresses: Vec<&str> = list?.iter().filter_map(|addr| addr.address()).collect();
    clean(addresses.join(", "))
}

/// When it was sent, as its header says.
fn sent_at(message: &Message<'_>) -> Option<String> {
    let date = message.date().filter(|date| date.is_valid())?;
    Some(jiff::Timestamp::from_second(date.to_timestamp()).ok()?.to_string())
}

/// The same for a message and the answers to it.
fn subject_digest(subject: &str) -> String {
    let base = mail_parser::parsers::fields::thread::thread_name(subject);
    let digest = Sha256::digest(one_line(base).to_lowercase().as_bytes());
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("subject:{hex}")
}

fn attachments(message: &Message<'_>) -> Option<String> {
    json_array(message.attachments().map(|part| {
        let kind = part.content_type().map(|kind| {
            let subtype = kind.subtype().map(|name| format!("/{name}")).unwrap_or_default();
            format!("{}{subtype}", kind.ctype()).to_lowercase()
        });
        let kind = kind.unwrap_or_else(|| match part.body {
            PartType::Message(_) => "message/rfc822".to_owned(),
            _ => "text/plain".to_owned(),
        });
        let mut object = serde_json::json!({
            "name": part.attachment_name().map(one_line),
            "type": kind,
            "bytes": part.len(),
        });
        if let PartType::Message(inner) = &part.body {
            object["bytes"] = inner.raw_message.len().into();
            object["subject"] = inner.subject().map(one_line).into();
        }
        object
    }))
    .map(without_nul)
}

/// All headers in their order, decoded.
fn headers(raw: &[u8]) -> Option<String> {
    // With no header named, the parser would take the usual ones apart.
    let parser = MessageParser::new()
        .header_text(HeaderName::Subject)
        .default_header_text();
    let message = parser.parse_headers(raw)?;
    json_array(message.headers().iter().map(|header| {
        let value = header.value.as_text().map(one_line);
        serde_json::json!({"name": header.name.as_str(), "value": value})
    }))
    .map(without_nul)
}

fn clean(text: impl AsRef<str>) -> Option<String> {
    filled(without_nul(text.as_ref().to_owned()))
}

fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}
