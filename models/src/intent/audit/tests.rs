#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::json;

use super::*;
use crate::encode::{VocabularyBuilder, VocabularyLimits};
use crate::findings::Advice;
use crate::intent::examples::Source;
use crate::intent::{Intent, IntentRecipe};
use crate::kind::{FitContext, Fitted, Kind};
use crate::learn::{LinearTrainer, fit_temperature};
use crate::real_data::{self, draw};
use crate::text::Preparation;

fn fit(train: &[[String; 2]], calibrate: &[[String; 2]]) -> Fitted {
    let (train, calibrate) = (real_data::examples(train), real_data::examples(calibrate));
    let examples = Examples {
        model: "intent",
        train: &train,
        calibrate: &calibrate,
    };
    let recipe = Intent.check_recipe(&json!({})).unwrap();
    let context = FitContext {
        seed: 7,
        threads: 2,
        memory_max_bytes: 1 << 30,
        progress: &|_, _| (),
        encoder: None,
    };
    Intent.fit(&examples, &recipe, &context).unwrap()
}

/// Questions in two languages about six things; `late` and `lost` are asked about in the same words.
fn questions(rows: usize) -> Vec<[String; 2]> {
    const ABOUT: [(&str, &str); 6] = [
        ("refund", "please give my money back"),
        ("password", "忘记密码无法登录"),
        ("invoice", "发票开错了需要重开"),
        ("address", "deliver to another street"),
        ("late", "where is my parcel"),
        ("lost", "where is my parcel"),
    ];
    const FILL: [&str; 7] = [
        "now",
        "谢谢",
        "it is urgent",
        "请尽快",
        "I waited long",
        "hello",
        "麻烦了",
    ];
    let row = |row: usize| {
        let (label, text) = ABOUT[row % 6];
        let (first, last) = (FILL[draw(row, 7)], FILL[draw(row + 10_000, 7)]);
        // Numbers are masked; letters make every text another one.
        let own: String = row.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
        [format!("{first} {text} {last} {own}"), label.to_owned()]
    };
    (0..rows).map(row).collect()
}

#[test]
fn planted_errors_and_a_planted_pair_are_found() {
    let mut rows = questions(900);
    let labels = ["refund", "password", "invoice", "address"];
    let mut planted = BTreeSet::new();
    for place in (0..900).filter(|place| place % 6 < 4 && draw(*place, 100) < 3) {
        let wrong = labels[(place % 6 + 1 + draw(place + 5, 3)) % 4];
        rows[place][1] = wrong.to_owned();
        planted.insert(place);
    }
    let (train, calibrate) = rows.split_at(720);
    let findings = fit(train, calibrate).findings;
    assert_eq!((findings.judged, findings.not_judged), (900, 0));
    let mut found = BTreeSet::new();
    for error in &findings.label_errors {
        let place = error.row.place as usize + if error.row.part == "train" { 0 } else { 720 };
        let text = crate::text::prepare(&rows[place][0]);
        assert_eq!((&error.row.text, &error.given), (&text, &rows[place][1]));
        assert_eq!(error.row.row, None);
        let right = labels.get(place % 6);
        found.extend(right.filter(|right| **right == error.suggested).map(|_| place));
    }
    assert!(
        found.is_subset(&planted) && found.len() * 10 >= planted.len() * 9,
        "{found:?} of {planted:?}"
    );
    let pair = &findings.confusable[0];
    assert_eq!(pair.labels, ["late", "lost"]);
    assert_eq!(pair.advice, Advice::Merge);
    assert!(
        pair.rows == [150, 150] && pair.share > 0.2 && pair.examples.len() == 3,
        "{pair:?}"
    );
    assert!(
        findings.confusable[1..]
            .iter()
            .all(|pair| pair.advice == Advice::Clarify)
    );
    let noise = findings.noise.unwrap();
    assert!(noise > planted.len() as f64 / 900.0, "{noise}");
}

#[test]
fn right_labels_are_not_suspected() {
    let rows: Vec<[String; 2]> = questions(600).into_iter().filter(|row| row[1] != "lost").collect();
    let (train, calibrate) = rows.split_at(400);
    let findings = fit(train, calibrate).findings;
    assert_eq!((findings.suspects, findings.noise), (0, Some(0.0)));
    assert!(findings.label_errors.is_empty() && findings.confusable.is_empty());
}

