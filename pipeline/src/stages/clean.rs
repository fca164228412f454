//! Clean: one table from its SQL. A table with `rows_of` keeps account of every row of its source: kept, duplicate or
//! reject with a reason. Any other table is just the rows of its query.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::walk::Walk;
use crate::catalog::Catalog;
use crate::checks::{COLUMN_PREFIX, judged};
use crate::engine::{Engine, quoted, sql_error};
use crate::error::{Error, Result};
use crate::keys::{Parts, digest, digest_of};
use crate::lineage::Output;
use crate::project::{Table, Then};

/// Changes when the same query would give another table.
const FORMAT: &str = "2";

/// The folder of tables under the work folder.
pub const STAGE: &str = "tables";

/// The rows of a table.
pub const ROWS_FILE: &str = "rows.parquet";

/// Its rejects and duplicates, with their reasons.
pub const REJECTS_FILE: &str = "rejects.parquet";

/// What became of the rows of a table's source. `rows_in` is `kept` for a table without `rows_of`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanFacts {
    /// Landed rows of the source.
    pub rows_in: u64,
    /// Rows of the table.
    pub kept: u64,
    /// Rows whose key an earlier row has.
    pub duplicates: u64,
    /// Rows that broke a rule.
    pub rejects: u64,
    /// Of these, the rows that each check of the table rejected, in their order.
    #[serde(default)]
    pub rejected_by: Vec<u64>,
}

/// What decides how a table comes out, but for what it reads.
pub fn parts(table: &Table) -> Parts {
    Parts::from([
        ("sql".into(), digest(table.sql.as_bytes())),
        // Hints of rejects and the lineage name it.
        ("sql_path".into(), table.sql_path.written.clone()),
        (
            "rules".into(),
            digest_of(&(&table.rows_of, &table.key, &table.not_null, &table.cast)),
        ),
        ("checks".into(), digest_of(&rejecting(table))),
        ("format".into(), FORMAT.into()),
    ])
}

/// The checks that decide about rows, with their numbers.
fn rejecting(table: &Table) -> Vec<(usize, &crate::project::Check)> {
    let checks = table.checks.iter().enumerate();
    checks.filter(|(_, check)| check.then == Then::Reject).collect()
}

/// Makes one table, `made` as it was begun. `raw` holds the landed files of its `rows_of` source in order of `_row`.
///
/// # Errors
/// When the query fails, `_row` is missing or not the source's, or the output cannot be written.
pub async fn clean(
    engine: &Engine,
    table: &Table,
    raw: &[PathBuf],
    catalog: &Catalog,
    made: Output,
) -> Result<CleanFacts> {
    let place = format!("table `{}` ({})", table.name, table.sql_path.written);
    let mut frame = engine.query(&place, &table.sql).await?;
    check_columns(table, &frame)?;
    if !rejecting(table).is_empty() {
        frame = engine.query(&place, &judged(table)).await?;
    }
    let out = catalog.begin(STAGE, &table.name, &made.key)?;
    let key = made.key.clone();
    let written = write(engine, table, raw, &out, frame).await;
    let written = written.and_then(|facts| {
        let counts = [
            ("rows_in", facts.rows_in),
            ("kept", facts.kept),
            ("duplicates", facts.duplicates),
            ("rejects", facts.rejects),
        ];
        made.counted(&counts).write(&out)?;
        catalog.complete(STAGE, &table.name, &key, &facts)?;
        Ok(facts)
    });
    catalog.tidied(STAGE, &table.name, &key, written)
}

/// Writes the rows of a table's query, and accounts for those of its source.
async fn write(
    engine: &Engine,
    table: &Table,
    raw: &[PathBuf],
    out: &Path,
    frame: datafusion::dataframe::DataFrame,
) -> Result<CleanFacts> {
    let place = format!("table `{}` ({})", table.name, table.sql_path.written);
    let facts = if let Some(source) = &table.rows_of {
        let ordered = frame
            .sort(vec![quoted("_row").sort(true, true)])
            .map_err(|e| sql_error(&place, &e))?;
        let stream = engine.stream(&place, ordered).await?;
        let scratch = out.join("scratch");
        let facts = Walk::new(table, source, raw, (out, &scratch), &stream.schema())?
            .run(stream, &place)
            .await?;
        if scratch.exists() {
            std::fs::remove_dir_all(&scratch).map_err(Error::file(&scratch))?;
        }
        facts
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
    Ok(facts)
}

/// The rules of a table may only name columns that its query gives.
fn check_columns(table: &Table, frame: &datafusion::dataframe::DataFrame) -> Result<()> {
    let fields = frame.schema().fields();
    let has = |name: &str| fields.iter().any(|field| field.name() == name);
    let wrong = |message: String| {
        let hint = format!("select `_row` and the named columns in {}", table.sql_path.written);
        Err(Error::Table {
            table: table.name.clone(),
            message,
            hint,
        })
    };
    let rules = [
        ("key", &table.key),
        ("not_null", &table.not_null),
        ("cast", &table.cast),
    ];
    for (rule, name) in rules
        .iter()
        .flat_map(|(rule, names)| names.iter().map(move |name| (rule, name)))
    {
        if !has(name) {
            return wrong(format!("`{rule}` names `{name}`, which the query does not give"));
        }
    }
    for check in &table.checks {
        if let Some(name) = check.columns().into_iter().find(|name| !has(name)) {
            return wrong(format!("a check names `{name}`, which the query does not give"));
        }
    }
    if table.rows_of.is_some() && !has("_row") {
        return wrong("the query does not give `_row`".to_owned());
    }
    if let Some(field) = fields.iter().find(|field| field.name().starts_with(COLUMN_PREFIX)) {
        return wrong(format!(
            "`{}`: names that start with `{COLUMN_PREFIX}` are deskmill's own",
            field.name()
        ));
    }
    Ok(())
}
