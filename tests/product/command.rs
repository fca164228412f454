//! Running a binary to its end, or for a while: output gathered, a deadline kept, killed when dropped.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binaries;

/// Longest time any one command may take on a busy machine.
pub const COMMAND_MAX: Duration = Duration::from_secs(180);
/// Time between two looks at something that is waited for.
pub const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A process of ours; it does not outlive this value.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    /// Starts `deskmill -C folder args...`.
    pub fn deskmill(folder: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(binaries::deskmill());
        command.arg("-C").arg(folder).args(args);
        Self::start(command, Vec::new())
    }

    /// Starts a command and hands it `input`.
    pub fn start(mut command: Command, input: Vec<u8>) -> Self {
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input to the end is free to do so.
            std::thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let (stdout, stderr) = (child.stdout.take().map(gather), child.stderr.take().map(gather));
        Self { child, stdout, stderr }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child of ours can be waited for")
            .is_none()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        // It may have ended on its own just now.
        let _gone = self.child.kill();
    }

    /// Waits until it ends.
    pub fn end(mut self) -> Ended {
        let deadline = Instant::now() + COMMAND_MAX;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours can be waited for") {
                break status;
            }
            if Instant::now() > deadline {
                self.kill();
                panic!("still running after {COMMAND_MAX:?}: {:?}", self.child);
            }
            std::thread::sleep(LOOK_EVERY);
        };
        let text = |thread: Option<JoinHandle<Vec<u8>>>| {
            let bytes = thread.map(|thread| thread.join().expect("reading does not panic"));
            String::from_utf8(bytes.unwrap_or_default()).expect("our commands write UTF-8")
        };
        Ended {
            status,
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _reaped = self.child.wait();
    }
}

fn gather(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A killed process may leave half of its last line.
        let _until = pipe.read_to_end(&mut bytes);
        bytes
    })
}

impl Ended {
    /// Its exit code; none if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Insists that it ended well.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.with_code(0)
    }

    /// Insists on an exit code.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        self.stdout.lines().map(read).collect()
    }
}

/// Looks again and again until `found` gives something; fails loudly after `within`.
#[track_caller]
pub fn wait_for<T>(what: &str, within: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {within:?} in vain for {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
