//! jsonl files.

use encoding_rs::GB18030;

use super::jsonl;

#[test]
fn objects_become_rows() {
    let text = concat!(
        "{\"id\": 1, \"text\": \"line\\nbreak \\u60a8好\", \"client\": {\"app\": \"ios\", \"os\": {\"v\": 1.10}}}\n",
        "\n   \r\n",
        "{\"text\":null,\"tags\":[\"a\", {\"b\": \"]\"}],\"id\":12345678901234567890123, \"ok\":true}\r\n",
        "{}\n",
        "  {\"new\": {}, \"id\": -0.0e5}",
    );
    let outcome = jsonl().land(text.as_bytes());
    assert_eq!(
        outcome.columns,
        ["id", "text", "client_app", "client_os_v", "tags", "ok", "new"]
    );
    assert_eq!(
        outcome.shown(),
        [
            "1|line\nbreak 您好|ios|1.10|-|-|-",
            "12345678901234567890123|-|-|-|[\"a\", {\"b\": \"]\"}]|true|-",
            "-|-|-|-|-|-|-",
            "-0.0e5|-|-|-|-|-|{}",
        ]
    );
    let lines: Vec<_> = outcome.places.iter().map(|place| place[1]).collect();
    assert_eq!(lines, [1, 4, 5, 6]);
    assert_eq!(outcome.places[3][2], text.rfind("  {").unwrap() as i64);
}

#[test]
fn what_is_no_row_is_a_reject() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let deeper = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let good = "{\"a\": 1}";
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(2 << 20));
    let key = format!("{{\"{}\": 1}}", "k".repeat(257));
    let lines = [
        good,
        "[1]",
        "7",
        "{\"a\": 1",
        "{\"a\": 1} x",
        "{\"a\": 01}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\": 1, \"a\": 2}",
        "{\"a_b\": 1, \"a\": {\"b\": 2}}",
        "{\"\": 1}",
        "{\"a\": \"\\u0000\"}",
        &deep,
        &deeper,
        &long,
        &key,
        good,
    ];
    let mut bytes = lines.join("\n").into_bytes();
    bytes.extend_from_slice(b"\n{\"a\": \"\xff\"}\n");
    let outcome = jsonl().land(&bytes);
    assert_eq!(outcome.columns, ["a"]);
    assert_eq!(outcome.shown(), ["1", "1"]);
    let rules: Vec<_> = outcome.rejects.iter().map(|reject| reject.rule.as_str()).collect();
    let mut expected = ["json"; 15];
    expected[9] = "nul";
    expected[12] = "row_max_bytes";
    expected[14] = "encoding";
    assert_eq!(rules, expected);
    assert_eq!(outcome.rejects[6].column.as_deref(), Some("a"));
    assert_eq!(outcome.rejects[7].column.as_deref(), Some("a_b"));
    assert!(
        outcome.rejects[2].hint.contains("EOF while parsing"),
        "{}",
        outcome.rejects[2].hint
    );
}

#[test]
fn files_without_rows_or_with_names_of_ours_are_refused() {
    for empty in ["", "\n\n", "\u{feff} \n"] {
        assert!(jsonl().refused(empty.as_bytes()).contains("it is empty"));
    }
    let refused = jsonl().refused(b"{\"a\":1}\n{\"_offset\":1}\n");
    assert!(refused.contains("line 2: column `_offset`"), "{refused}");
    let wide: Vec<String> = (0..2001).map(|n| format!("\"c{n}\":1")).collect();
    let refused = jsonl().refused(format!("{{{}}}", wide.join(",")).as_bytes());
    assert!(refused.contains("it has 2001 columns"), "{refused}");
    // All rows are rejects: there is no column, and nothing is lost.
    let outcome = jsonl().land(b"x\ny\n");
    assert_eq!((outcome.columns.len(), outcome.landed.rejects), (0, 2));
}

#[test]
fn encodings_work_here_too() {
    let text = "{\"内容\": \"您好\"}\n{\"内容\": \"退货\"}\n";
    let (bytes, _, _) = GB18030.encode(text);
    assert_eq!(jsonl().encoded_in("gb18030").land(&bytes).shown(), ["您好", "退货"]);
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(jsonl().encoded_in("UTF-16LE").land(&little).shown(), ["您好", "退货"]);
}
