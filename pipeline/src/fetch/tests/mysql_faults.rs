//! What MariaDB, and those who change its tables, do to a fetch.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::desk::{Desk, must, texts};
use super::mysql::Mariadb;
use super::postgres_faults::{holds_no, rows};

const PASSWORD: &str = "pw%401234";

#[tokio::test]
async fn servers_tables_and_rows_that_change() {
    let server = Mariadb::start();
    every_type_is_text(&server).await;
    rows_that_come_meanwhile_come_next_time(&server).await;
    other_columns_start_anew(&server).await;
    let desk = server.desk("An0ther-one", "query = \"select 1\"");
    let (message, hint) = desk.refusal().await;
    holds_no("An0ther-one", &desk, &format!("{message}{hint}"));
    a_connection_that_breaks_off_leaves_nothing(&server).await;
}

async fn every_type_is_text(server: &Mariadb) {
    server.run(
        "use desk; set time_zone = '+08:00'; create table types(a tinyint unsigned, b bigint unsigned, c decimal(30,10), d double, \
         e date, f time(3), g year, h timestamp, i varbinary(9), j json, k enum('glad','生气'), l set('x','y'), m boolean, \
         n char(4), o longtext); \
         insert into types values (255, 18446744073709551615, 0.1, 1e300, '2026-01-02', '-01:02:03.456', 2026, \
         '2026-01-02 08:00:00', x'00ff', '{\"a\": \"客\"}', '生气', 'x,y', true, 'ab', repeat('客', 2000000))",
    );
    let all = rows(&server.desk(PASSWORD, "query = \"select * from types\"").files().await);
    let expected = "255,18446744073709551615,0.1000000000,1e300,2026-01-02,-01:02:03.456,2026,2026-01-02 00:00:00,0x00ff,\
        \"{\"\"a\"\": \"\"客\"\"}\",生气,\"x,y\",1,ab,";
    assert_eq!(all.len(), 1);
    let (start, text) = all[0].split_at(expected.len());
    assert_eq!(start, expected);
    assert_eq!(text.len(), 6_000_000);
}

async fn rows_that_come_meanwhile_come_next_time(server: &Mariadb) {
    server.run(
        "use desk; create table flow(id bigint primary key auto_increment, text varchar(600)); \
         insert into flow(text) select repeat('x', 500) from seq_1_to_60000",
    );
    let desk = server.desk(PASSWORD, "query = \"select * from flow\"\ncursor = \"id\"");
    let is_told = AtomicBool::new(false);
    let told = |_: &str, _: u64| {
        if !is_told.swap(true, Ordering::Relaxed) {
            server.run("use desk; insert into flow(text) values ('a'), ('b')");
        }
    };
    let project = desk
        .outside
        .fetch(&desk.project(), &desk.catalog(), &told)
        .await
        .unwrap();
    assert!(is_told.load(Ordering::Relaxed), "nothing happened meanwhile");
    assert_eq!(rows(&texts(&project)).len(), 60_000, "one snapshot");
    let all = rows(&desk.files().await);
    assert!(all.len() == 60_002 && all[60_001].ends_with(",b"), "{}", all.len());
}

async fn other_columns_start_anew(server: &Mariadb) {
    server.run("use desk; create table shape(id int, note text); insert into shape values (1, 'a')");
    let desk = server.desk(PASSWORD, "query = \"select * from shape\"\ncursor = \"id\"");
    assert_eq!(rows(&desk.files().await), ["1,a"]);
    for (change, expected) in [
        ("add column extra int default 7", "1,a,7"),
        ("drop column extra", "1,a"),
        ("modify column id bigint", "1,a"),
        ("modify column note varchar(9)", "1,a"),
    ] {
        server.run(&format!("use desk; alter table shape {change}"));
        let files = desk.files().await;
        assert_eq!((files.len(), rows(&files)), (1, vec![expected.to_owned()]), "{change}");
        assert_eq!(desk.files().await, files, "{change}");
    }
}

/// Fetches while somebody breaks the connection; gives what is said of it.
async fn broken(desk: &Desk, deed: impl Fn()) -> String {
    let is_done = AtomicBool::new(false);
    let told = |_: &str, _: u64| {
        if !is_done.swap(true, Ordering::Relaxed) {
            deed();
        }
    };
    match desk.outside.fetch(&desk.project(), &desk.catalog(), &told).await {
        Err(error) => format!("{error} / {}", error.hint()),
        Ok(_) => panic!("the connection was not broken"),
    }
}

async fn a_connection_that_breaks_off_leaves_nothing(server: &Mariadb) {
    server.run("use desk; create table big(id int primary key, text varchar(1100)); insert into big select seq, repeat('x', 1000) from seq_1_to_20000");
    let desk = server.desk(PASSWORD, "query = \"select * from big\"\ncursor = \"id\"");
    desk.files().await;
    let names = desk.names();
    server.run("use desk; insert into big select seq, repeat('y', 1000) from seq_20001_to_120000");
    let said = broken(&desk, || server.end_connections()).await;
    assert!(said.contains("broke off") || said.contains("it says"), "{said}");
    assert_eq!(desk.names(), names, "nothing half");
    assert_eq!(rows(&desk.files().await).len(), 120_000);
    server.run("use desk; insert into big select seq, repeat('z', 1000) from seq_120001_to_220000");
    let names = desk.names();
    let said = broken(&desk, || {
        drop(must(
            Command::new("kill").args(["-9", &server.server.0.id().to_string()]),
        ))
    })
    .await;
    assert!(said.contains("broke off"), "{said}");
    assert_eq!(desk.names(), names, "nothing half");
    // The socket of a server that was just killed takes connections for a moment, only to reset them.
    let mut said = desk.refusal().await;
    for _ in 0..100 {
        if !said.0.contains("broke off") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        said = desk.refusal().await;
    }
    assert!(said.1.contains("start the server"), "{said:?}");
}
