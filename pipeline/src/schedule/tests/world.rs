//! What happens to a schedule: how long runs take and how they end, when the scheduler is away, when data come. And the
//! schedule itself under a clock that jumps from event to event.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::super::decide::{Act, Finished, Look, View, decide};
use super::super::policy::Policy;
use super::super::state::{Cause, Ended, Outcome, State};

/// A script that everything follows from.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// A run takes a multiple of this, up to `longest` times.
    pub(super) unit_s: u64,
    pub(super) longest: u64,
    /// Of a hundred tries, so many fail; as many runs are refused.
    pub(super) fails: u64,
    /// When no scheduler is there, in order: from, to.
    pub(super) away: Vec<[Timestamp; 2]>,
    /// When the source files change.
    pub(super) data: Vec<Timestamp>,
}

/// What became of a run, without its id.
pub(super) type Fate = (Cause, Timestamp, Option<Timestamp>, Timestamp, [u32; 2], Outcome);

pub(super) fn fate(ended: &Ended) -> Fate {
    let tries = [ended.failed, ended.resumed];
    (
        ended.run.cause,
        ended.run.due,
        ended.began,
        ended.ended,
        tries,
        ended.outcome,
    )
}

impl World {
    pub(super) fn random(&self, what: &str, at: Timestamp, number: u32) -> u64 {
        let mut mixed = self.seed ^ at.as_second().unsigned_abs().rotate_left(20) ^ u64::from(number).rotate_left(50);
        for byte in what.bytes() {
            mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 31)
    }

    /// How long one try of a run takes.
    pub(super) fn takes(&self, due: Timestamp, failed: u32, began: Timestamp) -> SignedDuration {
        let units = 1 + self.random("takes", due, failed) % self.longest + self.random("again", began, 0) % 2;
        SignedDuration::from_secs(i64::try_from(units * self.unit_s).unwrap())
    }

    pub(super) fn ends(&self, due: Timestamp, failed: u32) -> Finished {
        match self.random("ends", due, failed) % 100 {
            chance if chance < self.fails => Finished::Failed("broken".into()),
            chance if chance < 2 * self.fails => Finished::Refused("no".into()),
            _ => Finished::Good,
        }
    }

    /// The source files at a time, as a scheduler sees them that is there since `there`.
    pub(super) fn data(&self, now: Timestamp, there: Timestamp) -> (String, Timestamp) {
        let changes = self.data.partition_point(|at| *at <= now);
        let since = changes.checked_sub(1).map_or(self.from, |last| self.data[last]);
        (changes.to_string(), since.max(there))
    }

    /// Until when the scheduler is away.
    pub(super) fn is_away(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self.away.partition_point(|away| away[0] <= now).checked_sub(1)?;
        Some(self.away[last][1]).filter(|back| now < *back)
    }

    /// Runs the scheduler from its start to the end of the script.
    pub(super) fn run(&self, policy: &Policy) -> Vec<Fate> {
        let events: BTreeSet<Timestamp> = self.away.iter().map(|away| away[0]).chain(self.data.clone()).collect();
        let (mut state, mut fates, mut now) = (State::default(), Vec::new(), self.from);
        let (mut there, mut work): (_, Option<(String, Timestamp, Finished)>) = (now, None);
        while now <= self.to {
            if let Some(back) = self.is_away(now) {
                (now, there, work) = (back, back, None);
                continue;
            }
            let finished = work.as_ref().filter(|work| work.1 <= now).map(|work| work.2.clone());
            let (digest, since) = self.data(now, there);
            let me = there.to_string();
            let view = View {
                now,
                me: &me,
                mine: work.as_ref().map(|work| work.0.as_str()),
                finished: finished.clone(),
                data: Some(Look { digest: &digest, since }),
                project: None,
                stopping: false,
            };
            let before: u64 = state.counts.values().sum();
            let decision = decide(policy, state, &view);
            state = decision.state;
            let ended = usize::try_from(state.counts.values().sum::<u64>() - before).unwrap();
            fates.extend(state.ended[state.ended.len() - ended..].iter().map(fate));
            if finished.is_some() {
                work = None;
            }
            for act in decision.acts {
                match act {
                    Act::Stop(id) => assert_eq!(work.take().map(|work| work.0), Some(id)),
                    Act::Start(id) => {
                        let active = state.active.as_ref().unwrap();
                        assert!(work.is_none() && active.run.id == id);
                        let (due, failed) = (active.run.due, active.failed);
                        work = Some((id, now + self.takes(due, failed, now), self.ends(due, failed)));
                    }
                }
            }
            let coming = events.range(now..).find(|event| **event > now).copied();
            let ends = work.as_ref().map(|work| work.1);
            let Some(next) = [decision.wake, coming, ends].into_iter().flatten().min() else {
                break;
            };
            assert!(
                next > now || ends == Some(now),
                "it asks for the time that is: {now} {:?}",
                state.active
            );
            now = next;
        }
        fates
    }
}
