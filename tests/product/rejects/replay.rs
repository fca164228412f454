//! Replays: with an edited export, and after something else was mended.

use super::edits::Sheet;
use super::{adds_up, bad_desk, replay, sorts, stale, tickets};
use crate::desk::{Desk, good_tickets};

/// Rows of the small desk with its bad ones.
const ROWS: u64 = 365;

#[test]
fn mended_rows_are_in_the_table_exactly_once() {
    for name in ["mend.csv", "mend.jsonl"] {
        let desk = bad_desk();
        assert_eq!(desk.run()["models"]["intent"]["published"]["serving"], 1);
        assert_eq!(stale(&desk), serde_json::json!([]), "{name}");
        let before = [
            "fields - 1",
            "cast waiting_minutes 2",
            "not_null ticket_id 1",
            "duplicate - 1",
        ];
        let sorted = |mut sorts: Vec<String>| {
            sorts.sort();
            sorts
        };
        assert_eq!(sorted(sorts(&desk)), sorted(before.map(str::to_owned).to_vec()));
        let sheet = Sheet::export(&desk, name);
        let whole = [
            ("ticket_id", "T9001"),
            ("body", "too few, \"now\" enough\n也够了"),
            ("intent", "delivery"),
            ("waiting_minutes", "3"),
        ];
        sheet.edit("too few", &whole);
        sheet.edit("哪里是我的包裹", &[("waiting_minutes", "12")]);
        sheet.edit("no id", &[("ticket_id", "T9004")]);
        let said = replay(&desk, &[&sheet.path()]);
        assert_eq!(
            said["mends"],
            serde_json::json!({ "rows": 4, "new": 3, "changed": 0 }),
            "{name}"
        );
        assert_eq!(
            (&said["fates"]["before"], &said["fates"]["kept"]),
            (&4.into(), &3.into()),
            "{said}"
        );
        assert_eq!(said["fates"]["rejected"], serde_json::json!({ "cast": 1 }), "{said}");
        let mended = [
            "T9001|too few, \"now\" enough\n也够了|3.0",
            "T9002|哪里是我的包裹, please|12.0",
            "T9004|退款什么时候到账 no id|1.0",
        ];
        assert_eq!(tickets(&desk, "T9%"), mended, "{name}");
        assert_eq!(sorts(&desk), ["cast waiting_minutes 1", "duplicate - 1"], "{name}");
        adds_up(&desk, ROWS);
        assert_eq!(said["stale"][0]["model"], "intent", "{said}");
        assert_eq!(stale(&desk), serde_json::json!(["tickets"]), "{name}");
        let mends = desk.read("mends/tickets.jsonl");
        assert_eq!(mends.lines().count(), 3, "{mends}");
        // The same file once more.
        let said = replay(&desk, &[&sheet.path()]);
        assert_eq!(
            said["mends"],
            serde_json::json!({ "rows": 4, "new": 0, "changed": 0 }),
            "{name}"
        );
        assert_eq!(desk.read("mends/tickets.jsonl"), mends, "{name}");
        assert_eq!(tickets(&desk, "T9%"), mended, "{name}");
        // A run publishes what was learned from them, and a second one has nothing to do.
        assert_eq!(desk.run()["models"]["intent"]["published"]["serving"], 2, "{name}");
        assert_eq!(stale(&desk), serde_json::json!([]), "{name}");
        assert_eq!(desk.run()["models"]["intent"]["published"]["new"], false, "{name}");
    }
}

#[test]
fn rows_in_gb18030_are_read_and_mended() {
    let ascii: String = good_tickets()
        .lines()
        .filter(|line| line.is_ascii())
        .map(|line| format!("{line}\n"))
        .collect();
    let mut text = ascii.into_bytes();
    // "退款" and "您好".
    text.extend_from_slice(b"T9001,\xcd\xcb\xbf\xee too few\nT9002,\xc4\xfa\xba\xc3,delivery,soon\n");
    let desk = Desk::small(text);
    desk.edit("deskmill.toml", "encoding = \"utf-8\"", "encoding = \"gb18030\"");
    desk.run();
    let shown = desk.deskmill(&["rejects", "show"]).ok().stdout;
    assert!(
        shown.contains("raw     T9001,退款 too few") && shown.contains("您好"),
        "{shown}"
    );
    let sheet = Sheet::export(&desk, "mend.csv");
    let whole = [
        ("ticket_id", "T9001"),
        ("body", "退款什么时候到账？"),
        ("intent", "refund"),
        ("waiting_minutes", "5"),
    ];
    sheet.edit("退款", &whole);
    sheet.edit("您好", &[("waiting_minutes", "7"), ("body", "您好，包裹呢")]);
    assert_eq!(replay(&desk, &[&sheet.path()])["mends"]["new"], 2);
    assert_eq!(
        tickets(&desk, "T9%"),
        ["T9001|退款什么时候到账？|5.0", "T9002|您好，包裹呢|7.0"]
    );
    assert_eq!(sorts(&desk), Vec::<String>::new());
}

