//! SQLite files that others hold, write to, replace or damage.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::desk::{Desk, texts};
use super::postgres_faults::rows;

const SNAPSHOT: &str = "format = \"sqlite\"\npath = \"a.db\"\nquery = \"select * from t\"";
const GROWING: &str = "format = \"sqlite\"\npath = \"a.db\"\nquery = \"select * from t\"\ncursor = \"id\"";

async fn open(desk: &Desk) -> SqliteConnection {
    let file = desk.folder.path().join("a.db");
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

async fn run(connection: &mut SqliteConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_locked_database_is_waited_for_in_bounds() {
    let mut desk = Desk::new(SNAPSHOT);
    desk.outside.deadlines.connect_ms = 300;
    let mut holder = open(&desk).await;
    run(
        &mut holder,
        "create table t(id); insert into t values (1); begin exclusive; insert into t values (2)",
    )
    .await;
    let started = Instant::now();
    let (message, hint) = desk.refusal().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(
        message.contains("locked") && hint.contains("another program"),
        "{message} {hint}"
    );
    run(&mut holder, "commit").await;
    assert_eq!(rows(&desk.files().await), ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_ahead_log_is_read_up_to_the_last_commit() {
    let desk = Desk::new(GROWING);
    let mut holder = open(&desk).await;
    let rows_of = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000) \
                   select i, printf('%0100d', i) from n";
    run(
        &mut holder,
        &format!("pragma journal_mode = wal; create table t(id, text); insert into t {rows_of}; begin; insert into t values (50000, 'x')"),
    )
    .await;
    // Committed while rows stream.
    let holder = tokio::sync::Mutex::new(holder);
    let is_told = AtomicBool::new(false);
    let told = |_: &str, _: u64| {
        if !is_told.swap(true, Ordering::Relaxed) {
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    run(&mut *holder.lock().await, "commit; insert into t values (50001, 'y')").await;
                });
            });
        }
    };
    let project = desk
        .outside
        .fetch(&desk.project(), &desk.catalog(), &told)
        .await
        .unwrap();
    assert!(is_told.load(Ordering::Relaxed), "nothing happened meanwhile");
    assert_eq!(rows(&texts(&project)).len(), 40_000, "one snapshot");
    let all = rows(&desk.files().await);
    assert_eq!(all[40_000..], ["50000,x", "50001,y"]);
    run(&mut *holder.lock().await, "alter table t add column note default 'n'").await;
    let all = rows(&desk.files().await);
    assert_eq!(
        (all.len(), all[0].ends_with(",n")),
        (40_002, true),
        "other columns start anew"
    );
    run(&mut *holder.lock().await, "alter table t drop column text").await;
    assert_eq!(rows(&desk.files().await)[0], "1,n");
}

#[tokio::test]
async fn cursors_of_mixed_types_and_backward_ones() {
    let desk = Desk::new(GROWING);
    let mut holder = open(&desk).await;
    run(
        &mut holder,
        "create table t(id); insert into t values (5), (5.0), ('7')",
    )
    .await;
    assert_eq!(rows(&desk.files().await).len(), 3);
    // Numbers come before texts: behind a text there is no number.
    run(&mut holder, "insert into t values (9), ('7'), ('8')").await;
    assert_eq!(rows(&desk.files().await), ["5", "5.0", "7", "7", "8"]);
    run(&mut holder, "insert into t values (x'00')").await;
    let (message, _) = desk.refusal().await;
    assert!(message.contains("BLOB"), "{message}");
}

#[tokio::test]
async fn what_is_no_database_is_said_and_loses_nothing() {
    let desk = Desk::new(GROWING);
    let mut holder = open(&desk).await;
    run(&mut holder, "create table t(id); insert into t values (1)").await;
    holder.close().await.unwrap();
    let file = desk.folder.path().join("a.db");
    let good = std::fs::read(&file).unwrap();
    let files = desk.files().await;
    let names = desk.names();
    for bad in [
        &b"these bytes are a text, and a long one at that, but no database at all"[..],
        &good[..good.len() / 2],
    ] {
        std::fs::write(&file, bad).unwrap();
        let (message, hint) = desk.refusal().await;
        assert!(hint.contains("damaged or no SQLite"), "{message} {hint}");
        assert_eq!(desk.names(), names);
    }
    std::fs::remove_file(&file).unwrap();
    assert!(desk.refusal().await.0.contains("no such file"));
    std::fs::create_dir(&file).unwrap();
    assert!(desk.refusal().await.0.contains("no such file"));
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, good).unwrap();
    assert_eq!(desk.files().await, files);
}

#[tokio::test]
async fn a_damaged_account_of_what_was_fetched_removes_no_rows() {
    let desk = Desk::new(GROWING);
    let mut holder = open(&desk).await;
    run(&mut holder, "create table t(id); insert into t values (1)").await;
    desk.files().await;
    run(&mut holder, "delete from t; insert into t values (2)").await;
    let names = desk.names();
    let state = desk.catalog().fetched_folder("rows").join("state.json");
    let good = std::fs::read(&state).unwrap();
    std::fs::write(&state, &good[..good.len() / 2]).unwrap();
    let (message, hint) = desk.refusal().await;
    assert!(
        message.contains("account of what was fetched") && hint.contains("copy"),
        "{message} {hint}"
    );
    assert_eq!(
        desk.names(),
        names,
        "the row that is gone from the database is still here"
    );
    std::fs::write(&state, good).unwrap();
    assert_eq!(rows(&desk.files().await), ["1", "2"]);
}
