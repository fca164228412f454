//! Several schedulers on one state: killed between any two steps, stalled, cut off, with clocks that differ.

use std::collections::{BTreeMap, BTreeSet};

use super::super::decide::{Act, Decision, Finished, View, decide};
use super::super::state::State;
use super::*;

/// What they share: a state that is replaced only by whoever read the one before.
#[derive(Default)]
struct Shared {
    turn: u64,
    /// Where the first of them began.
    from: Option<Timestamp>,
    state: State,
    ended: Vec<(String, Outcome)>,
}

struct Scheduler {
    name: String,
    /// How far its clock is ahead.
    ahead_s: i64,
    /// Not there, or busy with something else, until then.
    away_until: i64,
    /// Cut off from what is shared until then.
    cut_off_until: i64,
    work: Option<Work>,
    /// Read and decided, not yet written.
    decided: Option<(u64, Decision, bool)>,
    next_look: i64,
}

struct Work {
    run: String,
    ends: i64,
    lease_until: Timestamp,
}

struct Chance(u64);

impl Chance {
    /// One in so many.
    fn one_in(&mut self, many: u64) -> bool {
        self.up_to(many) == 0
    }

    fn up_to(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

struct Play {
    policy: Policy,
    shared: Shared,
    chance: Chance,
    completed: BTreeMap<String, usize>,
    deaths: usize,
    lost_turns: usize,
}

impl Play {
    fn dies(&mut self, of: &mut Scheduler, now: i64) {
        self.deaths += 1;
        of.name = format!("after {} deaths", self.deaths);
        (of.work, of.decided) = (None, None);
        of.away_until = now + 1 + i64::try_from(self.chance.up_to(120)).unwrap();
    }

    /// One second of a scheduler; what it does in it may end anywhere.
    fn second(&mut self, of: &mut Scheduler, now: i64) {
        let clock = Timestamp::from_second(now + of.ahead_s).unwrap();
        if of.work.as_ref().is_some_and(|work| clock >= work.lease_until) {
            // The rule of the caller: no work without a lease.
            of.work = None;
        }
        if now < of.away_until {
            return;
        }
        if self.chance.one_in(400) {
            return self.dies(of, now);
        }
        if self.chance.one_in(300) {
            of.cut_off_until = now + i64::try_from(self.chance.up_to(200)).unwrap();
        }
        if now < of.cut_off_until {
            return;
        }
        if of.decided.is_none() {
            self.look(of, clock, now);
            // A stall between reading and writing.
            if self.chance.one_in(4) {
                of.away_until = now + i64::try_from(self.chance.up_to(30)).unwrap();
                return;
            }
        }
        if let Some(decided) = of.decided.take() {
            self.write(of, decided, now);
        }
    }

    fn look(&mut self, of: &mut Scheduler, clock: Timestamp, now: i64) {
        let done = of.work.as_ref().is_some_and(|work| work.ends <= now);
        if now < of.next_look && !done {
            return;
        }
        of.next_look = now + 5;
        if let Some(work) = of.work.as_ref().filter(|_| done) {
            *self.completed.entry(work.run.clone()).or_default() += 1;
        }
        let view = View {
            now: clock,
            me: &of.name,
            mine: of.work.as_ref().map(|work| work.run.as_str()),
            finished: done.then_some(Finished::Good),
            data: None,
            project: None,
            stopping: false,
        };
        let decision = decide(&self.policy, self.shared.state.clone(), &view);
        of.decided = Some((self.shared.turn, decision, done));
    }

    fn write(&mut self, of: &mut Scheduler, (turn, decision, done): (u64, Decision, bool), now: i64) {
        if turn != self.shared.turn {
            self.lost_turns += 1;
            of.next_look = now;
            return;
        }
        if decision.state != self.shared.state {
            let before = self.shared.state.counts.values().sum::<u64>();
            self.shared.state = decision.state;
            let state = &self.shared.state;
            self.shared.from = self.shared.from.or(state.due_until);
            let new = usize::try_from(state.counts.values().sum::<u64>() - before).unwrap();
            let new = &state.ended[state.ended.len() - new..];
            self.shared
                .ended
                .extend(new.iter().map(|ended| (ended.run.id.clone(), ended.outcome)));
            self.shared.turn += 1;
        }
        of.work.take_if(|_| done);
        if self.chance.one_in(10) && !decision.acts.is_empty() {
            return self.dies(of, now);
        }
        let active = self.shared.state.active.clone();
        let held = active.as_ref().and_then(|active| match &active.phase {
            super::super::state::Phase::Working { lease_until, .. } => Some(*lease_until),
            super::super::state::Phase::Resting { .. } => None,
        });
        for act in decision.acts {
            match act {
                // It may have stopped for want of a lease since it decided.
                Act::Stop(run) => assert!(of.work.take().is_none_or(|work| work.run == run)),
                Act::Start(run) => {
                    assert!(of.work.is_none());
                    let takes = 20 + i64::try_from(self.chance.up_to(400)).unwrap();
                    of.work = Some(Work {
                        run,
                        ends: now + takes,
                        lease_until: held.unwrap(),
                    });
                }
            }
        }
        if let (Some(work), Some(until)) = (&mut of.work, held) {
            work.lease_until = until;
        }
    }
}

fn play(seed: u64, overlap: Overlap) -> Play {
    let policy = Policy {
        overlap,
        catch_up_max: 2,
        lease_s: 30,
        deadline_s: 100_000,
        ..policy("Europe/Berlin", &["*/10 * * * *"])
    };
    let scheduler = |number: i64| Scheduler {
        name: number.to_string(),
        // Less than a third of the lease apart.
        ahead_s: number * 4 - 4,
        away_until: 0,
        cut_off_until: 0,
        work: None,
        decided: None,
        next_look: 0,
    };
    let mut all: Vec<Scheduler> = (0..3).map(scheduler).collect();
    let mut play = Play {
        policy,
        shared: Shared::default(),
        chance: Chance(seed),
        completed: BTreeMap::new(),
        deaths: 0,
        lost_turns: 0,
    };
    let start = at("2026-10-24T22:00:00Z").as_second();
    for now in start..start + 86_400 {
        let first = usize::try_from(play.chance.up_to(3)).unwrap();
        for number in 0..3 {
            play.second(&mut all[(first + number) % 3], now);
            let working = all.iter().filter(|of| of.work.is_some()).count();
            assert!(working <= 1, "two work at {now}: {:?}", play.shared.state.active);
        }
    }
    play
}

#[test]
fn of_several_schedulers_one_works_and_every_due_time_comes_once() {
    let mut totals = [0; 3];
    for seed in 0..9 {
        let overlap = [Overlap::Skip, Overlap::Queue, Overlap::Replace][usize::try_from(seed % 3).unwrap()];
        let play = play(seed, overlap);
        let state = &play.shared.state;
        let mut ids: Vec<&str> = play.shared.ended.iter().map(|(id, _)| id.as_str()).collect();
        ids.extend(state.active.iter().map(|active| active.run.id.as_str()));
        ids.extend(state.waiting.iter().map(|waiting| waiting.run.id.as_str()));
        let dues: BTreeSet<&str> = ids.iter().map(|id| id.split('-').next().unwrap()).collect();
        assert_eq!(dues.len(), ids.len(), "a due time came twice");
        let (from, until) = (play.shared.from.unwrap(), state.due_until.unwrap());
        let all = play.policy.due_after(from).take_while(|time| time.due <= until);
        assert_eq!(all.count(), ids.len(), "a due time was lost");
        for (id, outcome) in &play.shared.ended {
            let completed = play.completed.contains_key(id);
            match outcome {
                Outcome::Good => assert!(completed, "{id}"),
                Outcome::Skipped | Outcome::Missed => assert!(!completed, "{id}"),
                _ => {}
            }
        }
        let good = play
            .shared
            .ended
            .iter()
            .filter(|(_, outcome)| *outcome == Outcome::Good)
            .count();
        totals = [totals[0] + good, totals[1] + play.deaths, totals[2] + play.lost_turns];
    }
    let [good, deaths, lost_turns] = totals;
    assert!(good > 400 && deaths > 1000 && lost_turns > 1000, "{totals:?}");
}
