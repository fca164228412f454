//! Fetching from real servers that the tests start, and from SQLite files.

#![allow(clippy::unwrap_used, clippy::panic)]

mod desk;
mod http;
mod mysql;
mod mysql_faults;
mod postgres;
mod postgres_faults;
mod s3;
mod sqlite;
mod sqlite_faults;
