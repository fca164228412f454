//! Where the signature of a mail begins among the writer's own lines.

use super::phrases::{CLOSINGS, DEVICE_LINES, WEAK_CLOSINGS};

/// Lines that may follow the delimiter, a closing, a closing that is also body, and a device line.
const AFTER_DELIMITER: usize = 15;
const AFTER_CLOSING: usize = 8;
const AFTER_WEAK_CLOSING: usize = 2;
const AFTER_DEVICE: usize = 2;
/// Characters of a line in a signature, and words of a name.
const SHORT_LINE: usize = 64;
const NAME_WORDS: usize = 4;

/// How many of the own lines (`own` holds their places in `lines`, blank ones left out) are body. At least one, if there
/// are any.
pub(super) fn body_len(lines: &[&str], own: &[usize]) -> usize {
    let mut body = own.len();
    // A device line can stand below a closing, so the search goes on above what was found.
    while let Some(found) =
        (body.saturating_sub(AFTER_DELIMITER + 1).max(1)..body).find(|&at| starts(lines, &own[at..body]))
    {
        body = found;
    }
    body
}

fn starts(lines: &[&str], own: &[usize]) -> bool {
    let Some((&first, rest)) = own.split_first() else {
        return false;
    };
    let line = lines[first].trim();
    let after = || rest.iter().map(|&at| lines[at].trim());
    let is_short = |line: &str| line.chars().take(SHORT_LINE + 1).count() <= SHORT_LINE;
    if lines[first] == "-- " || matches!(line, "--" | "—") {
        return rest.len() <= AFTER_DELIMITER;
    }
    if !is_short(line) {
        return false;
    }
    let phrase = line
        .trim_end_matches(|c: char| {
            matches!(c, ',' | '.' | '!' | '，' | '。' | '！' | '~' | '～' | ':') || c.is_whitespace()
        })
        .to_lowercase();
    let squeezed = phrase.replace(' ', "");
    if CLOSINGS
        .iter()
        .any(|closing| *closing == phrase || *closing == squeezed)
    {
        return rest.len() <= AFTER_CLOSING && after().all(|line| is_short(line) && !line.ends_with(['?', '？']));
    }
    if WEAK_CLOSINGS.contains(&phrase.as_str()) {
        return !rest.is_empty() && rest.len() <= AFTER_WEAK_CLOSING && after().all(is_name);
    }
    DEVICE_LINES.iter().any(|start| phrase.starts_with(start)) && rest.len() <= AFTER_DEVICE && after().all(is_short)
}

/// A few words that all begin in upper case, or a Chinese name.
fn is_name(line: &str) -> bool {
    if line.ends_with(['?', '!', '？', '！', '。']) {
        return false;
    }
    let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let mut words = line.split_whitespace();
    (&mut words).take(NAME_WORDS).all(|word| {
        let first = word.chars().next().unwrap_or(' ');
        first.is_uppercase() || (is_han(first) && word.chars().take(5).count() <= 4)
    }) && words.next().is_none()
}
