//! What a scheduler does next. A pure function of the policy, the shared state and what the scheduler sees: no clock, no
//! waiting, no files. Whoever calls it writes the new state before acting on it, so that of two schedulers that see the
//! same state only one acts.

use jiff::{SignedDuration, Timestamp};

use super::policy::{Overlap, Policy, seconds};
use super::state::{Active, Cause, Outcome, Phase, State, Stop, Waiting};

/// A due time is noticed in time if it is noticed within so long.
pub(super) const LATE: SignedDuration = SignedDuration::from_secs(60);
/// A clock that was set back by more makes the due times start afresh from there.
pub(super) const SET_BACK: SignedDuration = SignedDuration::from_hours(1);
/// Due times from before are not even counted.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How often a run is taken up whose scheduler died: one that brings its machine down must not do so for ever.
pub(super) const RESUMED_MAX: u32 = 20;

/// What a scheduler sees.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Its clock.
    pub now: Timestamp,
    /// Its name; another one each time it starts.
    pub me: &'a str,
    /// The run it is working on.
    pub mine: Option<&'a str>,
    /// What became of that run, if it ended just now.
    pub finished: Option<Finished>,
    /// The source files.
    pub data: Option<Look<'a>>,
    /// The project's own files.
    pub project: Option<Look<'a>>,
    /// Whether it is to stop, and starts nothing any more.
    pub stopping: bool,
}

/// Files, and since when they are what they are.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Their digest.
    pub digest: &'a str,
    /// When it was first seen.
    pub since: Timestamp,
}

/// What became of one try of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// All gates that decided said yes.
    Good,
    /// The data or a gate said no.
    Refused(String),
    /// It failed, in these words.
    Failed(String),
}

/// Something to do, after the state was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Stop this run, which is ours no more.
    Stop(String),
    /// Work on this one.
    Start(String),
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The state from now on.
    pub state: State,
    /// In this order.
    pub acts: Vec<Act>,
    /// When to ask again at the latest; none if time alone changes nothing.
    pub wake: Option<Timestamp>,
}

/// Decides.
pub fn decide(policy: &Policy, state: State, view: &View<'_>) -> Decision {
    let mut next = Next {
        policy,
        view,
        state,
        acts: Vec::new(),
        wakes: Vec::new(),
    };
    next.finish();
    if !view.stopping {
        next.come_due();
    }
    next.go_on();
    if !view.stopping {
        next.trigger();
        next.begin();
    }
    next.wake_for_active();
    let wake = next.wakes.into_iter().min();
    Decision {
        state: next.state,
        acts: next.acts,
        wake,
    }
}

/// The state in which a scheduler that stops leaves the run it works on: anybody may take it up at once.
pub fn let_go(mut state: State, me: &str, now: Timestamp) -> State {
    if let Some(active) = state.active.as_mut().filter(|active| is_held_by(active, me)) {
        active.phase = Phase::Resting {
            until: now,
            note: "its scheduler was stopped".into(),
        };
    }
    state
}

fn is_held_by(active: &Active, me: &str) -> bool {
    matches!(&active.phase, Phase::Working { holder, .. } if holder == me)
}

struct Next<'a> {
    policy: &'a Policy,
    view: &'a View<'a>,
    state: State,
    acts: Vec<Act>,
    wakes: Vec<Timestamp>,
}

