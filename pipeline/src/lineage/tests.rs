//! Lineage is gathered whole and in order, bounded where it must be, the same bytes each time, and drawn as a tree.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::output::{FORMAT, Files};
use super::*;
use crate::catalog::Catalog;
use crate::keys::{digest, digest_of};
use crate::plan::folder_of;
use crate::project::{Format, Limits, Read, SourceFile};
use crate::sources::{LandRequest, bytes_at};

fn key(name: &str) -> String {
    digest(name.as_bytes())[..32].to_owned()
}

fn file(path: &str, number: u32) -> FileOrigin {
    FileOrigin {
        path: path.into(),
        member: None,
        file_id: number,
        sha256: digest(path.as_bytes()),
        bytes: 1200,
        rows: 1500,
        rejects: u64::from(number % 2),
    }
}

fn landing(catalog: &Catalog, source: &str, name: &str, files: Vec<FileOrigin>) {
    let input = Input::new("ingest", source, &key(name));
    let total = |of: fn(&FileOrigin) -> u64| files.iter().map(of).sum();
    let counts = [
        ("rows", total(|f| f.rows)),
        ("rejects", total(|f| f.rejects)),
        ("bytes", total(|f| f.bytes)),
    ];
    let output = Output {
        files: Some(Files {
            count: files.len() as u64,
            list_sha256: digest_of(&files),
            listed: files,
            left_out: None,
        }),
        dialect: Some(json!({ "encoding": "gb18030" })),
        ..Output::bare(&input).counted(&counts)
    };
    put(catalog, &input, &output);
}

fn put(catalog: &Catalog, input: &Input, output: &Output) {
    catalog
        .make(folder_of(&input.stage), input.of(), &input.content, |out| {
            output.write(out)?;
            Ok(json!({}))
        })
        .unwrap();
}

fn contents(catalog: &Catalog, source: &str, content: &str, landings: &[&str]) {
    let landings = landings.iter().map(|name| key(name)).collect();
    catalog
        .make(CONTENTS_STAGE, source, content, |_| Ok(Contents { landings }))
        .unwrap();
}

/// A table of two sources, a table of that one, and a model of both.
fn desk(catalog: &Catalog) -> Lineage {
    let (tickets, chats) = (digest(b"tickets"), digest(b"chats"));
    landing(catalog, "tickets", "a", vec![file("raw/tickets/工单-1.csv", 1)]);
    landing(catalog, "tickets", "b", vec![file("raw/tickets/2.csv", 2)]);
    landing(
        catalog,
        "chats",
        "c",
        (3..6).map(|n| file(&format!("raw/chats/{n}.txt"), n)).collect(),
    );
    contents(catalog, "tickets", &tickets, &["a", "b"]);
    contents(catalog, "chats", &chats, &["c"]);
    let sql = |path: &str, text: &str| SqlText {
        path: path.into(),
        sha256: digest(text.as_bytes()),
        text: text.into(),
    };
    let clean = |name: &str, inputs: Vec<Input>, counts: &[(&str, u64)]| {
        let input = Input::new("clean", name, &key(name));
        let output = Output {
            inputs,
            sql: Some(sql(&format!("sql/{name}.sql"), "select 1")),
            ..Output::bare(&input).counted(counts)
        };
        put(catalog, &input, &output);
        input
    };
    let kept = [("rows_in", 3000), ("kept", 2900), ("duplicates", 60), ("rejects", 40)];
    let cases = clean(
        "cases",
        vec![
            Input::new(SOURCE, "raw.chats", &chats),
            Input::new(SOURCE, "tickets", &tickets),
        ],
        &kept,
    );
    let days = clean("days", vec![cases.clone()], &[("rows_in", 31), ("kept", 31)]);
    let examples = Input::new("assemble", "intent", &key("examples"));
    let counts = [("train", 480), ("calibrate", 60), ("test", 120), ("unlabelled", 3)];
    let output = Output {
        inputs: vec![cases, days],
        sql: Some(sql("sql/intent_examples.sql", "select 2")),
        ..Output::bare(&examples).counted(&counts)
    };
    put(catalog, &examples, &output);
    let fitted = Input::new("fit", "intent", &key("fit"));
    let output = Output {
        inputs: vec![examples],
        ..Output::bare(&fitted).counted(&[("artifact_bytes", 311_000)])
    };
    put(catalog, &fitted, &output);
    let report = Input::new("evaluate", "intent", &key("report"));
    let output = Output {
        inputs: vec![fitted],
        ..Output::bare(&report).counted(&[("rows", 120)])
    };
    put(catalog, &report, &output);
    Lineage::of_output(catalog, "evaluate", "intent", &key("report")).unwrap()
}

