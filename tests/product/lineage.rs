//! `deskmill lineage`: the way of models, tables and single rows back to files, lines and bytes.

use std::fs;

use serde_json::Value;

use crate::desk::{Desk, good_tickets};

/// A desk whose files are all written in another way. Every row of it is known here.
const MANY: &str = r#"[project]
name = "many"

[limits]
rejects_max_share = 0.9

[sources.tickets]
format = "csv"
path = "raw/tickets-*.csv"
delimiter = ","
quote = "\""
header = true
skip_lines = 0
encoding = "utf-8"

[sources.old]
format = "csv"
path = "raw/old.csv"
delimiter = ";"
quote = "\""
header = true
skip_lines = 0
encoding = "gb18030"

[sources.chats]
format = "jsonl"
path = "raw/chats.jsonl"

[sources.mail]
format = "mail"
path = "raw/mail/*.eml"

[tables.tickets]
sql = "sql/tickets.sql"
rows_of = "tickets"
key = ["id"]
not_null = ["body"]

[tables.old]
sql = "sql/old.sql"
rows_of = "old"

[tables.turns]
sql = "sql/turns.sql"
rows_of = "chats"

[tables.mails]
sql = "sql/mails.sql"
rows_of = "mail"

[tables.days]
sql = "sql/days.sql"
"#;

const TICKETS: &str = "id,body\n1,where is my parcel\n2,\"a refund\nplease\"\n3,too,many,fields\n1,again\n4,\n5,谢谢\n";
const CHATS: &str = "{\"id\": \"c1\", \"text\": \"hello\"}\n\n{\"id\": \"c2\", \"text\": \"我要退款\"}\n";
/// `编号;正文` and two rows, in GB18030.
const OLD: &[u8] = b"\xb1\xe0\xba\xc5;\xd5\xfd\xce\xc4\n7;\xcd\xcb\xbf\xee\n8;\xd0\xbb\xd0\xbb\n";
const MAIL: &str = "From: a@example.com\nSubject: parcel\nMessage-ID: <m1@example.com>\n\nWhere is it?\n";

fn many() -> Desk {
    let desk = Desk::small("");
    desk.write("deskmill.toml", MANY);
    desk.write("raw/tickets-1.csv", TICKETS);
    desk.write("raw/tickets-2.csv", "id,body\n9,late\n");
    desk.write("raw/old.csv", OLD);
    desk.write("raw/chats.jsonl", CHATS);
    desk.write("raw/mail/1.eml", MAIL);
    desk.write("raw/mail/2.eml", MAIL.replace("m1@", "m2@").replace("parcel", "refund"));
    desk.write(
        "sql/tickets.sql",
        "select _row, id, nullif(body, '') as body from raw.tickets\n",
    );
    desk.write(
        "sql/old.sql",
        "select _row, \"编号\" as id, \"正文\" as body from raw.old\n",
    );
    desk.write("sql/turns.sql", "select _row, id, upper(text) as text from raw.chats\n");
    desk.write("sql/mails.sql", "select _row, message_id, body from raw.mail\n");
    desk.write("sql/days.sql", "select count(*) as n from tickets, turns\n");
    desk.run();
    desk
}

/// The first row that a query gives.
#[track_caller]
fn row_of(desk: &Desk, query: &str) -> i64 {
    let found = desk.deskmill(&["--json", "sql", query]).ok().json_lines();
    found
        .first()
        .and_then(|row| row["_row"].as_i64())
        .unwrap_or_else(|| panic!("{query} gives no row"))
}

#[track_caller]
fn follow(desk: &Desk, name: &str, row: i64) -> Value {
    let row = row.to_string();
    let mut said = desk
        .deskmill(&["--json", "lineage", name, "--row", &row])
        .ok()
        .json_lines();
    said.remove(0)
}

/// Whether the place of a row is where its bytes stand in the file.
#[track_caller]
fn stands_there(desk: &Desk, row: &Value, bytes: &[u8]) {
    let file = fs::read(desk.file(row["file"]["path"].as_str().expect("a path"))).expect("it is there");
    let offset = usize::try_from(row["offset"].as_i64().expect("a number")).expect("it has one");
    assert!(file[offset..].starts_with(bytes), "{row}");
    let lines = file[..offset].iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(row["line"], lines as u64 + 1, "{row}");
    assert_eq!(row["file_now"], "same");
}

