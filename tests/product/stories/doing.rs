//! What is given and done in a story.

use cucumber::gherkin::Step;
use cucumber::{given, when};
use serde_json::Value;

use super::finding::rejects;
use super::{Story, table};
use crate::desk::Desk;
use crate::server::Server;

/// The rejects that a person mends.
const MENDED: &str = "mended.jsonl";

#[given(expr = "a desk with {int} cases")]
fn a_desk(story: &mut Story, cases: u64) {
    story.desk = Some(Desk::sample(cases, 3));
}

#[given(expr = "a desk with {int} cases, of which the latest third has not come in yet")]
fn a_desk_with_tickets_missing(story: &mut Story, cases: u64) {
    let desk = Desk::sample(cases, 3);
    for number in [5, 6] {
        let name = format!("raw/tickets/tickets-{number:04}.csv");
        story.missing.push((name.clone(), desk.bytes(&name)));
        std::fs::remove_file(desk.file(&name)).expect("a scratch folder can be changed");
    }
    story.desk = Some(desk);
}

#[given("the missing tickets have come in")]
#[when("the missing tickets come in")]
fn tickets_come_in(story: &mut Story) {
    let missing = std::mem::take(&mut story.missing);
    assert!(!missing.is_empty(), "no tickets are missing");
    missing
        .iter()
        .for_each(|(name, content)| story.desk().write(name, content));
}

#[given("its last file of tickets ends with these rows")]
fn tickets_end_with(story: &mut Story, step: &Step) {
    let name = "raw/tickets/tickets-0006.csv";
    let mut content = story.desk().read(name);
    for row in table(step) {
        content.push_str(&row[0]);
        content.push('\n');
    }
    story.desk().write(name, content);
}

#[given(expr = "the gate of the project asks for an accuracy of {float}")]
fn a_higher_gate(story: &mut Story, accuracy: f64) {
    story
        .desk()
        .edit("deskmill.toml", "accuracy = 0.30", &format!("accuracy = {accuracy}"));
}

#[given(expr = "the project allows at most {float} percent of rejects")]
fn fewer_rejects(story: &mut Story, percent: f64) {
    let share = format!("rejects_max_share = {}", percent / 100.0);
    story.desk().edit("deskmill.toml", "rejects_max_share = 0.03", &share);
}

#[given(expr = "the project promises that {float} of the accepted answers are right")]
fn a_promise(story: &mut Story, share: f64) {
    let promise = format!("[models.intent.recipe]\nanswer_precision = {share}\n\n[models.intent.gate]");
    story.desk().edit("deskmill.toml", "[models.intent.gate]", &promise);
}

#[given(expr = "a run stops when the {string} of the tickets shifts")]
fn a_check_of_a_shift(story: &mut Story, column: String) {
    let check = format!(
        "[[tables.tickets.checks]]\ncheck = \"distribution\"\ncolumn = \"{column}\"\nthen = \"stop\"\n\n[tables.turns]"
    );
    story.desk().edit("deskmill.toml", "[tables.turns]", &check);
}

#[when("the chats of all tickets come in as e-mails")]
fn chats_become_mails(story: &mut Story) {
    let files = story.desk().files_ending(".csv");
    for name in files.iter().filter(|name| name.starts_with("raw/tickets/tickets-")) {
        let bytes = story.desk().bytes(name);
        let mails = with_mails_for_chats(&bytes);
        assert!(mails != bytes, "no chat in {name}");
        story.desk().write(name, mails);
    }
}

/// Some rows of a simulated desk are no text, so this is about bytes.
fn with_mails_for_chats(bytes: &[u8]) -> Vec<u8> {
    const CHAT: &[u8] = b",chat,";
    let (mut mails, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(CHAT) {
            mails.extend_from_slice(b",email,");
            at += CHAT.len();
        } else {
            mails.push(bytes[at]);
            at += 1;
        }
    }
    mails
}

#[given("the desk was run")]
fn was_run(story: &mut Story) {
    story.desk().run();
}