#[test]
fn labels_with_few_rows_and_unknown_ones_are_not_judged() {
    let mut rows = questions(300);
    rows[3][1] = "rare".into();
    rows[10][1] = "rare".into();
    rows[290][1] = "never learned".into();
    let (train, calibrate) = rows.split_at(240);
    let findings = fit(train, calibrate).findings;
    // Of the unknown label nothing can be said, not even that it was not judged.
    assert_eq!((findings.judged, findings.not_judged), (297, 2));
    let shown = findings
        .label_errors
        .iter()
        .filter(|error| error.row.part == "calibrate");
    for error in shown {
        let row = &rows[240 + error.row.place as usize];
        assert_eq!(error.row.text, crate::text::prepare(&row[0]));
        assert_eq!(error.given, row[1]);
    }
}

/// BANKING77, encoded; all rows are training rows.
struct Banking {
    rows: Vec<[String; 2]>,
    labels: Vec<String>,
    block: Block,
    features: usize,
}

const PASSES: usize = 10;
const SETTINGS: LinearSettings = LinearSettings {
    cost: 1.0,
    seed: 7,
    threads: 2,
};

impl Banking {
    fn read() -> Option<Self> {
        let rows = real_data::csv("banking77/train.csv", ["text", "category"])?;
        let texts: Vec<String> = rows.iter().map(|row| Preparation::NOW.apply(&row[0])).collect();
        let recipe = Intent.check_recipe(&json!({})).unwrap();
        let recipe = IntentRecipe::from_checked(&recipe, "banking77").unwrap();
        let limits = VocabularyLimits {
            rows_min: recipe.rows_min,
            features_max: recipe.features_max,
            chars_rows_max: recipe.chars_rows_max,
            memory_max_bytes: 1 << 30,
        };
        let mut vocabulary = VocabularyBuilder::new(recipe.grams(texts.len() as u64), limits);
        vocabulary.count(&texts, 2);
        let encoder = vocabulary.finish();
        let labels: Vec<String> = rows
            .iter()
            .map(|row| row[1].clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let targets = rows.iter().map(|row| labels.binary_search(&row[1]).unwrap() as u32);
        let block = Block {
            rows: encoder.encode_all(&texts, 2),
            targets: targets.collect(),
            weights: vec![1.0; rows.len()],
            ..Block::default()
        };
        Some(Self {
            rows,
            labels,
            block,
            features: encoder.len(),
        })
    }

    fn right(&self, row: usize, margins: &[f32]) -> bool {
        let best = (0..margins.len()).max_by(|a, b| margins[*a].total_cmp(&margins[*b]));
        best == Some(self.block.targets[row] as usize)
    }

    /// How many of a fold's rows are answered right when a fit as long as a model's learns all others.
    fn right_by_fits(&self, fold: &[(usize, usize)]) -> usize {
        let out: BTreeSet<usize> = fold.iter().map(|row| row.1).collect();
        let mut rest = Block::default();
        for row in (0..self.rows.len()).filter(|row| !out.contains(row)) {
            let (features, values) = self.block.rows.row(row);
            rest.rows.push_parts(features, values);
            rest.targets.push(self.block.targets[row]);
            rest.weights.push(1.0);
        }
        let mut trainer = LinearTrainer::new(self.labels.len(), self.features, SETTINGS);
        trainer.run([&rest].as_slice(), 1, PASSES).unwrap();
        let weights = trainer.weights();
        let mut margins = Vec::new();
        let right = |row: &usize| {
            let (features, values) = self.block.rows.row(*row);
            let features: Vec<(u32, f32)> = features.iter().copied().zip(values.iter().copied()).collect();
            weights.margins(&features, &mut margins);
            self.right(*row, &margins)
        };
        out.iter().map(right).filter(|right| *right).count()
    }
}

#[test]
fn out_of_fold_accuracy_is_that_of_whole_fits() {
    let Some(banking) = Banking::read() else { return };
    let shape = (banking.labels.len(), banking.features);
    let (mut folds, mut whole) = (Vec::new(), 0);
    for passes in [1, 2, 3, 4] {
        let how = CrossFit { passes, ..CROSS_FIT };
        let (mut right, started) = (0, Instant::now());
        folds.clear();
        cross_fit(&[&banking.block], shape, SETTINGS, how, &mut |fold| {
            let margins = fold.margins.chunks_exact(banking.labels.len());
            let rows = fold.rows.iter().zip(margins);
            right += rows.filter(|(row, margins)| banking.right(row.1, margins)).count();
            folds.push(fold.rows.clone());
            Ok(())
        })
        .unwrap();
        let wall = started.elapsed();
        if whole == 0 {
            let started = Instant::now();
            whole = folds.iter().map(|fold| banking.right_by_fits(fold)).sum();
            eprintln!("five whole fits: {:.2?}", started.elapsed());
        }
        let [right, whole] = [right, whole].map(|right| right as f64 / banking.rows.len() as f64);
        eprintln!("BANKING77 out of fold: {right:.4} by {passes} passes in {wall:.2?}, {whole:.4} by {PASSES} passes");
        if passes == CROSS_FIT.passes {
            assert!((right - whole).abs() < 0.005, "{right} {whole}");
        }
    }
}

#[test]
fn errors_planted_in_banking77_are_found() {
    let Some(mut banking) = Banking::read() else { return };
    let labels = banking.labels.len();
    let mut planted = BTreeSet::new();
    for row in (0..banking.rows.len()).filter(|row| draw(*row, 100) < 3) {
        let target = &mut banking.block.targets[row];
        *target = (*target + 1 + draw(row + 77, labels - 1) as u32) % labels as u32;
        planted.insert(row as u64);
    }
    let mut counts = BTreeMap::<String, u64>::new();
    for target in &banking.block.targets {
        *counts.entry(banking.labels[*target as usize].clone()).or_default() += 1;
    }
    let rows = real_data::examples(&banking.rows);
    let examples = Examples {
        model: "intent",
        train: &rows,
        calibrate: &rows,
    };
    let source = Source {
        rows: &rows,
        model: "intent",
        threads: 2,
        is_prepared: false,
    };
    let all_labels = Labels::new((&source, counts), &source, None).unwrap();
    let nothing = Block::default();
    let mut scale = 0.0;
    let shape = (labels, banking.features);
    cross_fit(&[&banking.block], shape, SETTINGS, CROSS_FIT, &mut |fold| {
        let targets: Vec<u32> = fold.rows.iter().map(|row| banking.block.targets[row.1]).collect();
        scale = fit_temperature(&fold.margins, &targets, labels);
        Ok(())
    })
    .unwrap();
    let learned = Learned {
        examples: &examples,
        labels: &all_labels,
        train: Some(&banking.block),
        held_back: &nothing,
        held_back_places: &[],
        held_back_margins: &[],
        scale,
        features: banking.features,
        settings: SETTINGS,
        memory_max_bytes: 1 << 30,
    };
    let judge = judge(&learned).unwrap();
    let accuracy = judge.accuracy();
    let suspects = judge.suspects(labels);
    let hits = |listed: usize| {
        let listed = &suspects[..listed.min(suspects.len())];
        listed.iter().filter(|(_, place)| planted.contains(place)).count()
    };
    let mut figures = BTreeMap::new();
    for listed in [50, 100, planted.len(), suspects.len()] {
        let found = hits(listed);
        let (precision, recall) = (found as f64 / listed as f64, found as f64 / planted.len() as f64);
        figures.insert(listed, (precision, recall));
        eprintln!(
            "BANKING77, {} planted: of the first {listed}, precision {precision:.3}, recall {recall:.3}",
            planted.len()
        );
    }
    eprintln!("out-of-fold accuracy {accuracy:.4}, scale {scale}");
    assert!(figures[&50].0 >= 0.9, "{figures:?}");
    assert!(figures[&planted.len()].1 >= 0.6, "{figures:?}");
    assert!(figures[&suspects.len()].1 >= 0.7, "{figures:?}");
}