#[test]
fn a_row_is_followed_to_its_file_line_and_byte() {
    let desk = many();
    // csv: a value of two lines.
    let row = follow(
        &desk,
        "tickets",
        row_of(&desk, "select _row from tickets where id = '2'"),
    );
    assert_eq!(row["outcome"], "kept");
    assert_eq!(row["file"]["path"], "raw/tickets-1.csv");
    assert_eq!(row["fields"]["body"], "a refund\nplease");
    assert_eq!(row["raw"]["text"], "2,\"a refund\nplease\"");
    assert_eq!(row["raw"]["is_whole"], true);
    stands_there(&desk, &row, b"2,\"a refund\nplease\"\n3");
    // csv in GB18030: the text is read in its encoding, the place is in bytes.
    let row = follow(&desk, "old", row_of(&desk, "select _row from old where body = '谢谢'"));
    assert_eq!(row["fields"]["正文"], "谢谢");
    assert_eq!(row["table_fields"]["body"], "谢谢");
    assert_eq!(
        (&row["raw"]["text"], &row["raw"]["bytes"]),
        (&"8;谢谢".into(), &7.into()),
        "{row}"
    );
    assert_eq!(row["raw"]["encoding"], "gb18030");
    assert_eq!(row["line"], 3);
    stands_there(&desk, &row, b"8;\xd0\xbb\xd0\xbb\n");
    // jsonl, below a blank line: as it was read, and what the table made of it.
    let row = follow(&desk, "turns", row_of(&desk, "select _row from turns where id = 'c2'"));
    assert_eq!(row["raw"]["text"], "{\"id\": \"c2\", \"text\": \"我要退款\"}");
    stands_there(&desk, &row, b"{\"id\": \"c2\"");
    let row = follow(&desk, "turns", row_of(&desk, "select _row from turns where id = 'c1'"));
    assert_eq!(
        (&row["fields"]["text"], &row["table_fields"]["text"]),
        (&"hello".into(), &"HELLO".into())
    );
    // mail: several files in one output.
    let row = follow(
        &desk,
        "mails",
        row_of(&desk, "select _row from mails where message_id like '%m2@%'"),
    );
    assert_eq!(row["file"]["path"], "raw/mail/2.eml");
    assert_eq!(row["fields"]["subject"], "refund");
    stands_there(&desk, &row, b"From: a@example.com\nSubject: refund");
    // A source, by its own name.
    let row = follow(
        &desk,
        "raw.tickets",
        row_of(&desk, "select _row from raw.tickets where id = '9'"),
    );
    assert_eq!(
        (&row["outcome"], &row["file"]["path"]),
        (&"landed".into(), &"raw/tickets-2.csv".into())
    );
    assert_eq!(row["raw"]["text"], "9,late");
}

#[test]
fn a_rejected_row_says_its_rule() {
    let desk = many();
    let rejects = |rule: &str| row_of_reject(&desk, rule);
    let row = follow(&desk, "tickets", rejects("fields"));
    assert_eq!(
        (&row["outcome"], &row["rejected"]["stage"]),
        (&"rejected".into(), &"ingest".into())
    );
    assert_eq!(row["rejected"]["rule"], "fields");
    assert_eq!(row["raw"]["text"], "3,too,many,fields");
    stands_there(&desk, &row, b"3,too,many,fields\n");
    let row = follow(&desk, "tickets", rejects("not_null"));
    assert_eq!(
        (&row["outcome"], &row["rejected"]["stage"]),
        (&"rejected".into(), &"tickets".into())
    );
    assert_eq!(
        (&row["rejected"]["rule"], &row["rejected"]["column"]),
        (&"not_null".into(), &"body".into())
    );
    assert_eq!(row["fields"]["id"], "4");
    let duplicate = rejects("duplicate");
    let row = follow(&desk, "tickets", duplicate);
    assert_eq!(
        (&row["outcome"], &row["fields"]["body"]),
        (&"duplicate".into(), &"again".into())
    );
    let shown = desk
        .deskmill(&["lineage", "tickets", "--row", &duplicate.to_string()])
        .ok()
        .stdout;
    for part in ["duplicate", "raw/tickets-1.csv", "line    6", "1,again"] {
        assert!(shown.contains(part), "no `{part}` in {shown}");
    }
}

