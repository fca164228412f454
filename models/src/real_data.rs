//! Real data sets for tests that measure, which are not part of the project.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};

use crate::rows::MemoryRows;

/// A file of the folder that `DESKMILL_DATA` names. Without it a test says so and passes, but in CI it fails.
pub fn file(name: &str) -> Option<PathBuf> {
    let file = std::env::var_os("DESKMILL_DATA").map(|folder| Path::new(&folder).join(name));
    if let Some(file) = file.filter(|file| file.is_file()) {
        return Some(file);
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "{name} is missing\nhint: set DESKMILL_DATA to the folder that holds it"
    );
    // Written past the capture of tests that pass: nobody is to take a skipped test for a passed one.
    let skipped = format!("!! SKIPPED: {name} is missing; set DESKMILL_DATA to the folder that holds it");
    let _unread = writeln!(std::io::stderr(), "{skipped}");
    None
}

/// Two columns of a CSV file with a header, rows with an empty one left out.
pub fn csv(name: &str, columns: [&str; 2]) -> Option<Vec<[String; 2]>> {
    let mut reader = csv::Reader::from_path(file(name)?).unwrap();
    let headers = reader.headers().unwrap().clone();
    let places = columns.map(|column| headers.iter().position(|header| header == column).unwrap());
    let records = reader.records().map(|record| record.unwrap());
    let rows = records.map(|record| places.map(|place| record[place].to_owned()));
    Some(rows.filter(|row| row.iter().all(|value| !value.is_empty())).collect())
}

/// Texts and labels as examples.
pub fn examples(rows: &[[String; 2]]) -> MemoryRows {
    let column = |at: usize| -> ArrayRef { Arc::new(rows.iter().map(|row| Some(&row[at])).collect::<StringArray>()) };
    let batch = RecordBatch::try_from_iter([("text", column(0)), ("label", column(1))]).unwrap();
    MemoryRows::new(batch.schema(), vec![batch])
}

/// A number below `below`, always the same for a row: splitmix64 (Steele et al. 2014).
pub fn draw(row: usize, below: usize) -> usize {
    let z = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % below as u64) as usize
}
