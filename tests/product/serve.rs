//! The server as an operator knows it: ready, measured, described, swapped under load, stopped in good order, and not
//! open to strangers.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binaries;
use crate::command::{Process, wait_for};
use crate::desk::{Desk, good_tickets};
use crate::http::{connect, post, read_reply};
use crate::server::Server;

const CLIENTS: usize = 4;
const QUESTIONS: [&str; 4] = [
    "where is my parcel",
    "退款什么时候到账",
    "i cannot log in any more",
    "请给我开发票",
];

#[test]
fn it_tells_operators_and_tools_about_itself() {
    let desk = Desk::small(good_tickets());
    desk.run();
    for server in [
        Server::slim(&desk.file("registry"), &[]),
        Server::of_project(desk.path()),
    ] {
        server.ask("", "where is my parcel").with_status(200);
        for path in [
            "/livez",
            "/readyz",
            "/v2",
            "/v2/health/live",
            "/v2/health/ready",
            "/v2/models/intent/ready",
        ] {
            server.get(path).unwrap().with_status(200);
        }
        let metrics = server.get("/metrics").unwrap().with_status(200).body;
        assert!(metrics.contains("deskmill_versions_loaded 1"), "{metrics}");
        let counted = metrics
            .lines()
            .find(|line| line.starts_with("deskmill_requests_total{model=\"intent\""));
        assert!(counted.is_some_and(|line| line.ends_with(" 1")), "{metrics}");
        assert!(metrics.ends_with("# EOF\n"), "{metrics}");
        let described = server.get("/openapi.json").unwrap().with_status(200).json();
        let paths = described["paths"].as_object().unwrap();
        for path in ["/v1/models/intent:predict", "/v2/models/intent/infer"] {
            assert!(paths.contains_key(path), "{path}");
        }
        // What the document gives as an example works as it stands.
        let examples =
            &paths["/v1/models/intent:predict"]["post"]["requestBody"]["content"]["application/json"]["examples"];
        for example in examples.as_object().unwrap().values() {
            server
                .post("/v1/models/intent:predict", example["value"].to_string())
                .with_status(200);
        }
    }
}

#[test]
fn a_stop_lets_an_accepted_request_finish() {
    let desk = Desk::small(good_tickets());
    desk.run();
    let mut server = Server::slim(&desk.file("registry"), &["--timeout-ms", "30000"]);
    let body = json!({ "instances": ["where is my parcel"] }).to_string();
    let (half, rest) = body.split_at(body.len() / 2);
    let mut stream = connect(server.address).unwrap();
    let head = format!(
        "POST /v1/models/intent:predict HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + half).as_bytes()).unwrap();
    // The request for the metrics is one of the two.
    wait_for("the request to be in flight", Duration::from_secs(30), || {
        let metrics = server.get("/metrics").ok()?.body;
        metrics.contains("deskmill_requests_in_flight 2").then_some(())
    });
    server.tell_to_stop();
    wait_for("new connections to be refused", Duration::from_secs(30), || {
        connect(server.address).err()
    });
    stream.write_all(rest.as_bytes()).unwrap();
    let reply = read_reply(&mut stream).unwrap().with_status(200);
    assert_eq!(reply.json()["predictions"][0]["label"], "delivery");
    assert_eq!(server.stopped().code(), Some(0), "{}", server.log());
}

#[test]
fn the_command_stops_on_a_signal_too() {
    let desk = Desk::small(good_tickets());
    desk.run();
    let mut server = Server::of_project(desk.path());
    server.tell_to_stop();
    assert_eq!(server.stopped().code(), Some(0), "{}", server.log());
}

/// What clients were told: by version and question, all distinct answers.
type Told = BTreeMap<(String, usize), Vec<Value>>;

#[test]
fn a_new_version_is_swapped_in_without_a_failed_request() {
    let desk = Desk::small(good_tickets());
    desk.run();
    let server = Server::slim(&desk.file("registry"), &["--reload-every-ms", "20"]);
    let (stop, told) = (AtomicBool::new(false), Mutex::new(Told::new()));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| ask_until(&stop, &server, &told)))
            .collect();
        let _stop_at_last = StopAtLast(&stop);
        let has_answered = |version: &str| {
            let told = told.lock().unwrap();
            (0..QUESTIONS.len())
                .all(|question| told.contains_key(&(version.to_owned(), question)))
                .then_some(())
        };
        wait_for("answers of version 1", Duration::from_secs(60), || has_answered("1"));
        let gate = "\n[models.intent.gate]\nnot_worse_than_current = false\n\n[models.intent.recipe]\nwords_max = 1\n";
        let project = desk.read("deskmill.toml");
        desk.write("deskmill.toml", project + gate);
        assert_eq!(desk.run()["models"]["intent"]["published"]["serving"], 2);
        wait_for("answers of version 2", Duration::from_secs(60), || has_answered("2"));
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().unwrap());
    });

    let told = told.into_inner().unwrap();
    assert_eq!(told.len(), 2 * QUESTIONS.len(), "{:?}", told.keys());
    let mut differ = false;
    for (number, text) in QUESTIONS.iter().enumerate() {
        let by_version = ["1", "2"].map(|version| {
            let answers = &told[&(version.to_owned(), number)];
            let alone = server
                .ask(&format!("/versions/{version}"), text)
                .with_status(200)
                .json();
            assert_eq!(answers, &[alone["predictions"][0].clone()], "version {version}: {text}");
            &answers[0]
        });
        differ |= by_version[0] != by_version[1];
    }
    assert!(differ, "two versions that answer alike prove nothing");
}

