//! The written desk against its own truth.json: what is in the files is what was planted, and the causes can be found.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::compose::SLOT_NAMES;
use super::intents::{INTENTS, OTHER, OTHER_NAME};
use super::{SampleError, SampleOptions, SampleSummary, texts_en, texts_zh, write_sample};

struct Desk {
    folder: tempfile::TempDir,
    truth: Value,
    summary: SampleSummary,
}

fn desk(cases: u64, seed: u64) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("desk");
    let summary = write_sample(
        &SampleOptions {
            cases,
            seed,
            out: out.clone(),
        },
        &mut |_| {},
    )
    .unwrap();
    let truth = serde_json::from_slice(&fs::read(out.join("truth.json")).unwrap()).unwrap();
    Desk { folder, truth, summary }
}

/// Every file below a folder, relative path to content.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(relative, fs::read(&path).unwrap());
            }
        }
    }
    found
}

impl Desk {
    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("desk")
    }

    fn planted(&self, file: &str, what: &str) -> u64 {
        self.truth["files"][file]["planted"][what].as_u64().unwrap_or(0)
    }

    fn number(&self, pointer: &str) -> f64 {
        self.truth.pointer(pointer).and_then(Value::as_f64).unwrap()
    }

    /// The records of all ticket files with the file's name, as bytes of UTF-8 (the legacy file decoded).
    fn tickets(&self) -> Vec<(String, csv::ByteRecord)> {
        let mut records = Vec::new();
        for (relative, bytes) in files(&self.root()) {
            if !relative.starts_with("raw/tickets/") {
                continue;
            }
            let legacy = relative.contains("legacy");
            let bytes = if legacy {
                encoding_rs::GB18030.decode(&bytes).0.into_owned().into_bytes()
            } else {
                bytes
            };
            let delimiter = if legacy { b';' } else { b',' };
            let mut reader = csv::ReaderBuilder::new()
                .flexible(true)
                .delimiter(delimiter)
                .from_reader(bytes.as_slice());
            records.extend(reader.byte_records().map(|record| (relative.clone(), record.unwrap())));
        }
        records
    }

    /// Good rows: right number of fields, nothing planted, each ticket once.
    fn good_tickets(&self) -> Vec<Vec<String>> {
        let mut seen = std::collections::HashSet::new();
        self.tickets()
            .into_iter()
            .filter_map(|(_, record)| {
                let row: Vec<String> = record
                    .iter()
                    .map(|field| String::from_utf8(field.to_vec()))
                    .collect::<Result<_, _>>()
                    .ok()?;
                let whole =
                    row.len() == 17 && !row[0].is_empty() && !row[4].contains("02-30") && row[7].parse::<u32>().is_ok();
                (whole && !row[13].contains(['\0', '\u{fffd}']) && seen.insert(row[0].clone())).then_some(row)
            })
            .collect()
    }
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_does_not() {
    let (first, again, other) = (desk(400, 5), desk(400, 5), desk(400, 6));
    assert_eq!(files(&first.root()), files(&again.root()));
    let tickets = |desk: &Desk| files(&desk.root()).remove("raw/tickets/tickets-0001.csv").unwrap();
    assert_ne!(tickets(&first), tickets(&other));
}

#[test]
fn a_desk_keeps_its_bytes() {
    // The sum of all bytes with their places: a change here changes data/samples and must be meant.
    let sum = files(&desk(50, 1).root())
        .iter()
        .filter(|(relative, _)| relative.starts_with("raw/"))
        .flat_map(|(_, bytes)| bytes)
        .fold(0_u64, |sum, &byte| {
            sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(byte))
        });
    assert_eq!(sum, 13_859_343_552_703_978_182);
}

