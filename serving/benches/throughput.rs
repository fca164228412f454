//! One small intent request over HTTP/1.1 keep-alive, beside a bare axum handler that sends back an answer of the same bytes:
//! requests a second over several connections, and the median time over one, in turns and on the same cores.
//!
//! `cargo bench -p deskmill -p deskmill-serving --bench throughput -- --registry data/samples/registry [--check]`
//!
//! The clients are in this process and cost both sides the same. Each turn is short and the sides take turns, so that what
//! else the machine does falls on both. `--check` ends with 1 if a target is missed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use clap::Parser;
use deskmill_models::registry::Registry;
use deskmill_serving::ServingConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the first is to be at least, the second at most.
const THROUGHPUT_MIN: f64 = 0.7;
const MEDIAN_MAX: f64 = 1.5;

#[derive(Parser)]
struct Flags {
    /// Folder of the registry.
    #[arg(long)]
    registry: PathBuf,
    /// A model with one input `text`.
    #[arg(long, default_value = "intent")]
    model: String,
    /// Text of the request.
    #[arg(long, default_value = "Where is my order?")]
    text: String,
    /// Connections at once.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Turns of each side.
    #[arg(long, default_value_t = 7)]
    turns: usize,
    /// Milliseconds of a turn.
    #[arg(long, default_value_t = 1000)]
    turn_ms: u64,
    /// End with 1 if a target is missed.
    #[arg(long)]
    check: bool,
    /// Cargo says this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(compare(&flags)) {
        false if flags.check => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

async fn compare(flags: &Flags) -> bool {
    let body = serde_json::json!({ "instances": [{ "text": flags.text }] }).to_string();
    let served = deskmill(flags).await;
    let path = format!("/v1/models/{}:predict", flags.model);
    let request = |path: &str| {
        let length = body.len();
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            .into_bytes()
    };
    let (ours, answer) = (
        Side::new(served, request(&path)),
        answer_of(served, &request(&path)).await,
    );
    let echo = Router::new().route(
        "/echo",
        post(move |_: axum::body::Bytes| {
            let answer = answer.clone();
            async move { ([(CONTENT_TYPE, "application/json")], answer) }
        }),
    );
    let bare = Side::new(serve(echo).await, request("/echo"));

    let mut figures = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for turn in 0..=flags.turns {
        let (bare_rate, our_rate) = (bare.rate(flags).await, ours.rate(flags).await);
        let (bare_median, our_median) = (bare.median().await, ours.median().await);
        // The first turn warms up.
        if turn > 0 {
            let all = [bare_rate, our_rate, bare_median, our_median];
            figures
                .iter_mut()
                .zip(all)
                .for_each(|(figures, figure)| figures.push(figure));
        }
    }
    let [bare_rate, our_rate, bare_median, our_median] = figures.map(middle);
    let (rate, median) = (our_rate / bare_rate, our_median / bare_median);
    let (connections, turns) = (flags.connections, flags.turns);
    println!(
        "median of {turns} turns of each side, {} cores",
        std::thread::available_parallelism().unwrap()
    );
    println!(
        "{connections} connections: echo {bare_rate:.0} requests/s, deskmill {our_rate:.0}: {rate:.2}  (target {THROUGHPUT_MIN})"
    );
    println!(
        "one connection: echo p50 {bare_median:.0} us, deskmill {our_median:.0} us: {median:.2}  (target {MEDIAN_MAX})"
    );
    rate >= THROUGHPUT_MIN && median <= MEDIAN_MAX
}

/// The whole server, as `deskmill-serve` runs it.
async fn deskmill(flags: &Flags) -> SocketAddr {
    let config = ServingConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..ServingConfig::default()
    };
    let registry = Registry::local(&flags.registry).unwrap();
    let (listening, listens) = tokio::sync::oneshot::channel();
    let told = move |address| listening.send(address).unwrap();
    tokio::spawn(deskmill_serving::run(registry, config, told, std::future::pending()));
    let address = listens.await.unwrap();
    let ready = b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n";
    while !Client::open(address).await.is_ready(ready).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    address
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener =
        axum::serve::ListenerExt::tap_io(listener, |stream: &mut TcpStream| stream.set_nodelay(true).unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

async fn answer_of(address: SocketAddr, request: &[u8]) -> String {
    let mut client = Client::open(address).await;
    let body = client.ask(request).await;
    String::from_utf8(body).unwrap()
}

/// One server and the request it is sent.
struct Side {
    address: SocketAddr,
    request: Arc<[u8]>,
}

impl Side {
    fn new(address: SocketAddr, request: Vec<u8>) -> Self {
        let request = request.into();
        Self { address, request }
    }

    /// Requests a second over several connections.
    async fn rate(&self, flags: &Flags) -> f64 {
        let mut clients = Vec::new();
        for _ in 0..flags.connections {
            clients.push(Client::open(self.address).await);
        }
        let started = Instant::now();
        let until = started + Duration::from_millis(flags.turn_ms);
        let tasks: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let request = Arc::clone(&self.request);
                tokio::spawn(async move {
                    let mut answers = 0u64;
                    while Instant::now() < until {
                        client.ask(&request).await;
                        answers += 1;
                    }
                    answers
                })
            })
            .collect();
        let mut answers = 0;
        for task in tasks {
            answers += task.await.unwrap();
        }
        answers as f64 / started.elapsed().as_secs_f64()
    }

    /// The median time of one request over one connection, in microseconds.
    async fn median(&self) -> f64 {
        let mut client = Client::open(self.address).await;
        let mut times = Vec::with_capacity(2000);
        for _ in 0..2000 {
            let started = Instant::now();
            client.ask(&self.request).await;
            times.push(started.elapsed().as_secs_f64() * 1e6);
        }
        middle(times)
    }
}

/// One connection that is kept open.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::with_capacity(4096),
        }
    }

    async fn is_ready(&mut self, request: &[u8]) -> bool {
        self.stream.write_all(request).await.unwrap();
        let mut head = [0; 12];
        self.stream.read_exact(&mut head).await.unwrap();
        head.ends_with(b"200")
    }

    /// The body of the answer, which must be a 200 that states its length.
    async fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        loop {
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "closed");
            let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.buffer[..end]).unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap();
            let whole = end + 4 + length.parse::<usize>().unwrap();
            if self.buffer.len() >= whole {
                return self.buffer[end + 4..whole].to_vec();
            }
        }
    }
}
