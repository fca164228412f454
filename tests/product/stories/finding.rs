//! What a story finds.

use cucumber::gherkin::Step;
use cucumber::then;
use serde_json::Value;

use super::{BEFORE_LONG, QUESTION, Story, table};
use crate::command::wait_for;
use crate::desk::Desk;

#[then("the run ends well")]
fn ends_well(story: &mut Story) {
    let run = story.last();
    assert_eq!(run.code(), Some(0), "{}\n{}", run.stdout, run.stderr);
}

#[then("the run ends with a refusal")]
fn ends_with_refusal(story: &mut Story) {
    let run = story.last();
    assert_eq!(run.code(), Some(1), "{}\n{}", run.stdout, run.stderr);
}

#[then(expr = "the refusal says {string}")]
fn refusal_says(story: &mut Story, what: String) {
    assert!(story.last().stderr.contains(&what), "{}", story.last().stderr);
}

#[then(expr = "the refusal says {string} was not met")]
fn check_not_met(story: &mut Story, what: String) {
    let lines = story.last().json_lines();
    let report = &lines.last().expect("a run says something")["report"];
    let checks = report["models"]["intent"]["published"]["decision"]["checks"]
        .as_array()
        .expect("a list of checks");
    let check = checks.iter().find(|check| check["what"] == what.as_str());
    assert_eq!(check.expect("the check is listed")["passed"], false, "{checks:?}");
}

#[then("every stage was skipped")]
fn all_skipped(story: &mut Story) {
    let lines = story.last().json_lines();
    let stages: Vec<&Value> = lines.iter().filter(|line| line["event"] == "stage").collect();
    assert!(stages.len() > 10, "{stages:?}");
    assert!(stages.iter().all(|stage| stage["skipped"] == true), "{stages:?}");
}

#[then(expr = "{string} of the model {string} is version {int}")]
fn alias_is(story: &mut Story, alias: String, model: String, version: u64) {
    assert_eq!(alias, "prod");
    assert_eq!(story.prod(&model), Some(version));
}

#[then(expr = "the model {string} has no {string}")]
fn alias_is_not(story: &mut Story, model: String, alias: String) {
    assert_eq!(alias, "prod");
    assert_eq!(story.prod(&model), None);
}

#[then(expr = "the model {string} has {int} version(s)")]
fn has_versions(story: &mut Story, model: String, count: usize) {
    assert_eq!(story.desk().versions(&model).len(), count);
}

#[then("nothing was published")]
fn nothing_published(story: &mut Story) {
    assert_eq!(story.desk().models(), Vec::<Value>::new());
}

#[then(expr = "it is answered by version {int}")]
fn answered_by(story: &mut Story, version: u64) {
    let reply = story.reply.as_ref().expect("a program asks first");
    assert_eq!(
        (reply.status, reply.header("deskmill-version")),
        (200, version.to_string().as_str()),
        "{}",
        reply.body
    );
}

#[then("the answer is accepted")]
fn accepted(story: &mut Story) {
    assert_eq!(is_accepted(story), true);
}

#[then("the answer is not accepted")]
fn not_accepted(story: &mut Story) {
    assert_eq!(is_accepted(story), false);
}

fn is_accepted(story: &Story) -> serde_json::Value {
    let reply = story.reply.as_ref().expect("a program asks first");
    reply.json()["predictions"][0]["accepted"].clone()
}

#[then("the second is at least as likely to be dissatisfied as the first")]
fn second_is_likelier(story: &mut Story) {
    let predictions = predictions(story);
    let [first, second] = [0, 1].map(|row| predictions[row]["dissatisfied"].as_f64().expect("a probability"));
    assert!((0.0..=1.0).contains(&first) && second >= first, "{first} {second}");
}

#[then("the answers say why")]
fn answers_say_why(story: &mut Story) {
    let predictions = predictions(story);
    for row in [0, 1] {
        assert!(
            !predictions[row]["reasons"].as_array().expect("reasons").is_empty(),
            "{predictions}"
        );
    }
}

#[then(expr = "the robot shows a passage of the page {string}")]
fn shows_a_passage(story: &mut Story, page: String) {
    let answer = predictions(story)[0].clone();
    let link = answer["links"][0].as_str().expect("a link");
    assert!(link.ends_with(&page) && answer["label"] == link, "{answer}");
    assert!(
        !answer["passages"][0].as_str().expect("a passage").is_empty(),
        "{answer}"
    );
}

#[then("it says whether to answer, to ask back or to hand over")]
fn says_what_to_do(story: &mut Story) {
    let action = predictions(story)[0]["action"].clone();
    let action = action.as_str().expect("an action");
    assert!(["answer", "ask_back", "hand_over"].contains(&action), "{action}");
}