/// The number of a row that was rejected by a rule.
#[track_caller]
fn row_of_reject(desk: &Desk, rule: &str) -> i64 {
    let rejects = desk.deskmill(&["--json", "rejects", "show"]).ok().json_lines();
    let reject = rejects
        .iter()
        .find(|reject| reject["rule"] == rule)
        .unwrap_or_else(|| panic!("{rejects:?}"));
    reject["row"].as_i64().expect("a number")
}

#[test]
fn changed_and_missing_files_are_marked() {
    let desk = many();
    let row = row_of(&desk, "select _row from tickets where id = '2'");
    let tree = |name: &str| desk.deskmill(&["lineage", name]).ok().stdout;
    let as_it_was = tree("tickets");
    assert!(
        as_it_was.contains("└─ source tickets") && !as_it_was.contains('['),
        "{as_it_was}"
    );
    assert!(
        as_it_was.contains("6 rows in: 4 kept, 1 duplicates, 1 rejects"),
        "{as_it_was}"
    );
    desk.write("raw/tickets-1.csv", format!("{TICKETS}6,new\n"));
    let changed = tree("tickets");
    let marked = changed
        .lines()
        .find(|line| line.contains("raw/tickets-1.csv"))
        .expect("it is listed");
    assert!(marked.contains("[the file has changed since]"), "{changed}");
    assert!(changed.contains("[would be remade; changed: raw.tickets]"), "{changed}");
    let other = changed
        .lines()
        .find(|line| line.contains("raw/tickets-2.csv"))
        .expect("it is listed");
    assert!(!other.contains('['), "{changed}");
    let row = follow(&desk, "tickets", row);
    assert_eq!((&row["file_now"], &row["raw"]), (&"changed".into(), &Value::Null));
    assert_eq!(row["raw_missing"], "the file has changed since");
    assert_eq!(
        row["fields"]["body"], "a refund\nplease",
        "its fields are known all the same"
    );
    fs::remove_file(desk.file("raw/tickets-2.csv")).expect("a scratch folder can be changed");
    assert!(tree("tickets").contains("[the file is not here]"));
}

#[test]
fn names_and_rows_that_are_not_there_are_refused_with_a_way_out() {
    let desk = many();
    let refused = |args: &[&str]| desk.deskmill(args).with_code(2).stderr;
    let days = refused(&["lineage", "days", "--row", "1"]);
    assert!(
        days.contains("it reads tickets, turns") && days.contains("hint:"),
        "{days}"
    );
    let unknown = refused(&["lineage", "工单"]);
    assert!(
        unknown.contains("tables: tickets, old, turns, mails, days; sources: tickets, old"),
        "{unknown}"
    );
    let row = refused(&["lineage", "tickets", "--row", "1"]);
    assert!(
        row.contains("there is no such row") && row.contains("deskmill sql"),
        "{row}"
    );
    let row = row_of(&desk, "select _row from raw.tickets where id = '9'") + 1;
    let row = refused(&["lineage", "tickets", "--row", &row.to_string()]);
    assert!(row.contains("raw/tickets-2.csv has 1 rows"), "{row}");
    assert!(refused(&["lineage", "intent@1"]).contains("no such model"));
    let fresh = Desk::small(good_tickets());
    let unmade = fresh.deskmill(&["lineage", "tickets"]).with_code(2).stderr;
    assert!(
        unmade.contains("it was not made yet") && unmade.contains("deskmill run"),
        "{unmade}"
    );
    let unpublished = fresh.deskmill(&["lineage", "intent"]).with_code(2).stderr;
    assert!(unpublished.contains("it was never published"), "{unpublished}");
}

/// What a version says of its way back.
#[track_caller]
fn way(desk: &Desk, version: &str) -> Value {
    let mut said = desk.deskmill(&["--json", "lineage", version]).ok().json_lines();
    said.remove(0)["lineage"].take()
}

fn output<'a>(way: &'a Value, stage: &str) -> &'a Value {
    let outputs = way["outputs"].as_array().expect("a list of outputs");
    outputs
        .iter()
        .find(|output| output["stage"] == stage)
        .unwrap_or_else(|| panic!("no {stage} in {way}"))
}

