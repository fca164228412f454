#![allow(clippy::unwrap_used)]

use arrow::array::{Array, AsArray, RecordBatch};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::artifact::Artifact;
use crate::intent::Intent;
use crate::intent::fitting::{fit, lists, rows, table, texts};
use crate::kind::{Kind, Model};

const TOPICS: [(&str, &str); 4] = [
    ("where is my parcel", "delivery"),
    ("refund the money", "refund"),
    ("忘记密码怎么办", "password"),
    ("换个地址", "address"),
];

/// Texts about none, one or two of the topics.
fn examples(count: usize, last: Option<(&str, &str)>) -> RecordBatch {
    let topics = |row: usize| match row % 5 {
        0 => vec![],
        1 | 2 => vec![row / 5 % 4],
        _ => vec![row / 5 % 4, (row / 5 + row % 3 + 1) % 4],
    };
    let text = |row: usize| {
        let said: Vec<&str> = topics(row).into_iter().map(|topic| TOPICS[topic].0).collect();
        format!("hello {} thanks {}", said.join(" and "), row % 7)
    };
    let (mut said, mut labels): (Vec<String>, Vec<Vec<&str>>) = (0..count)
        .map(|row| {
            (
                text(row),
                topics(row).into_iter().map(|topic| TOPICS[topic].1).collect(),
            )
        })
        .unzip();
    if let Some((text, label)) = last {
        said.push(text.into());
        labels.push(vec![label, "refund"]);
    }
    table([
        ("text", texts(said.iter().map(String::as_str))),
        ("label", lists(labels)),
    ])
}

fn fitted() -> Box<dyn Model> {
    let rare = Some(("my pin is blocked, refund the money", "pin"));
    fit(examples(300, rare), examples(120, None), &json!({})).unwrap()
}

fn labels_of(model: &dyn Model, asked: &[&str]) -> Vec<Vec<String>> {
    let asked = table([("text", texts(asked.iter().copied()))]);
    let answers = model.predict(&asked).unwrap();
    let lists = answers.column(2).as_list::<i32>();
    let list = |row: usize| {
        let mut labels: Vec<String> = lists
            .value(row)
            .as_string::<i32>()
            .iter()
            .flatten()
            .map(str::to_owned)
            .collect();
        labels.sort();
        labels
    };
    (0..lists.len()).map(list).collect()
}

#[test]
fn a_text_gets_all_its_labels_or_none() {
    let model = fitted();
    let asked = [
        "refund my money, where is the parcel?",
        "换个地址 忘记密码",
        "refund",
        "hello thanks",
    ];
    assert_eq!(
        labels_of(model.as_ref(), &asked),
        [
            vec!["delivery", "refund"],
            vec!["address", "password"],
            vec!["refund"],
            vec![]
        ]
    );
    let bytes = model.artifact().to_bytes().unwrap();
    let loaded = Intent.load(Artifact::from_bytes(&bytes, None).unwrap()).unwrap();
    let asked = table([("text", texts(asked))]);
    assert_eq!(loaded.predict(&asked).unwrap(), model.predict(&asked).unwrap());
}

#[test]
fn measures_pairs_labels_and_rows() {
    let evaluation = Intent.evaluate(fitted().as_ref(), &rows(examples(100, None))).unwrap();
    assert_eq!(evaluation.main_metric, "micro_f1");
    let metric = |name: &str| evaluation.metric(name).unwrap();
    assert!(metric("micro_f1") > 0.98 && metric("macro_f1") > 0.98, "{evaluation:?}");
    assert!(metric("subset_accuracy") > 0.95 && metric("hamming_loss") < 0.02);
    assert_eq!(evaluation.row_scores.len(), 100);
    assert!(evaluation.notes.iter().any(|note| note.1.contains("pin (1)")));
}

