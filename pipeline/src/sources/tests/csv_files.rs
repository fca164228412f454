//! csv files.

use encoding_rs::{BIG5, GB18030, UTF_16BE};

use super::{Outcome, csv};
use crate::project::Quote;
use crate::rejects::RAW_MAX_BYTES;

#[test]
fn rows_have_values_and_places() {
    let outcome = csv().land("id,text\n1,hello\n2,\"two, and\n\"\"three\"\"\"\n\n3,\n4,\"\"\n5,您好".as_bytes());
    assert_eq!(outcome.columns, ["id", "text"]);
    assert_eq!(
        outcome.shown(),
        ["1|hello", "2|two, and\n\"three\"", "3|-", "4|", "5|您好"]
    );
    let places: Vec<_> = outcome
        .places
        .iter()
        .map(|[_, line, offset]| (*line, *offset))
        .collect();
    assert_eq!(places, [(2, 8), (3, 16), (6, 40), (7, 43), (8, 48)]);
    assert_eq!(outcome.landed.bytes, 56);
}

#[test]
fn every_line_end_ends_a_line() {
    for text in [
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\r1,2\r3,4",
        "a,b\n1,2\r\n3,4\r",
        "a,b\r\n\r\n1,2\n\r3,4",
    ] {
        assert_eq!(csv().land(text.as_bytes()).shown(), ["1|2", "3|4"], "{text:?}");
    }
    let outcome = csv().land(b"a,b\n1,\"x\r\ny\rz\"\n");
    assert_eq!(outcome.shown(), ["1|x\r\ny\rz"]);
}

#[test]
fn dialects_differ() {
    let mut case = csv().delimited_by(b'\t');
    let dialect = case.csv.as_mut().unwrap();
    dialect.quote = Some(Quote::Byte(b'\''));
    dialect.header = Some(false);
    dialect.columns = vec!["x".into(), "y".into()];
    let outcome = case.land(b"1\t'a''b\tc'\n2\t\"d\n");
    assert_eq!(outcome.columns, ["x", "y"]);
    assert_eq!(outcome.shown(), ["1|a'b\tc", "2|\"d"]);
}

#[test]
fn a_wrong_number_of_fields_is_a_reject() {
    let outcome = csv().land(b"a,b\n1\n2,x\n3,y,z\n4,w\n");
    assert_eq!(outcome.shown(), ["2|x", "4|w"]);
    assert_eq!(outcome.shown_rejects(), ["fields 2 1", "fields 4 3,y,z"]);
    assert!(
        outcome.rejects[1].hint.starts_with("2 fields are expected, 3 found"),
        "{}",
        outcome.rejects[1].hint
    );
    assert_eq!(outcome.rejects[1].place, [(7 << 40) + 2, 4, 10]);
}

#[test]
fn an_unclosed_quote_costs_its_own_line_only() {
    let good: String = (0..1000).map(|n| format!("{n},text {n},\"quoted, {n}\"\n")).collect();
    for (after, broken) in [
        (&good[..], "x,\"never closed,1"),
        // No quote behind it at all.
        ("7,a,b\n8,c,d\n", "x,\"never closed,1"),
        // The next quotes make an empty value, which within quotes is a quote.
        ("7,\"\",b\n8,c,\n", "x,\"never closed,1"),
        // The next quote looks like the end of the value.
        ("7,\", and\",b\n8,c,d\n", "x,\"never closed,1"),
        // Text behind the closing quote, in one line.
        (&good[..], "x,\"he said \"hi\" to me\",1"),
    ] {
        let outcome = csv().land(format!("a,b,c\n{good}{broken}\n{after}").as_bytes());
        assert_eq!(
            outcome.shown_rejects(),
            [format!("quote 1002 {broken}")],
            "before {:?}",
            &after[..12]
        );
        assert_eq!(outcome.rows.len(), 1000 + after.lines().count());
    }
}

#[test]
fn a_value_of_several_lines_that_is_wrong_is_one_reject() {
    let outcome = csv().land(b"a,b,c\n1,\"one\ntwo\nthree\",3,4\n2,x,y\n");
    assert_eq!(outcome.shown_rejects(), ["fields 2 1,\"one\ntwo\nthree\",3,4"]);
    assert_eq!(outcome.shown(), ["2|x|y"]);
}

