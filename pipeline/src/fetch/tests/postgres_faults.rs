//! What PostgreSQL, the way to it, and those who change its tables do to a fetch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::desk::Desk;
use super::postgres::{PASSWORD, Postgres};

/// A server that takes connections and never says a word; gives its port.
pub(super) async fn silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    port
}

/// All that a desk keeps, errors included, has no password in it.
#[track_caller]
pub(super) fn holds_no(secret: &str, desk: &Desk, said: &str) {
    assert!(!said.contains(secret), "{said}");
    let mut folders = vec![desk.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{}", path.display());
            }
        }
    }
}

/// Data rows of all files.
pub(super) fn rows(files: &[(String, String)]) -> Vec<String> {
    let rows = files
        .iter()
        .flat_map(|(_, text)| text.lines().skip(1).map(str::to_owned));
    rows.collect()
}

#[tokio::test]
async fn servers_tables_and_rows_that_change() {
    let mut server = Postgres::start();
    every_type_is_text(&server).await;
    long_values_come_whole(&server).await;
    rows_that_come_meanwhile_come_next_time(&server).await;
    other_columns_start_anew(&server).await;
    a_cursor_only_grows(&server).await;
    a_locked_table_is_waited_for_in_bounds(&server).await;
    passwords_stay_secret(&server).await;
    a_server_that_dies_leaves_nothing(&mut server).await;
}

async fn every_type_is_text(server: &Postgres) {
    server.run(
        "create type mood as enum ('glad', '生气'); create table types(id int, a timestamptz, b timestamp, c date, d time, \
         e numeric(20,5), f json, g int[], h text[], i bytea, j uuid, k bool, l mood, m interval, n float4, o char(3), p inet); \
         insert into types values (1, '2026-03-29 03:30:00+02', '2026-03-29 02:30:00.123456', '0044-03-15 BC', '23:59:59.9', \
         12345678901234.50000, '{\"a\": \"客\"}', '{1,NULL,3}', '{\"a,b\",\"c\\\"d\"}', '\\x00ff', \
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, '生气', '-1 mon 2 days', 0.1, 'x', '::1/128')",
    );
    let files = server.desk("query = \"select * from types\"").files().await;
    let expected = "1,2026-03-29 01:30:00+00,2026-03-29 02:30:00.123456,0044-03-15 BC,23:59:59.9,12345678901234.50000,\
        \"{\"\"a\"\": \"\"客\"\"}\",\"{1,NULL,3}\",\"{\"\"a,b\"\",\"\"c\\\"\"d\"\"}\",\\x00ff,\
        a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,t,生气,P-1M2D,0.1,x  ,::1";
    assert_eq!(rows(&files), [expected]);
}

async fn long_values_come_whole(server: &Postgres) {
    server.run("create table long as select 1 as id, repeat('客', 8000000) as text union all select 2, 'short'");
    let files = server
        .desk("query = \"select * from long\"\ncursor = \"id\"")
        .files()
        .await;
    let lengths: Vec<usize> = rows(&files).iter().map(String::len).collect();
    assert_eq!(lengths, [2 + 24_000_000, 7]);
}

/// What is committed while rows stream belongs to the next fetch, all of it: the orders and their lines agree.
async fn rows_that_come_meanwhile_come_next_time(server: &Postgres) {
    server.run(
        "create table flow(id bigserial, pair int, text text); \
         insert into flow(pair, text) select i / 2, repeat('x', 500) from generate_series(0, 59999) i",
    );
    let desk = server.desk("query = \"select * from flow\"\ncursor = \"id\"");
    let is_told = AtomicBool::new(false);
    let told = |_: &str, _: u64| {
        if !is_told.swap(true, Ordering::Relaxed) {
            server.run("insert into flow(pair, text) values (30000, 'a'), (30000, 'b'); update flow set text = 'z' where id = 60000");
        }
    };
    let project = desk
        .outside
        .fetch(&desk.project(), &desk.catalog(), &told)
        .await
        .unwrap();
    assert!(is_told.load(Ordering::Relaxed), "nothing happened meanwhile");
    let first = rows(&super::desk::texts(&project));
    assert_eq!(first.len(), 60_000);
    assert!(!first[59_999].ends_with(",z"), "one snapshot");
    let all = rows(&desk.files().await);
    // The changed row has the last value of the cursor and is another row by now; behind it come the two new ones.
    let new: Vec<&str> = all[60_000..].iter().map(String::as_str).collect();
    assert_eq!(new, ["60000,29999,z", "60001,30000,a", "60002,30000,b"]);
}

async fn other_columns_start_anew(server: &Postgres) {
    server.run("create table shape(id int, note text); insert into shape values (1, 'a'), (2, 'b')");
    let desk = server.desk("query = \"select * from shape\"\ncursor = \"id\"");
    assert_eq!(rows(&desk.files().await), ["1,a", "2,b"]);
    for (change, expected) in [
        ("add column extra int default 7", ["1,a,7", "2,b,7"]),
        ("drop column extra", ["1,a", "2,b"]),
        ("alter column note type varchar(9)", ["1,a", "2,b"]),
        ("alter column id type bigint", ["1,a", "2,b"]),
        ("rename column note to remark", ["1,a", "2,b"]),
    ] {
        server.run(&format!("alter table shape {change}"));
        let files = desk.files().await;
        assert_eq!(files.len(), 1, "{change}");
        assert_eq!(rows(&files), expected, "{change}");
        assert_eq!(desk.files().await, files, "{change}");
    }
    server.run("alter table shape drop column id");
    let before = desk.names();
    let (message, hint) = desk.refusal().await;
    assert!(
        message.contains("cursor `id`") && hint.contains("remark"),
        "{message} {hint}"
    );
    assert_eq!(desk.names(), before, "what was fetched stays");
}

