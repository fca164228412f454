//! How fast csv is cut into values, the writing of Parquet left out. A measurement, not a check: run it by name with
//! `--ignored --nocapture`, optimised.

use std::fs;
use std::time::Instant;

use super::super::lines::{LineEnds, Lines};
use super::super::mend::Mender;
use super::super::records::{Records, Row};
use super::super::{LandRequest, dialect::Dialect};
use super::csv;

/// Tickets of 12 columns; one row in twenty has quotes.
fn tickets(rows: usize) -> String {
    let mut text = "id,created,channel,customer,queue,priority,subject,body,status,agent,rating,closed\n".to_owned();
    for n in 0..rows {
        let body = if n % 20 == 0 {
            "\"late, and torn open\""
        } else {
            "the parcel came late and the box was torn open on one side"
        };
        let (day, minute) = (n % 28 + 1, n % 60);
        text += &format!(
            "{n},2024-03-{day:02} 10:{minute:02}:00,mail,customer {},returns,{},where is my order {},{body},open,agent {},{},2024-04-{day:02}\n",
            n * 7919 % 100_000,
            n % 3,
            n % 1000,
            n % 50,
            n % 5 + 1
        );
    }
    text
}

#[test]
#[ignore = "a measurement"]
fn values_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    let text = tickets(2_000_000);
    fs::write(&path, &text).unwrap();
    csv()
        .encoded_in("")
        .request(path, |request| cut_and_land(request, &text));
}

#[allow(clippy::print_stdout)]
fn cut_and_land(request: &LandRequest<'_>, text: &str) {
    for _ in 0..3 {
        let start = Instant::now();
        let (lines, encoding) = Lines::open(request, LineEnds::Any, &|_| {}).unwrap();
        let mut records = Records::new(lines, encoding, Dialect::PLAIN, request.limits.row_max_bytes);
        records.expect(12, Mender::new(Dialect::PLAIN, Vec::new()));
        let (mut rows, mut bytes) = (0, 0);
        while let Some(record) = records.next().unwrap() {
            assert!(matches!(record.row, Row::Good));
            rows += 1;
            bytes += records.values().flatten().map(str::len).sum::<usize>();
        }
        let rate = text.len() as f64 / 1e6 / start.elapsed().as_secs_f64();
        println!("{rows} rows, {bytes} bytes of values, {rate:.0} MB/s");
    }
    let start = Instant::now();
    let landed = super::super::land(request, &|_| {}).unwrap();
    let rate = text.len() as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("with Parquet: {} rows, {rate:.0} MB/s", landed.rows);
}
