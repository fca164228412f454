//! The house keeps its walls: `deskmill -> pipeline -> models <- serving <- deskmill`, and nothing else. Reads the
//! manifests as cargo does, and every source file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Package, folder of its sources, the packages of ours it may depend on, libraries it must not name.
const LAYERS: [(&str, &str, &[&str], &[&str]); 4] = [
    (
        "deskmill",
        "src",
        &["deskmill-models", "deskmill-pipeline", "deskmill-serving"],
        &[],
    ),
    ("deskmill-models", "models/src", &[], &["datafusion", "polars", "axum"]),
    ("deskmill-pipeline", "pipeline/src", &["deskmill-models"], &["axum"]),
    (
        "deskmill-serving",
        "serving/src",
        &["deskmill-models"],
        &["datafusion", "polars"],
    ),
];

/// Lines a source file may have, and the regular tables that may have more.
const LINES_MAX: usize = 600;
const REGULAR_TABLES: [&str; 2] = ["pipeline/src/sample/texts_en.rs", "pipeline/src/sample/texts_zh.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the workspace")
        .to_owned()
}

/// All Rust files below a folder of the workspace, with their paths relative to it.
fn sources(folder: &str) -> Vec<(String, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("the checkout can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path
                    .strip_prefix(root())
                    .expect("it is below the root")
                    .display()
                    .to_string();
                files.push((relative, fs::read_to_string(&path).expect("sources are UTF-8")));
            }
        }
    }
    assert!(!files.is_empty(), "no sources in {folder}");
    files
}

/// The code of a file without its comment lines.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

/// Whether a line names a crate or module, and not just a longer word.
fn names(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Whether a line of code reaches into a crate: `name::` or `use name`.
fn reaches_into(line: &str, name: &str) -> bool {
    let path = line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '.')
    });
    path || (line.starts_with("use ") && names(line, name))
}

fn cargo(args: &[&str]) -> String {
    let ended = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(
        ended.status.success(),
        "cargo {args:?}: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    String::from_utf8(ended.stdout).expect("cargo writes UTF-8")
}

#[test]
fn manifests_have_no_edge_but_the_four() {
    let metadata = cargo(&[
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--offline",
        "--locked",
    ]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let ours: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let wanted = LAYERS.map(|layer| layer.0);
    assert!(wanted.iter().all(|name| ours.contains(name)), "{ours:?}");
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let layer = LAYERS.iter().find(|layer| layer.0 == name);
        let (_, _, allowed, refused) = layer.unwrap_or(&("", "", &[], &[]));
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            let of_ours = ours.contains(to) && !allowed.contains(&to);
            if of_ours || refused.iter().any(|library| to.starts_with(library)) {
                wrong.push(format!("{name} -> {to}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn sources_reach_into_no_crate_but_those_below() {
    let mut wrong = Vec::new();
    for (package, folder, allowed, refused) in LAYERS {
        let others = LAYERS
            .map(|layer| layer.0)
            .into_iter()
            .filter(|other| *other != package && *other != "deskmill");
        let others = others
            .filter(|other| !allowed.contains(other))
            .map(|other| other.replace('-', "_"));
        let refused: Vec<String> = others.chain(refused.iter().map(|name| (*name).to_owned())).collect();
        for (path, text) in sources(folder) {
            for name in &refused {
                wrong.extend(
                    code(&text)
                        .filter(|line| reaches_into(line, name))
                        .map(|line| format!("{path}: {line}")),
                );
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn kinds_do_not_see_each_other() {
    let files = sources("models/src");
    // A kind is a folder with the query that draws its examples.
    let folders = fs::read_dir(root().join("models/src")).expect("the checkout can be read");
    let kinds: Vec<String> = folders
        .map(|entry| entry.expect("the checkout can be read").path())
        .filter(|path| path.join("examples.sql").is_file())
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .collect();
    assert!(kinds.contains(&"intent".to_owned()), "{kinds:?}");
    let mut wrong = Vec::new();
    for (path, text) in &files {
        let own = kinds
            .iter()
            .find(|kind| path.starts_with(&format!("models/src/{kind}/")));
        let may_name_kinds = path == "models/src/lib.rs";
        for other in kinds.iter().filter(|kind| Some(*kind) != own && !may_name_kinds) {
            wrong.extend(
                code(text)
                    .filter(|line| sees_module(line, other))
                    .map(|line| format!("{path}: {line}")),
            );
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Whether a line of code reaches a module of its own crate: `crate::name`, `super::name`, also within braces.
fn sees_module(line: &str, module: &str) -> bool {
    let from_crate = ["crate::", "super::"].iter().any(|root| line.contains(root));
    let after_path = line.split("crate::").skip(1).chain(line.split("super::").skip(1));
    let first_segment = |rest: &str| names(rest.split(&[':', ';', ' ', '('][..]).next().unwrap_or_default(), module);
    let within_braces = line.contains("crate::{") && names(line, module);
    from_crate && (after_path.into_iter().any(first_segment) || within_braces)
}

#[test]
fn the_slim_server_has_no_sql_engine_and_no_data_frames() {
    let tree = [
        "tree",
        "-p",
        "deskmill-serving",
        "-e",
        "normal",
        "--offline",
        "--locked",
        "--prefix",
        "none",
    ];
    let tree = cargo(&tree);
    assert!(tree.contains("deskmill-models v"), "{tree}");
    let heavy = |line: &&str| line.starts_with("datafusion") || line.starts_with("polars");
    assert_eq!(tree.lines().filter(heavy).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn files_tell_one_thing() {
    let folders = LAYERS.map(|layer| layer.1).into_iter().chain(["tests/product"]);
    let long = folders
        .flat_map(sources)
        .filter(|(path, _)| !REGULAR_TABLES.contains(&path.as_str()));
    let long: Vec<String> = long
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn these_checks_can_fail() {
    assert!(reaches_into("use deskmill_pipeline::run;", "deskmill_pipeline"));
    assert!(reaches_into("let x = datafusion::prelude::col;", "datafusion"));
    assert!(reaches_into("use polars as p;", "polars"));
    assert!(!reaches_into("let my_axum::x = 1;", "axum"));
    assert!(!reaches_into("use crate::not_polars;", "polars"));
    assert!(sees_module("use crate::routing::Route;", "routing"));
    assert!(sees_module("use crate::{kind::Kind, routing};", "routing"));
    assert!(sees_module("use super::super::routing;", "routing"));
    assert!(!sees_module("use super::intent_rows;", "intent"));
    assert!(!sees_module("let intent = 1;", "intent"));
    assert_eq!(code("//! use axum;\nuse a;").collect::<Vec<_>>(), ["use a;"]);
}
