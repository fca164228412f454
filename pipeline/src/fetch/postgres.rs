//! PostgreSQL: a query in one read-only transaction of one snapshot, streamed by `COPY`, which writes each value as the
//! server does (ISO dates, UTC, shortest floats).

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::Job;
use super::cursor::Value;
use super::failure::Asked;
use super::intake::{Dialect, Intake, columns_of, quoted_literal};
use super::rows::value_at;
use super::state::ReadState;
use crate::error::Result;
use crate::project::Database;

const DIALECT: Dialect = Dialect {
    name: "postgres",
    name_quote: '"',
    collation: "",
    literal,
};

/// What decides how values are written, whatever the role or the database has set. Without the last, a scan may start
/// anywhere in a table, and the same rows would come in another order.
const SETTINGS: &str = "set client_encoding = 'UTF8'; set datestyle = 'ISO'; set timezone = 'UTC'; \
    set intervalstyle = 'iso_8601'; set extra_float_digits = 1; set bytea_output = 'hex'; \
    set standard_conforming_strings = on; set synchronize_seqscans = off;";

/// Types whose order goes with their text: name in the driver, name in a cast, whether it is a number.
const CURSOR_TYPES: &[(&str, &str, bool)] = &[
    ("INT2", "int2", true),
    ("INT4", "int4", true),
    ("INT8", "int8", true),
    ("NUMERIC", "numeric", true),
    ("FLOAT4", "float4", true),
    ("FLOAT8", "float8", true),
    ("DATE", "date", false),
    ("TIMESTAMP", "timestamp", false),
    ("TIMESTAMPTZ", "timestamptz", false),
    ("UUID", "uuid", false),
    ("TEXT", "text", false),
    ("VARCHAR", "varchar", false),
];

fn literal(value: &Value) -> Option<String> {
    let (_, cast, _) = CURSOR_TYPES.iter().find(|(kind, ..)| *kind == value.kind)?;
    Some(format!("{}::{cast}", quoted_literal(&value.text)?))
}

/// Fetches the query's rows.
pub(super) async fn fetch(job: Job<'_>, database: &Database, last: ReadState) -> Result<ReadState> {
    let (mut asked, url) = Asked::by_url(job, database, &["postgres", "postgresql"])?;
    let options = PgConnectOptions::from_str(url.as_str()).map_err(|e| asked.failed(&e))?;
    let options = options.disable_statement_logging().application_name("deskmill");
    let origin = format!(
        "{} {} {:?} {:?}",
        options.get_host(),
        options.get_port(),
        options.get_socket(),
        options.get_database()
    );
    let mut connection: PgConnection = asked.connected(options.connect()).await?;
    let begin = format!(
        "{SETTINGS} set statement_timeout = {}; begin transaction isolation level repeatable read, read only;",
        job.outside.deadlines.statement_ms.min(i32::MAX as u64)
    );
    asked
        .answered(sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut connection))
        .await?;
    let columns = columns_of(&asked, &mut connection, database).await?;
    let mut intake = Intake::begin(job, (database, &DIALECT), last, &origin, &columns)?;
    let cursor = match intake.cursor() {
        None => None,
        Some(at) => {
            let kind = &columns[at].kind;
            let known = CURSOR_TYPES.iter().find(|(name, ..)| name == kind);
            let (kind, _, is_number) = known.ok_or_else(|| intake.no_cursor(kind))?;
            Some((at, *kind, *is_number))
        }
    };
    let copy = format!("copy (\n{}\n) to stdout (format csv)", intake.select()?);
    {
        let mut rows = asked.answered(connection.copy_out_raw(&copy)).await?;
        // The protocol has one row a message.
        while let Some(row) = asked.next(&mut rows).await? {
            // A null in the only column: a blank line would be no row.
            let row: &[u8] = if row.as_ref() == b"\n" { b"\"\"\n" } else { &row };
            let value = cursor.and_then(|(at, kind, is_number)| {
                let text = value_at(row, at).filter(|_| columns.len() > 1 || row != b"\"\"\n")?;
                Some(Value {
                    text: String::from_utf8_lossy(&text).into_owned(),
                    kind: kind.to_owned(),
                    is_number,
                })
            });
            intake.row(row, value)?;
        }
    }
    asked.answered(sqlx::raw_sql("commit").execute(&mut connection)).await?;
    // All is here: how the server takes the goodbye does not matter.
    let _ = asked.connected(connection.close()).await;
    intake.finish(&asked)
}