#[test]
fn the_rest_of_a_rejected_value_is_no_row() {
    // `bye",2` has the right number of fields, but it is the end of the value above.
    let outcome = csv().land(b"a,b\n1,\"line\nhe said \"hi\" to me\nbye\",2\n3,4\n");
    assert_eq!(outcome.shown(), ["3|4"]);
    assert_eq!(outcome.landed.rejects, 3);
    // Elsewhere a quote within a value is a quote.
    assert_eq!(csv().land(b"a,b\n5\" pipe,2\n").shown(), ["5\" pipe|2"]);
}

#[test]
fn a_long_line_is_one_reject_in_bounded_memory() {
    let long = "x".repeat(40 << 20);
    let outcome = csv()
        .row_max_bytes(1000)
        .land(format!("a,b\n1,2\n3,{long}\n4,5\n\"{long}\n6,7").as_bytes());
    assert_eq!(outcome.shown(), ["1|2", "4|5", "6|7"]);
    let rules: Vec<_> = outcome
        .rejects
        .iter()
        .map(|r| (r.rule.as_str(), r.place[1], r.raw.len()))
        .collect();
    assert_eq!(
        rules,
        [("row_max_bytes", 3, RAW_MAX_BYTES), ("row_max_bytes", 5, RAW_MAX_BYTES)]
    );
}

#[test]
fn a_row_of_just_the_limit_is_kept() {
    for end in ["\n", "\r\n", "\r", ""] {
        let row = format!("1,{}", "x".repeat(98));
        let outcome = csv().row_max_bytes(100).land(format!("a,b\n{row}{end}").as_bytes());
        assert_eq!((outcome.landed.rows, outcome.landed.rejects), (1, 0), "{end:?}");
        let outcome = csv().row_max_bytes(100).land(format!("a,b\n{row}x{end}").as_bytes());
        assert_eq!((outcome.landed.rows, outcome.landed.rejects), (0, 1), "{end:?}");
    }
}

#[test]
fn a_value_over_many_lines_is_bounded_too() {
    let lines = "line\n".repeat(100);
    let outcome = csv()
        .row_max_bytes(100)
        .land(format!("a,b\n1,\"{lines}\"\n2,3\n").as_bytes());
    assert_eq!(outcome.rejects[0].rule, "quote");
    assert_eq!(outcome.shown(), ["2|3"]);
}

#[test]
fn bytes_that_are_no_text_are_a_reject() {
    let outcome = csv().land(b"a,b\n1,caf\xe9\n2,ok\n3,\xc3,\xa9\n4,\xc3\n\xa9,5\n6,a\0b\n");
    assert_eq!(outcome.shown(), ["2|ok"]);
    let rules: Vec<_> = outcome.rejects.iter().map(|reject| reject.rule.as_str()).collect();
    assert_eq!(rules, ["encoding", "fields", "encoding", "encoding", "nul"]);
    assert_eq!(outcome.rejects[0].raw, b"1,caf\xe9");
    // The two halves of a character on both sides of a delimiter are not a character.
    assert_eq!(csv().land(b"a,b\n\xc3,\xa9\n").landed.rejects, 1);
}

fn chinese(outcome: &Outcome) {
    assert_eq!(outcome.columns, ["编号", "内容"]);
    assert_eq!(outcome.shown(), ["1|您好；退货\n谢谢", "2|订单|；丂~"]);
    assert!(outcome.rejects.is_empty());
}

#[test]
fn gb18030_with_semicolons() {
    let text = "编号;内容\n1;\"您好；退货\n谢谢\"\n2;订单|；丂~\n3;𠮷㐀\n";
    let (bytes, _, _) = GB18030.encode(text);
    let case = csv().delimited_by(b';').encoded_in("gb18030");
    let outcome = case.land(&bytes);
    assert_eq!(outcome.shown(), ["1|您好；退货\n谢谢", "2|订单|；丂~", "3|𠮷㐀"]);
    let starts = [bytes.iter().position(|&b| b == b'1').unwrap() as i64, 2];
    assert_eq!([outcome.places[0][2], outcome.places[0][1]], starts);

    let mut broken = bytes.to_vec();
    broken.extend_from_slice(b"4;\xff\xff\n5;ok\n");
    let outcome = case.land(&broken);
    assert_eq!(outcome.rejects.len(), 1);
    assert_eq!(
        (outcome.rejects[0].rule.as_str(), &outcome.rejects[0].raw[..]),
        ("encoding", &b"4;\xff\xff"[..])
    );
    assert_eq!(outcome.rows.len(), 4);
}

