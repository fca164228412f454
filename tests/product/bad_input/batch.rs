//! `predict` with models that are not there and files that do not fit: no output file is written then.

use super::{SECRET, told};
use crate::command::Ended;
use crate::desk::{Desk, good_tickets};

fn predict(desk: &Desk, model: &str, input: &str) -> Ended {
    let (input, out) = (
        desk.file(input).display().to_string(),
        desk.file("out/answers.csv").display().to_string(),
    );
    desk.deskmill(&["predict", model, "--in", &input, "--out", &out])
}

#[track_caller]
fn nothing_written(desk: &Desk) {
    assert_eq!(std::fs::read_dir(desk.file("out")).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_scored_leaves_nothing() {
    let desk = Desk::small(good_tickets());
    std::fs::create_dir(desk.file("out")).unwrap();
    desk.write("good.csv", "text\nwhere is my parcel\n");
    let before = told(&desk, predict(&desk, "intent", "good.csv"), 2);
    assert!(before.contains("intent"), "{before}");
    desk.run();

    for (model, word) in [
        ("intend", "intend"),
        ("intent@9", "9"),
        ("intent@candidate", "candidate"),
        ("../intent", "../intent"),
        ("intent@", "alias"),
    ] {
        let message = told(&desk, predict(&desk, model, "good.csv"), 2);
        assert!(message.contains(word), "{model}: {message}");
        nothing_written(&desk);
    }

    let many = "where is my parcel\n".repeat(20_000);
    desk.write("late.csv", [b"text\n", many.as_bytes(), b"bad \xff bytes\n"].concat());
    desk.write("fields.csv", format!("text,note\n{SECRET},a,b\n"));
    desk.write("open.csv", format!("text\nfine\n\"{SECRET}\n"));
    desk.write("column.csv", "body\nwhere is my parcel\n");
    desk.write("empty.csv", "");
    desk.write(
        "type.jsonl",
        format!("{{\"text\": \"fine\"}}\n{{\"text\": [\"{SECRET}\"]}}\n"),
    );
    desk.write("broken.jsonl", format!("{{\"text\": \"{SECRET}\n"));
    desk.write("lacks.jsonl", "{\"text\": \"fine\"}\n{\"body\": \"x\"}\n");
    desk.write("deep.jsonl", format!("{{\"text\": {}\n", "[".repeat(100_000)));
    desk.write("no.parquet", "this is not Parquet");
    desk.write("what.xlsx", "PK");
    for (input, words) in [
        ("late.csv", &["late.csv", "line 20002", "UTF-8"][..]),
        ("fields.csv", &["fields.csv", "line 2", "3 fields"]),
        ("open.csv", &["open.csv", "line 3", "quote"]),
        ("column.csv", &["column.csv", "`text`"]),
        ("empty.csv", &["empty.csv", "empty"]),
        ("type.jsonl", &["type.jsonl", "line 2", "string", "array"]),
        ("broken.jsonl", &["broken.jsonl", "line 1"]),
        ("lacks.jsonl", &["lacks.jsonl", "line 2", "`text`"]),
        ("deep.jsonl", &["deep.jsonl", "line 1"]),
        ("no.parquet", &["no.parquet"]),
        ("what.xlsx", &["--from"]),
        ("nowhere.csv", &["nowhere.csv"]),
    ] {
        let message = told(&desk, predict(&desk, "intent", input), 2);
        for word in words {
            assert!(message.contains(word), "no {word} for {input}: {message}");
        }
        assert!(
            !message.contains(SECRET),
            "{input} repeats a customer's text: {message}"
        );
        nothing_written(&desk);
    }
}

#[test]
fn an_output_is_replaced_only_by_a_whole_one() {
    let desk = Desk::small(good_tickets());
    desk.run();
    desk.write("good.csv", "text\nwhere is my parcel\n");
    desk.write("bad.csv", "text\nwhere is my parcel\n\"open\n");
    predict_to(&desk, "good.csv", "kept.csv").ok();
    let kept = desk.read("kept.csv");
    predict_to(&desk, "bad.csv", "kept.csv").with_code(2);
    assert_eq!(desk.read("kept.csv"), kept);
    let onto_itself = told(&desk, predict_to(&desk, "good.csv", "good.csv"), 2);
    assert!(onto_itself.contains("the output is the input"), "{onto_itself}");
    assert_eq!(desk.read("good.csv"), "text\nwhere is my parcel\n");
    assert_eq!(desk.files_ending(".csv.partial"), Vec::<String>::new());
}

fn predict_to(desk: &Desk, input: &str, out: &str) -> Ended {
    let (input, out) = (
        desk.file(input).display().to_string(),
        desk.file(out).display().to_string(),
    );
    desk.deskmill(&["predict", "intent", "--in", &input, "--out", &out])
}
