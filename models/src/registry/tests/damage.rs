//! Files that were truncated, flipped, swapped, removed or made up are refused, and the message names them.

use std::fs;
use std::path::Path;

use super::super::*;
use super::fake::{Home, new_version, note};

type Harm = (&'static str, fn(&Path));

const HARMS: [Harm; 4] = [
    ("truncated", |path| {
        let content = fs::read(path).unwrap();
        fs::write(path, &content[..content.len() - 1]).unwrap();
    }),
    ("flipped", |path| {
        let mut content = fs::read(path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        fs::write(path, content).unwrap();
    }),
    ("emptied", |path| fs::write(path, "").unwrap()),
    ("removed", |path| fs::remove_file(path).unwrap()),
];

async fn two() -> Home {
    let home = Home::new();
    for key in ["a", "bb"] {
        home.registry().publish(new_version("intent", key)).await.unwrap();
    }
    home.registry().promote("intent", PROD, 1, note("ann")).await.unwrap();
    home
}

#[tokio::test]
async fn a_damaged_file_is_named_and_never_promoted() {
    for (what, harm) in HARMS {
        for name in [MODEL_FILE, GOLDEN_FILE, "report.json"] {
            let home = two().await;
            harm(&home.path(&format!("intent/versions/2/{name}")));
            let registry = home.registry();
            for error in [
                registry.file("intent", 2, name).await.unwrap_err(),
                registry.promote("intent", PROD, 2, note("ann")).await.unwrap_err(),
            ] {
                assert!(
                    error.to_string().contains(&format!("intent/versions/2/{name}")),
                    "{what}: {error}"
                );
            }
            assert_eq!(registry.state("intent").await.unwrap().aliases[PROD], 1);
        }
    }
}

#[tokio::test]
async fn a_damaged_manifest_is_named() {
    for (what, harm) in HARMS {
        let home = two().await;
        harm(&home.path("intent/versions/2/manifest.json"));
        let error = home.registry().manifest("intent", 2).await.unwrap_err();
        assert!(
            error.to_string().contains("intent/versions/2/manifest.json"),
            "{what}: {error}"
        );
        assert!(
            home.registry().promote("intent", PROD, 2, note("ann")).await.is_err(),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_damaged_log_entry_is_named() {
    for (what, harm) in HARMS {
        let home = two().await;
        harm(&home.path("intent/log/00000002.json"));
        let error = home.registry().state("intent").await.unwrap_err();
        assert!(
            error.to_string().contains("intent/log/00000002.json"),
            "{what}: {error}"
        );
        let error = home.registry().publish(new_version("intent", "c")).await.unwrap_err();
        assert!(
            error.to_string().contains("intent/log/00000002.json"),
            "nothing is written on top; {what}: {error}"
        );
    }
}

#[tokio::test]
async fn no_flipped_bit_in_an_entry_changes_what_it_says() {
    let home = two().await;
    let path = object_store::path::Path::from("log/00000001.json");
    let good = fs::read(home.path("intent/log/00000001.json")).unwrap();
    let entry = LogEntry::decode(&path, &good).unwrap();
    for at in 0..good.len() {
        assert!(LogEntry::decode(&path, &good[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut harmed = good.clone();
            harmed[at] ^= 1 << bit;
            // White space may become other white space.
            let same = LogEntry::decode(&path, &harmed).map_or(true, |read| read == entry);
            assert!(same, "byte {at}, bit {bit}");
        }
    }
}

#[tokio::test]
async fn a_changed_digit_in_an_entry_is_seen() {
    let home = two().await;
    let path = home.path("intent/log/00000003.json");
    let text = fs::read_to_string(&path).unwrap();
    let changed = text.replace("\"version\": 1", "\"version\": 2");
    assert_ne!(text, changed);
    fs::write(&path, changed).unwrap();
    let error = home.registry().state("intent").await.unwrap_err();
    assert!(
        error.to_string().contains("was changed after it was written"),
        "{error}"
    );
}

#[tokio::test]
async fn swapped_files_are_refused() {
    let swap = |home: &Home, a: &str, b: &str| {
        fs::rename(home.path(a), home.path("aside")).unwrap();
        fs::rename(home.path(b), home.path(a)).unwrap();
        fs::rename(home.path("aside"), home.path(b)).unwrap();
    };
    let home = two().await;
    swap(&home, "intent/versions/1", "intent/versions/2");
    let error = home.registry().manifest("intent", 1).await.unwrap_err();
    assert!(
        error.to_string().contains("versions/1/manifest.json: its digest"),
        "{error}"
    );

    let home = two().await;
    swap(&home, "intent/log/00000001.json", "intent/log/00000002.json");
    let error = home.registry().state("intent").await.unwrap_err();
    assert!(error.to_string().contains("stands where entry 1 belongs"), "{error}");

    let home = two().await;
    home.registry().publish(new_version("other", "a")).await.unwrap();
    swap(&home, "intent/log/00000001.json", "other/log/00000001.json");
    let error = home.registry().state("intent").await.unwrap_err();
    assert!(error.to_string().contains("belongs to model `other`"), "{error}");
}

#[tokio::test]
async fn made_up_files_are_refused() {
    let digest = |bytes: &[u8]| super::super::objects::sha256(bytes);
    let home = two().await;
    let path = object_store::path::Path::from("versions/1/manifest.json");
    let good = fs::read(home.path("intent/versions/1/manifest.json")).unwrap();
    let read = |bytes: &[u8]| Manifest::decode(&path, bytes, "intent", 1).map(|_| digest(bytes));
    assert_eq!(
        read(&good).unwrap(),
        home.registry().state("intent").await.unwrap().versions[&1].manifest_sha256
    );
    let text = String::from_utf8(good).unwrap();
    let cases = [
        (
            "format 2; this build reads 1",
            text.replace("\"format\": 1", "\"format\": 2"),
        ),
        ("no known format", text.replace("\"format\": 1", "\"format\": -1")),
        (
            "is the manifest of other@1",
            text.replace("\"model\": \"intent\"", "\"model\": \"other\""),
        ),
        (
            "is the manifest of intent@2",
            text.replace("\"version\": 1", "\"version\": 2"),
        ),
        (
            "not a name the registry accepts",
            text.replace("report.json", "../../../report.json"),
        ),
        (
            "at most 4294967296",
            text.replace("\"bytes\": ", "\"bytes\": 99999999999"),
        ),
        ("recursion", "[".repeat(100_000)),
    ];
    for (message, text) in cases {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(message), "{message}: {error}");
    }

    let entry = home.path("intent/log/00000003.json");
    let newer = fs::read_to_string(&entry)
        .unwrap()
        .replace("\"format\": 1", "\"format\": 9");
    fs::write(&entry, newer).unwrap();
    let error = home.registry().state("intent").await.unwrap_err();
    assert_eq!(error.hint(), "use a newer deskmill");
    fs::write(&entry, vec![b' '; 3 << 20]).unwrap();
    let error = home.registry().state("intent").await.unwrap_err();
    assert!(error.to_string().contains("at most 1048576 are expected"), "{error}");
}
