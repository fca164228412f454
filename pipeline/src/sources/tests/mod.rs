//! Ingest seen from outside: bytes in, the two Parquet files out.
#![allow(clippy::unwrap_used, clippy::panic)]

mod arrow_files;
mod compressed;
mod csv_files;
mod dialects;
mod documents;
mod faults;
mod json_files;
mod jsonl_files;
mod mends;
mod parquet_files;
mod peers;
mod properties;
mod speed;
mod test_suite;
mod torture;
mod workbooks;

use std::cell::Cell;
use std::fs::{self, File};
use std::path::PathBuf;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{DIALECT_FILE, LandRequest, Landed, REJECTS_FILE, ROWS_FILE, digest, file_ids, land};
use crate::error::Result;
use crate::project::{CsvDialect, Format, Limits, Quote, Read, SourceFile};

/// A file to land, and how.
#[derive(Clone)]
struct Case {
    format: Format,
    csv: Option<CsvDialect>,
    /// Empty: to be told.
    encoding: &'static str,
    row_max_bytes: usize,
    items: Option<&'static str>,
    sheet: Option<&'static str>,
    member: Option<&'static str>,
}

/// What came of it.
#[derive(Debug)]
struct Outcome {
    landed: Landed,
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    /// `_row`, `_line`, `_offset` of each row.
    places: Vec<[i64; 3]>,
    rejects: Vec<Rejected>,
    /// What was told of a csv file, as JSON.
    dialect: String,
}

#[derive(Debug)]
struct Rejected {
    rule: String,
    column: Option<String>,
    raw: Vec<u8>,
    hint: String,
    /// `row`, `line`, `offset`.
    place: [i64; 3],
}

const FILE_ID: u32 = 7;

fn csv() -> Case {
    let csv = CsvDialect {
        delimiter: Some(b','),
        quote: Some(Quote::Byte(b'"')),
        header: Some(true),
        skip_lines: Some(0),
        ..CsvDialect::default()
    };
    Case {
        format: Format::Csv,
        csv: Some(csv),
        encoding: "UTF-8",
        row_max_bytes: 1 << 20,
        items: None,
        sheet: None,
        member: None,
    }
}

fn jsonl() -> Case {
    Case {
        format: Format::Jsonl,
        csv: None,
        ..csv()
    }
}

impl Case {
    fn delimited_by(mut self, delimiter: u8) -> Self {
        self.csv.as_mut().unwrap().delimiter = Some(delimiter);
        self
    }

    fn encoded_in(self, encoding: &'static str) -> Self {
        Self { encoding, ..self }
    }

    fn row_max_bytes(self, row_max_bytes: usize) -> Self {
        Self { row_max_bytes, ..self }
    }

    fn try_land(&self, bytes: &[u8]) -> Result<Outcome> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input");
        fs::write(&path, bytes).unwrap();
        self.try_land_file(path)
    }

    fn try_land_file(&self, path: PathBuf) -> Result<Outcome> {
        self.request(path, |request| {
            let told = Cell::new(0);
            let landed = land(request, &|bytes| {
                assert!(bytes >= told.get(), "progress goes back");
                told.set(bytes);
            })?;
            assert_eq!(told.get(), landed.bytes, "progress ends before the file");
            Ok(Outcome::read(self.format, landed, request.out))
        })
    }

    /// Hands on the request to land a file into a folder that is gone afterwards.
    fn request<T>(&self, path: PathBuf, then: impl FnOnce(&LandRequest<'_>) -> T) -> T {
        let out = tempfile::tempdir().unwrap();
        let file = SourceFile {
            relative: "raw/input".into(),
            path,
            member: self.member.map(str::to_owned),
        };
        let read = Read {
            pattern: "raw/*".into(),
            files: vec![file.clone()],
            csv: self.csv.clone(),
            encoding: (!self.encoding.is_empty()).then(|| self.encoding.into()),
            items: self.items.map(str::to_owned),
            sheet: self.sheet.map(str::to_owned),
        };
        let limits = Limits {
            memory_max_mib: 256,
            row_max_bytes: self.row_max_bytes,
            unpacked_max_ratio: 1000,
            rejects_max_share: 1.0,
            threads_max: 1,
        };
        then(&LandRequest {
            source: "tickets",
            format: self.format,
            read: &read,
            file: &file,
            file_id: FILE_ID,
            limits: &limits,
            out: out.path(),
            shared: None,
            content: None,
            overlay: None,
        })
    }

    fn land(&self, bytes: &[u8]) -> Outcome {
        self.try_land(bytes).unwrap()
    }

    /// Place, message and hint of the error.
    fn refused(&self, bytes: &[u8]) -> String {
        let error = self.try_land(bytes).unwrap_err();
        format!("{error} / {}", error.hint())
    }
}