#[test]
fn a_mended_row_may_be_rejected_again_and_mended_again() {
    let desk = bad_desk();
    desk.run();
    let sheet = Sheet::export(&desk, "mend.csv");
    sheet.edit(
        "too few",
        &[("ticket_id", "T9001"), ("body", "enough"), ("waiting_minutes", "a lot")],
    );
    let said = replay(&desk, &[&sheet.path()]);
    assert_eq!(said["fates"]["rejected"]["cast"], 3, "{said}");
    assert_eq!(tickets(&desk, "T9001"), Vec::<String>::new());
    // From a new export, in which the row has its mended fields.
    let again = Sheet::export(&desk, "again.csv");
    again.edit("enough", &[("waiting_minutes", "13")]);
    let said = replay(&desk, &[&again.path()]);
    assert_eq!(
        said["mends"],
        serde_json::json!({ "rows": 4, "new": 0, "changed": 1 }),
        "{said}"
    );
    assert_eq!(tickets(&desk, "T9001"), ["T9001|enough|13.0"]);
    // From the first one, in which a person finds the slip.
    sheet.edit("too few", &[("waiting_minutes", "14")]);
    assert_eq!(replay(&desk, &[&sheet.path()])["mends"]["changed"], 1);
    assert_eq!(tickets(&desk, "T9001"), ["T9001|enough|14.0"]);
    adds_up(&desk, ROWS);
}

#[test]
fn mends_belong_to_the_project_and_any_run_completes_them() {
    let desk = bad_desk();
    desk.run();
    let elsewhere = desk.copy();
    let sheet = Sheet::export(&desk, "mend.csv");
    sheet.edit("哪里是我的包裹", &[("waiting_minutes", "12")]);
    replay(&desk, &[&sheet.path()]);
    // As after a kill between the mends and the run, or in another checkout.
    elsewhere.write("mends/tickets.jsonl", desk.read("mends/tickets.jsonl"));
    let report = elsewhere.run();
    assert_eq!(report["sources"]["tickets"]["mended"], 1, "{report}");
    assert_eq!(tickets(&elsewhere, "T9002"), ["T9002|哪里是我的包裹, please|12.0"]);
    // Without its mends the project is what it was, down to the keys of its steps.
    std::fs::remove_file(elsewhere.file("mends/tickets.jsonl")).unwrap();
    let plan = elsewhere.deskmill(&["--json", "plan"]).ok().stdout;
    assert!(!plan.contains("\"done\":false"), "{plan}");
}

#[test]
fn a_mend_whose_row_changed_is_told_and_not_used() {
    let desk = bad_desk();
    desk.run();
    let sheet = Sheet::export(&desk, "mend.csv");
    sheet.edit("哪里是我的包裹", &[("waiting_minutes", "12")]);
    replay(&desk, &[&sheet.path()]);
    desk.edit("raw/tickets.csv", "please\",delivery,soon", "please\",delivery,99");
    let run = desk.deskmill(&["--json", "run"]).ok();
    assert!(
        run.stdout.contains("1 mend(s) no longer fit: raw/tickets.csv:363"),
        "{}",
        run.stdout
    );
    assert_eq!(desk.last_run()["sources"]["tickets"]["mends_unfit"], 1);
    assert_eq!(tickets(&desk, "T9002"), ["T9002|哪里是我的包裹, please|99.0"]);
    assert_eq!(
        replay(&desk, &[])["mends_unfit"],
        serde_json::json!(["raw/tickets.csv:363"])
    );
    // The export is of another time by now.
    sheet.edit("哪里是我的包裹", &[("waiting_minutes", "13")]);
    let refused = desk.deskmill(&["rejects", "replay", &sheet.path()]).with_code(2).stderr;
    assert!(refused.contains("export again"), "{refused}");
    // The whole file goes.
    desk.write("raw/other.csv", good_tickets());
    desk.edit("deskmill.toml", "raw/tickets.csv", "raw/other.csv");
    let run = desk.deskmill(&["--json", "run"]).ok();
    assert!(
        run.stdout.contains("1 mend(s) no longer fit: raw/tickets.csv:363"),
        "{}",
        run.stdout
    );
}