#[test]
#[allow(clippy::too_many_lines)]
fn truth_counts_what_is_in_the_files() {
    let desk = desk(3000, 7);
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut found: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for (file, record) in desk.tickets() {
        *rows.entry(file.clone()).or_default() += 1;
        let field = |k: usize| record.get(k).unwrap_or_default();
        let body = String::from_utf8_lossy(field(13)).into_owned();
        let what = match record.len() {
            13 => "unclosed_quote",
            0..=16 => "too_few_fields",
            18.. => "too_many_fields",
            _ if field(0).is_empty() => "empty_ticket_id",
            _ if field(4).starts_with(b"2026-02-30") => "impossible_date",
            _ if field(7) == b"about an hour" => "text_in_waiting_minutes",
            _ if body.contains('\0') => "nul_byte",
            _ if body.contains('\u{fffd}') => "invalid_bytes",
            _ => {
                let times = seen.entry(record.as_slice().to_vec()).or_default();
                *times += 1;
                if *times > 1 { "exact_duplicates" } else { continue }
            }
        };
        *found.entry((file, what)).or_default() += 1;
    }
    for (file, count) in rows {
        assert_eq!(desk.truth["files"][&file]["rows"].as_u64(), Some(count), "{file}");
    }
    let all: Vec<String> = desk.truth["files"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|k| k.contains("/tickets/"))
        .cloned()
        .collect();
    assert_eq!(all.len(), 7);
    let mut kinds = std::collections::BTreeSet::new();
    for file in all {
        let kinds_of_fault = [
            "too_few_fields",
            "too_many_fields",
            "unclosed_quote",
            "invalid_bytes",
            "nul_byte",
            "impossible_date",
            "text_in_waiting_minutes",
            "empty_ticket_id",
            "exact_duplicates",
        ];
        for what in kinds_of_fault {
            let count = found.get(&(file.clone(), what)).copied().unwrap_or(0);
            assert_eq!(desk.planted(&file, what), count, "{what} in {file}");
            if count > 0 {
                kinds.insert(what);
            }
        }
    }
    let good = desk.good_tickets();
    assert_eq!(desk.number("/intent/rows"), good.len() as f64);
    let planted = |what: &str| -> u64 {
        desk.truth["files"]
            .as_object()
            .unwrap()
            .keys()
            .map(|file| desk.planted(file, what))
            .sum()
    };
    assert_eq!(
        planted("near_duplicates"),
        good.iter().filter(|row| row[0].ends_with('R')).count() as u64
    );
    assert_eq!(planted("malformed_rows"), desk.summary.malformed_rows);
    let with_address = good.iter().filter(|row| row[13].contains("@example.")).count() as u64;
    assert!((1..planted("rows_with_personal_data")).contains(&with_address));
    assert_eq!(kinds.len(), 9, "each kind of fault stands in the desk: {kinds:?}");
}

#[test]
fn other_files_hold_what_is_counted() {
    let desk = desk(3000, 7);
    let all = files(&desk.root());
    for table in ["customers", "orders", "agents", "ratings"] {
        let file = format!("raw/{table}.csv");
        let rows = csv::Reader::from_reader(all[&file].as_slice())
            .records()
            .map(Result::unwrap)
            .count() as u64;
        assert_eq!(desk.truth["files"][&file]["rows"].as_u64(), Some(rows), "{file}");
        assert_eq!(desk.summary.rows_by_source[table], rows);
    }
    let chats = std::str::from_utf8(&all["raw/chats.jsonl"]).unwrap();
    let broken = chats
        .lines()
        .filter(|line| serde_json::from_str::<Value>(line).is_err())
        .count() as u64;
    assert_eq!(desk.planted("raw/chats.jsonl", "cut_json"), broken);
    assert!(broken > 0);
    assert_eq!(desk.summary.rows_by_source["chats"], chats.lines().count() as u64);
    let mails = all.keys().filter(|path| path.ends_with(".eml")).count() as u64;
    assert_eq!((desk.summary.rows_by_source["mail"], mails), (150, 150));
    assert_eq!(all.keys().filter(|path| path.ends_with(".html")).count(), 48);
    assert_eq!(desk.summary.files, all.len() as u64);
    assert_eq!(
        desk.summary.bytes,
        all.values().map(|bytes| bytes.len() as u64).sum::<u64>()
    );
}

#[test]
fn a_desk_of_3000_cases_is_small_enough_to_commit() {
    let desk = desk(3000, 7);
    assert!(desk.summary.bytes < 3_000_000, "{} bytes", desk.summary.bytes);
    let blocks: usize = files(&desk.root())
        .values()
        .map(|bytes| bytes.len().div_ceil(4096) * 4096)
        .sum();
    assert!(blocks < 3_000_000, "{blocks} bytes on a disk of 4 KiB blocks");
}

#[test]
fn the_legacy_file_is_gb18030_and_chinese() {
    let desk = desk(3000, 7);
    let bytes = fs::read(desk.root().join("raw/tickets/legacy-zh.csv")).unwrap();
    assert!(std::str::from_utf8(&bytes).is_err());
    let (text, _, _) = encoding_rs::GB18030.decode(&bytes);
    let wrong = text.matches('\u{fffd}').count() as u64;
    assert_eq!(wrong, desk.planted("raw/tickets/legacy-zh.csv", "invalid_bytes"));
    let rows = desk.truth["files"]["raw/tickets/legacy-zh.csv"]["rows"]
        .as_u64()
        .unwrap();
    assert!((200..400).contains(&rows), "{rows}");
    assert!(text.lines().skip(1).filter(|line| line.contains(";zh;")).count() as u64 >= rows - 5);
}

