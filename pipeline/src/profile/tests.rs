//! Profiles of small tables whose every row is known, and what is said of changes.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
    new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{ColumnKind, Depth, Profile, ProfileRequest, compare, measure, page, unchanged};
use crate::engine::table_writer;

const WHOLE: Depth = Depth {
    rows: 1000,
    text_rows: 1000,
    whole: true,
};

fn write(folder: &TempDir, file: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let path = folder.path().join(file);
    let mut writer = table_writer(&path, schema.clone()).unwrap();
    let arrays: Vec<ArrayRef> = columns.into_iter().map(|(_, array)| array).collect();
    writer.write(&RecordBatch::try_new(schema, arrays).unwrap()).unwrap();
    writer.close().unwrap();
    path
}

fn profile_at(depth: Depth, columns: Vec<(&str, ArrayRef)>) -> Profile {
    let folder = tempfile::tempdir().unwrap();
    profile_of(depth, &[write(&folder, "rows.parquet", columns)])
}

fn profile_of(depth: Depth, files: &[PathBuf]) -> Profile {
    measure(&ProfileRequest {
        table: "tickets",
        files,
        depth,
        threads: 2,
        memory_max_bytes: 64 << 20,
    })
    .unwrap()
}

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn channels(of_ten: [usize; 3]) -> ArrayRef {
    let names = ["email", "chat", "phone"];
    let ten = names
        .iter()
        .zip(of_ten)
        .flat_map(|(name, times)| std::iter::repeat_n(Some(*name), times));
    texts(ten.cycle().take(600))
}

/// A column of every kind, 400 rows.
fn mixed() -> Vec<(&'static str, ArrayRef)> {
    let bodies = [
        Some("我的订单在哪里，什么时候能到"),
        Some("where is my order"),
        None,
        Some("mail li@example.com please"),
    ];
    let minutes = (0..400).map(|n| (n % 4 > 0).then_some(n / 4));
    let scores = (0..400).map(|n| if n == 7 { f64::NAN } else { 0.5 });
    vec![
        ("_row", Arc::new(Int64Array::from_iter_values(0..400))),
        ("body", texts(bodies.into_iter().cycle().take(400))),
        ("minutes", Arc::new(Int64Array::from_iter(minutes))),
        ("score", Arc::new(Float64Array::from_iter_values(scores))),
        (
            "open",
            Arc::new(BooleanArray::from_iter((0..400).map(|n| Some(n % 2 == 0)))),
        ),
        (
            "at",
            Arc::new(TimestampNanosecondArray::from_iter_values(
                (0..400).map(|n| n * 86_400_000_000_000),
            )),
        ),
        ("empty", new_null_array(&DataType::Utf8, 400)),
    ]
}

#[test]
fn texts_of_two_languages() {
    let profile = profile_at(WHOLE, mixed());
    assert_eq!(
        (profile.rows, profile.sampled_rows, profile.columns.len()),
        (400, 400, 6)
    );
    let body = profile.column("body").unwrap();
    assert_eq!((body.count, body.nulls, body.distinct.unwrap().count), (300, 100, 3));
    let text = body.text.as_ref().unwrap();
    assert_eq!((text.lengths.min, text.lengths.max), (14.0, 26.0));
    assert_eq!(text.languages[0], ("en".to_owned(), 200));
    assert_eq!(text.near_duplicates, 297);
    assert_eq!(body.personal.get("email"), Some(&100));
    let masked = ("mail <email> please".to_owned(), 100);
    assert!(body.top.as_ref().unwrap().values.contains(&masked));
    let empty = profile.column("empty").unwrap();
    assert_eq!((empty.count, empty.nulls, empty.text.is_none()), (0, 400, true));
    assert!(page(&profile).contains("Chinese"));
}

#[test]
fn numbers_times_and_truths() {
    let profile = profile_at(WHOLE, mixed());
    let minutes = profile.column("minutes").unwrap();
    let spread = minutes.numbers.as_ref().unwrap();
    assert_eq!(
        (minutes.nulls, spread.min, spread.p50, spread.max),
        (100, 0.0, 50.0, 99.0)
    );
    assert!((spread.mean - 49.5).abs() < 1e-9);
    let score = profile.column("score").unwrap();
    assert_eq!((score.count, score.numbers.as_ref().unwrap().max), (400, 0.5));
    let open = profile.column("open").unwrap();
    assert_eq!(open.kind, ColumnKind::Boolean);
    let halves = [("false".to_owned(), 200), ("true".to_owned(), 200)];
    assert_eq!(open.top.as_ref().unwrap().values, halves);
    let at = profile.column("at").unwrap();
    assert_eq!(at.times.as_ref().unwrap().max, 399.0 * 86_400.0);
    assert_eq!(
        (at.histogram.as_ref().unwrap().step, at.kind),
        (604_800.0, ColumnKind::Time)
    );
    // Kept and read again it is the same, but for the percentiles of times.
    let kept: Profile = serde_json::from_str(&serde_json::to_string(&profile).unwrap()).unwrap();
    assert_eq!(kept.column("minutes"), Some(minutes));
    let median = |profile: &Profile| profile.column("at").unwrap().times.as_ref().unwrap().p50;
    assert_eq!(median(&kept), median(&profile));
}

