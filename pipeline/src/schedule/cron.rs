//! Cron expressions of five fields, and the moments they name in a time zone. Time is handed in; nothing waits here.
//!
//! What daylight saving does is as in Vixie cron. An expression whose hour starts with `*` names every moment whose local
//! time it fits: nothing in an hour that is left out, both passes of one that comes twice. Any other names times of
//! day: one that is left out comes at the end of the gap (once, however many fall into it), one that comes twice is
//! meant the first time.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// An expression that names no day for so long names none: from one 29 February to the next it is eight years at most.
const DAYS_SEARCHED: usize = 366 * 9;

/// Minute, hour, day of the month, month, day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    written: String,
    minutes: u64,
    hours: u64,
    days: u64,
    pub(super) months: u64,
    pub(super) weekdays: u64,
    /// Whether the hour starts with `*`: the expression names moments, not times of day.
    every_hour: bool,
    /// Whether a day must fit both fields; when both are restricted, one is enough, as everywhere in cron.
    both_days: bool,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronProblem {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// The names of the numbers from `min` on; empty if it has none.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        min: 0,
        max: 59,
        names: &[],
    },
    Field {
        name: "hour",
        min: 0,
        max: 23,
        names: &[],
    },
    Field {
        name: "day of the month",
        min: 1,
        max: 31,
        names: &[],
    },
    Field {
        name: "month",
        min: 1,
        max: 12,
        names: &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    },
    // 7 is Sunday too.
    Field {
        name: "day of the week",
        min: 0,
        max: 7,
        names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    },
];

impl FromStr for Cron {
    type Err = CronProblem;

    fn from_str(written: &str) -> Result<Self, CronProblem> {
        let fields: Vec<&str> = written.split_whitespace().collect();
        let Ok(fields) = <[&str; 5]>::try_from(fields.as_slice()) else {
            return Err(CronProblem {
                message: format!("a cron expression has five fields, this one {}", fields.len()),
                hint: "write minute, hour, day of the month, month, day of the week: \"30 2 * * mon-fri\"".into(),
            });
        };
        let mut sets = [0; 5];
        for ((set, field), text) in sets.iter_mut().zip(&FIELDS).zip(fields) {
            *set = field.read(text)?;
        }
        let [minutes, hours, days, months, weekdays] = sets;
        let cron = Self {
            written: fields.join(" "),
            minutes,
            hours,
            days,
            months,
            // Sunday is 0.
            weekdays: weekdays & 0x7f | weekdays >> 7,
            every_hour: fields[1].starts_with('*'),
            both_days: fields[2].starts_with('*') || fields[4].starts_with('*'),
        };
        let any_leap_year = Date::constant(2024, 1, 1);
        let mut days = any_leap_year.series(1.day()).take(DAYS_SEARCHED);
        if !days.any(|date| cron.fits_day(date)) {
            return Err(CronProblem {
                message: "there is no such day in any year".into(),
                hint: "mend the day of the month or the month".into(),
            });
        }
        Ok(cron)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Field {
    /// The numbers that a field names, as bits.
    fn read(&self, text: &str) -> Result<u64, CronProblem> {
        let mut set = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                None => (part, 1),
                Some((range, step)) => (range, self.step(step, part)?),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.min, self.max),
                Some((first, last)) => (self.number(first, part)?, self.number(last, part)?),
                None if part.contains('/') => return Err(self.wrong(part, "a step needs a range: `*/5` or `10-30/5`")),
                None => {
                    let number = self.number(range, part)?;
                    (number, number)
                }
            };
            if first > last {
                return Err(self.wrong(part, "write the smaller number first, or two ranges with a comma"));
            }
            set |= (first..=last).step_by(step).fold(0, |set, number| set | 1 << number);
        }
        Ok(set)
    }

    fn step(&self, text: &str, part: &str) -> Result<usize, CronProblem> {
        let step = text.parse().ok().filter(|step| (1..=59).contains(step));
        step.ok_or_else(|| self.wrong(part, "a step is a number from 1 to 59"))
    }

    fn number(&self, text: &str, part: &str) -> Result<u32, CronProblem> {
        let named = self.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = match named {
            Some(at) => u32::try_from(at).ok().map(|at| at + self.min),
            None => text.parse().ok().filter(|_| digits),
        };
        let allowed = number.filter(|number| (self.min..=self.max).contains(number));
        allowed.ok_or_else(|| {
            let names = self.names.first().zip(self.names.last());
            let names = names.map_or_else(String::new, |(first, last)| format!(", or `{first}` to `{last}`"));
            self.wrong(
                part,
                &format!("it takes numbers from {} to {}{names}", self.min, self.max),
            )
        })
    }

    fn wrong(&self, part: &str, hint: &str) -> CronProblem {
        let part: String = part.chars().take(40).flat_map(char::escape_debug).collect();
        CronProblem {
            message: format!("the {} cannot be `{part}`", self.name),
            hint: hint.to_owned(),
        }
    }
}

