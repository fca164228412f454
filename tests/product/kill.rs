//! `kill -9` at many moments of a run. Whatever the moment: every alias names a version that loads, and the next run
//! ends as if nothing had happened.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::command::{COMMAND_MAX, Process};
use crate::csv::quoted;
use crate::desk::Desk;
use crate::mixed::{day, left, mixed, same};

/// Desks that are killed, and kills of each on each of its two days before it is left in peace.
const DESKS: usize = 5;
const KILLS: usize = 5;
/// The seed of the moments; set to repeat a failure.
const SEED: &str = "DESKMILL_KILL_SEED";

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

/// Random moments (splitmix64); tells its seed if the test fails.
struct Moments {
    seed: u64,
    state: u64,
}

impl Moments {
    fn new() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is right");
        let given = std::env::var(SEED)
            .ok()
            .map(|seed| seed.parse().expect("a seed is a number"));
        let seed = given.unwrap_or(since.as_nanos() as u64);
        Self { seed, state: seed }
    }

    /// A moment before `end`.
    fn before(&mut self, end: Duration) -> Duration {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        end.mul_f64(((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

impl Drop for Moments {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat this: {SEED}={}", self.seed);
        }
    }
}

/// Kills a run after a while; gives the stage of the last step that it told to be done, or nothing if it ended before.
fn killed_after(desk: &Desk, delay: Duration) -> Option<String> {
    let mut run = Process::deskmill(desk.path(), &["--json", "run"]);
    std::thread::sleep(delay);
    run.kill();
    let ended = run.end();
    if ended.code().is_some() {
        ended.ok();
        return None;
    }
    let told = ended
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut stages = told.filter(|event| event["event"] == "stage" && event["skipped"] == false);
    let last = stages
        .next_back()
        .and_then(|event| Some(event["stage"].as_str()?.to_owned()));
    Some(last.unwrap_or_else(|| "start".to_owned()))
}

/// Kills runs of a desk so often, each at a moment of its own, then leaves it in peace; notes where it was killed.
fn kill_and_end(desk: &Desk, whole: Duration, moments: &mut Moments, at: &mut BTreeMap<String, usize>) {
    let mut kills = 0;
    let mut rest = whole;
    while kills < KILLS {
        match killed_after(desk, moments.before(rest)) {
            Some(stage) => {
                kills += 1;
                *at.entry(stage).or_default() += 1;
                // A resumed run has less to do.
                rest = rest.mul_f64(0.9);
            }
            None => rest = rest.mul_f64(0.5),
        }
    }
    desk.run();
}

#[test]
fn fifty_runs_killed_at_random_end_with_the_same_bytes() {
    let fresh = mixed(80, 5);
    let undisturbed = fresh.copy();
    let started = Instant::now();
    undisturbed.run();
    let (whole, first) = (started.elapsed(), left(&undisturbed));
    day(&undisturbed, 2);
    undisturbed.run();
    let second = left(&undisturbed);
    assert_ne!(first, second, "the second day brings nothing");

    let (mut moments, mut at) = (Moments::new(), BTreeMap::new());
    for _ in 0..DESKS {
        let desk = fresh.copy();
        kill_and_end(&desk, whole, &mut moments, &mut at);
        same(&left(&desk), &first);
        day(&desk, 2);
        kill_and_end(&desk, whole, &mut moments, &mut at);
        same(&left(&desk), &second);
        for model in MODELS {
            assert_eq!(desk.versions(model), undisturbed.versions(model), "{model}");
        }
        aliases_answer(&desk);
    }
    eprintln!("killed behind: {at:?}");
    assert_eq!(at.values().sum::<usize>(), 2 * DESKS * KILLS);
    assert!(at.len() >= 3, "the kills are not spread over the stages: {at:?}");
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
