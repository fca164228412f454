//! The way back for rejects: counted, shown, exported, mended by hand, replayed; and models that know when they are stale.

mod edits;
mod replay;
mod stale;

use serde_json::Value;

use crate::desk::{Desk, good_tickets};

/// What is wrong behind the small desk's 360 good tickets, from line 362 on: a row without all fields, two numbers that
/// are none, a row without its id, and one that is there already.
const BAD: &str = "T9001,too few\n\
    T9002,\"哪里是我的包裹, please\",delivery,soon\n\
    T9003,left as it is,delivery,later\n\
    ,退款什么时候到账 no id,refund,1\n\
    T0001,there already,delivery,1\n";

/// The small desk with bad rows, not yet run.
fn bad_desk() -> Desk {
    Desk::small(good_tickets() + BAD)
}

/// The rows of a query, as JSON.
#[track_caller]
fn sql(desk: &Desk, query: &str) -> Vec<Value> {
    desk.deskmill(&["--json", "sql", query]).ok().json_lines()
}

/// The tickets of the table whose id is so, in order of their row: id, body, minutes.
#[track_caller]
fn tickets(desk: &Desk, like: &str) -> Vec<String> {
    let query =
        format!("select ticket_id, body, waiting_minutes from tickets where ticket_id like '{like}' order by _row");
    let shown = |row: &Value| {
        format!(
            "{}|{}|{}",
            row["ticket_id"].as_str().unwrap_or("-"),
            row["body"].as_str().unwrap_or("-"),
            row["waiting_minutes"]
        )
    };
    sql(desk, &query).iter().map(shown).collect()
}

/// Rule and number of rows of each sort of rejects and duplicates.
#[track_caller]
fn sorts(desk: &Desk) -> Vec<String> {
    let counts = desk.deskmill(&["--json", "rejects", "ls"]).ok().json_lines();
    let shown = |count: &Value| {
        let column = count["column"].as_str().unwrap_or("-");
        format!("{} {column} {}", count["rule"].as_str().unwrap_or("-"), count["rows"])
    };
    counts.iter().map(shown).collect()
}

/// Replays, which must end well; what it says in the end.
#[track_caller]
fn replay(desk: &Desk, args: &[&str]) -> Value {
    let args = [&["--json", "rejects", "replay"], args].concat();
    let mut last = desk
        .deskmill(&args)
        .ok()
        .json_lines()
        .pop()
        .expect("a replay says something");
    assert_eq!(last["event"], "replay", "{last}");
    last["replay"].take()
}

/// The tables and inputs of a model that changed since its version under `prod` was made.
#[track_caller]
fn stale(desk: &Desk) -> Value {
    let versions = desk.models();
    let prod = versions.iter().find(|version| {
        version["aliases"]
            .as_array()
            .is_some_and(|names| names.iter().any(|name| name == "prod"))
    });
    prod.expect("a version is `prod`")["stale"].clone()
}

/// Rows in = kept + duplicates + rejects, in the last run.
#[track_caller]
fn adds_up(desk: &Desk, rows_in: u64) {
    let report = desk.last_run();
    let (source, table) = (&report["sources"]["tickets"], &report["tables"]["tickets"]);
    let count = |facts: &Value, name: &str| facts[name].as_u64().expect("a number");
    assert_eq!(count(source, "rows") + count(source, "rejects"), rows_in, "{report}");
    let all = count(table, "kept") + count(table, "duplicates") + count(table, "rejects");
    assert_eq!(
        (all, count(table, "rows_in")),
        (count(source, "rows"), count(source, "rows")),
        "{report}"
    );
}

