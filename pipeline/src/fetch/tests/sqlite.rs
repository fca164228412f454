use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::desk::Desk;

async fn run(desk: &Desk, sql: &str) {
    let options = SqliteConnectOptions::new()
        .filename(desk.folder.path().join("a.db"))
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

const SNAPSHOT: &str = "format = \"sqlite\"\npath = \"a.db\"\nquery = \"select * from t;\"";
const GROWING: &str = "format = \"sqlite\"\npath = \"a.db\"\nquery = \"select * from t -- all\"\ncursor = \"at\"";

#[tokio::test]
async fn every_type_is_text() {
    let desk = Desk::new(SNAPSHOT);
    run(
        &desk,
        "create table t(a, b); insert into t values (1, 1.0), (null, ''), ('a,\"b', x'ff00'), (0.1, '客服')",
    )
    .await;
    let files = desk.files().await;
    assert_eq!(files[0].0, "sqlite/rows/rows.csv");
    assert_eq!(files[0].1, "a,b\n1,1.0\n,\"\"\n\"a,\"\"b\",0xff00\n0.1,客服\n");
    let names = desk.names();
    assert_eq!(desk.files().await, files);
    assert_eq!(desk.names(), names, "unchanged rows have an unchanged file");
    run(&desk, "delete from t").await;
    assert_eq!(desk.files().await[0].1, "a,b\n");
    assert_eq!(desk.names().len(), 2, "the old file is gone");
}

#[tokio::test]
async fn a_cursor_takes_each_row_once() {
    let desk = Desk::new(GROWING);
    run(&desk, "create table t(id, at)").await;
    assert_eq!(
        desk.files().await,
        [("sqlite/rows/part-000001.csv".to_owned(), "id,at\n".to_owned())]
    );
    run(&desk, "insert into t values (1, 'a'), (3, 'b'), (2, 'b')").await;
    assert_eq!(desk.files().await[0].1, "id,at\n1,a\n3,b\n2,b\n");
    run(&desk, "insert into t values (4, 'b'), (5, 'c')").await;
    // A fetch that was killed before its state was written leaves a part that nobody lists.
    let state = desk.catalog().fetched_folder("rows").join("state.json");
    let before = std::fs::read(&state).unwrap();
    desk.files().await;
    std::fs::write(&state, before).unwrap();
    let files = desk.files().await;
    assert_eq!(files[0].1, "id,at\n1,a\n3,b\n2,b\n");
    assert_eq!(
        files[1],
        ("sqlite/rows/part-000002.csv".to_owned(), "id,at\n4,b\n5,c\n".to_owned())
    );
    assert_eq!(desk.files().await, files, "nothing new, no new part");
    assert_eq!(desk.names().len(), 3);
    desk.rewrite(&GROWING.replace("select *", "select at, id"));
    assert_eq!(desk.files().await.len(), 1, "another query starts anew");
}

#[tokio::test]
async fn what_cannot_be_is_said() {
    let desk = Desk::new(GROWING);
    assert!(desk.refusal().await.0.contains("no such file"));
    run(&desk, "create table t(id, at); insert into t values (1, null)").await;
    let (message, hint) = desk.refusal().await;
    assert!(message.contains("cursor `at`: a row has no value"), "{message}");
    assert!(hint.contains("at is not null"));
    desk.rewrite(&GROWING.replace("\"at\"", "\"gone\""));
    assert!(desk.refusal().await.1.contains("id, at"));
    desk.rewrite(&SNAPSHOT.replace("from t", "from u"));
    assert!(desk.refusal().await.0.contains("no such table"));
    assert!(desk.names().is_empty(), "nothing half");
}