/// Stops the clients also when the test fails, so that it ends.
struct StopAtLast<'a>(&'a AtomicBool);

impl Drop for StopAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn ask_until(stop: &AtomicBool, server: &Server, told: &Mutex<Told>) {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        let number = count % QUESTIONS.len();
        let body = json!({ "instances": [QUESTIONS[number]] }).to_string();
        let reply = post(server.address, "/v1/models/intent:predict", body.as_bytes())
            .unwrap()
            .with_status(200);
        let answer = reply.json();
        assert_eq!(answer["model_version"], reply.header("deskmill-version"));
        let mut told = told.lock().unwrap();
        let seen = told
            .entry((reply.header("deskmill-version").to_owned(), number))
            .or_default();
        if !seen.contains(&answer["predictions"][0]) {
            seen.push(answer["predictions"][0].clone());
        }
    }
}

#[test]
fn strangers_are_kept_out() {
    let desk = Desk::small(good_tickets());
    std::fs::create_dir(desk.file("registry")).unwrap();
    let mut slim = Command::new(binaries::deskmill_serve());
    slim.arg("--registry")
        .arg(desk.file("registry"))
        .args(["--listen", "0.0.0.0:0"]);
    let slim = Process::start(slim, Vec::new()).end().with_code(2);
    insta::assert_snapshot!(slim.stderr, @r#"
    error: listen 0.0.0.0:0: refused, because other machines can reach this address and callers need no key
    hint: name a file of keys with --keys (`deskmill keys add` makes one), or pass --allow-remote if everyone who can reach this machine may ask the models
    "#);
    let whole = desk.deskmill(&["serve", "--listen", "0.0.0.0:0"]).with_code(2);
    insta::assert_snapshot!(whole.stderr, @r#"
    error: listen 0.0.0.0:0: refused, because other machines can reach this address and callers need no key
    hint: name a file of keys with --keys (`deskmill keys add` makes one), or pass --allow-remote if everyone who can reach this machine may ask the models
    "#);
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new(binaries::deskmill_serve());
    command.args(["--registry", "nowhere"]).current_dir(scratch.path());
    insta::assert_snapshot!(Process::start(command, Vec::new()).end().with_code(2).stderr, @r#"
    error: registry nowhere: there is no such folder
    hint: name the folder that `deskmill run` publishes to
    "#);
    assert!(!scratch.path().join("nowhere").exists());
}
