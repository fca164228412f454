//! JSON documents.

use encoding_rs::GB18030;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Case, jsonl};
use crate::project::Format;

fn json() -> Case {
    Case {
        format: Format::Json,
        ..jsonl()
    }
}

fn json_at(items: &'static str) -> Case {
    Case {
        items: Some(items),
        ..json()
    }
}

#[test]
fn an_array_of_objects_is_rows() {
    let text = "\u{feff}[\n  {\"id\": 1, \"who\": {\"name\": \"Ann\"}},\n  {\"id\": 2.50, \"tags\": [\"a\"]}, {\"id\": null}\n]\n";
    let outcome = json().land(text.as_bytes());
    assert_eq!(outcome.columns, ["id", "who_name", "tags"]);
    assert_eq!(outcome.shown(), ["1|Ann|-", "2.50|-|[\"a\"]", "-|-|-"]);
    let lines: Vec<_> = outcome.places.iter().map(|place| place[1]).collect();
    assert_eq!(lines, [2, 3, 3]);
    for (place, start) in outcome
        .places
        .iter()
        .zip(["{\"id\": 1,", "{\"id\": 2.50", "{\"id\": null"])
    {
        assert_eq!(place[2], text.find(start).unwrap() as i64);
    }
}

#[test]
fn the_rows_are_found_or_named() {
    let text = br#"{"total": 2, "meta": {"pages": [1, 2]}, "data": {"tickets": [{"id": 1}, {"id": 2}], "next": null}}"#;
    assert_eq!(json().land(text).shown(), ["1", "2"]);
    assert_eq!(json_at("data.tickets").land(text).shown(), ["1", "2"]);
    assert_eq!(json_at("meta.pages").land(text).shown(), ["1", "2"]);
    assert_eq!(json_at("meta").land(text).shown(), ["[1, 2]"]);
    let refused = json_at("data.rows").refused(text);
    assert!(refused.contains("there is no `data.rows` in it"), "{refused}");

    let two = br#"{"users": [{"id": 1}], "tickets": [{"id": 2}], "deep": {"er": [{"id": 3}]}}"#;
    let refused = json().refused(two);
    assert!(refused.contains("`users`, `tickets`"), "{refused}");
    assert!(refused.contains("items = \"users\""), "{refused}");
    // The nearest array wins over one that is further down.
    assert_eq!(
        json()
            .land(br#"{"deep": {"er": [{"id": 3}]}, "tickets": [{"id": 2}]}"#)
            .shown(),
        ["2"]
    );
    assert_eq!(json_at("tickets").land(br#"{"tickets": []}"#).landed.rows, 0);
}

#[test]
fn what_has_no_objects_lands_as_values() {
    for (text, expected) in [
        ("[]", vec![]),
        (" 2 ", vec!["2"]),
        ("\"t\\u00e9xt\"", vec!["t\u{e9}xt"]),
        ("null", vec!["-"]),
        ("[1, \"a\", [2, {}], null]", vec!["1", "a", "[2, {}]", "-"]),
        ("{\"a\": 1, \"a\": 2}", vec!["{\"a\": 1, \"a\": 2}"]),
        ("[\"\\u0000\"]", vec!["\"\\u0000\""]),
        ("{}", vec![""]),
        ("{\"a\":1}\n {\"a\":2}\n", vec!["1", "2"]),
        ("[null, {\"a\": 1}]", vec!["1"]),
    ] {
        let outcome = json().land(text.as_bytes());
        assert_eq!(outcome.shown(), expected, "{text}");
    }
    assert_eq!(json().land(b"[null, {\"a\": 1}]").shown_rejects(), ["json 1 null"]);
    for empty in ["", " \n"] {
        assert!(json().refused(empty.as_bytes()).contains("it is empty"));
    }
}

#[test]
fn a_document_that_breaks_keeps_the_rows_before() {
    let outcome = json().land(b"[{\"a\": 1},\n{\"a\": tru},\n{\"a\": 3},\n{\"a\": \"cut");
    assert_eq!(outcome.shown(), ["1", "3"]);
    assert_eq!(outcome.shown_rejects(), ["json 2 {\"a\": tru}", "json 4 {\"a\": \"cut"]);
    let outcome = json().land(b"[{\"a\": 1} {\"a\": 2}]");
    assert_eq!(
        (outcome.shown(), outcome.shown_rejects()),
        (vec!["1".into()], vec!["json 1 {\"a\": 2}]".into()])
    );
    let outcome = json().land(b"<html>no</html>");
    assert_eq!(outcome.shown_rejects(), ["json 1 <html>no</html>"]);
    let outcome = json().land(b"{\"rows\": [{\"a\": 1}], \"more\": nul}");
    assert_eq!((outcome.landed.rows, outcome.landed.rejects), (1, 1));

    let long = format!("[{{\"a\": \"{}\"}}, {{\"a\": 2}}]", "x".repeat(3 << 20));
    let outcome = json().land(long.as_bytes());
    assert_eq!(
        (outcome.shown(), outcome.rejects[0].rule.as_str()),
        (vec!["2".to_owned()], "row_max_bytes")
    );
    for deep in ["[", "{\"a\":", "[{\"a\":"] {
        let outcome = json().land(deep.repeat(200_000).as_bytes());
        assert_eq!((outcome.landed.rows, outcome.landed.rejects), (0, 1), "{deep}");
    }
}

#[test]
fn encodings_work_here_too() {
    let text = "[{\"内容\": \"您好\"}, {\"内容\": \"退货\"}]";
    let (bytes, _, _) = GB18030.encode(text);
    assert_eq!(json().encoded_in("gb18030").land(&bytes).shown(), ["您好", "退货"]);
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(json().encoded_in("UTF-16LE").land(&little).shown(), ["您好", "退货"]);
    let outcome = json().land(b"[{\"a\": \"\xff\"}, {\"a\": 1}]");
    assert_eq!(
        (outcome.shown(), outcome.rejects[0].rule.as_str()),
        (vec!["1".to_owned()], "encoding")
    );
}

#[test]
fn a_name_that_comes_late_is_a_column_all_the_same() {
    let mut lines: Vec<String> = (0..70_000).map(|n| format!("{{\"id\": {n}}}")).collect();
    lines.push("{\"late\": 1}".into());
    lines.push("not a row".into());
    lines.push("{\"later\": 2, \"id\": 3}".into());
    let from_lines = jsonl().land(lines.join("\n").as_bytes());
    lines.remove(70_001);
    let from_document = json().land(format!("[{}]", lines.join(",\n")).as_bytes());
    for (outcome, rejects) in [(from_lines, 1), (from_document, 0)] {
        assert_eq!(outcome.columns, ["id", "late", "later"]);
        assert_eq!((outcome.landed.rows, outcome.landed.rejects), (70_002, rejects));
        assert_eq!(outcome.shown()[70_000..], ["-|1|-", "3|-|2"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The same objects as lines and as a document are the same rows.
    #[test]
    fn a_document_reads_as_its_lines_do(rows in vec(vec(("[ab]", "[a-z\"\\\\,{}\\[\\]\n您🙂]{0,6}"), 0..3), 1..20), indent in any::<bool>()) {
        let objects: Vec<serde_json::Value> = rows
            .into_iter()
            .map(|row| serde_json::Value::Object(row.into_iter().map(|(name, value)| (name, value.into())).collect()))
            .collect();
        let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
        let document = match indent {
            true => serde_json::to_string_pretty(&objects),
            false => serde_json::to_string(&objects),
        };
        let document = json().land(document.unwrap().as_bytes());
        let lines = jsonl().land(lines.as_bytes());
        prop_assert_eq!(document.columns, lines.columns);
        prop_assert_eq!(document.rows, lines.rows);
    }

    /// No bytes make it hang or panic, and what serde_json reads without rows being wrong has no rejects of grammar.
    #[test]
    fn any_text_is_read_or_rejected(text in r#"[\[\]{}:,"a1\\ \n.e-]{0,30}|\[(\{("[ab]": ?(1|"x"|\[1?\]),?){0,2}\},?){0,3}\]?"#) {
        let Ok(outcome) = json().try_land(text.as_bytes()) else { return Ok(()) };
        let is_many = text.contains('\n');
        match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            Ok(_) => prop_assert!(outcome.rejects.iter().all(|reject| !reject.hint.contains("not JSON")), "{:?}", outcome),
            Err(error) if error.to_string().contains("out of range") => {}
            Err(_) => prop_assert!(is_many || !outcome.rejects.is_empty(), "{:?}", outcome),
        }
    }
}
