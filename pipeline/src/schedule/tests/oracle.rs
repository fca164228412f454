//! The schedule once more, in the plainest way: tick by tick, each rule where its turn comes.

use jiff::{SignedDuration, Timestamp};

use super::super::decide::Finished;
use super::super::policy::{Overlap, Policy};
use super::super::state::{Cause, Outcome};
use super::world::{Fate, World};

struct Job {
    cause: Cause,
    due: Timestamp,
    made_up: bool,
}

struct Now {
    cause: Cause,
    due: Timestamp,
    began: Timestamp,
    failed: u32,
    resumed: u32,
    /// The try: its end, and until when its lease lasts.
    works: Option<(Timestamp, Timestamp)>,
    /// Whether that try is of a scheduler that is there.
    alive: bool,
    rests_until: Timestamp,
}

pub(super) struct Oracle<'a> {
    pub(super) policy: &'a Policy,
    pub(super) world: &'a World,
    /// When runs start, and the due times they are of; in order.
    pub(super) dues: Vec<(Timestamp, Timestamp)>,
    pub(super) tick_s: i64,
    fates: Vec<Fate>,
    queue: Vec<Job>,
    active: Option<Now>,
    seen_data: Option<String>,
    good: Option<Timestamp>,
    ended: Option<Timestamp>,
}

