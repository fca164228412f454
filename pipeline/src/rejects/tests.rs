//! What people edit is read as they wrote it; names and digests of rows stay where they should.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;

use super::edited::{Edited, EditedRow};
use super::mends::digest_of_mends;
use super::{Mend, Mends, visible, was_of_fields};
use crate::project::{Limits, Personal, Project, ProjectPath, ServingSpec};

fn row(line: u64, id: &str, fields: &[(&str, Option<&str>)]) -> EditedRow {
    let field = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
    EditedRow {
        line,
        id: id.into(),
        source: "tickets".into(),
        fields: fields.iter().map(field).collect(),
    }
}

#[test]
fn csv_is_read_as_spreadsheets_write_it() {
    let expected = [
        row(2, "1-a", &[("body", Some("where,\nis it")), ("intent", None)]),
        row(4, "2-b", &[("body", Some("退款")), ("intent", Some("refund"))]),
    ];
    for (delimiter, mark) in [(",", ""), (";", "\u{feff}"), ("\t", "")] {
        let text = ["_reject", "_source", "body", "intent"].join(delimiter)
            + "\r\n"
            + &["1-a", "tickets", "\"where,\nis it\"", ""].join(delimiter)
            + "\r\n"
            + &["2-b", "tickets", "退款", "refund"].join(delimiter)
            + "\r\n"
            + &["", "", "", ""].join(delimiter);
        let edited = Edited::of_csv(&(mark.to_owned() + &text));
        assert_eq!(edited.problems, Vec::new());
        assert_eq!(edited.rows, expected, "{delimiter}");
    }
}

#[test]
fn all_problems_of_a_csv_are_told() {
    let edited = Edited::of_csv("_reject,body,body\n1,2\n3,4,5,6\n");
    let told = |edited: &Edited| -> Vec<String> {
        let told = |(line, message): &(u64, String)| format!("line {line}: {message}");
        edited.problems.iter().map(told).collect()
    };
    assert_eq!(
        told(&edited),
        [
            "line 1: there is no column `_source`; keep the columns of the export",
            "line 1: column `body` is there twice",
            "line 2: 2 fields, and the header has 3; quote values that hold the delimiter",
            "line 3: 4 fields, and the header has 3; quote values that hold the delimiter",
        ]
    );
    assert_eq!(told(&Edited::of_csv("")), ["line 1: the file is empty"]);
}

#[test]
fn jsonl_keeps_null_and_empty_apart() {
    let edited = Edited::of_jsonl(
        "{\"_reject\":\"1-a\",\"_source\":\"tickets\",\"body\":\"\",\"n\":null,\"m\":12,\"l\":[1,\"二\"]}\n\n[]\n{\n",
    );
    let fields = [
        ("body", Some("")),
        ("n", None),
        ("m", Some("12")),
        ("l", Some("[1,\"二\"]")),
    ];
    assert_eq!(edited.rows, [row(1, "1-a", &fields)]);
    assert_eq!(edited.problems.len(), 2, "{:?}", edited.problems);
    assert_eq!((edited.problems[0].0, edited.problems[1].0), (3, 4));
}

#[test]
fn hidden_signs_are_shown() {
    assert_eq!(
        visible("a\tb\n\0\u{1b}[1m\u{202e}您好 é🙂"),
        "a\\tb\\n\\0\\u{1b}[1m\\u{202e}您好 é🙂"
    );
}

#[test]
fn a_digest_of_fields_knows_values_and_nothing_else() {
    let of = |fields: &[(&str, Option<&str>)]| was_of_fields(fields.iter().copied());
    let plain = of(&[("a", Some("1")), ("b", Some("二"))]);
    assert_eq!(
        plain,
        of(&[("b", Some("二")), ("_row", Some("7")), ("c", None), ("a", Some("1"))])
    );
    for other in [
        of(&[("a", Some("1"))]),
        of(&[("a", Some("1")), ("b", Some("2"))]),
        of(&[("b", Some("1")), ("a", Some("二"))]),
        of(&[("a", Some("1")), ("b", Some("二")), ("c", Some(""))]),
    ] {
        assert_ne!(plain, other);
    }
}

fn project(folder: PathBuf) -> Project {
    let path = |name: &str| ProjectPath {
        written: name.into(),
        path: folder.join(name),
    };
    Project {
        name: "desk".into(),
        seed: 1,
        work_dir: path("work"),
        registry: path("registry"),
        limits: Limits {
            memory_max_mib: 256,
            row_max_bytes: 1 << 20,
            unpacked_max_ratio: 1000,
            rejects_max_share: 1.0,
            threads_max: 1,
        },
        personal: Personal::default(),
        sources: Vec::new(),
        tables: Vec::new(),
        models: Vec::new(),
        schedule: None,
        serving: ServingSpec {
            listen: ([127, 0, 0, 1], 0).into(),
            body_max_bytes: 1024,
            rows_max: 1,
            text_max_bytes: 1,
            timeout_ms: 1,
            concurrent_max: 1,
            reload_every_ms: 10,
            stop_grace_ms: 1,
        },
        folder,
    }
}

fn mend(row: i64, file: &str, value: Option<&str>) -> Mend {
    Mend {
        row,
        file: file.into(),
        line: 2,
        was: "was".into(),
        fields: BTreeMap::from([("body".to_owned(), value.map(str::to_owned))]),
        who: "ann".into(),
        when: "2026-01-01T00:00:00Z".into(),
    }
}

#[test]
fn mends_that_are_none_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path().to_owned());
    let good = serde_json::to_string(&mend(1, "a.csv", Some("x"))).unwrap();
    for (bad, word) in [
        ("{}".to_owned(), "missing field"),
        (good.clone(), "a line above mends"),
        (
            good.replace("\"body\"", "\"_row\"").replace("\"row\":1", "\"row\":2"),
            "`_row`",
        ),
        (
            good.replace("\"x\"", "\"\\u0000\"").replace("\"row\":1", "\"row\":2"),
            "NUL",
        ),
    ] {
        std::fs::create_dir_all(folder.path().join("mends")).unwrap();
        std::fs::write(folder.path().join("mends/tickets.jsonl"), format!("{good}\n\n{bad}\n")).unwrap();
        let error = Mends::read(&project, "tickets").unwrap_err().to_string();
        assert!(
            error.contains("mends/tickets.jsonl, line 3") && error.contains(word),
            "{error}"
        );
    }
}

proptest! {
    /// What is written is read again; the order of mending, and who mends when, change nothing of what lands.
    #[test]
    fn mends_come_back(
        rows in prop::collection::btree_map((0_i64..1 << 62, "[ab]\\.csv"), prop::option::of("[a-z\n\"您好\u{2028}]{0,8}"), 1..8)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path().to_owned());
        let (mut there, mut back) = (Mends::default(), Mends::default());
        for ((row, file), value) in &rows {
            there.put(mend(*row, file, value.as_deref()));
        }
        for ((row, file), value) in rows.iter().rev() {
            let mut mend = mend(*row, file, value.as_deref());
            mend.when = "2027-01-01T00:00:00Z".into();
            // Two rows of one number in a file are one row.
            if there.get(file, mend.number()).is_some_and(|kept| kept.row == *row) {
                back.put(mend);
            }
        }
        there.write(&project, "tickets").unwrap();
        prop_assert_eq!(&Mends::read(&project, "tickets").unwrap(), &there);
        let digest = |mends: &Mends| digest_of_mends(["a.csv", "b.csv"].iter().filter_map(|file| mends.of_file(file)));
        prop_assert_eq!(digest(&there), digest(&back));
    }
}