#[test]
fn a_delimiter_within_a_character_is_not_one() {
    // The second byte of many characters is `|` in these encodings, and a backslash in Big5.
    let text = "a|b\n誡|1\n功|2\n";
    let (bytes, _, had_errors) = BIG5.encode(text);
    assert!(
        !had_errors
            && bytes
                .windows(2)
                .any(|pair| pair[0] > 0x80 && (pair[1] == b'|' || pair[1] == b'\\'))
    );
    assert_eq!(
        csv().delimited_by(b'|').encoded_in("Big5").land(&bytes).shown(),
        ["誡|1", "功|2"]
    );
}

#[test]
fn utf_16_in_both_orders_and_utf_8_with_a_mark() {
    let text = "编号,内容\r\n1,\"您好；退货\n谢谢\"\r\n2,订单|；丂~\r\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    chinese(&csv().encoded_in("UTF-16LE").land(&little));
    chinese(&csv().encoded_in("UTF-16BE").land(&big));
    let marked: Vec<u8> = [0xfe, 0xff].into_iter().chain(big.iter().copied()).collect();
    // `utf-16` is a label of UTF-16LE; the mark says which order it is.
    chinese(&csv().encoded_in("UTF-16LE").land(&marked));
    let outcome = csv().land(format!("\u{feff}{text}").as_bytes());
    chinese(&outcome);
    assert_eq!(outcome.places[0][2], 3 + 15);

    let refused = csv().land(b"a\n1\n").shown();
    assert_eq!(refused, ["1"]);
    assert_eq!(
        csv().refused(&marked),
        "source `tickets`, raw/input, line 1: it is declared as UTF-8 and starts with the mark of UTF-16BE / \
         write `encoding = \"utf-16be\"` for this file"
    );
    // Half a unit at the end.
    let outcome = csv().encoded_in(UTF_16BE.name()).land(&big[..big.len() - 5]);
    assert_eq!((outcome.landed.rows, outcome.landed.rejects), (1, 1));
}

#[test]
fn headers_that_cannot_be_used_stop_the_file() {
    let start = "source `tickets`, raw/input";
    for (bytes, expected) in [
        (&b""[..], ": it is empty / "),
        (b"\n\r\n\n", ": it is empty / "),
        (b"\xef\xbb\xbf", ": it is empty / "),
        (b"\na,b,a\n1,2,3\n", ", line 2: two columns are named `a` / rename it"),
        (b"a,,b\n", ", line 1: column 2 has no name / "),
        (
            b"a,_Row\n",
            ", line 1: column `_Row`: names that start with `_row` are deskmill's own / ",
        ),
        (
            b"a,caf\xe9\n",
            ", line 1: the header cannot be read (rule `encoding`) / ",
        ),
        (b"a,\"b\n1,2\n", ", line 1: the header cannot be read (rule `quote`) / "),
    ] {
        let refused = csv().refused(bytes);
        assert!(refused.starts_with(&format!("{start}{expected}")), "{refused}");
    }
    let wide = (0..2001).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    assert!(
        csv()
            .refused(wide.as_bytes())
            .contains("it has 2001 columns, more than 2000")
    );
    let outcome = csv().land(b"a,b\n");
    assert_eq!((outcome.landed.rows, outcome.columns.len()), (0, 2));
}

#[test]
fn many_batches_keep_their_order() {
    let rows: String = (0..20_000)
        .map(|n| format!("{n},{}\n", "text ".repeat(n % 200)))
        .collect();
    let outcome = csv().land(format!("n,text\n{rows}").as_bytes());
    assert_eq!(outcome.landed.rows, 20_000);
    assert!(
        outcome
            .rows
            .iter()
            .enumerate()
            .all(|(n, row)| row[0].as_deref() == Some(&n.to_string()))
    );
}

#[test]
fn the_time_stays_linear_where_every_line_toggles_quotes() {
    let rows = "x\",\"y\n".repeat(200_000);
    let outcome = csv().land(format!("a,b\n\"z,1\n{rows}").as_bytes());
    assert_eq!(outcome.landed.rows + outcome.landed.rejects, 200_001);
}