#[test]
fn shares_are_as_promised() {
    let desk = desk(30_000, 3);
    let near = |what: &str, low: f64, high: f64| {
        let value = desk.number(what);
        assert!((low..=high).contains(&value), "{what} = {value}");
    };
    near("/intent/best_accuracy", 0.96, 0.98);
    near("/intent/out_of_intent_share", 0.04, 0.06);
    near("/dissatisfaction/share_all_cases", 0.2, 0.45);
    near("/dissatisfaction/best_auroc_all_cases", 0.78, 0.92);
    near("/dissatisfaction/best_auroc_rated", 0.78, 0.92);
    near("/dissatisfaction/rated_share", 0.31, 0.39);
    near("/handling/best_r2_of_log", 0.4, 0.75);
    near("/coin/heads_share", 0.49, 0.51);
    let rows = desk.good_tickets();
    let share =
        |test: &dyn Fn(&Vec<String>) -> bool| rows.iter().filter(|row| test(row)).count() as f64 / rows.len() as f64;
    assert!((0.55..0.65).contains(&share(&|row| row[11] == "en")));
    for intent in &INTENTS {
        assert!(share(&|row| row[14] == intent.name) > 0.005, "{}", intent.name);
    }
    let malformed: u64 = desk.summary.malformed_rows;
    assert!((150..350).contains(&malformed), "{malformed}");
    let texts: std::collections::HashSet<&String> = rows.iter().map(|row| &row[13]).collect();
    assert!(
        texts.len() * 10 > rows.len() * 9,
        "{} different texts of {}",
        texts.len(),
        rows.len()
    );
}

#[test]
fn causes_can_be_seen_and_the_coin_is_a_coin() {
    let desk = desk(30_000, 3);
    let tickets: HashMap<String, Vec<String>> = desk
        .good_tickets()
        .into_iter()
        .map(|row| (row[0].clone(), row))
        .collect();
    let mut ratings = csv::Reader::from_path(desk.root().join("raw/ratings.csv")).unwrap();
    let rated: Vec<(f64, &Vec<String>)> = ratings
        .records()
        .map(Result::unwrap)
        .filter(|rating| &rating[1] != "11")
        .filter_map(|rating| Some((rating[1].parse().unwrap(), tickets.get(&rating[0])?)))
        .collect();
    let mean = |test: &dyn Fn(&Vec<String>) -> bool| {
        let chosen: Vec<f64> = rated
            .iter()
            .filter(|(_, row)| test(row))
            .map(|(rating, _)| *rating)
            .collect();
        assert!(chosen.len() > 100);
        chosen.iter().sum::<f64>() / chosen.len() as f64
    };
    let waiting = |row: &Vec<String>| row[7].parse::<u32>().unwrap();
    let by_waiting = [
        mean(&|row| waiting(row) < 10),
        mean(&|row| (10..100).contains(&waiting(row))),
        mean(&|row| waiting(row) >= 100),
    ];
    assert!(
        by_waiting[0] > by_waiting[1] + 0.2 && by_waiting[1] > by_waiting[2] + 0.2,
        "{by_waiting:?}"
    );
    assert!(mean(&|row| row[8] == "0") > mean(&|row| row[8] == "1") + 0.3);
    assert!(mean(&|row| row[9] == "0") > mean(&|row| row[9] != "0") + 0.2);
    assert!((mean(&|row| row[16] == "heads") - mean(&|row| row[16] == "tails")).abs() < 0.1);
    let heads_en = tickets
        .values()
        .filter(|row| row[11] == "en" && row[16] == "heads")
        .count() as f64;
    let all_en = tickets.values().filter(|row| row[11] == "en").count() as f64;
    assert!((heads_en / all_en - 0.5).abs() < 0.02);
}

#[test]
fn times_are_in_order_and_ids_point_somewhere() {
    let desk = desk(2000, 9);
    let rows = desk.good_tickets();
    for row in &rows {
        assert!(row[4] <= row[5] && row[5] <= row[6], "{row:?}");
        assert!(("2026-01-02".."2026-07-01").contains(&row[4].as_str()), "{row:?}");
    }
    let mut last: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (file, record) in desk.tickets() {
        let opened_at = record.get(4).unwrap_or_default().to_vec();
        // Re-sent messages follow their first one; an impossible date is no date.
        if record.get(0).unwrap_or_default().ends_with(b"R") || opened_at.starts_with(b"2026-02-30") {
            continue;
        }
        let before = last.insert(file, opened_at.clone()).unwrap_or_default();
        assert!(before <= opened_at, "{record:?}");
    }
    let mut orders = csv::Reader::from_path(desk.root().join("raw/orders.csv")).unwrap();
    let owner: HashMap<String, (String, String)> = orders
        .records()
        .map(Result::unwrap)
        .map(|row| (row[0].to_owned(), (row[1].to_owned(), row[6].to_owned())))
        .collect();
    let with_order: Vec<&Vec<String>> = rows.iter().filter(|row| !row[2].is_empty()).collect();
    assert!(with_order.len() * 2 > rows.len());
    for row in with_order {
        let (customer, ordered_at) = &owner[&row[2]];
        assert_eq!(customer, &row[1]);
        assert!(ordered_at < &row[4], "{row:?}");
    }
}

