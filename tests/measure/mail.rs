//! E-mails with gold: the share of messages that land as another parser's published output says, and per field. The gold
//! is the output of the parser's own tests (`.json` beside each `.eml`); blanks are compared as one space, and
//! where the gold parser could not decode a sign (U+FFFD), any signs may stand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Figure;
use crate::landed::land_one;
use deskmill_pipeline::project::Format;

/// Measures every message below `mailparser_eml/eml`.
pub fn measure(data: &Path) -> Vec<Figure> {
    let mut files = Vec::new();
    collect(&data.join("mailparser_eml/eml"), &mut files);
    files.sort();
    let mut fields: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut whole, mut count) = (0, 0);
    let mut wrong = Vec::new();
    for path in &files {
        let Some(gold) = gold_of(path) else { continue };
        count += 1;
        let row = land_one(path, Format::Mail).unwrap_or_default();
        let mut is_whole = true;
        for (field, wanted, found) in compared(&gold, &row) {
            let is_right = agrees(&wanted, &found);
            let tally = fields.entry(field).or_default();
            tally.0 += usize::from(is_right);
            tally.1 += 1;
            if !is_right {
                wrong.push(format!("{} {field}: {wanted:?} / {found:?}", path.display()));
            }
            is_whole &= is_right;
        }
        whole += usize::from(is_whole);
    }
    if std::env::var_os("DESKMILL_MEASURE_WRONG").is_some() {
        wrong.iter().for_each(|line| eprintln!("{line}"));
    }
    let share = |right: usize, all: usize| if all == 0 { 0.0 } else { right as f64 / all as f64 };
    let mut figures = vec![Figure {
        name: "mailparser_eml: messages with every field right".into(),
        value: share(whole, count),
        target: Some(0.95),
        note: format!("{count} messages"),
    }];
    figures.extend(fields.into_iter().map(|(field, (right, all))| Figure {
        name: format!("mailparser_eml: {field}"),
        value: share(right, all),
        target: None,
        note: format!("{right} of {all}"),
    }));
    figures
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "eml") {
            files.push(path);
        }
    }
}

fn gold_of(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path.with_extension("json")).ok()?).ok()
}

/// Field, gold, and what landed.
fn compared(gold: &Value, row: &BTreeMap<String, String>) -> Vec<(&'static str, String, String)> {
    let landed = |name: &str| words(row.get(name).map_or("", String::as_str));
    let header = |name: &str| header(gold, name);
    let attachments: Vec<Value> = row
        .get("attachments")
        .and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default();
    let names = attachments
        .iter()
        .map(|object| object["name"].as_str().unwrap_or_default().to_owned());
    let gold_names = indices(gold, "attachments").map(attachment_name);
    vec![
        ("subject", words(&first_text(header("subject"))), landed("subject")),
        (
            "from",
            addresses(header("from")).first().cloned().unwrap_or_default(),
            landed("from_address"),
        ),
        ("to", words(&addresses(header("to")).join(", ")), landed("to")),
        (
            "message id",
            words(&first_text(header("message_id"))),
            landed("message_id"),
        ),
        ("date", date(header("date")), landed("sent_at")),
        ("text", words(&text(gold)), landed("body")),
        (
            "attachments",
            gold_names.map(|name| words(&name)).collect::<Vec<_>>().join("|"),
            { names.map(|name| words(&name)).collect::<Vec<_>>().join("|") },
        ),
        (
            "attachment count",
            gold["attachments"].as_array().map_or(0, Vec::len).to_string(),
            { attachments.len().to_string() },
        ),
    ]
}

/// The last header of a name: the one that counts.
fn header<'g>(gold: &'g Value, name: &str) -> &'g Value {
    let headers = gold["parts"][0]["headers"].as_array();
    let found = headers.and_then(|all| all.iter().rev().find(|header| header["name"] == name));
    found.map_or(&Value::Null, |header| &header["value"])
}

fn first_text(value: &Value) -> String {
    let list = value["TextList"].as_array().and_then(|all| all.first());
    value["Text"]
        .as_str()
        .or(list.and_then(Value::as_str))
        .unwrap_or_default()
        .to_owned()
}

fn addresses(value: &Value) -> Vec<String> {
    let address = &value["Address"];
    let groups = address["Group"].as_array().into_iter().flatten();
    let listed = address["List"].as_array().into_iter().flatten();
    listed
        .chain(groups.flat_map(|group| group["addresses"].as_array().into_iter().flatten()))
        .filter_map(|addr| addr["address"].as_str())
        .map(words)
        .filter(|addr| !addr.is_empty())
        .collect()
}

/// As RFC 3339 in UTC.
fn date(value: &Value) -> String {
    let date = &value["DateTime"];
    let number = |key: &str| date[key].as_i64().unwrap_or_default();
    let (month, day) = (number("month"), number("day"));
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return String::new();
    }
    let offset_s = (number("tz_hour") * 60 + number("tz_minute")) * 60;
    let offset_s = if date["tz_before_gmt"] == true {
        offset_s
    } else {
        -offset_s
    };
    // Days from the civil calendar (H. Hinnant).
    let year = number("year") - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * 86_400 + number("hour") * 3600 + number("minute") * 60 + number("second") + offset_s;
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

fn indices<'g>(gold: &'g Value, name: &str) -> impl Iterator<Item = &'g Value> {
    let all = gold[name].as_array().into_iter().flatten();
    all.filter_map(|index| gold["parts"].get(index.as_u64()? as usize))
}

fn text(gold: &Value) -> String {
    let texts = indices(gold, "text_body").filter_map(|part| {
        let body = &part["body"];
        body["Text"]
            .as_str()
            .map(str::to_owned)
            .or_else(|| body["Html"].as_str().map(super::html::shown_text))
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn attachment_name(part: &Value) -> String {
    let of = |header: &str, attribute: &str| {
        let headers = part["headers"].as_array()?;
        let value = &headers.iter().rev().find(|candidate| candidate["name"] == header)?["value"];
        let attributes = value["ContentType"]["attributes"].as_array()?;
        let found = attributes.iter().find(|pair| pair["name"] == attribute)?;
        found["value"].as_str().map(str::to_owned)
    };
    of("content_disposition", "filename")
        .or_else(|| of("content_type", "name"))
        .unwrap_or_default()
}

/// Whether a value is the gold one; any signs may stand for what the gold parser could not decode.
fn agrees(wanted: &str, found: &str) -> bool {
    let mut parts = wanted.split('\u{fffd}').filter(|part| !part.is_empty());
    if !wanted.contains('\u{fffd}') {
        return wanted == found;
    }
    let mut from = 0;
    parts.all(|part| match found[from..].find(part) {
        Some(at) => {
            from += at + part.len();
            true
        }
        None => false,
    })
}

/// Runs of blanks as one space; NULs are left out.
fn words(text: &str) -> String {
    text.replace('\0', "").split_whitespace().collect::<Vec<_>>().join(" ")
}
