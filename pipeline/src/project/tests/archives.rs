//! Zip archives among the files of a source.

use std::fs::File;
use std::io::Write as _;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// A project with an archive of these members.
fn desk_with(members: &[&str], format: &str) -> TempDir {
    let toml = format!("project.name = \"d\"\n[sources.tickets]\nformat = \"{format}\"\npath = \"raw/*.zip\"\n");
    let folder = desk(&toml);
    let mut writer = ZipWriter::new(File::create(folder.path().join("raw/export.zip")).unwrap());
    for member in members {
        writer.start_file(*member, SimpleFileOptions::default()).unwrap();
        writer.write_all(b"{}\n").unwrap();
    }
    writer.finish().unwrap();
    folder
}

#[test]
fn each_member_that_is_data_is_a_file() {
    let members = [
        "z.jsonl",
        "a/",
        "a/b.jsonl",
        "__MACOSX/._z.jsonl",
        ".hidden",
        "../up",
        "/abs",
        "a/.git/x",
    ];
    let folder = desk_with(&members, "jsonl");
    let project = read_project(folder.path(), &OneKind).unwrap();
    let files = &project.source("tickets").unwrap().reads[0].files;
    let shown: Vec<_> = files
        .iter()
        .map(|file| (file.relative.as_str(), file.member.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            ("raw/export.zip/a/b.jsonl", Some("a/b.jsonl")),
            ("raw/export.zip/z.jsonl", Some("z.jsonl")),
        ]
    );
    assert!(
        files
            .iter()
            .all(|file| file.path == folder.path().join("raw/export.zip"))
    );
}

#[test]
fn workbooks_are_archives_that_stay_whole() {
    let folder = desk_with(&["xl/workbook.xml"], "xlsx");
    let project = read_project(folder.path(), &OneKind).unwrap();
    let files = &project.source("tickets").unwrap().reads[0].files;
    assert_eq!((files.len(), &files[0].member), (1, &None));
}

#[test]
fn archives_that_cannot_be_read_are_problems() {
    let folder = desk_with(&[".hidden"], "jsonl");
    let refused = read_project(folder.path(), &OneKind).unwrap_err().to_string();
    assert!(refused.contains("no file is in the archive"), "{refused}");

    let folder = desk_with(&["secret.jsonl"], "jsonl");
    let path = folder.path().join("raw/export.zip");
    let mut bytes = fs::read(&path).unwrap();
    // The flag of encryption, in the directory at the end (APPNOTE 4.3.12).
    let entry = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    bytes[entry + 8] |= 1;
    fs::write(&path, &bytes).unwrap();
    let refused = read_project(folder.path(), &OneKind).unwrap_err().to_string();
    assert!(refused.contains("the member `secret.jsonl` is encrypted"), "{refused}");

    fs::write(&path, &bytes[..40]).unwrap();
    let refused = read_project(folder.path(), &OneKind).unwrap_err().to_string();
    assert!(refused.contains("the zip archive cannot be read"), "{refused}");
}
