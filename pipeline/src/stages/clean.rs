//! Clean: one table from its SQL. A table with `rows_of` keeps account of every row of its source: kept, duplicate or
//! reject with a reason. Any other table is just the rows of its query.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::walk::Walk;
use crate::catalog::Catalog;
use crate::engine::{Engine, quoted, sql_error};
use crate::error::{Error, Result};
use crate::keys::{Parts, digest, digest_of};
use crate::project::Table;

/// Changes when the same query would give another table.
const FORMAT: &str = "1";

/// The folder of tables under the work folder.
pub const STAGE: &str = "tables";

/// The rows of a table.
pub const ROWS_FILE: &str = "rows.parquet";

/// Its rejects and duplicates, with their reasons.
pub const REJECTS_FILE: &str = "rejects.parquet";

/// What became of the rows of a table's source. `rows_in` is `kept` for a table without `rows_of`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanFacts {
    /// Landed rows of the source.
    pub rows_in: u64,
    /// Rows of the table.
    pub kept: u64,
    /// Rows whose key an earlier row has.
    pub duplicates: u64,
    /// Rows that broke a rule.
    pub rejects: u64,
}

/// What decides how a table comes out, but for what it reads.
pub fn parts(table: &Table) -> Parts {
    Parts::from([
        ("sql".into(), digest(table.sql.as_bytes())),
        (
            "rules".into(),
            digest_of(&(&table.rows_of, &table.key, &table.not_null, &table.cast)),
        ),
        ("format".into(), FORMAT.into()),
    ])
}

/// Makes one table. `raw` holds the landed files of its `rows_of` source in order of `_row`.
///
/// # Errors
/// When the query fails, `_row` is missing or not the source's, or the output cannot be written.
pub async fn clean(
    engine: &Engine,
    table: &Table,
    raw: &[PathBuf],
    catalog: &Catalog,
    key: &str,
) -> Result<CleanFacts> {
    let place = format!("table `{}` ({})", table.name, table.sql_path.written);
    let frame = engine.query(&place, &table.sql).await?;
    let out = catalog.begin(STAGE, &table.name, key)?;
    let facts = if let Some(source) = &table.rows_of {
        check_columns(table, &frame)?;
        let ordered = frame
            .sort(vec![quoted("_row").sort(true, true)])
            .map_err(|e| sql_error(&place, &e))?;
        let stream = engine.stream(&place, ordered).await?;
        Walk::new(table, source, raw, &out, stream.schema())?
            .run(stream, &place)
            .await?
    } else {
        let ordered = engine.in_order(&place, frame)?;
        let kept = engine.write(&place, ordered, &out.join(ROWS_FILE)).await?;
        CleanFacts {
            rows_in: kept,
            kept,
            ..CleanFacts::default()
        }
    };
    if facts.rows_in != facts.kept + facts.duplicates + facts.rejects {
        let message = format!("the rows do not add up: {facts:?}");
        return Err(Error::Table {
            table: table.name.clone(),
            message,
            hint: "please report this as a bug".into(),
        });
    }
    catalog.complete(STAGE, &table.name, key, &facts)?;
    Ok(facts)
}

/// The rules of a table may only name columns that its query gives.
fn check_columns(table: &Table, frame: &datafusion::dataframe::DataFrame) -> Result<()> {
    let has = |name: &str| frame.schema().fields().iter().any(|field| field.name() == name);
    let rules = [
        ("key", &table.key),
        ("not_null", &table.not_null),
        ("cast", &table.cast),
    ];
    let missing = rules
        .iter()
        .flat_map(|(rule, names)| names.iter().map(move |name| (*rule, name)));
    let problem = if has("_row") {
        missing
            .filter(|(_, name)| !has(name))
            .map(|(rule, name)| format!("`{rule}` names `{name}`, which the query does not give"))
            .next()
    } else {
        Some("the query does not give `_row`".to_owned())
    };
    let Some(message) = problem else { return Ok(()) };
    let hint = format!("select `_row` and the named columns in {}", table.sql_path.written);
    Err(Error::Table {
        table: table.name.clone(),
        message,
        hint,
    })
}
