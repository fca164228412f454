//! JSON: which files of the public test suite are read and which are refused, and how fast chat turns land from jsonl
//! and from one document, plain and compressed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use deskmill_pipeline::project::Format;
use deskmill_pipeline::sources::Landed;

use crate::Figure;
use crate::landed::{land_file, sorted};

/// Size of the generated file.
const TURNS_BYTES: usize = 300_000_000;

/// All figures; `data` holds the folder `jsontestsuite`.
pub fn measure(data: &Path) -> Vec<Figure> {
    let mut figures = suite(&data.join("jsontestsuite/test_parsing"));
    figures.extend(speed());
    figures
}

/// What became of a file; none if it was refused as a whole.
fn landed(path: &Path, format: Format) -> Option<Landed> {
    land_file(path, format, 1 << 20).map(|(_, landed)| landed)
}

fn suite(folder: &Path) -> Vec<Figure> {
    let files = sorted(folder);
    let share = |prefix: &str, format: Format, is_right: &dyn Fn(Option<Landed>) -> bool| {
        let mut wrong = Vec::new();
        let mut all = 0;
        for path in &files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_one_line = || fs::read(path).is_ok_and(|bytes| !bytes.trim_ascii().contains(&b'\n'));
            if !name.starts_with(prefix) || (format == Format::Jsonl && !is_one_line()) {
                continue;
            }
            all += 1;
            if !is_right(landed(path, format)) {
                wrong.push(name.into_owned());
            }
        }
        let note = match wrong.is_empty() {
            true => format!("{all} files"),
            false => format!("{all} files; not: {}", wrong.join(", ")),
        };
        (f64::from(all - wrong.len() as i32) / f64::from(all.max(1)), note)
    };
    let is_read = |landed: Option<Landed>| landed.is_some_and(|landed| landed.rejects == 0);
    let is_refused = |landed: Option<Landed>| landed.is_none_or(|landed| landed.rejects > 0);
    let is_over = |_: Option<Landed>| true;
    let figure = |name: &str, target: Option<f64>, (value, note): (f64, String)| Figure {
        name: name.to_owned(),
        value,
        target,
        note,
    };
    vec![
        figure(
            "jsontestsuite y_, json: read without a reject",
            Some(1.0),
            share("y_", Format::Json, &is_read),
        ),
        figure(
            "jsontestsuite n_, json: rejected",
            Some(1.0),
            share("n_", Format::Json, &is_refused),
        ),
        figure(
            "jsontestsuite n_, jsonl: rejected",
            Some(1.0),
            share("n_", Format::Jsonl, &is_refused),
        ),
        figure(
            "jsontestsuite i_, json: no crash, no hang",
            Some(1.0),
            share("i_", Format::Json, &is_over),
        ),
    ]
}

fn speed() -> Vec<Figure> {
    let Ok(folder) = tempfile::tempdir() else {
        return Vec::new();
    };
    let lines = turns();
    let document = format!("{{\"turns\": [{}]}}", lines.trim_end().replace('\n', ",\n"));
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).map(|()| path)
    };
    let gzip = || {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(lines.as_bytes())?;
        encoder.finish()
    };
    let files = [
        ("jsonl", Format::Jsonl, write("turns.jsonl", lines.as_bytes())),
        (
            "json, one document",
            Format::Json,
            write("turns.json", document.as_bytes()),
        ),
        (
            "jsonl in gzip",
            Format::Jsonl,
            gzip().and_then(|bytes| write("turns.jsonl.gz", &bytes)),
        ),
    ];
    files
        .into_iter()
        .filter_map(|(name, format, path)| {
            let path = path.ok()?;
            let start = Instant::now();
            let landed = landed(&path, format)?;
            let seconds = start.elapsed().as_secs_f64();
            Some(Figure {
                name: format!("{name}: MB/s landed, one core"),
                value: TURNS_BYTES as f64 / 1e6 / seconds,
                target: None,
                note: format!("{} rows, {} rejects, {seconds:.2} s", landed.rows, landed.rejects),
            })
        })
        .collect()
}

/// Chat turns in English and Chinese, the same every time.
fn turns() -> String {
    const WORDS: [&str; 16] = [
        "order",
        "refund",
        "please",
        "where is",
        "my parcel",
        "invoice",
        "thank you",
        "not arrived",
        "您好",
        "我的订单",
        "退款",
        "什么时候",
        "谢谢",
        "发票",
        "\\n",
        "\\\"ok\\\"",
    ];
    let mut text = String::with_capacity(TURNS_BYTES + 1024);
    let mut state: u64 = 7;
    let mut next = |below: u64| {
        // A linear congruential generator (Knuth's MMIX constants): the text only has to vary.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut turn = 0;
    while text.len() < TURNS_BYTES {
        let said: Vec<&str> = (0..5 + next(40)).map(|_| WORDS[next(16) as usize]).collect();
        let speaker = if turn % 2 == 0 { "customer" } else { "agent" };
        text += &format!(
            "{{\"conversation_id\": \"c-{:08}\", \"turn\": {}, \"speaker\": \"{speaker}\", \"text\": \"{}\", \"client\": {{\"app\": \"ios\", \"version\": \"4.{}\"}}}}\n",
            turn / 12,
            turn % 12,
            said.join(" "),
            next(30)
        );
        turn += 1;
    }
    text
}
