//! The server with its socket: it listens, bounds its connections, and stops when told to.

use std::net::SocketAddr;

use deskmill_models::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::run;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<crate::Result<()>>,
    _folder: tempfile::TempDir,
}

async fn start(config: ServingConfig) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::local(folder.path()).unwrap();
    let config = ServingConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..config
    };
    let (listening, listens) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(run(
        registry,
        config,
        move |address| listening.send(address).unwrap(),
        async move {
            let _told = stopped.await;
        },
    ));
    Running {
        address: listens.await.unwrap(),
        stop,
        ended,
        _folder: folder,
    }
}

const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n";

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(LIVEZ).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        assert_ne!(
            stream.read_buf(&mut answer).await.unwrap(),
            0,
            "closed without an answer"
        );
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn it_listens_answers_and_stops() {
    let running = start(ServingConfig::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    // The idle connection does not hold up the stop.
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_caller_that_never_finishes_does_not_hold_up_the_stop_beyond_its_grace() {
    let running = start(ServingConfig {
        stop_grace_ms: 20,
        ..ServingConfig::default()
    })
    .await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    ask(&mut stream).await;
    stream
        .write_all(b"POST /v1/models/x:predict HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_connection_gives_its_slot_to_the_next() {
    let running = start(ServingConfig {
        connections_max: 1,
        timeout_ms: 10,
        idle_max_ms: 50,
        ..ServingConfig::default()
    })
    .await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    ask(&mut first).await;
    let mut second = TcpStream::connect(running.address).await.unwrap();
    assert!(ask(&mut second).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(
        first.read(&mut [0; 1]).await.unwrap(),
        0,
        "the first was still open when the second was answered"
    );
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let running = start(ServingConfig::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::local(folder.path()).unwrap();
    let config = ServingConfig {
        listen: running.address,
        ..ServingConfig::default()
    };
    let error = run(registry, config, |_| {}, std::future::pending()).await.unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("listen {}: ", running.address)),
        "{error}"
    );
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
}