#[test]
fn figures_of_rows_reckoned_by_hand() {
    let model = fitted();
    let labels = [vec!["refund", "delivery"], vec![], vec!["refund"], vec!["closing"]];
    let text = ["refund the money", "hello thanks", "where is my parcel", "hello thanks"];
    let test = table([("text", texts(text)), ("label", lists(labels))]);
    let evaluation = Intent.evaluate(model.as_ref(), &rows(test)).unwrap();
    // Given: refund; none; delivery; none. Hits 1 of 2 given and 4 had. Labels known 5, and one more in the rows.
    let metric = |name: &str| evaluation.metric(name).unwrap();
    assert!((metric("micro_f1") - 2.0 / 6.0).abs() < 1e-9);
    assert!((metric("subset_accuracy") - 0.25).abs() < 1e-9);
    assert!((metric("hamming_loss") - 4.0 / 24.0).abs() < 1e-9);
    assert!((metric("macro_f1") - (2.0 / 3.0) / 3.0).abs() < 1e-9);
    let pairs: Vec<(&str, &str)> = evaluation
        .confusions
        .iter()
        .map(|c| (&*c.actual, &*c.predicted))
        .collect();
    assert_eq!(
        pairs,
        [("closing", "(none)"), ("delivery", "(none)"), ("refund", "delivery")]
    );
    assert_eq!(evaluation.row_scores, [2.0 / 3.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_model_of_one_label_is_measured_by_its_best_one() {
    let single = |count: usize| {
        let rows = (0..count).map(|row| TOPICS[row % 4]);
        let (said, labels): (Vec<&str>, Vec<&str>) = rows.unzip();
        table([("text", texts(said)), ("label", texts(labels))])
    };
    let model = fit(single(80), single(40), &json!({})).unwrap();
    let test = table([
        ("text", texts(["refund the money", "换个地址"])),
        ("label", lists([vec!["refund"], vec!["address", "password"]])),
    ]);
    let evaluation = Intent.evaluate(model.as_ref(), &rows(test)).unwrap();
    assert_eq!(evaluation.metric("micro_f1"), Some(0.8));
    // And the other way round.
    let evaluation = Intent.evaluate(fitted().as_ref(), &rows(single(40))).unwrap();
    assert_eq!(evaluation.metric("accuracy"), Some(1.0));
}

#[test]
fn nulls_empty_texts_and_repeats_in_a_list_are_no_labels() {
    let row = ["refund", "", "refund"];
    let column = lists([&row[..], &[]].map(|row| row.iter().copied()));
    let read = crate::intent::labels::RowLabels::read(&column).unwrap().unwrap();
    assert_eq!((read.of(0), read.of(1).len()), (&["refund".to_owned()][..], 0));
}

#[test]
fn a_threshold_parts_where_f1_is_largest() {
    let rows = |scores: &[(f64, bool)]| best_threshold(scores.to_vec());
    assert_eq!(rows(&[(0.9, true), (0.8, true), (0.4, false), (0.2, true)]), 0.1);
    assert_eq!(rows(&[(0.9, true), (0.5, false), (0.1, false)]), 0.7);
    assert_eq!(rows(&[(0.9, false)]), 0.5);
    // Equal scores cannot be parted.
    assert_eq!(rows(&[(0.6, true), (0.6, false), (0.2, false)]), 0.4);
}

#[test]
fn rare_labels_are_decided_as_all_labels_together() {
    let settings: Several = serde_json::from_value(fitted().artifact().settings["several"].clone()).unwrap();
    // Sorted: address, delivery, password, pin, refund. The calibration rows have no pin.
    assert_eq!((settings.sigmoids.len(), settings.thresholds.len()), (5, 5));
    assert!(settings.sigmoids[3] != settings.sigmoids[4]);
    assert!(settings.check(5).is_ok() && settings.check(4).is_err());
}

proptest! {
    #[test]
    fn any_held_back_rows_give_finite_settings(
        margins in prop::collection::vec(-3f32..3.0, 0..60),
        classes in prop::collection::vec(prop::collection::btree_set(0u32..3, 0..3), 20),
    ) {
        let rows = margins.len() / 3;
        let mut block = Block::default();
        for classes in &classes[..rows] {
            block.push_classes(&classes.iter().copied().collect::<Vec<_>>());
        }
        let several = Several::fit(&margins[..rows * 3], &block, 3);
        several.check(3).unwrap();
        let (mut probabilities, mut order) = (Vec::new(), Vec::new());
        several.probabilities(&[0.5, -0.5, 9.0], &mut probabilities);
        let best = several.choose(&probabilities, &mut order);
        prop_assert!(best < 3 && order.first().is_none_or(|first| *first as usize == best));
    }
}
