//! How fast cases are assigned and trees answer, in process: 200 waiting cases and 200 free agents, with what is to be expected
//! of all 40,000 pairs; one row; and batches. Learns a simulated desk.
//! `cargo bench -p deskmill-models --bench assign`; it prints, it does not judge.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::any::Any;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use deskmill_models::kind::{Examples, FitContext, Kind, Model};
use deskmill_models::routing::assign::{AssignRequest, FreeAgent, WaitingCase};
use deskmill_models::routing::{Routing, RoutingModel};
use deskmill_models::rows::MemoryRows;
use serde_json::json;

const SIDE: usize = 200;
const ROUNDS: usize = 50;
const TOPICS: [&str; 4] = ["parcel", "password", "invoice", "refund"];

/// A number below `below` that depends on a place and a salt alone (SplitMix64).
fn draw(at: usize, salt: u64, below: usize) -> usize {
    let z = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % below as u64) as usize
}

fn texts(rows: &[usize], of: &dyn Fn(usize) -> String) -> ArrayRef {
    Arc::new(rows.iter().map(|row| Some(of(*row))).collect::<StringArray>())
}

fn cases(rows: &[usize]) -> Vec<(&'static str, ArrayRef)> {
    let topic = |row: usize| TOPICS[draw(row, 1, 4)];
    let age = rows
        .iter()
        .map(|row| Some(draw(*row, 2, 90) as f64))
        .collect::<Float64Array>();
    vec![
        (
            "channel",
            texts(rows, &|row| ["mail", "chat", "phone"][draw(row, 3, 3)].to_owned()),
        ),
        ("age", Arc::new(age)),
        (
            "body",
            texts(rows, &|row| {
                format!("hello, my {} number {row} is not what i ordered", topic(row))
            }),
        ),
    ]
}

fn desk(range: std::ops::Range<usize>) -> MemoryRows {
    let rows: Vec<usize> = range.collect();
    let numbers = |of: &dyn Fn(usize) -> f64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(of(*row))).collect::<Float64Array>())
    };
    let agent = |row: usize| draw(row, 4, SIDE);
    let topic = |row: usize| draw(row, 1, 4);
    let mut columns = vec![("label", texts(&rows, &|row| TOPICS[topic(row)].to_owned()))];
    columns.append(&mut cases(&rows));
    columns.push(("agent_id", texts(&rows, &|row| format!("a{}", agent(row)))));
    let handle = |row: usize| 60.0 * (1 + agent(row) % 7 + topic(row)) as f64 + draw(row, 5, 60) as f64;
    columns.push(("handle_s", numbers(&handle)));
    let good = |row: usize| f64::from(u8::from(draw(row, 6, 10) > (agent(row) + topic(row)) % 5));
    columns.push(("outcome", numbers(&good)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    MemoryRows::new(batch.schema(), vec![batch])
}

fn main() {
    // `cargo test --benches` runs this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (train, calibrate) = (desk(0..20_000), desk(20_000..24_000));
    let examples = Examples {
        model: "routing",
        train: &train,
        calibrate: &calibrate,
    };
    let context = FitContext {
        seed: 7,
        threads: 2,
        memory_max_bytes: 1 << 30,
        progress: &|_, _| (),
        encoder: None,
    };
    let recipe = Routing.check_recipe(&json!({ "agent": "agent_id" })).unwrap();
    let model = Routing.fit(&examples, &recipe, &context).unwrap().model;
    let routing = (model.as_ref() as &dyn Any).downcast_ref::<RoutingModel>().unwrap();
    let waiting: Vec<usize> = (100_000..100_000 + SIDE).collect();
    let waiting = RecordBatch::try_from_iter(cases(&waiting)).unwrap();
    let agents: Vec<usize> = (0..SIDE).collect();
    let agents = RecordBatch::try_from_iter([("agent_id", texts(&agents, &|row| format!("a{row}")))]).unwrap();
    let pairs = times(&|| _ = black_box(routing.pairs(&waiting, &agents).unwrap()));
    println!(
        "what is to be expected of {SIDE} x {SIDE} pairs: p50 {:.1} ms, most {:.1} ms",
        pairs.0, pairs.1
    );
    let request = request();
    let all = times(&|| _ = black_box(routing.assign(&request, &waiting, &agents).unwrap()));
    println!(
        "the whole assignment: p50 {:.1} ms, most {:.1} ms (target: under 20 ms)",
        all.0, all.1
    );
    one_and_many(routing, &waiting);
}

/// Median and maximum of some rounds, in milliseconds.
fn times(work: &dyn Fn()) -> (f64, f64) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    (times[ROUNDS / 2], times[ROUNDS - 1])
}

fn request() -> AssignRequest {
    AssignRequest {
        id: "bench".into(),
        cases: (0..SIDE)
            .map(|at| WaitingCase {
                id: format!("c{at}"),
                skills: vec![["returns", "billing"][at % 2].to_owned()],
                language: Some(["en", "zh", "de"][at % 3].to_owned()),
                waited_s: draw(at, 7, 300) as f64,
                service_level_s: 120.0,
                priority: 1.0,
            })
            .collect(),
        agents: (0..SIDE)
            .map(|at| FreeAgent {
                id: format!("a{at}"),
                skills: vec!["returns".to_owned(), "billing".to_owned()],
                languages: vec!["en".to_owned(), ["zh", "de"][at % 2].to_owned()],
                capacity: 1,
                taken_today: draw(at, 8, 30) as u32,
                cap_today: None,
            })
            .collect(),
    }
}

/// One row at a time, and all of them together.
fn one_and_many(model: &dyn Model, rows: &RecordBatch) {
    let rows = deskmill_models::rows::conform(model.signature(), &with_agent(rows)).unwrap();
    let single = rows.slice(0, 1);
    let one = times(&|| _ = black_box(model.predict(&single).unwrap()));
    let many = times(&|| _ = black_box(model.predict(&rows).unwrap()));
    println!("one row, with its text: p50 {:.1} us", one.0 * 1e3);
    println!(
        "{SIDE} rows, with their texts: {:.0} rows/s",
        SIDE as f64 / many.0 * 1e3
    );
}

fn with_agent(rows: &RecordBatch) -> RecordBatch {
    let names = texts(&(0..rows.num_rows()).collect::<Vec<usize>>(), &|row| format!("a{row}"));
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let columns = columns.map(|(field, column)| (field.name().clone(), column.clone()));
    RecordBatch::try_from_iter(columns.chain([("agent_id".to_owned(), names)])).unwrap()
}