#[test]
fn templates_are_in_order_and_well_formed() {
    for texts in [&texts_en::TEXTS, &texts_zh::TEXTS] {
        for (index, entry) in texts.iter().enumerate() {
            let name = if index == OTHER {
                OTHER_NAME
            } else {
                INTENTS[index].name
            };
            assert_eq!(entry.intent, name);
            assert!(entry.bodies.len() >= 12, "{name} has {} templates", entry.bodies.len());
            entry
                .subjects
                .iter()
                .chain(entry.bodies)
                .for_each(|template| check_template(template));
        }
    }
}

fn check_template(template: &str) {
    let mut inside_choice = false;
    let mut slot: Option<String> = None;
    for letter in template.chars() {
        match letter {
            '[' => assert!(
                !std::mem::replace(&mut inside_choice, true) && slot.is_none(),
                "{template}"
            ),
            ']' => assert!(
                std::mem::replace(&mut inside_choice, false) && slot.is_none(),
                "{template}"
            ),
            '{' => assert!(slot.replace(String::new()).is_none(), "{template}"),
            '}' => assert!(SLOT_NAMES.contains(&slot.take().unwrap().as_str()), "{template}"),
            '|' => assert!(inside_choice, "{template}"),
            _ => {
                if let Some(name) = &mut slot {
                    name.push(letter);
                }
            }
        }
    }
    assert!(!inside_choice && slot.is_none(), "{template}");
}

#[test]
fn bad_wishes_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("desk");
    let wish = |cases: u64, out: &Path| {
        write_sample(
            &SampleOptions {
                cases,
                seed: 1,
                out: out.to_path_buf(),
            },
            &mut |_| {},
        )
    };
    assert!(matches!(wish(0, &out), Err(SampleError::Cases { cases: 0 })));
    assert!(matches!(wish(10, Path::new("..")), Err(SampleError::Unnamed { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::create_dir(&out).unwrap();
    fs::create_dir(folder.path().join(".desk.partial")).unwrap();
    fs::write(folder.path().join(".desk.partial/old"), "x").unwrap();
    let mut done = Vec::new();
    let options = SampleOptions {
        cases: 5000,
        seed: 1,
        out: out.clone(),
    };
    write_sample(&options, &mut |cases| done.push(cases)).unwrap();
    assert_eq!(done, [4096, 5000]);
    assert!(!out.join("old").exists() && out.join("deskmill.toml").exists());
    let error = wish(10, &out).unwrap_err();
    assert!(matches!(error, SampleError::NotEmpty { .. }) && !error.hint().is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_smallest_desks_are_whole() {
    for cases in [1, 2, 7] {
        let desk = desk(cases, 11);
        assert_eq!(desk.tickets().len() as u64, desk.summary.rows_by_source["tickets"]);
        assert!(desk.summary.rows_by_source["customers"] >= 20);
    }
}

/// What is committed is what the code writes, to the byte.
#[test]
fn the_committed_desk_is_this_desk() {
    fn files(folder: &Path, below: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder.join(below)).unwrap() {
            let path = below.join(entry.unwrap().file_name());
            let own = ["raw", "sql", "deskmill.toml", "truth.json"]
                .iter()
                .any(|name| path.starts_with(name));
            if own && folder.join(&path).is_dir() {
                files(folder, &path, all);
            } else if own {
                all.insert(path.display().to_string(), fs::read(folder.join(&path)).unwrap());
            }
        }
    }
    let desk = desk(3000, 7);
    let (mut written, mut committed) = (BTreeMap::new(), BTreeMap::new());
    files(&desk.folder.path().join("desk"), Path::new(""), &mut written);
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/samples"),
        Path::new(""),
        &mut committed,
    );
    let differs = written.iter().find(|(name, bytes)| committed.get(*name) != Some(bytes));
    let hint = "mean it, then: rm -r data/samples && deskmill sample --cases 3000 --seed 7 --out data/samples";
    assert_eq!(differs.map(|(name, _)| name), None, "differs from data/samples; {hint}");
    assert_eq!(written.len(), committed.len());
}
