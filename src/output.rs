//! What people and programs see: errors with hints, tables, progress. Nothing is decided here.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;

use deskmill_pipeline::events::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;

/// Done.
pub const DONE: u8 = 0;
/// The data or the gate said no.
pub const REFUSED: u8 = 1;
/// The project, a flag or a file is wrong.
pub const WRONG: u8 = 2;

/// An error with its own hint, for what the libraries cannot know.
#[derive(Debug)]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

/// Shows why a verb failed and gives the exit code.
pub fn fail(error: &anyhow::Error, json: bool) -> ExitCode {
    // A reader that has seen enough (`| head`) is no failure of ours.
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return ExitCode::from(DONE);
    }
    let (hint, code) = hint_and_code(error);
    if json {
        eprint_line(&json!({ "error": format!("{error:#}"), "hint": hint }).to_string());
        return ExitCode::from(code);
    }
    let text = error.to_string();
    // A project error is a whole rendering with carets and hints of its own.
    eprint_line(&if text.starts_with("error:") {
        text.clone()
    } else {
        format!("error: {text}")
    });
    let mut shown = text;
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !shown.contains(&cause) {
            eprint_line(&format!("caused by: {cause}"));
            shown = cause;
        }
    }
    if !hint.is_empty() {
        eprint_line(&format!("hint: {hint}"));
    }
    ExitCode::from(code)
}

fn hint_and_code(error: &anyhow::Error) -> (String, u8) {
    use deskmill_models::Error as M;
    use deskmill_pipeline::Error as P;
    for cause in error.chain() {
        if let Some(wrong) = cause.downcast_ref::<Wrong>() {
            return (wrong.hint.clone(), WRONG);
        }
        if let Some(error) = cause.downcast_ref::<P>() {
            let refused = matches!(
                error,
                P::Rejects { .. }
                    | P::Checks { .. }
                    | P::Examples { .. }
                    | P::Table { .. }
                    | P::Model(M::Examples { .. })
            );
            return (error.hint(), if refused { REFUSED } else { WRONG });
        }
        if let Some(error) = cause.downcast_ref::<M>() {
            return (error.hint(), WRONG);
        }
    }
    (String::new(), WRONG)
}

fn eprint_line(text: &str) {
    // Nothing can be done if nobody reads our errors.
    let _unread = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a line on standard output.
///
/// # Errors
/// When it is closed.
pub fn line(text: impl std::fmt::Display) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}

/// Prints a value as one line of JSON.
///
/// # Errors
/// When standard output is closed.
pub fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string(value)?)?;
    Ok(())
}

/// Prints rows under their headings, columns as wide as they need.
///
/// # Errors
/// When standard output is closed.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> std::io::Result<()> {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| wide(&row[at]));
        cells.max().unwrap_or(0).max(wide(headings[at]))
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let show = |cells: Vec<&str>| -> String {
        let pad = |(cell, width): (&&str, &usize)| format!("{cell}{}", " ".repeat(width.saturating_sub(wide(cell))));
        cells
            .iter()
            .zip(&widths)
            .map(pad)
            .collect::<Vec<_>>()
            .join("  ")
            .trim_end()
            .to_owned()
    };
    line(show(headings.to_vec()))?;
    rows.iter()
        .try_for_each(|row| line(show(row.iter().map(String::as_str).collect())))
}

/// Columns a text takes on a terminal: Chinese characters take two.
fn wide(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if ('\u{1100}'..='\u{ffef}').contains(&c) && !c.is_ascii() {
                2
            } else {
                1
            }
        })
        .sum()
}

/// Shows a run while it works.
pub struct RunView {
    json: bool,
    bars: MultiProgress,
    open: Mutex<HashMap<(&'static str, String), ProgressBar>>,
}

impl RunView {
    /// Bars on a terminal, JSON lines in a pipe or where asked for.
    pub fn new(json: bool) -> Self {
        let json = json || !std::io::stdout().is_terminal();
        Self {
            json,
            bars: MultiProgress::new(),
            open: Mutex::default(),
        }
    }

    /// Whether JSON lines are printed.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Shows one event.
    pub fn show(&self, event: Event) {
        if self.json {
            if let Ok(text) = serde_json::to_string(&event) {
                // A closed pipe must not stop a run half way.
                let _unread = line(text);
            }
            return;
        }
        match event {
            Event::Run {
                run, steps_done, steps, ..
            } => {
                self.print(&format!("run {run}: {} of {steps} steps to do", steps - steps_done));
            }
            Event::Progress {
                stage,
                name,
                share,
                what,
            } => {
                let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let bar = open.entry((stage, name.clone())).or_insert_with(|| {
                    let style = ProgressStyle::with_template("  {spinner} {prefix:28} {bar:24} {msg}");
                    let bar = self.bars.add(ProgressBar::new(1000));
                    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                    bar.set_prefix(format!("{stage} {name}"));
                    bar
                });
                bar.set_position((share * 1000.0) as u64);
                bar.set_message(what);
            }
            Event::Stage {
                stage,
                name,
                skipped,
                wall_s,
                outcome,
                ..
            } => {
                let bar = self
                    .open
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .remove(&(stage, name.clone()));
                bar.iter().for_each(ProgressBar::finish_and_clear);
                let time = if skipped {
                    "as before".to_owned()
                } else {
                    format!("{wall_s:.1} s")
                };
                self.print(&format!("  {stage:<9} {name:<16} {time:>9}  {outcome}"));
            }
        }
    }

    fn print(&self, text: &str) {
        // As above: a closed terminal must not stop a run.
        let _unread = self.bars.println(text);
    }
}
