//! Examples of texts that are about none of the labels.
#![allow(clippy::unwrap_used)]

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use serde_json::json;

use super::Intent;
use super::fitting::{answers, fit, lists, rows, table, texts};
use crate::kind::{Kind, Model};

/// Questions on cards and refunds; every fourth row is about something else, in words that the others have too.
fn desk(range: std::ops::Range<usize>) -> RecordBatch {
    let endings = ["please", "now", "today", "thanks", "again"];
    let known = [
        "my card is lost",
        "refund my order",
        "card blocked",
        "where is the refund",
    ];
    let foreign = ["my weather is lost", "where is the moon", "order a song for my dog"];
    let is_foreign = |row: usize| row % 4 == 3;
    let text = |row: usize| {
        let start = if is_foreign(row) {
            foreign[row / 4 % 3]
        } else {
            known[row / 4 % 2 * 2 + row % 2]
        };
        format!("{start} {}", endings[row % 5])
    };
    let label = |row: usize| {
        if is_foreign(row) {
            "other"
        } else {
            ["card", "refund"][row % 2]
        }
    };
    let asked: Vec<String> = range.clone().map(text).collect();
    table([
        ("text", texts(asked.iter().map(String::as_str))),
        ("label", texts(range.map(label))),
    ])
}

fn scores(model: &dyn Model, asked: &[&str]) -> Vec<f64> {
    let answers = model.predict(&table([("text", texts(asked.iter().copied()))])).unwrap();
    let scores = answers.column_by_name("out_of_scope").unwrap();
    scores.as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn they_are_no_label_and_make_the_score_sharper() {
    let recipe = json!({"out_of_scope": "other"});
    let model = fit(desk(0..400), desk(400..500), &recipe).unwrap();
    assert_eq!(model.artifact().settings["labels"], json!(["card", "refund"]));
    let found = answers(model.as_ref(), &desk(500..600));
    assert!(found.iter().all(|label| label != "other"));
    let [known, foreign] = scores(model.as_ref(), &["my card is lost today", "my weather is lost today"])[..] else {
        unreachable!()
    };
    assert!(known < 0.9 && foreign > 0.99, "{known} {foreign}");
}

#[test]
fn accuracy_is_about_the_other_rows() {
    let recipe = json!({"out_of_scope": "other"});
    let model = fit(desk(0..400), desk(400..500), &recipe).unwrap();
    let report = Intent.evaluate(model.as_ref(), &rows(desk(500..600))).unwrap();
    assert_eq!((report.rows, report.metric("accuracy")), (75, Some(1.0)));
    // Simpler models too are measured on the rows in scope, and have learned from no others.
    let beside = report.beside.as_ref().unwrap();
    assert!(beside.models.iter().all(|one| one.learned_rows <= 300), "{beside:?}");
    assert!(beside.models.iter().any(|one| one.metrics[0].value > 0.9), "{beside:?}");
    assert!(report.metric("out_of_scope_auroc").unwrap() > 0.99);
    assert!(report.metric("out_of_scope_recall").unwrap() > 0.99);
    assert_eq!(report.findings.suspects, 0);
    let plain = fit(desk(0..400), desk(400..500), &json!({})).unwrap();
    let report = Intent.evaluate(plain.as_ref(), &rows(desk(500..600))).unwrap();
    assert_eq!((report.rows, report.metric("out_of_scope_auroc")), (100, None));
}

#[test]
fn a_promise_counts_answers_to_them_as_wrong() {
    let recipe = json!({"out_of_scope": "other", "answer_precision": 0.9});
    let model = fit(desk(0..400), desk(400..800), &recipe).unwrap();
    let asked = desk(800..900);
    let found = model.predict(&asked).unwrap();
    let accepted = found.column_by_name("accepted").unwrap().as_boolean().clone();
    let labels = asked.column(1).as_string::<i32>();
    let right = (0..100)
        .filter(|row| accepted.value(*row) && labels.value(*row) != "other")
        .count();
    assert!(
        right as f64 >= 0.9 * accepted.true_count() as f64 && right > 40,
        "{right} of {}",
        accepted.true_count()
    );
}

#[test]
fn what_cannot_be_is_refused() {
    assert!(Intent.check_recipe(&json!({"out_of_scope": 3})).is_err());
    assert!(Intent.check_recipe(&json!({"out_of_scope": ""})).is_err());
    let several = table([
        ("text", texts(["card", "refund"])),
        ("label", lists([vec!["card"], vec!["refund", "card"]])),
    ]);
    let error = fit(several.clone(), several, &json!({"out_of_scope": "other"}))
        .err()
        .unwrap();
    assert!(error.to_string().contains("lists of labels"), "{error}");
    let one = table([("text", texts(["card", "moon"])), ("label", texts(["card", "other"]))]);
    let error = fit(one.clone(), one, &json!({"out_of_scope": "other"})).err().unwrap();
    assert!(error.to_string().contains("at least two are needed"), "{error}");
}
