//! Mends laid over the rows of a file, in every format: the rows in stay, each mend takes part once, the rest of the rows
//! is the same to the byte.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use proptest::collection::vec;
use proptest::prelude::*;

use super::properties::hostile;
use super::{Case, FILE_ID, LandRequest, Outcome, arrow_files, csv, jsonl, land, parquet_files, workbooks};
use crate::project::Format;
use crate::rejects::mends::FileMends;
use crate::rejects::{Mend, Overlay, was_of_fields, was_of_raw};

/// A row as it landed or was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    Kept(Vec<Option<String>>),
    Rejected(String, Vec<u8>),
}

/// Everything that came of a file: by the number of the row, with its line and offset.
fn all_rows(outcome: &Outcome) -> BTreeMap<u64, (Row, [i64; 2])> {
    let number = |row: i64| (row - (i64::from(FILE_ID) << 40)) as u64;
    let kept = outcome.rows.iter().zip(&outcome.places);
    let kept = kept.map(|(row, place)| (number(place[0]), (Row::Kept(row.clone()), [place[1], place[2]])));
    let rejected = outcome.rejects.iter().map(|reject| {
        let row = Row::Rejected(reject.rule.clone(), reject.raw.clone());
        (number(reject.place[0]), (row, [reject.place[1], reject.place[2]]))
    });
    kept.chain(rejected).collect()
}

/// What a row says, as a reject of it would.
fn was(columns: &[String], row: &Row) -> String {
    match row {
        Row::Rejected(_, raw) => was_of_raw(raw),
        Row::Kept(values) => was_of_fields(
            columns
                .iter()
                .map(String::as_str)
                .zip(values.iter().map(Option::as_deref)),
        ),
    }
}

fn mend(number: u64, was: String, fields: BTreeMap<String, Option<String>>) -> Mend {
    Mend {
        row: (i64::from(FILE_ID) << 40) + number as i64,
        file: "raw/input".into(),
        line: 1,
        was,
        fields,
        who: "test".into(),
        when: "2026-01-01T00:00:00Z".into(),
    }
}

/// Lands a file with mends; gives what came of it and the numbers of the rows that were mended.
fn land_mended(case: &Case, bytes: &[u8], mends: &FileMends) -> (Outcome, Vec<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, bytes).unwrap();
    case.request(path, |request| {
        let overlay = Overlay::new(mends);
        let request = LandRequest {
            overlay: Some(&overlay),
            ..*request
        };
        let landed = land(&request, &|_| ()).unwrap();
        (Outcome::read(case.format, landed, request.out), overlay.applied())
    })
}

/// Every row and reject of a file is mended by itself, and nothing else changes.
fn each_row_can_be_mended(case: &Case, bytes: &[u8]) {
    let plain = case.land(bytes);
    let before = all_rows(&plain);
    assert!(!before.is_empty());
    let column = plain.columns[0].clone();
    for (&number, (row, place)) in &before {
        let fields = BTreeMap::from([(column.clone(), Some("mended 已修".to_owned()))]);
        let mends = FileMends::from([(number, mend(number, was(&plain.columns, row), fields))]);
        let (mended, applied) = land_mended(case, bytes, &mends);
        assert_eq!(applied, [number], "{:?}: {row:?}", case.format);
        assert_eq!(mended.columns, plain.columns);
        let mut expected = before.clone();
        let mut values = match row {
            Row::Kept(values) => values.clone(),
            Row::Rejected(..) => vec![None; plain.columns.len()],
        };
        values[0] = Some("mended 已修".to_owned());
        expected.insert(number, (Row::Kept(values), *place));
        assert_eq!(all_rows(&mended), expected, "{:?}", case.format);
    }
}

#[test]
fn rows_of_every_format_can_be_mended() {
    let document = |format| Case {
        format,
        csv: None,
        encoding: "",
        ..csv()
    };
    each_row_can_be_mended(&csv(), "id,text\n1,您好\n2\n3,\"open\n4,fine\n".as_bytes());
    let (gb18030, _, _) = encoding_rs::GB18030.encode("编号,正文\n1,退款\n2,a,b\n3,谢谢\n");
    each_row_can_be_mended(&csv().encoded_in("gb18030"), &gb18030);
    each_row_can_be_mended(
        &jsonl(),
        "{\"a\":1,\"b\":\"您\"}\n{broken\n{\"b\":null,\"c\":[1]}\n".as_bytes(),
    );
    let json = Case {
        format: Format::Json,
        ..jsonl()
    };
    each_row_can_be_mended(&json, "[{\"a\":1},\n{\"a\":\"您\",\"b\":2},\n{\"a\":".as_bytes());
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("您好"), None, Some("nul \0 in it")]));
    each_row_can_be_mended(&document(Format::Parquet), &parquet_files::file(vec![("text", texts)]));
    let arrow = arrow_files::write(true, None, &[arrow_files::batch(1)]);
    each_row_can_be_mended(&document(Format::Arrow), &arrow);
    let rows = [
        workbooks::row(1, &[workbooks::text("A1", "id")]),
        workbooks::row(2, &[workbooks::text("A2", "您好")]),
        workbooks::row(3, &["<c r=\"A3\" t=\"e\"><v>#N/A</v></c>".to_owned()]),
        workbooks::row(4, &[workbooks::text("A4", "fine")]),
    ];
    each_row_can_be_mended(&document(Format::Xlsx), &workbooks::xlsx(&[("first", &rows.concat())]));
    let mbox = "From a Thu Jan  1 00:00:00 2026\nSubject: one\n\ntext\n\nFrom b Thu Jan  1 00:00:00 2026\nSubject: 二\n\n正文\n";
    each_row_can_be_mended(&document(Format::Mail), mbox.as_bytes());
    each_row_can_be_mended(&document(Format::Html), "<title>您好</title><p>text".as_bytes());
    each_row_can_be_mended(
        &document(Format::Chat),
        "no turn\n[10:00] Ann: hello\n[10:01] 林霞: 您好\n".as_bytes(),
    );
    each_row_can_be_mended(&document(Format::Text), "您好".as_bytes());
    each_row_can_be_mended(&document(Format::Markdown), b"");
}

