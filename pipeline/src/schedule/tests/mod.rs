//! The schedule under a clock of the test's own, held against one that is written in the plainest way.

#![allow(clippy::unwrap_used, clippy::panic)]

mod by_hand;
mod cron;
mod oracle;
mod several;
mod single;
mod world;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::policy::{Overlap, Policy};
use super::state::Outcome;
use by_hand::{Minute, by_hand, walk};
use oracle::Oracle;
use world::World;

/// A policy of one night's run, in a zone.
fn policy(zone: &str, crons: &[&str]) -> Policy {
    Policy {
        crons: crons.iter().map(|cron| cron.parse().unwrap()).collect(),
        time_zone: zone.into(),
        zone: TimeZone::get(zone).unwrap(),
        jitter_max_s: 0,
        seed: 7,
        overlap: Overlap::Skip,
        queue_max: 2,
        catch_up_max: 1,
        new_data: false,
        project_changed: false,
        settle_s: 120,
        data_age_max_h: None,
        retries_max: 2,
        retry_after_s: 300,
        retry_after_max_s: 1200,
        deadline_s: 7200,
        lease_s: 180,
        look_every_s: 60,
        stop_grace_s: 0,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The due times of a policy that the walk over the minutes finds, with the jitter of the policy.
fn dues(policy: &Policy, world: &World, walk: &[Minute]) -> Vec<(Timestamp, Timestamp)> {
    let crons = policy.crons.iter().flat_map(|cron| by_hand(&cron.to_string(), walk));
    let mut dues: Vec<Timestamp> = crons.collect();
    dues.sort_unstable();
    dues.dedup();
    let starts: BTreeMap<Timestamp, Timestamp> = policy
        .due_after(world.from)
        .take_while(|time| time.due <= world.to)
        .map(|time| (time.due, time.starts))
        .collect();
    dues.into_iter().map(|due| (starts[&due], due)).collect()
}

/// A script of so many absences and changes.
fn world(seed: u64, [from, to]: [Timestamp; 2], events: usize, tick_s: i64) -> World {
    let mut world = World {
        seed,
        from,
        to,
        unit_s: u64::try_from(tick_s).unwrap() * 7,
        longest: 20,
        fails: 20,
        ..World::default()
    };
    let span = to.as_second() - from.as_second();
    let moment = |what: &str, number: usize, longest: i64| {
        let number = u32::try_from(number).unwrap();
        let random = i64::try_from(world.random(what, from, number) >> 1).unwrap();
        SignedDuration::from_secs(random % longest / tick_s * tick_s)
    };
    let mut away: Vec<[Timestamp; 2]> = (0..events)
        .map(|number| {
            let gone = from + moment("gone", number, span);
            // Most absences are short: restarts.
            let longest = if number % 3 == 0 { 40 * 3600 } else { 900 };
            [
                gone,
                gone + moment("back", number, longest) + SignedDuration::from_secs(tick_s),
            ]
        })
        .collect();
    let mut data: Vec<Timestamp> = (0..events).map(|number| from + moment("data", number, span)).collect();
    away.sort_unstable();
    away.dedup_by(|later, earlier| later[0] <= earlier[1]);
    data.sort_unstable();
    data.dedup();
    world.away = away;
    world.data = data;
    world
}

fn agree(policy: &Policy, world: &World, (walk, tick_s): (&[Minute], i64), counts: &mut BTreeMap<Outcome, usize>) {
    let found = world.run(policy);
    let wanted = Oracle::new(policy, world, dues(policy, world, walk), tick_s).run();
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted, "{policy:?}");
    }
    assert_eq!(found.len(), wanted.len());
    found.iter().for_each(|fate| *counts.entry(fate.5).or_default() += 1);
}

#[test]
fn a_year_in_five_zones_goes_as_the_plainest_scheduler_says() {
    let zones = [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Shanghai",
        "America/Santiago",
    ];
    let year = [at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")];
    let crons: [&[&str]; 3] = [&["30 2 * * *"], &["0 * * * *", "30 */4 * * 1-5"], &["*/20 8-18 * * *"]];
    let mut counts = BTreeMap::new();
    for (seed, zone) in (1..).zip(zones) {
        let world = world(seed, year, 300, 60);
        let walk = walk(&TimeZone::get(zone).unwrap(), year);
        for (overlap, catch_up_max) in [(Overlap::Skip, 0), (Overlap::Queue, 3), (Overlap::Replace, 1)] {
            for crons in crons {
                let policy = Policy {
                    overlap,
                    catch_up_max,
                    lease_s: 1800,
                    new_data: overlap != Overlap::Replace && seed % 2 == 1,
                    data_age_max_h: (overlap == Overlap::Skip && seed % 2 == 0).then_some(20),
                    retries_max: 3 - u32::try_from(catch_up_max).unwrap(),
                    ..policy(zone, crons)
                };
                agree(&policy, &world, (&walk, 60), &mut counts);
            }
        }
    }
    assert!(counts.values().sum::<usize>() > 100_000, "{counts:?}");
    // Nobody cancels, and no run kills its scheduler twenty times.
    assert_eq!(counts.len(), 7, "{counts:?}");
}

#[test]
fn a_week_of_seconds_with_jitter_goes_as_the_plainest_scheduler_says() {
    let week = [at("2026-10-22T00:00:00Z"), at("2026-10-29T00:00:00Z")];
    let mut counts = BTreeMap::new();
    for (seed, overlap) in (11..).zip([Overlap::Skip, Overlap::Queue, Overlap::Replace]) {
        let world = World {
            unit_s: 100,
            ..world(seed, week, 40, 1)
        };
        let policy = Policy {
            overlap,
            jitter_max_s: 1000,
            lease_s: 60,
            new_data: overlap == Overlap::Queue,
            ..policy("Europe/Berlin", &["*/20 * * * *", "0 2 * * *"])
        };
        let walk = walk(&policy.zone, week);
        agree(&policy, &world, (&walk, 1), &mut counts);
    }
    assert!(counts.values().sum::<usize>() > 1000, "{counts:?}");
}

#[test]
fn jitter_follows_from_seed_and_time_and_never_reaches_the_next_due_time() {
    let policy = Policy {
        jitter_max_s: 7200,
        ..policy("Europe/Berlin", &["0 * * * *", "0 3 * * *"])
    };
    let of = |policy: &Policy| -> Vec<_> { policy.due_after(at("2026-01-01T00:00:00Z")).take(2000).collect() };
    let times = of(&policy);
    assert_eq!(times, of(&policy));
    assert!(
        times
            .windows(2)
            .all(|two| two[0].starts < two[1].due && two[0].due <= two[0].starts)
    );
    let late = times
        .iter()
        .filter(|time| time.starts.duration_since(time.due).as_secs() > 1800)
        .count();
    assert!(
        (800..1200).contains(&late),
        "half of them start in the second half of an hour: {late}"
    );
    assert_ne!(times, of(&Policy { seed: 8, ..policy }));
}
