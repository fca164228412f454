//! How fast the intent model answers, in process and through `Model::predict`: one text at a time, and in batches on one
//! and two threads. Learns BANKING77 from the folder named by `DESKMILL_DATA` with the default recipe.
//! `cargo bench -p deskmill-models --bench predict`; it prints, it does not judge.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, StringArray};
use deskmill_models::kind::{Examples, FitContext, Kind, Model, Rows};
use deskmill_models::rows::MemoryRows;
use serde_json::{Value, json};

/// Every tenth text is asked and not learned.
const ASKED_EVERY: usize = 10;
const BATCH_ROWS: usize = 1_000;
const MEASURE: Duration = Duration::from_secs(2);

fn main() {
    // `cargo test --benches` runs this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Some(folder) = std::env::var_os("DESKMILL_DATA") else {
        eprintln!("!! SKIPPED: set DESKMILL_DATA to the folder of the data sets");
        return;
    };
    let questions = read(&Path::new(&folder).join("banking77/train.csv"));
    let pick = |wanted: &dyn Fn(usize) -> bool| -> Vec<&(String, String)> {
        let numbered = questions.iter().enumerate();
        numbered.filter(|(at, _)| wanted(*at)).map(|(_, row)| row).collect()
    };
    let train = rows(&pick(&|at| at % ASKED_EVERY > 1));
    let calibrate = rows(&pick(&|at| at % ASKED_EVERY == 1));
    let asked = pick(&|at| at % ASKED_EVERY == 0);
    for recipe in [json!({}), json!({"quantise": true})] {
        measure(&train, &calibrate, &asked, &recipe);
    }
}

fn measure(train: &MemoryRows, calibrate: &MemoryRows, asked: &[&(String, String)], recipe: &Value) {
    let kind = deskmill_models::KINDS
        .iter()
        .find(|kind| kind.about().name == "intent")
        .unwrap();
    let started = Instant::now();
    let model = fit(*kind, train, calibrate, recipe);
    println!("recipe {recipe}: fit {:.2} s", started.elapsed().as_secs_f64());
    let size = model.artifact().to_bytes().unwrap().len();
    let accuracy = kind
        .evaluate(model.as_ref(), &rows(asked))
        .unwrap()
        .metric("accuracy")
        .unwrap();
    println!("  artifact {:.1} MB, accuracy {accuracy:.4}", size as f64 / 1e6);

    let singles: Vec<RecordBatch> = asked.iter().map(|row| texts(&[&row.0])).collect();
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < MEASURE {
        for single in &singles {
            let asked_at = Instant::now();
            black_box(model.predict(black_box(single)).unwrap());
            times.push(asked_at.elapsed());
        }
    }
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 1000].as_secs_f64() * 1e6;
    println!(
        "  one text: p50 {:.1} us, p95 {:.1} us, p99.9 {:.1} us",
        at(500),
        at(950),
        at(999)
    );

    let batches: Vec<RecordBatch> = asked
        .chunks(BATCH_ROWS)
        .filter(|part| part.len() == BATCH_ROWS)
        .map(|part| texts(&part.iter().map(|row| row.0.as_str()).collect::<Vec<_>>()))
        .collect();
    println!(
        "  batches of {BATCH_ROWS}: {:.0} rows/s",
        rate(model.as_ref(), &batches)
    );
    let small: Vec<RecordBatch> = (0..BATCH_ROWS / 100)
        .map(|at| batches[0].slice(at * 100, 100))
        .collect();
    println!(
        "  batches of 100 (one thread): {:.0} rows/s",
        rate(model.as_ref(), &small)
    );
}

/// Rows a second of `predict` over `batches`, again and again.
fn rate(model: &dyn Model, batches: &[RecordBatch]) -> f64 {
    let mut count = 0;
    let started = Instant::now();
    while started.elapsed() < MEASURE {
        for batch in batches {
            count += black_box(model.predict(black_box(batch)).unwrap()).num_rows();
        }
    }
    count as f64 / started.elapsed().as_secs_f64()
}

fn fit(kind: &dyn Kind, train: &dyn Rows, calibrate: &dyn Rows, recipe: &Value) -> Box<dyn Model> {
    let recipe = kind.check_recipe(recipe).unwrap();
    let context = FitContext {
        seed: 7,
        threads: 2,
        memory_max_bytes: 1 << 30,
        progress: &|_, _| (),
        encoder: None,
    };
    let examples = Examples {
        model: "intent",
        train,
        calibrate,
    };
    kind.fit(&examples, &recipe, &context).unwrap().model
}

fn texts(texts: &[&str]) -> RecordBatch {
    let text = StringArray::from(texts.to_vec());
    RecordBatch::try_from_iter([("text", Arc::new(text) as _)]).unwrap()
}

fn rows(questions: &[&(String, String)]) -> MemoryRows {
    let text: StringArray = questions.iter().map(|row| Some(row.0.as_str())).collect();
    let label: StringArray = questions.iter().map(|row| Some(row.1.as_str())).collect();
    let batch = RecordBatch::try_from_iter([("text", Arc::new(text) as _), ("label", Arc::new(label) as _)]).unwrap();
    MemoryRows::new(batch.schema(), vec![batch])
}

fn read(path: &Path) -> Vec<(String, String)> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader
        .records()
        .map(|row| row.map(|row| (row[0].to_owned(), row[1].to_owned())).unwrap())
        .collect()
}
