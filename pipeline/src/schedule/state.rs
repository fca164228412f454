//! What schedulers of one project share: the run under way, what waits, what ended. Plain data in the registry; how it
//! goes on is decided in `decide`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The format this build writes and reads.
pub(super) const FORMAT: u64 = 1;
/// Ended runs that are kept; older ones are only counted.
const ENDED_MAX: usize = 200;
/// The longest note about why a run ended.
const NOTE_MAX_CHARS: usize = 400;

/// The state of a project's schedule. A default one is that of a project that was never scheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub(super) format: u64,
    /// Due times up to here have become runs, or were passed over.
    pub due_until: Option<Timestamp>,
    /// Runs that were numbered so far.
    pub numbered: u64,
    /// The run under way.
    pub active: Option<Active>,
    /// What starts after it, first come first.
    pub waiting: Vec<Waiting>,
    /// What ended last, newest last.
    pub ended: Vec<Ended>,
    /// How many ended with each outcome, all that ever were.
    pub counts: BTreeMap<Outcome, u64>,
    /// What the last run began from.
    pub seen: Seen,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            due_until: None,
            numbered: 0,
            active: None,
            waiting: Vec::new(),
            ended: Vec::new(),
            counts: BTreeMap::new(),
            seen: Seen::default(),
        }
    }
}

/// What the last run began from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Digest of the source files.
    pub data: Option<String>,
    /// Digest of the project's own files.
    pub project: Option<String>,
    /// When the last good run began.
    pub good: Option<Timestamp>,
    /// When the last run ended that had begun.
    pub ended: Option<Timestamp>,
}

/// A run that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id: the time it is of, and a number.
    pub id: String,
    /// Why it is.
    pub cause: Cause,
    /// The due time, or when the cause was seen.
    pub due: Timestamp,
}

/// Why a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A cron expression.
    Cron,
    /// Source files came, went or changed.
    NewData,
    /// The last good run is too long ago.
    OldData,
    /// The project's own files changed.
    ProjectChanged,
}

/// A run that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The run.
    pub run: Run,
    /// Whether it makes up for a due time that was missed.
    pub made_up: bool,
}

/// The run under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// The run.
    pub run: Run,
    /// When its first try began.
    pub began: Timestamp,
    /// Tries that failed.
    pub failed: u32,
    /// How often another scheduler, or the same after its end, took it up.
    pub resumed: u32,
    /// Whether it is worked on.
    pub phase: Phase,
    /// Who wants it stopped, if anybody does.
    pub stop: Option<Stop>,
}

/// Whether a run is worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A scheduler works on it.
    Working {
        /// Which.
        holder: String,
        /// When this try began.
        since: Timestamp,
        /// Until when nobody else touches it.
        lease_until: Timestamp,
    },
    /// It waits for its next try.
    Resting {
        /// Until then.
        until: Timestamp,
        /// What the last try said.
        note: String,
    },
}

/// Why a run is to be stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// A person wants it.
    Cancelled {
        /// Who.
        who: String,
    },
    /// A newer due time takes its place.
    Replaced,
}

/// A run that ended, or never began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The run.
    pub run: Run,
    /// When its first try began; none if it never did.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Timestamp,
    /// Tries that failed.
    pub failed: u32,
    /// How often it was taken up by another scheduler, or the same after its end.
    pub resumed: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for people.
    pub note: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All gates that decided said yes.
    Good,
    /// The data or a gate said no.
    Refused,
    /// Its last retry failed.
    Failed,
    /// It took longer than its deadline.
    TimedOut,
    /// A newer one took its place.
    Replaced,
    /// A person stopped it.
    Cancelled,
    /// Another was under way when it was due.
    Skipped,
    /// Nobody was there when it was due, and it was not made up for.
    Missed,
    /// Every scheduler that took it up died.
    Lost,
}

impl State {
    /// A run with an id of its own.
    pub(super) fn new_run(&mut self, cause: Cause, due: Timestamp) -> Run {
        self.numbered += 1;
        Run {
            id: format!("{}-s{}", due.strftime("%Y%m%dT%H%M%S"), self.numbered),
            cause,
            due,
        }
    }

    /// Notes a run that never began.
    pub(super) fn pass_over(&mut self, run: Run, now: Timestamp, outcome: Outcome, note: &str) {
        self.note(Ended {
            run,
            began: None,
            ended: now,
            failed: 0,
            resumed: 0,
            outcome,
            note: note.to_owned(),
        });
    }

    /// Ends the run under way.
    pub(super) fn end(&mut self, now: Timestamp, outcome: Outcome, note: &str) {
        if let Some(active) = self.active.take() {
            self.seen.ended = Some(now);
            if outcome == Outcome::Good {
                self.seen.good = Some(active.began);
            }
            self.note(Ended {
                run: active.run,
                began: Some(active.began),
                ended: now,
                failed: active.failed,
                resumed: active.resumed,
                outcome,
                note: note.chars().take(NOTE_MAX_CHARS).collect(),
            });
        }
    }

    fn note(&mut self, ended: Ended) {
        *self.counts.entry(ended.outcome).or_default() += 1;
        self.ended.push(ended);
        if self.ended.len() > ENDED_MAX {
            self.ended.remove(0);
        }
    }

    /// Has a run stopped that is under way or waits. A run that a scheduler works on is stopped at its next look.
    ///
    /// # Errors
    /// How it ended, if it is over already; none if nobody knows it.
    pub fn cancel(&mut self, id: &str, who: &str, now: Timestamp) -> Result<(), Option<Outcome>> {
        let note = format!("by {who}");
        if let Some(at) = self.waiting.iter().position(|waiting| waiting.run.id == id) {
            let run = self.waiting.remove(at).run;
            self.pass_over(run, now, Outcome::Cancelled, &note);
            return Ok(());
        }
        match &mut self.active {
            Some(active) if active.run.id == id => {
                if matches!(active.phase, Phase::Resting { .. }) {
                    self.end(now, Outcome::Cancelled, &note);
                } else {
                    active.stop = Some(Stop::Cancelled { who: who.to_owned() });
                }
                Ok(())
            }
            _ => {
                let mut ended = self.ended.iter().rev();
                Err(ended.find(|ended| ended.run.id == id).map(|ended| ended.outcome))
            }
        }
    }
}
