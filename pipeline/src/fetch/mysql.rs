//! MySQL and MariaDB: a query in one read-only transaction of one snapshot, streamed over the text protocol, in which
//! the server writes the values (UTC, UTF-8).

use std::borrow::Cow;
use std::str::FromStr as _;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Row as _, TypeInfo as _};

use super::Job;
use super::cursor::Value;
use super::failure::Asked;
use super::intake::{Dialect, Intake, columns_of, quoted_literal};
use super::rows::{bytes_as_text, write_row};
use super::state::ReadState;
use crate::error::Result;
use crate::project::Database;

const DIALECT: Dialect = Dialect {
    name: "mysql",
    name_quote: '`',
    collation: "",
    literal,
};

/// Texts are left out: by most collations other texts are equal to them.
const CURSOR_NUMBERS: [&str; 5] = ["TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"];
const CURSOR_TIMES: [&str; 3] = ["DATE", "DATETIME", "TIMESTAMP"];

fn literal(value: &Value) -> Option<String> {
    let is_plain = value
        .text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.: ".contains(&byte));
    if !is_plain || value.text.is_empty() {
        return None;
    }
    if value.is_number {
        Some(value.text.clone())
    } else {
        quoted_literal(&value.text)
    }
}

/// Whether a cursor of this type is a number; none if it cannot be a cursor.
fn cursor_type(kind: &str) -> Option<bool> {
    let bare = kind.trim_end_matches(" UNSIGNED");
    if CURSOR_NUMBERS.contains(&bare) || bare == "DECIMAL" {
        return Some(true);
    }
    CURSOR_TIMES.contains(&bare).then_some(false)
}

/// Fetches the query's rows.
pub(super) async fn fetch(job: Job<'_>, database: &Database, last: ReadState) -> Result<ReadState> {
    let (mut asked, url) = Asked::by_url(job, database, &["mysql", "mariadb"])?;
    let options = MySqlConnectOptions::from_str(url.as_str()).map_err(|e| asked.failed(&e))?;
    // The query keeps the meaning it has elsewhere on this server.
    let options = options
        .charset("utf8mb4")
        .timezone(Some("+00:00".to_owned()))
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .disable_statement_logging();
    let origin = format!(
        "{} {} {:?} {:?}",
        options.get_host(),
        options.get_port(),
        options.get_socket(),
        options.get_database()
    );
    let mut connection: MySqlConnection = asked.connected(options.connect()).await?;
    limit_statements(job, &mut connection).await;
    for statement in [
        "set session transaction isolation level repeatable read",
        "start transaction with consistent snapshot, read only",
    ] {
        asked
            .answered(sqlx::raw_sql(statement).execute(&mut connection))
            .await?;
    }
    let columns = columns_of(&asked, &mut connection, database).await?;
    let mut intake = Intake::begin(job, (database, &DIALECT), last, &origin, &columns)?;
    let cursor = match intake.cursor() {
        None => None,
        Some(at) => {
            let kind = columns[at].kind.as_str();
            let is_number = cursor_type(kind).ok_or_else(|| intake.no_cursor(kind))?;
            Some((at, kind, is_number))
        }
    };
    let select = AssertSqlSafe(intake.select()?);
    {
        let mut rows = sqlx::raw_sql(select).fetch(&mut connection);
        let mut line = Vec::new();
        while let Some(row) = asked.next(&mut rows).await? {
            let values = values(&row).map_err(|e| asked.failed(&e))?;
            let value = cursor.and_then(|(at, kind, is_number)| {
                Some(Value {
                    text: String::from_utf8_lossy(values.get(at)?.as_ref()?).into_owned(),
                    kind: kind.to_owned(),
                    is_number,
                })
            });
            line.clear();
            write_row(&mut line, values.into_iter());
            intake.row(&line, value)?;
        }
    }
    asked.answered(sqlx::raw_sql("commit").execute(&mut connection)).await?;
    // All is here: how the server takes the goodbye does not matter.
    let _ = asked.connected(connection.close()).await;
    intake.finish(&asked)
}

/// Sets the server's own limit. MySQL and MariaDB have it under different names, and one of the two statements fails;
/// the deadline on this side holds in any case.
async fn limit_statements(job: Job<'_>, connection: &mut MySqlConnection) {
    let limit_ms = job.outside.deadlines.statement_ms;
    let statements = [
        format!("set session max_execution_time = {limit_ms}"),
        format!("set session max_statement_time = {}", limit_ms.div_ceil(1000)),
    ];
    for statement in statements {
        let setting = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection);
        let _ = tokio::time::timeout(job.outside.deadlines.connect(), setting).await;
    }
}

fn values(row: &MySqlRow) -> sqlx::Result<Vec<Option<Cow<'_, [u8]>>>> {
    let columns = row.columns().iter().enumerate();
    columns
        .map(|(at, column)| {
            let bytes: Option<&[u8]> = row.try_get_unchecked(at)?;
            Ok(bytes.map(|bytes| text_of(column.type_info().name(), bytes)))
        })
        .collect()
}

fn text_of<'v>(kind: &str, bytes: &'v [u8]) -> Cow<'v, [u8]> {
    if kind == "BIT" {
        // At most 64 bits, the first byte the highest.
        let number = bytes.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        return Cow::Owned(number.to_string().into_bytes());
    }
    bytes_as_text(bytes)
}
