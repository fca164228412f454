//! The same bytes through our reader and through the libraries that everybody knows.

use proptest::prelude::*;

use super::{csv, jsonl};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever serde_json takes as an object of texts and numbers is a row, and whatever it refuses is a reject.
    #[test]
    fn serde_json_agrees_on_what_is_json(line in r#"\{("[ab\\u"]{0,4}"[:,]? ?([01.e-]{1,3}|true|null|\{\}|\[1?\]|"[a\\n]{0,3}"),?){0,3}\}?"#) {
        let Ok(outcome) = jsonl().try_land(line.as_bytes()) else { return Ok(()) };
        let parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&line);
        match (&parsed, outcome.rejects.first()) {
            (Ok(object), None) => prop_assert!(object.len() == outcome.columns.len()),
            (Ok(_), Some(reject)) => prop_assert!(reject.hint.contains("two values") || reject.hint.contains("a key is empty")),
            (Err(error), None) => prop_assert!(error.to_string().contains("number out of range")),
            (Err(_), Some(_)) => {}
        }
    }

    /// A file that the csv crate reads without doubt (each quote stands where RFC 4180 wants it) reads the same here.
    #[test]
    fn the_csv_crate_agrees(text in r#"(([ab ]{0,3}|"([ab ,\n]|""){0,4}"),){1,2}(([ab ]{1,3}|"([ab ,\n]|""){0,4}")\n){1,6}"#) {
        let Ok(outcome) = csv().try_land(format!("h1,h2\n{text}").as_bytes()) else { return Ok(()) };
        let mut reader = ::csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
        let theirs: Vec<Vec<String>> = reader
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        if theirs.iter().any(|record| record.len() != 2) {
            return Ok(());
        }
        let ours: Vec<Vec<String>> =
            outcome.rows.iter().map(|row| row.iter().map(|value| value.clone().unwrap_or_default()).collect()).collect();
        prop_assert_eq!(ours, theirs);
    }
}
