use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::desk::{Desk, Server, command_as, must, wait_until};

pub(super) const PASSWORD: &str = "s3cret@word";

/// A server of its own, on a socket in a temporary folder; the user is `postgres`.
pub(super) struct Postgres {
    folder: TempDir,
    bin: PathBuf,
    server: Server,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A killed server would leave its shared memory behind.
        self.stop("fast");
    }
}

impl Postgres {
    pub(super) fn start() -> Self {
        let pattern = "/usr/lib/postgresql/*/bin/initdb";
        let initdb = glob::glob(pattern).unwrap().flatten().last();
        let bin = initdb.unwrap_or_else(|| panic!("there is no {pattern}: apt-get install postgresql"));
        let bin = bin.parent().unwrap().to_owned();
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        fs::write(folder.path().join("pw"), PASSWORD).unwrap();
        if must(Command::new("id").arg("-u")).trim() == "0" {
            must(
                Command::new("chown")
                    .args(["-R", "postgres:postgres"])
                    .arg(folder.path()),
            );
        }
        let data = folder.path().join("data");
        must(
            command_as("postgres", &bin.join("initdb"))
                .args([
                    "-U",
                    "postgres",
                    "-E",
                    "UTF8",
                    "--auth=scram-sha-256",
                    "--no-sync",
                    "--pwfile",
                ])
                .arg(folder.path().join("pw"))
                .arg("-D")
                .arg(&data)
                .current_dir(folder.path()),
        );
        let server = serve(&bin, folder.path());
        let postgres = Self { server, folder, bin };
        postgres.wait();
        postgres
    }

    /// Stops it: `fast`, or `immediate` as a crash does.
    pub(super) fn stop(&self, mode: &str) {
        let mut stop = command_as("postgres", &self.bin.join("pg_ctl"));
        stop.args(["stop", "-s", "-m", mode, "-D"])
            .arg(self.folder.path().join("data"));
        let _ = stop.current_dir(self.folder.path()).status();
    }

    pub(super) fn start_again(&mut self) {
        let _ = self.server.0.wait();
        self.server = serve(&self.bin, self.folder.path());
        self.wait();
    }

    fn wait(&self) {
        wait_until("PostgreSQL", || {
            self.psql().args(["-c", "select 1"]).output().unwrap().status.success()
        });
    }

    pub(super) fn psql(&self) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"]);
        command
            .arg(self.folder.path())
            .env("PGPASSWORD", PASSWORD)
            .env("PGTZ", "UTC");
        command
    }

    pub(super) fn run(&self, sql: &str) -> String {
        must(self.psql().args(["-c", sql]))
    }

    pub(super) fn url(&self, password: &str) -> String {
        let password = password.replace('@', "%40");
        format!(
            "postgres://postgres:{password}@localhost/postgres?host={}",
            self.folder.path().display()
        )
    }

    pub(super) fn desk(&self, rest: &str) -> Desk {
        Desk::new(&format!("format = \"postgres\"\nurl_env = \"DESK_URL\"\n{rest}"))
            .with("DESK_URL", &self.url(PASSWORD))
    }
}

fn serve(bin: &Path, folder: &Path) -> Server {
    let mut server = command_as("postgres", &bin.join("postgres"));
    server
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
        .arg(folder)
        .current_dir(folder)
        .stderr(Stdio::null());
    Server(server.spawn().unwrap())
}

#[tokio::test]
async fn rows_cursors_and_faults() {
    let server = Postgres::start();
    values_come_as_the_server_writes_them(&server).await;
    a_cursor_takes_each_row_once(&server).await;
    what_cannot_be_is_said(&server).await;
    a_dropped_connection_leaves_nothing(&server).await;
}

async fn values_come_as_the_server_writes_them(server: &Postgres) {
    server.run(
        "alter role postgres set datestyle = 'German'; alter role postgres set timezone = 'Asia/Shanghai'; \
         create table kinds(a int, b text, c timestamptz, d interval, e float8, f bytea, g jsonb); \
         insert into kinds values (1, '', '2026-01-02 03:04:05.6+00', '1 day 2 hours', 0.1, '\\xff00', '{\"a\": 1}'), \
         (null, null, null, null, null, null, null), (2, E'\\\\.', null, null, 'NaN', null, null), \
         (3, E'客,服\\n\"x\"', null, null, null, null, null)",
    );
    let desk = server.desk("query = \"select * from kinds order by a nulls last -- all\"");
    let files = desk.files().await;
    let expected = "a,b,c,d,e,f,g\n1,\"\",2026-01-02 03:04:05.6+00,P1DT2H,0.1,\\xff00,\"{\"\"a\"\": 1}\"\n2,\\.,,,NaN,,\n\
                    3,\"客,服\n\"\"x\"\"\",,,,,\n,,,,,,\n";
    assert_eq!(files, [("postgres/rows/rows.csv".to_owned(), expected.to_owned())]);
    desk.rewrite("format = \"postgres\"\nurl_env = \"DESK_URL\"\nquery = \"select b from kinds order by a\"");
    assert_eq!(
        desk.files().await[0].1,
        "b\n\"\"\n\"\\.\"\n\"客,服\n\"\"x\"\"\"\n\"\"\n"
    );
}

