use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::desk::{Desk, Server, command_as, must, wait_until};

/// A MariaDB server of its own, on a socket in a temporary folder.
pub(super) struct Mariadb {
    folder: TempDir,
    pub(super) server: Server,
}

impl Mariadb {
    pub(super) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("my").tempdir_in("/tmp").unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        must(
            Command::new("mariadb-install-db")
                .args([
                    "--no-defaults",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ])
                .arg(format!("--datadir={}", data.display()))
                // A server that starts removes the temporary tables of others in its folder for them.
                .env("TMPDIR", folder.path()),
        );
        if must(Command::new("id").arg("-u")).trim() == "0" {
            must(Command::new("chown").args(["-R", "mysql:mysql"]).arg(folder.path()));
        }
        let server = command_as("mysql", Path::new("/usr/sbin/mariadbd"))
            .args(["--no-defaults", "--skip-networking"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}/s", folder.path().display()))
            .arg(format!("--tmpdir={}", folder.path().display()))
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("mariadbd: {e}; apt-get install mariadb-server"));
        let mariadb = Self {
            server: Server(server),
            folder,
        };
        wait_until("MariaDB", || {
            mariadb
                .client()
                .args(["-e", "select 1"])
                .output()
                .unwrap()
                .status
                .success()
        });
        mariadb.run("create database desk character set utf8mb4; create user 'ann'@'localhost' identified by 'pw@1234'; grant select on desk.* to 'ann'@'localhost'");
        mariadb
    }

    fn client(&self) -> Command {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "-u", "root", "--default-character-set=utf8mb4"]);
        command.arg(format!("--socket={}/s", self.folder.path().display()));
        command
    }

    pub(super) fn run(&self, sql: &str) -> String {
        must(self.client().args(["-e", sql]))
    }

    /// Ends the connections of the user of the desks. One may have gone by itself since they were listed.
    pub(super) fn end_connections(&self) {
        let ids = self.run("select id from information_schema.processlist where user = 'ann'");
        for id in ids.lines().skip(1) {
            let _ = self.client().args(["-e", &format!("kill {id}")]).output();
        }
    }

    pub(super) fn desk(&self, password: &str, rest: &str) -> Desk {
        let url = format!(
            "mysql://ann:{password}@localhost/desk?socket={}/s",
            self.folder.path().display()
        );
        Desk::new(&format!("format = \"mysql\"\nurl_env = \"DESK_URL\"\n{rest}")).with("DESK_URL", &url)
    }
}

#[tokio::test]
async fn rows_cursors_and_faults() {
    let server = Mariadb::start();
    server.run(
        "use desk; create table t(id bigint primary key, at datetime(3), price decimal(8,2), flag bit(1), raw blob, text text); \
         insert into t values (1, '2026-01-02 03:04:05.678', 1.50, 1, x'ff00', '客,服'), (2, '2026-01-03', null, 0, 'abc', ''), \
         (3, '2026-01-03', null, null, null, null)",
    );
    let desk = server.desk("pw%401234", "query = \"select * from t;\"\ncursor = \"at\"");
    let files = desk.files().await;
    let expected = "id,at,price,flag,raw,text\n1,2026-01-02 03:04:05.678,1.50,1,0xff00,\"客,服\"\n\
                    2,2026-01-03 00:00:00.000,,0,abc,\"\"\n3,2026-01-03 00:00:00.000,,,,\n";
    assert_eq!(files, [("mysql/rows/part-000001.csv".to_owned(), expected.to_owned())]);
    server.run("use desk; insert into t(id, at) values (4, '2026-01-03'), (5, '2026-01-04')");
    let files = desk.files().await;
    assert_eq!(
        files[1].1,
        "id,at,price,flag,raw,text\n4,2026-01-03 00:00:00.000,,,,\n5,2026-01-04 00:00:00.000,,,,\n"
    );
    assert_eq!(desk.files().await, files);
    let desk = server.desk("pw%401234", "query = \"select count(*) as n from t\"");
    assert_eq!(
        desk.files().await[0],
        ("mysql/rows/rows.csv".to_owned(), "n\n5\n".to_owned())
    );
    let (message, hint) = server.desk("wr0ngpass", "query = \"select 1\"").refusal().await;
    assert!(
        message.contains("Access denied") && !message.contains("wr0ngpass"),
        "{message}"
    );
    assert!(hint.contains("user and password"), "{hint}");
    let (message, hint) = server
        .desk("pw%401234", "query = \"select * from nowhere\"")
        .refusal()
        .await;
    assert!(
        message.contains("nowhere") && hint.contains("`query`"),
        "{message} {hint}"
    );
    let (message, _) = server
        .desk("pw%401234", "query = \"select * from t\"\ncursor = \"text\"")
        .refusal()
        .await;
    assert!(message.contains("cannot be a cursor"), "{message}");
}