impl Cron {
    /// The moments after `time`, in order, until the calendar ends.
    pub fn after<'a>(&'a self, zone: &'a TimeZone, time: Timestamp) -> Moments<'a> {
        let today = zone.to_datetime(time).date();
        Moments {
            cron: self,
            zone,
            after: time,
            ready: BTreeSet::new(),
            // Where clocks are put back over midnight, yesterday's times come after some of today's.
            next_day: Some(today.yesterday().unwrap_or(today)),
        }
    }

    /// The moments that a day names, in order.
    fn of_day(&self, zone: &TimeZone, date: Date) -> BTreeSet<Timestamp> {
        let mut moments = BTreeSet::new();
        if !self.fits_day(date) {
            return moments;
        }
        for hour in numbers(self.hours) {
            for minute in numbers(self.minutes) {
                let Ok(time) = Time::new(hour, minute, 0, 0) else {
                    continue;
                };
                let local = date.to_datetime(time);
                let at = |offset: jiff::tz::Offset| offset.to_timestamp(local).ok();
                match zone.to_ambiguous_timestamp(local).offset() {
                    AmbiguousOffset::Unambiguous { offset } => moments.extend(at(offset)),
                    AmbiguousOffset::Gap { .. } if self.every_hour => {}
                    AmbiguousOffset::Gap { before, .. } => {
                        // By the clock before the gap, that moment is at its end or behind it.
                        let behind = at(before).and_then(|behind| behind.checked_add(1.nanosecond()).ok());
                        moments.extend(behind.and_then(|behind| Some(zone.preceding(behind).next()?.timestamp())));
                    }
                    AmbiguousOffset::Fold { before, after } => {
                        moments.extend(at(before));
                        moments.extend(at(after).filter(|_| self.every_hour));
                    }
                }
            }
        }
        moments
    }

    fn fits_day(&self, date: Date) -> bool {
        let has = |set: u64, number: i8| set >> number & 1 == 1;
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        has(self.months, date.month()) && if self.both_days { day && weekday } else { day || weekday }
    }
}

/// The moments of a [`Cron`], in order.
#[derive(Debug, Clone)]
pub struct Moments<'a> {
    cron: &'a Cron,
    zone: &'a TimeZone,
    after: Timestamp,
    /// Those of the days before `next_day` that are still to come.
    ready: BTreeSet<Timestamp>,
    next_day: Option<Date>,
}

impl Iterator for Moments<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        for _ in 0..DAYS_SEARCHED {
            // The days around a moment are known before it is given: they may name an earlier one.
            let first = self.ready.first().map(|first| self.zone.to_datetime(*first).date());
            let day = match (first, self.next_day) {
                (Some(first), Some(day)) if day > first.tomorrow().unwrap_or(first) => break,
                (_, Some(day)) => day,
                (_, None) => break,
            };
            self.ready.append(&mut self.cron.of_day(self.zone, day));
            self.ready = self.ready.split_off(&self.after);
            self.ready.remove(&self.after);
            self.next_day = day.tomorrow().ok();
        }
        let next = self.ready.pop_first()?;
        self.after = next;
        Some(next)
    }
}

fn numbers(set: u64) -> impl Iterator<Item = i8> {
    (0_i8..60).filter(move |number| set >> number & 1 == 1)
}
