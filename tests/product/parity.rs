//! The same row gives the same answer, bit for bit, whichever way it goes in: CSV, JSON lines, Parquet, a pipe, SQL,
//! native HTTP by rows and by columns, and the Open Inference Protocol; alone and among others.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::binaries;
use crate::command::{Ended, Process};
use crate::csv;
use crate::desk::Desk;
use crate::server::Server;

/// Rows taken from a simulated desk's chats; the odd ones come on top.
const CHAT_ROWS: usize = 300;

/// One answer; floats as their bits, so that equal means equal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    label: String,
    score: u64,
    labels: Vec<String>,
    scores: Vec<u64>,
    out_of_scope: u64,
}

impl Answer {
    #[track_caller]
    fn of(object: &Value) -> Self {
        let text = |value: &Value| {
            value
                .as_str()
                .unwrap_or_else(|| panic!("no text in {object}"))
                .to_owned()
        };
        let bits = |value: &Value| {
            value
                .as_f64()
                .unwrap_or_else(|| panic!("no number in {object}"))
                .to_bits()
        };
        let list = |name: &str| {
            object[name]
                .as_array()
                .unwrap_or_else(|| panic!("no list {name} in {object}"))
        };
        Self {
            label: text(&object["label"]),
            score: bits(&object["score"]),
            labels: list("labels").iter().map(text).collect(),
            scores: list("scores").iter().map(bits).collect(),
            out_of_scope: bits(&object["out_of_scope"]),
        }
    }
}

/// Texts as customers write them, and texts that break careless readers.
fn texts(desk: &Desk) -> Vec<String> {
    let text = |line: &str| {
        serde_json::from_str::<Value>(line).ok()?["text"]
            .as_str()
            .map(str::to_owned)
    };
    let mut texts: Vec<String> = desk
        .read("raw/chats.jsonl")
        .lines()
        .filter_map(text)
        .take(CHAT_ROWS)
        .collect();
    assert_eq!(texts.len(), CHAT_ROWS);
    let odd = [
        "",
        " ",
        "?",
        "🧾🧾 refund 😡👨‍👩‍👧 please",
        "我的包裹在哪里？",
        "我的order在哪里, where is 它",
        "ＷＨＥＲＥ　ＩＳ　ＩＴ",
        "she said \"no\", twice",
        "\"",
        "\"\"",
        "a,b;c|d\te",
        "line one\nline two\n\nline four",
        "\r\nwindows\r\n",
        "\r",
        "ends with a backslash \\",
        "'; drop table x; --",
        "<p>Where is my <b>order</b>?</p>",
        "e\u{301}te\u{301} ﬁne",
        "مرحبا، أين طلبي؟",
        "\u{200b}zero\u{200b}width\u{feff}",
        "null",
        "NaN",
        "-0.0",
        "1e308",
        "true",
        "{\"text\": 1}",
        "\u{7f}\u{1b}[31mred",
        "退款".repeat(2_000).as_str(),
        "where is my order ".repeat(5_000).as_str(),
        "x".repeat(90_000).as_str(),
    ]
    .map(str::to_owned);
    texts.extend(odd);
    texts
}

#[test]
fn every_way_gives_the_same_bits() {
    let desk = Desk::sample(600, 11);
    let texts = texts(&desk);
    let line = |(id, text): (usize, &String)| json!({ "id": format!("{id:04}"), "text": text }).to_string() + "\n";
    let jsonl: String = texts.iter().enumerate().map(line).collect();
    desk.write("raw/texts.jsonl", &jsonl);
    let project = desk.read("deskmill.toml");
    desk.write(
        "deskmill.toml",
        format!("{project}\n[sources.texts]\nformat = \"jsonl\"\npath = \"raw/texts.jsonl\"\n"),
    );
    desk.run();

    let wanted = by_file(&desk, "raw/texts.jsonl", "out.jsonl");
    assert_eq!(wanted.len(), texts.len());
    let mut ways: BTreeMap<&str, Vec<Answer>> = BTreeMap::new();
    let row = |text: &String| csv::quoted(text) + "\n";
    desk.write(
        "texts.csv",
        "text\n".to_owned() + &texts.iter().map(row).collect::<String>(),
    );
    ways.insert("CSV to CSV", by_csv(&desk));
    predict(&desk, "texts.csv", "texts.parquet");
    ways.insert("Parquet to JSON lines", by_file(&desk, "texts.parquet", "again.jsonl"));
    ways.insert("a pipe", by_pipe(&desk, jsonl.into_bytes()));
    ways.insert("SQL", by_sql(&desk, texts.len()));
    let (slim, whole) = (
        Server::slim(&desk.file("registry"), &[]),
        Server::of_project(desk.path()),
    );
    ways.insert("native rows, deskmill-serve", by_rows(&slim, &texts));
    ways.insert("native rows, deskmill serve", by_rows(&whole, &texts));
    ways.insert("native columns", by_columns(&slim, &texts));
    ways.insert("Open Inference", by_tensors(&slim, &texts));
    ways.insert(
        "one at a time",
        texts
            .iter()
            .flat_map(|text| by_rows(&slim, std::slice::from_ref(text)))
            .collect(),
    );
    let reversed: Vec<String> = texts.iter().rev().cloned().collect();
    ways.insert(
        "in another order",
        by_rows(&slim, &reversed).into_iter().rev().collect(),
    );

    for (way, answers) in ways {
        assert_eq!(answers.len(), wanted.len(), "{way}");
        for ((answer, wanted), text) in answers.iter().zip(&wanted).zip(&texts) {
            let start: String = text.chars().take(60).collect();
            assert_eq!(answer, wanted, "{way}: {start:?}");
        }
    }
}

