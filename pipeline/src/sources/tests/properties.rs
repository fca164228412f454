//! Files that nobody thought of.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{csv, jsonl};

/// Bytes that csv cares about, mostly.
pub(super) fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(b"\",\n\r \t;|".to_vec()),
        4 => prop::sample::select(b"ab1{}[]:\\".to_vec()),
        1 => any::<u8>(),
    ];
    vec(byte, 0..400)
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,8}",
        r#"[a,"\n\r;您好é🙂 ]{0,12}"#,
        any::<String>().prop_map(|text| text.replace('\0', "")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_as_csv_lose_nothing(bytes in hostile(), encoding in prop::sample::select(vec!["UTF-8", "gb18030", "UTF-16LE", "Shift_JIS"])) {
        let mut whole = b"h1,h2\n".to_vec();
        if encoding == "UTF-16LE" {
            whole = "h1,h2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        whole.extend_from_slice(&bytes);
        // `Outcome` checks that rows and rejects share a gapless numbering and that no two start in one line.
        let outcome = csv().encoded_in(encoding).row_max_bytes(64).land(&whole);
        let parts: usize = outcome.rejects.iter().map(|reject| reject.raw.len()).sum();
        prop_assert!(parts <= bytes.len());
    }

    #[test]
    fn every_line_of_hostile_csv_is_in_a_row_or_a_reject(lines in vec("[ab,\" ]{1,10}", 1..30)) {
        // Lines that are not the start of a row or reject belong to a value of several lines, which has a quote in it.
        let outcome = csv().land(format!("h1,h2\n{}\n", lines.join("\n")).as_bytes());
        let mut starts: Vec<i64> = outcome.places.iter().map(|place| place[1]).collect();
        starts.extend(outcome.rejects.iter().map(|reject| reject.place[1]));
        starts.sort_unstable();
        prop_assert_eq!(starts[0], 2);
        for pair in starts.windows(2) {
            let is_open = lines[pair[0] as usize - 2].contains('"');
            prop_assert!(pair[1] == pair[0] + 1 || is_open, "{:?}", starts);
        }
    }

    #[test]
    fn well_formed_csv_comes_back(rows in vec((value(), value(), value()), 0..20), crlf in any::<bool>()) {
        let terminator = if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
        let mut writer = ::csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        rows.iter().for_each(|(a, b, c)| writer.write_record([a, b, c]).unwrap());
        let outcome = csv().land(&writer.into_inner().unwrap());
        let expected: Vec<Vec<Option<String>>> = rows
            .into_iter()
            .map(|(a, b, c)| [a, b, c].map(|value| (!value.is_empty()).then_some(value)).to_vec())
            .collect();
        prop_assert_eq!(outcome.rows, expected);
        prop_assert!(outcome.rejects.is_empty());
    }

    #[test]
    fn null_and_empty_stay_apart_in_any_encoding(
        rows in vec(vec(option::of("[a-z,;\"\n\r您好退货]{0,8}"), 3), 0..10),
        encoding in prop::sample::select(vec!["UTF-8", "gb18030", "UTF-16LE", "Big5", "EUC-JP"]),
    ) {
        let show = |value: &Option<String>| match value {
            Some(value) => format!("\"{}\"", value.replace('"', "\"\"")),
            None => String::new(),
        };
        let lines = rows.iter().map(|row| row.iter().map(show).collect::<Vec<_>>().join(",") + "\n");
        let text = format!("a,b,c\n{}", lines.collect::<String>());
        let codec = encoding_rs::Encoding::for_label(encoding.as_bytes()).unwrap();
        let bytes = match encoding {
            "UTF-16LE" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            _ => codec.encode(&text).0.into_owned(),
        };
        // What an encoding lacks is written as `&#...;`, so that only the null-ness of values is compared there.
        let is_whole = encoding == "UTF-16LE" || !codec.encode(&text).2;
        let outcome = csv().encoded_in(encoding).land(&bytes);
        if is_whole {
            prop_assert_eq!(&outcome.rows, &rows);
        }
        prop_assert_eq!(outcome.rows.len(), rows.len());
    }

    #[test]
    fn any_bytes_as_jsonl_lose_nothing(bytes in hostile()) {
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        if let Ok(outcome) = jsonl().row_max_bytes(100).try_land(&bytes) {
            prop_assert_eq!(outcome.landed.rows + outcome.landed.rejects, lines as u64);
        }
    }

    #[test]
    fn well_formed_jsonl_comes_back(rows in vec(vec((prop::sample::select(vec!["a", "b", "c d", "您"]), value()), 0..4), 1..20)) {
        let objects: Vec<serde_json::Map<String, serde_json::Value>> = rows
            .into_iter()
            .map(|row| row.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
            .collect();
        let text: String = objects.iter().map(|object| serde_json::to_string(object).unwrap() + "\n").collect();
        let outcome = jsonl().land(text.as_bytes());
        for (object, row) in objects.iter().zip(&outcome.rows) {
            let found: Vec<_> = outcome.columns.iter().zip(row).filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?))).collect();
            prop_assert_eq!(found.len(), object.len());
            prop_assert!(found.iter().all(|(name, value)| object[*name].as_str() == Some(*value)));
        }
        prop_assert_eq!(outcome.rows.len(), objects.len());
    }
}
