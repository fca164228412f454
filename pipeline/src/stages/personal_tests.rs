//! Personal data that a mask covers reaches no file of a version and no report: a whole run over texts full of it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::project::{RecipeProblem, Recipes, read_project};
use crate::run::{RunRequest, Until, run};

/// What a text holds, and the pieces of it that must not be seen again. All of it is made up.
const PLANTED: [(&str, &[&str]); 14] = [
    (
        "write to zq.secretbox@plantedmail.example",
        &["secretbox", "plantedmail"],
    ),
    ("my phone is +44 20 7946 0018", &["7946", "0018"]),
    ("我的手机是13912345678", &["13912345678", "2345678"]),
    ("My name is Zebulon Quartermain.", &["zebulon", "quartermain"]),
    ("I am Mrs. Wilhelmina Xanthopoulos.", &["wilhelmina", "xanthopoulos"]),
    ("我叫欧阳翠花，", &["欧阳", "翠花"]),
    ("请找司马德彪先生，", &["司马", "德彪"]),
    ("card 4111 1111 1111 1111", &["4111", "1111"]),
    ("IBAN DE89 3704 0044 0532 0130 00", &["de89", "3704", "0532"]),
    ("身份证号11010519491231002X，", &["110105", "19491231", "002x"]),
    ("I live at 17 Wacholder Street, ", &["wacholder", "17 w"]),
    ("寄到杭州市西湖区翡翠路9号，", &["西湖", "翡翠"]),
    ("from 203.0.113.77", &["203.0", "113.77"]),
    (
        "https://example.org/reset?token=qqsecrettoken",
        &["qqsecrettoken", "example.org"],
    ),
];

const ASKED: [(&str, &str); 3] = [
    ("where is my parcel 包裹在哪里", "delivery"),
    ("please refund me 我要退款", "refund"),
    ("I cannot log in 无法登录", "password"),
];

struct BuiltIn;

impl Recipes for BuiltIn {
    fn kinds(&self) -> Vec<&'static str> {
        deskmill_models::KINDS.iter().map(|kind| kind.about().name).collect()
    }

    fn check(&self, kind: &str, written: &serde_json::Value) -> Result<serde_json::Value, Vec<RecipeProblem>> {
        let kind = deskmill_models::kind(kind).unwrap();
        Ok(kind.check_recipe(written).unwrap_or_default())
    }
}

/// A word that means nothing, another one for each of the first 64 numbers.
fn word(number: usize) -> String {
    const SYLLABLES: [&str; 8] = ["ka", "lo", "mi", "nu", "ra", "te", "vo", "xi"];
    format!("{}{}", SYLLABLES[number / 8 % 8], SYLLABLES[number % 8])
}

/// Texts with a planted piece each, none a near-duplicate of another; some labels are wrong, so that the report has mistakes to show.
fn desk(folder: &Path) {
    let mut csv = "body,intent,writer\n".to_owned();
    for row in 0..600 {
        let (planted, _) = PLANTED[row % PLANTED.len()];
        let (asked, label) = ASKED[row % ASKED.len()];
        let label = if row % 7 == 0 { ASKED[(row + 1) % 3].1 } else { label };
        let fill: String = (0..8).map(|at| word(row * (at + 3) + row / 64) + " ").collect();
        writeln!(
            csv,
            "\"{planted} {asked} {fill}\",{label},writer{}@plantedmail.example",
            row % 3
        )
        .unwrap();
    }
    for (path, text) in [
        ("raw/tickets.csv", csv.as_str()),
        ("sql/tickets.sql", "select _row, body, intent, writer from raw.tickets"),
        (
            "sql/examples.sql",
            "select body as text, intent as label, writer from tickets",
        ),
        (
            "deskmill.toml",
            "[project]\nname = \"desk\"\n[sources.tickets]\nformat = \"csv\"\npath = \"raw/tickets.csv\"\n\
             [tables.tickets]\nsql = \"sql/tickets.sql\"\nrows_of = \"tickets\"\n\
             [models.intent]\nkind = \"intent\"\nexamples = \"sql/examples.sql\"\n",
        ),
    ] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// All that a file says, in lower case; of a Parquet file its values too, which are compressed.
fn content(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let mut content = String::from_utf8_lossy(&bytes).to_lowercase();
    if path.extension().is_some_and(|extension| extension == "parquet") {
        let rows = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
        for batch in rows.build().unwrap() {
            for column in batch
                .unwrap()
                .columns()
                .iter()
                .filter(|c| *c.data_type() == DataType::Utf8)
            {
                write!(content, "{column:?}").unwrap();
                content = content.to_lowercase();
            }
        }
    }
    content
}

#[test]
fn nothing_planted_is_in_a_version_or_a_report() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    desk(folder);
    let project = read_project(folder, &BuiltIn).unwrap();
    let request = RunRequest {
        run: "r1".into(),
        who: "test".into(),
        when: "2026-03-02T12:00:00Z".parse().unwrap(),
        until: Until::Models,
    };
    let told = std::sync::Mutex::new(String::new());
    let listener = |event| write!(told.lock().unwrap(), "{event:?}").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(&project, &request, &listener)).unwrap();

    let mut all = Vec::new();
    for part in ["registry", ".deskmill/fitted", ".deskmill/reports", ".deskmill/runs"] {
        files(&folder.join(part), &mut all);
    }
    let named = |name: &str| all.iter().filter(|path| path.ends_with(name)).count();
    assert!(named("model.safetensors") == 2 && named("golden.parquet") == 2 && named("report.html") == 2);
    let contents = all.iter().map(|path| (path.clone(), content(path)));
    let contents = contents.chain([(PathBuf::from("events"), told.into_inner().unwrap().to_lowercase())]);
    let mut masks_seen = 0;
    for (path, content) in contents {
        for (text, pieces) in PLANTED {
            for piece in pieces {
                // Short numbers come by chance in digests and in the drawing of plots.
                let by_chance = piece.len() < 6 && piece.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                let searched = if by_chance {
                    text.to_lowercase()
                } else {
                    (*piece).to_owned()
                };
                assert!(!content.contains(&searched), "`{searched}` is in {}", path.display());
            }
        }
        if path.ends_with("report.json") || path.ends_with("golden.parquet") || path.ends_with("model.safetensors") {
            masks_seen += usize::from(content.contains("<name>") && content.contains("<address>"));
        }
    }
    // What is searched holds the texts, or the test would pass on anything.
    assert!(masks_seen >= 4, "{masks_seen}");
}
