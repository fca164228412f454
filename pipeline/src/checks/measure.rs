//! The figures of a table's checks, taken once for a table's content.

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use serde::{Deserialize, Serialize};

use super::sql::{count, name, table_name};
use crate::engine::{Engine, bare};
use crate::error::Result;
use crate::keys::{Parts, digest_of};
use crate::project::{Check, Expected, Table, Then};

/// Changes when the same check would measure another figure.
const FORMAT: &str = "1";

/// The folder of measured checks under the work folder.
pub const STAGE: &str = "checks";

/// What one check measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// Rows of the table that break it; all rows for a check of their number.
    Rows(i64),
    /// The latest time, as SQL writes it; none in a table without one.
    Latest(Option<String>),
    /// Nothing here: the rows were judged when the table was made.
    Elsewhere,
}

/// What decides the figures, but for the tables that are read.
pub fn parts(table: &Table, content: &str) -> Parts {
    Parts::from([
        ("table".into(), content.into()),
        ("checks".into(), digest_of(&table.checks)),
        ("format".into(), FORMAT.into()),
    ])
}

/// Measures each check of a table that the engine knows, in their order.
///
/// # Errors
/// When a query fails: a column is not there, or types do not fit.
pub async fn measure(engine: &Engine, table: &Table) -> Result<Vec<Measured>> {
    let mut measured = Vec::with_capacity(table.checks.len());
    for check in &table.checks {
        measured.push(measure_one(engine, table, check).await?);
    }
    Ok(measured)
}

async fn measure_one(engine: &Engine, table: &Table, check: &Check) -> Result<Measured> {
    let place = format!("table `{}`, check {}", table.name, check.words());
    let from = table_name(&table.name);
    let query = match &check.expected {
        _ if check.then == Then::Reject => return Ok(Measured::Elsewhere),
        Expected::Rows { .. } => format!("select count(*) as n from {from}"),
        Expected::Sql { sql, .. } => {
            format!("select count(*) as n from (\n{}\n) q", bare(sql))
        }
        Expected::Fresh { column, .. } => {
            let latest = format!(
                "select cast(max(try_cast({} as timestamp)) as varchar) as n from {from}",
                name(column)
            );
            let found = engine.collect(&place, engine.query(&place, &latest).await?).await?.1;
            let latest = found.first().filter(|batch| batch.num_rows() > 0).and_then(|batch| {
                let column = cast(batch.column(0), &DataType::Utf8).ok()?;
                column
                    .is_valid(0)
                    .then(|| column.as_string::<i32>().value(0).to_owned())
            });
            return Ok(Measured::Latest(latest));
        }
        _ => match count(&table.name, check) {
            Some(query) => query,
            None => return Ok(Measured::Elsewhere),
        },
    };
    let found = engine.collect(&place, engine.query(&place, &query).await?).await?.1;
    let rows = found.first().filter(|batch| batch.num_rows() > 0).and_then(|batch| {
        let column = cast(batch.column(0), &DataType::Int64).ok()?;
        column.is_valid(0).then(|| column.as_primitive::<Int64Type>().value(0))
    });
    Ok(Measured::Rows(rows.unwrap_or_default()))
}
