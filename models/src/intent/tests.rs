#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StringArray};

use super::*;
use crate::rows::MemoryRows;

fn examples(rows: usize) -> MemoryRows {
    let texts = [
        "where is my parcel",
        "please refund order 123456",
        "退款什么时候到账",
        "reset my password",
    ];
    let labels = ["delivery", "refund", "refund", "password"];
    let fill = ["", " now", " please!", " 谢谢", " it is urgent"];
    let text: StringArray = (0..rows)
        .map(|row| Some(format!("{}{}", texts[row % 4], fill[row % 5])))
        .collect();
    let label: StringArray = (0..rows).map(|row| Some(labels[row % 4])).collect();
    let batch = RecordBatch::try_from_iter([("text", Arc::new(text) as _), ("label", Arc::new(label) as _)]).unwrap();
    MemoryRows::new(
        batch.schema(),
        vec![batch.slice(0, rows / 2), batch.slice(rows / 2, rows - rows / 2)],
    )
}

fn fitted(memory_max_bytes: usize) -> Box<dyn Model> {
    fitted_by(&serde_json::json!({}), memory_max_bytes, 2)
}

fn fitted_by(recipe: &Value, memory_max_bytes: usize, threads: usize) -> Box<dyn Model> {
    let (train, calibrate) = (examples(120), examples(40));
    let examples = Examples {
        model: "intent",
        train: &train,
        calibrate: &calibrate,
    };
    let recipe = Intent.check_recipe(recipe).unwrap();
    let context = FitContext {
        seed: 7,
        threads,
        memory_max_bytes,
        progress: &|_, _| (),
        encoder: None,
    };
    Intent.fit(&examples, &recipe, &context).unwrap().model
}

fn labels_of(model: &dyn Model, texts: &[&str]) -> Vec<String> {
    let text = StringArray::from(texts.to_vec());
    let rows = RecordBatch::try_from_iter([("text", Arc::new(text) as _)]).unwrap();
    let answers = model.predict(&rows).unwrap();
    answers
        .column(0)
        .as_string::<i32>()
        .iter()
        .map(|label| label.unwrap().to_owned())
        .collect()
}

#[test]
fn learns_in_two_languages() {
    let model = fitted(1 << 30);
    let asked = ["WHERE is my Parcel??", "申请退款", "password reset"];
    assert_eq!(labels_of(model.as_ref(), &asked), ["delivery", "refund", "password"]);
    let evaluation = Intent.evaluate(model.as_ref(), &examples(40)).unwrap();
    assert_eq!(evaluation.metric("accuracy"), Some(1.0));
    let beside = evaluation.beside.unwrap();
    let accuracy: Vec<(&str, f64)> = beside
        .models
        .iter()
        .map(|one| (one.name.as_str(), one.metrics[0].value))
        .collect();
    assert_eq!(accuracy[0], ("trivial", 0.5));
    assert_eq!(
        accuracy[1..],
        [("linear", 1.0), ("bayes", 1.0), ("neighbours", 1.0), ("tree", 1.0)]
    );
}

#[test]
fn blocks_from_a_file_answer_as_one_block_in_memory() {
    let asked = ["where is it", "退款", "reset", "refund order 5", ""];
    let (memory, file) = (fitted(1 << 30), fitted(1 << 16));
    assert_eq!(labels_of(memory.as_ref(), &asked), labels_of(file.as_ref(), &asked));
}

#[test]
fn rows_in_a_file_give_the_same_bytes_on_any_number_of_threads() {
    let bytes = |threads| {
        let model = fitted_by(&serde_json::json!({}), 1 << 16, threads);
        model.artifact().to_bytes().unwrap()
    };
    assert_eq!(bytes(1), bytes(3));
}

#[test]
fn words_beyond_chars_rows_max_are_taken_whole_and_stay_so() {
    let whole = fitted_by(&serde_json::json!({"chars_rows_max": 20}), 1 << 30, 2);
    let again = Intent.load(whole.artifact()).unwrap();
    assert_eq!(again.artifact(), whole.artifact());
    let asked = ["parcel", "parcels", "退款吗"];
    assert_eq!(labels_of(whole.as_ref(), &asked), labels_of(again.as_ref(), &asked));
    assert_ne!(whole.artifact(), fitted(1 << 30).artifact());
}

#[test]
fn weights_in_eight_bits_answer_alike_in_less_room() {
    let (floats, bytes) = (
        fitted(1 << 30),
        fitted_by(&serde_json::json!({"quantise": true}), 1 << 30, 2),
    );
    let asked = ["where is it", "退款", "reset", "refund order 5"];
    assert_eq!(labels_of(floats.as_ref(), &asked), labels_of(bytes.as_ref(), &asked));
    let size = |model: &dyn Model| model.artifact().to_bytes().unwrap().len();
    assert!(size(bytes.as_ref()) < size(floats.as_ref()));
}

#[test]
fn contributions_sum_to_the_margin() {
    for recipe in [serde_json::json!({}), serde_json::json!({"quantise": true})] {
        let model = IntentModel::from_artifact(fitted_by(&recipe, 1 << 30, 2).artifact()).unwrap();
        let text = "Please REFUND order 998877, my parcel 退款";
        for label in 0..3 {
            let spoken = model.explain(text, "", label, usize::MAX);
            let sum: f32 = spoken.iter().map(|spoken| spoken.1).sum();
            let margin = model.margin(text, label);
            assert!((sum + model.bias(label) - margin).abs() < 1e-5, "{sum} {margin}");
            assert!(spoken.is_sorted_by(|a, b| a.1.abs() >= b.1.abs()));
            assert!(!spoken.iter().any(|spoken| spoken.0.contains('9')));
            assert_eq!(model.explain(text, "", label, 2), spoken[..2]);
        }
        let spoken = model.explain(text, "", 2, usize::MAX);
        assert!(spoken.iter().any(|spoken| spoken.0 == "refund" && spoken.1 > 0.0));
    }
}