#[test]
fn an_empty_table() {
    let profile = profile_at(
        WHOLE,
        vec![
            ("body", texts([])),
            ("minutes", Arc::new(Int64Array::from_iter_values([]))),
        ],
    );
    assert_eq!((profile.rows, profile.duplicates.unwrap().count), (0, 0));
    assert!(
        profile
            .columns
            .iter()
            .all(|column| column.count == 0 && column.nulls == 0)
    );
    assert!(page(&profile).contains("There is no value to look at"));
    let now = compare(&profile, &profile, "R1");
    assert_eq!(now.moved(), 0);
}

#[test]
fn rows_that_repeat_others_are_counted() {
    let (body, number) = (
        texts(["a", "b", "a", "a", "b"].map(Some)),
        Arc::new(Int64Array::from(vec![1, 2, 1, 2, 2])),
    );
    let row = Arc::new(Int64Array::from_iter_values(0..5));
    let profile = profile_at(WHOLE, vec![("_row", row), ("body", body), ("n", number)]);
    assert_eq!(profile.duplicates, Some(super::Estimate { count: 2, exact: true }));
}

#[test]
fn files_of_a_source_may_differ_in_their_columns() {
    let folder = tempfile::tempdir().unwrap();
    let row = |from: i64| Arc::new(Int64Array::from_iter_values(from..from + 3)) as ArrayRef;
    let first = vec![("a", texts(["x", "x", "y"].map(Some))), ("_row", row(0))];
    let second = vec![
        ("b", texts([Some("1"), Some("2026-03-02"), None])),
        ("a", texts(["x", "z", "z"].map(Some))),
        ("_row", row(9)),
    ];
    let profile = profile_of(
        WHOLE,
        &[write(&folder, "1.parquet", first), write(&folder, "2.parquet", second)],
    );
    let (a, b) = (profile.column("a").unwrap(), profile.column("b").unwrap());
    assert_eq!((profile.rows, a.count, b.count, b.nulls), (6, 6, 2, 4));
    assert_eq!(
        a.top.as_ref().unwrap().values,
        [("x".to_owned(), 3), ("z".to_owned(), 2)]
    );
    let text = b.text.as_ref().unwrap();
    assert_eq!((text.read_as_number, text.read_as_time), (1, 1));
    assert_eq!(profile.duplicates.unwrap().count, 1);
}

#[test]
fn what_all_rows_say_stands_beside_what_a_sample_says() {
    let depth = Depth {
        rows: 2000,
        text_rows: 100,
        whole: true,
    };
    let rows = 30_000;
    let numbers = Arc::new(Int64Array::from_iter_values(
        (0..rows).map(|n| if n == 29_999 { 1_000_000 } else { n % 100 }),
    ));
    let channel = texts((0..rows).map(|n| Some(if n % 3 == 0 { "电话" } else { "email" })));
    let ids: Vec<String> = (0..rows).map(|n| format!("T{n:06}")).collect();
    let ids = texts(ids.iter().map(|id| Some(id.as_str())));
    let columns = || {
        vec![
            ("n", numbers.clone() as ArrayRef),
            ("channel", channel.clone()),
            ("id", ids.clone()),
        ]
    };
    let profile = profile_at(depth, columns());
    assert_eq!(
        (profile.rows, profile.sampled_rows, profile.text_rows),
        (30_000, 2000, 100)
    );
    let spread = profile.column("n").unwrap().numbers.as_ref().unwrap();
    assert_eq!((spread.max, spread.p50), (1_000_000.0, 50.0));
    let channel = profile.column("channel").unwrap().top.as_ref().unwrap();
    assert_eq!(
        (channel.counted, channel.values[0].clone()),
        (30_000, ("email".to_owned(), 20_000))
    );
    let distinct = profile.column("id").unwrap().distinct.unwrap();
    assert!(
        !distinct.exact && distinct.count.abs_diff(30_000) < 6_000,
        "{distinct:?}"
    );
    assert_eq!(
        profile_at(depth, columns()),
        profile,
        "the sample is fixed by row number"
    );
}

#[test]
fn personal_data_is_counted_and_never_shown() {
    let cards = Arc::new(Int64Array::from_iter_values((0..40).map(|_| 4_111_111_111_111_111)));
    let mails = texts(
        ["anna.li@example.com", "bo@example.org"]
            .into_iter()
            .cycle()
            .take(40)
            .map(Some),
    );
    let profile = profile_at(WHOLE, vec![("card", cards), ("mail", mails)]);
    let card = profile.column("card").unwrap();
    assert_eq!(
        (
            card.personal.get("card"),
            card.numbers.is_none(),
            card.histogram.is_none()
        ),
        (Some(&40), true, true)
    );
    let mail = profile.column("mail").unwrap();
    assert_eq!(mail.top.as_ref().unwrap().values, [("<email>".to_owned(), 40)]);
    // The rules do not know the second one, but the column is one of names.
    let names = texts(["Emma Okafor", "林艳"].into_iter().cycle().take(40).map(Some));
    let people = profile_at(WHOLE, vec![("customer_name", names)]);
    assert_eq!(people.columns[0].personal.get("name"), Some(&20));
    let all = serde_json::to_string(&(&profile, &people)).unwrap() + &page(&profile) + &page(&people);
    for value in ["4111", "anna.li", "bo@", "Emma", "林艳"] {
        assert!(!all.contains(value), "{value}");
    }
}

