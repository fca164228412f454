use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::desk::Desk;

/// What the server gives at each request, in order; the last one goes on.
pub(super) type Script = Arc<Mutex<Vec<String>>>;

/// A web server that follows a script and notes the heads of the requests.
pub(super) async fn start(script: &[&str]) -> (String, Script, Script) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script: Script = Arc::new(Mutex::new(script.iter().map(|text| (*text).to_owned()).collect()));
    let asked: Script = Arc::default();
    let (answers, heads) = (script.clone(), asked.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap_or(b'\n'));
            }
            heads.lock().unwrap().push(String::from_utf8(head).unwrap());
            let answer = {
                let mut answers = answers.lock().unwrap();
                if answers.len() > 1 {
                    answers.remove(0)
                } else {
                    answers[0].clone()
                }
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (format!("http://{address}/a/b.csv"), script, asked)
}

pub(super) const HEAD: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n";

fn desk(url: &str) -> Desk {
    Desk::new(&format!("format = \"csv\"\npath = \"{url}\""))
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let whole = format!("{HEAD}ETag: \"1\"\r\nContent-Length: 4\r\n\r\na\n1\n");
    let head = format!("{HEAD}ETag: \"1\"\r\nContent-Length: 4\r\n\r\n");
    let (url, script, asked) = start(&[&whole, &head, "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"]).await;
    let signed = format!("{url}?signature=s3cret");
    let desk = desk(&signed);
    let files = desk.files().await;
    assert_eq!(files, [(url, "a\n1\n".to_owned())]);
    assert_eq!(desk.files().await, files);
    let asked = asked.lock().unwrap().clone();
    assert!(asked[0].starts_with("GET /a/b.csv?signature=s3cret ") && asked[1].starts_with("HEAD "));
    assert!(asked[2].contains("if-none-match: \"1\""), "{}", asked[2]);
    let state = std::fs::read_to_string(desk.catalog().fetched_folder("rows").join("state.json")).unwrap();
    assert!(!state.contains("s3cret"));
    *script.lock().unwrap() = vec!["HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n".into()];
    let (message, _) = desk.refusal().await;
    assert!(message.contains("403") && !message.contains("s3cret"), "{message}");
}

#[tokio::test]
async fn what_breaks_is_tried_again() {
    let short = format!("{HEAD}Content-Length: 9\r\n\r\na\n1\n");
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\na\n1\n\r\n0\r\n\r\n");
    let busy = "HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n";
    let (url, ..) = start(&[&short, busy, &chunked]).await;
    assert_eq!(desk(&url).files().await[0].1, "a\n1\n");
    let (url, ..) = start(&[&short]).await;
    let desk = desk(&url);
    let (message, _) = desk.refusal().await;
    assert!(message.contains("given up after 5 attempts"), "{message}");
    assert!(desk.names().is_empty(), "nothing half");
}

#[tokio::test]
async fn a_file_that_changes_while_read_is_refused() {
    let whole = format!("{HEAD}ETag: \"1\"\r\nContent-Length: 4\r\n\r\na\n1\n");
    let head = format!("{HEAD}ETag: \"2\"\r\nContent-Length: 4\r\n\r\n");
    let (url, ..) = start(&[&whole, &head]).await;
    let desk = desk(&url);
    assert!(desk.refusal().await.0.contains("changed while it was read"));
    assert!(desk.names().is_empty());
    desk.rewrite("format = \"csv\"\npath = \"http://ann:pw@host/a.csv\"");
    assert!(!desk.refusal().await.0.contains("pw@"));
}

#[tokio::test]
async fn redirects_are_followed_and_end() {
    let whole = format!("{HEAD}Content-Length: 4\r\n\r\na\n1\n");
    let moved = "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /elsewhere.csv\r\n\r\n";
    let (url, _, asked) = start(&[moved, &whole]).await;
    assert_eq!(desk(&url).files().await, [(url, "a\n1\n".to_owned())]);
    assert!(asked.lock().unwrap()[1].starts_with("GET /elsewhere.csv "));
    let (url, _, asked) = start(&[moved]).await;
    let desk = desk(&format!("{url}?signature=s3cret"));
    let (message, hint) = desk.refusal().await;
    assert!(
        message.contains("redirect") && !hint.is_empty() && !message.contains("s3cret"),
        "{message}"
    );
    let asked = asked.lock().unwrap().len();
    assert!(asked <= 60, "{asked} requests");
}

#[tokio::test]
async fn servers_that_fail_drip_or_fall_silent_end_in_time() {
    let started = std::time::Instant::now();
    let (url, ..) = start(&["HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]).await;
    let (message, hint) = desk(&url).refusal().await;
    assert!(
        message.contains("after 5 attempts") && message.contains("500") && !hint.is_empty(),
        "{message}"
    );
    let port = super::postgres_faults::silent().await;
    let mut silent = desk(&format!("http://127.0.0.1:{port}/a.csv"));
    silent.outside.deadlines.idle_ms = 100;
    assert!(silent.refusal().await.0.contains("no answer"));
    // A byte now and then is not silence, but the whole has its deadline too.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream
                    .write_all(format!("{HEAD}Content-Length: 1000000\r\n\r\n").as_bytes())
                    .await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            });
        }
    });
    let mut dripping = desk(&format!("http://{address}/a.csv?key=s3cret"));
    dripping.outside.deadlines.statement_ms = 400;
    let (message, _) = dripping.refusal().await;
    assert!(
        message.contains("did not come whole within 0.4 s") && !message.contains("s3cret"),
        "{message}"
    );
    assert!(dripping.names().is_empty(), "nothing half: {:?}", dripping.names());
    assert!(
        started.elapsed() < std::time::Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
}
