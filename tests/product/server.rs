//! A server on loopback and a free port, as an operator starts it; stopped when dropped.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binaries;
use crate::command::wait_for;
use crate::http::{self, Reply};

/// Longest time until a server listens, has its models, or stops, on a busy machine.
const SERVER_MAX: Duration = Duration::from_secs(60);

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// `deskmill-serve` over a registry, with its models loaded.
    pub fn slim(registry: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(binaries::deskmill_serve());
        command
            .arg("--registry")
            .arg(registry)
            .args(["--listen", "127.0.0.1:0"])
            .args(flags);
        Self::start(command)
    }

    /// `deskmill serve` over a project, with its models loaded.
    pub fn of_project(folder: &Path) -> Self {
        let mut command = Command::new(binaries::deskmill());
        command.arg("-C").arg(folder).args(["serve", "--listen", "127.0.0.1:0"]);
        Self::start(command)
    }

    /// Starts a command that says `... listening on http://ADDRESS`, and waits until it is ready.
    pub fn start(mut command: Command) -> Self {
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let (said, hears) = mpsc::channel();
        if let Some(pipe) = child.stderr.take() {
            follow(pipe, Arc::clone(&log), None);
        }
        if let Some(pipe) = child.stdout.take() {
            follow(pipe, Arc::clone(&log), Some(said));
        }
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self {
            child,
            address: unknown,
            log,
        };
        server.address = loop {
            let line = hears.recv_timeout(SERVER_MAX);
            let line = line.unwrap_or_else(|error| panic!("{command:?} does not listen: {error}\n{}", server.log()));
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.trim().parse().expect("an address and a port");
            }
        };
        wait_for("/readyz to say 200", SERVER_MAX, || {
            server.get("/readyz").ok().filter(|reply| reply.status == 200)
        });
        server
    }

    /// What it wrote to stdout and stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no reader panics").clone()
    }

    /// What it wrote, once this is among it.
    pub fn log_until(&self, text: &str) -> String {
        wait_for(text, SERVER_MAX, || Some(self.log()).filter(|log| log.contains(text)))
    }

    /// GET of a path.
    pub fn get(&self, path: &str) -> std::io::Result<Reply> {
        http::get(self.address, path)
    }

    /// POST of a JSON body; the connection must hold.
    #[track_caller]
    pub fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        let reply = http::post(self.address, path, body.as_ref());
        reply.unwrap_or_else(|error| panic!("POST {path}: {error}\n{}", self.log()))
    }

    /// Asks the model `intent`, as `version` (`/versions/1`, `/labels/prod` or nothing), one question.
    #[track_caller]
    pub fn ask(&self, version: &str, text: &str) -> Reply {
        let body = json!({ "instances": [{ "text": text }] }).to_string();
        self.post(&format!("/v1/models/intent{version}:predict"), body)
    }

    /// The label the model `intent` gives a question.
    #[track_caller]
    pub fn label(&self, text: &str) -> Value {
        self.ask("", text).with_status(200).json()["predictions"][0]["label"].clone()
    }

    /// `kill -TERM`.
    pub fn tell_to_stop(&self) {
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(told.expect("kill can be run").success());
    }

    /// Waits until it has stopped by itself.
    pub fn stopped(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the server to stop", SERVER_MAX, || {
            child.try_wait().expect("a child of ours can be waited for")
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn follow(pipe: impl Read + Send + 'static, log: Arc<Mutex<String>>, said: Option<mpsc::Sender<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if let Some(said) = &said {
                // Nobody listens any more once the address is known.
                let _heard = said.send(line.clone());
            }
            let mut log = log.lock().expect("no reader panics");
            log.push_str(&line);
            log.push('\n');
        }
    });
}