impl Outcome {
    fn read(format: Format, landed: Landed, out: &std::path::Path) -> Self {
        let (columns, batches) = batches(&out.join(ROWS_FILE));
        let (_, rejected) = batches_of_rejects(out);
        let own = ["_row", "_file", "_line", "_offset"];
        let texts = columns.len() - own.len();
        assert_eq!(columns[texts..], own);
        let mut rows = Vec::new();
        let mut places = Vec::new();
        for batch in &batches {
            for row in 0..batch.num_rows() {
                rows.push((0..texts).map(|column| text(batch, column, row)).collect());
                assert_eq!(text(batch, texts + 1, row).unwrap(), "raw/input");
                places.push([texts, texts + 2, texts + 3].map(|column| number(batch, column, row)));
            }
        }
        let rejects = rejected
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| Rejected::read(batch, row)))
            .collect();
        let outcome = Self {
            landed,
            columns: columns[..texts].to_vec(),
            rows,
            places,
            rejects,
            dialect: fs::read_to_string(out.join(DIALECT_FILE)).unwrap_or_default(),
        };
        outcome.check(format);
        outcome
    }

    /// What holds for every file: the numbers add up, and rows and rejects share one gapless numbering.
    fn check(&self, format: Format) {
        assert_eq!(self.landed.rows, self.rows.len() as u64);
        assert_eq!(self.landed.rejects, self.rejects.len() as u64);
        let mut all: Vec<[i64; 3]> = self.places.clone();
        all.extend(self.rejects.iter().map(|reject| reject.place));
        all.sort_unstable();
        for (number, [row, line, offset]) in all.iter().enumerate() {
            assert_eq!(*row, (i64::from(FILE_ID) << 40) + number as i64);
            assert!(*line >= 1 && *offset >= -1);
        }
        // Only JSON documents have several rows in one line.
        let is_in_order = |pair: &[[i64; 3]]| match format {
            Format::Json => pair[0][1..] <= pair[1][1..],
            _ => pair[0][1] < pair[1][1],
        };
        assert!(all.windows(2).all(is_in_order), "lines go back: {all:?}");
    }

    /// Rows with `-` for null.
    fn shown(&self) -> Vec<String> {
        let show = |value: &Option<String>| value.clone().unwrap_or("-".into());
        self.rows
            .iter()
            .map(|row| row.iter().map(show).collect::<Vec<_>>().join("|"))
            .collect()
    }

    /// Rule, line and raw text of each reject.
    fn shown_rejects(&self) -> Vec<String> {
        let show = |r: &Rejected| format!("{} {} {}", r.rule, r.place[1], String::from_utf8_lossy(&r.raw));
        self.rejects.iter().map(show).collect()
    }
}

impl Rejected {
    fn read(batch: &RecordBatch, row: usize) -> Self {
        let column = |name: &str| batch.schema().index_of(name).unwrap();
        let get = |name: &str| text(batch, column(name), row);
        assert_eq!(get("stage").unwrap(), "ingest");
        assert_eq!(get("source").unwrap(), "tickets");
        assert_eq!(get("file").unwrap(), "raw/input");
        Self {
            rule: get("rule").unwrap(),
            column: get("column"),
            raw: batch.column(column("raw")).as_binary::<i32>().value(row).to_vec(),
            hint: get("hint").unwrap(),
            place: ["row", "line", "offset"].map(|name| number(batch, column(name), row)),
        }
    }
}

fn batches_of_rejects(out: &std::path::Path) -> (Vec<String>, Vec<RecordBatch>) {
    batches(&out.join(REJECTS_FILE))
}

fn batches(path: &std::path::Path) -> (Vec<String>, Vec<RecordBatch>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let names = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    (names, builder.build().unwrap().map(|batch| batch.unwrap()).collect())
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> Option<String> {
    let column = batch.column(column).as_string::<i32>();
    column.is_valid(row).then(|| column.value(row).to_owned())
}

fn number(batch: &RecordBatch, column: usize, row: usize) -> i64 {
    batch.column(column).as_primitive::<Int64Type>().value(row)
}

#[test]
fn digests_are_sha_256() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("abc");
    fs::write(&path, "abc").unwrap();
    let digest = digest(
        "tickets",
        &SourceFile {
            relative: "abc".into(),
            path,
            member: None,
        },
    )
    .unwrap();
    assert_eq!(
        digest.sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn file_ids_are_distinct_and_stay_when_files_come() {
    let names: Vec<String> = (0..5000).map(|n| format!("raw/tickets-{n}.csv")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let ids = file_ids(&all);
    assert!(ids.iter().all(|&id| id < 1 << 23));
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
    let reversed: Vec<&str> = all.iter().rev().copied().collect();
    assert_eq!(file_ids(&reversed).into_iter().rev().collect::<Vec<_>>(), ids);
    assert_eq!(file_ids(&all[..3]), ids[..3]);
}

#[test]
fn what_is_not_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = csv().try_land_file(folder.path().to_owned()).unwrap_err();
    assert_eq!(error.to_string(), "source `tickets`, raw/input: it is not a file");
    assert!(csv().try_land_file(folder.path().join("none")).is_err());
}

#[test]
fn a_file_that_changes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, "a\n1\n").unwrap();
    let change = |_| fs::write(&path, "a\n1\n2\n3\n").unwrap();
    let error = csv()
        .row_max_bytes(64)
        .request(path.clone(), |request| land(request, &change).unwrap_err());
    assert_eq!(
        error.to_string(),
        "source `tickets`, raw/input: it changed while it was read"
    );
}