#[test]
fn the_way_back_is_drawn_as_a_tree() {
    let folder = tempfile::tempdir().unwrap();
    let lineage = desk(&Catalog::new(folder.path()));
    let mut now = Now::default();
    now.files.insert("raw/tickets/2.csv".into(), Since::Changed);
    let changed = OutputNow {
        since: Since::Changed,
        changed: vec!["sql".into()],
    };
    now.outputs.insert(key("days"), changed);
    let drawn = draw(&lineage.tree(Some(&now), 2)).join("\n");
    insta::assert_snapshot!(drawn, @r"
    report of intent 845e9183  120 rows
    └─ fitted intent da4270e3  311.0 kB
       └─ examples of intent c590b3c9  480 train, 60 calibrate, 120 test; sql/intent_examples.sql 3cf988cc
          ├─ table cases 352b8477  3,000 rows in: 2,900 kept, 60 duplicates, 40 rejects; sql/cases.sql 822ae07d
          │  ├─ source chats e3c260f1  4,500 rows, 2 rejects, 3.6 kB in 3 files
          │  │  ├─ raw/chats/3.txt 02c44e13  1,500 rows, 1 reject, 1.2 kB, gb18030
          │  │  ├─ raw/chats/4.txt cfa6c430  1,500 rows, 1.2 kB, gb18030
          │  │  └─ ... 1 file more: --json
          │  └─ source tickets 45a5c622  3,000 rows, 1 reject, 2.4 kB in 2 files
          │     ├─ raw/tickets/工单-1.csv 84b1878c  1,500 rows, 1 reject, 1.2 kB, gb18030
          │     └─ raw/tickets/2.csv 0f465544  1,500 rows, 1.2 kB, gb18030  [the file has changed since]
          └─ table days ab51004e  31 rows; sql/days.sql 822ae07d  [would be remade; changed: sql]
             └─ table cases 352b8477 (above)
    ");
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::new(folder.path());
    landing(&catalog, "s", "a", vec![file("raw/\u{1b}[2J.csv", 1)]);
    contents(&catalog, "s", &digest(b"s"), &["a"]);
    let drawn = draw(&Lineage::of_source(&catalog, "s", &digest(b"s")).unwrap().tree(None, 9)).join("\n");
    assert!(
        drawn.contains("raw/\\u{1b}[2J.csv") && !drawn.contains('\u{1b}'),
        "{drawn}"
    );
}

#[test]
fn a_version_of_many_files_has_a_count_and_a_digest_for_each_landing() {
    let folder = tempfile::tempdir().unwrap();
    let lineage = desk(&Catalog::new(folder.path()));
    let bounded = lineage.clone().bounded(2);
    let of = |lineage: &Lineage, name: &str| {
        let mut files: Vec<Files> = Vec::new();
        let landings = lineage.outputs.iter().filter(|output| output.name == name);
        files.extend(landings.filter_map(|output| output.files.clone()));
        files
    };
    assert_eq!(
        of(&bounded, "tickets"),
        of(&lineage, "tickets"),
        "two files are not too many"
    );
    let chats = &of(&bounded, "chats")[0];
    assert!(chats.listed.is_empty());
    assert_eq!(chats.count, 3);
    assert_eq!(chats.list_sha256, digest_of(&of(&lineage, "chats")[0].listed));
    assert!(chats.left_out.as_ref().unwrap().contains("3 files"), "{chats:?}");
    assert!(draw(&bounded.tree(None, 20)).join("\n").contains("3 files"));
}

#[test]
fn it_is_read_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let lineage = desk(&Catalog::new(folder.path())).bounded(FILES_LISTED_MAX);
    let bytes = lineage.to_bytes();
    assert_eq!(Lineage::from_bytes("intent@1", &bytes).unwrap(), lineage);
    let again = tempfile::tempdir().unwrap();
    let again = desk(&Catalog::new(again.path())).bounded(FILES_LISTED_MAX).to_bytes();
    assert_eq!(again, bytes, "another folder, the same bytes");
    let newer = String::from_utf8(bytes)
        .unwrap()
        .replacen(&format!("\"format\": {FORMAT}"), "\"format\": 99", 1);
    let error = Lineage::from_bytes("intent@1", newer.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("does not know"), "{error}");
    assert_eq!(error.hint(), "use a newer deskmill");
    assert!(Lineage::from_bytes("intent@1", b"{").is_err());
}

