//! `kill -9` at many moments of a run. Whatever the moment: every alias names a version that loads, and the next run
//! ends as if nothing had happened.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{COMMAND_MAX, LOOK_EVERY, Process};
use crate::csv::quoted;
use crate::desk::Desk;

/// Desks that are killed, and kills of each before it is left in peace.
const DESKS: u32 = 4;
const KILLS: u32 = 3;

const MODELS: [&str; 2] = ["intent", "coin"];

/// What must not depend on kills: the figures of a run, and the bytes of the models it made.
#[derive(PartialEq)]
struct Outcome {
    figures: Value,
    models: Vec<Vec<u8>>,
}

impl Outcome {
    /// Runs the desk to its end.
    #[track_caller]
    fn of_run(desk: &Desk) -> Self {
        let mut figures = desk.run();
        let report = figures.as_object_mut().expect("a report is an object");
        report.retain(|name, _| ["sources", "tables", "models"].contains(&name.as_str()));
        for model in report["models"].as_object_mut().expect("models by name").values_mut() {
            // Where the report is, and whether it was this run that published, are another matter.
            let model = model.as_object_mut().expect("a model is an object");
            model.retain(|name, _| ["examples", "measured"].contains(&name.as_str()));
        }
        let artifact = |model| desk.file(&format!("registry/{model}/versions/1/model.safetensors"));
        let models = MODELS.map(|model| std::fs::read(artifact(model)).expect("version 1 is published"));
        Self {
            figures,
            models: models.to_vec(),
        }
    }
}

/// The state that a reader of the registry sees is whole: every version listed under an alias answers.
fn aliases_answer(desk: &Desk) {
    desk.write(
        "ask.csv",
        format!("text\n{}\n{}\n", quoted("where is my order"), quoted("我要退款")),
    );
    let ask = desk.file("ask.csv").display().to_string();
    for version in desk.models() {
        let model = version["model"].as_str().expect("a name");
        for alias in version["aliases"].as_array().expect("a list of names") {
            let reference = format!("{model}@{}", alias.as_str().expect("a name"));
            let answers = desk.deskmill(&["predict", &reference, "--in", &ask, "--out", "-"]).ok();
            assert_eq!(answers.stdout.lines().count(), 3, "{}", answers.stdout);
        }
    }
}

/// The desk, run once more, is as an undisturbed one.
#[track_caller]
fn ends_like(desk: &Desk, undisturbed: &Outcome) {
    let outcome = Outcome::of_run(desk);
    assert_eq!(outcome.figures, undisturbed.figures);
    assert!(
        outcome.models == undisturbed.models,
        "the same examples gave a model of other bytes"
    );
    for model in MODELS {
        assert_eq!(desk.versions(model), [(1, vec!["prod".to_owned()])], "{model}");
    }
    aliases_answer(desk);
    let plan = desk.deskmill(&["--json", "plan"]).ok().json_lines();
    let steps = plan[0]["steps"].as_array().expect("a list of steps");
    assert!(steps.iter().all(|step| step["done"] == true), "{steps:?}");
}

/// Starts a run and kills it as soon as `now` says so; false if it ended before.
fn killed_when(desk: &Desk, now: impl Fn() -> bool) -> bool {
    let mut run = Process::deskmill(desk.path(), &["--json", "run"]);
    while !now() {
        if !run.runs() {
            run.end().ok();
            return false;
        }
    }
    run.kill();
    // Without a code, it was our signal that ended it.
    run.end().code().is_none()
}

#[test]
fn a_run_killed_at_any_time_resumes_to_the_same_end() {
    let fresh = Desk::sample(300, 5);
    let undisturbed = fresh.copy();
    let started = Instant::now();
    let undisturbed = Outcome::of_run(&undisturbed);
    let whole = started.elapsed();

    let mut kills = 0;
    for number in 0..DESKS {
        let desk = fresh.copy();
        for kill in 0..KILLS {
            // Resumed runs are shorter, so the later kills of a desk come sooner after their start.
            let delay = whole * (number * KILLS + kill + 1) / (DESKS * KILLS + 1) / (kill + 1);
            let at = Instant::now() + delay;
            kills += u32::from(killed_when(&desk, || {
                std::thread::sleep(LOOK_EVERY);
                Instant::now() >= at
            }));
            aliases_answer(&desk);
        }
        ends_like(&desk, &undisturbed);
    }
    assert!(
        kills >= DESKS * KILLS / 2,
        "only {kills} runs were killed before they ended"
    );
}

#[test]
fn a_publish_killed_at_any_step_is_completed_by_the_next_run() {
    let fresh = Desk::sample(300, 6);
    let undisturbed = Outcome::of_run(&fresh);
    std::fs::remove_dir_all(fresh.file("registry")).expect("a scratch folder can be changed");
    // What a publish writes, in its order.
    let steps = [
        "versions/1/claim.json",
        "versions/1/model.safetensors",
        "versions/1/golden.parquet",
        "versions/1/manifest.json",
        "log/00000001.json",
        "log/00000002.json",
    ];
    let mut kills = 0;
    for model in MODELS {
        for step in steps {
            let desk = fresh.copy();
            let file = desk.file(&format!("registry/{model}/{step}"));
            kills += u32::from(killed_when(&desk, || appeared(&file)));
            let published = desk.file(&format!("registry/{model}/log/00000001.json")).is_file();
            assert_eq!(desk.versions(model).len(), usize::from(published), "{model}: {step}");
            aliases_answer(&desk);
            ends_like(&desk, &undisturbed);
        }
    }
    assert!(kills >= 6, "only {kills} runs were killed before they ended");
}

fn appeared(file: &Path) -> bool {
    file.exists()
}

#[test]
fn a_killed_run_holds_no_lock() {
    let desk = Desk::sample(300, 7);
    let lock = desk.file(".deskmill/run.lock");
    assert!(killed_when(&desk, || appeared(&lock)));
    let started = Instant::now();
    desk.run();
    assert!(started.elapsed() < COMMAND_MAX.min(Duration::from_secs(60)));
}

#[test]
fn two_runs_do_not_write_over_each_other() {
    let desk = Desk::sample(20, 7);
    desk.write(".deskmill/run.lock", "");
    let lock = std::fs::File::open(desk.file(".deskmill/run.lock")).expect("it was just written");
    lock.lock().expect("nobody else has it");
    let refused = desk.deskmill(&["run"]).with_code(2);
    assert!(
        refused.stderr.contains("another run is at work in this folder"),
        "{}",
        refused.stderr
    );
    assert!(!desk.file(".deskmill/raw").exists(), "it went to work all the same");
}
