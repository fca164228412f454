//! Bytes that were UTF-8 before they were damaged: lost no-break spaces, lost bytes, surrogate pairs (CESU-8).

use super::charsets::LOST;

const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Puts byte 0xA0 back where a space stands for it and the bytes around would be UTF-8 with it.
pub(super) fn restore_no_break_spaces(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let len = altered_len(rest);
        if byte == 0xc3 && len == 2 {
            // `à` is a word in French, so its space is one of its own; in Portuguese it also begins `às` and `àquele`.
            out.extend([0xc3, 0xa0]);
            let joins = [&b" "[..], b"quele", b"quela", b"quilo", b"s "]
                .iter()
                .any(|next| rest[2..].starts_with(next));
            if !joins {
                out.push(b' ');
            }
        } else {
            out.extend(
                rest[..len.max(1)]
                    .iter()
                    .map(|&b| if len > 0 && b == b' ' { 0xa0 } else { b }),
            );
        }
        at += len.max(1);
    }
    out
}

/// Bytes of the sequence at the start that would be a likely character if its one space were 0xA0, else 0.
fn altered_len(bytes: &[u8]) -> usize {
    let inner = |b: u8| matches!(b, 0x80..=0x84 | 0x86..=0x9f | 0xa1..=0xbf);
    let next = |b: u8| matches!(b, 0x80..=0xbf);
    match *bytes {
        [0xc2 | 0xc3 | 0xc5 | 0xce | 0xd0 | 0xd9, b' ', ..] => 2,
        [0xe2 | 0xe3, b' ', b, ..] if inner(b) => 3,
        [0xe0..=0xe3, b, b' ', ..] if inner(b) => 3,
        [0xf0, b' ', b, c, ..] if next(b) && next(c) => 4,
        [0xf0, b, b' ', c, ..] if next(b) && next(c) => 4,
        [0xf0, b, c, b' ', ..] if next(b) && next(c) => 4,
        _ => 0,
    }
}

/// Replaces sequences of which a byte was lost by the replacement character.
pub(super) fn replace_lossy(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match lossy_len(&bytes[at..]) {
            0 => {
                out.push(byte);
                at += 1;
            }
            len => {
                out.extend(REPLACEMENT);
                at += len;
            }
        }
    }
    out
}

/// Bytes of the damaged sequence at the start; at most one question mark may stand for a lost byte.
fn lossy_len(bytes: &[u8]) -> usize {
    let lost = |b: u8| b == LOST || b == b'?';
    let next = |b: u8| matches!(b, 0x80..=0xbf) || b == LOST;
    match *bytes {
        [0xc2..=0xdf, LOST, ..] | [0xc2 | 0xc3, b'?', ..] => 2,
        [0xed, 0xa0..=0xaf, b, 0xed, 0xb0..=0xbf, c, ..]
            if (lost(b) && (lost(c) || next(c))) || (next(b) && lost(c)) =>
        {
            6
        }
        [0xe0..=0xef, b, c, ..] if (lost(b) && next(c)) || (next(b) && lost(c)) => 3,
        [0xf0..=0xf4, b, c, d, ..]
            if (lost(b) && next(c) && next(d))
                || (next(b) && lost(c) && next(d))
                || (next(b) && next(c) && lost(d)) =>
        {
            4
        }
        [LOST, ..] => 1,
        _ => 0,
    }
}

/// Reads UTF-8, and as second try CESU-8 and Java's two-byte NUL; `None` if it is none of these.
pub(super) fn decode(bytes: Vec<u8>) -> Option<String> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Some(text),
        Err(error) => error.into_bytes(),
    };
    if !bytes.iter().any(|&b| b == 0xed || b == 0xc0) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match bytes[at..] {
            [
                0xed,
                high @ 0xa0..=0xaf,
                high_low @ 0x80..=0xbf,
                0xed,
                low @ 0xb0..=0xbf,
                low_low @ 0x80..=0xbf,
                ..,
            ] => {
                let bits = |byte: u8, mask: u8| u32::from(byte & mask);
                let code = 0x10000
                    + (bits(high, 0xf) << 16)
                    + (bits(high_low, 0x3f) << 10)
                    + (bits(low, 0xf) << 6)
                    + bits(low_low, 0x3f);
                out.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
                at += 6;
            }
            [0xc0, 0x80, ..] => {
                out.push(0);
                at += 2;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}
