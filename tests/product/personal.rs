//! Personal data as a project declares it: what changes with a key or a pattern is made again, and nothing else; the key
//! is nowhere. Near-duplicates by a table's key.

use std::process::Command;

use crate::binaries;
use crate::command::{Ended, Process};
use crate::csv::quoted;
use crate::desk::{Desk, SMALL_HEADER};

const KEY: &str = "a-secret-of-thirty-two-characters";
const OTHER: &str = "another-secret-just-as-long-as-it";

fn with_key(desk: &Desk, key: Option<&str>, args: &[&str]) -> Ended {
    let mut command = Command::new(binaries::deskmill());
    command.arg("-C").arg(desk.path()).args(args).env_remove("DESK_KEY");
    if let Some(key) = key {
        command.env("DESK_KEY", key);
    }
    Process::start(command, Vec::new()).end()
}

/// Tables of one source: as it is, masked, and with pseudonyms.
fn desk() -> Desk {
    let rows = [
        ("mail li@example.com about DM-12345", "one"),
        ("again from li@example.com, 手机13800138000", "two"),
        ("nothing personal", "one"),
    ];
    let rows = rows.iter().enumerate();
    let rows = rows.map(|(at, (body, intent))| format!("T{at},{},{intent},1\n", quoted(body)));
    let desk = Desk::small(format!("{SMALL_HEADER}{}", rows.collect::<String>()));
    desk.write(
        "deskmill.toml",
        r#"[project]
name = "small"

[personal]
order_numbers = ["DM-\\d{5}"]
pseudonym_key_env = "DESK_KEY"

[sources.tickets]
format = "csv"
path = "raw/tickets.csv"

[tables.tickets]
sql = "sql/tickets.sql"

[tables.masked]
sql = "sql/masked.sql"
[[tables.masked.checks]]
check = "sql"
sql = "sql/left.sql"

[tables.people]
sql = "sql/people.sql"
"#,
    );
    desk.write("sql/tickets.sql", "select _row, ticket_id, body from raw.tickets");
    desk.write("sql/masked.sql", "select _row, mask_pii(body) as body from tickets");
    desk.write("sql/people.sql", "select _row, pseudonymise(body) as body from tickets");
    desk.write(
        "sql/left.sql",
        "select * from masked where cardinality(pii_types(body)) > 0",
    );
    desk
}

/// The tables that a run would make, and why.
#[track_caller]
fn planned(desk: &Desk, key: &str) -> Vec<(String, String)> {
    let plan = with_key(desk, Some(key), &["--json", "plan"])
        .ok()
        .json_lines()
        .remove(0);
    let steps = plan["steps"].as_array().expect("a plan has steps").iter();
    let word = |step: &serde_json::Value, name: &str| step[name].as_str().expect("a word").to_owned();
    steps
        .filter(|step| step["done"] == false)
        .map(|step| (word(step, "name"), word(step, "why")))
        .collect()
}

#[test]
fn a_changed_key_or_pattern_remakes_what_depends_on_it() {
    let desk = desk();
    let checked = with_key(&desk, Some(KEY), &["check"]).ok();
    assert!(checked.stdout.contains("holds"), "{}", checked.stdout);
    assert_eq!(planned(&desk, KEY), []);
    let changed = |name: &str, why: &str| (name.to_owned(), why.to_owned());
    assert_eq!(planned(&desk, OTHER)[0].0, "people");
    assert_eq!(planned(&desk, OTHER).len(), 1);
    desk.edit("deskmill.toml", "DM-", "RM-");
    let names: Vec<String> = planned(&desk, KEY).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["masked", "people"]);
    desk.edit("deskmill.toml", "RM-", "DM-");

    let people = |key: &str| {
        let query = "select body from people order by _row";
        let rows = with_key(&desk, Some(key), &["--json", "sql", query]).ok().json_lines();
        let body = |row: &serde_json::Value| row["body"].as_str().expect("a text").to_owned();
        rows.iter().map(body).collect::<Vec<_>>()
    };
    let first = people(KEY);
    let tag = |text: &str| text.split_once("<email:").map(|(_, rest)| rest[..12].to_owned());
    assert!(
        tag(&first[0]).is_some() && tag(&first[0]) == tag(&first[1]),
        "{first:?}"
    );
    assert!(
        first[0].contains("<order_number:") && first[1].contains("<phone:"),
        "{first:?}"
    );
    with_key(&desk, Some(OTHER), &["check"]).ok();
    assert_ne!(tag(&people(OTHER)[0]), tag(&first[0]));
    // What the first key made is still there.
    assert_eq!(people(KEY), first);
    assert!(!planned(&desk, OTHER).contains(&changed("masked", "new")));
}

#[test]
fn the_key_is_nowhere_and_a_missing_one_is_said() {
    let desk = desk();
    let made = with_key(&desk, Some(KEY), &["--json", "check"]).ok();
    assert!(!format!("{}{}", made.stdout, made.stderr).contains(KEY));
    for file in desk.files_ending("") {
        let bytes = std::fs::read(desk.file(&file)).expect("a file can be read");
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "the key is in {file}");
    }
    for (key, says) in [
        (None, "the environment variable `DESK_KEY` is empty or not set"),
        (Some("short"), "the pseudonym key has 5 bytes, at least 16 are needed"),
    ] {
        for args in [
            &["check"][..],
            &["plan"],
            &["sql", "select pseudonymise('li@example.com')"],
        ] {
            let ended = with_key(&desk, key, args).with_code(2);
            assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
            assert!(ended.stderr.contains("hint: "), "{args:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn near_duplicates_are_dropped_by_the_key_of_a_table() {
    let bodies = [
        "my parcel has not arrived yet, please help me to find it",
        "My parcel has not arrived yet!! Please help me to find it.",
        "how do I change my password",
        "我想退货但是找不到退货按钮在哪里",
        "我想退货，但是找不到退货按钮在哪里呀",
        "how do I change my address",
    ];
    let rows = bodies.iter().enumerate();
    let rows = rows.map(|(at, body)| format!("T{at},{},{at},1\n", quoted(body)));
    let desk = Desk::small(format!("{SMALL_HEADER}{}", rows.collect::<String>()));
    desk.edit("deskmill.toml", "key = [\"ticket_id\"]", "key = [\"dup_group\"]");
    desk.write(
        "sql/tickets.sql",
        "select _row, ticket_id, body, intent, 1.0 as waiting_minutes, \
         near_dup_group(body, 0.7) over (order by _row) as dup_group from raw.tickets",
    );
    desk.deskmill(&["check"]).ok();
    let report = desk.last_run();
    let tickets = &report["tables"]["tickets"];
    assert_eq!(
        (
            &tickets["rows_in"],
            &tickets["kept"],
            &tickets["duplicates"],
            &tickets["rejects"]
        ),
        (&6.into(), &4.into(), &2.into(), &0.into()),
        "{tickets}"
    );
}
