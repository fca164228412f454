#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StringArray};
use serde_json::{Value, json};

use super::*;
use crate::real_data::draw;
use crate::rows::MemoryRows;

const TOPICS: [(&str, &str, &str); 6] = [
    (
        "refund",
        "Getting your money back",
        "A refund goes to the card within seven days. Write to help@shop.example.",
    ),
    (
        "password",
        "Reset your password",
        "Choose Forgotten password. The mail comes at once.",
    ),
    (
        "address",
        "Change your address",
        "Open the order and choose Change address before it is sent.",
    ),
    (
        "invoice",
        "Invoices",
        "Each order has an invoice. Choose Print invoice.",
    ),
    (
        "parcel",
        "Where is my parcel",
        "The tracking number is in the mail. The courier calls.",
    ),
    ("发票", "索取发票", "每个订单都有电子发票，打开订单点发票。"),
];
const WORDS: [&str; 8] = [
    "please",
    "today",
    "urgent",
    "again",
    "help me with",
    "question on",
    "what about the",
    "谢谢",
];

/// A row: answer, question, heading, body, link.
type Row = [Option<String>; 5];

fn passages() -> Vec<Row> {
    let row = |(name, heading, body): &(&str, &str, &str)| {
        let some = |text: &str| Some(text.to_owned());
        [
            some(name),
            None,
            some(heading),
            some(body),
            Some(format!("help/{name}")),
        ]
    };
    TOPICS.iter().map(row).collect()
}

/// Questions, one in ten of which nobody can answer.
fn questions(range: std::ops::Range<usize>) -> Vec<Row> {
    let row = |at: usize| {
        let (topic, word) = (draw(at, 6), WORDS[draw(at + 1_000_000, 8)]);
        let (name, text) = match draw(at + 2_000_000, 10) {
            0 => ("none", format!("{word} weather number {at}")),
            _ => (TOPICS[topic].0, format!("{word} {} number {at}", TOPICS[topic].0)),
        };
        [Some(name.to_owned()), Some(text), None, None, None]
    };
    range.map(row).collect()
}

fn rows(rows: &[Row]) -> MemoryRows {
    let names = ["label", "text", "heading", "body", "link"];
    let column = |at: usize| Arc::new(rows.iter().map(|row| row[at].clone()).collect::<StringArray>()) as _;
    let columns = names.iter().enumerate().map(|(at, name)| (*name, column(at), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    MemoryRows::new(batch.schema(), vec![batch])
}

fn fitted(train: &[Row], calibrate: &[Row], recipe: &Value) -> Result<Box<dyn Model>> {
    let (train, calibrate) = (rows(train), rows(calibrate));
    let examples = Examples {
        model: "answers",
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
    let recipe = Answer.check_recipe(recipe).unwrap();
    Answer.fit(&examples, &recipe, &context).map(|fitted| fitted.model)
}

fn ask(model: &dyn Model, text: &str) -> RecordBatch {
    let batch = RecordBatch::try_from_iter([("text", Arc::new(StringArray::from(vec![text])) as _)]).unwrap();
    model.predict(&batch).unwrap()
}

fn list(answer: &RecordBatch, name: &str) -> Vec<String> {
    let lists = answer.column_by_name(name).unwrap().as_list::<i32>().value(0);
    lists.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}

#[test]
fn pages_alone_answer_with_their_passage_heading_and_link() {
    let model = fitted(&passages(), &[], &json!({})).unwrap();
    let answer = ask(model.as_ref(), "how can i reset the password?");
    assert_eq!(answer.column(0).as_string::<i32>().value(0), "password");
    assert_eq!(
        list(&answer, "passages")[0],
        "Choose Forgotten password. The mail comes at once."
    );
    assert_eq!(list(&answer, "headings")[0], "Reset your password");
    assert_eq!(list(&answer, "links")[0], "help/password");
    let answer = ask(model.as_ref(), "我要發票");
    assert_eq!(answer.column(0).as_string::<i32>().value(0), "发票");
    assert!(answer.column_by_name("action").is_none(), "nothing is promised");
    let answer = ask(model.as_ref(), "###");
    assert_eq!(answer.column(0).as_string::<i32>().value(0), "");
    assert!(list(&answer, "labels").is_empty());
}

#[test]
fn what_passages_show_is_masked_unless_they_are_public() {
    let shown = |recipe: &Value| {
        let model = fitted(&passages(), &[], recipe).unwrap();
        list(&ask(model.as_ref(), "refund to my card"), "passages")[0].clone()
    };
    assert!(!shown(&json!({})).contains("help@shop.example"));
    assert!(shown(&json!({"mask_passages": false})).contains("help@shop.example"));
    let bytes = fitted(&passages(), &[], &json!({}))
        .unwrap()
        .artifact()
        .to_bytes()
        .unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(
        holds("seven days") && !holds("shop.example"),
        "nothing of it is in the artifact"
    );
}

#[test]
fn what_is_given_is_right_as_often_as_promised() {
    let train: Vec<Row> = passages().into_iter().chain(questions(0..1500)).collect();
    let recipe = json!({"answer_precision": 0.95, "ask_back_precision": 0.8, "out_of_scope": "none"});
    let model = fitted(&train, &questions(1500..2500), &recipe).unwrap();
    let report = Answer.evaluate(model.as_ref(), &rows(&questions(2500..4500))).unwrap();
    let metric = |name: &str| report.metric(name).unwrap();
    assert!(metric("accuracy") > 0.97, "{:?}", report.metrics);
    assert!(
        metric("accepted_precision") >= 0.95 && metric("coverage") > 0.7,
        "{:?}",
        report.metrics
    );
    assert!(metric("out_of_scope_auroc") > 0.9, "{:?}", report.metrics);
    assert_eq!(report.promises.unwrap().answers.len(), 2);
    let action = |text: &str| {
        let answer = ask(model.as_ref(), text);
        answer
            .column_by_name("action")
            .unwrap()
            .as_string::<i32>()
            .value(0)
            .to_owned()
    };
    assert_eq!(action("please refund number 99999"), "answer");
    assert_eq!(action("urgent weather"), "hand_over");
}

#[test]
fn questions_alone_will_do_and_learning_helps() {
    let model = fitted(
        &questions(0..500),
        &questions(500..600),
        &json!({"out_of_scope": "none"}),
    )
    .unwrap();
    let answer = ask(model.as_ref(), "again invoice");
    assert_eq!(answer.column(0).as_string::<i32>().value(0), "invoice");
    assert!(
        list(&answer, "passages")[0].contains("invoice"),
        "the question that stands for it"
    );
}

#[test]
fn passages_that_are_held_back_and_examples_without_any_are_refused() {
    let error = fitted(&questions(0..50), &passages(), &json!({})).err().unwrap();
    assert!(
        error.to_string().contains("held back") && error.hint().contains("'train'"),
        "{error}"
    );
    let foreign: Vec<Row> = vec![[Some("none".into()), Some("weather".into()), None, None, None]];
    let error = fitted(&foreign, &foreign, &json!({"out_of_scope": "none"}))
        .err()
        .unwrap();
    assert!(error.to_string().contains("nothing to answer with"), "{error}");
    let problems = Answer
        .check_recipe(&json!({"answer_precision": 2, "top": 1}))
        .unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
}
