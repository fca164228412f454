//! Files that are not what they were: between the plan and the reading, and while they are read.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use super::super::{Content, LandRequest, digest, land};
use super::{Case, csv};
use crate::error::Result;
use crate::project::SourceFile;

const BEFORE: &str = "text\nwhere is my parcel\n";
/// As long as [`BEFORE`], and other rows.
const AFTER: &str = "text\nwhere is my refund\n";

/// What somebody does to a file.
type Deed = (&'static str, fn(&Path), &'static str);

/// Each with what is said of it.
const DEEDS: [Deed; 9] = [
    ("removed", |path| fs::remove_file(path).unwrap(), "it is gone"),
    (
        "cut",
        |path| File::options().write(true).open(path).unwrap().set_len(5).unwrap(),
        "it changed",
    ),
    ("emptied", |path| fs::write(path, "").unwrap(), "it changed"),
    (
        "longer",
        |path| fs::write(path, format!("{BEFORE}one more\n")).unwrap(),
        "it changed",
    ),
    ("as long, its time set back", in_place, "it changed"),
    ("replaced, its time set back", replaced, "it changed"),
    (
        "a folder",
        |path| (fs::remove_file(path).unwrap(), fs::create_dir(path).unwrap()).1,
        "it is not a file",
    ),
    ("a pipe", piped, "it is not a file"),
    (
        "a link to nowhere",
        |path| (fs::remove_file(path).unwrap(), symlink("nowhere", path).unwrap()).1,
        "it is gone",
    ),
];

fn time_of(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

fn in_place(path: &Path) {
    let time = time_of(path);
    fs::write(path, AFTER).unwrap();
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

fn replaced(path: &Path) {
    let (time, beside) = (time_of(path), path.with_extension("new"));
    fs::write(&beside, AFTER).unwrap();
    File::options()
        .write(true)
        .open(&beside)
        .unwrap()
        .set_modified(time)
        .unwrap();
    fs::rename(&beside, path).unwrap();
}

fn piped(path: &Path) {
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn source_file(path: PathBuf) -> SourceFile {
    SourceFile {
        relative: "raw/input".into(),
        path,
        member: None,
    }
}

/// Lands a file as the plan found it; `meanwhile` is done when the first bytes are read.
fn land_as_planned(case: &Case, path: &Path, content: &Content, meanwhile: impl Fn()) -> Result<u64> {
    let once = std::cell::Cell::new(false);
    case.request(path.to_owned(), |request| {
        let request = LandRequest {
            content: Some(content),
            ..*request
        };
        let landed = land(&request, &|_| {
            if !once.replace(true) {
                meanwhile();
            }
        });
        landed.map(|landed| landed.rows)
    })
}

/// Nothing here may wait for a pipe.
fn within_ten_seconds(work: impl FnOnce() + Send + 'static) {
    let (done, waits) = mpsc::channel();
    let thread = std::thread::spawn(move || (work(), done.send(())));
    match waits.recv_timeout(Duration::from_secs(10)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => drop(thread.join().unwrap()),
    }
}

#[test]
fn only_what_the_plan_found_is_landed() {
    within_ten_seconds(|| {
        for (name, deed, said) in DEEDS {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("input");
            fs::write(&path, BEFORE).unwrap();
            let found = digest("tickets", &source_file(path.clone())).unwrap();
            assert_eq!(land_as_planned(&csv(), &path, &found, || ()).unwrap(), 1);
            deed(&path);
            let error = land_as_planned(&csv(), &path, &found, || ()).unwrap_err();
            assert!(error.to_string().contains(said), "{name}: {error}");
            assert!(!error.hint().is_empty());
        }
    });
}

#[test]
fn what_happens_to_a_file_while_it_is_read_is_told() {
    within_ten_seconds(|| {
        for (name, deed, said) in DEEDS {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("input");
            fs::write(&path, BEFORE).unwrap();
            let found = digest("tickets", &source_file(path.clone())).unwrap();
            let error = land_as_planned(&csv(), &path, &found, || deed(&path)).unwrap_err();
            assert!(error.to_string().contains(said), "{name}: {error}");
        }
    });
}

#[test]
fn a_link_that_points_elsewhere_is_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, link] = ["one", "two", "link"].map(|name| folder.path().join(name));
    fs::write(&one, BEFORE).unwrap();
    fs::write(&two, AFTER).unwrap();
    let point_at = |to: &Path| {
        let _was = fs::remove_file(&link);
        symlink(to, &link).unwrap();
    };
    point_at(&one);
    let found = digest("tickets", &source_file(link.clone())).unwrap();
    let error = land_as_planned(&csv(), &link, &found, || point_at(&two)).unwrap_err();
    assert!(error.to_string().contains("it changed while it was read"), "{error}");
    assert!(land_as_planned(&csv(), &link, &found, || ()).is_err());
    point_at(&one);
    assert_eq!(land_as_planned(&csv(), &link, &found, || ()).unwrap(), 1);
}

/// Two writes within one tick of the clock leave one stamp: what was found just after a write is looked at once more.
#[test]
fn a_change_within_a_tick_is_found_by_the_digest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, AFTER).unwrap();
    let now = digest("tickets", &source_file(path.clone())).unwrap();
    assert!(!now.is_settled, "it was written just now");
    let found = Content {
        sha256: "0".repeat(64),
        ..now.clone()
    };
    assert!(land_as_planned(&csv(), &path, &found, || ()).is_err());
    assert_eq!(land_as_planned(&csv(), &path, &now, || ()).unwrap(), 1);
}

#[test]
fn a_member_of_an_archive_that_was_made_again_is_not_landed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    let archive = |text: &str| {
        use std::io::Write as _;
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("a.csv", zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        zip.finish().unwrap();
    };
    archive(BEFORE);
    let found = digest("tickets", &source_file(path.clone())).unwrap();
    let case = Case {
        member: Some("a.csv"),
        ..csv()
    };
    assert_eq!(land_as_planned(&case, &path, &found, || ()).unwrap(), 1);
    let error = land_as_planned(&case, &path, &found, || archive(AFTER)).unwrap_err();
    assert!(error.to_string().contains("it changed"), "{error}");
    assert!(land_as_planned(&case, &path, &found, || ()).is_err());
}

#[test]
fn rights_and_rooms_have_hints_of_their_own() {
    let hint = |kind: std::io::ErrorKind| crate::error::Error::file(Path::new("x"))(kind.into()).hint();
    assert!(hint(std::io::ErrorKind::PermissionDenied).contains("right to read"));
    assert!(hint(std::io::ErrorKind::StorageFull).contains("the disk is full"));
    assert!(hint(std::io::ErrorKind::NotFound).contains("moved or removed"));
}
