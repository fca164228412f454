//! The real `deskmill-serve`: one line when it listens, a clean end on SIGTERM, and clear refusals.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

fn serve(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskmill-serve"));
    command.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn refused(flags: &[&str]) -> String {
    let Output { status, stdout, stderr } = serve(flags).output().unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(2), 0));
    String::from_utf8(stderr).unwrap()
}

/// Ends the server with the test, however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
    }
}

#[test]
fn it_says_where_it_listens_answers_and_ends_cleanly_on_sigterm() {
    let registry = tempfile::tempdir().unwrap();
    let folder = registry.path().to_str().unwrap();
    let mut server = Running(
        serve(&["--registry", folder, "--listen", "127.0.0.1:0"])
            .spawn()
            .unwrap(),
    );
    let mut out = BufReader::new(server.0.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line
        .trim_end()
        .strip_prefix("deskmill-serve listening on http://")
        .unwrap();

    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    let killed = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", server.0.id())])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    let (mut rest, mut log) = (String::new(), String::new());
    out.read_to_string(&mut rest).unwrap();
    server.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(rest, "", "more than one line on stdout");
    let is_json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(log.lines().all(is_json), "{log}");
}

#[test]
fn a_registry_that_is_not_there_is_refused() {
    let registry = tempfile::tempdir().unwrap();
    let folder = registry.path().join("nowhere");
    let told = refused(&["--registry", folder.to_str().unwrap()]);
    assert!(told.contains("nowhere: there is no such folder\nhint: "), "{told}");
    assert!(!folder.exists());
}

#[test]
fn an_address_that_strangers_reach_is_refused() {
    let registry = tempfile::tempdir().unwrap();
    let told = refused(&["--registry", registry.path().to_str().unwrap(), "--listen", "0.0.0.0:0"]);
    assert!(told.contains("error: listen 0.0.0.0:0: refused, because"), "{told}");
    assert!(told.contains("--allow-remote"), "{told}");
}
