//! What is wrong with a project, as it is shown.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use super::super::*;
use super::{OneKind, desk};

/// The rendering of what is wrong, with the folder of the test taken out.
fn wrong(toml: &str) -> String {
    let folder = desk(toml);
    let error = read_project(folder.path(), &OneKind).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

/// Messages and places only.
fn messages(toml: &str) -> Vec<String> {
    let folder = desk(toml);
    let Err(ProjectError::Wrong { problems, more: 0, .. }) = read_project(folder.path(), &OneKind) else {
        panic!("no problems in {toml}")
    };
    let line = |problem: &Problem| problem.place.as_ref().map_or(0, |place| place.line);
    problems
        .iter()
        .map(|problem| format!("{}: {}", line(problem), problem.message))
        .collect()
}

#[test]
fn all_problems_are_shown_at_once() {
    let shown = wrong(
        r#"[project]
name = "My Desk"
seed = "7"

[sources.tickets]
formatt = "csv"
format = "csv"
path = "raw/tikets-*.csv"

[tables.tickets]
sql = "sql/tickets.sql"
rows_of = "ticket"

[models.intent]
kind = "intent"
examples = "sql/intent_examples.sql"
recipe = { epoch = 3 }
gate = { at_least = { "准确率" = "高" }, tolerance = 2 }
"#,
    );
    assert_snapshot!(shown, @r#"
    error: `My Desk` is not a name
      --> deskmill.toml:2:8
       |
     2 | name = "My Desk"
       |        ^^^^^^^^^
       hint: use lower-case letters a-z, digits and `-`, at most 64

    error: `seed` must be a whole number, not a text
      --> deskmill.toml:3:8
       |
     3 | seed = "7"
       |        ^^^
       hint: write it like `seed = 1`

    error: unknown key `formatt`
      --> deskmill.toml:6:1
       |
     6 | formatt = "csv"
       | ^^^^^^^
       hint: did you mean `format`?

    error: no file matches `raw/tikets-*.csv`
      --> deskmill.toml:8:8
       |
     8 | path = "raw/tikets-*.csv"
       |        ^^^^^^^^^^^^^^^^^^
       hint: looked for raw/tikets-*.csv

    error: there is no source `ticket`
      --> deskmill.toml:12:11
       |
    12 | rows_of = "ticket"
       |           ^^^^^^^^
       hint: did you mean `tickets`?

    error: unknown key `epoch` in the recipe
      --> deskmill.toml:17:12
       |
    17 | recipe = { epoch = 3 }
       |            ^^^^^
       hint: did you mean `epochs`?

    error: `准确率` must be a number, not a text
      --> deskmill.toml:18:31
       |
    18 | gate = { at_least = { "准确率" = "高" }, tolerance = 2 }
       |                                  ^^^^
       hint: write it like `0.8`

    error: `tolerance` is out of range
      --> deskmill.toml:18:50
       |
    18 | gate = { at_least = { "准确率" = "高" }, tolerance = 2 }
       |                                                      ^
       hint: write a number from 0 to 1
    "#);
}

#[test]
fn broken_toml_is_shown_in_the_same_way() {
    let shown = wrong("[project]\nname = d\nname = \"d\nseed = 1\nseed = 2\n名 = 3\n[limits");
    assert_snapshot!(shown, @r#"
    error: not TOML: string values must be quoted, expected literal string
     --> deskmill.toml:2:8
      |
    2 | name = d
      |        ^
      hint: a line is `key = value` or `[section]`; a value is "text", a number, true, false or a [list]

    error: not TOML: duplicate key
     --> deskmill.toml:3:1
      |
    3 | name = "d
      | ^^^^
      hint: write each key and each section once

    error: not TOML: invalid basic string, expected `"`
     --> deskmill.toml:3:10
      |
    3 | name = "d
      |          ^
      hint: close what is opened: "text", [list], [section], { table }

    error: not TOML: duplicate key
     --> deskmill.toml:5:1
      |
    5 | seed = 2
      | ^^^^
      hint: write each key and each section once

    error: not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`
     --> deskmill.toml:6:1
      |
    6 | 名 = 3
      | ^^
      hint: write a key with other characters in quotes: "准确率" = 0.8

    error: not TOML: unclosed table, expected `]`
     --> deskmill.toml:7:8
      |
    7 | [limits
      |        ^
      hint: close what is opened: "text", [list], [section], { table }
    "#);
}

#[test]
fn keys_without_effect() {
    let found = messages(
        r#"project.name = "d"
[sources.chats]
format = "jsonl"
path = "raw/chats.jsonl"
delimiter = ","
[sources.tickets]
format = "csv"
path = "raw/tickets-1.csv"
columns = ["a"]
also = [{ path = "raw/tickets-*.csv", format = "csv" }]
[tables.t]
sql = "sql/tickets.sql"
key = ["a"]
[tables.u]
sql = "sql/tickets.sql"
rows_of = "chats"
not_null = []
cast = ["a", "a"]
[models.m]
kind = "intent"
examples = "sql/chats.sql"
gate = { not_worse_than_current = false, tolerance = 0.1 }
"#,
    );
    assert_snapshot!(found.join("\n"), @r#"
    5: `delimiter` has no effect on this format: it is for csv
    9: `columns` has no effect without `header = false`: they are named in the file
    10: `raw/tickets-1.csv` is read twice: `raw/tickets-1.csv` matches it too
    10: `format` has no effect in `also`: it is that of the source
    13: `key` has no effect without `rows_of`
    17: `not_null` is empty, so it has no effect
    18: `a` stands twice in `cast`
    22: `tolerance` has no effect when `not_worse_than_current` is false
    "#);
}

#[test]
fn wrong_values() {
    let found = messages(
        r#"project = { name = "d", seed = -1, work_dir = "..", registry = "s3://bucket/registry" }
limits = { memory_max_mib = 255, rejects_max_share = nan, threads_max = 1.5 }
[sources.Tickets]
format = "xlsq"
delimiter = ";;"
[sources.tickets]
format = "csv"
path = 'raw\tickets.csv'
delimiter = "、"
quote = ","
encoding = "klingon"
header = false
[sources.chats]
format = "jsonl"
path = "raw/[.jsonl"
[[tables.t]]
sql = "sql/tickets.sql"
[tables.u]
sql = "../sql/tickets.sql"
[tables.v]
sql = "sql/nothing.sql"
rows_of = 3
[tables.w]
sql = "sql/absent.sql"
[models.m]
kind = "intend"
examples = "sql"
split = { by = "row", test = 0.01 }
gate.alias = "prod 1"
recipe = { epochs = 1979-05-27 }
[serving]
listen = "localhost:8700"
rows_max = 0
"#,
    );
    assert_snapshot!(found.join("\n"), @r#"
    1: `seed` is out of range
    1: `work_dir` cannot be `..`
    1: `registry` cannot be `s3://bucket/registry`
    2: `memory_max_mib` is out of range
    2: `rejects_max_share` is out of range
    2: `threads_max` must be a whole number, not a fraction
    3: `Tickets` is not a name
    3: `path` is missing in `[sources.Tickets]`
    4: `format` cannot be `xlsq`
    6: `columns` is missing in `[sources.tickets]`
    8: `raw\tickets.csv` is not a path
    9: `delimiter` cannot be `、`
    11: unknown encoding `klingon`
    15: `raw/[.jsonl` is not a glob: invalid range pattern
    16: `t` must be a table, not a list
    19: `../sql/tickets.sql` is not below the project folder
    21: `sql/nothing.sql` is empty
    22: `rows_of` must be text in quotes, not a whole number
    24: there is no file `sql/absent.sql`
    26: `kind` cannot be `intend`
    27: cannot read `sql`: it is not a file
    28: `by` cannot be `row`
    28: `test` is out of range
    29: `prod 1` is not a name
    30: a recipe cannot hold a date
    32: `listen` cannot be `localhost:8700`
    33: `rows_max` is out of range
    "#);
}

#[test]
fn what_is_missing() {
    let found = messages("[sources.s]\n[tables.t]\n[models.m]\n");
    assert_snapshot!(found.join("\n"), @r#"
    0: `name` is missing in `[project]`
    1: `format` is missing in `[sources.s]`
    1: `path` is missing in `[sources.s]`
    2: `sql` is missing in `[tables.t]`
    3: `kind` is missing in `[models.m]`
    3: `examples` is missing in `[models.m]`
    "#);
}

#[test]
fn no_project_file() {
    let error = read_project(Path::new("no/such/folder"), &OneKind).unwrap_err();
    assert_snapshot!(error.to_string(), @r#"
    error: there is no `deskmill.toml` in `no/such/folder`
       hint: run `deskmill init` to write one, or name the project folder with `-C DIR`
    "#);
}

#[test]
fn files_that_are_no_text() {
    let folder = desk("");
    let file = folder.path().join(FILE_NAME);
    let shown = || {
        let error = read_project(folder.path(), &OneKind).unwrap_err();
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    };
    fs::write(&file, b"[project]\r\nname = \"\xb5\xc6\"\r\n").unwrap();
    assert_snapshot!(shown(), @r#"
    error: byte 19 of the file is not UTF-8
     --> deskmill.toml:2:9
      |
    2 | name = "��"
      |         ^
      hint: save the file as UTF-8
    "#);
    fs::write(&file, vec![b'#'; 2 << 20]).unwrap();
    assert_snapshot!(shown(), @r#"
    error: cannot read `deskmill.toml`
       caused by: it has more than 1 MiB
       hint: it must be a file of at most 1 MiB that you may read
    "#);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(shown().contains("it is not a file"), "{}", shown());
}

#[test]
fn a_long_line_and_many_problems_stay_readable() {
    let long = format!(
        "project = {{ name = \"{}\", sed = 1, registry = \"{}\" }}",
        "a".repeat(60),
        "a".repeat(9999)
    );
    assert_snapshot!(wrong(&long), @r#"
    error: unknown key `sed`
     --> deskmill.toml:1:84
      |
    1 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", sed = 1, registry = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…
      |                                                             ^^^
      hint: did you mean `seed`?
    "#);
    let many: String = (0..5000).map(|i| format!("k{i} = 1\n")).collect();
    let shown = wrong(&many);
    assert!(shown.lines().count() < 400);
    assert!(shown.ends_with("error: 4951 more problems in deskmill.toml"), "{shown}");
}

#[test]
fn rules_for_personal_data_that_cannot_be_used() {
    let shown = wrong(
        r#"[project]
name = "desk"
[personal]
order_numbers = ["DM-\\d{5}", "(DM", "\\d*"]
types = ["order_number", "e-mail"]
pseudonym_key_env = "0f1e2d3c4b5a"
"#,
    );
    assert!(!shown.contains("0f1e2d3c4b5a"), "{shown}");
    assert_snapshot!(shown, @r#"
    error: `pseudonym_key_env` is not the name of an environment variable (A-Z, 0-9 and `_`)
     --> deskmill.toml:3:2
      |
    3 | [personal]
      |  ^^^^^^^^
      hint: keep the key out of this file, and name the variable that holds it: `pseudonym_key_env = "DESKMILL_PSEUDONYM_KEY"`

    error: order number pattern `(DM`: unclosed group
     --> deskmill.toml:4:31
      |
    4 | order_numbers = ["DM-\\d{5}", "(DM", "\\d*"]
      |                               ^^^^^
      hint: write a pattern such as `DM-\d{5}`; look-around and back references are not available

    error: order number pattern `\d*`: matches an empty text
     --> deskmill.toml:4:38
      |
    4 | order_numbers = ["DM-\\d{5}", "(DM", "\\d*"]
      |                                      ^^^^^^
      hint: write a pattern such as `DM-\d{5}`; look-around and back references are not available

    error: `e-mail` is no type of personal data
     --> deskmill.toml:5:26
      |
    5 | types = ["order_number", "e-mail"]
      |                          ^^^^^^^^
      hint: did you mean `email`?
    "#);
    assert_eq!(
        messages("[project]\nname = \"desk\"\n[personal]\norder_numbers = [\"A\"]\ntypes = [\"email\"]\n"),
        ["4: `order_numbers` has no effect when `types` leaves `order_number` out"]
    );
}

#[test]
fn a_distribution_rejects_no_rows_and_its_distance_is_a_share() {
    let toml = r#"project.name = "d"
[sources.tickets]
format = "csv"
path = "raw/tickets-1.csv"
[tables.tickets]
sql = "sql/tickets.sql"
rows_of = "tickets"
[[tables.tickets.checks]]
check = "distribution"
column = "channel"
distance_max = 2
[[tables.tickets.checks]]
check = "distribution"
column = "channel"
then = "reject"
[[tables.tickets.checks]]
check = "distribution"
"#;
    let wanted = [
        "11: `distance_max` is out of range",
        "15: rows cannot be rejected by a check of the whole table",
        "16: `column` is missing in `[tables.tickets.checks]`",
    ];
    assert_eq!(messages(toml), wanted);
}

#[test]
fn a_schedule_is_checked_like_the_rest() {
    let desk = |schedule: &str| {
        let head = "[project]\nname = \"a\"\n[sources.tickets]\nformat = \"csv\"\npath = \"raw/tickets-*.csv\"\n";
        format!("{head}[schedule]\n{schedule}")
    };
    let all = "cron = [\"30 2 * * *\", \"61 2 * * *\", \"0 0 31 2 *\"]\ntime_zone = \"Europe/Berln\"\noverlap = \"kill\"\n\
        queue_max = 2\nsettle_s = 1\nlook_every_s = 30\nretry_after_s = 9000\nretry_after_max_s = 60\njiter_max_s = 1\n";
    let found = messages(&desk(all));
    assert_eq!(
        found,
        [
            "7: the minute cannot be `61`",
            "7: there is no such day in any year",
            "8: there is no time zone `Europe/Berln`",
            "9: `overlap` cannot be `kill`",
            "10: `queue_max` has no effect without `overlap = \"queue\"`",
            "11: `settle_s` has no effect without `new_data` or `project_changed`",
            "12: `look_every_s` is larger than a third of `lease_s`",
            "13: `retry_after_s` is larger than `retry_after_max_s`",
            "15: unknown key `jiter_max_s`",
        ]
    );
    assert_eq!(messages(&desk("")), ["6: `cron` is missing in `[schedule]`"]);
    let idle = messages(&desk("new_data = true\noverlap = \"skip\"\n"));
    assert_eq!(idle, ["8: `overlap` has no effect without `cron`"]);
    let shown = wrong(&desk("cron = [\"30 2 * *\"]\ntime_zone = \"Europe/Berln\"\n"));
    assert_snapshot!(shown, @r#"
    error: a cron expression has five fields, this one 4
     --> deskmill.toml:7:9
      |
    7 | cron = ["30 2 * *"]
      |         ^^^^^^^^^^
      hint: write minute, hour, day of the month, month, day of the week: "30 2 * * mon-fri"

    error: there is no time zone `Europe/Berln`
     --> deskmill.toml:8:13
      |
    8 | time_zone = "Europe/Berln"
      |             ^^^^^^^^^^^^^^
      hint: did you mean `Europe/Berlin`?
    "#);
}
