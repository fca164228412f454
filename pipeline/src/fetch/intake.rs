//! The rows of one query on their way into a file: a snapshot that takes the place of the last one, or, with a cursor,
//! one more part behind those that are there. The same for all databases.

use sqlx::{AssertSqlSafe, Column as _, Connection, Executor, SqlSafeStr as _, Statement as _, TypeInfo as _};

use super::Job;
use super::cursor::{Fault, Follower, Mark, Value};
use super::failure::Asked;
use super::rows::write_row;
use super::spool::Spool;
use super::state::{Fetched, ReadState, Version, short_digest};
use crate::engine::bare;
use crate::error::{Error, Result};
use crate::project::Database;

/// Digits of a content's digest in a file name.
const DIGEST_DIGITS: usize = 20;

/// A column of the result.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type's name in the database; empty if only values have types.
    pub(super) kind: String,
}

/// The columns of the project's query, told by the database before it runs.
pub(super) async fn columns_of<C>(asked: &Asked<'_>, connection: &mut C, database: &Database) -> Result<Vec<Column>>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
{
    let query = AssertSqlSafe(database.query.clone()).into_sql_str();
    let statement = asked.answered(connection.prepare(query)).await?;
    let columns: Vec<Column> = statement
        .columns()
        .iter()
        .map(|column| Column {
            name: column.name().to_owned(),
            kind: column.type_info().name().to_owned(),
        })
        .collect();
    if columns.is_empty() {
        return Err(asked.wrong("`query` gives no columns", "write one `select`"));
    }
    Ok(columns)
}

/// How a database writes SQL.
pub(super) struct Dialect {
    /// The word in file names: `postgres`.
    pub(super) name: &'static str,
    /// Around a name; doubled within one.
    pub(super) name_quote: char,
    /// Behind the cursor where it is compared.
    pub(super) collation: &'static str,
    /// A value as a literal; none if it cannot be one.
    pub(super) literal: fn(&Value) -> Option<String>,
}

/// A query under way.
pub(super) struct Intake<'a> {
    job: Job<'a>,
    database: &'a Database,
    dialect: &'a Dialect,
    /// What is there; empty if the source starts anew.
    last: ReadState,
    shape: String,
    /// The cursor's column.
    cursor: Option<usize>,
    follower: Option<Follower>,
    spool: Spool<'a>,
    /// Rows written.
    rows: u64,
}

impl<'a> Intake<'a> {
    /// Begins, knowing which columns come. `origin` says which database it is; another one starts anew.
    pub(super) fn begin(
        job: Job<'a>,
        (database, dialect): (&'a Database, &'a Dialect),
        last: ReadState,
        origin: &str,
        columns: &[Column],
    ) -> Result<Self> {
        let described: Vec<&str> = columns
            .iter()
            .flat_map(|column| [&*column.name, &*column.kind])
            .collect();
        let shape = short_digest(&format!("{origin}\n{}", described.join("\n")));
        let cursor = database.cursor.as_deref().map(|name| {
            columns.iter().position(|column| column.name == name).ok_or_else(|| {
                let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
                let hint = format!("the query gives: {}", names.join(", "));
                job.wrong(&place_of(name), "the query gives no such column", hint)
            })
        });
        let cursor = cursor.transpose()?;
        let continues = cursor.is_some() && last.mark.is_some() && last.shape == shape;
        if cursor.is_some() && last.mark.is_some() && !continues {
            tracing::warn!(
                source = job.source,
                "the columns or the database changed: all rows are fetched anew"
            );
        }
        let last = if continues { last } else { ReadState::default() };
        let mut spool = Spool::create(job, "rows")?;
        let mut header = Vec::new();
        let names = columns.iter().map(|column| Some(column.name.as_bytes().into()));
        write_row(&mut header, names);
        spool.write(&header)?;
        Ok(Self {
            follower: cursor.map(|_| Follower::new(last.mark.clone())),
            job,
            database,
            dialect,
            last,
            shape,
            cursor,
            spool,
            rows: 0,
        })
    }

    /// The column of the cursor.
    pub(super) fn cursor(&self) -> Option<usize> {
        self.cursor
    }

