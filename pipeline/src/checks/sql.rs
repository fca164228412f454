//! Checks of rows as SQL: when a row breaks one, and the query of a table with that said beside each row.

use crate::engine::bare;
use crate::project::{Bound, Check, Expected, Table, Then};

/// The columns that say which check a row breaks start with it; its number in the table's list follows.
pub(crate) const COLUMN_PREFIX: &str = "__check_";

/// A part of a query that judges rows of `q`.
pub(super) struct Broken {
    /// True for a row that breaks the check.
    pub(super) when: String,
    /// What is joined for it.
    pub(super) join: String,
}

/// How a row breaks the check of this number; none for checks of the whole table. Only for checks that reject, an
/// earlier row with the same values is looked for in order of `_row`.
pub(super) fn broken(check: &Check, number: usize) -> Option<Broken> {
    let q = |column: &str| format!("q.{}", name(column));
    let when = match &check.expected {
        Expected::NotNull { column } => format!("{} is null", q(column)),
        Expected::Type { column, sql_type } => {
            format!("({0} is not null and try_cast({0} as {sql_type}) is null)", q(column))
        }
        Expected::Unique { columns } => {
            let columns: Vec<String> = columns.iter().map(|column| q(column)).collect();
            let all = columns.join(", ");
            let known: Vec<String> = columns.iter().map(|column| format!("{column} is not null")).collect();
            let row = "row_number() over (partition by";
            format!("({} and {row} {all} order by q.\"_row\") > 1)", known.join(" and "))
        }
        Expected::Range { column, min, max } => {
            let side = |bound: &Option<Bound>, sign: &str| {
                let bound = bound.as_ref()?;
                Some(match bound {
                    Bound::Number(number) => format!("try_cast({} as double) {sign} {number:?}", q(column)),
                    Bound::Text(value) => format!("{} {sign} {}", q(column), text(value)),
                })
            };
            let sides: Vec<String> = [side(min, "<"), side(max, ">")].into_iter().flatten().collect();
            format!("coalesce({}, false)", sides.join(" or "))
        }
        Expected::Set { column, values } => {
            let values: Vec<String> = values.iter().map(|value| text(value)).collect();
            format!(
                "coalesce(cast({} as varchar) not in ({}), false)",
                q(column),
                values.join(", ")
            )
        }
        Expected::Pattern { column, pattern } => {
            format!(
                "coalesce(not regexp_like(cast({} as varchar), {}), false)",
                q(column),
                text(pattern)
            )
        }
        Expected::Reference { column, table, to } => {
            let alias = format!("r{number}");
            let join = format!(
                "left join (select distinct {0} as k from {1} where {0} is not null) {alias} on {2} = {alias}.k",
                name(to),
                table_name(table),
                q(column),
            );
            let when = format!("({} is not null and {alias}.k is null)", q(column));
            return Some(Broken { when, join });
        }
        Expected::Rows { .. } | Expected::Fresh { .. } | Expected::Distribution { .. } | Expected::Sql { .. } => {
            return None;
        }
    };
    Some(Broken {
        when,
        join: String::new(),
    })
}

/// The query of a table with a column for each check that rejects rows.
pub(crate) fn judged(table: &Table) -> String {
    let checks: Vec<(usize, Broken)> = table
        .checks
        .iter()
        .enumerate()
        .filter(|(_, check)| check.then == Then::Reject)
        .filter_map(|(number, check)| Some((number, broken(check, number)?)))
        .collect();
    if checks.is_empty() {
        return table.sql.clone();
    }
    let columns: Vec<String> = checks
        .iter()
        .map(|(number, broken)| format!("{} as \"{COLUMN_PREFIX}{number}\"", broken.when))
        .collect();
    let joins: Vec<&str> = checks.iter().map(|(_, broken)| broken.join.as_str()).collect();
    // The line break ends a comment at the query's end.
    let query = bare(&table.sql);
    format!(
        "select q.*, {} from (\n{query}\n) q {}",
        columns.join(", "),
        joins.join(" ")
    )
}

/// The query that counts the rows of a finished table which break a check; none for checks of another sort.
pub(super) fn count(table: &str, check: &Check) -> Option<String> {
    let from = table_name(table);
    if let Expected::Unique { columns } = &check.expected {
        let columns: Vec<String> = columns.iter().map(|column| name(column)).collect();
        let known: Vec<String> = columns.iter().map(|column| format!("{column} is not null")).collect();
        let groups = format!(
            "select count(*) as n from {from} where {} group by {} having count(*) > 1",
            known.join(" and "),
            columns.join(", "),
        );
        return Some(format!("select coalesce(sum(n - 1), 0) as n from ({groups}) g"));
    }
    let broken = broken(check, 0)?;
    Some(format!(
        "select count(*) as n from {from} q {} where {}",
        broken.join, broken.when
    ))
}

/// A column in quotes.
pub(super) fn name(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

/// A table or `raw.source`, each part in quotes.
pub(super) fn table_name(table: &str) -> String {
    table.split('.').map(name).collect::<Vec<_>>().join(".")
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