#[when("its rejected tickets are exported and mended")]
fn mended_by_hand(story: &mut Story, step: &Step) {
    let file = story.desk().file(MENDED).display().to_string();
    story
        .desk()
        .deskmill(&["rejects", "export", "tickets", "--out", &file])
        .ok();
    let text = story.desk().read(MENDED);
    let mut rows: Vec<Value> = text.lines().map(|row| row.parse().expect("a row is JSON")).collect();
    for edit in table(step) {
        let is_it = |row: &&mut Value| row["_raw"].as_str().is_some_and(|raw| raw.contains(&edit[0]));
        let row = rows.iter_mut().find(is_it).expect("the ticket is exported");
        row[&edit[1]] = edit[2].as_str().into();
    }
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    story.desk().write(MENDED, text);
}

#[when("the mended rows are handed in")]
fn handed_in(story: &mut Story) {
    let before = rejects(story.desk()).len();
    let file = story.desk().file(MENDED).display().to_string();
    let ended = story.desk().deskmill(&["--json", "rejects", "replay", &file]).ok();
    let after = rejects(story.desk()).len();
    let mut last = ended.json_lines().pop().expect("a replay says something");
    story.replayed = Some((last["replay"].take(), before - after));
}

#[when("the desk is run")]
fn is_run(story: &mut Story) {
    story.run = Some(story.desk().deskmill(&["--json", "run"]));
}

#[given("the server is running")]
fn server_runs(story: &mut Story) {
    story.server = Some(Server::of_project(story.desk().path()));
}

#[when(expr = "a program asks {string}")]
fn asks(story: &mut Story, question: String) {
    story.reply = Some(story.server().ask("", &question));
}

#[when(expr = "a program asks about customers who waited {int} and {int} minutes")]
fn asks_about_waiting(story: &mut Story, first: u32, second: u32) {
    // What else is known of a case is left out.
    let rows = [first, second].map(|minutes| serde_json::json!({ "waiting_minutes": minutes }));
    let body = serde_json::json!({ "instances": rows });
    let path = "/v1/models/satisfaction:predict";
    story.reply = Some(story.server().post(path, body.to_string()).with_status(200));
}

#[when(expr = "a customer asks the robot {string}")]
fn asks_the_robot(story: &mut Story, question: String) {
    let body = serde_json::json!({ "instances": [question] });
    let path = "/v1/models/answer:predict";
    story.reply = Some(story.server().post(path, body.to_string()).with_status(200));
}

#[when(expr = "{int} cases wait and the agents {string} and {string} are free for one case each")]
fn cases_wait(story: &mut Story, count: usize, first: String, second: String) {
    let case = |number: usize| {
        serde_json::json!({
            "id": format!("case-{number}"), "waited_s": 30 * number, "service_level_s": 60,
            "columns": { "channel": "chat", "language": "en", "body": "where is my parcel?" },
        })
    };
    let agent = |id: &String| serde_json::json!({ "id": id, "capacity": 1 });
    let body = serde_json::json!({
        "id": "now", "cases": (0..count).map(case).collect::<Vec<_>>(), "agents": [agent(&first), agent(&second)],
    });
    assign(story, &body);
}

#[when(expr = "a case in {string} waits and the agent {string} speaks {string}")]
fn case_in_language(story: &mut Story, language: String, agent: String, speaks: String) {
    let body = serde_json::json!({
        "id": "now",
        "cases": [{ "id": "case-1", "waited_s": 30, "service_level_s": 60, "language": language }],
        "agents": [{ "id": agent, "capacity": 1, "languages": [speaks] }],
    });
    assign(story, &body);
}

fn assign(story: &mut Story, body: &serde_json::Value) {
    let path = "/v1/models/routing:assign";
    story.reply = Some(story.server().post(path, body.to_string()).with_status(200));
}

#[given(expr = "the model {string} was rolled back because {string}")]
#[when(expr = "the model {string} is rolled back because {string}")]
fn rolled_back(story: &mut Story, model: String, why: String) {
    story
        .desk()
        .deskmill(&["models", "rollback", &model, "--why", &why])
        .ok();
}

#[when(expr = "version {int} of {string} is promoted because {string}")]
fn promoted(story: &mut Story, version: u64, model: String, why: String) {
    story
        .desk()
        .deskmill(&["models", "promote", &model, &version.to_string(), "--why", &why])
        .ok();
}
