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
    let (train, calibrate) = (examples(120), examples(40));
    let examples = Examples {
        model: "intent",
        train: &train,
        calibrate: &calibrate,
    };
    let recipe = Intent.check_recipe(&serde_json::json!({})).unwrap();
    let context = FitContext {
        seed: 7,
        threads: 2,
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
}

#[test]
fn blocks_from_a_file_answer_as_one_block_in_memory() {
    let asked = ["where is it", "退款", "reset", "refund order 5", ""];
    let (memory, file) = (fitted(1 << 30), fitted(1 << 16));
    assert_eq!(labels_of(memory.as_ref(), &asked), labels_of(file.as_ref(), &asked));
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