async fn a_cursor_takes_each_row_once(server: &Postgres) {
    server.run("create table t(id int, at timestamptz); insert into t select i, '2026-01-01'::timestamptz + i * interval '1 s' from generate_series(1, 3) i");
    let desk = server.desk("query = \"select * from t;\"\ncursor = \"at\"");
    assert_eq!(desk.files().await[0].1.lines().count(), 4);
    // One late row at the last value, an equal twin of a row that was had, and one behind.
    server
        .run("insert into t values (4, '2026-01-01 00:00:03+00'), (3, '2026-01-01 00:00:03+00'), (5, '2026-01-02+00')");
    let files = desk.files().await;
    assert_eq!(files[1].0, "postgres/rows/part-000002.csv");
    let mut new: Vec<&str> = files[1].1.lines().collect();
    new.sort_unstable();
    assert_eq!(
        new,
        [
            "3,2026-01-01 00:00:03+00",
            "4,2026-01-01 00:00:03+00",
            "5,2026-01-02 00:00:00+00",
            "id,at"
        ]
    );
    assert_eq!(desk.files().await, files);
    server.run("alter table t add column note text");
    let files = desk.files().await;
    assert_eq!(files.len(), 1, "other columns start anew");
    assert_eq!(files[0].1.lines().count(), 7);
    let state = fs::read_to_string(desk.catalog().fetched_folder("rows").join("state.json")).unwrap();
    assert!(!state.contains("s3cret"));
    desk.rewrite(
        "format = \"postgres\"\nurl_env = \"DESK_URL\"\nquery = \"select now() - now() as d\"\ncursor = \"d\"",
    );
    assert!(desk.refusal().await.0.contains("INTERVAL"));
}

async fn what_cannot_be_is_said(server: &Postgres) {
    let query = "query = \"select 1 as one\"";
    let refusal = async |url: &str| server.desk(query).with("DESK_URL", url).refusal().await;
    let (message, hint) = refusal(&server.url("wr0ngpass")).await;
    assert!(
        message.contains("password authentication failed") && !message.contains("wr0ngpass"),
        "{message}"
    );
    assert!(hint.contains("user and password"));
    assert!(refusal("").await.0.contains("`DESK_URL` is not set"));
    assert!(refusal("postgres://127.0.0.1:1/x").await.0.contains("nothing listens"));
    let (message, _) = refusal("postgres://user:hidd en@[bad").await;
    assert!(!message.contains("hidd"), "{message}");
    let desk = server.desk("query = \"select * from nowhere\"");
    let (message, hint) = desk.refusal().await;
    assert!(
        message.contains("\"nowhere\" does not exist") && hint.contains("`query`"),
        "{message}"
    );
    let mut desk = server.desk("query = \"select pg_sleep(60)\"");
    desk.outside.deadlines.statement_ms = 300;
    assert!(desk.refusal().await.1.contains("too long"));
    let desk = server.desk("query = \"with gone as (delete from t returning id) select * from gone\"");
    assert!(desk.refusal().await.0.contains("it says"), "a query cannot write");
    assert_eq!(server.run("select count(*) from t").trim(), "6");
}

async fn a_dropped_connection_leaves_nothing(server: &Postgres) {
    server.run("create table big as select i as id, repeat('x', 1000) as text from generate_series(1, 100000) i");
    let desk = server.desk("query = \"select * from big\"\ncursor = \"id\"");
    desk.files().await;
    let names = desk.names();
    server.run("insert into big select i, repeat('y', 1000) from generate_series(100001, 200000) i");
    let told = |_: &str, bytes: u64| {
        if bytes < 3 << 20 {
            server.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'deskmill'");
        }
    };
    let Err(error) = desk.outside.fetch(&desk.project(), &desk.catalog(), &told).await else {
        panic!("the connection was not dropped");
    };
    assert!(
        error.to_string().contains("broke off") || error.to_string().contains("terminating"),
        "{error}"
    );
    assert_eq!(desk.names(), names, "nothing half, and what was there is there");
    let files = desk.files().await;
    assert_eq!(
        files.iter().map(|file| file.1.lines().count() - 1).sum::<usize>(),
        200_000
    );
}

/// Rows a second beside `psql \copy`, printed; run by hand: `cargo test --release -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
async fn two_million_rows() {
    let server = Postgres::start();
    server.run(
        "create table t as select i as id, '2026-01-01'::timestamptz + i * interval '1 s' as at, 'user' || i % 5000 as name, \
         'My order ' || i || ' has \"not\" come, please help' as text, (i % 100) / 7.0 as score from generate_series(1, 2000000) i",
    );
    server.run("vacuum analyze t");
    let copy = format!(
        "\\copy (select * from t) to '{}/copy.csv' csv header",
        server.folder.path().display()
    );
    for round in 0..3 {
        let start = Instant::now();
        must(server.psql().args(["-c", &copy]));
        let copy_s = start.elapsed().as_secs_f64();
        for cursor in ["", "\ncursor = \"id\""] {
            let desk = server.desk(&format!("query = \"select * from t\"{cursor}"));
            let start = Instant::now();
            desk.fetch().await.unwrap();
            let wall_s = start.elapsed().as_secs_f64();
            println!(
                "round {round}: psql {:.0} rows/s, deskmill{} {:.0} rows/s",
                2e6 / copy_s,
                cursor.trim(),
                2e6 / wall_s
            );
        }
    }
}
