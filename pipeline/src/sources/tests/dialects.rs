//! csv files of which nothing is declared.

use proptest::prelude::*;

use super::{Case, Outcome, csv};
use crate::project::CsvDialect;

fn told() -> Case {
    Case {
        csv: Some(CsvDialect::default()),
        ..csv()
    }
}

/// Rows of a table that any dialect can be told from.
fn orders(delimiter: &str, quote: &str) -> String {
    let mut text = ["day", "order", "text", "price"].join(delimiter) + "\n";
    for n in 10..28 {
        let said = format!("{quote}late{delimiter} and torn {n}{quote}");
        text += &([format!("2024-03-{n}"), format!("A{n}"), said, format!("{n}.50")].join(delimiter) + "\n");
    }
    text
}

fn is_orders(outcome: &Outcome, delimiter: &str) {
    assert_eq!(outcome.columns, ["day", "order", "text", "price"]);
    assert_eq!(outcome.rows.len(), 18);
    assert!(outcome.rejects.is_empty(), "{:?}", outcome.shown_rejects());
    assert_eq!(
        outcome.shown()[0],
        format!("2024-03-10|A10|late{delimiter} and torn 10|10.50")
    );
}

#[test]
fn delimiters_and_quotes_are_told() {
    for delimiter in [",", ";", "\t", "|", ":", " ", "^", "~"] {
        for quote in ["\"", "'"] {
            is_orders(&told().land(orders(delimiter, quote).as_bytes()), delimiter);
        }
    }
}

#[test]
fn line_ends_and_spaces_are_told() {
    for end in ["\r\n", "\r"] {
        is_orders(&told().land(orders(";", "\"").replace('\n', end).as_bytes()), ";");
    }
    let spaced = told().land(b"a, b, c\n1, \"x, y\", 2\n3, \"z, w\", 4\n");
    assert_eq!(spaced.columns, ["a", "b", "c"]);
    assert_eq!(spaced.shown(), ["1|x, y|2", "3|z, w|4"]);
}

#[test]
fn escapes_are_told() {
    for (inner, expected) in [
        ("\\\"", "said \"no\" twice, at least"),
        ("\"", "said \"no\" twice, at least"),
        ("\"\"", "said \"no\" twice, at least"),
    ] {
        let row = |n: usize| format!("{n},\"said {inner}no{inner} twice, at least\",x{n}\n");
        let text = format!("id,text,code\n{}", (1..9).map(row).collect::<String>());
        let outcome = told().land(text.as_bytes());
        assert_eq!(outcome.rows.len(), 8, "{inner} {:?}", outcome.shown_rejects());
        assert_eq!(outcome.rows[0][1].as_deref(), Some(expected));
    }
}

#[test]
fn headers_are_told() {
    let rows = "1,2024-01-01,x\n2,2024-01-02,y\n3,2024-01-03,z\n4,2024-01-04,w\n";
    let names = |head: &str| told().land(format!("{head}{rows}").as_bytes()).columns;
    assert_eq!(names("id,day,text\n"), ["id", "day", "text"]);
    assert_eq!(names(""), ["column_1", "column_2", "column_3"]);
    assert_eq!(names("Report,,\n,,\nid,day,text\n"), ["id", "day", "text"]);
    assert_eq!(names("Report of the desk\n\nid,day,text\n"), ["id", "day", "text"]);
    assert_eq!(names("id,day,text\nno,ISO,free\n"), ["id no", "day ISO", "text free"]);
    assert_eq!(names("id;day;text\n"), ["id", "day", "text"]);
    assert_eq!(names("id,,day,text\n"), ["id", "day", "text"]);
    assert_eq!(names("id,id,\n"), ["id", "id_2", "column_3"]);
    let short = told().land(format!("id,day\n{rows}").as_bytes());
    assert_eq!(short.columns, ["id", "day", "column_3"]);
    assert_eq!(short.shown_rejects(), ["header 1 id,day"]);
    assert_eq!(short.rows.len(), 4);
}

#[test]
fn thin_evidence_is_rfc_4180() {
    assert_eq!(told().land(b"text\nhello there: you\n").columns, ["text"]);
    assert_eq!(
        told().land(b"time\n10:30\n11:45\n12:15\n13:00\n").shown(),
        ["10:30", "11:45", "12:15", "13:00"]
    );
    let outcome = told().land(b"");
    assert!(outcome.columns.is_empty() && outcome.rows.is_empty());
}