    /// The query to ask: all of it, or what is at or behind the mark, in the cursor's order.
    pub(super) fn select(&self) -> Result<String> {
        let query = bare(&self.database.query);
        let Some(cursor) = &self.database.cursor else {
            return Ok(query.to_owned());
        };
        let quote = self.dialect.name_quote;
        let doubled = cursor.replace(quote, &format!("{quote}{quote}"));
        let column = format!("deskmill_rows.{quote}{doubled}{quote}{}", self.dialect.collation);
        let since = match &self.last.mark {
            None => String::new(),
            Some(Mark { value, .. }) => {
                let literal = (self.dialect.literal)(value).ok_or_else(|| self.no_cursor(&value.kind))?;
                format!("where {column} >= {literal}\n")
            }
        };
        // The line break ends a comment at the end of the query.
        Ok(format!(
            "select * from (\n{query}\n) as deskmill_rows\n{since}order by {column}"
        ))
    }

    /// The error about a cursor whose type cannot be one.
    pub(super) fn no_cursor(&self, kind: &str) -> Error {
        let name = self.database.cursor.as_deref().unwrap_or_default();
        let message = format!("a value of type {kind} cannot be a cursor here");
        self.job.wrong(
            &place_of(name),
            message,
            "take a whole number, a decimal, a date or a time that only grows",
        )
    }

    /// Takes a row as csv, its line end included; with a cursor, in order of that.
    pub(super) fn row(&mut self, row: &[u8], cursor: Option<Value>) -> Result<()> {
        if let Some(follower) = &mut self.follower {
            match follower.take(row, cursor) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(fault) => return Err(self.faulty(fault)),
            }
        }
        self.rows += 1;
        self.spool.write(row)
    }

    fn faulty(&self, fault: Fault) -> Error {
        let name = self.database.cursor.as_deref().unwrap_or_default();
        let (message, hint) = match fault {
            Fault::Null => {
                let hint = format!("leave such rows out with `where {name} is not null`, or take another cursor");
                (
                    "a row has no value in it, so it would never come again".to_owned(),
                    hint,
                )
            }
            Fault::Ties => {
                let message = "a million rows share its last value: they cannot be told from later ones";
                (message.to_owned(), "take a finer cursor, such as an id".to_owned())
            }
            Fault::Endless => {
                let hint = "leave rows with infinite or undefined values out with a `where`".to_owned();
                (
                    "its greatest value is infinite: nothing can come behind it".to_owned(),
                    hint,
                )
            }
        };
        self.job.wrong(&place_of(name), message, hint)
    }

    /// Puts the rows in their place. They count when the state that is given back is kept.
    pub(super) fn finish(mut self, asked: &Asked<'_>) -> Result<ReadState> {
        let mut files = std::mem::take(&mut self.last.files);
        let mut mark = None;
        if let Some(follower) = self.follower.take() {
            mark = follower.finish().map_err(|fault| self.faulty(fault))?;
            if mark.is_none() && self.last.mark.is_some() {
                let hint = "if it was cleared on purpose, delete the source's folder below `fetched` to start anew";
                let why = asked.wrong("the last row that was fetched is gone, and nothing is behind it", hint);
                tracing::warn!(hint, "{why}");
            }
            mark = mark.or_else(|| self.last.mark.take());
        }
        // Without rows the first file still tells the columns.
        if self.rows > 0 || files.is_empty() {
            let name = match self.cursor {
                Some(_) => format!("part-{:06}", files.len() + 1),
                None => "rows".to_owned(),
            };
            if self.cursor.is_some() {
                self.spool.sync()?;
            }
            let (file, bytes) = self.spool.place(self.job.folder, |digest| {
                format!("{name}-{}.csv", &digest[..DIGEST_DIGITS])
            })?;
            files.push(Fetched {
                relative: format!("{}/{}/{name}.csv", self.dialect.name, self.job.source),
                file,
                bytes,
                version: Version::default(),
            });
        }
        Ok(ReadState {
            files,
            shape: self.shape,
            mark,
        })
    }
}

fn place_of(cursor: &str) -> String {
    format!("cursor `{cursor}`")
}

/// A literal in single quotes; none for a value with a NUL. A backslash must mean itself.
pub(super) fn quoted_literal(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| format!("'{}'", text.replace('\'', "''")))
}
