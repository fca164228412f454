//! `[schedule]`: when runs are due, and what becomes of those that meet, fail or were missed.

use jiff::tz::TimeZone;

use super::names::hint_for;
use super::problems::quoted;
use super::section::Section;
use crate::schedule::{Cron, Overlap, Policy};

const OVERLAPS: &[(&str, Overlap)] = &[
    ("skip", Overlap::Skip),
    ("queue", Overlap::Queue),
    ("replace", Overlap::Replace),
];

/// The section; none if it is not written.
pub(super) fn read_schedule(file: &mut Section<'_>, seed: u64) -> Option<Policy> {
    let is_written = file.key_span("schedule").is_some();
    let mut section = file.section("schedule");
    if !is_written {
        return None;
    }
    let times = read_times(&mut section);
    let new_data = section.flag("new_data", false);
    let project_changed = section.flag("project_changed", false);
    let mut settle_s = 60;
    if new_data || project_changed {
        settle_s = section.whole("settle_s", 0..=86_400, 60);
    } else {
        section.without_effect("settle_s", "without `new_data` or `project_changed`");
    }
    let has_age = section.key_span("data_age_max_h").is_some();
    let age = section.whole("data_age_max_h", 1..=8784, 24);
    if !times.is_there && !new_data && !project_changed && !has_age {
        section.missing(
            "cron",
            "say when runs are due: `cron = [\"30 2 * * *\"]`, or `new_data = true`",
        );
    }
    let retries_max = section.whole("retries_max", 0..=100, 3);
    let retry_after_s = section.whole("retry_after_s", 1..=86_400, 60);
    let retry_after_max_s = section.whole("retry_after_max_s", 1..=604_800, 3600.max(retry_after_s));
    at_most(
        &section,
        ("retry_after_s", retry_after_s),
        ("`retry_after_max_s`", retry_after_max_s),
    );
    let deadline_s = section.whole("deadline_s", 10..=2_592_000, 21_600);
    let lease_s = section.whole("lease_s", 3..=3600, 60);
    let look_every_s = section.whole("look_every_s", 1..=3600, (lease_s / 3).min(10));
    at_most(
        &section,
        ("look_every_s", look_every_s),
        ("a third of `lease_s`", lease_s / 3),
    );
    let stop_grace_s = section.whole("stop_grace_s", 0..=86_400, 30);
    section.finish();
    Some(Policy {
        crons: times.crons,
        time_zone: times.zone.0,
        zone: times.zone.1,
        jitter_max_s: times.jitter_max_s,
        seed,
        overlap: times.overlap,
        queue_max: times.queue_max,
        catch_up_max: times.catch_up_max,
        new_data,
        project_changed,
        settle_s,
        data_age_max_h: has_age.then_some(age),
        retries_max: u32::try_from(retries_max).unwrap_or(u32::MAX),
        retry_after_s,
        retry_after_max_s,
        deadline_s,
        lease_s,
        look_every_s,
        stop_grace_s,
    })
}

/// What is about due times, and does nothing without them.
struct Times {
    is_there: bool,
    crons: Vec<Cron>,
    zone: (String, TimeZone),
    jitter_max_s: u64,
    overlap: Overlap,
    queue_max: usize,
    catch_up_max: usize,
}

fn read_times(section: &mut Section<'_>) -> Times {
    let is_there = section.key_span("cron").is_some();
    let mut times = Times {
        is_there,
        crons: read_crons(section),
        zone: utc(),
        jitter_max_s: 0,
        overlap: Overlap::Skip,
        queue_max: 3,
        catch_up_max: 1,
    };
    if !is_there {
        for key in ["time_zone", "jitter_max_s", "overlap", "queue_max", "catch_up_max"] {
            section.without_effect(key, "without `cron`");
        }
        return times;
    }
    times.zone = read_zone(section);
    times.jitter_max_s = section.whole("jitter_max_s", 0..=86_400, 0);
    times.catch_up_max = section.size("catch_up_max", 0..=100, 1);
    let overlap = section.choice("overlap", OVERLAPS, Some(Overlap::Skip));
    times.overlap = overlap.unwrap_or(Overlap::Skip);
    if times.overlap == Overlap::Queue {
        times.queue_max = section.size("queue_max", 1..=100, 3);
    } else {
        section.without_effect("queue_max", "without `overlap = \"queue\"`");
    }
    times
}

fn read_crons(section: &mut Section<'_>) -> Vec<Cron> {
    let mut crons = Vec::new();
    for written in section.texts("cron") {
        match written.value.parse::<Cron>() {
            Ok(cron) => crons.push(cron),
            Err(problem) => section
                .problems()
                .add(Some(written.span), problem.message, problem.hint),
        }
    }
    crons
}

fn utc() -> (String, TimeZone) {
    ("UTC".to_owned(), TimeZone::UTC)
}

fn read_zone(section: &mut Section<'_>) -> (String, TimeZone) {
    let Some(written) = section.text("time_zone") else {
        return utc();
    };
    if let Ok(zone) = TimeZone::get(&written.value) {
        return (written.value, zone);
    }
    let known: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hint = match hint_for(&written.value, &known, "") {
        near if near.starts_with("did you") => near,
        _ => "write a name of the IANA time zone database, such as \"Europe/Berlin\" or \"Asia/Shanghai\"".into(),
    };
    let message = format!("there is no time zone {}", quoted(&written.value));
    section.problems().add(Some(written.span), message, hint);
    utc()
}

/// Notes a number that is larger than another one allows.
fn at_most(section: &Section<'_>, (key, value): (&str, u64), (bound, max): (&str, u64)) {
    if value > max.max(1) {
        let hint = format!("write a number up to {}, or raise the other", max.max(1));
        section.problems().add(
            section.span_within(key),
            format!("`{key}` is larger than {bound}"),
            hint,
        );
    }
}
