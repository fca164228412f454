//! The text of a message: which parts it is made of, flowed lines joined, charsets nobody named told.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, Message, MessagePart, MimeHeaders as _, PartType};

use crate::sources::document::detect;
use crate::sources::html::plain_text;

/// The text of a message.
pub(super) struct Body {
    pub text: String,
    /// Whether all of it comes from HTML.
    pub is_html: bool,
}

/// The parts that a reader without HTML would show (RFC 8621, section 4.1.4), as one text.
pub(super) fn body_of(message: &Message<'_>, raw: &[u8]) -> Body {
    let mut texts = Vec::new();
    let mut is_html = true;
    for part in message.text_bodies() {
        match &part.body {
            PartType::Text(text) => {
                is_html = false;
                texts.push(flowed(part, decoded(part, text, raw)));
            }
            PartType::Html(html) => texts.push(plain_text(&decoded(part, html, raw))),
            _ => {}
        }
    }
    Body {
        is_html: is_html && !texts.is_empty(),
        text: texts.join("\n").replace("\r\n", "\n"),
    }
}

/// The newest text of a message: without what it quotes, and without a signature.
pub(super) fn newest_reply(text: &str) -> String {
    deskmill_models::text::split_reply(text).text
}

/// The text of a part. Where nobody names its charset and it is not UTF-8, its bytes are looked at again.
fn decoded<'t>(part: &MessagePart<'_>, text: &'t str, raw: &[u8]) -> Cow<'t, str> {
    let charset = part.content_type().and_then(|kind| kind.attribute("charset"));
    let is_named = charset.is_some_and(|name| !name.eq_ignore_ascii_case("us-ascii"));
    if is_named || !text.contains('\u{fffd}') {
        return Cow::Borrowed(text);
    }
    let range = part.raw_body_offset() as usize..part.raw_end_offset() as usize;
    let Some(bytes) = raw.get(range) else {
        return Cow::Borrowed(text);
    };
    let bytes = match part.encoding {
        Encoding::None => Some(bytes.to_vec()),
        Encoding::QuotedPrintable => quoted_printable_decode(bytes),
        Encoding::Base64 => base64_decode(bytes),
    };
    bytes.map_or(Cow::Borrowed(text), |bytes| {
        let (text, _) = detect(&bytes).decode_without_bom_handling(&bytes);
        Cow::Owned(text.into_owned())
    })
}

/// Joins the lines of a text with `format=flowed` (RFC 3676); other texts stay.
fn flowed(part: &MessagePart<'_>, text: Cow<'_, str>) -> String {
    let attribute = |name: &str| part.content_type().and_then(|kind| kind.attribute(name));
    if !attribute("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed")) {
        return text.into_owned();
    }
    let del_sp = attribute("delsp").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    join_flowed(&text, del_sp)
}

fn join_flowed(text: &str, del_sp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // The quote depth of a line that goes on in the next.
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|&byte| byte == b'>').count();
        let content = &line[depth..];
        let content = content.strip_prefix(' ').unwrap_or(content);
        let is_signature = content == "-- ";
        if open != Some(depth) || is_signature {
            if !out.is_empty() {
                out.push('\n');
            }
            if depth > 0 {
                out.extend(std::iter::repeat_n('>', depth));
                out.push(' ');
            }
        }
        let is_open = content.ends_with(' ') && !is_signature;
        out.push_str(if is_open && del_sp {
            &content[..content.len() - 1]
        } else {
            content
        });
        open = is_open.then_some(depth);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowed_lines_are_joined_within_their_quote() {
        let text = "Hello \nworld\n> one \n> two\n>> three \n> four\n  From stuffed\n-- \nAnna";
        let joined = "Hello world\n> one two\n>> three \n> four\n From stuffed\n-- \nAnna";
        assert_eq!(join_flowed(text, false), joined);
        assert_eq!(join_flowed("退 \n款", true), "退款");
    }

    #[test]
    fn the_newest_reply_is_without_quotes_and_signature() {
        assert_eq!(newest_reply("yes\n> really?\nsure\n\n-- \nAnna"), "yes\nsure");
    }
}
