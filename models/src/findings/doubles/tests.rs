#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::time::Instant;

use super::*;
use crate::real_data::{self, draw};
use crate::text::prepare;

/// A stable number for a text, as the pipeline has one.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

fn noted(rows: &[[String; 2]]) -> (Texts, Vec<u64>) {
    let mut texts = Texts::new(2, 1 << 28);
    let mut all = Vec::new();
    for batch in rows.chunks(1000) {
        let prepared: Vec<String> = batch.iter().map(|row| prepare(&row[0])).collect();
        let hashes: Vec<u64> = prepared.iter().map(|text| hash(text)).collect();
        let labels: Vec<String> = batch.iter().map(|row| row[1].clone()).collect();
        texts.add(&prepared, &hashes, &labels);
        all.extend(hashes);
    }
    (texts, all)
}

fn pairs(rows: &[(&str, &str)]) -> Vec<[String; 2]> {
    rows.iter()
        .map(|(text, label)| [(*text).to_owned(), (*label).to_owned()])
        .collect()
}

const ROWS: [(&str, &str); 8] = [
    (
        "Where is my parcel? I have been waiting for it since last week, and nobody answers",
        "late",
    ),
    ("I cannot log in", "password"),
    (
        "where is my parcel, i have been waiting for it since last week and nobody answers!",
        "lost",
    ),
    ("我的包裹什么时候到?我已经等了一个星期了,一直没有人回复我的消息", "late"),
    ("I cannot log in", "account"),
    (
        "我的包裹什么时候到？我已经等了一个星期了，一直没有人回复我的消息。",
        "late",
    ),
    ("I cannot log out", "password"),
    ("I cannot log in", "password"),
];

#[test]
fn doubles_are_joined_counted_and_listed() {
    let rows = pairs(&ROWS);
    let (texts, hashes) = noted(&rows);
    let near = texts.groups();
    let mut union = Union::default();
    assert_eq!(texts.join(&near, &hashes, &mut union), 0);
    let roots: Vec<u64> = hashes.iter().map(|hash| union.root(*hash)).collect();
    assert!(roots[0] == roots[2] && roots[1] == roots[4] && roots[3] == roots[5]);
    assert_eq!(roots.iter().collect::<BTreeSet<_>>().len(), 4);
    let parts = [
        Part::Train,
        Part::Train,
        Part::Test,
        Part::Calibrate,
        Part::Test,
        Part::Train,
        Part::Test,
        Part::Train,
    ];
    let memory = real_data::examples(&rows);
    let found = texts.found(&near, &parts, &memory, (Cut::Given, 0)).unwrap();
    assert_eq!((found.texts, found.groups, found.grouped, found.largest), (6, 3, 7, 3));
    assert_eq!((found.across_same, found.across_near), (1, 1));
    let across: Vec<_> = found
        .across
        .iter()
        .map(|pair| pair.each_ref().map(|side| (side.row.part.as_str(), side.row.place)))
        .collect();
    assert_eq!(across, [[("test", 1), ("train", 1)], [("test", 0), ("train", 0)]]);
    assert_eq!((found.contradictions, found.contradicting), (2, 2));
    let same = &found.contradictory[0];
    assert!(same.is_same_text && !found.contradictory[1].is_same_text);
    assert_eq!(same.labels, [("password".to_owned(), 2), ("account".to_owned(), 1)]);
    assert_eq!(
        (same.rows[1].label.as_str(), same.rows[1].row.text.as_str()),
        ("account", "i cannot log in")
    );
}

