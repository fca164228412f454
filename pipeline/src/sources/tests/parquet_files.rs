//! Parquet files.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type};
use parquet::arrow::ArrowWriter;

use super::{Case, csv};
use crate::project::Format;

fn case() -> Case {
    Case {
        format: Format::Parquet,
        csv: None,
        ..csv()
    }
}

pub(super) fn file(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// A small good one.
pub(super) fn some_file() -> Vec<u8> {
    let lists = vec![Some(vec![Some(1), None]), None];
    file(vec![
        ("text", Arc::new(StringArray::from(vec![Some("您好"), None]))),
        ("whole", Arc::new(Int64Array::from(vec![i64::MIN, 7]))),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ),
    ])
}

#[test]
fn every_type_becomes_text() {
    let lists = vec![Some(vec![Some(1), None]), None];
    let inner: ArrayRef = Arc::new(StringArray::from(vec!["ios", "web"]));
    let outcome = case().land(&file(vec![
        ("text", Arc::new(StringArray::from(vec![Some("您好"), None]))),
        ("whole", Arc::new(Int64Array::from(vec![i64::MIN, 7]))),
        ("real", Arc::new(Float64Array::from(vec![0.1, 1e300]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("day", Arc::new(Date32Array::from(vec![0, 20_000]))),
        (
            "time",
            Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000]).with_timezone("Asia/Shanghai")),
        ),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ),
        (
            "client",
            Arc::new(StructArray::from(vec![(
                Arc::new(Field::new("app", DataType::Utf8, true)),
                inner,
            )])),
        ),
    ]));
    assert_eq!(
        outcome.columns,
        ["text", "whole", "real", "flag", "day", "time", "list", "client"]
    );
    assert_eq!(
        outcome.shown(),
        [
            "您好|-9223372036854775808|0.1|true|1970-01-01|1970-01-01T00:00:00Z|[1, ]|{app: ios}",
            "-|7|1e300|-|2024-10-04|1970-01-01T00:00:01.500Z|-|{app: web}",
        ]
    );
    assert_eq!(outcome.places, [[7 << 40, 1, -1], [(7 << 40) + 1, 2, -1]]);
}

#[test]
fn a_value_that_is_no_text_rejects_its_row() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![
        Some(&b"ok"[..]),
        Some(b"\xff"),
        None,
        Some(b"a\0"),
        Some(b"z"),
    ]));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]));
    let outcome = case().land(&file(vec![("id", ids), ("text", bytes)]));
    assert_eq!(outcome.shown(), ["1|ok", "3|-", "5|z"]);
    assert_eq!(
        outcome.shown_rejects(),
        [
            "encoding 2 {\"id\":\"2\",\"text\":null}",
            "nul 4 {\"id\":\"4\",\"text\":\"a\\u0000\"}"
        ]
    );
    assert_eq!(outcome.rejects[0].column.as_deref(), Some("text"));
    assert_eq!(outcome.places[2][0], (7 << 40) + 4);

    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(100), "y".into()]));
    let outcome = case().row_max_bytes(64).land(&file(vec![("text", texts)]));
    assert_eq!(
        (outcome.shown(), outcome.rejects[0].rule.as_str()),
        (vec!["y".to_owned()], "row_max_bytes")
    );
}

#[test]
fn a_broken_file_is_refused() {
    assert!(case().refused(b"").contains("it is empty"));
    assert!(case().refused(b"not parquet, surely").contains("it cannot be read"));
    let whole = file(vec![("a", Arc::new(Int64Array::from_iter_values(0..1000)))]);
    assert!(case().refused(&whole[..whole.len() / 2]).contains("it cannot be read"));
    let reserved = file(vec![("_line", Arc::new(Int64Array::from(vec![1])))]);
    assert!(case().refused(&reserved).contains("deskmill's own"));
}

#[test]
fn batches_of_any_size_keep_their_order() {
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..30_000).map(|n| format!("{n} {}", "x".repeat(400))),
    ));
    let outcome = case().land(&file(vec![("text", texts)]));
    assert_eq!(outcome.landed.rows, 30_000);
    assert!(
        outcome
            .rows
            .iter()
            .enumerate()
            .all(|(n, row)| row[0].as_ref().unwrap().starts_with(&format!("{n} ")))
    );
}
