//! Due times found minute by minute, with nothing but local times and the rule.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A moment, its local time, and the local times that were left out just before it.
pub(super) type Minute = (Timestamp, DateTime, Vec<DateTime>);

/// The minutes of a span, those of a day before it first.
pub(super) fn walk(zone: &TimeZone, [from, to]: [Timestamp; 2]) -> Vec<Minute> {
    let minutes = (from.as_second() / 60 - 26 * 60)..=to.as_second() / 60;
    let mut last: Option<DateTime> = None;
    let of = |minute: i64| {
        let moment = Timestamp::from_second(minute * 60).unwrap();
        let local = zone.to_datetime(moment);
        let next = last.replace(local).map(|last| last.checked_add(1.minute()).unwrap());
        let left_out = next.filter(|next| *next < local).into_iter();
        let left_out = left_out.flat_map(|next| next.series(1.minute()).take_while(|at| *at < local));
        (moment, local, left_out.collect())
    };
    minutes.map(of).collect()
}

/// The moments that an expression names among those of a walk, with nothing but local times and the rule.
pub(super) fn by_hand(text: &str, walk: &[Minute]) -> Vec<Timestamp> {
    let fields: Vec<Vec<bool>> = text
        .split(' ')
        .map(|field| (0..60).map(|n| fits_field(field, n)).collect())
        .collect();
    let starred: Vec<bool> = text.split(' ').map(|field| field.starts_with('*')).collect();
    let fits = |local: DateTime| {
        let fit = |at: usize, value: i8| fields[at][usize::try_from(value).unwrap()];
        let (day, weekday) = (fit(2, local.day()), fit(4, local.weekday().to_sunday_zero_offset()));
        let days = if starred[2] || starred[4] {
            day && weekday
        } else {
            day || weekday
        };
        fit(0, local.minute()) && fit(1, local.hour()) && fit(3, local.month()) && days
    };
    let mut found = Vec::new();
    for at in 26 * 60 + 1..walk.len() {
        let (now, local, left_out) = &walk[at];
        let came_before = || walk[at - 180..at].iter().any(|(_, earlier, _)| earlier == local);
        let mut due = fits(*local) && (starred[1] || !came_before());
        due |= !starred[1] && left_out.iter().any(|local| fits(*local));
        found.extend(due.then_some(*now));
    }
    found
}

fn fits_field(text: &str, value: i8) -> bool {
    text.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (0, 99),
            Some((a, b)) => (a.parse().unwrap(), b.parse().unwrap()),
            None => (range.parse().unwrap(), range.parse().unwrap()),
        };
        (first..=last).contains(&value) && (value - first) % step.parse::<i8>().unwrap() == 0
    })
}
