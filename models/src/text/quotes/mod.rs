//! The newest reply of an e-mail's body, apart from what it quotes and how it is signed. Works on plain text; HTML goes
//! through `strip_html` first. Rules of form only, in eight languages; it does not know the mails that are quoted.

mod phrases;
mod signature;

use phrases::{HEADER_LABELS, INTRODUCTION_ENDS, INTRODUCTIONS, SENDER_LABELS, SEPARATORS};

/// Longer lines are prose, never a header or an introduction. In bytes.
const MARKER_LINE_MAX: usize = 400;
/// Lines that an introduction may be wrapped over.
const INTRODUCTION_LINES: usize = 3;
/// Lines below the sender's in which two other headers must come.
const HEADER_LINES: usize = 6;

/// The parts of a mail's body, each with its lines in order and without blank ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What the writer wrote, between quotes too.
    pub text: String,
    /// Quoted mails, with the lines that introduce them.
    pub quoted: String,
    /// Closing, name, device line, and what stands below the `-- ` line (RFC 3676, section 4.3).
    pub signature: String,
}

/// The writer's own text of a reply: quotes, their introductions and the signature dropped. Total and linear in time. If
/// only a guess (a block of headers, an introduction without `>`, a closing) would leave nothing, nothing is dropped for
/// it. A body without any of these comes back as it is.
pub fn strip_quotes(body: &str) -> String {
    split_reply(body).text
}

/// Splits a mail's body into own text, quoted mails and signature. The same rules as [`strip_quotes`].
pub fn split_reply(body: &str) -> Reply {
    let lines: Vec<&str> = body.lines().collect();
    let mut parts = quoted_lines(&lines);
    let own = |parts: &[Part]| {
        (0..parts.len())
            .filter(|&at| parts[at] == Part::Own && !lines[at].trim().is_empty())
            .collect::<Vec<_>>()
    };
    if own(&parts).is_empty() {
        // Nothing above an unmarked quote: then it is the text.
        parts
            .iter_mut()
            .filter(|part| **part == Part::Below)
            .for_each(|part| *part = Part::Own);
    }
    let lines_left = own(&parts);
    let kept = signature::body_len(&lines, &lines_left);
    for &at in &lines_left[kept..] {
        parts[at] = Part::Signature;
    }
    let take = |wanted: &[Part]| {
        join(
            lines
                .iter()
                .zip(&parts)
                .filter(|(_, part)| wanted.contains(part))
                .map(|(line, _)| *line),
        )
    };
    let quoted = take(&[Part::Marked, Part::Below]);
    let signature = take(&[Part::Signature]);
    let text = if quoted.is_empty() && signature.is_empty() {
        body.to_owned()
    } else {
        take(&[Part::Own])
    };
    Reply {
        text,
        quoted,
        signature,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Own,
    /// A line with `>`, or an introduction of such lines.
    Marked,
    /// Below a separator, a block of headers or an introduction, with no mark of its own.
    Below,
    Signature,
}

fn quoted_lines(lines: &[&str]) -> Vec<Part> {
    let mut parts = vec![Part::Own; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        if is_marked(lines[at]) {
            parts[at] = Part::Marked;
            at += 1;
            continue;
        }
        let introduction = introduction_len(&lines[at..]);
        if introduction > 0 {
            let below = &lines[at + introduction..];
            let is_followed_by_marks = below
                .iter()
                .find(|line| !line.trim().is_empty())
                .is_some_and(|line| is_marked(line));
            if is_followed_by_marks {
                parts[at..at + introduction].fill(Part::Marked);
                at += introduction;
                continue;
            }
        }
        if introduction > 0 || is_separator(lines[at]) || is_header_block(&lines[at..]) {
            let rule = at.checked_sub(1).filter(|&above| is_rule(lines[above]));
            parts[rule.unwrap_or(at)..].fill(Part::Below);
            break;
        }
        at += 1;
    }
    parts
}

fn is_marked(line: &str) -> bool {
    line.trim_start().starts_with(['>', '＞'])
}

/// A line of signs only, as Outlook puts above the headers.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 5 && line.chars().all(|c| matches!(c, '_' | '-' | '=' | '*' | '—' | '─'))
}

/// `-----Original Message-----` and its like.
fn is_separator(line: &str) -> bool {
    let line = line.trim();
    if line.len() > MARKER_LINE_MAX || !line.starts_with(['-', '_', '—', '─', '=', '*']) {
        return false;
    }
    let inner = line
        .trim_matches(|c: char| matches!(c, '-' | '_' | '—' | '─' | '=' | '*' | ':' | '：') || c.is_whitespace())
        .to_lowercase();
    SEPARATORS.contains(&inner.as_str())
}

/// How many lines the introduction at the start takes, 0 if there is none.
fn introduction_len(lines: &[&str]) -> usize {
    let Some(first) = lines
        .first()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && line.len() <= MARKER_LINE_MAX)
    else {
        return 0;
    };
    let start = first.to_lowercase();
    let opens: Vec<&[&str]> = INTRODUCTIONS
        .iter()
        .filter(|(words, _)| words.iter().any(|word| start.starts_with(word)))
        .map(|(_, verbs)| *verbs)
        .collect();
    let mut joined = String::new();
    for (count, line) in lines.iter().take(INTRODUCTION_LINES).enumerate() {
        let line = line.trim();
        if line.is_empty() || line.len() > MARKER_LINE_MAX || is_marked(line) {
            return 0;
        }
        joined.push(' ');
        joined.push_str(&line.to_lowercase());
        let Some(inner) = joined.strip_suffix([':', '：']).map(str::trim_end) else {
            continue;
        };
        // A date, a time or an address makes it a mail program's line and not a person's.
        let is_dated = inner.contains(|c: char| c.is_ascii_digit() || c == '@');
        let has_verb = opens.iter().any(|verbs| verbs.iter().any(|verb| inner.contains(verb)));
        let has_chinese_end = INTRODUCTION_ENDS.iter().any(|end| inner.ends_with(end));
        if is_dated && (has_verb || has_chinese_end) {
            return count + 1;
        }
        return 0;
    }
    0
}

/// Whether a sender's line and two more headers start here.
fn is_header_block(lines: &[&str]) -> bool {
    let Some(sender) = lines.first().and_then(|line| label(line)) else {
        return false;
    };
    if !SENDER_LABELS.contains(&sender.as_str()) {
        return false;
    }
    let following = lines[1..].iter().take(HEADER_LINES).filter_map(|line| label(line));
    following
        .filter(|label| HEADER_LABELS.contains(&label.as_str()))
        .count()
        >= 2
}

/// The label of `Label: value`, also as `*Label:* value`, in lower case.
fn label(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches('*');
    let end = line.find([':', '：']).filter(|&end| end <= 40)?;
    let label: String = line[..end]
        .trim_matches(|c: char| c == '*' || c.is_whitespace())
        .to_lowercase();
    // Chinese programs pad short labels: `主 题`.
    if label.is_ascii() {
        Some(label)
    } else {
        Some(label.replace(['\u{3000}', ' '], ""))
    }
    .filter(|label| !label.is_empty())
}

/// Lines joined, blank ends cut, and never more than one blank line in a row.
fn join<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    let mut blank = false;
    for line in lines {
        if line.trim().is_empty() {
            blank = true;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank { "\n\n" } else { "\n" });
        }
        blank = false;
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests;
