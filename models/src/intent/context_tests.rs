#![allow(clippy::unwrap_used)]

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::DataType;
use serde_json::json;

use super::Intent;
use super::fitting::{answers, fit, lists, rows, table, texts};
use crate::kind::{Kind, Model, ValueType};

/// "yes please" is about what was asked before; the words of the labels themselves stand on both sides.
fn turns(count: usize) -> Vec<(&'static str, &'static str, &'static str)> {
    let all = [
        ("yes please", "shall we refund order 4711?", "refund"),
        ("yes please", "要取消订单吗", "cancel"),
        ("refund it", "hello", "refund"),
        ("cancel my order", "", "cancel"),
    ];
    (0..count).map(|row| all[row % 4]).collect()
}

fn as_texts(count: usize) -> RecordBatch {
    let turns = turns(count);
    table([
        ("text", texts(turns.iter().map(|turn| turn.0))),
        ("context", texts(turns.iter().map(|turn| turn.1))),
        ("label", texts(turns.iter().map(|turn| turn.2))),
    ])
}

fn as_lists(count: usize) -> RecordBatch {
    let turns = turns(count);
    table([
        ("text", texts(turns.iter().map(|turn| turn.0))),
        ("context", lists(turns.iter().map(|turn| ["hi", turn.1]))),
        ("label", texts(turns.iter().map(|turn| turn.2))),
    ])
}

fn fitted() -> Box<dyn Model> {
    fit(as_texts(80), as_texts(40), &json!({})).unwrap()
}

#[test]
fn what_was_said_before_decides_between_equal_texts() {
    let model = fitted();
    let asked = table([
        ("text", texts(["yes please", "yes please", "refund"])),
        ("context", texts(["refund order?", "取消订单", "cancel"])),
    ]);
    assert_eq!(answers(model.as_ref(), &asked), ["refund", "cancel", "refund"]);
    let evaluation = Intent.evaluate(model.as_ref(), &rows(as_texts(40))).unwrap();
    assert_eq!(evaluation.metric("accuracy"), Some(1.0));
    assert!(evaluation.slices.is_empty(), "what people said is no slice");
}

#[test]
fn a_list_of_turns_is_learned_like_a_text() {
    let model = fit(as_lists(80), as_lists(40), &json!({})).unwrap();
    assert_eq!(model.signature().inputs[1].value_type, ValueType::TextList);
    let asked = table([
        ("text", texts(["yes please", "yes please"])),
        ("context", lists([["shall we refund?"], ["取消订单"]])),
    ]);
    assert_eq!(answers(model.as_ref(), &asked), ["refund", "cancel"]);
}

#[test]
fn null_and_empty_are_no_context() {
    let model = fitted();
    let input = &model.signature().inputs[1];
    assert!(input.nullable && input.value_type == ValueType::Text);
    let text = || texts(["yes please", "refund 退款", ""]);
    let null = table([("text", text()), ("context", new_null_array(&DataType::Utf8, 3))]);
    let empty = table([("text", text()), ("context", texts(["", " ", "\n"]))]);
    assert_eq!(model.predict(&null).unwrap(), model.predict(&empty).unwrap());
    // Examples that have lost the column are measured without.
    let evaluation = Intent.evaluate(model.as_ref(), &rows(as_texts(40).project(&[0, 2]).unwrap()));
    assert!(evaluation.unwrap().metric("accuracy").unwrap() < 1.0);
}

#[test]
fn examples_without_the_column_give_a_model_without_the_input() {
    let plain = |count| as_texts(count).project(&[0, 2]).unwrap();
    let model = fit(plain(80), plain(40), &json!({})).unwrap();
    assert_eq!(model.signature().inputs.len(), 1);
    assert!(model.artifact().settings.get("context").is_none());
    let heavier = fit(plain(80), plain(40), &json!({"context_weight": 2.0})).unwrap();
    let bytes = |model: &dyn Model| model.artifact().to_bytes().unwrap();
    assert_eq!(bytes(model.as_ref()), bytes(heavier.as_ref()));
}

#[test]
fn personal_data_of_a_context_reach_no_artifact() {
    let artifact = fitted().artifact().to_bytes().unwrap();
    let found = |needle: &[u8]| artifact.windows(needle.len()).any(|window| window == needle);
    assert!(found("\u{2}<number>".as_bytes()) && !found(b"4711"));
}

#[test]
fn an_answer_in_context_does_not_depend_on_its_neighbours_and_survives_saving() {
    let model = fitted();
    let saved = model.artifact().to_bytes().unwrap();
    let loaded = Intent
        .load(crate::artifact::Artifact::from_bytes(&saved, None).unwrap())
        .unwrap();
    let asked = table([
        ("text", texts(["yes please", "", "退款"])),
        ("context", texts(["refund?", "取消订单", ""])),
    ]);
    let together = model.predict(&asked).unwrap();
    assert_eq!(loaded.predict(&asked).unwrap(), together);
    for row in 0..3 {
        assert_eq!(model.predict(&asked.slice(row, 1)).unwrap(), together.slice(row, 1));
    }
}