#[test]
fn texts_of_the_project_are_escaped_on_the_page() {
    let profile = profile_at(WHOLE, vec![("<script>", texts(["<b>&", "<b>&"].map(Some)))]);
    let page = page(&profile);
    assert!(!page.contains("<script>") && !page.contains("<b>") && page.contains("&lt;b&gt;&amp;"));
}

#[test]
fn a_planted_shift_is_found_and_nothing_else() {
    let minutes =
        |shift: i64| Arc::new(Int64Array::from_iter_values((0..600).map(|n| n * 7 % 600 + shift))) as ArrayRef;
    let bodies = [
        "where is my order today",
        "please send me the invoice",
        "我的订单在哪里呀请问一下",
    ];
    let body = |nulls: usize| texts((0..600).map(|n| (n % 10 >= nulls).then_some(bodies[n % 3])));
    let table = |channel, shift, nulls| {
        profile_at(
            Depth::RUN,
            vec![("channel", channel), ("minutes", minutes(shift)), ("body", body(nulls))],
        )
    };
    let before = table(channels([5, 3, 2]), 0, 0);
    let same = compare(&before, &table(channels([5, 3, 2]), 0, 0), "R1");
    assert_eq!(same.words(), "none of 3 columns moved");
    assert_eq!(same.distance("channel"), Some(0.0));
    let moved = compare(&before, &table(channels([1, 3, 6]), 0, 2), "R1");
    assert_eq!(moved.moved(), 2);
    assert_eq!(
        moved.words(),
        "2 of 3 columns moved: channel (JS .42); body nulls 0% -> 20%"
    );
    let numbers = compare(&before, &table(channels([5, 3, 2]), 200, 0), "R1");
    assert_eq!(numbers.moved(), 1);
    assert!(numbers.distance("minutes").unwrap() > 0.3);
    assert_eq!(unchanged(&before, "R1").distance("channel"), Some(0.0));
}

#[test]
fn columns_come_go_and_change_and_so_do_values() {
    let before = profile_at(
        Depth::RUN,
        vec![
            ("channel", channels([5, 5, 0])),
            ("n", texts([Some("1"); 600])),
            ("old", channels([1, 1, 1])),
        ],
    );
    let n = Arc::new(Int64Array::from_iter_values([1; 600]));
    let now = profile_at(
        Depth::RUN,
        vec![("channel", channels([5, 4, 1])), ("n", n), ("new", channels([1, 1, 1]))],
    );
    let change = compare(&before, &now, "R1");
    assert_eq!(
        (change.new_columns.clone(), change.vanished_columns.clone()),
        (vec!["new".to_owned()], vec!["old".to_owned()])
    );
    assert_eq!(change.columns[0].new_values, [("phone".to_owned(), 0.1)]);
    assert_eq!(change.columns[1].type_before.as_deref(), Some("Utf8"));
    assert_eq!(change.moved(), 4, "{}", change.words());
}

#[test]
fn languages_and_lengths_of_texts_move_too() {
    let numbered = |bodies: [&str; 2]| {
        let all: Vec<String> = (0..600).map(|n| format!("{} {n}", bodies[n % 2])).collect();
        profile_at(
            Depth::RUN,
            vec![("body", texts(all.iter().map(|text| Some(text.as_str()))))],
        )
    };
    let english = numbered(["where is my order please", "i want my money back now"]);
    let chinese = numbered(["我的订单在哪里请帮我看一下吧谢谢您了好的呀", "where is my order please"]);
    let change = compare(&english, &chinese, "R1");
    assert_eq!(
        (change.moved(), change.columns[0].compared.as_deref()),
        (1, Some("languages"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn values_and_nulls_are_all_rows(
        body in prop::collection::vec(prop::option::of("(?s).{0,40}|[你好a1@. ]{0,20}"), 0..60),
        whole: bool,
    ) {
        let rows = body.len() as u64;
        let number: Float64Array = body.iter().map(|text| text.as_ref().map(|text| text.len() as f64 / 3.0)).collect();
        let depth = Depth { rows: 20, text_rows: 5, whole };
        let profile = profile_at(depth, vec![("body", texts(body.iter().map(Option::as_deref))), ("n", Arc::new(number))]);
        prop_assert_eq!(profile.rows, rows);
        let nulls = body.iter().filter(|text| text.is_none()).count() as u64;
        for column in &profile.columns {
            prop_assert_eq!((column.count + column.nulls, column.nulls), (rows, nulls));
        }
        prop_assert!(page(&profile).ends_with("</html>"));
        prop_assert_eq!(compare(&profile, &profile, "R1").moved(), 0);
    }
}
