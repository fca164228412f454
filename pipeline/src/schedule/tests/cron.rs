//! Cron expressions: what they name, held against a walk over the minutes; and what is no expression.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::cron::Cron;
use super::by_hand::{by_hand, walk};

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn span(from: &str, to: &str) -> [Timestamp; 2] {
    [from, to].map(|day| format!("{day}T00:00:00Z").parse().unwrap())
}

#[test]
fn a_year_in_seven_zones_is_what_a_walk_over_its_minutes_finds() {
    let zones = [
        ("Europe/Berlin", "2026-01-01", "2027-01-02"),
        ("America/New_York", "2026-01-01", "2027-01-02"),
        ("Australia/Lord_Howe", "2026-01-01", "2027-01-02"),
        ("Asia/Shanghai", "2026-01-01", "2027-01-02"),
        ("America/Santiago", "2026-01-01", "2027-01-02"),
        // Put back over midnight, at one minute past it.
        ("America/St_Johns", "2010-01-01", "2011-01-02"),
        // A day was left out.
        ("Pacific/Apia", "2011-06-01", "2012-06-01"),
    ];
    let expressions = [
        "30 2 * * *",
        "*/20 2 * * *",
        "0 * * * *",
        "15,45 */3 * * *",
        "0 0 * * 1-5",
        "59 23 28-31 * *",
        "0 1-3 1,15 * 0",
        "7 0 * 3,10,11 *",
        "10 23 * * *",
        "30 12 29 2 *",
        "0 2 * * 0",
        "1 0 * * *",
    ];
    let mut moments = 0;
    for (name, from, to) in zones {
        let (zone, span) = (zone(name), span(from, to));
        let walk = walk(&zone, span);
        for text in expressions {
            let cron: Cron = text.parse().unwrap();
            let found: Vec<Timestamp> = cron.after(&zone, span[0]).take_while(|at| *at <= span[1]).collect();
            let wanted = by_hand(text, &walk);
            assert_eq!(found, wanted, "{text} in {name}");
            moments += found.len();
        }
    }
    assert!(moments > 100_000, "{moments}");
}

#[test]
fn a_time_of_day_comes_once_a_day_whatever_the_clocks_do() {
    let berlin = zone("Europe/Berlin");
    let found = |text: &str, from: &str, count: usize| -> Vec<String> {
        let cron: Cron = text.parse().unwrap();
        let moments = cron.after(&berlin, from.parse().unwrap()).take(count);
        moments.map(|at| at.to_string()).collect()
    };
    let night = "30 2 * * *";
    assert_eq!(
        found(night, "2026-03-28T00:00:00Z", 3),
        ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        found(night, "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    assert_eq!(
        found("30 * * * *", "2026-10-25T00:00:00Z", 3),
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
    );
    assert_eq!(
        found("0 0 29 2 *", "2026-01-01T00:00:00Z", 2),
        ["2028-02-28T23:00:00Z", "2032-02-28T23:00:00Z"]
    );
}

#[test]
fn names_and_sundays_are_understood() {
    let numbers: Cron = "0 2 * 1-3 7".parse().unwrap();
    let names: Cron = "0  2 * JAN-mar Sun".parse().unwrap();
    let set = |cron: &Cron| (cron.months, cron.weekdays);
    assert_eq!(set(&numbers), set(&names));
    assert_eq!(names.to_string(), "0 2 * JAN-mar Sun");
    assert_eq!("* * * * 5-7".parse::<Cron>().unwrap().weekdays, 0b110_0001);
}

#[test]
fn what_is_no_expression_is_refused_with_a_way_out() {
    let told = |text: &str| {
        let problem = text.parse::<Cron>().unwrap_err();
        format!("{}; {}", problem.message, problem.hint)
    };
    for (text, part) in [
        ("", "this one 0"),
        ("@daily", "this one 1"),
        ("0 0 2 * * *", "this one 6"),
        ("60 * * * *", "the minute cannot be `60`; it takes numbers from 0 to 59"),
        ("* 24 * * *", "the hour"),
        ("* * 0 * *", "day of the month"),
        ("* * * 13 *", "`jan` to `dec`"),
        ("* * * * 8", "day of the week"),
        ("*/0 * * * *", "a step is a number"),
        ("5/10 * * * *", "a step needs a range"),
        ("30-10 * * * *", "smaller number first"),
        ("1,,2 * * * *", "`,`"),
        ("+1 * * * *", "cannot be `+1`"),
        ("* * 30 feb *", "no such day"),
        ("* * \u{1b}[2J * *", "\\u{1b}"),
    ] {
        let told = told(text);
        assert!(told.contains(part) || part == "`,`", "{text}: {told}");
    }
}