#[test]
fn many_rows_are_answered_by_threads_as_by_one() {
    let model = fitted(1 << 30);
    let batch = examples(1_001)
        .batches()
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .project(&[0])
        .unwrap();
    let whole = model.predict(&batch).unwrap();
    for at in [0, 1, 255, 256, 499] {
        assert_eq!(whole.slice(at, 1), model.predict(&batch.slice(at, 1)).unwrap());
    }
}

/// 2,000 labels in memory for a few of them at once: some labels are learned after the others, and the weights that
/// are kept find the labels still.
#[test]
fn thousands_of_labels_in_little_memory() {
    const LABELS: usize = 2_000;
    // In letters: numbers of four digits are masked.
    let word = |label: usize| -> String {
        let letter = |digit: char| char::from(b'a' + digit.to_digit(10).unwrap_or(0) as u8);
        label.to_string().chars().map(letter).collect()
    };
    let text: StringArray = (0..LABELS * 5)
        .map(|row| Some(format!("part {} number {}", word(row % LABELS), row / LABELS)))
        .collect();
    let label: StringArray = (0..LABELS * 5)
        .map(|row| Some(format!("label {}", row % LABELS)))
        .collect();
    let batch = RecordBatch::try_from_iter([("text", Arc::new(text) as _), ("label", Arc::new(label) as _)]).unwrap();
    let rows = MemoryRows::new(batch.schema(), vec![batch.clone()]);
    let calibrate = MemoryRows::new(batch.schema(), vec![batch.slice(0, 100)]);
    let examples = Examples {
        model: "intent",
        train: &rows,
        calibrate: &calibrate,
    };
    let recipe = Intent
        .check_recipe(&serde_json::json!({"passes": 2, "artifact_max_mb": 4, "chars_max": 0}))
        .unwrap();
    let context = FitContext {
        seed: 7,
        threads: 2,
        memory_max_bytes: 20 << 20,
        progress: &|_, _| (),
        encoder: None,
    };
    let model = Intent.fit(&examples, &recipe, &context).unwrap().model;
    assert!(model.artifact().to_bytes().unwrap().len() < 4_200_000);
    let found = labels_of(
        model.as_ref(),
        &[
            &format!("part {}", word(500)),
            &format!("part {}", word(77)),
            &format!("part {}", word(1999)),
        ],
    );
    assert_eq!(found, ["label 500", "label 77", "label 1999"]);
}

#[test]
fn numbers_never_reach_the_vocabulary() {
    let artifact = fitted(1 << 30).artifact().to_bytes().unwrap();
    let found = |needle: &[u8]| artifact.windows(needle.len()).any(|window| window == needle);
    assert!(found(b"<number>") && !found(b"12345"));
}

#[test]
fn a_recipe_says_all_that_is_wrong_with_it() {
    let written = serde_json::json!({"cost": "much", "pases": 3, "words_max": 1.5});
    let problems = Intent.check_recipe(&written).unwrap_err();
    let messages: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
    assert_eq!(
        messages,
        [
            "`words_max` must be a whole number from 1 to 2",
            "`cost` must be a number from 0.001 to 1000",
            "`pases` is not a key of the intent recipe"
        ]
    );
}

#[test]
fn one_label_cannot_be_learned() {
    let batch = examples(1).batches().unwrap().last().unwrap().unwrap();
    let rows = MemoryRows::new(batch.schema(), vec![batch]);
    let examples = Examples {
        model: "intent",
        train: &rows,
        calibrate: &rows,
    };
    let recipe = Intent.check_recipe(&serde_json::json!({})).unwrap();
    let context = FitContext {
        seed: 7,
        threads: 1,
        memory_max_bytes: 1 << 30,
        progress: &|_, _| (),
        encoder: None,
    };
    let error = Intent.fit(&examples, &recipe, &context).err().unwrap().to_string();
    assert_eq!(
        error,
        "examples of model `intent`: 1 label(s) in the training rows; at least two are needed"
    );
}

#[test]
fn an_older_model_prepares_texts_as_it_did() {
    let mut artifact = fitted(1 << 30).artifact();
    let settings = artifact.settings.as_object_mut().unwrap();
    assert_eq!(settings["preparation"], 2);
    settings.remove("preparation");
    let old = Intent.load(artifact.clone()).unwrap();
    assert!(old.artifact().settings["preparation"] == 1);
    artifact.settings["preparation"] = 3.into();
    let error = Intent.load(artifact).err().unwrap().to_string();
    assert!(error.contains("in way 3, which this build does not know"), "{error}");
}

#[test]
fn answers_come_with_their_reasons() {
    let model = fitted(1 << 30);
    let asked = ["please refund order 7", ""];
    let rows = RecordBatch::try_from_iter([("text", Arc::new(StringArray::from(asked.to_vec())) as _)]).unwrap();
    let plain = model.predict(&rows).unwrap();
    let explained = crate::explained::Explained::new(model, 3).unwrap();
    let answers = explained.predict(&rows).unwrap();
    assert_eq!(answers.columns()[..plain.num_columns()], plain.columns()[..]);
    let reasons = answers.column_by_name("reasons").unwrap().as_list::<i32>().clone();
    let first = reasons.value(0);
    let first: Vec<&str> = first.as_string::<i32>().iter().flatten().collect();
    assert!(
        first.len() == 3 && first.iter().any(|reason| reason.contains("ref")),
        "{first:?}"
    );
    assert!(reasons.value(1).is_empty());
    assert_eq!(answers.schema(), explained.signature().output_schema());
}
