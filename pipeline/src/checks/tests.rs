//! What figures mean, and what is asked for them. That the queries run is seen in the product tests.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use super::{Measured, judge, judged};
use crate::profile::{ColumnChange, TableChange};
use crate::project::{Bound, Check, Expected, ProjectPath, Table, Then};

fn table(checks: Vec<Check>) -> Table {
    let sql = "select * from raw.tickets -- all\n;".to_owned();
    Table {
        name: "tickets".to_owned(),
        sql_path: ProjectPath {
            written: "sql/tickets.sql".to_owned(),
            path: PathBuf::new(),
        },
        sql,
        rows_of: Some("tickets".to_owned()),
        key: Vec::new(),
        not_null: Vec::new(),
        cast: Vec::new(),
        checks,
    }
}

fn check(expected: Expected, then: Then) -> Check {
    Check { expected, then }
}

/// Whether a single check that stops holds, and what was found.
fn verdict(expected: Expected, measured: Measured) -> (bool, String) {
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    let outcome = judge(
        &table(vec![check(expected, Then::Stop)]),
        &[measured],
        now,
        &[],
        &TableChange::default(),
    )
    .remove(0);
    assert_eq!(outcome.stops(), !outcome.passed);
    assert_eq!(outcome.hint.is_empty(), outcome.passed);
    (outcome.passed, outcome.found)
}

#[test]
fn rows_are_counted() {
    let rows = |min, max| Expected::Rows { min, max };
    assert!(verdict(rows(Some(2), None), Measured::Rows(2)).0);
    assert!(!verdict(rows(Some(3), None), Measured::Rows(2)).0);
    assert!(!verdict(rows(None, Some(1)), Measured::Rows(2)).0);
    let column = "channel".to_owned();
    let broken = verdict(Expected::NotNull { column }, Measured::Rows(3));
    assert_eq!(broken, (false, "3 rows break it".to_owned()));
}

#[test]
fn times_are_utc_and_an_empty_table_is_not_fresh() {
    let fresh = |latest: Option<&str>| {
        let expected = Expected::Fresh {
            column: "opened_at".to_owned(),
            within_hours: 2.0,
        };
        verdict(expected, Measured::Latest(latest.map(str::to_owned)))
    };
    assert!(fresh(Some("2026-03-02T10:00:00")).0);
    assert!(fresh(Some("2026-03-02T10:00:00Z")).0);
    assert_eq!(
        fresh(Some("2026-03-02T09:00:00")).1,
        "3.0 hours old (2026-03-02T09:00:00)"
    );
    assert!(!fresh(None).0);
    assert!(!fresh(Some("yesterday")).0);
}

#[test]
fn a_check_that_rejects_holds_and_says_how_many() {
    let column = "channel".to_owned();
    let table = table(vec![check(Expected::NotNull { column }, Then::Reject)]);
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    let outcome = judge(&table, &[Measured::Elsewhere], now, &[7], &TableChange::default()).remove(0);
    assert!(outcome.passed && !outcome.stops());
    assert_eq!(outcome.found, "7 rows rejected");
}

#[test]
fn checks_that_reject_are_columns_of_the_query() {
    let range = Expected::Range {
        column: "min\"utes".to_owned(),
        min: Some(Bound::Number(0.0)),
        max: Some(Bound::Text("it's".to_owned())),
    };
    let unique = Expected::Unique {
        columns: vec!["ticket_id".to_owned()],
    };
    let table = table(vec![check(unique, Then::Warn), check(range, Then::Reject)]);
    assert_eq!(
        judged(&table),
        "select q.*, coalesce(try_cast(q.\"min\"\"utes\" as double) < 0.0 or q.\"min\"\"utes\" > 'it''s', false) \
         as \"__check_1\" from (\nselect * from raw.tickets -- all\n) q "
    );
}

#[test]
fn a_distribution_is_compared_with_the_last_good_run() {
    let expected = Expected::Distribution {
        column: "channel".to_owned(),
        distance_max: 0.2,
    };
    let table = table(vec![check(expected, Then::Stop)]);
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    let found = |change: &TableChange| {
        let outcome = judge(&table, &[Measured::Elsewhere], now, &[], change).remove(0);
        (outcome.passed, outcome.found)
    };
    let nothing = found(&TableChange::first(10));
    assert_eq!(nothing, (true, "no earlier run to compare with".to_owned()));
    let moved = |distance: Option<f64>| TableChange {
        since: Some("R1".to_owned()),
        columns: vec![ColumnChange {
            column: "channel".to_owned(),
            distance,
            ..ColumnChange::default()
        }],
        ..TableChange::default()
    };
    assert_eq!(
        found(&moved(Some(0.31))),
        (false, "distance 0.31 from run R1".to_owned())
    );
    assert_eq!(found(&moved(Some(0.2))), (true, "distance 0.20 from run R1".to_owned()));
    assert_eq!(found(&moved(None)), (true, "nothing to compare with run R1".to_owned()));
}
