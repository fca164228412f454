//! Source files that are wrong: what can be read is read, each bad row is kept with its reason, and the numbers add up.

use serde_json::Value;

use super::{nothing_half_made, told};
use crate::desk::{Desk, SMALL_HEADER, good_tickets};

/// Runs the small desk with these rows behind its 360 good ones; gives the report and the rejects.
fn run_with(rows: &[u8]) -> (Value, Vec<Value>) {
    let desk = Desk::small([good_tickets().as_bytes(), rows].concat());
    let report = desk.run();
    let (source, table) = (&report["sources"]["tickets"], &report["tables"]["tickets"]);
    let count = |facts: &Value, name: &str| facts[name].as_u64().unwrap();
    let all = count(table, "kept") + count(table, "duplicates") + count(table, "rejects");
    assert_eq!((count(source, "rows"), count(table, "rows_in")), (all, all), "{report}");
    assert_eq!(report["models"]["intent"]["published"]["serving"], 1, "{report}");
    let rejects = desk
        .deskmill(&["--json", "rejects", "show", "--limit", "1000"])
        .ok()
        .json_lines();
    assert_eq!(
        rejects.len() as u64,
        count(source, "rejects") + count(table, "duplicates") + count(table, "rejects")
    );
    (report, rejects)
}

/// Rule, column and line of each reject.
fn reasons(rejects: &[Value]) -> Vec<String> {
    let shown = |reject: &Value| {
        let column = reject["column"].as_str().unwrap_or("-");
        format!("line {}: {} {column}", reject["line"], reject["rule"].as_str().unwrap())
    };
    rejects.iter().map(shown).collect()
}