impl Next<'_> {
    /// What the try that ended just now means for its run.
    fn finish(&mut self) {
        let (view, now) = (self.view, self.view.now);
        let Some(active) = self.state.active.as_mut().filter(|active| is_held_by(active, view.me)) else {
            return;
        };
        if view.mine != Some(active.run.id.as_str()) {
            return;
        }
        match &view.finished {
            None => {}
            Some(Finished::Good) => self.state.end(now, Outcome::Good, ""),
            Some(Finished::Refused(note)) => self.state.end(now, Outcome::Refused, note),
            Some(Finished::Failed(note)) => {
                active.failed += 1;
                if active.failed > self.policy.retries_max {
                    return self.state.end(now, Outcome::Failed, note);
                }
                active.phase = Phase::Resting {
                    until: later(now, self.policy.retry_after(active.failed)),
                    note: note.chars().take(400).collect(),
                };
            }
        }
    }

    /// Takes in the due times that came, and notes the next.
    fn come_due(&mut self) {
        let (policy, now) = (self.policy, self.view.now);
        let known = self.state.due_until.filter(|until| *until <= later(now, SET_BACK));
        let from = known.map_or(now, |from| from.max(later(now, -LOOK_BACK)));
        self.state.due_until = Some(from);
        for time in policy.due_after(from) {
            if time.starts > now {
                self.wakes.push(time.starts);
                break;
            }
            self.state.due_until = Some(time.due);
            let run = self.state.new_run(Cause::Cron, time.due);
            if now.duration_since(time.starts) > LATE {
                self.state.waiting.push(Waiting { run, made_up: true });
                self.drop_missed();
            } else {
                self.meet(Waiting { run, made_up: false });
            }
        }
    }

    /// Keeps as many missed due times as are made up for, the newest.
    fn drop_missed(&mut self) {
        let state = &mut self.state;
        while state.waiting.iter().filter(|waiting| waiting.made_up).count() > self.policy.catch_up_max {
            let Some(oldest) = state.waiting.iter().position(|waiting| waiting.made_up) else {
                return;
            };
            let run = state.waiting.remove(oldest).run;
            state.pass_over(run, self.view.now, Outcome::Missed, "no scheduler was there");
        }
    }

    /// What becomes of a due time that was noticed in time.
    fn meet(&mut self, due: Waiting) {
        let (state, now) = (&mut self.state, self.view.now);
        let is_free = state.active.is_none() && state.waiting.is_empty();
        match self.policy.overlap {
            _ if is_free => state.waiting.push(due),
            Overlap::Skip => state.pass_over(due.run, now, Outcome::Skipped, "another run was under way"),
            Overlap::Queue if state.waiting.len() < self.policy.queue_max => state.waiting.push(due),
            Overlap::Queue => state.pass_over(due.run, now, Outcome::Skipped, "the queue was full"),
            Overlap::Replace => {
                for waiting in std::mem::take(&mut state.waiting) {
                    state.pass_over(waiting.run, now, Outcome::Replaced, &format!("by {}", due.run.id));
                }
                if let Some(active) = &mut state.active {
                    active.stop.get_or_insert(Stop::Replaced);
                }
                state.waiting.push(due);
            }
        }
    }

    /// What becomes of the run under way.
    fn go_on(&mut self) {
        let (view, now, lease) = (self.view, self.view.now, self.policy.lease());
        let mine = view.mine.filter(|_| view.finished.is_none());
        let is_mine = |active: &Active| is_held_by(active, view.me) && mine == Some(active.run.id.as_str());
        if let Some(mine) = mine.filter(|_| !self.state.active.as_ref().is_some_and(is_mine)) {
            self.acts.push(Act::Stop(mine.to_owned()));
        }
        let over = self.is_over();
        let Some(active) = &mut self.state.active else { return };
        let id = active.run.id.clone();
        match (&mut active.phase, over) {
            // It was stopped for want of a lease, or we never knew that we have it.
            (Phase::Working { holder, .. }, None) if holder == view.me && view.mine.is_none() && !view.stopping => {
                active.resumed += 1;
                self.work(id);
            }
            (
                Phase::Working {
                    holder, lease_until, ..
                },
                None,
            ) if holder == view.me => {
                // Written anew when a third of it is gone.
                if lease_until.duration_since(now) <= lease * 2 / 3 {
                    *lease_until = later(now, lease);
                }
            }
            (
                Phase::Working {
                    holder, lease_until, ..
                },
                over,
            ) if holder != view.me => {
                let lapses = later(*lease_until, lease / 3);
                let is_lapsed = now >= lapses || *lease_until > later(now, lease + SET_BACK);
                match over {
                    _ if !is_lapsed => self.wakes.push(lapses),
                    Some((outcome, note)) => self.state.end(now, outcome, &note),
                    None if view.stopping => {}
                    None if active.resumed >= RESUMED_MAX => {
                        let note = format!("{RESUMED_MAX} schedulers that took it up died");
                        self.state.end(now, Outcome::Lost, &note);
                    }
                    None => {
                        active.resumed += 1;
                        self.work(id);
                    }
                }
            }
            (Phase::Resting { until, .. }, None) => {
                if now >= *until && !view.stopping {
                    self.work(id);
                }
            }
            (Phase::Working { .. } | Phase::Resting { .. }, Some((outcome, note))) => {
                if mine == Some(id.as_str()) {
                    self.acts.push(Act::Stop(id));
                }
                self.state.end(now, outcome, &note);
            }
            (Phase::Working { .. }, None) => {}
        }
    }

    /// Whether the run under way must not go on, and why.
    fn is_over(&self) -> Option<(Outcome, String)> {
        let active = self.state.active.as_ref()?;
        match &active.stop {
            Some(Stop::Cancelled { who }) => Some((Outcome::Cancelled, format!("by {who}"))),
            Some(Stop::Replaced) => Some((Outcome::Replaced, "a newer due time came".into())),
            None if self.view.now >= later(active.began, seconds(self.policy.deadline_s)) => {
                Some((Outcome::TimedOut, format!("after {} s", self.policy.deadline_s)))
            }
            None => None,
        }
    }

    /// Lets a change start a run when there is nothing else to do. Changes are states and not moments: those that come
    /// during a run are still there at its end.
    fn trigger(&mut self) {
        if self.state.active.is_some() || !self.state.waiting.is_empty() {
            return;
        }
        let (policy, view, seen) = (self.policy, self.view, &self.state.seen);
        let rested = |look: Option<Look<'_>>, seen: &Option<String>| {
            let new = look.filter(|look| seen.as_deref() != Some(look.digest))?;
            Some(later(new.since, seconds(policy.settle_s)))
        };
        let changed = view.project.filter(|_| policy.project_changed);
        let came = view.data.filter(|_| policy.new_data);
        let causes = [
            (Cause::ProjectChanged, rested(changed, &seen.project)),
            (Cause::NewData, rested(came, &seen.data)),
            (Cause::OldData, self.grows_old()),
        ];
        let mut causes = causes.into_iter().filter_map(|(cause, at)| Some((cause, at?)));
        let Some((cause, _)) = causes.clone().find(|(_, at)| *at <= view.now) else {
            self.wakes.extend(causes.by_ref().map(|(_, at)| at));
            return;
        };
        let run = self.state.new_run(cause, view.now);
        self.state.waiting.push(Waiting { run, made_up: false });
    }

    /// When the last good run is too old. After a run that was not good there is a pause.
    fn grows_old(&self) -> Option<Timestamp> {
        let (policy, seen) = (self.policy, &self.state.seen);
        let age = seconds(policy.data_age_max_h? * 3600);
        let not_after = later(self.view.now, SET_BACK);
        let known = |time: Option<Timestamp>| time.filter(|time| *time <= not_after);
        let old = known(seen.good).map_or(self.view.now, |good| later(good, age));
        let pause = known(seen.ended).map(|ended| later(ended, seconds(policy.retry_after_max_s)));
        Some(pause.map_or(old, |pause| old.max(pause)))
    }

    /// Begins what waits first, if nothing is under way.
    fn begin(&mut self) {
        if self.state.active.is_some() || self.state.waiting.is_empty() {
            return;
        }
        let run = self.state.waiting.remove(0).run;
        let (id, now) = (run.id.clone(), self.view.now);
        self.state.active = Some(Active {
            run,
            began: now,
            failed: 0,
            resumed: 0,
            phase: Phase::Resting {
                until: now,
                note: String::new(),
            },
            stop: None,
        });
        self.work(id);
    }

    /// Has this scheduler work on the run under way.
    fn work(&mut self, id: String) {
        let (view, now) = (self.view, self.view.now);
        if let Some(active) = &mut self.state.active {
            active.phase = Phase::Working {
                holder: view.me.to_owned(),
                since: now,
                lease_until: later(now, self.policy.lease()),
            };
        }
        let digest = |look: Option<Look<'_>>| look.map(|look| look.digest.to_owned());
        let seen = &mut self.state.seen;
        seen.data = digest(view.data).or_else(|| seen.data.take());
        seen.project = digest(view.project).or_else(|| seen.project.take());
        self.acts.push(Act::Start(id));
    }

    /// Notes when the run under way needs something next.
    fn wake_for_active(&mut self) {
        let Some(active) = &self.state.active else { return };
        let deadline = later(active.began, seconds(self.policy.deadline_s));
        match &active.phase {
            Phase::Working {
                holder, lease_until, ..
            } if holder == self.view.me => {
                let renew = later(*lease_until, -(self.policy.lease() * 2 / 3));
                self.wakes.extend([renew, deadline]);
            }
            Phase::Working { .. } => {}
            Phase::Resting { until, .. } => self.wakes.extend([*until, deadline]),
        }
    }
}

/// A time moved; one that no calendar has is its end.
fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    time.checked_add(by).unwrap_or(end)
}
