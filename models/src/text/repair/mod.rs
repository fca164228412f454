//! Repair of mojibake: text whose bytes were decoded with the wrong encoding, once or in layers. Not a decoder of bytes:
//! it takes text as it stands and changes it only where the wrong decoding can be told with confidence.
//!
//! The method and the tables of characters follow ftfy 6.3 by Robyn Speer (Apache-2.0, github.com/rspeer/python-ftfy).

mod badness;
mod charsets;
mod chinese;
mod utf8;

use badness::is_bad;
use charsets::{CHARSETS, Charset, clues};

/// Layers of wrong decoding that are taken off a line, at most.
const LAYERS_MAX: usize = 6;
/// How deep broken stretches inside of broken stretches are followed.
const DEPTH_MAX: usize = 2;

/// `text` with mojibake repaired line by line: UTF-8 that was read as Windows-1252, Latin-1, Windows-1250, -1251, -1253,
/// -1254, -1257, ISO-8859-2, Mac Roman or code page 437, also where no-break spaces or unassigned bytes were lost, and
/// UTF-8 that was read as GBK or Big5. A character that cannot be brought back becomes U+FFFD. Total; text that shows no
/// sign of mojibake comes back as it is.
pub fn repair_mojibake(text: &str) -> String {
    if text.is_ascii() || !(is_bad(text) || chinese::may_repair(text)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
        match repair_stretch(body, 0) {
            Some(repaired) => out.push_str(&repaired),
            None => out.push_str(body),
        }
        out.push_str(end);
    }
    out
}

/// All layers of one line or stretch; `None` if nothing is to be done.
fn repair_stretch(text: &str, depth: usize) -> Option<String> {
    let mut repaired: Option<String> = None;
    for _ in 0..LAYERS_MAX {
        let current = repaired.as_deref().unwrap_or(text);
        match repair_layer(current, depth).or_else(|| chinese::repair(current)) {
            Some(next) if next != current => repaired = Some(next),
            _ => break,
        }
    }
    repaired
}

/// Takes one layer of a single-byte encoding off.
fn repair_layer(text: &str, depth: usize) -> Option<String> {
    if !is_bad(text) {
        return None;
    }
    CHARSETS
        .iter()
        .find_map(|charset| redecode(text, charset))
        .or_else(|| repair_inside(text, depth))
        .or_else(|| replace_c1(text))
}

/// `text` back to bytes with `charset`, and those bytes read as UTF-8, if both can be done.
fn redecode(text: &str, charset: &Charset) -> Option<String> {
    let mut bytes = charset.encode(text)?;
    if charset.restores_spaces {
        bytes = utf8::restore_no_break_spaces(&bytes);
    }
    if charset.is_sloppy {
        bytes = utf8::replace_lossy(&bytes);
    }
    utf8::decode(bytes)
}

/// Repairs stretches that look like UTF-8 inside of text that is otherwise sound.
fn repair_inside(text: &str, depth: usize) -> Option<String> {
    if depth >= DEPTH_MAX {
        return None;
    }
    let mut out = String::new();
    let mut copied = 0;
    let mut before = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let start = text.len() - rest.len();
        let sequence = if before.is_some_and(clues::is_continuation_strict) {
            0
        } else {
            clues::sequence_len(rest)
        };
        if sequence == 0 {
            before = Some(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let stretch = &rest[..sequence];
        before = stretch.chars().next_back();
        rest = &rest[sequence..];
        // A stretch that is all of the text was tried as a whole before.
        if stretch.len() < text.len()
            && is_bad(stretch)
            && let Some(repaired) = repair_stretch(stretch, depth + 1)
        {
            out.push_str(&text[copied..start]);
            out.push_str(&repaired);
            copied = start + sequence;
        }
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&text[copied..]);
    Some(out)
}

/// C1 control characters as what Windows-1252 has in their places, as browsers read them.
fn replace_c1(text: &str) -> Option<String> {
    let is_c1 = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
    if !text.contains(is_c1) {
        return None;
    }
    Some(
        text.chars()
            .map(|c| if is_c1(c) { charsets::windows_1252(c as u8) } else { c })
            .collect(),
    )
}

#[cfg(test)]
mod tests;
