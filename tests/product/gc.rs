//! `deskmill gc`: what is not needed goes, what is needed stays, and a kill in the midst of it harms nothing.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::command::Process;
use crate::desk::{Desk, good_tickets};

/// The small desk, run once; then its table was made in another way that no model saw, and is as before again.
fn with_rubbish() -> Desk {
    let desk = Desk::small(good_tickets());
    desk.run();
    let sql = desk.read("sql/tickets.sql");
    desk.write("sql/tickets.sql", format!("{sql} where body <> '退款'"));
    desk.deskmill(&["check"]).ok();
    desk.write("sql/tickets.sql", sql);
    // What the last check made is not rubbish yet: a replay may ask for its rejects.
    desk.deskmill(&["check"]).ok();
    desk
}

/// What `gc` says of each folder: removed and kept.
#[track_caller]
fn gc(desk: &Desk, args: &[&str]) -> Value {
    let mut said = desk.deskmill(&[&["--json", "gc"], args].concat()).ok().json_lines();
    assert_eq!(said.len(), 1);
    said.remove(0)
}

fn removed(said: &Value) -> u64 {
    let stages = said["stages"].as_array().expect("a list of stages");
    stages
        .iter()
        .map(|stage| stage["removed"]["count"].as_u64().expect("a number"))
        .sum()
}

fn files(desk: &Desk) -> BTreeSet<String> {
    desk.files_ending("")
        .into_iter()
        .filter(|name| name.starts_with(".deskmill/"))
        .collect()
}

#[track_caller]
fn nothing_to_do(desk: &Desk) {
    let plan = desk.deskmill(&["--json", "plan"]).ok().json_lines();
    let steps = plan[0]["steps"].as_array().expect("a list of steps");
    assert!(steps.iter().all(|step| step["done"] == true), "{steps:?}");
    let events = desk.deskmill(&["--json", "run"]).ok().json_lines();
    let stages: Vec<&Value> = events.iter().filter(|event| event["event"] == "stage").collect();
    assert!(stages.len() >= 5, "{events:?}");
    assert!(stages.iter().all(|stage| stage["skipped"] == true), "{stages:?}");
}

#[test]
fn what_nothing_needs_goes_and_nothing_else() {
    let desk = with_rubbish();
    // A second version, so that two are in use and only one is what the project is now.
    desk.edit(
        "sql/intent_examples.sql",
        "from tickets",
        "from tickets where length(body) > 3",
    );
    desk.run();
    assert_eq!(desk.versions("intent").len(), 2);
    let lineage = |version: &str| desk.deskmill(&["--json", "lineage", version]).ok().stdout;
    let before = (files(&desk), lineage("intent@1"), lineage("intent@2"));
    assert!(
        before
            .0
            .iter()
            .filter(|name| name.starts_with(".deskmill/tables/"))
            .count()
            > 3
    );

    let said = gc(&desk, &["--dry-run"]);
    assert_eq!(said["dry_run"], true);
    assert_eq!(files(&desk), before.0, "a dry run removes nothing");
    let done = gc(&desk, &[]);
    assert_eq!(said["stages"], done["stages"]);
    let of = |stage: &str| -> (u64, u64) {
        let stages = done["stages"].as_array().expect("a list of stages");
        let found = stages
            .iter()
            .find(|found| found["stage"] == stage)
            .expect("it was looked at");
        let count = |what: &str| found[what]["count"].as_u64().expect("a number");
        (count("removed"), count("kept"))
    };
    assert_eq!(of("tables"), (1, 1), "the table that no model saw");
    assert_eq!(of("raw"), (0, 1));
    assert_eq!(of("examples"), (0, 2), "those of both versions");
    assert_eq!(of("reports"), (0, 2));

    nothing_to_do(&desk);
    assert_eq!((lineage("intent@1"), lineage("intent@2")), (before.1, before.2));
    for version in ["intent@1", "intent@2"] {
        desk.write("ask.csv", "text\n我要退款\n");
        let ask = desk.file("ask.csv").display().to_string();
        let answers = desk.deskmill(&["predict", version, "--in", &ask, "--out", "-"]).ok();
        assert_eq!(answers.stdout.lines().count(), 2, "{}", answers.stdout);
    }
    assert_eq!(removed(&gc(&desk, &[])), 0, "a second gc finds nothing");
    // What went is made again when it is asked for.
    let sql = desk.read("sql/tickets.sql");
    desk.write("sql/tickets.sql", format!("{sql} where body <> '退款'"));
    desk.run();
}

#[test]
fn people_are_told_what_went() {
    let desk = with_rubbish();
    let said = desk.deskmill(&["gc", "--dry-run"]).ok().stdout;
    assert!(
        said.contains("would go") && said.contains("MB would be freed"),
        "{said}"
    );
    let tables = said
        .lines()
        .find(|line| line.starts_with("tables"))
        .expect("a line for tables");
    assert_eq!(tables.split_whitespace().nth(1), Some("1"), "{said}");
    let done = desk.deskmill(&["gc"]).ok().stdout;
    assert!(done.contains("MB freed"), "{done}");
}

#[test]
fn a_killed_gc_harms_nothing() {
    let desk = with_rubbish();
    // Enough of it that gc takes its time.
    for number in 0..400_u32 {
        for file in ["facts.json", "lineage.json", "rows.parquet", "a", "b", "c", "d", "e"] {
            desk.write(&format!(".deskmill/tables/tickets/{number:032x}/{file}"), "rubbish");
        }
    }
    let first = desk.file(&format!(".deskmill/tables/tickets/{:032x}", 0));
    let mut gc_under_way = Process::deskmill(desk.path(), &["gc"]);
    while first.exists() && gc_under_way.runs() {}
    gc_under_way.kill();
    let killed = gc_under_way.end().code().is_none();
    assert!(killed, "gc ended before it was killed");
    nothing_to_do(&desk);
    gc(&desk, &[]);
    let tables = fs::read_dir(desk.file(".deskmill/tables/tickets")).expect("a scratch folder can be read");
    assert_eq!(tables.count(), 1, "only the one in use is left");
    nothing_to_do(&desk);
}

#[test]
fn gc_keeps_out_of_the_way_of_a_run() {
    let desk = with_rubbish();
    let before = files(&desk);
    let lock = fs::File::open(desk.file(".deskmill/run.lock")).expect("a run made it");
    lock.lock().expect("nobody else has it");
    for args in [&["gc"][..], &["gc", "--dry-run"]] {
        let refused = desk.deskmill(args).with_code(2);
        assert!(refused.stderr.contains("another run is at work"), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("hint: wait for it to end"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(files(&desk), before);
}