#[test]
fn a_version_keeps_its_whole_way_back() {
    let desk = Desk::small(good_tickets());
    desk.run();
    let first = way(&desk, "intent@1");
    assert_eq!(
        output(&first, "assemble")["sql"]["text"],
        desk.read("sql/intent_examples.sql")
    );
    let examples = &output(&first, "assemble")["counts"];
    let parts = ["train", "calibrate", "test"].map(|part| examples[part].as_u64().expect("a number"));
    assert_eq!(parts.iter().sum::<u64>(), 360);
    assert_eq!(output(&first, "clean")["counts"]["kept"], 360);
    assert_eq!(output(&first, "clean")["sql"]["path"], "sql/tickets.sql");
    let file = &output(&first, "ingest")["files"]["listed"][0];
    assert_eq!((&file["path"], &file["rows"]), (&"raw/tickets.csv".into(), &360.into()));
    assert_eq!(file["bytes"], good_tickets().len() as u64);

    desk.edit(
        "sql/tickets.sql",
        "from raw.tickets",
        "from raw.tickets where ticket_id <> 'T0001'",
    );
    desk.run();
    assert_eq!(way(&desk, "intent@1"), first, "an old version keeps its own");
    let second = way(&desk, "intent@2");
    assert_eq!(output(&second, "clean")["counts"]["kept"], 359);
    assert_ne!(output(&second, "clean")["sql"], output(&first, "clean")["sql"]);
    let shown = desk.deskmill(&["lineage", "intent@1"]).ok().stdout;
    let table = shown
        .lines()
        .find(|line| line.contains("table tickets"))
        .expect("it is drawn");
    assert!(table.contains("[would be remade; changed: sql]"), "{shown}");

    // A machine that has the registry and nothing else.
    fs::remove_dir_all(desk.file(".deskmill")).expect("a scratch folder can be changed");
    let elsewhere = Desk::small("");
    for name in ["raw", "sql"] {
        fs::remove_dir_all(elsewhere.file(name)).expect("a scratch folder can be changed");
    }
    fs::rename(desk.file("registry"), elsewhere.file("models")).expect("both are scratch folders");
    elsewhere.write(
        "deskmill.toml",
        "[project]\nname = \"elsewhere\"\nregistry = \"models\"\n",
    );
    assert_eq!(way(&elsewhere, "intent@1"), first);
    let shown = elsewhere.deskmill(&["lineage", "intent"]).ok().stdout;
    assert!(
        shown.starts_with("intent@") && shown.contains("raw/tickets.csv"),
        "{shown}"
    );
    assert!(shown.contains("[the file is not here]"), "{shown}");
}

#[test]
fn the_lineage_of_a_version_is_the_same_bytes_wherever_it_is_made() {
    let read = |desk: &Desk| desk.read("registry/intent/versions/1/lineage.json");
    let desk = Desk::small(good_tickets());
    let copy = desk.copy();
    desk.run();
    // Another folder, another time, file times that differ.
    copy.write("raw/tickets.csv", good_tickets());
    copy.run();
    assert_eq!(read(&desk), read(&copy));
    assert!(!read(&desk).contains(&desk.path().display().to_string()));
    // Made again from nothing.
    fs::remove_dir_all(copy.file(".deskmill")).expect("a scratch folder can be changed");
    fs::remove_dir_all(copy.file("registry")).expect("a scratch folder can be changed");
    copy.run();
    assert_eq!(read(&desk), read(&copy));
}

#[test]
fn an_output_made_before_lineage_was_kept_is_made_again() {
    let desk = Desk::small(good_tickets());
    desk.run();
    let found = desk.files_ending("lineage.json");
    let kept: Vec<&String> = found.iter().filter(|name| name.starts_with(".deskmill/")).collect();
    assert_eq!(
        kept.len(),
        5,
        "one for each of ingest, clean, assemble, fit and evaluate: {found:?}"
    );
    kept.iter()
        .for_each(|name| fs::remove_file(desk.file(name)).expect("a scratch folder can be changed"));
    let plan = desk.deskmill(&["plan"]).ok().stdout;
    assert!(plan.contains("made before lineage was kept"), "{plan}");
    desk.run();
    assert_eq!(desk.versions("intent").len(), 1, "the same bytes are the same version");
    assert_eq!(way(&desk, "intent@1"), way(&desk, "intent"));
}