#[test]
fn all_that_is_wrong_in_an_edited_export_is_told_at_once() {
    let desk = bad_desk();
    desk.run();
    let sheet = Sheet::export(&desk, "mend.csv");
    sheet.edit("哪里是我的包裹", &[("waiting_minutes", "12")]);
    sheet.edit("left as it is", &[("_source", "tikets")]);
    sheet.edit("no id", &[("_reject", "123-abc")]);
    sheet.edit("too few", &[("body", "a nul \0 in it")]);
    let text = desk.read("mend.csv");
    desk.write(
        "mend.csv",
        text.replacen("\"ticket_id\"", "\"ticket_number\"", 1) + "one,two\r\n",
    );
    let message = desk.neutral(&desk.deskmill(&["rejects", "replay", &sheet.path()]).with_code(2).stderr);
    insta::assert_snapshot!(message, @r#"
    error: DESK/mend.csv: nothing was taken:
      line 2: a NUL is in `body`
      line 3: source `tickets` has no column `ticket_number`
      line 4: there is no source `tikets`
      line 5: `123-abc` is no reject as the project stands: its row was changed or mended since, or is gone; export again
      line 6: 2 fields, and the header has 15; quote values that hold the delimiter
    hint: mend these lines and replay the file again; columns that start with `_` stay as they were exported
    "#);
    assert!(!desk.file("mends").exists(), "something was taken");
    let parquet = desk.file("mend.parquet").display().to_string();
    desk.deskmill(&["rejects", "export", "--out", &parquet]).ok();
    let message = desk.deskmill(&["rejects", "replay", &parquet]).with_code(2).stderr;
    assert!(message.contains("an edited export is csv or jsonl"), "{message}");
    desk.deskmill(&["rejects", "replay", "none.csv"]).with_code(2);
}

#[test]
fn after_the_project_or_the_files_were_mended_it_is_told_what_became_of_each_reject() {
    let desk = bad_desk();
    desk.run();
    // The SQL takes `later` for a day; the row with too few fields is taken out of its file.
    desk.edit(
        "sql/tickets.sql",
        "try_cast(waiting_minutes as double)",
        "try_cast(case waiting_minutes when 'later' then '1440' else waiting_minutes end as double)",
    );
    desk.edit("raw/tickets.csv", "T9001,too few\n", "");
    let said = replay(&desk, &[]);
    let fates = serde_json::json!({
        "before": 4, "kept": 1, "duplicates": 0, "rejected": { "cast": 1, "not_null": 1 }, "gone": 1, "unknown": 0
    });
    assert_eq!(said["fates"], fates);
    assert_eq!(said["mends"], serde_json::Value::Null);
    // Mended in the file; by mistake with an id that is there.
    desk.edit("raw/tickets.csv", "delivery,soon", "delivery,5");
    desk.edit("raw/tickets.csv", "\n,退款什么时候到账", "\nT0002,退款什么时候到账");
    let said = replay(&desk, &[]);
    let fates = serde_json::json!({
        "before": 2, "kept": 1, "duplicates": 1, "rejected": {}, "gone": 0, "unknown": 0
    });
    assert_eq!(said["fates"], fates);
    assert_eq!(tickets(&desk, "T9%").len(), 2);
}

#[test]
fn too_many_rejects_stop_a_run_until_they_are_mended() {
    let few: String = (0..8).map(|n| format!("T9{n:03},too few 太少 {n}.\n")).collect();
    let soon: String = (0..8)
        .map(|n| format!("T9{n:03},哪里 where {n}.,delivery,soon\n"))
        .collect();
    for (rows, place) in [(few, "source `tickets`: 8 of 368"), (soon, "table `tickets`: 8 of 368")] {
        let desk = Desk::small(good_tickets() + &rows);
        desk.edit("deskmill.toml", "rejects_max_share = 0.5", "rejects_max_share = 0.01");
        let refused = desk.deskmill(&["run"]).with_code(1).stderr;
        assert!(refused.contains(place), "{refused}");
        assert_eq!(desk.models(), Vec::<serde_json::Value>::new());
        let sheet = Sheet::export(&desk, "mend.csv");
        let fields = |n: u32| {
            let id = format!("T9{n:03}");
            [
                ("ticket_id", id),
                ("body", "where 哪里".into()),
                ("intent", "delivery".into()),
                ("waiting_minutes", "1".into()),
            ]
        };
        for n in 0..4 {
            let fields = fields(n);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            sheet.edit(&format!(" {n}."), &fields);
        }
        // Half of them are still too many.
        let ended = desk
            .deskmill(&["--json", "rejects", "replay", &sheet.path()])
            .with_code(1);
        assert!(ended.stderr.contains("4 of 368"), "{}", ended.stderr);
        let said = ended.json_lines().pop().unwrap();
        assert_eq!(said["replay"]["mends"]["new"], 4, "{said}");
        desk.deskmill(&["run"]).with_code(1);
        assert_eq!(desk.models(), Vec::<serde_json::Value>::new());
        let sheet = Sheet::export(&desk, "mend.csv");
        for n in 4..8 {
            let fields = fields(n);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            sheet.edit(&format!(" {n}."), &fields);
        }
        let said = replay(&desk, &[&sheet.path()]);
        assert_eq!(
            (&said["fates"]["before"], &said["fates"]["kept"]),
            (&4.into(), &4.into()),
            "{said}"
        );
        assert_eq!(desk.run()["models"]["intent"]["published"]["serving"], 1);
        assert_eq!(tickets(&desk, "T9%").len(), 8);
    }
}
