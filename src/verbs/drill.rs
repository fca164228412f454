//! `deskmill drill MODEL`: breaks the steps of a model's ladder on a running server, one more with each request, and shows
//! what a caller got. The breaking is for the one request that asks for it; other callers notice nothing.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Place;
use crate::cli::DrillArgs;
use crate::output::{DONE, REFUSED, Wrong, json_line, table};

/// No answer is waited for longer.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub async fn run(place: &Place, args: &DrillArgs) -> Result<ExitCode> {
    let path = format!("/v1/models/{}", args.model);
    let described = ask(args, "GET", &path, None, "").await?;
    let model = described.json()?;
    if described.status != 200 {
        return Err(wrong(
            format!("{}: {}", args.server, text(&model, "error")),
            "name a model that the server has, and a key with the scope `admin`",
        ));
    }
    let ladder: Vec<&str> = model["ladder"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if ladder.is_empty() {
        return Err(wrong(
            format!("model `{}` has no ladder on {}", args.model, args.server),
            "declare one in a file and serve with --ladders FILE (docs/serving.md)",
        ));
    }
    let row = example(&model);
    let mut rows = Vec::new();
    let mut unanswered = 0;
    for broken in 0..=ladder.len() {
        let started = Instant::now();
        let reply = ask(args, "POST", &format!("{path}:predict"), Some(broken), &row).await?;
        let took = started.elapsed();
        if reply.status == 401 || reply.status == 403 {
            return Err(wrong(
                text(&reply.json()?, "error"),
                "pass --key with a key that has the scope `admin`",
            ));
        }
        // With all steps broken nobody can answer; that the refusal comes at once is what the last line shows.
        unanswered += usize::from(broken < ladder.len() && reply.status != 200);
        rows.push(Row {
            broken: ladder[..broken].join(", "),
            status: reply.status,
            answered_by: format!(
                "{} {}",
                reply.header("deskmill-model"),
                reply.header("deskmill-version")
            ),
            degraded: reply.header("deskmill-degraded").to_owned(),
            took_ms: took.as_secs_f64() * 1000.0,
        });
    }
    show(place, &rows)?;
    Ok(ExitCode::from(if unanswered == 0 { DONE } else { REFUSED }))
}

/// What a caller got.
struct Row {
    broken: String,
    status: u16,
    answered_by: String,
    degraded: String,
    took_ms: f64,
}

fn show(place: &Place, rows: &[Row]) -> Result<()> {
    if place.json {
        for row in rows {
            json_line(&json!({
                "broken": row.broken, "status": row.status, "answered_by": row.answered_by, "degraded": row.degraded,
                "took_ms": row.took_ms,
            }))?;
        }
        return Ok(());
    }
    let shown = |row: &Row| {
        let or = |text: &str, other: &str| {
            if text.is_empty() {
                other.to_owned()
            } else {
                text.to_owned()
            }
        };
        vec![
            or(&row.broken, "nothing"),
            row.status.to_string(),
            row.answered_by.clone(),
            or(&row.degraded, "-"),
            format!("{:.1}", row.took_ms),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(shown).collect();
    Ok(table(&["broken", "status", "answered by", "degraded", "ms"], &rows)?)
}

/// A body with the example row of the model's signature.
fn example(model: &Value) -> String {
    let inputs = model["signature"]["inputs"].as_array().into_iter().flatten();
    let row: Map<String, Value> = inputs
        .map(|input| (text(input, "name"), input["example"].clone()))
        .collect();
    json!({ "instances": [row] }).to_string()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// An answer, read to its end.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).map_err(|_| {
            wrong(
                "what answers there is no deskmill server".to_owned(),
                "name the server with --server ADDRESS:PORT",
            )
        })
    }
}

/// One plain HTTP/1.1 request on a connection of its own.
async fn ask(args: &DrillArgs, method: &str, path: &str, broken: Option<usize>, body: &str) -> Result<Reply> {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
        args.server
    );
    head.push_str(&format!(
        "content-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    ));
    // On a command line a key can be seen by others on the machine; in the environment it cannot.
    if let Some(key) = args.key.clone().or_else(|| std::env::var("DESKMILL_KEY").ok()) {
        head.push_str(&format!("authorization: Bearer {}\r\n", key.trim()));
    }
    if let Some(broken) = broken {
        head.push_str(&format!("deskmill-drill: {broken}\r\n"));
    }
    let exchange = async {
        let mut stream = TcpStream::connect(args.server).await?;
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let hint = "start it with `deskmill serve`, or name it with --server ADDRESS:PORT";
    let answer = match timeout(WAIT_MAX, exchange).await {
        Ok(Ok(answer)) => String::from_utf8_lossy(&answer).into_owned(),
        Ok(Err(error)) => return Err(wrong(format!("{}: {error}", args.server), hint)),
        Err(_) => return Err(wrong(format!("{}: no answer", args.server), hint)),
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Ok(Reply {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

fn wrong(message: String, hint: &str) -> anyhow::Error {
    let hint = hint.to_owned();
    Wrong { message, hint }.into()
}
