//! `[[tables.NAME.checks]]`: what a table is expected to be.

use std::path::Path;

use super::checked::{Check, Expected, Then};
use super::files::read_sql;
use super::section::Section;
use crate::profile::DISTANCE_MAX;

/// The expectations by their names in the file.
const CHECKS: &[(&str, Name)] = &[
    ("not_null", Name::NotNull),
    ("type", Name::Type),
    ("unique", Name::Unique),
    ("range", Name::Range),
    ("set", Name::Set),
    ("pattern", Name::Pattern),
    ("reference", Name::Reference),
    ("rows", Name::Rows),
    ("fresh", Name::Fresh),
    ("distribution", Name::Distribution),
    ("sql", Name::Sql),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    NotNull,
    Type,
    Unique,
    Range,
    Set,
    Pattern,
    Reference,
    Rows,
    Fresh,
    Distribution,
    Sql,
}

/// The checks of a table; none if one of them is wrong. Rows can be rejected only where they are `rows_of` a source.
pub(super) fn read_checks(table: &mut Section<'_>, has_rows_of: bool, folder: &Path) -> Option<Vec<Check>> {
    let sections = table.listed_sections("checks");
    let checks: Vec<Option<Check>> = sections
        .into_iter()
        .map(|mut section| {
            let check = read_check(&mut section, has_rows_of, folder);
            section.finish();
            check
        })
        .collect();
    checks.into_iter().collect()
}

fn read_check(section: &mut Section<'_>, has_rows_of: bool, folder: &Path) -> Option<Check> {
    let Some(name) = section.choice("check", CHECKS, None) else {
        // Which keys are right depends on it.
        for key in [
            "column",
            "columns",
            "type",
            "min",
            "max",
            "values",
            "pattern",
            "table",
            "to",
            "within_hours",
            "distance_max",
        ] {
            section.skip(key);
        }
        section.skip("sql");
        section.skip("then");
        return None;
    };
    let expected = read_expected(section, name, folder);
    let of_rows = !matches!(name, Name::Rows | Name::Fresh | Name::Distribution | Name::Sql);
    let can_reject = of_rows && has_rows_of;
    let default = match name {
        // Data may change for good reasons.
        Name::Distribution => Then::Warn,
        _ if can_reject => Then::Reject,
        _ => Then::Stop,
    };
    let words = [("warn", Then::Warn), ("reject", Then::Reject), ("stop", Then::Stop)];
    let then = section.choice("then", &words, Some(default))?;
    if then == Then::Reject && !can_reject {
        let (why, hint) = if of_rows {
            (
                "without `rows_of`",
                "add `rows_of` to the table, or write `warn` or `stop`",
            )
        } else {
            ("by a check of the whole table", "write `warn` or `stop`")
        };
        let span = section.key_span("then");
        section
            .problems()
            .add(span, format!("rows cannot be rejected {why}"), hint);
        return None;
    }
    Some(Check {
        expected: expected?,
        then,
    })
}

// A regular table: an arm for each expectation.
#[allow(clippy::too_many_lines)]
fn read_expected(section: &mut Section<'_>, name: Name, folder: &Path) -> Option<Expected> {
    let mut column = || {
        section
            .required("column", "name a column of the table")
            .map(|column| column.value)
    };
    match name {
        Name::NotNull => Some(Expected::NotNull { column: column()? }),
        Name::Type => {
            let column = column();
            let written = section.required("type", "write a type of SQL: `type = \"timestamp\"`")?;
            let is_type = written
                .value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b" (),_".contains(&byte));
            if !is_type {
                let message = format!("`type` cannot be {}", super::problems::quoted(&written.value));
                section.problems().add(
                    Some(written.span),
                    message,
                    "write a type of SQL: int, double, timestamp",
                );
                return None;
            }
            Some(Expected::Type {
                column: column?,
                sql_type: written.value,
            })
        }
        Name::Unique => {
            if section.key_span("columns").is_none() {
                section.missing("columns", "name the columns: `columns = [\"ticket_id\"]`");
            }
            let columns: Vec<String> = section
                .texts("columns")
                .into_iter()
                .map(|column| column.value)
                .collect();
            (!columns.is_empty()).then_some(Expected::Unique { columns })
        }
        Name::Range => {
            let column = column();
            let (min, max) = (section.bound("min"), section.bound("max"));
            need_one(section, "min", "max")?;
            Some(Expected::Range {
                column: column?,
                min,
                max,
            })
        }
        Name::Set => {
            let column = column();
            if section.key_span("values").is_none() {
                section.missing("values", "list them as texts: `values = [\"open\", \"closed\"]`");
            }
            let values: Vec<String> = section.texts("values").into_iter().map(|value| value.value).collect();
            let column = column?;
            (!values.is_empty()).then_some(Expected::Set { column, values })
        }
        Name::Pattern => {
            let column = column();
            let written = section.required("pattern", "write a regular expression: `pattern = \"^T-[0-9]+$\"`")?;
            if let Err(error) = regex::Regex::new(&written.value) {
                let words = error.to_string();
                let message = format!(
                    "`pattern` is no regular expression: {}",
                    words.lines().last().unwrap_or_default()
                );
                section
                    .problems()
                    .add(Some(written.span), message, "see the syntax of the Rust crate regex");
                return None;
            }
            Some(Expected::Pattern {
                column: column?,
                pattern: written.value,
            })
        }
        Name::Reference => {
            let column = column();
            let table = section.required("table", "name a source or a table above: `table = \"customers\"`");
            let to = section.text("to").map(|to| to.value);
            let column = column?;
            Some(Expected::Reference {
                to: to.unwrap_or_else(|| column.clone()),
                column,
                table: table?.value,
            })
        }
        Name::Rows => {
            let whole = |section: &mut Section<'_>, key| {
                section
                    .key_span(key)
                    .map(|_| section.whole(key, 0..=i64::MAX.unsigned_abs(), 0))
            };
            let (min, max) = (whole(section, "min"), whole(section, "max"));
            section.skip("min");
            section.skip("max");
            need_one(section, "min", "max")?;
            Some(Expected::Rows { min, max })
        }
        Name::Fresh => {
            let column = column();
            if section.key_span("within_hours").is_none() {
                section.missing(
                    "within_hours",
                    "write how old the newest row may be: `within_hours = 26`",
                );
            }
            let within_hours = section.number("within_hours", 0.0..=1e6, 24.0);
            Some(Expected::Fresh {
                column: column?,
                within_hours,
            })
        }
        Name::Distribution => {
            let column = column();
            let distance_max = section.number("distance_max", 0.0..=1.0, DISTANCE_MAX);
            Some(Expected::Distribution {
                column: column?,
                distance_max,
            })
        }
        Name::Sql => {
            let (sql_path, sql) = read_sql(section, "sql", folder)?;
            Some(Expected::Sql { sql_path, sql })
        }
    }
}

/// Of two keys one must be there.
fn need_one(section: &Section<'_>, one: &str, other: &str) -> Option<()> {
    if section.key_span(one).is_some() || section.key_span(other).is_some() {
        return Some(());
    }
    section.missing(one, &format!("write `{one}`, `{other}` or both"));
    None
}
