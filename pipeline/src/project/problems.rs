//! What is wrong with a project file, and how it is shown: file, line, the TOML line, a caret, and a hint.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::reader::FILE_NAME;

/// Bytes of the project file.
pub(super) type Span = Range<usize>;

/// Problems beyond these are counted, not shown: by then the file is no project file.
const PROBLEMS_SHOWN_MAX: usize = 50;
/// Characters shown of a line, and of a quoted value.
const LINE_SHOWN_MAX: usize = 120;
const VALUE_SHOWN_MAX: usize = 60;

/// Why there is no project. Its Display is the whole rendering, `error:` and `hint:` lines included.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The folder has no project file.
    #[error(
        "error: there is no `{FILE_NAME}` in `{}`\n   hint: run `deskmill init` to write one, or name the project folder \
         with `-C DIR`", folder.display()
    )]
    Missing {
        /// The folder that was looked in.
        folder: PathBuf,
    },
    /// The project file is there but cannot be read.
    #[error(
        "error: cannot read `{}`\n   caused by: {cause}\n   hint: it must be a file of at most 1 MiB that you may read",
        path.display()
    )]
    Unreadable {
        /// The project file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The project file was read, and these things are wrong in it.
    #[error("{}", render(path, problems, *more))]
    Wrong {
        /// The project file.
        path: PathBuf,
        /// What is wrong, in the order of the file.
        problems: Vec<Problem>,
        /// How many more problems there are that are not listed.
        more: usize,
    },
}

/// One thing wrong in the project file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Where; none if something is missing from the file as a whole.
    pub place: Option<Place>,
}

/// A place in the project file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The line, or the part of it around the place if it is long; without control characters.
    pub excerpt: String,
    /// The characters of `excerpt` that are meant; may start at its end.
    pub caret: Range<usize>,
}

/// Problems as they are found. Shared by all readers of one file, hence the cell.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Finding>>);

#[derive(Debug)]
struct Finding {
    span: Option<Span>,
    message: String,
    hint: String,
}

impl Problems {
    /// Notes a problem at a key or value, or (without a span) of the file as a whole.
    pub(super) fn add(&self, span: Option<Span>, message: impl Into<String>, hint: impl Into<String>) {
        self.0.borrow_mut().push(Finding {
            span,
            message: message.into(),
            hint: hint.into(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// All problems as an error about the file at `path` that holds `text`.
    pub(super) fn into_error(self, path: &Path, text: &str) -> ProjectError {
        let mut found = self.0.into_inner();
        // What the whole file lacks (no span) comes first.
        found.sort_by_key(|finding| finding.span.as_ref().map(|span| span.start));
        let more = found.len().saturating_sub(PROBLEMS_SHOWN_MAX);
        found.truncate(PROBLEMS_SHOWN_MAX);
        let problems = found
            .into_iter()
            .map(|finding| Problem {
                message: finding.message,
                hint: finding.hint,
                place: finding.span.map(|span| place(text, &span)),
            })
            .collect();
        ProjectError::Wrong {
            path: path.to_owned(),
            problems,
            more,
        }
    }
}

/// A value or name of the file in backticks, without control characters, and cut if it is long.
pub(super) fn quoted(value: &str) -> String {
    let mut chars = value.chars().map(printable);
    let mut shown: String = chars.by_ref().take(VALUE_SHOWN_MAX).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// A file may hold anything; a terminal should not obey it.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

fn place(text: &str, span: &Span) -> Place {
    let mut start = text.floor_char_boundary(span.start);
    // The end of the file is the end of its last line, not an empty line after it.
    if start == text.len() {
        start = text.trim_end_matches(['\r', '\n']).len();
    }
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let line = text[line_start..line_end].trim_end_matches('\r');
    let before = text[line_start..start].chars().count();
    // A span over several lines is shown on its first.
    let end = text.floor_char_boundary(span.end).clamp(start, line_end);
    let width = text[start..end].trim_end_matches('\r').chars().count().max(1);

    let (excerpt, from) = excerpt(line, before);
    let caret_start = before - from;
    Place {
        line: text[..start].matches('\n').count() + 1,
        column: before + 1,
        excerpt,
        caret: caret_start..caret_start + width.min(LINE_SHOWN_MAX / 2),
    }
}

/// The line, or its part around the character `at` if it is long, and the character that this starts from.
fn excerpt(line: &str, at: usize) -> (String, usize) {
    if line.chars().nth(LINE_SHOWN_MAX).is_none() {
        return (line.chars().map(printable).collect(), 0);
    }
    let from = at.saturating_sub(LINE_SHOWN_MAX / 2);
    let mut rest = line.chars().skip(from).map(printable);
    let mut shown: Vec<char> = rest.by_ref().take(LINE_SHOWN_MAX).collect();
    // The mark takes the place of a character, so that the caret need not move.
    if let Some(first) = shown.first_mut().filter(|_| from > 0) {
        *first = '…';
    }
    if let Some(last) = shown.last_mut().filter(|_| rest.next().is_some()) {
        *last = '…';
    }
    (shown.into_iter().collect(), from)
}

fn render(path: &Path, problems: &[Problem], more: usize) -> String {
    let path = path.strip_prefix(".").unwrap_or(path).display();
    let last_line = problems
        .iter()
        .filter_map(|problem| problem.place.as_ref())
        .map(|place| place.line)
        .max();
    let margin = last_line.unwrap_or(0).to_string().len();
    let mut shown = String::new();
    for problem in problems {
        if !shown.is_empty() {
            shown.push_str("\n\n");
        }
        let _ = match &problem.place {
            None => write!(shown, "error: {}\n{:margin$}--> {path}", problem.message, ""),
            Some(place) => write!(
                shown,
                "error: {}\n{:margin$}--> {path}:{}:{}\n{:margin$} |\n{:margin$} | {}\n{:margin$} | {}",
                problem.message,
                "",
                place.line,
                place.column,
                "",
                place.line,
                place.excerpt,
                "",
                caret_line(place),
            ),
        };
        let _ = write!(shown, "\n{:margin$} hint: {}", "", problem.hint);
    }
    if more > 0 {
        let _ = write!(shown, "\n\nerror: {more} more problems in {path}");
    }
    shown
}

/// Blanks up to the place and carets under it, in the columns of a terminal.
fn caret_line(place: &Place) -> String {
    let columns = |from: usize, to: usize| -> usize {
        place
            .excerpt
            .chars()
            .skip(from)
            .take(to - from)
            .map(terminal_columns)
            .sum()
    };
    let blanks = columns(0, place.caret.start);
    let carets = columns(place.caret.start, place.caret.end).max(1);
    format!("{}{}", " ".repeat(blanks), "^".repeat(carets))
}

/// Columns of a character on a terminal: two for the wide blocks (East Asian, emoji), else one. Enough to set a caret.
fn terminal_columns(c: char) -> usize {
    match c as u32 {
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}