#[test]
fn rows_with_one_reading_are_mended() {
    let good: String = (10..28).map(|n| format!("{n},2024-03-{n},word,{n}.5,\n")).collect();
    let land = |bad: &str| told().land(format!("id,day,text,price,note\n{good}{bad}\n").as_bytes());
    for (bad, read) in [
        ("7,2024-01-01,x,1.5,,,", "7|2024-01-01|x|1.5|-"),
        ("7,,2024-01-01,x,1.5,", "7|2024-01-01|x|1.5|-"),
        ("7,2024-01-01,x,1.5", "7|2024-01-01|x|1.5|-"),
        ("7,2024-01-01,\"x,1.5,", "7|2024-01-01|\"x|1.5|-"),
        ("7,2024-01-01,\"x \"y\" z, w\",1.5,", "7|2024-01-01|x \"y\" z, w|1.5|-"),
    ] {
        let outcome = land(bad);
        assert_eq!(
            outcome.shown().last().map(String::as_str),
            Some(read),
            "{bad} {:?}",
            outcome.shown_rejects()
        );
    }
    // Slipped, cut, or the start of something longer.
    for bad in [
        "7,2024-01-01x,1.5,",
        "7,2024-01-01,x",
        "7,x,y,z,,",
        "7,2024-01-01,x,1.5,\"more",
    ] {
        assert_eq!(land(bad).rejects.len(), 1, "{bad}");
    }
}

#[test]
fn another_table_is_rejected_and_a_header_again_too() {
    let table = orders(",", "\"");
    let other: String = (0..9).map(|n| format!("{n},x\n")).collect();
    let outcome = told().land(format!("{table}{other}").as_bytes());
    assert_eq!((outcome.rows.len(), outcome.rejects.len()), (18, 9));
    assert_eq!(outcome.rejects[8].rule, "other_table");
    let twice = told().land(table.repeat(2).as_bytes());
    assert_eq!(
        (twice.rows.len(), twice.rejects.len(), twice.rejects[0].rule.as_str()),
        (36, 1, "header")
    );
}

#[test]
fn encodings_are_told() {
    let mut case = told();
    case.encoding = "";
    let text =
        "编号;内容;金额\n1;您好，我想退货，谢谢;1.5\n2;订单还没有到，请帮我查一下;2.5\n3;发票开错了怎么办呢;3.5\n";
    let rows = case.land(text.as_bytes()).shown();
    assert_eq!(rows.len(), 3);
    let utf_32: Vec<u8> = text.chars().flat_map(|sign| u32::from(sign).to_le_bytes()).collect();
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let gb18030 = encoding_rs::GB18030.encode(text).0.into_owned();
    for (name, bytes) in [("UTF-32", utf_32), ("UTF-16", utf_16), ("GB18030", gb18030)] {
        assert_eq!(case.land(&bytes).shown(), rows, "{name}");
    }
}

#[test]
fn what_was_told_is_written() {
    let outcome = told().land(orders(";", "'").as_bytes());
    let told: serde_json::Value = serde_json::from_str(&outcome.dialect).unwrap();
    assert_eq!((&told["delimiter"], &told["quote"]), (&";".into(), &"'".into()));
    assert_eq!((&told["header"], &told["columns"]), (&true.into(), &4.into()));
    let declared = csv().land(b"a,b\n1,2\n").dialect;
    assert!(declared.contains("\"header\": true"), "{declared}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_of_any_dialect_lose_nothing(bytes in prop::collection::vec(prop_oneof![
        6 => prop::sample::select(b"\",\n\r \t;|'\\:".to_vec()),
        4 => prop::sample::select(b"ab1203-.".to_vec()),
        1 => any::<u8>(),
    ], 0..400)) {
        let mut case = told().row_max_bytes(64);
        case.encoding = "";
        // `Outcome` checks that rows and rejects share one gapless numbering.
        if let Ok(outcome) = case.try_land(&bytes) {
            prop_assert!(outcome.rejects.iter().map(|reject| reject.raw.len()).sum::<usize>() <= 2 * bytes.len() + 8);
        }
    }
}
