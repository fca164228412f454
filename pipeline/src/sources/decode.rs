//! From the bytes of a line to UTF-8, and what a byte order mark says. Lines are cut before they are decoded, which is
//! safe: in every encoding of the WHATWG standard but UTF-16 the bytes LF and CR are never a part of another character.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::LandRequest;
use super::encoding::detect;
use crate::error::Result;

/// What line ends are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// One byte: all encodings but UTF-16.
    Byte,
    /// Two bytes, the lower first.
    Little,
    /// Two bytes, the higher first.
    Big,
}

impl Unit {
    pub(super) fn of(encoding: &'static Encoding) -> Self {
        match encoding {
            e if e == UTF_16LE => Unit::Little,
            e if e == UTF_16BE => Unit::Big,
            _ => Unit::Byte,
        }
    }

    /// Bytes of one.
    pub(super) fn width(self) -> usize {
        if self == Unit::Byte { 1 } else { 2 }
    }

    /// The unit that starts at a byte; none if it is not all there.
    pub(super) fn at(self, bytes: &[u8], at: usize) -> Option<u16> {
        let first = *bytes.get(at)?;
        match self {
            Unit::Byte => Some(u16::from(first)),
            Unit::Little => Some(u16::from_le_bytes([first, *bytes.get(at + 1)?])),
            Unit::Big => Some(u16::from_be_bytes([first, *bytes.get(at + 1)?])),
        }
    }
}

/// The encoding of a file from its declared one and its start, and the length of its byte order mark. What is not
/// declared is told from the bytes; `is_whole` says that there are no more.
///
/// A mark that contradicts the declaration stops the run: one of the two is wrong, and only a person can tell which.
/// The two byte orders of UTF-16 are an exception, for the label `utf-16` means either.
pub(super) fn sniff(request: &LandRequest<'_>, head: &[u8], is_whole: bool) -> Result<(&'static Encoding, usize)> {
    let Some(label) = request.read.encoding.as_deref() else {
        let bom_bytes = Encoding::for_bom(head).map_or(0, |(_, bom_bytes)| bom_bytes);
        return Ok((detect(head, is_whole), bom_bytes));
    };
    let declared = Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        let message = format!("unknown encoding `{label}`");
        request.wrong(
            None,
            message,
            "use a label of the WHATWG Encoding Standard, such as utf-8 or gb18030",
        )
    })?;
    let Some((marked, bom_bytes)) = Encoding::for_bom(head) else {
        return Ok((declared, 0));
    };
    if marked == declared || (Unit::of(marked) != Unit::Byte && Unit::of(declared) != Unit::Byte) {
        return Ok((marked, bom_bytes));
    }
    let message = format!(
        "it is declared as {} and starts with the mark of {}",
        declared.name(),
        marked.name()
    );
    let hint = format!("write `encoding = \"{}\"` for this file", marked.name().to_lowercase());
    Err(request.wrong(Some(1), message, hint))
}

/// The text of a line in UTF-8, and whether it was valid. UTF-8 is passed through unchecked (and said to be valid): its
/// reader looks at a whole record at once.
pub(super) fn decode<'t>(encoding: &'static Encoding, raw: &'t [u8]) -> (Cow<'t, [u8]>, bool) {
    if encoding == UTF_8 {
        return (Cow::Borrowed(raw), true);
    }
    let (text, had_errors) = encoding.decode_without_bom_handling(raw);
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    (text, !had_errors)
}
