#![allow(clippy::unwrap_used)]

use arrow::array::RecordBatch;
use serde_json::json;

use super::Intent;
use super::fitting::{answers, fit, fit_seeded, rows, table, texts};
use crate::kind::Kind;

fn labelled<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> RecordBatch {
    let pairs: Vec<_> = pairs.collect();
    table([
        ("text", texts(pairs.iter().map(|pair| pair.0))),
        ("label", texts(pairs.iter().map(|pair| pair.1))),
    ])
}

fn common(rows: usize) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = [("where is my parcel", "delivery"), ("申请退款", "refund")];
    (0..rows).map(move |row| all[row % 2])
}

/// One label with a single training row, and one that only the calibration rows have.
fn long_tail() -> (RecordBatch, RecordBatch) {
    (
        labelled(common(60).chain([("my pin is blocked", "pin")])),
        labelled(common(20).chain([("change the address", "address"), ("new address", "address")])),
    )
}

#[test]
fn labels_with_a_row_or_two_are_learned_wherever_they_stand() {
    let (train, calibrate) = long_tail();
    for balance in [0.0, 1.0] {
        let model = fit(train.clone(), calibrate.clone(), &json!({"balance": balance})).unwrap();
        let asked = table([("text", texts(["pin blocked", "address change", "退款", "my parcel"]))]);
        assert_eq!(
            answers(model.as_ref(), &asked),
            ["pin", "address", "refund", "delivery"],
            "{balance}"
        );
    }
}

#[test]
fn labels_first_seen_in_calibration_rows_leave_the_calibration_as_it_was() {
    let (train, calibrate) = long_tail();
    let settings = |calibrate| fit(train.clone(), calibrate, &json!({})).unwrap().artifact().settings;
    let (with, without) = (settings(calibrate), settings(labelled(common(20))));
    let apart = with["scale"].as_f64().unwrap() / without["scale"].as_f64().unwrap();
    assert!((0.9..1.1).contains(&apart), "{apart}");
    assert_eq!(with["scope"], without["scope"]);
}

#[test]
fn the_report_names_rare_labels_and_those_it_could_not_learn() {
    let (train, calibrate) = long_tail();
    let model = fit(train, calibrate, &json!({})).unwrap();
    let test = labelled(common(20).chain([("close my account", "closing")]));
    let notes = Intent.evaluate(model.as_ref(), &rows(test)).unwrap().notes;
    let note = |name: &str| notes.iter().find(|note| note.0 == name).unwrap().1.clone();
    assert_eq!(
        note("rare labels"),
        "learned from fewer than 5 examples: address (2), pin (1)"
    );
    assert!(note("labels not learned").ends_with(": closing (1)"));
}

#[test]
fn a_few_wrong_labels_in_calibration_rows_do_not_turn_a_frequent_text() {
    let train = labelled(common(40).chain(std::iter::repeat_n(("yes", "confirmation"), 300)));
    let calibrate = labelled(common(40).chain(std::iter::repeat_n(("yes", "refund"), 3)));
    for seed in 0..4 {
        let model = fit_seeded(train.clone(), calibrate.clone(), &json!({}), seed).unwrap();
        let asked = table([("text", texts(["yes"]))]);
        assert_eq!(answers(model.as_ref(), &asked), ["confirmation"], "{seed}");
    }
}