fn predict(desk: &Desk, from: &str, to: &str) -> Ended {
    let (from, to) = (
        desk.file(from).display().to_string(),
        desk.file(to).display().to_string(),
    );
    desk.deskmill(&["predict", "intent@prod", "--in", &from, "--out", &to])
        .ok()
}

fn of_json_lines(text: &str) -> Vec<Answer> {
    text.lines()
        .map(|line| Answer::of(&serde_json::from_str(line).expect("a line is JSON")))
        .collect()
}

fn by_file(desk: &Desk, from: &str, to: &str) -> Vec<Answer> {
    predict(desk, from, to);
    of_json_lines(&desk.read(to))
}

/// Lists stand in a CSV field as JSON.
fn by_csv(desk: &Desk) -> Vec<Answer> {
    predict(desk, "texts.csv", "out.csv");
    let rows = csv::rows(&desk.read("out.csv"));
    let (names, rows) = rows.split_first().expect("a header");
    let object = |row: &Vec<String>| -> Value {
        let value = |(name, field): (&String, &String)| {
            let is_text = ["text", "label"].contains(&name.as_str());
            let value = if is_text {
                json!(field)
            } else {
                serde_json::from_str(field).expect("a number or a list")
            };
            (name.clone(), value)
        };
        names.iter().zip(row).map(value).collect()
    };
    rows.iter().map(|row| Answer::of(&object(row))).collect()
}

fn by_pipe(desk: &Desk, jsonl: Vec<u8>) -> Vec<Answer> {
    let mut command = Command::new(binaries::deskmill());
    command
        .arg("-C")
        .arg(desk.path())
        .args(["predict", "intent", "--from", "jsonl", "--to", "jsonl"]);
    of_json_lines(&Process::start(command, jsonl).end().ok().stdout)
}

fn by_sql(desk: &Desk, rows: usize) -> Vec<Answer> {
    let query = "select a['label'] as label, a['score'] as score, a['labels'] as labels, a['scores'] as scores, \
                 a['out_of_scope'] as out_of_scope \
                 from (select id, predict('intent', text) as a from raw.texts) order by id";
    let rows = rows.to_string();
    desk.deskmill(&["--json", "sql", query, "--max-rows", &rows])
        .ok()
        .json_lines()
        .iter()
        .map(Answer::of)
        .collect()
}

fn by_rows(server: &Server, texts: &[String]) -> Vec<Answer> {
    let rows: Vec<Value> = texts.iter().map(|text| json!({ "text": text })).collect();
    let body = json!({ "instances": rows }).to_string();
    let reply = server.post("/v1/models/intent:predict", body).with_status(200).json();
    reply["predictions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(Answer::of)
        .collect()
}

fn by_columns(server: &Server, texts: &[String]) -> Vec<Answer> {
    let body = json!({ "inputs": { "text": texts } }).to_string();
    let reply = server.post("/v1/models/intent:predict", body).with_status(200).json();
    let row = |at: usize| {
        let columns = reply["outputs"].as_object().expect("an object of columns");
        Answer::of(
            &columns
                .iter()
                .map(|(name, values)| (name.clone(), values[at].clone()))
                .collect(),
        )
    };
    (0..texts.len()).map(row).collect()
}

fn by_tensors(server: &Server, texts: &[String]) -> Vec<Answer> {
    let tensor = json!({ "name": "text", "datatype": "BYTES", "shape": [texts.len()], "data": texts });
    let body = json!({ "inputs": [tensor] }).to_string();
    let reply = server.post("/v2/models/intent/infer", body).with_status(200).json();
    let outputs = reply["outputs"].as_array().expect("a list of tensors");
    let value = |tensor: &Value, row: usize| -> Value {
        let data = tensor["data"].as_array().expect("data");
        match tensor["shape"][1].as_u64() {
            None => data[row].clone(),
            Some(width) => data[row * width as usize..(row + 1) * width as usize]
                .iter()
                .cloned()
                .collect(),
        }
    };
    let named = |tensor: &Value, row| (tensor["name"].as_str().expect("a name").to_owned(), value(tensor, row));
    (0..texts.len())
        .map(|row| Answer::of(&outputs.iter().map(|tensor| named(tensor, row)).collect()))
        .collect()
}
