//! Single rules, told one by one.

use super::super::decide::{Act, Decision, Finished, Look, View, decide, let_go};
use super::super::state::{Cause, Outcome, Phase, State};
use super::*;

/// One scheduler, asked at times of the test's choosing.
struct Desk {
    policy: Policy,
    state: State,
    me: &'static str,
    mine: Option<String>,
    stopping: bool,
    data: Option<&'static str>,
}

impl Desk {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: State::default(),
            me: "a",
            mine: None,
            stopping: false,
            data: None,
        }
    }

    fn ask(&mut self, time: &str, finished: Option<Finished>) -> Decision {
        let view = View {
            now: at(time),
            me: self.me,
            mine: self.mine.as_deref(),
            finished: finished.clone(),
            data: self.data.map(|digest| Look {
                digest,
                since: at(time) - SignedDuration::from_hours(1),
            }),
            project: None,
            stopping: self.stopping,
        };
        let decision = decide(&self.policy, self.state.clone(), &view);
        self.state = decision.state.clone();
        if finished.is_some() {
            self.mine = None;
        }
        for act in &decision.acts {
            match act {
                Act::Start(id) => self.mine = Some(id.clone()),
                Act::Stop(id) => assert_eq!(self.mine.take().as_ref(), Some(id)),
            }
        }
        decision
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.state.ended.iter().map(|ended| ended.outcome).collect()
    }
}

fn hourly() -> Desk {
    let mut desk = Desk::new(policy("UTC", &["0 * * * *"]));
    desk.ask("2026-06-01T00:30:00Z", None);
    desk
}

#[test]
fn nothing_is_due_before_the_first_start() {
    let mut desk = Desk::new(policy("UTC", &["0 * * * *"]));
    let first = desk.ask("2026-06-01T00:30:00Z", None);
    assert_eq!((first.acts.len(), first.wake), (0, Some(at("2026-06-01T01:00:00Z"))));
    let due = desk.ask("2026-06-01T01:00:00Z", None);
    assert_eq!(due.acts, [Act::Start("20260601T010000-s1".into())]);
    desk.ask("2026-06-01T01:10:00Z", Some(Finished::Good));
    assert_eq!(desk.outcomes(), [Outcome::Good]);
    assert_eq!(desk.state.seen.good, Some(at("2026-06-01T01:00:00Z")));
}

#[test]
fn a_person_stops_what_runs_rests_or_waits() {
    let mut desk = hourly();
    desk.policy.overlap = Overlap::Queue;
    desk.ask("2026-06-01T01:00:00Z", None);
    desk.ask("2026-06-01T02:00:00Z", None);
    let (now, running) = (at("2026-06-01T02:00:01Z"), desk.mine.clone().unwrap());
    let waiting = desk.state.waiting[0].run.id.clone();
    desk.state.cancel(&waiting, "ann", now).unwrap();
    desk.state.cancel(&running, "ann", now).unwrap();
    let told = desk.ask("2026-06-01T02:00:02Z", None);
    assert_eq!(told.acts, [Act::Stop(running.clone())]);
    assert_eq!(desk.outcomes(), [Outcome::Cancelled; 2]);
    assert_eq!(desk.state.ended[1].note, "by ann");
    let over = desk.state.cancel(&running, "bob", now).unwrap_err();
    assert_eq!(over, Some(Outcome::Cancelled));
    assert_eq!(desk.state.cancel("none", "bob", now), Err(None));
    desk.ask("2026-06-01T03:00:00Z", None);
    desk.ask("2026-06-01T03:01:00Z", Some(Finished::Failed("no disk".into())));
    let resting = desk.state.active.clone().unwrap();
    assert!(matches!(&resting.phase, Phase::Resting { note, .. } if note == "no disk"));
    desk.state.cancel(&resting.run.id, "ann", now).unwrap();
    assert_eq!(desk.state.active, None);
}

#[test]
fn retries_wait_twice_as_long_each_time_up_to_a_bound() {
    let policy = Policy {
        retry_after_s: 60,
        retry_after_max_s: 1000,
        ..policy("UTC", &[])
    };
    let waits: Vec<i64> = [1, 2, 3, 4, 5, 6, 64, 65, 200]
        .map(|tries| policy.retry_after(tries).as_secs())
        .into();
    assert_eq!(waits, [60, 120, 240, 480, 960, 1000, 1000, 1000, 1000]);
}