async fn a_cursor_only_grows(server: &Postgres) {
    server.run("create table back(at timestamptz, what text); insert into back values ('2026-01-02', 'a'), ('2026-01-02', 'a')");
    let desk = server.desk("query = \"select * from back\"\ncursor = \"at\"");
    assert_eq!(rows(&desk.files().await).len(), 2, "equal rows are two rows");
    // Late by an equal value: had. Late by a smaller one: not seen, as is written.
    server.run("insert into back values ('2026-01-02', 'a'), ('2026-01-01', 'late')");
    let all = rows(&desk.files().await);
    assert_eq!(all, vec!["2026-01-02 00:00:00+00,a"; 3]);
    server.run("insert into back values (null, 'x')");
    let before = desk.names();
    // At or behind the mark there is no null; a fetch from the start meets it.
    assert_eq!(rows(&desk.files().await), all);
    assert_eq!(desk.names(), before);
    std::fs::remove_dir_all(desk.catalog().fetched_folder("rows")).unwrap();
    let (message, hint) = desk.refusal().await;
    assert!(
        message.contains("has no value") && hint.contains("at is not null"),
        "{message} {hint}"
    );
    server.run("delete from back where at is null; insert into back values ('infinity', 'x')");
    assert!(desk.refusal().await.0.contains("infinite"));
    server.run("truncate back");
    assert_eq!(rows(&desk.files().await), Vec::<String>::new());
}

async fn a_locked_table_is_waited_for_in_bounds(server: &Postgres) {
    server.run("create table locked(id int)");
    let mut holder = server.psql();
    let mut holder = holder
        .args(["-c", "begin; lock table locked; select pg_sleep(60)"])
        .spawn()
        .unwrap();
    super::desk::wait_until("the lock", || {
        server
            .run("select count(*) from pg_locks where relation = 'locked'::regclass and granted")
            .trim()
            == "1"
    });
    let mut desk = server.desk("query = \"select * from locked\"");
    desk.outside.deadlines.statement_ms = 500;
    let started = Instant::now();
    let (message, hint) = desk.refusal().await;
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(hint.contains("too long"), "{message} {hint}");
    holder.kill().unwrap();
    holder.wait().unwrap();
}

async fn passwords_stay_secret(server: &Postgres) {
    let wrong = "N0t-the_one";
    let desk = server
        .desk("query = \"select 1 as one\"")
        .with("DESK_URL", &server.url(wrong));
    let (message, hint) = desk.refusal().await;
    holds_no(wrong, &desk, &format!("{message}{hint}"));
    // The server repeats what the query says; a query that is made of the password is somebody's mistake, and stays one.
    let desk = server.desk(&format!("query = \"select 1 from \\\"{PASSWORD}\\\"\""));
    let (message, _) = desk.refusal().await;
    assert!(message.contains("***") && !message.contains(PASSWORD), "{message}");
    let desk = server.desk("query = \"select 1 as one\"");
    desk.files().await;
    holds_no(PASSWORD, &desk, "");
    for url in [
        "postgres://u:s3cretpw@127.0.0.1:1/x",
        "postgres://u:s3cretpw@nowhere.invalid/x",
        "postgres://u:s3cretpw@/x?sslmode=odd",
    ] {
        let desk = server.desk("query = \"select 1 as one\"").with("DESK_URL", url);
        let (message, hint) = desk.refusal().await;
        holds_no("s3cretpw", &desk, &format!("{message}{hint}"));
    }
}

async fn a_server_that_dies_leaves_nothing(server: &mut Postgres) {
    server.run("create table much as select i as id, repeat('x', 1000) as text from generate_series(1, 50000) i");
    let desk = server.desk("query = \"select * from much\"\ncursor = \"id\"");
    desk.files().await;
    let names = desk.names();
    server.run("checkpoint; insert into much select i, repeat('y', 1000) from generate_series(50001, 150000) i");
    let is_stopped = AtomicBool::new(false);
    let told = |_: &str, _: u64| {
        if !is_stopped.swap(true, Ordering::Relaxed) {
            server.stop("immediate");
        }
    };
    let Err(error) = desk.outside.fetch(&desk.project(), &desk.catalog(), &told).await else {
        panic!("the server was not stopped");
    };
    let said = error.to_string();
    assert!(
        said.contains("broke off") || said.contains("terminating") || said.contains("it says"),
        "{said}"
    );
    assert!(!error.hint().is_empty());
    assert_eq!(desk.names(), names, "nothing half, and what was there is there");
    // Down, it is told as that.
    let (message, hint) = desk.refusal().await;
    assert!(hint.contains("start the server"), "{message} {hint}");
    server.start_again();
    let all = rows(&desk.files().await);
    assert_eq!(all.len(), 150_000);
    let ids: std::collections::BTreeSet<&str> = all.iter().filter_map(|row| row.split(',').next()).collect();
    assert_eq!(ids.len(), 150_000, "each row once");
}

#[tokio::test]
async fn silence_ends_in_time() {
    let port = silent().await;
    for (format, scheme) in [("postgres", "postgres"), ("mysql", "mysql")] {
        let mut desk = Desk::new(&format!(
            "format = \"{format}\"\nurl_env = \"DESK_URL\"\nquery = \"select 1\""
        ))
        .with("DESK_URL", &format!("{scheme}://ann:s3cretpw@127.0.0.1:{port}/x"));
        desk.outside.deadlines.connect_ms = 300;
        let started = Instant::now();
        let (message, hint) = desk.refusal().await;
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(message.contains("no answer within 0.3 s"), "{message}");
        holds_no("s3cretpw", &desk, &format!("{message}{hint}"));
    }
}