fn secs(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

impl<'a> Oracle<'a> {
    pub(super) fn new(policy: &'a Policy, world: &'a World, dues: Vec<(Timestamp, Timestamp)>, tick_s: i64) -> Self {
        Self {
            policy,
            world,
            dues,
            tick_s,
            fates: Vec::new(),
            queue: Vec::new(),
            active: None,
            seen_data: None,
            good: None,
            ended: None,
        }
    }

    pub(super) fn run(mut self) -> Vec<Fate> {
        let world = self.world;
        let (mut now, mut next_due, mut there) = (world.from, 0, world.from);
        while now <= world.to {
            if let Some(back) = world.is_away(now) {
                there = back;
                if let Some(active) = &mut self.active {
                    active.alive = false;
                }
            } else {
                let data = world.data(now, there);
                self.try_ends(now);
                while next_due < self.dues.len() && self.dues[next_due].0 <= now {
                    self.comes_due(self.dues[next_due], now);
                    next_due += 1;
                }
                self.goes_on(now, &data.0);
                self.triggers(now, &data);
                self.begins(now, &data.0);
            }
            now += SignedDuration::from_secs(self.tick_s);
        }
        self.fates
    }

    fn over(&mut self, now: Timestamp, outcome: Outcome) {
        let active = self.active.take().unwrap();
        self.ended = Some(now);
        if outcome == Outcome::Good {
            self.good = Some(active.began);
        }
        let tries = [active.failed, active.resumed];
        self.fates
            .push((active.cause, active.due, Some(active.began), now, tries, outcome));
    }

    fn never(&mut self, job: &Job, now: Timestamp, outcome: Outcome) {
        self.fates.push((job.cause, job.due, None, now, [0, 0], outcome));
    }

    fn try_ends(&mut self, now: Timestamp) {
        let Some(active) = &mut self.active else { return };
        if active.alive && active.works.is_some_and(|works| works.0 <= now) {
            match self.world.ends(active.due, active.failed) {
                Finished::Good => self.over(now, Outcome::Good),
                Finished::Refused(_) => self.over(now, Outcome::Refused),
                Finished::Failed(_) => {
                    active.failed += 1;
                    if active.failed > self.policy.retries_max {
                        self.over(now, Outcome::Failed);
                    } else {
                        let mut wait = self.policy.retry_after_s;
                        for _ in 1..active.failed {
                            wait = (wait * 2).min(self.policy.retry_after_max_s);
                        }
                        (active.works, active.rests_until) = (None, now + secs(wait));
                    }
                }
            }
        }
    }

    fn comes_due(&mut self, (starts, due): (Timestamp, Timestamp), now: Timestamp) {
        let mut job = Job {
            cause: Cause::Cron,
            due,
            made_up: false,
        };
        if now.as_second() - starts.as_second() > 60 {
            job.made_up = true;
            self.queue.push(job);
            while self.queue.iter().filter(|job| job.made_up).count() > self.policy.catch_up_max {
                let at = self.queue.iter().position(|job| job.made_up).unwrap();
                let job = self.queue.remove(at);
                self.never(&job, now, Outcome::Missed);
            }
            return;
        }
        if self.active.is_none() && self.queue.is_empty() {
            self.queue.push(job);
            return;
        }
        match self.policy.overlap {
            Overlap::Skip => self.never(&job, now, Outcome::Skipped),
            Overlap::Queue if self.queue.len() >= self.policy.queue_max => self.never(&job, now, Outcome::Skipped),
            Overlap::Queue => self.queue.push(job),
            Overlap::Replace => {
                while !self.queue.is_empty() {
                    let old = self.queue.remove(0);
                    self.never(&old, now, Outcome::Replaced);
                }
                self.queue.push(job);
                if self
                    .active
                    .as_ref()
                    .is_some_and(|active| active.alive || active.works.is_none())
                {
                    self.over(now, Outcome::Replaced);
                } else if let Some(active) = &mut self.active {
                    // Its scheduler is dead, and that shows when the lease has lapsed.
                    active.cause = Cause::OldData;
                }
            }
        }
    }

    fn goes_on(&mut self, now: Timestamp, data: &str) {
        let (lease, deadline) = (secs(self.policy.lease_s), secs(self.policy.deadline_s));
        let Some(active) = &mut self.active else { return };
        let is_late = now >= active.began + deadline;
        // A mark of `comes_due`: only runs of cron expressions are made here where runs are replaced.
        let replaced = active.cause == Cause::OldData && self.policy.overlap == Overlap::Replace;
        match active.works {
            Some((_, until)) if active.alive && !is_late && until.duration_since(now) > lease * 2 / 3 => {}
            Some(_) if active.alive && !is_late => {
                active.works = active.works.map(|works| (works.0, now + lease));
            }
            Some((_, until)) if !active.alive => {
                if now < until + lease / 3 {
                } else if replaced {
                    active.cause = Cause::Cron;
                    self.over(now, Outcome::Replaced);
                } else if is_late {
                    self.over(now, Outcome::TimedOut);
                } else {
                    active.resumed += 1;
                    self.works(now, data);
                }
            }
            _ if is_late => self.over(now, Outcome::TimedOut),
            None if now >= active.rests_until => self.works(now, data),
            _ => {}
        }
    }

    fn works(&mut self, now: Timestamp, data: &str) {
        let Some(active) = &mut self.active else { return };
        let ends = now + self.world.takes(active.due, active.failed, now);
        (active.works, active.alive) = (Some((ends, now + secs(self.policy.lease_s))), true);
        self.seen_data = Some(data.to_owned());
    }

    fn triggers(&mut self, now: Timestamp, (digest, since): &(String, Timestamp)) {
        if self.active.is_some() || !self.queue.is_empty() {
            return;
        }
        let policy = self.policy;
        let is_new = policy.new_data && self.seen_data.as_ref() != Some(digest);
        let is_old = policy.data_age_max_h.is_some_and(|age| {
            let paused = self
                .ended
                .is_some_and(|ended| now < ended + secs(policy.retry_after_max_s));
            self.good.is_none_or(|good| now >= good + secs(age * 3600)) && !paused
        });
        let cause = match () {
            () if is_new && now >= *since + secs(policy.settle_s) => Cause::NewData,
            () if is_old => Cause::OldData,
            () => return,
        };
        self.queue.push(Job {
            cause,
            due: now,
            made_up: false,
        });
    }

    fn begins(&mut self, now: Timestamp, data: &str) {
        if self.active.is_none() && !self.queue.is_empty() {
            let job = self.queue.remove(0);
            self.active = Some(Now {
                cause: job.cause,
                due: job.due,
                began: now,
                failed: 0,
                resumed: 0,
                works: None,
                alive: true,
                rests_until: now,
            });
            self.works(now, data);
        }
    }
}
