#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use super::*;
use crate::real_data::draw;
use crate::rows::MemoryRows;

const QUEUES: [&str; 4] = ["billing", "delivery", "login", "other"];

/// Cases whose queue follows from the product and a word of the text; one in ten went elsewhere by chance.
fn desk(range: std::ops::Range<usize>) -> RecordBatch {
    let product = |row: usize| draw(row, 3);
    let word = |row: usize| draw(row + 1_000_000, 2);
    let queue = |row: usize| match draw(row + 2_000_000, 10) {
        0 => draw(row + 3_000_000, 4),
        _ => (product(row) + word(row)) % 4,
    };
    let text = |row: usize| format!("the {} of number {row} is wrong", ["price", "password"][word(row)]);
    let rows: Vec<usize> = range.collect();
    let texts = |of: &dyn Fn(usize) -> String| Arc::new(rows.iter().map(|row| Some(of(*row))).collect::<StringArray>());
    RecordBatch::try_from_iter([
        ("label", texts(&|row| QUEUES[queue(row)].into()) as _),
        (
            "product",
            texts(&|row| ["shop", "app", "card"][product(row)].into()) as _,
        ),
        ("body", texts(&text) as _),
        (
            "age",
            Arc::new(
                rows.iter()
                    .map(|row| Some(draw(*row, 60) as i64))
                    .collect::<Int64Array>(),
            ) as _,
        ),
    ])
    .unwrap()
}

fn rows(batch: &RecordBatch) -> MemoryRows {
    MemoryRows::new(batch.schema(), vec![batch.clone()])
}

fn fitted(recipe: &Value) -> Box<dyn Model> {
    let (train, calibrate) = (rows(&desk(0..2000)), rows(&desk(2000..3000)));
    let examples = crate::kind::Examples {
        model: "routing",
        train: &train,
        calibrate: &calibrate,
    };
    let context = FitContext {
        seed: 7,
        threads: 2,
        memory_max_bytes: 1 << 28,
        progress: &|_, _| (),
        encoder: None,
    };
    let recipe = Routing.check_recipe(recipe).unwrap();
    Routing.fit(&examples, &recipe, &context).unwrap().model
}

#[test]
fn finds_the_queue_from_column_and_text() {
    let model = fitted(&json!({}));
    let report = Routing.evaluate(model.as_ref(), &rows(&desk(3000..4000))).unwrap();
    // One in ten went elsewhere, a quarter of these back again.
    assert!(report.metric("accuracy").unwrap() > 0.90, "{:?}", report.metrics);
    assert!(report.metric("top_3_accuracy").unwrap() > report.metric("accuracy").unwrap());
    assert!(report.slices.iter().any(|slice| slice.column == "product"));
}

#[test]
fn what_is_accepted_is_right_as_often_as_promised() {
    let model = fitted(&json!({"answer_precision": 0.9}));
    let report = Routing.evaluate(model.as_ref(), &rows(&desk(3000..6000))).unwrap();
    assert!(report.metric("coverage").unwrap() > 0.3, "{:?}", report.metrics);
    assert!(
        report.metric("accepted_precision").unwrap() > 0.89,
        "{:?}",
        report.metrics
    );
    let rows: u64 = report.promises.unwrap().answers.iter().map(|one| one.rows).sum();
    assert_eq!(rows, 3000);
    // More than there is to know.
    let model = fitted(&json!({"answer_precision": 0.999}));
    let answers = model.predict(&desk(0..50)).unwrap();
    assert_eq!(answers.column_by_name("accepted").unwrap().as_boolean().true_count(), 0);
}

#[test]
fn reasons_are_of_the_queue_that_is_answered() {
    let model = fitted(&json!({"reasons": 2}));
    let answers = model.predict(&desk(3000..3050)).unwrap();
    let reasons = answers.column_by_name("reasons").unwrap().as_list::<i32>().clone();
    for row in 0..50 {
        let own = reasons.value(row);
        let own: Vec<&str> = own.as_string::<i32>().iter().flatten().collect();
        assert!(
            own.len() == 2
                && own
                    .iter()
                    .any(|reason| *reason == "body" || reason.starts_with("product = ")),
            "{own:?}"
        );
    }
}

#[test]
fn comes_back_and_refuses_what_does_not_fit() {
    let model = fitted(&json!({"answer_precision": 0.9, "rounds": 5}));
    let bytes = model.artifact().to_bytes().unwrap();
    let again = Routing.load(Artifact::from_bytes(&bytes, None).unwrap()).unwrap();
    assert_eq!(
        again.predict(&desk(0..100)).unwrap(),
        model.predict(&desk(0..100)).unwrap()
    );
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut artifact = model.artifact();
        change(&mut artifact.settings);
        Routing.load(artifact).is_err()
    };
    assert!(!refused(&|_| ()));
    assert!(refused(&|settings| settings["queues"] = json!(["a", "b"])));
    assert!(refused(&|settings| settings["answers_max"] = json!(0)));
    assert!(refused(&|settings| settings["promise"]["others"]["score"] = json!(2.0)));
    assert!(refused(&|settings| settings["text_scores"] = json!([1])));
}

#[test]
fn a_recipe_says_what_is_wrong_with_it() {
    let problems = Routing
        .check_recipe(&json!({"answer_precision": 2, "columns": 3, "queues": 1}))
        .unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["answer_precision", "columns", "queues"]);
}
