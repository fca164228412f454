//! Models with a sentence encoder.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use serde_json::json;

use super::Intent;
use super::fitting::{answers, fit_with, lists, table, texts};
use super::predict::IntentModel;
use crate::artifact::Artifact;
use crate::kind::{Kind, Model};
use crate::sentence::tests::encoder_of_pattern;
use crate::sentence::{SentenceEncoder, Uncached};

fn encoder() -> Arc<SentenceEncoder> {
    Arc::new(SentenceEncoder::load("small", &encoder_of_pattern(1)).unwrap())
}

fn embeddings() -> Uncached {
    Uncached {
        encoder: encoder(),
        threads: 2,
    }
}

/// Questions on a card or a refund. All words of the encoder's tokenizer come, and others that it does not know.
fn desk(rows: std::ops::Range<usize>) -> RecordBatch {
    let starts = ["where is my", "is my", "where my", "my", "where is the"];
    let row = |row: usize| {
        let subject = ["card", "refund", "cards", "refunds"][row % 4];
        format!(
            "{} {subject} {}",
            starts[row % 5],
            ["", "退款", "please", "now", "is"][row / 7 % 5]
        )
    };
    let asked: Vec<String> = rows.clone().map(row).collect();
    let labels = rows.map(|row| ["card", "refund"][row % 2]);
    table([
        ("text", texts(asked.iter().map(String::as_str))),
        ("label", texts(labels)),
    ])
}

fn fitted(recipe: &serde_json::Value) -> Box<dyn Model> {
    fit_with(&embeddings(), desk(0..300), desk(300..500), recipe).unwrap()
}

#[test]
fn comes_back_with_its_encoder_and_answers_the_same_bits() {
    let model = fitted(&json!({}));
    let bytes = model.artifact().to_bytes().unwrap();
    let again = Intent
        .load(Artifact::from_bytes(&bytes, Some(encoder())).unwrap())
        .unwrap();
    let asked = desk(0..60);
    let all = model.predict(&asked).unwrap();
    assert_eq!(all, again.predict(&asked).unwrap());
    for row in [0, 17, 59] {
        assert_eq!(all.slice(row, 1), again.predict(&asked.slice(row, 1)).unwrap());
    }
    assert_eq!(bytes, fitted(&json!({})).artifact().to_bytes().unwrap());
}

#[test]
fn the_head_has_a_say_where_the_words_are_not_sure() {
    let mut always = fitted(&json!({})).artifact();
    always.settings["asking"]["sure_gap"] = json!(null);
    // Warm enough that no probability is rounded to 1.
    always.settings["scale"] = json!(0.5);
    let mut never = always.clone();
    never.settings["asking"]["sure_gap"] = json!(0.0);
    never.settings["asking"]["alone"] = json!(1.0);
    let mut other = always.clone();
    other.settings["asking"]["share"] = json!(0.0);
    let scores = |artifact: &Artifact| {
        let answers = Intent.load(artifact.clone()).unwrap().predict(&desk(0..40)).unwrap();
        answers.column(1).as_primitive::<Float64Type>().values().to_vec()
    };
    // Words alone, and a head that weighs nothing, are the same thing; a head that weighs is not.
    assert_eq!(scores(&never), scores(&other));
    assert_ne!(scores(&always), scores(&other));
}

#[test]
fn a_promise_is_made_on_the_answers_of_the_cascade() {
    let model = fitted(&json!({"answer_precision": 0.9}));
    let answers = model.predict(&desk(0..50)).unwrap();
    let accepted = answers.column_by_name("accepted").unwrap().as_boolean().clone();
    assert!(accepted.true_count() > 0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let model = fitted(&json!({}));
    let hostile = |change: &dyn Fn(&mut Artifact)| {
        let mut artifact = model.artifact();
        change(&mut artifact);
        Intent.load(artifact).err().map(|error| error.to_string())
    };
    assert_eq!(hostile(&|_| ()), None);
    assert!(
        hostile(&|artifact| artifact.encoder = None)
            .unwrap()
            .contains("names none")
    );
    let unasked = hostile(&|artifact| _ = artifact.settings.as_object_mut().unwrap().remove("asking"));
    assert!(unasked.unwrap().contains("do not say when"));
    assert!(hostile(&|artifact| _ = artifact.tensors.remove("head.bias")).is_some());
    let short = |artifact: &mut Artifact| {
        let weights = artifact.take_f32("head.weights").unwrap();
        let shorter = crate::artifact::Tensor::F32(weights[1..].to_vec());
        artifact.tensors.insert("head.weights".into(), shorter);
    };
    assert!(hostile(&short).unwrap().contains("does not fit"));
    let endless = |artifact: &mut Artifact| {
        let mut weights = artifact.take_f32("head.weights").unwrap();
        weights[0] = f32::NAN;
        artifact
            .tensors
            .insert("head.weights".into(), crate::artifact::Tensor::F32(weights));
    };
    assert!(hostile(&endless).unwrap().contains("not a finite number"));
}

#[test]
fn lists_of_labels_are_refused() {
    let asked = table([
        ("text", texts(["my card", "my refund"])),
        ("label", lists([vec!["card"], vec!["refund", "card"]])),
    ]);
    let error = fit_with(&embeddings(), asked.clone(), asked, &json!({})).err().unwrap();
    assert!(error.to_string().contains("one label a text"), "{error}");
}

/// Ten questions a label of BANKING77, the others asked: the vectors of a real encoder must be worth something.
#[test]
fn a_real_encoder_knows_more_than_ten_examples_a_label_tell() {
    let Some(rows) = crate::real_data::csv("banking77/train.csv", ["text", "category"]) else {
        return;
    };
    let Some(real) = crate::sentence::tests::minilm() else {
        return;
    };
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    let mut parts: [Vec<[String; 2]>; 3] = Default::default();
    for row in rows
        .iter()
        .enumerate()
        .filter(|(at, _)| crate::real_data::draw(*at, 3) == 0)
    {
        let count = seen.entry(&row.1[1]).or_default();
        *count += 1;
        let part = match *count {
            1..=9 => 0,
            10..=12 => 1,
            _ => 2,
        };
        parts[part].push(row.1.clone());
    }
    let [train, calibrate, test] = parts.map(|rows| {
        table([
            ("text", texts(rows.iter().map(|row| row[0].as_str()))),
            ("label", texts(rows.iter().map(|row| row[1].as_str()))),
        ])
    });
    let test = test.slice(0, test.num_rows().min(500));
    let embeddings = Uncached {
        encoder: Arc::new(real),
        threads: 2,
    };
    let model = fit_with(&embeddings, train.clone(), calibrate.clone(), &json!({})).unwrap();
    let words = super::fitting::fit(train, calibrate, &json!({})).unwrap();
    let right = |model: &dyn Model| {
        let labels = test.column(1).as_string::<i32>();
        let answers = answers(model, &test);
        let right = answers
            .iter()
            .zip(labels)
            .filter(|(answer, label)| Some(answer.as_str()) == *label);
        right.count() as f64 / test.num_rows() as f64
    };
    let (with, without) = (right(model.as_ref()), right(words.as_ref()));
    assert!(with > without + 0.03, "{with} with the encoder, {without} without");
    let model = (model.as_ref() as &dyn std::any::Any)
        .downcast_ref::<IntentModel>()
        .unwrap();
    let fared = model.settings().asking.unwrap().held_back;
    assert!(fared.cascade >= fared.always - 0.002, "{fared:?}");
}