/// A name that comes late makes the reader start over; its mends are laid once all the same.
#[test]
fn a_file_that_is_read_twice_is_mended_once() {
    let long = "x".repeat(1_000_000);
    let mut text: String = (0..10)
        .map(|n| format!("{{\"id\":\"{n}\",\"text\":\"{long}\"}}\n"))
        .collect();
    text.push_str("{broken\n{\"id\":\"11\",\"late\":\"晚\"}\n");
    let plain = jsonl().land(text.as_bytes());
    assert_eq!(plain.columns, ["id", "text", "late"]);
    let before = all_rows(&plain);
    let mends: FileMends = [0, 10, 11]
        .into_iter()
        .map(|number| {
            let fields = BTreeMap::from([("id".to_owned(), Some(format!("mended {number}")))]);
            (number, mend(number, was(&plain.columns, &before[&number].0), fields))
        })
        .collect();
    let (mended, applied) = land_mended(&jsonl(), text.as_bytes(), &mends);
    assert_eq!(applied, [0, 10, 11]);
    assert_eq!((mended.landed.rows, mended.landed.rejects), (12, 0));
    let ids: Vec<_> = mended.rows.iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!(ids[..2], ["mended 0", "1"]);
    assert_eq!(ids[10..], ["mended 10", "mended 11"]);
    assert_eq!(
        mended.rows[0][1].as_ref().map(String::len),
        Some(1_000_000),
        "the other fields stay"
    );
}

#[test]
fn a_mend_brings_a_column_that_no_row_has() {
    let text = "{broken\n{\"id\":1}\n";
    let plain = jsonl().land(text.as_bytes());
    let before = all_rows(&plain);
    let fields = BTreeMap::from([("id".to_owned(), None), ("text".to_owned(), Some("您好".to_owned()))]);
    let other = BTreeMap::from([("id".to_owned(), Some("2".to_owned()))]);
    let mends = FileMends::from([
        (0, mend(0, was(&plain.columns, &before[&0].0), fields)),
        (1, mend(1, was(&plain.columns, &before[&1].0), other)),
    ]);
    let (mended, applied) = land_mended(&jsonl(), text.as_bytes(), &mends);
    assert_eq!(applied, [0, 1]);
    assert_eq!(mended.columns, ["id", "text"]);
    assert_eq!(mended.shown(), ["-|您好", "2|-"]);
}

/// What a random mend does to a row.
#[derive(Debug, Clone)]
struct Edit {
    /// Which row, as a share of all.
    at: prop::sample::Index,
    fits: bool,
    first: Option<String>,
    second: Option<Option<String>>,
}

fn edit() -> impl Strategy<Value = Edit> {
    let value = || prop::option::of("[a-z,\"\n您好退款]{0,6}");
    (
        any::<prop::sample::Index>(),
        any::<bool>(),
        value(),
        prop::option::of(value()),
    )
        .prop_map(|(at, fits, first, second)| Edit {
            at,
            fits,
            first,
            second,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn mends_change_their_rows_and_nothing_else(
        bytes in hostile(),
        edits in vec(edit(), 0..6),
        encoding in prop::sample::select(vec!["UTF-8", "gb18030"]),
    ) {
        let case = csv().encoded_in(encoding).row_max_bytes(64);
        let whole = [b"h1,h2\n".as_slice(), &bytes].concat();
        let plain = case.land(&whole);
        let before = all_rows(&plain);
        let numbers: Vec<u64> = before.keys().copied().collect();
        let (mut mends, mut expected, mut fitting) = (FileMends::new(), before.clone(), Vec::new());
        for edit in edits.iter().filter(|_| !numbers.is_empty()) {
            let number = numbers[edit.at.index(numbers.len())];
            let (row, place) = &before[&number];
            if mends.contains_key(&number) {
                continue;
            }
            let mut fields = BTreeMap::from([("h1".to_owned(), edit.first.clone())]);
            fields.extend(edit.second.clone().map(|second| ("h2".to_owned(), second)));
            let said = if edit.fits { was(&plain.columns, row) } else { was_of_raw(b"another row") };
            mends.insert(number, mend(number, said, fields));
            if edit.fits {
                fitting.push(number);
                let mut values = match row {
                    Row::Kept(values) => values.clone(),
                    Row::Rejected(..) => vec![None; 2],
                };
                values[0].clone_from(&edit.first);
                if let Some(second) = &edit.second {
                    values[1].clone_from(second);
                }
                expected.insert(number, (Row::Kept(values), *place));
            }
        }
        // Of a row that is not there, too.
        let gone = numbers.len() as u64 + 7;
        mends.insert(gone, mend(gone, was_of_raw(b"another row"), BTreeMap::new()));
        let (mended, applied) = land_mended(&case, &whole, &mends);
        fitting.sort_unstable();
        prop_assert_eq!(applied, fitting);
        prop_assert_eq!(mended.landed.rows + mended.landed.rejects, plain.landed.rows + plain.landed.rejects);
        prop_assert_eq!(all_rows(&mended), expected);
    }
}