#[test]
fn a_chain_does_not_take_more_than_its_share() {
    // Each text is one word longer than the one before.
    let mut text = "the parcel did not come and nobody at the shop could tell me where it is".repeat(4);
    let rows: Vec<[String; 2]> = (0..200)
        .map(|row| {
            text.push_str([" red", " blue", " green"][row % 3]);
            [text.clone(), "late".to_owned()]
        })
        .collect();
    let (texts, hashes) = noted(&rows);
    let near = texts.groups();
    assert_eq!(
        near.of_text.iter().collect::<BTreeSet<_>>().len(),
        1,
        "they are a chain"
    );
    let mut union = Union::default();
    let left_apart = texts.join(&near, &hashes, &mut union);
    let mut sizes = HashMap::<u64, u64>::new();
    for hash in &hashes {
        *sizes.entry(union.root(*hash)).or_default() += 1;
    }
    assert!(
        left_apart > 0 && sizes.values().all(|size| *size <= GROUP_ROWS_MIN),
        "{sizes:?}"
    );
}

#[test]
fn without_memory_only_trifles_are_seen_through() {
    let rows = pairs(&ROWS);
    let mut texts = Texts::new(1, 0);
    let prepared: Vec<String> = rows.iter().map(|row| prepare(&row[0])).collect();
    let hashes: Vec<u64> = prepared.iter().map(|text| hash(text)).collect();
    texts.add(&prepared, &hashes, &vec!["a".to_owned(); 8]);
    assert_eq!(texts.not_compared, 4);
    let near = texts.groups();
    // They differ in signs and case, so their keys are the same.
    assert_eq!(near.of_text, [0, 1, 0, 3, 3, 5]);
}

#[test]
fn real_questions_are_not_chained() {
    let read = real_data::csv("banking77/train.csv", ["text", "category"]);
    let Some(rows) = read else { return };
    let (texts, hashes) = noted(&rows);
    let started = Instant::now();
    let near = texts.groups();
    let mut union = Union::default();
    let left_apart = texts.join(&near, &hashes, &mut union);
    let wall = started.elapsed();
    let parts: Vec<Part> = (0..rows.len())
        .map(|row| if draw(row, 5) == 0 { Part::Test } else { Part::Train })
        .collect();
    let memory = real_data::examples(&rows);
    let found = texts.found(&near, &parts, &memory, (Cut::Given, left_apart)).unwrap();
    eprintln!(
        "BANKING77: {} rows, {} texts, {} rows in {} groups, largest {}, {left_apart} left apart; at random {} + {} across; \
         {} contradictions of {} rows; groups in {wall:.2?}",
        rows.len(),
        found.texts,
        found.grouped,
        found.groups,
        found.largest,
        found.across_same,
        found.across_near,
        found.contradictions,
        found.contradicting
    );
    assert!(found.largest <= 20 && left_apart == 0 && found.grouped < rows.len() as u64 / 10);
}

/// Not run by itself: it takes about a minute. `cargo test --release -p deskmill-models millions -- --ignored --nocapture`
#[test]
#[ignore = "a measure, of a minute"]
fn millions_of_texts_are_noted_in_bounded_time_and_memory() {
    const WORDS: [&str; 24] = [
        "parcel", "refund", "order", "account", "password", "invoice", "late", "broken", "address", "card", "payment",
        "return", "delivery", "today", "please", "again", "where", "when", "cancel", "change", "email", "phone",
        "wrong", "missing",
    ];
    let mut texts = Texts::new(2, 512 << 20);
    let started = Instant::now();
    for batch in 0..612 {
        let text = |row: usize| -> String {
            let words = 6 + draw(row, 9);
            (0..words)
                .map(|word| WORDS[draw(row * 16 + word, 24)])
                .collect::<Vec<_>>()
                .join(" ")
        };
        let prepared: Vec<String> = (0..8192).map(|row| text(batch * 8192 + row)).collect();
        let hashes: Vec<u64> = prepared.iter().map(|text| hash(text)).collect();
        texts.add(&prepared, &hashes, &vec!["a".to_owned(); 8192]);
    }
    let noted = started.elapsed();
    let near = texts.groups();
    let groups = near.of_text.iter().collect::<BTreeSet<_>>().len();
    eprintln!(
        "{} texts, {groups} groups, {} not compared: noted in {noted:.1?}, grouped by {:.1?}",
        texts.texts.values.len(),
        texts.not_compared,
        started.elapsed()
    );
}
