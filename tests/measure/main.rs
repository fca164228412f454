//! What the readers and text functions are worth on real data, as one table: `tests/MEASURED.md` is its last committed
//! print. Ends with 1 if a target is missed.
//!
//!     cargo test --release --workspace --exclude deskmill-tests --test measure [-- NAME ... | --markdown]

// The measures talk to a person at a terminal.
#![allow(clippy::print_stderr)]

mod csv;
mod encodings;
mod html;
mod json;
mod landed;
mod mail;
mod mojibake;
mod personal;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One measured figure.
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// The least it may be; none where it is only told.
    pub target: Option<f64>,
    /// How it came about, or what is missing.
    pub note: String,
}

impl Figure {
    fn is_missed(&self) -> bool {
        self.target
            .is_some_and(|target| self.value.is_nan() || self.value < target)
    }
}

type Measure = fn(&Path) -> Vec<Figure>;

const MEASURES: [(&str, Measure); 7] = [
    ("csv", csv::measure),
    ("encodings", encodings::measure),
    ("json", json::measure),
    ("mail", mail::measure),
    ("html", html::measure),
    ("mojibake", mojibake::measure),
    ("personal", personal::measure),
];

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let markdown = std::env::args().any(|argument| argument == "--markdown");
    let Some(data) = std::env::var_os("DESKMILL_DATA").map(PathBuf::from) else {
        eprintln!("!! SKIPPED: measures need the real data sets: set DESKMILL_DATA to their folder");
        return ExitCode::from(u8::from(std::env::var("CI").is_ok_and(|ci| ci == "true")));
    };
    let known = |name: &String| MEASURES.iter().any(|(measure, _)| measure == name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        let names: Vec<&str> = MEASURES.iter().map(|(name, _)| *name).collect();
        eprintln!("error: there is no measure `{unknown}`\nhint: {}", names.join(", "));
        return ExitCode::from(2);
    }
    let mut is_missed = false;
    println!("| measure | figure | target | |\n|---|---|---|---|");
    for (name, measure) in MEASURES {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        for figure in measure(&data) {
            is_missed |= figure.is_missed();
            let target = figure.target.map_or_else(String::new, |target| target.to_string());
            let verdict = if figure.is_missed() { "MISSED " } else { "" };
            let Figure {
                name: what,
                value,
                note,
                ..
            } = figure;
            println!("| {name}: {what} | {value:.4} | {target} | {verdict}{note} |");
        }
    }
    ExitCode::from(u8::from(is_missed && !markdown))
}
