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
    let models = report.beside.unwrap().models;
    let accuracy: Vec<f64> = models.iter().map(|one| one.metrics[0].value).collect();
    assert!(
        models.len() == 5 && accuracy[1..].iter().all(|one| *one > accuracy[0] + 0.1),
        "{accuracy:?}"
    );
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

/// The desk with agents: one is quick, one speaks to customers of the app well, and the text has a say in both.
fn with_agents(range: std::ops::Range<usize>) -> RecordBatch {
    let cases = desk(range.clone());
    let agent = |row: usize| draw(row + 5_000_000, 3);
    let text = cases.column_by_name("body").unwrap().as_string::<i32>().clone();
    let product = cases.column_by_name("product").unwrap().as_string::<i32>().clone();
    let first = range.start;
    let handle = |row: usize| {
        let slow = if text.value(row - first).contains("password") {
            2.0
        } else {
            1.0
        };
        let noise = (draw(row + 6_000_000, 1000) as f64 / 1000.0 - 0.5) * 0.6;
        100.0 * slow * (agent(row) as f64 * 0.5 + noise).exp()
    };
    let good = |row: usize| {
        let likely = if agent(row) == 2 && product.value(row - first) == "app" {
            9
        } else {
            3
        };
        draw(row + 7_000_000, 10) < likely
    };
    let rows: Vec<usize> = range.collect();
    let known = |row: usize| !row.is_multiple_of(7);
    let mut columns: Vec<(String, arrow::array::ArrayRef)> = cases
        .schema()
        .fields()
        .iter()
        .zip(cases.columns())
        .map(|(field, column)| (field.name().clone(), column.clone()))
        .collect();
    let agents = rows
        .iter()
        .map(|row| Some(["ann", "bob", "eve"][agent(*row)]))
        .collect::<StringArray>();
    let times = rows
        .iter()
        .map(|row| known(*row).then(|| handle(*row)))
        .collect::<arrow::array::Float64Array>();
    let outcomes = rows
        .iter()
        .map(|row| Some(good(*row)))
        .collect::<arrow::array::BooleanArray>();
    columns.push(("agent_id".into(), Arc::new(agents)));
    columns.push(("handle_s".into(), Arc::new(times)));
    columns.push(("outcome".into(), Arc::new(outcomes)));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn fitted_with_agents(recipe: Value) -> Box<dyn Model> {
    let (train, calibrate) = (rows(&with_agents(0..3000)), rows(&with_agents(3000..4000)));
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
    let recipe = Routing.check_recipe(&recipe).unwrap();
    Routing.fit(&examples, &recipe, &context).unwrap().model
}

#[test]
fn times_and_outcomes_of_each_agent_are_learned_and_the_queue_does_not_see_them() {
    let model = fitted_with_agents(json!({"agent": "agent_id", "rounds": 60}));
    let report = Routing
        .evaluate(model.as_ref(), &rows(&with_agents(4000..6000)))
        .unwrap();
    let metric = |name: &str| report.metric(name).unwrap();
    // The noise is uniform over 0.6: its variance is 0.03, and that of agent and text 0.287.
    assert!(metric("handle_log_r2") > 0.85, "{:?}", report.metrics);
    assert!(metric("outcome_auroc") > 0.6, "{:?}", report.metrics);
    assert!(metric("accuracy") > 0.8, "{:?}", report.metrics);
    let of_queue = model.signature().inputs.iter().map(|input| input.name.as_str());
    let of_queue: Vec<&str> = of_queue.collect();
    assert!(!of_queue.contains(&"handle_s") && !of_queue.contains(&"outcome"));
    let note = &report.notes.iter().find(|note| note.0 == "handling time").unwrap().1;
    let shares: Vec<f64> = note
        .split('%')
        .filter_map(|part| part.rsplit(' ').next()?.parse().ok())
        .collect();
    assert!(
        (45.0..=55.0).contains(&shares[0]) && (86.0..=94.0).contains(&shares[3]),
        "{note}"
    );
}

#[test]
fn pairs_are_what_predict_answers_to_rows_put_together() {
    for leaves in [15, 200] {
        let model =
            fitted_with_agents(json!({"agent": "agent_id", "rounds": 20, "leaves_max": leaves, "leaf_rows_min": 2}));
        let bytes = model.artifact().to_bytes().unwrap();
        let loaded = Routing.load(Artifact::from_bytes(&bytes, None).unwrap()).unwrap();
        assert_eq!(loaded.artifact().to_bytes().unwrap(), bytes);
        let routing = (loaded.as_ref() as &dyn std::any::Any)
            .downcast_ref::<RoutingModel>()
            .unwrap();
        let cases = desk(9000..9019);
        let names = StringArray::from(vec![Some("eve"), Some("ann"), None, Some("a new one"), Some("bob")]);
        let agents =
            RecordBatch::try_from_iter_with_nullable([("agent_id", Arc::new(names.clone()) as _, true)]).unwrap();
        let pairs = routing.pairs(&cases, &agents).unwrap();
        assert_eq!(pairs.handle_s.len(), 19 * 5);
        for case in 0..19 {
            for agent in 0..5 {
                let row = cases.slice(case, 1);
                let own = Arc::new(names.slice(agent, 1)) as arrow::array::ArrayRef;
                let schema = row.schema();
                let columns = schema.fields().iter().zip(row.columns());
                let columns = columns.map(|(field, column)| (field.name().clone(), column.clone(), true));
                let row = columns.chain([("agent_id".to_owned(), own, true)]);
                let answer = loaded
                    .predict(&RecordBatch::try_from_iter_with_nullable(row).unwrap())
                    .unwrap();
                let number = |name: &str| {
                    let column = answer.column_by_name(name).unwrap();
                    column.as_primitive::<arrow::datatypes::Float64Type>().value(0)
                };
                let pair = case * 5 + agent;
                assert_eq!(pairs.handle_s[pair].to_bits(), number("handle_s_p50").to_bits());
                assert_eq!(pairs.outcome[pair].to_bits(), number("good_outcome").to_bits());
                assert!(number("handle_s_p90") >= number("handle_s_p50"));
            }
        }
    }
}

#[test]
fn recipes_of_agents_are_checked_as_a_whole() {
    let problems = Routing
        .check_recipe(&json!({"agent": 3, "assign": {"ageing_s": -1}, "agent_columns": "x"}))
        .unwrap_err();
    assert_eq!(problems.len(), 3, "{problems:?}");
    let problems = Routing.check_recipe(&json!({"assign": {"cost": 1}})).unwrap_err();
    assert_eq!(problems.len(), 2, "an unknown key, and no agent: {problems:?}");
    let (train, calibrate) = (rows(&desk(0..300)), rows(&desk(300..400)));
    let examples = crate::kind::Examples {
        model: "routing",
        train: &train,
        calibrate: &calibrate,
    };
    let context = FitContext {
        seed: 7,
        threads: 1,
        memory_max_bytes: 1 << 28,
        progress: &|_, _| (),
        encoder: None,
    };
    let recipe = Routing.check_recipe(&json!({"agent": "who"})).unwrap();
    let error = Routing.fit(&examples, &recipe, &context).err().unwrap();
    assert!(error.to_string().contains("`who`"), "{error}");
}
