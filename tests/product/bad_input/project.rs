//! A project that is wrong: the file, the line, a caret, a hint; and its SQL.

use super::{nothing_half_made, told};
use crate::desk::{Desk, good_tickets};

#[test]
fn no_project_at_all() {
    let desk = Desk::small("");
    std::fs::remove_file(desk.file("deskmill.toml")).unwrap();
    insta::assert_snapshot!(told(&desk, desk.deskmill(&["run"]), 2), @r#"
    error: there is no `deskmill.toml` in `DESK`
       hint: run `deskmill init` to write one, or name the project folder with `-C DIR`
    "#);
}

#[test]
fn broken_toml() {
    let desk = Desk::small(good_tickets());
    desk.edit("deskmill.toml", "name = \"small\"", "name = \"small");
    insta::assert_snapshot!(told(&desk, desk.deskmill(&["run"]), 2), @r#"
    error: not TOML: invalid basic string, expected `"`
     --> DESK/deskmill.toml:2:14
      |
    2 | name = "small
      |              ^
      hint: close what is opened: "text", [list], [section], { table }
    "#);
    nothing_half_made(&desk);
}

#[test]
fn keys_and_values_that_are_wrong_are_all_shown_at_once() {
    let desk = Desk::small(good_tickets());
    desk.edit("deskmill.toml", "rows_of", "row_of");
    desk.edit("deskmill.toml", "row_max_bytes = 65536", "row_max_bytes = \"64 KiB\"");
    desk.edit("deskmill.toml", "raw/tickets.csv", "raw/*.tsv");
    let message = told(&desk, desk.deskmill(&["run"]), 2);
    insta::assert_snapshot!(message, @r#"
    error: `row_max_bytes` must be a whole number, not a text
      --> DESK/deskmill.toml:5:17
       |
     5 | row_max_bytes = "64 KiB"
       |                 ^^^^^^^^
       hint: write it like `row_max_bytes = 1048576`

    error: no file matches `raw/*.tsv`
      --> DESK/deskmill.toml:10:8
       |
    10 | path = "raw/*.tsv"
       |        ^^^^^^^^^^^
       hint: looked for DESK/raw/*.tsv

    error: unknown key `row_of`
      --> DESK/deskmill.toml:19:1
       |
    19 | row_of = "tickets"
       | ^^^^^^
       hint: did you mean `rows_of`?

    error: `key` has no effect without `rows_of`
      --> DESK/deskmill.toml:20:1
       |
    20 | key = ["ticket_id"]
       | ^^^
       hint: leave it out

    error: `not_null` has no effect without `rows_of`
      --> DESK/deskmill.toml:21:1
       |
    21 | not_null = ["ticket_id", "body"]
       | ^^^^^^^^
       hint: leave it out

    error: `cast` has no effect without `rows_of`
      --> DESK/deskmill.toml:22:1
       |
    22 | cast = ["waiting_minutes"]
       | ^^^^
       hint: leave it out
    "#);
    assert!(!desk.file(".deskmill").exists());
}

#[test]
fn with_json_the_error_is_one_line_of_json() {
    let desk = Desk::small(good_tickets());
    desk.edit("deskmill.toml", "kind = \"intent\"", "kind = \"intend\"");
    let ended = desk.deskmill(&["--json", "run"]).with_code(2);
    let error: serde_json::Value = serde_json::from_str(ended.stderr.trim_end()).unwrap();
    assert!(
        error["error"].as_str().unwrap().contains("did you mean `intent`?"),
        "{error}"
    );
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_column_that_is_not_there() {
    let desk = Desk::small(good_tickets());
    desk.edit("sql/tickets.sql", "intent,", "intention,");
    let message = told(&desk, desk.deskmill(&["run"]), 2);
    for word in ["table `tickets`", "sql/tickets.sql", "intention"] {
        assert!(message.contains(word), "no {word} in: {message}");
    }
    nothing_half_made(&desk);
}

#[test]
fn a_table_that_is_not_there() {
    let desk = Desk::small(good_tickets());
    desk.edit("sql/intent_examples.sql", "from tickets", "from tikets");
    let message = told(&desk, desk.deskmill(&["run"]), 2);
    for word in ["model `intent`", "sql/intent_examples.sql", "tikets"] {
        assert!(message.contains(word), "no {word} in: {message}");
    }
    nothing_half_made(&desk);
}

#[test]
fn sql_that_cannot_be_read() {
    let desk = Desk::small(good_tickets());
    desk.write("sql/tickets.sql", "select _row from raw.tickets where (");
    let message = told(&desk, desk.deskmill(&["run"]), 2);
    assert!(message.contains("sql/tickets.sql"), "{message}");
    nothing_half_made(&desk);
}

#[test]
fn examples_without_a_label_or_with_a_wrong_type() {
    let desk = Desk::small(good_tickets());
    desk.write("sql/intent_examples.sql", "select body as text, intent from tickets");
    let message = told(&desk, desk.deskmill(&["run"]), 1);
    assert!(message.contains("no column `label`"), "{message}");
    desk.write(
        "sql/intent_examples.sql",
        "select body as text, intent as label, body as \"time\" from tickets",
    );
    let project = desk.read("deskmill.toml");
    desk.write("deskmill.toml", project + "\n[models.intent.split]\nby = \"time\"\n");
    let message = told(&desk, desk.deskmill(&["run"]), 1);
    assert!(message.contains("column `time`"), "{message}");
    assert!(!message.contains("parcel"), "a customer's text in: {message}");
    nothing_half_made(&desk);
}

#[test]
fn one_label_cannot_be_told_from_others() {
    let desk = Desk::small(good_tickets());
    desk.write(
        "sql/intent_examples.sql",
        "select body as text, 'refund' as label from tickets",
    );
    let message = told(&desk, desk.deskmill(&["run"]), 1);
    assert!(message.contains("model `intent`"), "{message}");
    nothing_half_made(&desk);
}

#[test]
fn a_query_by_hand_that_is_wrong() {
    let desk = Desk::small(good_tickets());
    desk.run();
    for (query, word) in [
        ("select nothing from tickets", "nothing"),
        ("select * from elsewhere", "elsewhere"),
        ("select predict('intend', body) from tickets", "intend"),
        ("select predict('intent@9', body) from tickets", "9"),
        ("select predict('intent') from tickets", "text"),
        ("selec 1", "selec"),
        ("drop table tickets", ""),
    ] {
        let message = told(&desk, desk.deskmill(&["sql", query]), 2);
        assert!(message.contains(word), "{query}: {message}");
    }
    assert_eq!(
        desk.deskmill(&["--json", "sql", "select count(*) as n from tickets"])
            .ok()
            .stdout,
        "{\"n\":360}\n"
    );
}

#[test]
fn a_verb_or_flag_that_is_not_there() {
    let desk = Desk::small(good_tickets());
    for args in [
        &["rum"][..],
        &["run", "--fast"],
        &["predict"],
        &["serve", "--listen", "nowhere"],
    ] {
        let ended = desk.deskmill(args).with_code(2);
        assert!(ended.stderr.starts_with("error: "), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}