#[then("each of the two agents has one case, with the reason and what else there was")]
fn agents_have_cases(story: &mut Story) {
    let reply = story.reply.as_ref().expect("cases wait first").json();
    let assigned = reply["assigned"].as_array().expect("cases with agents");
    let agents: std::collections::BTreeSet<&str> = assigned.iter().filter_map(|one| one["agent"].as_str()).collect();
    assert_eq!((assigned.len(), agents.len()), (2, 2), "{reply}");
    for one in assigned {
        assert!(!one["why"].as_str().expect("a reason").is_empty(), "{reply}");
        assert!(one["cost"]["handle"].as_f64().expect("seconds") > 0.0, "{reply}");
        assert_eq!(
            (one["alternatives"].as_array().map(Vec::len), &one["propensity"]),
            (Some(1), &1.0.into()),
            "{reply}"
        );
    }
    assert!(
        reply["policy"].as_str().expect("a policy").contains("ageing_s"),
        "{reply}"
    );
}

#[then("one case is left, because the agents are needed for the others")]
fn one_is_left(story: &mut Story) {
    let reply = story.reply.as_ref().expect("cases wait first").json();
    assert_eq!(
        (&reply["left"][0]["reason"], &reply["left"][1]),
        (&"outweighed".into(), &Value::Null),
        "{reply}"
    );
}

#[then(expr = "the case is left, because nobody speaks {string}")]
fn nobody_speaks(story: &mut Story, language: String) {
    let reply = story.reply.as_ref().expect("a case waits first").json();
    assert_eq!(reply["left"][0]["reason"], "no_language", "{reply}");
    assert!(
        reply["left"][0]["why"].as_str().expect("a reason").contains(&language),
        "{reply}"
    );
}

fn predictions(story: &Story) -> Value {
    let reply = story.reply.as_ref().expect("a program asks first");
    reply.json()["predictions"].clone()
}

#[then(expr = "before long a program is answered by version {int}")]
fn soon_answered_by(story: &mut Story, version: u64) {
    let version = version.to_string();
    wait_for("the version to be swapped in", BEFORE_LONG, || {
        let reply = story.server().ask("", QUESTION).with_status(200);
        (reply.header("deskmill-version") == version).then_some(())
    });
}

#[then(expr = "version {int} still answers when it is asked for by its number")]
#[then(expr = "before long version {int} answers when it is asked for by its number")]
fn answers_by_number(story: &mut Story, version: u64) {
    wait_for("the version to be loaded", BEFORE_LONG, || {
        let reply = story.server().ask(&format!("/versions/{version}"), QUESTION);
        (reply.status == 200 && reply.header("deskmill-version") == version.to_string()).then_some(())
    });
}

#[then("these questions are understood")]
fn understood(story: &mut Story, step: &Step) {
    for row in table(step) {
        assert_eq!(story.server().label(&row[1]), row[2], "{row:?}");
    }
}

#[then(
    expr = "the model {string} is right in at least {int} percent of the English and of the Chinese questions held back"
)]
fn right_in_both(story: &mut Story, model: String, percent: u32) {
    let report = story.desk().read(&format!("registry/{model}/versions/1/report.json"));
    let report: Value = serde_json::from_str(&report).expect("a report is JSON");
    let slices = report["slices"].as_array().expect("a list of slices");
    for language in ["en", "zh"] {
        let slice = slices
            .iter()
            .find(|slice| slice["column"] == "language" && slice["value"] == language);
        let score = slice
            .and_then(|slice| slice["score"].as_f64())
            .expect("the language is a slice with a score");
        assert!(score >= f64::from(percent) / 100.0, "{language}: {score}");
    }
}

#[then(expr = "the history of {string} is")]
fn history_is(story: &mut Story, step: &Step, model: String) {
    let entries = story
        .desk()
        .deskmill(&["--json", "models", "history", &model])
        .ok()
        .json_lines();
    let row = |entry: &Value| {
        let (what, about) = entry["action"]
            .as_object()
            .and_then(|action| action.iter().next())
            .expect("one action");
        vec![
            what.clone(),
            about["version"].to_string(),
            entry["why"].as_str().unwrap_or_default().to_owned(),
        ]
    };
    assert_eq!(entries.iter().map(row).collect::<Vec<_>>(), table(step));
    assert!(
        entries
            .iter()
            .all(|entry| entry["who"].is_string() && entry["at"].is_string()),
        "{entries:?}"
    );
}

#[then("every row of every source is a row of its table, a duplicate or a reject")]
fn rows_add_up(story: &mut Story) {
    let report = story.desk().last_run();
    let count = |facts: &Value, name: &str| facts[name].as_u64().unwrap_or_else(|| panic!("no {name} in {facts}"));
    for (table, source) in [
        ("tickets", "tickets"),
        ("customers", "customers"),
        ("orders", "orders"),
        ("turns", "chats"),
    ] {
        let (source, table) = (&report["sources"][source], &report["tables"][table]);
        let (kept, duplicates, rejects) = (
            count(table, "kept"),
            count(table, "duplicates"),
            count(table, "rejects"),
        );
        assert_eq!(count(source, "rows"), kept + duplicates + rejects, "{source} {table}");
    }
}