#[test]
fn every_bad_row_is_kept_with_its_reason() {
    let mut rows = b"T9001,too few\n".to_vec();
    rows.extend_from_slice(b"T9002,one,delivery,1,too many\n");
    rows.extend_from_slice(b"T9003,bad \xff\xfe bytes,delivery,1\n");
    rows.extend_from_slice(b"T9004,a nul \0 in it,delivery,1\n");
    rows.extend_from_slice(b"T9005,\"a quote that is never closed,delivery,1\n");
    rows.extend_from_slice(b"T9006,the row after it is kept,delivery,1\n");
    rows.extend_from_slice(b"T9007,a number that is none,delivery,soon\n");
    rows.extend_from_slice(b",no number of its own,delivery,1\n");
    rows.extend_from_slice(b"T9006,another row of that number,delivery,1\n");
    let (report, rejects) = run_with(&rows);
    insta::assert_snapshot!(reasons(&rejects).join("\n"), @r#"
    line 362: fields -
    line 363: fields -
    line 364: encoding -
    line 365: nul -
    line 366: quote -
    line 368: cast waiting_minutes
    line 369: not_null ticket_id
    line 370: duplicate -
    "#);
    assert_eq!(report["tables"]["tickets"]["kept"], 361);
    for reject in &rejects {
        assert!(!reject["hint"].as_str().unwrap().is_empty(), "{reject}");
        assert_eq!(reject["file"], "raw/tickets.csv", "{reject}");
    }
}

#[test]
fn rejects_are_counted_and_shown_to_people() {
    let rows = "T9001,too few\nT9002,a number that is none,delivery,soon\nT9003,another,delivery,later\n";
    let desk = Desk::small(good_tickets() + rows);
    desk.run();
    insta::assert_snapshot!(desk.deskmill(&["rejects", "tickets"]).ok().stdout, @r#"
    source   stage    rule    column           rows  share  example
    tickets  ingest   fields                   1     0.28%  raw/tickets.csv:362
    tickets  tickets  cast    waiting_minutes  2     0.55%  raw/tickets.csv:363
    "#);
    let unknown = told(&desk, desk.deskmill(&["rejects", "tikets"]), 2);
    assert!(unknown.contains("there is no source or table `tikets`"), "{unknown}");
}

#[test]
fn a_line_far_over_the_bound_costs_one_row() {
    let long = format!(
        "T9001,{},delivery,1\nT9002,the row after it is kept,delivery,1\n",
        "x".repeat(5 << 20)
    );
    let (report, rejects) = run_with(long.as_bytes());
    assert_eq!(reasons(&rejects), ["line 362: row_max_bytes -"]);
    assert_eq!(report["tables"]["tickets"]["kept"], 361);
    let kept_bytes = rejects[0]["raw"].as_str().unwrap().len();
    assert!(kept_bytes <= 64 * 1024, "{kept_bytes} bytes of it were kept");
}

#[test]
fn a_quoted_value_may_have_lines() {
    let (report, rejects) = run_with("T9001,\"first line\nsecond \"\"line\"\"\n\",delivery,1\n".as_bytes());
    assert_eq!(reasons(&rejects), Vec::<String>::new());
    assert_eq!(report["tables"]["tickets"]["kept"], 361);
}

#[test]
fn files_without_rows() {
    let desk = Desk::small("");
    insta::assert_snapshot!(told(&desk, desk.deskmill(&["run"]), 2), @r#"
    error: source `tickets`, raw/tickets.csv: it is empty
    hint: put data into it, or make `path` leave it out
    "#);
    nothing_half_made(&desk);
    let desk = Desk::small(SMALL_HEADER);
    let message = told(&desk, desk.deskmill(&["run"]), 1);
    assert!(message.contains("model `intent`"), "{message}");
    nothing_half_made(&desk);
}

#[test]
fn a_header_that_is_wrong() {
    for (header, word) in [
        ("ticket_id,body,body,waiting_minutes\n", "`body`"),
        ("ticket_id,,intent,waiting_minutes\n", "column 2"),
        ("_row,body,intent,waiting_minutes\n", "_row"),
        ("\"ticket_id,body,intent,waiting_minutes\n", "line 1"),
    ] {
        let desk = Desk::small(good_tickets().replace(SMALL_HEADER, header));
        let message = told(&desk, desk.deskmill(&["run"]), 2);
        assert!(
            message.contains("source `tickets`, raw/tickets.csv") && message.contains(word),
            "{message}"
        );
        nothing_half_made(&desk);
    }
}

#[test]
fn a_file_in_another_encoding_is_not_swallowed() {
    let mut text = SMALL_HEADER.as_bytes().to_vec();
    // "您好" in GB18030.
    (0..50)
        .for_each(|number| text.extend([format!("T{number},").as_bytes(), b"\xc4\xfa\xba\xc3,delivery,1\n"].concat()));
    let desk = Desk::small(text);
    let message = told(&desk, desk.deskmill(&["run"]), 1);
    insta::assert_snapshot!(message, @r#"
    error: source `tickets`: 50 of 50 rows are rejects (100.0%), more than the allowed 50.0%
    hint: `deskmill rejects` shows them with their reasons; mend the data, the SQL, or `limits.rejects_max_share`
    "#);
    nothing_half_made(&desk);
}

#[test]
fn json_lines_that_are_wrong() {
    let desk = Desk::small("");
    let good = |text: &str| serde_json::json!({ "ticket_id": text, "body": text, "intent": "a", "waiting_minutes": 1 });
    let mut lines: String = (0..40)
        .map(|number| good(&format!("T{number}")).to_string() + "\n")
        .collect();
    let deep = "[".repeat(100_000);
    lines.push_str(&format!(
        "{{\"ticket_id\": \n[1]\n\"text\"\n{{\"body\": {deep}\n{{\"body\": 1, \"body\": 2}}\n"
    ));
    desk.write("raw/tickets.jsonl", lines);
    desk.edit(
        "deskmill.toml",
        "format = \"csv\"\npath = \"raw/tickets.csv\"\ndelimiter = \",\"\nquote = \"\\\"\"\nheader = true\nskip_lines = 0",
        "format = \"jsonl\"\npath = \"raw/tickets.jsonl\"",
    );
    // One label is no model: the sources are landed all the same.
    let message = told(&desk, desk.deskmill(&["run"]), 1);
    assert!(message.contains("model `intent`"), "{message}");
    let rejects = desk
        .deskmill(&["--json", "rejects", "show", "--limit", "1000"])
        .ok()
        .json_lines();
    let rules: Vec<&str> = rejects.iter().map(|reject| reject["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["json", "json", "json", "row_max_bytes", "json"], "{rejects:?}");
}
