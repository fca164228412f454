//! SQLite: a query of a file, read-only, in one transaction. Values have their own types there, columns need not.

use std::borrow::Cow;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, TypeInfo as _, ValueRef as _};

use super::Job;
use super::cursor::Value;
use super::failure::Asked;
use super::intake::{Dialect, Intake, columns_of, quoted_literal};
use super::rows::{bytes_as_text, write_row};
use super::state::ReadState;
use crate::error::Result;
use crate::project::Database;

const DIALECT: Dialect = Dialect {
    name: "sqlite",
    name_quote: '"',
    // Texts that only differ in case are equal by some collations.
    collation: " collate binary",
    literal,
};

fn literal(value: &Value) -> Option<String> {
    match value.kind.as_str() {
        "INTEGER" | "REAL" => Some(value.text.clone()),
        "TEXT" => quoted_literal(&value.text),
        _ => None,
    }
}

/// Fetches the query's rows.
pub(super) async fn fetch(job: Job<'_>, database: &Database, last: ReadState) -> Result<ReadState> {
    let Some(file) = &database.path else {
        return Err(job.wrong(
            "the database",
            "it has no `path`",
            "name the file: `path = \"desk.sqlite\"`",
        ));
    };
    let mut asked = Asked::new(job, file.written.clone(), Vec::new());
    if !file.path.is_file() {
        return Err(asked.wrong("there is no such file", format!("looked for {}", file.path.display())));
    }
    let options = SqliteConnectOptions::new()
        .filename(&file.path)
        .read_only(true)
        .busy_timeout(job.outside.deadlines.connect())
        .disable_statement_logging();
    let mut connection: SqliteConnection = asked.connected(options.connect()).await?;
    // A transaction starts with its first reading: from there on, columns and rows are of one state.
    let begin = "begin; select count(*) from sqlite_schema";
    asked.answered(sqlx::raw_sql(begin).execute(&mut connection)).await?;
    let mut columns = columns_of(&asked, &mut connection, database).await?;
    // Only values have types.
    columns.iter_mut().for_each(|column| column.kind.clear());
    let mut intake = Intake::begin(job, (database, &DIALECT), last, &file.written, &columns)?;
    let select = AssertSqlSafe(intake.select()?);
    {
        let mut rows = sqlx::raw_sql(select).fetch(&mut connection);
        let mut line = Vec::new();
        while let Some(row) = asked.next(&mut rows).await? {
            let value = match intake.cursor() {
                Some(at) => cursor_value(&intake, &row, at)?,
                None => None,
            };
            let values = (0..columns.len())
                .map(|at| text_at(&row, at))
                .collect::<sqlx::Result<Vec<_>>>();
            line.clear();
            write_row(&mut line, values.map_err(|e| asked.failed(&e))?.into_iter());
            intake.row(&line, value)?;
        }
    }
    let _ = asked.connected(connection.close()).await;
    intake.finish(&asked)
}

/// `INTEGER`, `REAL`, `TEXT` or `BLOB`: the type of the value, not of its column.
fn kind_at(row: &SqliteRow, at: usize) -> sqlx::Result<Option<String>> {
    let value = row.try_get_raw(at)?;
    Ok((!value.is_null()).then(|| value.type_info().name().to_owned()))
}

/// A value as text: whole numbers, reals in the shortest form that reads back, texts as they are.
fn text_at(row: &SqliteRow, at: usize) -> sqlx::Result<Option<Cow<'_, [u8]>>> {
    let Some(kind) = kind_at(row, at)? else {
        return Ok(None);
    };
    Ok(Some(match kind.as_str() {
        "INTEGER" => Cow::Owned(row.try_get_unchecked::<i64, _>(at)?.to_string().into_bytes()),
        "REAL" => Cow::Owned(format!("{:?}", row.try_get_unchecked::<f64, _>(at)?).into_bytes()),
        "TEXT" => Cow::Borrowed(row.try_get_unchecked::<&[u8], _>(at)?),
        _ => bytes_as_text(row.try_get_unchecked::<&[u8], _>(at)?),
    }))
}

fn cursor_value(intake: &Intake<'_>, row: &SqliteRow, at: usize) -> Result<Option<Value>> {
    let broken = |_| intake.no_cursor("unknown");
    let Some(kind) = kind_at(row, at).map_err(broken)? else {
        return Ok(None);
    };
    if !matches!(kind.as_str(), "INTEGER" | "REAL" | "TEXT") {
        return Err(intake.no_cursor(&kind));
    }
    let text = text_at(row, at).map_err(broken)?.unwrap_or_default();
    Ok(Some(Value {
        text: String::from_utf8_lossy(&text).into_owned(),
        is_number: kind != "TEXT",
        kind,
    }))
}
