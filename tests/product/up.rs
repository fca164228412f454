//! The first minutes: a new project, the demo desk with one command, and help that helps.

use std::process::Command;

use crate::binaries;
use crate::command::Process;
use crate::desk::Desk;
use crate::http::Ask;
use crate::server::Server;

const VERBS: [&str; 11] = [
    "init",
    "sample",
    "plan",
    "run",
    "models",
    "predict",
    "sql",
    "rejects",
    "serve",
    "up",
    "completions",
];

#[test]
fn up_prints_a_curl_line_that_works_and_where_the_report_is() {
    let desk = Desk::sample(600, 8);
    let mut command = Command::new(binaries::deskmill());
    command
        .args(["-C", ".", "up", "--listen", "127.0.0.1:0"])
        .current_dir(desk.path());
    let mut server = Server::start(command);
    // The lines come one after the other; the last one is the sign that all are there.
    let log = server.log_until("openapi.json");
    let line = log
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("curl ") && line.contains("/v1/models/intent"));
    let reply = as_curl_does(
        line.unwrap_or_else(|| panic!("no curl line for `intent` in:\n{log}")),
        &server,
    );
    assert!(
        reply.status == 200,
        "the curl line does not work as printed: {}",
        reply.body
    );
    assert!(reply.json()["predictions"][0]["label"].is_string(), "{}", reply.body);
    let report = log
        .lines()
        .find_map(|line| line.trim().strip_prefix("report: "))
        .expect("where the report is");
    let page = std::fs::read_to_string(desk.path().join(report)).expect("the report is there");
    assert!(page.contains("</html>"), "{report} is no page");
    server.tell_to_stop();
    assert_eq!(server.stopped().code(), Some(0), "{}", server.log());
}

/// Sends what curl would send for such a line: `-d` alone says that the body is a form.
fn as_curl_does(line: &str, server: &Server) -> crate::http::Reply {
    let mut words = words(line).into_iter().skip(1);
    let (mut path, mut body, mut headers) = (String::new(), String::new(), Vec::new());
    let mut content_type = "application/x-www-form-urlencoded".to_owned();
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("the flag has a value");
        match word.as_str() {
            "-s" | "-sS" | "--silent" => {}
            "-d" | "--data" => body = value(),
            "--json" => (body, content_type) = (value(), "application/json".to_owned()),
            "-H" | "--header" => {
                let header = value();
                let (name, value) = header.split_once(':').expect("name: value");
                match name.eq_ignore_ascii_case("content-type") {
                    true => content_type = value.trim().to_owned(),
                    false => headers.push((name.to_owned(), value.trim().to_owned())),
                }
            }
            url => {
                path = url
                    .strip_prefix(&format!("http://{}", server.address))
                    .expect("our own URL")
                    .to_owned()
            }
        }
    }
    headers.push(("content-type".to_owned(), content_type));
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Ask {
        method: "POST",
        path: &path,
        headers: &headers,
        body: body.as_bytes(),
    }
    .send(server.address)
    .unwrap()
}

/// The words of a line as a shell sees them: single quotes, and a backslash before one character.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut within_quotes) = (Vec::new(), String::new(), false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => within_quotes = !within_quotes,
            '\\' if !within_quotes => word.extend(chars.next()),
            ' ' if !within_quotes => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(words(r"curl -s 'it'\''s {a b}'  x"), ["curl", "-s", "it's {a b}", "x"]);
}

#[test]
fn a_new_project_is_written_once() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("desk");
    Process::deskmill(&folder, &["init"]).end().ok();
    let written = std::fs::read_to_string(folder.join("deskmill.toml")).unwrap();
    let again = Process::deskmill(&folder, &["init"]).end().with_code(2);
    assert!(
        again.stderr.contains("deskmill.toml is there already"),
        "{}",
        again.stderr
    );
    assert_eq!(std::fs::read_to_string(folder.join("deskmill.toml")).unwrap(), written);
    // Without data, the first thing that is missing is named.
    let plan = Process::deskmill(&folder, &["plan"]).end().with_code(2);
    assert!(plan.stderr.contains("no file matches"), "{}", plan.stderr);
}

#[test]
fn a_desk_is_never_written_over() {
    let desk = Desk::sample(20, 1);
    let out = desk.path().display().to_string();
    let again = desk.deskmill(&["sample", "--cases", "20", "--out", &out]).with_code(2);
    assert!(
        again.stderr.contains("is not empty") && again.stderr.contains("hint:"),
        "{}",
        again.stderr
    );
}

#[test]
fn every_verb_has_help_with_an_example() {
    let scratch = tempfile::tempdir().unwrap();
    for verb in VERBS {
        let help = Process::deskmill(scratch.path(), &[verb, "--help"]).end().ok().stdout;
        assert!(help.contains("Example:\n"), "{verb}: {help}");
        assert!(help.contains("Usage: deskmill"), "{verb}: {help}");
    }
    let all = Process::deskmill(scratch.path(), &["--help"]).end().ok().stdout;
    assert!(VERBS.iter().all(|verb| all.contains(&format!("\n  {verb} "))), "{all}");
    for shell in ["bash", "zsh", "fish"] {
        let script = Process::deskmill(scratch.path(), &["completions", shell])
            .end()
            .ok()
            .stdout;
        assert!(script.contains("deskmill") && script.contains("rollback"), "{shell}");
    }
}
