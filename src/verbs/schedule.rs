//! `deskmill schedule`: runs the project whenever it is due. Each try of a run is a process of its own.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;

use anyhow::Result;
use deskmill_pipeline::schedule::{Finished, Keeper, Told, Worker};
use deskmill_serving::stop_signal;
use serde_json::json;

use super::{Place, serve};
use crate::output::{DONE, REFUSED, Wrong, json_line, line};

/// The last lines of what a run says on standard error are kept for the note about its end.
const LINES_KEPT: usize = 6;

pub async fn run(place: &Place) -> Result<()> {
    serve::log_to_stderr("warn");
    let (project, registry) = place.registry()?;
    let stop = stop_signal().map_err(|error| Wrong {
        message: error.to_string(),
        hint: error.hint().to_owned(),
    })?;
    let as_json = place.json;
    let told = move |told: Told| {
        // Whoever started us with a closed standard output does not want to be told.
        let _unread = tell(&told, as_json);
    };
    let worker = Process {
        folder: place.folder.clone(),
        child: None,
    };
    let reread = || match place.project() {
        Ok(project) => Ok(project),
        Err(error) => Err(error.downcast::<deskmill_pipeline::Error>().unwrap_or_else(|error| {
            let other = std::io::Error::other(error.to_string());
            deskmill_pipeline::Error::file(&place.folder)(other)
        })),
    };
    let keeper = Keeper {
        registry,
        project: &reread,
        worker,
        told: &told,
        me: name(),
    };
    if !as_json {
        line(format!("schedule of {}: stop with Ctrl-C", project.name))?;
    }
    Ok(keeper.keep(stop).await?)
}

fn tell(told: &Told, as_json: bool) -> Result<()> {
    let (event, run, note) = match told {
        Told::Started(run) => ("started", Some(run), ""),
        Told::Stopped(run) => ("stopped", Some(run), ""),
        Told::Ended(run, Finished::Good) => ("good", Some(run), ""),
        Told::Ended(run, Finished::Refused(note)) => ("refused", Some(run), note.as_str()),
        Told::Ended(run, Finished::Failed(note)) => ("failed", Some(run), note.as_str()),
        Told::Left(run) => ("left", Some(run), "to the next scheduler"),
        Told::Trouble(note) => ("trouble", None, note.as_str()),
    };
    let now = jiff::Timestamp::now();
    if as_json {
        return json_line(&json!({ "event": event, "at": now.to_string(), "run": run, "note": note }));
    }
    let run = run.map(String::as_str).unwrap_or_default();
    line(format!("{} {event} {run} {note}", now.strftime("%Y-%m-%d %H:%M:%S")).trim_end())?;
    Ok(())
}

/// A name that no scheduler ever had: the machine, the process and the moment.
fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "host" } else { host.trim() };
    let now = jiff::Timestamp::now().as_nanosecond();
    format!("{host}-{}-{now}", std::process::id())
}

/// Works on a run in a process of its own, which ends when we do.
struct Process {
    folder: PathBuf,
    child: Option<(Child, Option<JoinHandle<String>>)>,
}

impl Worker for Process {
    fn start(&mut self, run: &str) -> Result<(), String> {
        self.stop();
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .arg("-C")
            .arg(&self.folder)
            .args(["--json", "run", "--scheduled", run])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C on a terminal is for us; a run gets its time to end.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        let said = child.stderr.take().map(|stderr| std::thread::spawn(|| pass_on(stderr)));
        self.child = Some((child, said));
        Ok(())
    }

    fn stop(&mut self) {
        if let Some((mut child, said)) = self.child.take() {
            // It may have ended by itself just now.
            let _ended = child.kill();
            let _status = child.wait();
            let _said = said.map(JoinHandle::join);
        }
    }

    fn ended(&mut self) -> Option<Finished> {
        let (child, _) = self.child.as_mut()?;
        let status = match child.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status,
            Err(error) => return Some(Finished::Failed(error.to_string())),
        };
        let said = self
            .child
            .take()
            .and_then(|(_, said)| said?.join().ok())
            .unwrap_or_default();
        Some(match status.code() {
            Some(code) if code == i32::from(DONE) => Finished::Good,
            Some(code) if code == i32::from(REFUSED) && said.is_empty() => Finished::Refused("a gate said no".into()),
            Some(code) if code == i32::from(REFUSED) => Finished::Refused(said),
            Some(_) => Finished::Failed(said),
            None => Finished::Failed(format!("it was killed ({status})")),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Passes on what a run says on standard error, and gives its last lines.
fn pass_on(stderr: ChildStderr) -> String {
    let mut last = VecDeque::new();
    for line in BufReader::new(stderr).split(b'\n').map_while(std::io::Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        // Nothing can be done if nobody reads it.
        let _unread = writeln!(std::io::stderr().lock(), "{line}");
        last.push_back(line);
        if last.len() > LINES_KEPT {
            last.pop_front();
        }
    }
    Vec::from(last).join(" ")
}
