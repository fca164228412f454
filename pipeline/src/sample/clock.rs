//! Time at the desk: half a year of it, with a daily and weekly rhythm and a few bad days. When case k of N arrives and
//! how busy the desk is then are functions of (seed, k, N) and of time, so nothing has to be remembered.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::dice::{Seeds, Stream};

/// Seconds since 1970 of 2026-01-02T00:00:00Z, the first moment of the desk.
pub(super) const DESK_START_S: i64 = 1_767_312_000;
/// Hours of desk life: 180 days, the last ends at 2026-07-01T00:00:00Z.
pub(super) const DESK_HOURS: usize = 180 * 24;
/// The export was made then; later ratings had not arrived.
pub(super) const EXPORT_S: i64 = DESK_START_S + (180 + 4) * DAY_S;
pub(super) const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;

/// Contacts by hour of the day (UTC), with a European and an Asian hump.
const BY_HOUR: [f64; 24] = [
    3.0, 4.0, 5.0, 5.5, 5.0, 4.5, 5.0, 6.5, 8.0, 9.0, 9.0, 8.5, 8.5, 8.5, 8.0, 7.5, 7.0, 6.5, 5.5, 4.5, 3.5, 2.5, 2.0,
    2.5,
];
/// Contacts by day of the week from Monday.
const BY_WEEKDAY: [f64; 7] = [1.25, 1.1, 1.0, 1.0, 1.05, 0.8, 0.75];
const BAD_SPELLS: usize = 6;

/// A stretch of trouble at the carriers: more contacts, most of them about deliveries.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(super) struct BadSpell {
    pub(super) first_hour: usize,
    pub(super) hours: usize,
}

/// The rhythm of one desk.
pub(super) struct Clock {
    cases: u64,
    /// Cumulative share of contacts at the end of each hour, last is 1.
    cumulative: Vec<f64>,
    load: Vec<f64>,
    pub(super) bad_spells: Vec<BadSpell>,
}

impl Clock {
    pub(super) fn new(seeds: &Seeds, cases: u64) -> Self {
        let mut dice = seeds.dice(Stream::Desk, 0);
        let bad_spells: Vec<BadSpell> = (0..BAD_SPELLS)
            .map(|k| {
                let slot = DESK_HOURS / BAD_SPELLS;
                BadSpell {
                    first_hour: k * slot + dice.below(slot - 60),
                    hours: 18 + dice.below(37),
                }
            })
            .collect();
        let weights: Vec<f64> = (0..DESK_HOURS)
            .map(|hour| {
                // 2026-01-02 was a Friday.
                let weekday = (hour / 24 + 4) % 7;
                BY_HOUR[hour % 24] * BY_WEEKDAY[weekday] * if in_spell(&bad_spells, hour) { 1.7 } else { 1.0 }
            })
            .collect();
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let cumulative = weights
            .iter()
            .map(|weight| {
                sum += weight / total;
                sum
            })
            .collect();
        // Staff follows the usual rhythm only in part, so busy hours stay busier for each agent.
        let load = weights.iter().map(|weight| 0.35 + weight / 8.0).collect();
        Self {
            cases,
            cumulative,
            load,
            bad_spells,
        }
    }

    /// When case `index` arrives, in seconds since 1970; rises with `index`. `unit` is the case's own draw in (0, 1).
    pub(super) fn arrival_s(&self, index: u64, unit: f64) -> i64 {
        let share = (index as f64 + unit) / self.cases as f64;
        let hour = self.cumulative.partition_point(|&sum| sum <= share).min(DESK_HOURS - 1);
        let before = if hour == 0 { 0.0 } else { self.cumulative[hour - 1] };
        let within = ((share - before) / (self.cumulative[hour] - before)).clamp(0.0, 0.999_999);
        DESK_START_S + hour as i64 * HOUR_S + (within * HOUR_S as f64) as i64
    }

    /// How busy the desk is: about 0.6 at night, 1.4 on a weekday morning, over 2 in a bad spell.
    pub(super) fn load(&self, at_s: i64) -> f64 {
        self.load[hour_of(at_s)]
    }

    pub(super) fn in_bad_spell(&self, at_s: i64) -> bool {
        in_spell(&self.bad_spells, hour_of(at_s))
    }
}

fn hour_of(at_s: i64) -> usize {
    (((at_s - DESK_START_S) / HOUR_S).max(0) as usize).min(DESK_HOURS - 1)
}

fn in_spell(spells: &[BadSpell], hour: usize) -> bool {
    spells
        .iter()
        .any(|spell| (spell.first_hour..spell.first_hour + spell.hours).contains(&hour))
}

/// The hour of the day (UTC), 0 to 23.
pub(super) fn hour_of_day(at_s: i64) -> usize {
    (at_s.rem_euclid(DAY_S) / HOUR_S) as usize
}

/// Seconds since 1970 as jiff's type; every time of the desk is far inside its range.
pub(super) fn timestamp(at_s: i64) -> Timestamp {
    Timestamp::from_second(at_s).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Appends `2026-03-01T08:15:00Z`.
pub(super) fn push_time(out: &mut String, at_s: i64) {
    let _ = write!(out, "{}", timestamp(at_s));
}

/// Appends `2026-03-01`.
pub(super) fn push_date(out: &mut String, at_s: i64) {
    let start = out.len();
    push_time(out, at_s);
    out.truncate(start + 10);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_ends_in_june_2026() {
        let mut text = String::new();
        push_time(&mut text, DESK_START_S);
        text.push(' ');
        push_date(&mut text, DESK_START_S + DESK_HOURS as i64 * HOUR_S - 1);
        assert_eq!(text, "2026-01-02T00:00:00Z 2026-06-30");
    }

    #[test]
    fn arrivals_rise_and_stay_inside() {
        let clock = Clock::new(&Seeds::new(3), 5000);
        let times: Vec<i64> = (0..5000).map(|k| clock.arrival_s(k, 0.5)).collect();
        assert!(times.is_sorted());
        assert!(times[0] >= DESK_START_S && times[4999] < DESK_START_S + DESK_HOURS as i64 * HOUR_S);
    }
}
