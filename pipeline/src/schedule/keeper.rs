//! A scheduler at work: reads the shared state, asks [`decide`] what comes next, writes it, and then does it. All of the
//! judging is there; here are the clock, the files and the waiting.

use std::time::Duration;

use deskmill_models::registry::Registry;
use jiff::Timestamp;

use super::decide::{Act, Finished, Look, View, decide, let_go};
use super::looks::{self, Seen};
use super::policy::{Policy, seconds};
use super::state::{Phase, State};
use super::store::{read_turn, write_turn};
use crate::error::{Error, Result};
use crate::project::Project;

/// How often the clock, the worker and the lease are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How often a decision is made anew at once because another scheduler was faster.
const TRIES: usize = 20;

/// Does the work of runs, one at a time.
pub trait Worker {
    /// Begins a try of a run.
    ///
    /// # Errors
    /// Why it cannot; that counts as a try that failed.
    fn start(&mut self, run: &str) -> std::result::Result<(), String>;

    /// Stops it, if it works, and returns when it is stopped.
    fn stop(&mut self);

    /// How the try ended; once.
    fn ended(&mut self) -> Option<Finished>;
}

/// What a scheduler tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A try of this run began.
    Started(String),
    /// This run was stopped.
    Stopped(String),
    /// A try of this run ended.
    Ended(String, Finished),
    /// This run was left to the next scheduler.
    Left(String),
    /// Something is wrong that may pass; it goes on.
    Trouble(String),
}

/// One scheduler of a project.
pub struct Keeper<'a, W> {
    /// The registry that holds the state.
    pub registry: Registry,
    /// Reads the project anew: its schedule and its files may change.
    pub project: &'a dyn Fn() -> Result<Project>,
    /// Does the work.
    pub worker: W,
    /// Who is told.
    pub told: &'a dyn Fn(Told),
    /// The name of this scheduler, used by no other and never again.
    pub me: String,
}

/// What a scheduler knows by itself.
struct Desk {
    project: Project,
    policy: Policy,
    data: Option<Seen>,
    own: Option<Seen>,
    mine: Option<String>,
    lease_until: Option<Timestamp>,
    finished: Option<Finished>,
    next_look: Timestamp,
    stopping: bool,
    trouble: Option<String>,
}