#[then("these tickets are put aside")]
fn put_aside(story: &mut Story, step: &Step) {
    let rejects = rejects(story.desk());
    for wanted in table(step) {
        let found = rejects.iter().any(|reject| {
            let is = |name: &str, value: &String| value.is_empty() || reject[name] == value.as_str();
            let raw = reject["raw"].as_str().unwrap_or_default();
            raw.contains(&wanted[0]) && is("rule", &wanted[1]) && is("column", &wanted[2]) && is("value", &wanted[3])
        });
        assert!(found, "{wanted:?} is not among {rejects:#?}");
    }
}

#[then(expr = "{int} rows are mended, and there are {int} rejects fewer")]
fn mended(story: &mut Story, mends: u64, fewer: usize) {
    let (said, gone) = story.replayed.as_ref().expect("something is replayed first");
    assert_eq!((&said["mends"]["new"], *gone), (&mends.into(), fewer), "{said}");
}

#[then("each of these tickets is in the table once")]
fn in_the_table_once(story: &mut Story, step: &Step) {
    for row in table(step) {
        let query = format!("select body from tickets where ticket_id = '{}'", row[0]);
        let found = story.desk().deskmill(&["--json", "sql", &query]).ok().json_lines();
        assert_eq!(found.len(), 1, "{row:?}: {found:?}");
        assert_eq!(found[0]["body"], row[1].as_str());
    }
}

#[then(expr = "the model {string} is said to be older than its {string}")]
fn is_stale(story: &mut Story, model: String, table: String) {
    assert_eq!(stale(story.desk(), &model), serde_json::json!([table]));
    let (said, _) = story.replayed.as_ref().expect("something is replayed first");
    assert!(
        said["stale"]
            .as_array()
            .is_some_and(|all| all.iter().any(|stale| stale["model"] == model.as_str())),
        "{said}"
    );
}

#[then(expr = "the model {string} is up to date")]
fn is_not_stale(story: &mut Story, model: String) {
    assert_eq!(stale(story.desk(), &model), serde_json::json!([]));
}

/// What changed since the version of a model under `prod` was made.
fn stale(desk: &Desk, model: &str) -> Value {
    let is_prod = |version: &Value| {
        version["aliases"]
            .as_array()
            .is_some_and(|names| names.iter().any(|name| name == "prod"))
    };
    let versions = desk.models();
    let prod = versions
        .iter()
        .find(|version| version["model"] == model && is_prod(version));
    prod.expect("a version is `prod`")["stale"].clone()
}

#[then("every reject names its file, its line and what to do")]
fn rejects_have_places(story: &mut Story) {
    let rejects = rejects(story.desk());
    for reject in &rejects {
        let is_text = |name: &str| reject[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(
            is_text("file") && is_text("hint") && reject["line"].as_i64() > Some(1),
            "{reject}"
        );
    }
}

pub(super) fn rejects(desk: &Desk) -> Vec<Value> {
    desk.deskmill(&["--json", "rejects", "show", "tickets", "--limit", "1000"])
        .ok()
        .json_lines()
}

#[then(expr = "the lineage of {string} names these")]
fn lineage_names(story: &mut Story, version: String, step: &Step) {
    let shown = story.desk().deskmill(&["lineage", &version]).ok().stdout;
    for row in table(step) {
        assert!(shown.contains(&row[0]), "no `{}` in\n{shown}", row[0]);
    }
}

#[then(expr = "a row of {string} from a file like {string} is found in its file at the line that is said")]
fn found_at_its_line(story: &mut Story, name: String, file: String) {
    let desk = story.desk();
    let query = format!("select _row from raw.{name} where _file like '{file}' order by _row desc limit 1");
    let row = &desk.deskmill(&["--json", "sql", &query]).ok().json_lines()[0]["_row"];
    let said = desk
        .deskmill(&["--json", "lineage", &name, "--row", &row.to_string()])
        .ok();
    let said = &said.json_lines()[0];
    let path = said["file"]["path"].as_str().expect("a path");
    let bytes = std::fs::read(desk.file(path)).expect("the file is there");
    let line = said["line"].as_u64().expect("a number");
    let found = bytes
        .split(|byte| *byte == b'\n')
        .nth(line as usize - 1)
        .expect("the file has this line");
    // Numbers of tickets are ASCII in every encoding.
    let ticket = said["fields"]["ticket_id"].as_str().expect("the row is a ticket");
    assert!(
        found.windows(ticket.len()).any(|part| part == ticket.as_bytes()),
        "{said}"
    );
}