#[test]
fn a_scheduler_that_stops_leaves_its_run_to_the_next() {
    let mut desk = hourly();
    desk.ask("2026-06-01T01:00:00Z", None);
    desk.stopping = true;
    let told = desk.ask("2026-06-01T02:00:00Z", None);
    assert_eq!(told.acts, [], "it starts nothing, and does not end what runs");
    desk.state = let_go(desk.state.clone(), "a", at("2026-06-01T02:00:10Z"));
    let mut next = Desk {
        me: "b",
        mine: None,
        stopping: false,
        ..desk
    };
    let told = next.ask("2026-06-01T02:00:20Z", None);
    assert_eq!(told.acts, [Act::Start("20260601T010000-s1".into())], "at once");
    assert_eq!(next.state.active.as_ref().unwrap().resumed, 0);
}

#[test]
fn a_run_that_kills_its_schedulers_is_given_up() {
    let mut desk = hourly();
    desk.policy.deadline_s = 1_000_000;
    desk.ask("2026-06-01T01:00:00Z", None);
    let mut time = at("2026-06-01T01:00:00Z");
    for taken_up in 1..=20 {
        desk.mine = None;
        desk.me = if taken_up % 2 == 1 { "b" } else { "a" };
        time += SignedDuration::from_secs(239);
        assert_eq!(
            desk.ask(&time.to_string(), None).acts,
            [],
            "its lease and a third of it last"
        );
        time += SignedDuration::from_secs(1);
        assert_eq!(desk.ask(&time.to_string(), None).acts.len(), 1);
    }
    (desk.mine, desk.me) = (None, "c");
    time += SignedDuration::from_secs(240);
    desk.ask(&time.to_string(), None);
    assert!(desk.outcomes().contains(&Outcome::Lost));
}

#[test]
fn a_clock_that_is_wrong_for_a_while_does_no_lasting_harm() {
    let mut desk = hourly();
    desk.ask("2099-01-01T00:00:00Z", None);
    // One is made up for, one is on time.
    assert_eq!(
        desk.state.counts[&Outcome::Missed],
        400 * 24 - 2,
        "so far back it looks"
    );
    desk.ask("2099-01-01T00:01:00Z", Some(Finished::Good));
    let right = desk.ask("2026-06-01T00:40:00Z", None);
    assert_eq!(right.wake, Some(at("2026-06-01T01:00:00Z")), "from here afresh");
    assert_eq!(desk.ask("2026-06-01T01:00:00Z", None).acts.len(), 1);
    desk.ask("2026-06-01T01:01:00Z", Some(Finished::Good));
    let back = desk.ask("2026-06-01T00:50:00Z", None);
    assert_eq!(back.acts, [], "a due time that was is not due again");
    assert_eq!(desk.ask("2026-06-01T01:00:30Z", None).acts, []);
    assert_eq!(desk.ask("2026-06-01T02:00:00Z", None).acts.len(), 1);
    // A lease of the far future is that of a clock that was wrong.
    desk.state.active.as_mut().unwrap().phase = Phase::Working {
        holder: "b".into(),
        since: at("2099-01-01T00:00:00Z"),
        lease_until: at("2099-01-01T00:03:00Z"),
    };
    desk.mine = None;
    assert_eq!(desk.ask("2026-06-01T02:10:00Z", None).acts.len(), 1);
}

#[test]
fn data_that_come_during_a_run_are_seen_after_it() {
    let mut desk = Desk::new(Policy {
        new_data: true,
        ..policy("UTC", &[])
    });
    desk.data = Some("1");
    let first = desk.ask("2026-06-01T00:00:00Z", None);
    assert_eq!(first.acts.len(), 1, "what was never run is new");
    desk.data = Some("2");
    assert_eq!(desk.ask("2026-06-01T00:05:00Z", None).acts, []);
    let next = desk.ask(
        "2026-06-01T00:10:00Z",
        Some(Finished::Refused("the gate said no".into())),
    );
    assert_eq!(next.acts.len(), 1);
    assert_eq!(next.state.active.unwrap().run.cause, Cause::NewData);
    let after = desk.ask("2026-06-01T00:20:00Z", Some(Finished::Good));
    assert_eq!(
        (after.acts.len(), after.wake),
        (0, None),
        "and then there is nothing to wait for"
    );
}

#[test]
fn a_state_is_read_back_as_it_was_written() {
    let mut desk = hourly();
    desk.policy.overlap = Overlap::Queue;
    for time in ["2026-06-01T01:00:00Z", "2026-06-01T02:00:00Z", "2026-06-01T05:30:00Z"] {
        desk.ask(time, None);
    }
    let written = serde_json::to_string(&desk.state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&written).unwrap(), desk.state);
}