impl<W: Worker> Keeper<'_, W> {
    /// Keeps the schedule until `stop` comes; then what runs may end for a while.
    ///
    /// # Errors
    /// When the project is wrong or has no schedule at the start. Later trouble is told, and passes or not.
    pub async fn keep(mut self, stop: impl Future<Output = ()>) -> Result<()> {
        let project = (self.project)()?;
        let policy = policy_of(&project)?;
        let now = Timestamp::now();
        let mut desk = Desk {
            project,
            policy,
            data: None,
            own: None,
            mine: None,
            lease_until: None,
            finished: None,
            next_look: now,
            stopping: false,
            trouble: None,
        };
        // What is wrong from the start is said at once.
        read_turn(&self.registry, &desk.project.name).await?;
        let mut stop = std::pin::pin!(stop);
        let mut grace_until = Timestamp::MAX;
        loop {
            self.guard(&mut desk);
            let now = Timestamp::now();
            // A clock that was set back must not keep us waiting.
            let is_time =
                now >= desk.next_look || desk.next_look.duration_since(now) > seconds(2 * desk.policy.look_every_s);
            // What ended is written at once, or, while the registry is in trouble, at the next look.
            if is_time || (desk.finished.is_some() && desk.trouble.is_none()) {
                self.look(&mut desk).await;
            }
            if desk.stopping && (desk.mine.is_none() || Timestamp::now() >= grace_until) {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = &mut stop, if !desk.stopping => {
                    desk.stopping = true;
                    let until = Timestamp::now().checked_add(seconds(desk.policy.stop_grace_s));
                    grace_until = until.unwrap_or(Timestamp::MAX);
                }
            }
        }
        self.leave(&mut desk).await;
        Ok(())
    }

    /// Sees how the worker is, and stops it if its lease has lapsed: another scheduler may begin any moment.
    fn guard(&mut self, desk: &mut Desk) {
        let Some(mine) = &desk.mine else { return };
        if let Some(finished) = self.worker.ended() {
            (self.told)(Told::Ended(mine.clone(), finished.clone()));
            desk.finished = Some(finished);
        }
        if desk.finished.is_none() && desk.lease_until.is_some_and(|until| Timestamp::now() >= until) {
            self.worker.stop();
            (self.told)(Told::Stopped(mine.clone()));
            desk.mine = None;
        }
    }

    /// Decides until a decision could be written, and acts on it.
    async fn look(&mut self, desk: &mut Desk) {
        let now = Timestamp::now();
        desk.next_look = now
            .checked_add(seconds(desk.policy.look_every_s))
            .unwrap_or(Timestamp::MAX);
        self.look_at_files(desk, now);
        for _ in 0..TRIES {
            match self.turn(desk).await {
                Ok(true) => return desk.trouble = None,
                Ok(false) => {}
                Err(error) => return self.trouble(desk, format!("{error}; {}", error.hint())),
            }
        }
    }

    fn look_at_files(&self, desk: &mut Desk, now: Timestamp) {
        match (self.project)().and_then(|project| Ok((policy_of(&project)?, project))) {
            Ok((policy, project)) if project.name == desk.project.name => {
                looks::note(&mut desk.own, looks::of_project(&project), now);
                if policy.new_data {
                    looks::note(&mut desk.data, looks::of_data(&project), now);
                }
                (desk.policy, desk.project) = (policy, project);
            }
            // The schedule as it was goes on; runs will say themselves what is wrong.
            Ok(_) => self.trouble(desk, "`project.name` changed: start the scheduler again".into()),
            Err(error) => self.trouble(desk, error.to_string()),
        }
    }

    /// One decision; false if it could not be written because another scheduler was faster.
    async fn turn(&mut self, desk: &mut Desk) -> Result<bool> {
        let name = desk.project.name.clone();
        let registry = self.registry.clone();
        let (turn, state) = self.guarded(desk, read_turn(&registry, &name)).await?;
        fn look(seen: &Option<Seen>) -> Option<Look<'_>> {
            seen.as_ref().map(|seen| Look {
                digest: &seen.digest,
                since: seen.since,
            })
        }
        let finished = desk.finished.clone();
        let view = View {
            now: Timestamp::now(),
            me: &self.me,
            mine: desk.mine.as_deref(),
            finished: finished.clone(),
            data: look(&desk.data),
            project: look(&desk.own),
            stopping: desk.stopping,
        };
        let decision = decide(&desk.policy, state.clone(), &view);
        if decision.state != state
            && !self
                .guarded(desk, write_turn(&registry, &name, turn, &decision.state))
                .await?
        {
            return Ok(false);
        }
        if finished.is_some() {
            (desk.finished, desk.mine) = (None, None);
        }
        desk.lease_until = self.lease(&decision.state);
        for act in decision.acts {
            self.act(desk, act);
        }
        if let Some(wake) = decision.wake {
            desk.next_look = desk.next_look.min(wake);
        }
        Ok(true)
    }

    /// Waits for the registry and keeps an eye on the lease meanwhile.
    async fn guarded<T>(&mut self, desk: &mut Desk, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(TICK) => {
                    // What ended is taken in at the next look: this decision does not know of it.
                    if desk.finished.is_none() {
                        self.guard(desk);
                    }
                }
            }
        }
    }

    /// Until when what we hold is ours.
    fn lease(&self, state: &State) -> Option<Timestamp> {
        match &state.active.as_ref()?.phase {
            Phase::Working {
                holder, lease_until, ..
            } if *holder == self.me => Some(*lease_until),
            Phase::Working { .. } | Phase::Resting { .. } => None,
        }
    }

    fn act(&mut self, desk: &mut Desk, act: Act) {
        match act {
            Act::Stop(run) => {
                self.worker.stop();
                (self.told)(Told::Stopped(run));
                (desk.mine, desk.finished) = (None, None);
            }
            Act::Start(run) => {
                (self.told)(Told::Started(run.clone()));
                if let Err(reason) = self.worker.start(&run) {
                    desk.finished = Some(Finished::Failed(reason));
                }
                desk.mine = Some(run);
            }
        }
    }

    /// Stops what still runs and lets others have it at once.
    async fn leave(&mut self, desk: &mut Desk) {
        let Some(run) = desk.mine.take() else { return };
        self.worker.stop();
        (self.told)(Told::Left(run));
        for _ in 0..TRIES {
            let now = Timestamp::now();
            let written = match read_turn(&self.registry, &desk.project.name).await {
                Ok((turn, state)) => {
                    let state = let_go(state, &self.me, now);
                    write_turn(&self.registry, &desk.project.name, turn, &state).await
                }
                Err(error) => Err(error),
            };
            match written {
                Ok(true) => return,
                Ok(false) => {}
                // The lease lapses by itself.
                Err(error) => return self.trouble(desk, error.to_string()),
            }
        }
    }

    /// Tells trouble once, until it is another or over.
    fn trouble(&self, desk: &mut Desk, text: String) {
        if desk.trouble.as_ref() != Some(&text) {
            (self.told)(Told::Trouble(text.clone()));
            desk.trouble = Some(text);
        }
    }
}

fn policy_of(project: &Project) -> Result<Policy> {
    project.schedule.clone().ok_or_else(|| Error::Schedule {
        project: project.name.clone(),
        message: "the project has no schedule".into(),
        hint: "add `[schedule]` with `cron = [\"30 2 * * *\"]` to deskmill.toml".into(),
    })
}
