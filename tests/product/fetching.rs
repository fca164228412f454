//! What a run says of a source that is fetched.

use std::process::Command;

use crate::command::Process;
use crate::desk::Desk;

const PROJECT: &str = "[project]\nname = \"fetched\"\n[sources.events]\nformat = \"sqlite\"\npath = \"raw/events.sqlite\"\n\
                       query = \"select * from events\"\ncursor = \"id\"\n";

fn sqlite(desk: &Desk, sql: &str) {
    let mut python = Command::new("python3");
    python.args([
        "-c",
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])",
    ]);
    python.arg(desk.file("raw/events.sqlite")).arg(sql);
    Process::start(python, Vec::new()).end().ok();
}

#[test]
fn a_run_says_when_it_starts_a_source_anew() {
    let desk = Desk::small("text\nx\n");
    desk.write("deskmill.toml", PROJECT);
    sqlite(
        &desk,
        "create table events(id, what); insert into events values (1, 'opened')",
    );
    let first = desk.deskmill(&["--json", "run"]).ok();
    assert_eq!(first.stderr, "");
    sqlite(
        &desk,
        "alter table events add column who default 'ann'; insert into events values (2, 'closed', 'bo')",
    );
    let second = desk.deskmill(&["--json", "run"]).ok();
    assert!(second.stderr.contains("all rows are fetched anew"), "{}", second.stderr);
    let rows = desk.last_run()["sources"]["events"]["rows"].as_u64();
    assert_eq!(rows, Some(2), "each row once");
    sqlite(&desk, "delete from events");
    let third = desk.deskmill(&["--json", "run"]).ok();
    assert!(
        third.stderr.contains("the last row that was fetched is gone"),
        "{}",
        third.stderr
    );
    assert_eq!(desk.last_run()["sources"]["events"]["rows"].as_u64(), Some(2));
}
