use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use futures::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::desk::{Desk, Server};

/// `moto_server`: S3 in memory, on a free port. Gives its address.
fn start() -> (Server, String) {
    let program = std::env::var("MOTO_SERVER").unwrap_or_else(|_| "moto_server".into());
    let mut child = Command::new(&program)
        .args(["-H", "127.0.0.1", "-p", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{program}: {e}; pip install 'moto[server]', or name it in MOTO_SERVER"));
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let server = Server(child);
    let line = lines
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains("Running on http"));
    let line = line.unwrap_or_else(|| panic!("{program} does not say where it runs"));
    // Its log goes on; a closed pipe would stop it.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (server, line[line.find("http").unwrap()..].trim().to_owned())
}

#[tokio::test]
async fn objects_come_once_and_go() {
    let (_server, address) = start();
    let builder = AmazonS3Builder::new()
        .with_endpoint(&address)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_access_key_id("id")
        .with_secret_access_key("key")
        .with_bucket_name("desk");
    // A bucket is made with an empty key's PUT, which the library has no word for.
    let made = Command::new("curl")
        .args(["-sf", "-X", "PUT", &format!("{address}/desk")])
        .status()
        .unwrap();
    assert!(made.success());
    let store = builder.build().unwrap();
    let put = async |key: &str, text: &str| {
        store
            .put(&Path::parse(key).unwrap(), text.to_owned().into())
            .await
            .unwrap();
    };
    put("in/b 客.csv", "a\n2\n").await;
    put("in/a.csv", "a\n1\n").await;
    put("in/deep/c.csv", "a\n3\n").await;
    put("in/.hidden.csv", "a\n4\n").await;
    put("in/a.txt", "x").await;
    let desk = Desk::new("format = \"csv\"\npath = \"s3://desk/in/*.csv\"")
        .with("AWS_ENDPOINT_URL", &address)
        .with("AWS_ALLOW_HTTP", "true")
        .with("AWS_REGION", "us-east-1")
        .with("AWS_ACCESS_KEY_ID", "id")
        .with("AWS_SECRET_ACCESS_KEY", "key");
    let files = desk.files().await;
    assert_eq!(
        files,
        [
            ("s3://desk/in/a.csv".to_owned(), "a\n1\n".to_owned()),
            ("s3://desk/in/b 客.csv".to_owned(), "a\n2\n".to_owned())
        ]
    );
    desk.told.lock().unwrap().clear();
    assert_eq!(desk.files().await, files);
    assert!(
        desk.told.lock().unwrap().is_empty(),
        "unchanged objects are not fetched again"
    );
    put("in/a.csv", "a\n9\n").await;
    store.delete(&Path::parse("in/b 客.csv").unwrap()).await.unwrap();
    assert_eq!(
        desk.files().await,
        [("s3://desk/in/a.csv".to_owned(), "a\n9\n".to_owned())]
    );
    assert_eq!(desk.names().len(), 2, "old copies are gone: {:?}", desk.names());
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 4);
    desk.rewrite("format = \"csv\"\npath = \"s3://desk/nowhere/*.csv\"");
    assert!(desk.refusal().await.0.contains("no object matches"));
    desk.rewrite("format = \"csv\"\npath = \"s3://other/*.csv\"");
    assert!(desk.refusal().await.1.contains("bucket"));
}

/// Objects that go or change between the list and the get; the store is a script.
#[tokio::test]
async fn objects_that_go_or_change_meanwhile_are_told() {
    let list = "<?xml version=\"1.0\"?><ListBucketResult><Name>desk</Name><IsTruncated>false</IsTruncated><Contents>\
        <Key>a.csv</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;1&quot;</ETag><Size>4</Size>\
        <StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>";
    let list = format!("{}Content-Length: {}\r\n\r\n{list}", super::http::HEAD, list.len());
    let answer = |status: &str| format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    for (answer, said) in [
        (answer("404 Not Found"), "removed"),
        (answer("412 Precondition Failed"), "changed while it was read"),
        (answer("403 Forbidden"), "AWS_SECRET_ACCESS_KEY"),
    ] {
        let (url, ..) = super::http::start(&[&list, &answer]).await;
        let desk = Desk::new("format = \"csv\"\npath = \"s3://desk/*.csv\"")
            .with("AWS_ENDPOINT_URL", url.trim_end_matches("/a/b.csv"))
            .with("AWS_ALLOW_HTTP", "true")
            .with("AWS_REGION", "us-east-1")
            .with("AWS_ACCESS_KEY_ID", "id")
            .with("AWS_SECRET_ACCESS_KEY", "s3cretkey");
        let (message, hint) = desk.refusal().await;
        let told = format!("{message} / {hint}");
        assert!(told.contains(said) && told.contains("a.csv"), "{told}");
        super::postgres_faults::holds_no("s3cretkey", &desk, &told);
        assert!(desk.names().is_empty(), "nothing half");
    }
}
