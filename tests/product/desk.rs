//! Project folders for tests: a simulated desk of any size, and a small hand-made one whose every row a test knows.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ended, Process};
use crate::csv::quoted;

/// A project in a scratch folder.
#[derive(Debug)]
pub struct Desk {
    root: PathBuf,
    _scratch: TempDir,
}

/// The project file of the small desk.
const SMALL_PROJECT: &str = r#"[project]
name = "small"

[limits]
row_max_bytes = 65536
rejects_max_share = 0.5

[sources.tickets]
format = "csv"
path = "raw/tickets.csv"
delimiter = ","
quote = "\""
header = true
skip_lines = 0
encoding = "utf-8"

[tables.tickets]
sql = "sql/tickets.sql"
rows_of = "tickets"
key = ["ticket_id"]
not_null = ["ticket_id", "body"]
cast = ["waiting_minutes"]

[models.intent]
kind = "intent"
examples = "sql/intent_examples.sql"
"#;

const SMALL_TICKETS: &str = "select _row, nullif(ticket_id, '') as ticket_id, nullif(body, '') as body, intent,
       try_cast(waiting_minutes as double) as waiting_minutes
from raw.tickets
";

const SMALL_EXAMPLES: &str = "select body as text, intent as label from tickets\n";

/// The header of the small desk's tickets.
pub const SMALL_HEADER: &str = "ticket_id,body,intent,waiting_minutes\n";

impl Desk {
    /// A simulated desk, not yet run. Its gate asks for little: a small desk is hard to learn from.
    pub fn sample(cases: u64, seed: u64) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let root = scratch.path().join("desk");
        let (cases, seed, out) = (cases.to_string(), seed.to_string(), root.display().to_string());
        Process::deskmill(
            scratch.path(),
            &["sample", "--cases", &cases, "--seed", &seed, "--out", &out],
        )
        .end()
        .ok();
        let desk = Self {
            root,
            _scratch: scratch,
        };
        desk.edit("deskmill.toml", "accuracy = 0.85", "accuracy = 0.30");
        desk.edit("deskmill.toml", "[serving]", "[serving]\nreload_every_ms = 20");
        desk
    }

    /// The small desk with these rows of tickets, header included; not yet run.
    pub fn small(tickets: impl AsRef<[u8]>) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let desk = Self {
            root: scratch.path().join("desk"),
            _scratch: scratch,
        };
        desk.write("deskmill.toml", SMALL_PROJECT);
        desk.write("sql/tickets.sql", SMALL_TICKETS);
        desk.write("sql/intent_examples.sql", SMALL_EXAMPLES);
        desk.write("raw/tickets.csv", tickets);
        desk
    }

    /// The project folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// A file of the project.
    pub fn file(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Writes a file of the project, and the folders above it.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.file(relative);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a scratch folder can be written");
        fs::write(path, content).expect("a scratch folder can be written");
    }

    /// Reads a text file of the project.
    #[track_caller]
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.file(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Reads a file of the project that may not be text all through.
    #[track_caller]
    pub fn bytes(&self, relative: &str) -> Vec<u8> {
        fs::read(self.file(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Replaces a text that stands in a file exactly once.
    #[track_caller]
    pub fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {relative}:\n{text}");
        self.write(relative, text.replacen(from, to, 1));
    }

    /// Runs `deskmill -C desk args...` to its end.
    pub fn deskmill(&self, args: &[&str]) -> Ended {
        Process::deskmill(&self.root, args).end()
    }

    /// `deskmill run`, which must end well; its report.
    #[track_caller]
    pub fn run(&self) -> Value {
        let ended = self.deskmill(&["--json", "run"]).ok();
        let mut last = ended.json_lines().pop().expect("a run says something");
        assert_eq!(last["event"], "report", "{last}");
        last["report"].take()
    }

    /// The report of the last run, as the work folder has it.
    #[track_caller]
    pub fn last_run(&self) -> Value {
        serde_json::from_str(&self.read(".deskmill/last-run.json")).expect("a report is JSON")
    }

    /// What `deskmill models` says: one object a version.
    #[track_caller]
    pub fn models(&self) -> Vec<Value> {
        self.deskmill(&["--json", "models"]).ok().json_lines()
    }

    /// The versions of a model with their aliases, newest first.
    #[track_caller]
    pub fn versions(&self, model: &str) -> Vec<(u64, Vec<String>)> {
        let of_model = self.models().into_iter().filter(|version| version["model"] == model);
        let aliases = |version: &Value| serde_json::from_value(version["aliases"].clone()).expect("a list of names");
        of_model
            .map(|version| (version["version"].as_u64().expect("a number"), aliases(&version)))
            .collect()
    }

    /// A copy in a scratch folder of its own.
    pub fn copy(&self) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let root = scratch.path().join("desk");
        copy_folder(&self.root, &root);
        Self {
            root,
            _scratch: scratch,
        }
    }

    /// All files below the project folder whose name ends so, as relative paths.
    pub fn files_ending(&self, end: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a scratch folder can be read") {
                let path = entry.expect("a scratch folder can be read").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(end) {
                    let relative = path.strip_prefix(&self.root).expect("it is below the root");
                    found.push(relative.to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        found
    }

    /// A text with the project folder written as DESK.
    pub fn neutral(&self, text: &str) -> String {
        text.replace(&self.root.display().to_string(), "DESK")
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a scratch folder can be written");
    for entry in fs::read_dir(from).expect("a scratch folder can be read") {
        let path = entry.expect("a scratch folder can be read").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a scratch folder can be written");
        }
    }
}

const OPENINGS: [&str; 6] = ["", "hello, ", "please help: ", "hi team, ", "您好，", "good morning. "];
const ENDINGS: [&str; 5] = ["", " thanks", " it is urgent", " 谢谢", " as soon as possible"];
const QUESTIONS: [(&str, [&str; 3]); 4] = [
    (
        "delivery",
        ["where is my parcel", "the courier never came", "我的包裹在哪里"],
    ),
    (
        "refund",
        ["i want my money back", "when do you refund me", "退款什么时候到账"],
    ),
    (
        "password",
        ["i cannot log in any more", "reset my password", "忘记密码了怎么办"],
    ),
    (
        "invoice",
        ["send me the invoice", "i need a bill for my taxes", "请给我开发票"],
    ),
];

/// 360 good rows of tickets for the small desk, header included. Every text is another one.
pub fn good_tickets() -> String {
    let mut csv = SMALL_HEADER.to_owned();
    let mut number = 0;
    for ending in ENDINGS {
        for opening in OPENINGS {
            for (intent, questions) in QUESTIONS {
                for question in questions {
                    number += 1;
                    let body = quoted(&format!("{opening}{question}{ending}"));
                    csv.push_str(&format!("T{number:04},{body},{intent},{}\n", number % 50));
                }
            }
        }
    }
    csv
}
