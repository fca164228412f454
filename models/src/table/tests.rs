#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};

use super::*;
use crate::learn::trees::MISSING_CODE;
use crate::rows::MemoryRows;

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn texts(rows: usize, text: impl Fn(usize) -> String) -> ArrayRef {
    Arc::new((0..rows).map(|row| Some(text(row))).collect::<StringArray>())
}

fn cases(rows: usize) -> RecordBatch {
    let mut turns = ListBuilder::new(StringBuilder::new());
    (0..rows).for_each(|row| turns.append_value([Some(format!("turn {row}")), None]));
    table(vec![
        ("label", texts(rows, |row| (row % 2).to_string())),
        ("queue", texts(rows, |row| ["a", "b", "c"][row % 3].into())),
        (
            "rare",
            texts(rows, |row| if row == 0 { "once".into() } else { "often".into() }),
        ),
        (
            "owner",
            texts(rows, |row| {
                if row % 2 == 0 {
                    "jane@example.com".into()
                } else {
                    "desk".into()
                }
            }),
        ),
        ("ticket", texts(rows, |row| format!("T-{row}"))),
        (
            "body",
            texts(rows, |row| format!("the order number {row} did not come")),
        ),
        ("turns", Arc::new(turns.finish())),
        ("same", texts(rows, |_| "x".into())),
        (
            "count",
            Arc::new(
                (0..rows as i32)
                    .map(|row| (row % 5 > 0).then_some(row))
                    .collect::<Int32Array>(),
            ),
        ),
        (
            "at",
            Arc::new(
                (0..rows as i64)
                    .map(|row| Some(row * 3_600_000_000))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
    ])
}

fn plan(rows: usize, chosen: &[(&str, RoleChoice)]) -> Plan {
    let batch = cases(rows);
    let chosen: BTreeMap<String, RoleChoice> = chosen.iter().map(|(name, choice)| ((*name).into(), *choice)).collect();
    Plan::make(&MemoryRows::new(batch.schema(), vec![batch]), &["label"], &chosen).unwrap()
}

fn category(values: &[&str]) -> Role {
    Role::Category {
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

#[test]
fn columns_are_used_as_their_values_suggest() {
    let plan = plan(100, &[]);
    let roles: BTreeMap<&str, &Role> = plan
        .columns
        .iter()
        .map(|column| (column.name.as_str(), &column.role))
        .collect();
    let expected = BTreeMap::from([
        ("queue", category(&["a", "b", "c"])),
        ("rare", category(&["often"])),
        ("owner", category(&["desk"])),
        ("body", Role::Text),
        ("turns", Role::Text),
        ("count", Role::Number),
        ("at", Role::Clock),
    ]);
    assert_eq!(roles, expected.iter().map(|(name, role)| (*name, role)).collect());
    let left: Vec<&str> = plan.left_out.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(left, ["ticket", "same"]);
}

#[test]
fn a_recipe_has_the_last_word() {
    let chosen = [
        ("queue", RoleChoice::Text),
        ("body", RoleChoice::Skip),
        ("ticket", RoleChoice::Category),
    ];
    let plan = plan(100, &chosen);
    let role = |name: &str| {
        plan.columns
            .iter()
            .find(|column| column.name == name)
            .map(|column| column.role.clone())
    };
    assert_eq!(
        (role("queue"), role("body"), role("ticket")),
        (Some(Role::Text), None, Some(category(&[])))
    );
    let batch = cases(4);
    let rows = MemoryRows::new(batch.schema(), vec![batch]);
    let unknown = BTreeMap::from([("colour".to_owned(), RoleChoice::Skip)]);
    assert!(Plan::make(&rows, &["label"], &unknown).is_err());
}

#[test]
fn rows_become_features() {
    let encoder = TableEncoder::new(plan(100, &[]).columns);
    let encoded = encoder.read(&cases(30), 2).unwrap();
    let names: Vec<String> = encoder.features().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["queue", "rare", "owner", "count", "hour of at", "weekday of at"]
    );
    let codes = |at: usize| match &encoded.columns[at] {
        FeatureColumn::Codes(codes) => codes.clone(),
        FeatureColumn::Numbers(_) => Vec::new(),
    };
    assert_eq!(&codes(0)[..4], [0, 1, 2, 0]);
    assert_eq!(&codes(1)[..2], [1, 0], "a rare value is another value");
    let numbers = |at: usize| match &encoded.columns[at] {
        FeatureColumn::Numbers(numbers) => numbers.clone(),
        FeatureColumn::Codes(_) => Vec::new(),
    };
    assert!(numbers(3)[0].is_nan() && numbers(3)[1] == 1.0);
    // 1970-01-01 was a Thursday.
    assert_eq!((numbers(4)[25], numbers(5)[25]), (1.0, 4.0));
    assert_eq!(encoded.texts[1][7], "turn 7");
    let unseen = table(vec![("queue", Arc::new(StringArray::from(vec![Some("z"), None])))]);
    let one = TableEncoder::new(plan(100, &[]).columns[..1].to_vec());
    assert_eq!(
        one.encode(&unseen).unwrap(),
        [FeatureColumn::Codes(vec![3, MISSING_CODE])]
    );
}

#[test]
fn texts_are_scored_by_weights_that_have_not_learned_them() {
    let words = ["good kind fast", "bad rude slow"];
    let texts: Vec<String> = (0..400).map(|row| format!("{} {row}", words[row % 2])).collect();
    // Every tenth label is wrong; a text's own number would give it away.
    let of_rows: Vec<u32> = (0..400)
        .map(|row| ((row + usize::from(row % 10 == 0)) % 2) as u32)
        .collect();
    let classes = TextClasses {
        of_rows: &of_rows,
        count: 2,
    };
    let (scorer, unseen) = TextScorer::fit(&texts, classes, &vec![1.0; 400], (7, 2)).unwrap();
    assert_eq!((scorer.scores(), unseen.len()), (1, 400));
    assert!((0..400).all(|row| (unseen[row] > 0.0) == (row % 2 == 1)));
    let mut artifact = crate::artifact::Artifact {
        settings: serde_json::Value::Null,
        tensors: scorer.tensors(),
        encoder: None,
    };
    let again = TextScorer::take(&mut artifact, 1).unwrap();
    let (mut row, mut one, mut other) = (Vec::new(), Vec::new(), Vec::new());
    scorer.score("rude and slow", &mut row, &mut one);
    again.score("rude and slow", &mut row, &mut other);
    assert!(one == other && one[0] > 0.0);
}
