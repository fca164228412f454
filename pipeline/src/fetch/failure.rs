//! A database that is elsewhere, in messages: what went wrong with it, said without its credentials, and the way out.

use std::future::Future;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use url::Url;

use super::Job;
use crate::error::{Error, Result};
use crate::project::Database;

/// The longest part of a database's own words that is shown, in characters.
const WORDS_MAX: usize = 500;
/// Shorter secrets are no secrets; blanking them would only garble messages.
const SECRET_MIN_BYTES: usize = 3;
/// How much longer than the server we wait, so that its own word about a late query comes first.
const GRACE: Duration = Duration::from_secs(5);

/// Where a query is asked.
pub(super) struct Asked<'a> {
    job: Job<'a>,
    /// In messages.
    place: String,
    /// What must not stand in a message.
    secrets: Vec<String>,
    /// Whether the first row came.
    is_flowing: bool,
}

impl<'a> Asked<'a> {
    /// The database behind the URL in the environment variable that `url_env` names, and the URL.
    pub(super) fn by_url(job: Job<'a>, database: &Database, schemes: &[&str]) -> Result<(Self, Url)> {
        let variable = database.url_env.as_deref().unwrap_or_default();
        let place = format!("the database in `{variable}`");
        let example = format!("{}://user:password@host/database", schemes[0]);
        let Some(written) = job.outside.environment.get(variable).filter(|url| !url.is_empty()) else {
            let message = format!("the environment variable `{variable}` is not set");
            return Err(job.wrong(&place, message, format!("set it to the database's URL: {example}")));
        };
        let url = Url::parse(written).ok().filter(|url| schemes.contains(&url.scheme()));
        let Some(url) = url else {
            // Neither the text nor the parser's words: they may hold a password.
            let message = format!("what stands in `{variable}` is not a URL of such a database");
            let hint =
                format!("write {example}; in a user name or password, write signs such as @ : / # as %40 %3A %2F %23");
            return Err(job.wrong(&place, message, hint));
        };
        let query_values = url.query_pairs().filter(|(name, _)| name.contains("password"));
        let mut secrets: Vec<String> = query_values.map(|(_, value)| value.into_owned()).collect();
        if let Some(password) = url.password() {
            // As written and as meant: a server could repeat either.
            let pair = format!("p={}", password.replace('+', "%2B"));
            secrets.extend(url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()));
            secrets.push(password.to_owned());
        }
        secrets.push(written.clone());
        secrets.retain(|secret| secret.len() >= SECRET_MIN_BYTES);
        Ok((Self::new(job, place, secrets), url))
    }

    pub(super) fn new(job: Job<'a>, place: String, secrets: Vec<String>) -> Self {
        Self {
            job,
            place,
            secrets,
            is_flowing: false,
        }
    }

    pub(super) fn wrong(&self, message: impl Into<String>, hint: impl Into<String>) -> Error {
        self.job.wrong(&self.place, message, hint)
    }

    /// What comes of connecting, within the deadline for it.
    pub(super) async fn connected<T>(&self, connecting: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
        self.within(self.job.outside.deadlines.connect(), connecting).await
    }

    /// What comes of a statement, within the deadline for one.
    pub(super) async fn answered<T>(&self, answering: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
        self.within(self.statement(), answering).await
    }

    /// The next row; the first may take as long as a query, another only as long as a silent connection may last.
    pub(super) async fn next<T>(
        &mut self,
        rows: &mut (impl Stream<Item = sqlx::Result<T>> + Unpin),
    ) -> Result<Option<T>> {
        let deadlines = self.job.outside.deadlines;
        let allowed = if self.is_flowing {
            deadlines.idle()
        } else {
            self.statement()
        };
        let next = self.within(allowed, async { rows.next().await.transpose() }).await?;
        self.is_flowing = true;
        Ok(next)
    }

    fn statement(&self) -> Duration {
        self.job.outside.deadlines.statement() + GRACE
    }

    async fn within<T>(&self, allowed: Duration, work: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
        match tokio::time::timeout(allowed, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => {
                let message = format!("no answer within {} s", allowed.as_secs_f32());
                Err(self.wrong(
                    message,
                    "see whether the server is up and not overloaded; ask for less with the query",
                ))
            }
        }
    }

    /// A driver's error in our words.
    pub(super) fn failed(&self, error: &sqlx::Error) -> Error {
        let (message, hint) = match error {
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default();
                (format!("it says: {}", self.shown(refusal.message())), hint_for(&code))
            }
            sqlx::Error::Io(reason) if reason.kind() == std::io::ErrorKind::ConnectionRefused => (
                "nothing listens there (connection refused)".into(),
                "start the server, or mend host and port in the URL",
            ),
            sqlx::Error::Io(reason) if reason.kind() == std::io::ErrorKind::NotFound => (
                format!("it cannot be reached: {reason}"),
                "start the server, or mend the socket in the URL",
            ),
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                let words = self.shown(&error.to_string());
                (
                    format!("the connection broke off: {words}"),
                    "run again: what was fetched before is kept",
                )
            }
            sqlx::Error::Tls(_) => (
                format!("no secure connection: {}", self.shown(&error.to_string())),
                "see `sslmode` (PostgreSQL) or `ssl-mode` (MySQL) in the URL, and the server's certificate",
            ),
            // Configuration errors may quote the URL.
            sqlx::Error::Configuration(_) => (
                "its URL has a part that the driver does not understand".into(),
                "mend the URL in the environment variable",
            ),
            _ => (self.shown(&error.to_string()), "see the server's log"),
        };
        self.wrong(message, hint)
    }

    /// Words from outside: cut, and without secrets.
    fn shown(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for secret in &self.secrets {
            words = words.replace(secret.as_str(), "***");
        }
        words.chars().take(WORDS_MAX).collect()
    }
}

/// By SQLSTATE, and by the class in its first two characters.
fn hint_for(code: &str) -> &'static str {
    match code {
        "57014" | "70100" => "the query took too long or was cancelled; ask for less, or help it with an index",
        "57P01" | "57P02" | "57P03" => "the server stopped or ended the connection; run again when it is up",
        "53300" | "08004" => "the server has no free connections; run again later",
        // SQLite's own numbers, with those of its extended ones that mean the same.
        "5" | "6" | "261" | "262" | "517" | "773" => "another program writes to it; run again when that is done",
        "11" | "26" => "the file is damaged or no SQLite database: put it back from a copy, or mend `path`",
        "42501" => "give this user the right to select there",
        "3D000" => "mend the name of the database in the URL",
        _ if code.starts_with("28") => "mend user and password in the URL, or the user's right to connect",
        _ if code.starts_with("42") => "mend `query`: one `select`, in the words of this database",
        _ if code.starts_with("08") => "run again: what was fetched before is kept",
        _ => "see `query`, and the server's log",
    }
}
