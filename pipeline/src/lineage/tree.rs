//! A lineage as a tree on a terminal, drawn as `cargo tree` does: what something was made from stands below it, indented.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::gather::Lineage;
use super::now::{Now, OutputNow, Since};
use super::output::{FileOrigin, Input, Output, SOURCE};

/// Digits of a digest on a terminal.
const DIGEST_DIGITS: usize = 8;

/// A line, and what stands below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Branch {
    /// The line.
    pub text: String,
    /// Below it.
    pub below: Vec<Branch>,
}

/// The lines of a tree.
pub fn draw(tree: &Branch) -> Vec<String> {
    let mut lines = vec![tree.text.clone()];
    draw_below(tree, "", &mut lines);
    lines
}

fn draw_below(tree: &Branch, indent: &str, lines: &mut Vec<String>) {
    for (at, branch) in tree.below.iter().enumerate() {
        let (sign, under) = if at + 1 == tree.below.len() {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        lines.push(format!("{indent}{sign}{}", branch.text));
        draw_below(branch, &format!("{indent}{under}"), lines);
    }
}

impl Lineage {
    /// The tree from what it is the lineage of down to the files, of each source at most `files_max`. With `now`, what has
    /// changed since is marked.
    pub fn tree(&self, now: Option<&Now>, files_max: usize) -> Branch {
        let outputs = self.outputs.iter().map(|output| {
            (
                (output.stage.as_str(), output.name.as_str(), output.key.as_str()),
                output,
            )
        });
        let mut painter = Painter {
            lineage: self,
            outputs: outputs.collect(),
            now,
            files_max,
            drawn: HashSet::new(),
        };
        painter.branch(&self.of)
    }
}

struct Painter<'a> {
    lineage: &'a Lineage,
    outputs: HashMap<(&'a str, &'a str, &'a str), &'a Output>,
    now: Option<&'a Now>,
    files_max: usize,
    drawn: HashSet<&'a str>,
}

impl<'a> Painter<'a> {
    fn branch(&mut self, input: &'a Input) -> Branch {
        let title = format!("{} {} {}", noun(&input.stage), plain(input.of()), short(&input.content));
        // What is read in several places is drawn once.
        if !self.drawn.insert(&input.content) {
            return leaf(format!("{title} (above)"));
        }
        if input.stage == SOURCE {
            return self.source(input, &title);
        }
        let Some(output) = self.outputs.get(&(&*input.stage, input.of(), &*input.content)).copied() else {
            return leaf(format!("{title}  [what it was made from is not known]"));
        };
        let mark = self.mark(self.now.and_then(|now| now.outputs.get(&output.key)));
        Branch {
            text: format!("{title}  {}{mark}", figures(output)),
            below: output.inputs.iter().map(|read| self.branch(read)).collect(),
        }
    }

    fn source(&mut self, input: &'a Input, title: &str) -> Branch {
        let Some(source) = self.lineage.source(input.of(), &input.content) else {
            return leaf(format!("{title}  [which files it had is not known]"));
        };
        let mark = self.mark(self.now.and_then(|now| now.outputs.get(&source.content)));
        let text = format!(
            "{title}  {}, {} in {}{mark}",
            rows(source.rows, source.rejects),
            bytes(source.bytes),
            counted(source.files, "file")
        );
        let (mut below, mut left) = (Vec::new(), 0);
        for key in &source.landings {
            let output = self.outputs.get(&("ingest", &*source.name, &**key)).copied();
            let Some((output, files)) = output.and_then(|output| Some((output, output.files.as_ref()?))) else {
                below.push(leaf(format!("landing {}  [not known]", short(key))));
                continue;
            };
            if files.left_out.is_some() {
                let mark = self.mark(self.now.and_then(|now| now.outputs.get(&output.key)));
                let figures = format!(
                    "{}, {}",
                    rows(output.count("rows"), output.count("rejects")),
                    bytes(output.count("bytes"))
                );
                let list = short(&files.list_sha256);
                below.push(leaf(format!(
                    "{} {list}  {figures}{mark}",
                    counted(files.count, "file")
                )));
            }
            for file in &files.listed {
                if below.len() < self.files_max {
                    below.push(leaf(self.file(file, output.dialect.as_ref())));
                } else {
                    left += 1;
                }
            }
        }
        if left > 0 {
            below.push(leaf(format!("... {} more: --json", counted(left, "file"))));
        }
        Branch { text, below }
    }

    fn file(&self, file: &FileOrigin, dialect: Option<&Value>) -> String {
        let mark = match self.now.and_then(|now| now.files.get(&file.path)) {
            None | Some(Since::Same) => "",
            Some(Since::Changed) => "  [the file has changed since]",
            Some(Since::Gone) => "  [the file is not here]",
            Some(Since::Unread) => "  [the project does not read it any more]",
        };
        let encoding = dialect.and_then(|dialect| dialect.get("encoding")?.as_str());
        let encoding = encoding.map_or_else(String::new, |name| format!(", {}", plain(name)));
        format!(
            "{} {}  {}, {}{encoding}{mark}",
            plain(&file.path),
            short(&file.sha256),
            rows(file.rows, file.rejects),
            bytes(file.bytes)
        )
    }

    fn mark(&self, now: Option<&OutputNow>) -> String {
        match now {
            None => String::new(),
            Some(now) => match now.since {
                Since::Same => String::new(),
                Since::Changed if now.changed.is_empty() => "  [changed since]".to_owned(),
                Since::Changed => format!("  [would be remade; changed: {}]", plain(&now.changed.join(", "))),
                Since::Gone | Since::Unread => "  [not in this project]".to_owned(),
            },
        }
    }
}

fn leaf(text: String) -> Branch {
    Branch {
        text,
        below: Vec::new(),
    }
}

/// What the output of a stage is called.
fn noun(stage: &str) -> &str {
    match stage {
        "clean" => "table",
        "assemble" => "examples of",
        "fit" => "fitted",
        "evaluate" => "report of",
        other => other,
    }
}

fn figures(output: &Output) -> String {
    let count = |name: &str| grouped(output.count(name));
    let figures = match output.stage.as_str() {
        "clean" if output.count("rows_in") == output.count("kept") => counted(output.count("kept"), "row"),
        "clean" => format!(
            "{} rows in: {} kept, {} duplicates, {} rejects",
            count("rows_in"),
            count("kept"),
            count("duplicates"),
            count("rejects")
        ),
        "assemble" => format!(
            "{} train, {} calibrate, {} test",
            count("train"),
            count("calibrate"),
            count("test")
        ),
        "fit" => bytes(output.count("artifact_bytes")),
        _ => counted(output.count("rows"), "row"),
    };
    match &output.sql {
        Some(sql) => format!("{figures}; {} {}", plain(&sql.path), short(&sql.sha256)),
        None => figures,
    }
}

fn rows(rows: u64, rejects: u64) -> String {
    match rejects {
        0 => counted(rows, "row"),
        _ => format!("{}, {}", counted(rows, "row"), counted(rejects, "reject")),
    }
}

fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size for people.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn short(digest: &str) -> String {
    plain(digest).chars().take(DIGEST_DIGITS).collect()
}

/// A lineage may come from elsewhere: nothing in it may steer a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|sign| {
            let escaped = sign.is_control().then(|| sign.escape_default());
            let kept = (!sign.is_control()).then_some(sign);
            escaped.into_iter().flatten().chain(kept)
        })
        .collect()
}