#[test]
fn rejects_are_counted_by_sort_and_duplicates_apart() {
    let desk = bad_desk();
    desk.run();
    insta::assert_snapshot!(desk.deskmill(&["rejects"]).ok().stdout, @r#"
    source   stage    rule      column           rows  share  example
    tickets  ingest   fields                     1     0.27%  raw/tickets.csv:362
    tickets  tickets  cast      waiting_minutes  2     0.55%  raw/tickets.csv:363
    tickets  tickets  not_null  ticket_id        1     0.27%  raw/tickets.csv:365

    Duplicates, which are no rejects: an earlier row has their key
    source   stage    rule       column  rows  share  example
    tickets  tickets  duplicate          1     0.27%  raw/tickets.csv:366
    "#);
    assert_eq!(
        desk.deskmill(&["rejects", "ls", "tickets"]).ok().stdout,
        desk.deskmill(&["rejects", "tickets"]).ok().stdout
    );
    let counts = desk.deskmill(&["--json", "rejects"]).ok().json_lines();
    assert_eq!(counts[0]["example"], "raw/tickets.csv:362", "{counts:?}");
    assert_eq!(counts[0]["share"], 1.0 / 365.0);
    assert_eq!(counts[1]["share"], 2.0 / 364.0);
}

#[test]
fn rejects_are_shown_whole() {
    let long = "x".repeat(3000);
    let rows = format!("T9001,退款 \u{7}bell\tand more\nT9002,{long},delivery,later\n");
    let desk = Desk::small(good_tickets() + &rows);
    desk.run();
    let shown = desk.deskmill(&["rejects", "show", "tickets"]).ok().stdout;
    insta::assert_snapshot!(shown.replace(&"x".repeat(300), "X"), @r#"
    raw/tickets.csv:362 (offset 21373)
      source  tickets
      stage   ingest
      rule    fields
      hint    4 fields are expected, 2 found; quote values that hold the delimiter, or check `delimiter`
      raw     T9001,退款 \u{7}bell\tand more

    raw/tickets.csv:363 (offset 21401)
      source  tickets
      stage   tickets
      rule    cast
      column  waiting_minutes
      value   later
      hint    mend the value, or the cast of `waiting_minutes` in sql/tickets.sql
      raw     {"ticket_id":"T9002","body":"Xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ... (3077 bytes; whole with --json)
    "#);
    let only = |args: &[&str]| {
        let args = [&["--json", "rejects", "show"], args].concat();
        desk.deskmill(&args).ok().json_lines()
    };
    let all = only(&[]);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["raw"], "T9001,退款 \u{7}bell\tand more");
    assert!(
        all[1]["raw"].as_str().is_some_and(|raw| raw.contains(&long)),
        "cut: {}",
        all[1]
    );
    assert_eq!(only(&["--rule", "cast"]), all[1..]);
    assert_eq!(only(&["--column", "waiting_minutes"]), all[1..]);
    assert_eq!(only(&["--limit", "1"]), all[..1]);
    assert_eq!(only(&["--rule", "nul"]), Vec::<Value>::new());
}

#[test]
fn an_export_has_the_fields_of_what_landed_and_the_reason() {
    let desk = bad_desk();
    desk.run();
    let csv = desk.deskmill(&["rejects", "export", "--out", "-"]).ok().stdout;
    let rows = crate::csv::rows(&csv);
    assert_eq!(
        rows[0].join(","),
        "_reject,_source,_file,_line,_offset,_stage,_rule,_column,_value,_hint,_raw,ticket_id,body,intent,waiting_minutes"
    );
    // Duplicates are no rejects.
    assert_eq!(rows.len(), 5, "{csv}");
    let of = |row: &[String], names: &[&str]| -> Vec<String> {
        let at = |name: &&str| rows[0].iter().position(|known| known == name).expect("a column");
        names.iter().map(|name| row[at(name)].clone()).collect()
    };
    assert_eq!(
        of(&rows[1], &["_rule", "_raw", "_line", "body"]),
        ["fields", "T9001,too few", "362", ""]
    );
    let fields = [
        "_rule",
        "_column",
        "_value",
        "ticket_id",
        "body",
        "intent",
        "waiting_minutes",
    ];
    assert_eq!(
        of(&rows[2], &fields),
        [
            "cast",
            "waiting_minutes",
            "soon",
            "T9002",
            "哪里是我的包裹, please",
            "delivery",
            "soon"
        ]
    );
    let again = desk.deskmill(&["rejects", "export", "--out", "-"]).ok().stdout;
    assert_eq!(again, csv, "an export says the same each time");
    let jsonl = desk.deskmill(&[
        "rejects",
        "export",
        "tickets",
        "--rule",
        "duplicate",
        "--out",
        "-",
        "--to",
        "jsonl",
    ]);
    let lines = jsonl.ok().json_lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["_rule"], &lines[0]["body"]),
        (&"duplicate".into(), &"there already".into())
    );
    let file = desk.file("out.parquet").display().to_string();
    desk.deskmill(&["rejects", "export", "--out", &file]).ok();
    assert!(desk.file("out.parquet").is_file());
    let message = desk
        .deskmill(&["rejects", "export", "--out", "mend.xlsx"])
        .with_code(2)
        .stderr;
    assert!(message.contains("--to csv, jsonl or parquet"), "{message}");
}
