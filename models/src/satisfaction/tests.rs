#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Float64Type;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::kind::Examples as KindExamples;
use crate::real_data::draw;
use crate::rows::MemoryRows;

/// Cases whose rating follows from waiting, channel and text, with some chance; noise columns beside them.
fn desk(range: std::ops::Range<usize>) -> RecordBatch {
    let draw = |row: usize, salt: u64, below: u64| {
        let z = (row as u64 + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(salt.wrapping_mul(0xbf58_476d_1ce4_e5b9));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    };
    let rows: Vec<usize> = range.collect();
    let waiting = |row: usize| draw(row, 1, 120) as f64;
    let channel = |row: usize| ["mail", "chat", "phone"][draw(row, 2, 3) as usize];
    let angry = |row: usize| draw(row, 3, 4) == 0;
    let text = |row: usize| {
        let mood = if angry(row) {
            "this is a terrible service"
        } else {
            "thank you for the good help"
        };
        format!("{mood} with order number {row}")
    };
    let rating = |row: usize| -> i64 {
        let harm =
            waiting(row) / 40.0 + if angry(row) { 2.0 } else { 0.0 } + if channel(row) == "phone" { 1.0 } else { 0.0 };
        (5 - (harm + draw(row, 4, 2) as f64) as i64).clamp(1, 5)
    };
    let waited = rows.iter().map(|row| (draw(*row, 5, 10) > 0).then(|| waiting(*row)));
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "label",
            Arc::new(rows.iter().map(|row| Some(rating(*row))).collect::<Int64Array>()),
        ),
        ("waiting_minutes", Arc::new(waited.collect::<Float64Array>())),
        (
            "channel",
            Arc::new(rows.iter().map(|row| Some(channel(*row))).collect::<StringArray>()),
        ),
        (
            "body",
            Arc::new(rows.iter().map(|row| Some(text(*row))).collect::<StringArray>()),
        ),
        (
            "case_id",
            Arc::new(rows.iter().map(|row| Some(format!("c{row}"))).collect::<StringArray>()),
        ),
        (
            "reopened",
            Arc::new(
                rows.iter()
                    .map(|row| Some(draw(*row, 6, 2) == 0))
                    .collect::<BooleanArray>(),
            ),
        ),
        (
            "closed_at",
            Arc::new(
                rows.iter()
                    .map(|row| Some(draw(*row, 7, 1 << 40) as i64))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn rows(batch: &RecordBatch) -> MemoryRows {
    MemoryRows::new(batch.schema(), vec![batch.clone()])
}

fn fit_on(train: &RecordBatch, calibrate: &RecordBatch, recipe: &Value) -> Result<Box<dyn Model>> {
    let (train, calibrate) = (rows(train), rows(calibrate));
    let examples = KindExamples {
        model: "satisfaction",
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
    let recipe = Satisfaction.check_recipe(recipe).unwrap();
    Satisfaction
        .fit(&examples, &recipe, &context)
        .map(|fitted| fitted.model)
}

fn fitted(recipe: &Value) -> Box<dyn Model> {
    fit_on(&desk(0..3000), &desk(3000..4000), recipe).unwrap()
}

fn low(model: &dyn Model, asked: &RecordBatch) -> Vec<f64> {
    let answers = model.predict(asked).unwrap();
    answers
        .column_by_name("dissatisfied")
        .unwrap()
        .as_primitive::<Float64Type>()
        .values()
        .to_vec()
}

fn only(batch: &RecordBatch, name: &str) -> ArrayRef {
    batch.column_by_name(name).unwrap().clone()
}

fn with(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, own)| {
        let own = if field.name() == name {
            column.clone()
        } else {
            own.clone()
        };
        (field.name().clone(), own, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

#[test]
fn tells_the_dissatisfied_from_the_others() {
    let model = fitted(&json!({}));
    let report = Satisfaction.evaluate(model.as_ref(), &rows(&desk(4000..5000))).unwrap();
    let metric = |name| report.metric(name).unwrap();
    // A perfect model knows all but the coin that is thrown for each row.
    assert!(metric("auroc") > 0.93, "{:?}", report.metrics);
    assert!(metric("rating_mean_absolute_error") < 0.5 && metric("expected_calibration_error") < 0.06);
    assert!(
        report
            .slices
            .iter()
            .any(|slice| slice.column == "channel" && slice.value == "phone")
    );
    let left: BTreeMap<_, _> = report.notes.iter().cloned().collect();
    assert!(left["columns left out"].starts_with("case_id:"), "{left:?}");
    assert_eq!(left["dissatisfied"], "labels that mean it: 1, 2");
}

#[test]
fn simpler_models_answer_the_same_rows() {
    let model = fitted(&json!({}));
    let report = Satisfaction.evaluate(model.as_ref(), &rows(&desk(4000..5000))).unwrap();
    let beside = report.beside.as_ref().unwrap();
    let names: Vec<&str> = beside.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["trivial", "linear", "bayes", "neighbours", "tree"]);
    let of = |metric: &str| -> Vec<f64> {
        let value = |model: &crate::metrics::SimplerFigures| {
            let metric = model.metrics.iter().find(|one| one.name == metric);
            metric.unwrap().value
        };
        beside.models.iter().map(value).collect()
    };
    let (areas, shares) = (of("auroc"), of("accuracy"));
    assert_eq!(areas[0], 0.5);
    assert!(areas[1..].iter().all(|area| *area > 0.8), "{areas:?}");
    assert!(shares[1..].iter().all(|share| *share > shares[0]), "{shares:?}");
    assert!(!beside.models[0].as_good && of("macro_f1")[0] < 0.2);
}

#[test]
fn a_stray_rating_does_not_turn_the_others_around() {
    let stray = |batch: RecordBatch| {
        let labels = only(&batch, "label");
        let labels = labels.as_primitive::<arrow::datatypes::Int64Type>().values().clone();
        let labels: Int64Array = labels
            .iter()
            .enumerate()
            .map(|(row, rating)| Some(if row == 3 { 11 } else { *rating }))
            .collect();
        with(&batch, "label", Arc::new(labels))
    };
    let model = fit_on(&stray(desk(0..500)), &desk(500..700), &json!({"rounds": 20})).unwrap();
    let report = Satisfaction.evaluate(model.as_ref(), &rows(&desk(700..900))).unwrap();
    let notes: BTreeMap<_, _> = report.notes.into_iter().collect();
    assert_eq!(notes["dissatisfied"], "labels that mean it: 1, 2");
}

#[test]
fn a_rating_that_follows_from_nothing_is_told_by_chance() {
    let shuffle = |batch: RecordBatch, by: i64| {
        let labels: Int64Array = (0..batch.num_rows() as i64)
            .map(|row| Some((row * by / 7) % 5 + 1))
            .collect();
        with(&batch, "label", Arc::new(labels))
    };
    let model = fit_on(&shuffle(desk(0..2000), 13), &shuffle(desk(2000..3000), 17), &json!({})).unwrap();
    let report = Satisfaction
        .evaluate(model.as_ref(), &rows(&shuffle(desk(3000..4000), 11)))
        .unwrap();
    let auroc = report.metrics.iter().find(|metric| metric.name == "auroc").unwrap();
    let (least, most) = auroc.interval.unwrap();
    assert!(least - 0.03 < 0.5 && 0.5 < most + 0.03, "{auroc:?}");
    if least <= 0.5 {
        let notes: BTreeMap<_, _> = report.notes.into_iter().collect();
        assert!(
            notes["beside simpler models"].starts_with("NOTHING BETTER THAN A GUESS"),
            "{notes:?}"
        );
    }
}

#[test]
fn what_is_null_or_new_is_answered() {
    let model = fitted(&json!({}));
    let asked = desk(0..3);
    let nothing = |data_type| arrow::array::new_null_array(data_type, 3);
    let schema = asked.schema();
    let mut empty = asked.clone();
    for field in schema.fields().iter().filter(|field| field.name() != "label") {
        empty = with(&empty, field.name(), nothing(field.data_type()));
    }
    let answers = low(model.as_ref(), &empty);
    assert!(answers.iter().all(|p| (0.0..=1.0).contains(p)) && answers[0] == answers[1]);
    let new: ArrayRef = Arc::new(StringArray::from(vec!["fax", "pigeon", "jane@example.com"]));
    let answers = low(model.as_ref(), &with(&asked, "channel", new));
    assert!(answers.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn reasons_add_up_and_name_what_speaks() {
    let model = fitted(&json!({"reasons": 2}));
    let asked = desk(4000..4100);
    let answers = model.predict(&asked).unwrap();
    let reasons = answers.column_by_name("reasons").unwrap().as_list::<i32>().clone();
    let all: Vec<String> = (0..100)
        .flat_map(|row| {
            let own = reasons.value(row);
            assert_eq!(own.len(), 2);
            own.as_string::<i32>()
                .iter()
                .flatten()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(
        all.iter().any(|reason| reason == "body") && all.iter().any(|reason| reason.starts_with("waiting_minutes = "))
    );
    assert!(
        !all.iter().any(|reason| reason.contains("terrible")),
        "a text is not shown"
    );
    let every = model.reasons(&asked, usize::MAX).unwrap().unwrap();
    assert!(
        every
            .iter()
            .all(|reasons| reasons.is_sorted_by(|a, b| a.weight.abs() >= b.weight.abs()))
    );
    assert!(crate::explained::Explained::new(model, 3).is_err());
}

#[test]
fn a_hand_over_misses_no_more_than_promised() {
    let model = fitted(&json!({"miss_at_most": 0.1}));
    let report = Satisfaction.evaluate(model.as_ref(), &rows(&desk(5000..8000))).unwrap();
    let miss = &report.promises.unwrap().misses[0];
    assert!(miss.threshold.possible() && miss.flagged < 0.9, "{miss:?}");
    // 95% sure, and the rows here are a sample themselves.
    assert!(miss.missed as f64 <= 0.12 * miss.rows as f64, "{miss:?}");
    let few = fit_on(&desk(0..500), &desk(500..520), &json!({"miss_at_most": 0.01})).unwrap();
    let answers = few.predict(&desk(600..620)).unwrap();
    assert_eq!(
        answers.column_by_name("hand_over").unwrap().as_boolean().true_count(),
        20
    );
}

#[test]
fn two_words_are_two_levels() {
    let words = |batch: RecordBatch| {
        let labels = only(&batch, "label");
        let labels = labels.as_primitive::<arrow::datatypes::Int64Type>().values().clone();
        let words: StringArray = labels
            .iter()
            .map(|rating| Some(if *rating < 3 { "Churned" } else { "Stayed" }))
            .collect();
        with(&batch, "label", Arc::new(words))
    };
    let (train, calibrate) = (words(desk(0..2000)), words(desk(2000..2500)));
    let error = fit_on(&train, &calibrate, &json!({})).err().unwrap();
    assert!(error.to_string().contains("labels: Churned, Stayed"), "{error}");
    assert!(fit_on(&train, &calibrate, &json!({"dissatisfied": ["Gone"]})).is_err());
    let model = fit_on(&train, &calibrate, &json!({"dissatisfied": ["Churned"]})).unwrap();
    let answers = model.predict(&words(desk(3000..3100))).unwrap();
    assert!(answers.column_by_name("rating").is_none());
    let (labels, low) = (
        answers.column(0).as_string::<i32>(),
        answers.column_by_name("dissatisfied").unwrap(),
    );
    let low = low.as_primitive::<Float64Type>();
    assert!((0..100).all(|row| (labels.value(row) == "Churned") == (low.value(row) > 0.5)));
}

#[test]
fn the_model_depends_neither_on_threads_nor_on_batches() {
    let model = fitted(&json!({"rounds": 30}));
    let asked = desk(4000..4700);
    let all = model.predict(&asked).unwrap();
    for row in [0, 255, 256, 699] {
        assert_eq!(all.slice(row, 1), model.predict(&asked.slice(row, 1)).unwrap());
    }
    let bytes = model.artifact().to_bytes().unwrap();
    assert_eq!(bytes, fitted(&json!({"rounds": 30})).artifact().to_bytes().unwrap());
    let again = Satisfaction.load(Artifact::from_bytes(&bytes, None).unwrap()).unwrap();
    assert_eq!(again.predict(&asked).unwrap(), all);
}

#[test]
fn hostile_artifacts_are_refused() {
    let model = fitted(&json!({"rounds": 5}));
    let refused = |change: &dyn Fn(&mut Artifact)| {
        let mut artifact = model.artifact();
        change(&mut artifact);
        Satisfaction.load(artifact).is_err()
    };
    assert!(!refused(&|_| ()));
    assert!(refused(&|artifact| artifact.settings["levels"]["names"] = json!(["1"])));
    assert!(refused(&|artifact| artifact.settings["objective"] = json!("binary")));
    assert!(refused(&|artifact| artifact.settings["plan"] = json!([])));
    assert!(refused(&|artifact| artifact.settings["text_scores"] = json!([])));
    assert!(refused(&|artifact| artifact.settings["kinds"] = json!(["numeric"])));
    let names: Vec<String> = model.artifact().tensors.keys().cloned().collect();
    for name in names {
        assert!(refused(&|artifact| _ = artifact.tensors.remove(&name)), "{name}");
    }
}

#[test]
fn a_recipe_says_what_is_wrong_with_it() {
    let recipe = json!({"rounds": 0, "dissatisfied": 3, "columns": {"a": "number"}, "monotone": {"a": 2},
        "miss_at_most": 7, "depth": 4});
    let problems = Satisfaction.check_recipe(&recipe).unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        keys,
        ["rounds", "miss_at_most", "dissatisfied", "columns", "monotone", "depth"]
    );
    let recipe = Satisfaction
        .check_recipe(&json!({"dissatisfied": [1, "2.0", false]}))
        .unwrap();
    assert_eq!(recipe["dissatisfied"], json!(["1", "2", "false"]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    /// Whatever the other columns say, more waiting never makes a customer happier.
    #[test]
    fn what_may_only_rise_only_rises(start in 0usize..100_000) {
        let model = fit_on(
            &desk(start..start + 800),
            &desk(start + 800..start + 1000),
            &json!({"monotone": {"waiting_minutes": 1}, "rounds": 40}),
        ).unwrap();
        let asked = desk(start..start + 20);
        let mut before = vec![0.0; 20];
        for minutes in (0..130).step_by(10) {
            let waiting: ArrayRef = Arc::new(Float64Array::from(vec![f64::from(minutes); 20]));
            let now = low(model.as_ref(), &with(&asked, "waiting_minutes", waiting));
            prop_assert!(before.iter().zip(&now).all(|(before, now)| now >= before), "{} minutes", minutes);
            before = now;
        }
    }
}

/// Customers who waited long are dissatisfied, and more often say so; the newest cases are not rated yet.
fn survey(range: std::ops::Range<usize>) -> MemoryRows {
    let rows: Vec<usize> = range.collect();
    let waited = |row: usize| draw(row, 100) as i64;
    let low = |row: usize| (draw(row + 1_000_000, 100) as i64) < waited(row);
    let asked = |row: usize| (draw(row + 2_000_000, 100) as i64) < 10 + waited(row) * 8 / 10;
    let day = |row: usize| row as i64 % 100;
    let label = |row: &usize| match asked(*row) && day(*row) < 95 {
        true => Some(if low(*row) { "bad" } else { "good" }),
        false => Some("none"),
    };
    let time = |row: &usize| Some(day(*row) * 86_400_000_000);
    let batch = RecordBatch::try_from_iter([
        (
            "label",
            Arc::new(rows.iter().map(label).collect::<StringArray>()) as arrow::array::ArrayRef,
        ),
        (
            "time",
            Arc::new(
                rows.iter()
                    .map(time)
                    .collect::<arrow::array::TimestampMicrosecondArray>(),
            ) as _,
        ),
        (
            "waited",
            Arc::new(rows.iter().map(|row| Some(waited(*row))).collect::<Int64Array>()) as _,
        ),
    ])
    .unwrap();
    MemoryRows::new(batch.schema(), vec![batch])
}

#[test]
fn ratings_are_weighed_by_who_answers_and_wait_until_they_are_in() {
    let (train, calibrate) = (survey(0..8000), survey(8000..10_000));
    let examples = crate::kind::Examples {
        model: "survey",
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
    let recipe = json!({"unanswered": "none", "maturity_days": 10, "dissatisfied": ["bad"], "rounds": 200});
    let recipe = Satisfaction.check_recipe(&recipe).unwrap();
    let model = Satisfaction.fit(&examples, &recipe, &context).unwrap().model;
    let report = Satisfaction.evaluate(model.as_ref(), &survey(10_000..20_000)).unwrap();
    let metric = |name: &str| report.metric(name).unwrap();
    // Of all customers half are dissatisfied; of those who answer 0.5 + 0.8 * 0.0833 / 0.5.
    assert!(
        (metric("dissatisfied_share") - 0.63).abs() < 0.03,
        "{:?}",
        report.metrics
    );
    assert!(
        (metric("dissatisfied_share_weighted") - 0.5).abs() < 0.03,
        "{:?}",
        report.metrics
    );
    assert!(metric("auroc_weighted") > 0.75 && metric("auroc") > 0.75);
    let note = &report.notes.iter().find(|note| note.0 == "who answers").unwrap().1;
    assert!(note.contains("last 10 days 2"), "{note}");
    let bytes = model.artifact().to_bytes().unwrap();
    let loaded = Satisfaction.load(Artifact::from_bytes(&bytes, None).unwrap()).unwrap();
    assert_eq!(loaded.artifact().to_bytes().unwrap(), bytes);
    let problems = Satisfaction
        .check_recipe(&json!({"maturity_days": 3, "leaves_max": 1}))
        .unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
}