#[test]
fn where_the_way_ends_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::new(folder.path());
    desk(&catalog);
    std::fs::remove_file(
        catalog
            .folder(folder_of("clean"), "days", &key("days"))
            .join(LINEAGE_FILE),
    )
    .unwrap();
    std::fs::remove_dir_all(catalog.folder(CONTENTS_STAGE, "chats", &digest(b"chats"))).unwrap();
    let lineage = Lineage::of_output(&catalog, "evaluate", "intent", &key("report")).unwrap();
    let missing: Vec<&str> = lineage.missing.iter().map(Input::of).collect();
    assert_eq!(missing, ["chats", "days"]);
    let drawn = draw(&lineage.tree(None, 20)).join("\n");
    assert!(
        drawn.contains("table days") && drawn.contains("is not known"),
        "{drawn}"
    );
}

proptest! {
    /// Whatever reads what, each output stands behind all that it reads, once.
    #[test]
    fn outputs_stand_behind_what_they_read(reads in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..16)) {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::new(folder.path());
        let input = |at: usize| Input::new("clean", &format!("t{at}"), &key(&at.to_string()));
        for (at, reads) in reads.iter().enumerate() {
            let reads = reads.iter().filter(|_| at > 0).map(|read| input(read.index(at.max(1)))).collect();
            put(&catalog, &input(at), &Output { inputs: reads, ..Output::bare(&input(at)) });
        }
        let last = input(reads.len() - 1);
        let lineage = Lineage::of_output(&catalog, "clean", last.of(), &last.content).unwrap();
        let place = |name: &str| lineage.outputs.iter().position(|output| output.name == name).unwrap();
        for output in &lineage.outputs {
            prop_assert_eq!(lineage.outputs.iter().filter(|other| other.name == output.name).count(), 1);
            for read in &output.inputs {
                prop_assert!(place(read.of()) < place(&output.name));
            }
        }
        prop_assert_eq!(&lineage.outputs.last().unwrap().name, &last.name);
    }
}

#[test]
fn bytes_are_found_in_packed_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let content = "编号,正文\n1,退款\n2,refund\n".repeat(50_000);
    std::fs::write(folder.path().join("plain.csv"), &content).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(content.as_bytes()).unwrap();
    std::fs::write(folder.path().join("packed.csv.gz"), packed.finish().unwrap()).unwrap();
    let at = content.rfind("退款").unwrap();
    for name in ["plain.csv", "packed.csv.gz"] {
        assert_eq!(read_at(folder.path(), name, at as u64, 6), "退款".as_bytes(), "{name}");
        assert_eq!(
            read_at(folder.path(), name, content.len() as u64 - 3, 100),
            b"nd\n",
            "{name}"
        );
        assert_eq!(
            read_at(folder.path(), name, content.len() as u64 + 9, 100),
            b"",
            "{name}"
        );
    }
}

fn read_at(folder: &Path, name: &str, offset: u64, bytes_max: usize) -> Vec<u8> {
    let file = SourceFile {
        relative: name.into(),
        path: folder.join(name),
        member: None,
    };
    let read = Read {
        pattern: name.into(),
        files: vec![file.clone()],
        csv: None,
        encoding: None,
        items: None,
        sheet: None,
    };
    let limits = Limits {
        memory_max_mib: 256,
        row_max_bytes: 1 << 20,
        unpacked_max_ratio: 1000,
        rejects_max_share: 1.0,
        threads_max: 1,
    };
    let request = LandRequest {
        source: "s",
        format: Format::Csv,
        read: &read,
        file: &file,
        file_id: 0,
        limits: &limits,
        out: folder,
        shared: None,
        content: None,
        overlay: None,
    };
    bytes_at(&request, offset, bytes_max).unwrap()
}
