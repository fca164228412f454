#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};

use super::*;
use crate::rows::MemoryRows;

fn rows(texts: usize) -> MemoryRows {
    let text: ArrayRef = Arc::new(
        (0..texts)
            .map(|row| Some(format!("Text {row} 退款")))
            .collect::<StringArray>(),
    );
    let number: ArrayRef = Arc::new((0..texts).map(|row| Some(row as i64 + 100)).collect::<Int64Array>());
    let batch = RecordBatch::try_from_iter([("text", text), ("_row", number)]).unwrap();
    MemoryRows::new(batch.schema(), vec![batch.slice(0, 3), batch.slice(3, texts - 3)])
}

/// Thirty rows of two labels, sure ones; row 4 has the wrong label, row 9 is not sure.
fn judged() -> Judge {
    let mut judge = Judge::default();
    for place in 0..30 {
        let given = (place % 2) as u32;
        let own = match place {
            4 => 0.03,
            9 => 0.45,
            _ => 0.9,
        };
        let probabilities = [(given, own), (1 - given, 1.0 - own)];
        judge.push(Judged::new((0, place), given, probabilities.into_iter()));
    }
    judge
}

#[test]
fn a_wrong_label_is_listed_with_the_way_back() {
    let labels = ["refund".to_owned(), "password".to_owned()];
    let findings = judged().findings(&labels, &[("train", &rows(30))]).unwrap();
    assert_eq!((findings.judged, findings.suspects), (30, 1));
    let error = &findings.label_errors[0];
    assert_eq!((error.given.as_str(), error.suggested.as_str()), ("refund", "password"));
    assert_eq!(error.row.row, Some(104));
    assert_eq!((error.row.part.as_str(), error.row.place), ("train", 4));
    assert_eq!(error.row.text, "text 4 退款");
    // One of fifteen refunds counts for the other label.
    assert!((findings.noise.unwrap() - 1.0 / 30.0).abs() < 1e-9);
    // Two rows are too few to speak of a pair.
    assert!(findings.confusable.is_empty());
}

#[test]
fn findings_of_fit_and_held_back_rows_are_joined_worst_first() {
    let labels = ["refund".to_owned(), "password".to_owned()];
    let fit = judged().findings(&labels, &[("train", &rows(30))]).unwrap();
    let mut worse = Judge::default();
    for place in 0..8 {
        let own = if place == 7 { 0.001 } else { 0.8 };
        let probabilities = [(0, own), (1, 1.0 - own)];
        worse.push(Judged::new((0, place), 0, probabilities.into_iter()));
        worse.push(Judged::new((0, place + 10), 1, [(1, 0.9)].into_iter()));
    }
    let held_back = worse.findings(&labels, &[("test", &rows(30))]).unwrap();
    let joined = fit.clone().with_held_back(held_back.clone());
    let parts: Vec<&str> = joined
        .label_errors
        .iter()
        .map(|error| error.row.part.as_str())
        .collect();
    assert_eq!(parts, ["test", "train"]);
    assert_eq!((joined.judged, joined.suspects), (46, 2));
    // 15 / 15 and 8 / 8 of one label: one wrong row each.
    assert!((joined.noise.unwrap() - 2.0 / 46.0).abs() < 1e-9);
    assert_eq!(
        Findings::default().with_held_back(held_back.clone()).suspects,
        held_back.suspects
    );
    assert_eq!(
        Findings::default().with_held_back(Findings::default()),
        Findings::default()
    );
}

#[test]
fn confusable_pairs_are_counted_in_both_directions() {
    let labels = ["a", "b", "c"].map(str::to_owned);
    let mut judge = Judge::default();
    for place in 0..30u64 {
        let given = (place % 3) as u32;
        // Four rows of the first label look like the second, two the other way, one of the third like the first.
        let answered = match place {
            0 | 3 | 6 | 9 => 1,
            1 | 4 | 2 => 0,
            _ => given,
        };
        let own = 0.1 + place as f64 / 1000.0;
        let probabilities = [(given, own), (answered, 0.8)];
        let known = if answered == given { 1..2 } else { 0..2 };
        judge.push(Judged::new((0, place), given, probabilities[known].iter().copied()));
    }
    let findings = judge.findings(&labels, &[("train", &rows(30))]).unwrap();
    let [pair] = &findings.confusable[..] else {
        panic!("{findings:?}")
    };
    assert_eq!(
        (&pair.labels, pair.mixed, pair.rows),
        (&["a".to_owned(), "b".to_owned()], [4, 2], [10, 10])
    );
    assert_eq!((pair.share, pair.advice), (0.3, Advice::Merge));
    let examples: Vec<u64> = pair.examples.iter().map(|example| example.row.place).collect();
    assert_eq!(examples, [0, 1, 3]);
}

fn answers(rows: &[&[(&str, f64)]]) -> RecordBatch {
    let offsets = || OffsetBuffer::from_lengths(rows.iter().map(|row| row.len()));
    let all = || rows.iter().flat_map(|row| row.iter());
    let field = |kind| Arc::new(Field::new("item", kind, true));
    let labels: StringArray = all().map(|answer| Some(answer.0)).collect();
    let scores: Float64Array = all().map(|answer| Some(answer.1)).collect();
    let labels: ArrayRef = Arc::new(ListArray::new(field(DataType::Utf8), offsets(), Arc::new(labels), None));
    let scores: ArrayRef = Arc::new(ListArray::new(
        field(DataType::Float64),
        offsets(),
        Arc::new(scores),
        None,
    ));
    RecordBatch::try_from_iter([("labels", labels), ("scores", scores)]).unwrap()
}

#[test]
fn answers_judge_held_back_rows_of_known_labels() {
    let given: ArrayRef = Arc::new(StringArray::from(vec!["a", "a", "a", "b", "b", "a", "unknown"]));
    let batch = RecordBatch::try_from_iter([("label", given)]).unwrap();
    let sure_a = &[("a", 0.9), ("b", 0.1)][..];
    let sure_b = &[("b", 0.95), ("a", 0.05)][..];
    let mut judge = AnswerJudge::default();
    judge
        .add(
            &batch,
            &answers(&[sure_a, sure_a, sure_a, sure_b, sure_b, sure_b, sure_b]),
        )
        .unwrap();
    let findings = judge.findings(&rows(7)).unwrap();
    assert_eq!((findings.judged, findings.suspects), (6, 1));
    let error = &findings.label_errors[0];
    assert_eq!(
        (error.row.part.as_str(), error.row.place, error.row.row),
        ("test", 5, Some(105))
    );
    assert_eq!((error.given.as_str(), error.suggested.as_str()), ("a", "b"));
}
