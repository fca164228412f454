//! gc keeps exactly what is reached, over work folders with any web of outputs; and what is not ours is left alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use bytes::Bytes;
use deskmill_models::kind::Signature;
use deskmill_models::registry::{GOLDEN_FILE, MODEL_FILE, NewVersion, Note, Registry};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::needed::Needed;
use super::{RUNS_KEPT, Swept, sweep};
use crate::catalog::{Catalog, write_json};
use crate::keys::digest;
use crate::lineage::{CONTENTS_STAGE, Contents, Input, LINEAGE_FILE, Lineage, Output, SOURCE};
use crate::plan::folder_of;

const STAGES: [&str; 5] = ["ingest", "clean", "assemble", "fit", "evaluate"];

/// Something in a web of outputs: its stage, and which earlier ones it reads.
#[derive(Debug, Clone)]
struct Node {
    /// A place in [`STAGES`], or beyond for a source.
    stage: usize,
    reads: Vec<usize>,
}

fn web() -> impl Strategy<Value = (Vec<Node>, Vec<usize>)> {
    let node = (
        0..=STAGES.len(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    );
    let nodes = prop::collection::vec(node, 1..24);
    (nodes, prop::collection::vec(any::<prop::sample::Index>(), 0..4)).prop_map(|(nodes, roots)| {
        let roots = roots.iter().map(|root| root.index(nodes.len())).collect();
        let reads = |at: usize, reads: &[prop::sample::Index]| -> Vec<usize> {
            reads
                .iter()
                .filter(|_| at > 0)
                .map(|read| read.index(at.max(1)))
                .collect()
        };
        let nodes = nodes.iter().enumerate();
        let nodes = nodes.map(|(at, (stage, read))| Node {
            stage: *stage,
            reads: reads(at, read),
        });
        (nodes.collect(), roots)
    })
}

fn input_of(at: usize, node: &Node) -> Input {
    let name = format!("n{}", at % 3);
    match STAGES.get(node.stage) {
        Some(stage) => Input::new(stage, &name, &digest(&at.to_le_bytes())[..32]),
        None => Input::new(SOURCE, &format!("raw.{name}"), &digest(&at.to_le_bytes())),
    }
}

/// Sources lead to landings only, so what a source of a web reads counts if it is a landing of the same name.
fn followed<'a>(nodes: &'a [Node], at: usize) -> impl Iterator<Item = usize> + 'a {
    let is_source = nodes[at].stage == STAGES.len();
    nodes[at]
        .reads
        .iter()
        .copied()
        .filter(move |read| !is_source || (nodes[*read].stage == 0 && read % 3 == at % 3))
}

fn write(catalog: &Catalog, nodes: &[Node]) {
    for (at, node) in nodes.iter().enumerate() {
        let input = input_of(at, node);
        if input.stage == SOURCE {
            let landings = followed(nodes, at)
                .map(|read| input_of(read, &nodes[read]).content)
                .collect();
            catalog
                .make(CONTENTS_STAGE, input.of(), &input.content, |_| {
                    Ok(Contents { landings })
                })
                .unwrap();
            continue;
        }
        output(
            catalog,
            &input,
            node.reads.iter().map(|read| input_of(*read, &nodes[*read])).collect(),
        );
    }
}

fn output(catalog: &Catalog, input: &Input, inputs: Vec<Input>) {
    catalog
        .make(folder_of(&input.stage), input.of(), &input.content, |out| {
            fs::write(out.join("rows.parquet"), b"rows").unwrap();
            Output {
                inputs,
                ..Output::bare(input)
            }
            .write(out)?;
            Ok(json!({ "rows": 1 }))
        })
        .unwrap();
}

/// All outputs that are there, by stage, name and key.
fn there(catalog: &Catalog) -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    for stage in super::STAGES {
        for name in ["n0", "n1", "n2"] {
            let keys = catalog.keys(stage, name);
            found.extend(keys.into_iter().map(|key| (stage.to_owned(), name.to_owned(), key)));
        }
    }
    found
}

fn place(input: &Input) -> (String, String, String) {
    let stage = if input.stage == SOURCE {
        CONTENTS_STAGE
    } else {
        folder_of(&input.stage)
    };
    (stage.to_owned(), input.of().to_owned(), input.content.clone())
}

fn work() -> (TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::new(&folder.path().join("work"));
    fs::create_dir_all(catalog.work()).unwrap();
    (folder, catalog)
}

fn needed(catalog: &Catalog, roots: &[Input]) -> Needed {
    let mut needed = Needed::default();
    for root in roots {
        needed.add(catalog, root.clone()).unwrap();
    }
    needed
}

/// First says what would go, then does it; both say the same.
fn swept(catalog: &Catalog, needed: &Needed) -> Swept {
    let said = sweep(catalog, needed, true).unwrap();
    let done = sweep(catalog, needed, false).unwrap();
    assert_eq!(said.stages, done.stages);
    done
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exactly_what_is_reached_stays((nodes, roots) in web()) {
        let (_folder, catalog) = work();
        write(&catalog, &nodes);
        let mut reached: BTreeSet<usize> = roots.iter().copied().collect();
        // What is read comes before its readers, so one pass from the end reaches all.
        for at in (0..nodes.len()).rev() {
            if reached.contains(&at) {
                reached.extend(followed(&nodes, at));
            }
        }
        let expected: BTreeSet<_> = reached.iter().map(|at| place(&input_of(*at, &nodes[*at]))).collect();
        let roots: Vec<Input> = roots.iter().map(|at| input_of(*at, &nodes[*at])).collect();
        let before = there(&catalog);
        let needed = needed(&catalog, &roots);
        sweep(&catalog, &needed, true).unwrap();
        prop_assert_eq!(&there(&catalog), &before);
        let done = swept(&catalog, &needed);
        prop_assert_eq!(&there(&catalog), &expected);
        prop_assert_eq!(done.removed().count as usize, before.len() - expected.len());
    }
}

#[test]
fn what_was_made_before_lineage_was_kept_stays_with_those_that_may_need_it() {
    let (_folder, catalog) = work();
    let old = |at: u8| Input::new("fit", "n0", &digest(&[at])[..32]);
    for at in [1, 2] {
        catalog
            .make(folder_of("fit"), "n0", &old(at).content, |_| Ok(json!({})))
            .unwrap();
    }
    output(&catalog, &old(3), Vec::new());
    swept(&catalog, &needed(&catalog, &[old(1)]));
    let left: Vec<String> = there(&catalog).into_iter().map(|(_, _, key)| key).collect();
    assert!(
        left.contains(&old(2).content),
        "an older output may have been made from it"
    );
    assert!(!left.contains(&old(3).content), "that one says what it was made from");
}

#[test]
fn left_overs_go_and_what_is_not_ours_stays() {
    let (folder, catalog) = work();
    let key = &digest(b"x")[..32];
    let stage = catalog.work().join(folder_of("clean"));
    let name = stage.join("n0");
    for left_over in ["partial", "old.partial", "gone"].map(|end| format!(".{key}.{end}")) {
        fs::create_dir_all(name.join(&left_over)).unwrap();
        fs::write(name.join(&left_over).join("rows.parquet"), b"half").unwrap();
    }
    fs::create_dir_all(name.join("my notes")).unwrap();
    fs::write(name.join("笔记.txt"), b"mine").unwrap();
    fs::create_dir_all(catalog.work().join("mine").join("n0").join(key)).unwrap();
    // Links to outputs that are elsewhere: of a key, of a name, and within an output that goes.
    let outside = folder.path().join("outside");
    fs::create_dir_all(outside.join(key)).unwrap();
    fs::write(outside.join(key).join("facts.json"), b"{}").unwrap();
    std::os::unix::fs::symlink(outside.join(key), name.join(&digest(b"y")[..32])).unwrap();
    std::os::unix::fs::symlink(&outside, stage.join("n1")).unwrap();
    fs::create_dir_all(name.join(key)).unwrap();
    std::os::unix::fs::symlink(&outside, name.join(key).join("link")).unwrap();

    let done = swept(&catalog, &Needed::default());
    assert_eq!(done.removed().count, 4);
    assert!(outside.join(key).join("facts.json").is_file());
    assert!(stage.join("n1").join(key).is_dir());
    assert!(!name.join(key).exists());
    let mut left: Vec<String> = crate::catalog::entries(&name)
        .unwrap()
        .iter()
        .map(|path| super::file_name(path).into())
        .collect();
    left.sort_unstable();
    assert_eq!(left, ["my notes", "笔记.txt"]);
    assert!(catalog.work().join("mine").join("n0").join(key).is_dir());
}

#[test]
fn the_newest_reports_of_runs_stay() {
    let (_folder, catalog) = work();
    for run in 0..RUNS_KEPT + 5 {
        write_json(&catalog.run_file(&format!("20261125T{run:06}-1")), &json!({})).unwrap();
    }
    // Its clock was wrong, but it is the last run.
    write_json(&catalog.run_file("20200101T000000-1"), &json!({})).unwrap();
    write_json(&catalog.last_run_file(), &json!({ "run": "20200101T000000-1" })).unwrap();
    let done = swept(&catalog, &Needed::default());
    assert_eq!(done.removed().count, 5);
    assert!(catalog.run_file("20200101T000000-1").is_file());
    assert!(!catalog.run_file("20261125T000004-1").exists());
    assert!(catalog.run_file("20261125T000005-1").is_file());
}

#[test]
fn spilled_files_go_unless_a_query_is_at_work() {
    let (_folder, catalog) = work();
    let spilled = catalog.spill_folder().join("datafusion-x").join("1.arrow");
    fs::create_dir_all(spilled.parent().unwrap()).unwrap();
    fs::write(&spilled, b"spilled").unwrap();
    let query = fs::File::create(catalog.spill_lock_file()).unwrap();
    query.lock_shared().unwrap();
    swept(&catalog, &Needed::default());
    assert!(spilled.is_file());
    drop(query);
    swept(&catalog, &Needed::default());
    assert!(!spilled.exists());
}

#[test]
fn fetched_rows_that_a_state_lists_or_might_list_stay() {
    let (_folder, catalog) = work();
    let put = |source: &str, name: &str, content: &str| {
        let path = catalog.fetched_folder(source).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let fetched = json!({ "relative": "postgres/x/part-000001.csv", "file": "part-1.csv", "bytes": 3,
        "version": { "url": "", "etag": null, "last_modified": null } });
    let read = json!({ "files": [fetched], "shape": "", "mark": null });
    put("cases", "state.json", &json!({ "reads": { "k": read } }).to_string());
    put("cases", "part-1.csv", "a\n1");
    put("cases", "part-2.csv", "never listed");
    put("cases", ".x.partial", "half");
    put("broken", "state.json", "{");
    put("broken", "part-1.csv", "rows");
    put("broken", ".x.partial", "half");
    swept(&catalog, &Needed::default());
    let is_there = |source: &str, name: &str| Path::exists(&catalog.fetched_folder(source).join(name));
    assert!(is_there("cases", "state.json") && is_there("cases", "part-1.csv"));
    assert!(!is_there("cases", "part-2.csv") && !is_there("cases", ".x.partial"));
    assert!(is_there("broken", "part-1.csv") && is_there("broken", "state.json") && !is_there("broken", ".x.partial"));
}

fn note() -> Note {
    Note {
        who: "test".into(),
        when: "2026-11-25T09:00:00Z".parse().unwrap(),
        why: "测试".into(),
        run: None,
        facts: json!(null),
    }
}

/// A version of a model that cannot answer, which nobody asks.
fn version(key: &str, lineage: &Lineage) -> NewVersion {
    let files = [
        (MODEL_FILE, b"x".to_vec()),
        (GOLDEN_FILE, b"x".to_vec()),
        (LINEAGE_FILE, lineage.to_bytes()),
    ];
    NewVersion {
        model: "n0".into(),
        kind: "intent".into(),
        key: key.into(),
        signature: Signature {
            inputs: Vec::new(),
            outputs: Vec::new(),
        },
        recipe: json!({}),
        files: files
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), Bytes::from(bytes)))
            .collect(),
        metrics: BTreeMap::from([("accuracy".to_owned(), 0.5)]),
        main_metric: "accuracy".into(),
        lineage: json!({ "inputs": [] }),
        note: note(),
    }
}

#[tokio::test]
async fn versions_in_use_keep_all_they_were_made_from_and_retired_ones_nothing() {
    let (folder, catalog) = work();
    let registry = Registry::local(&folder.path().join("registry")).unwrap();
    let mut versions = Vec::new();
    for number in [1_u8, 2] {
        let table = Input::new("clean", "n1", &digest(&[number, 1])[..32]);
        let report = Input::new("evaluate", "n0", &digest(&[number, 2])[..32]);
        output(&catalog, &table, Vec::new());
        output(&catalog, &report, vec![table]);
        let lineage = Lineage::of_output(&catalog, "evaluate", "n0", &report.content).unwrap();
        registry.publish(version(&report.content, &lineage)).await.unwrap();
        versions.push(lineage);
    }
    // The first version stays whole, though its report says nothing any more: it carries its own lineage.
    fs::remove_file(
        catalog
            .folder(folder_of("evaluate"), "n0", &versions[0].of.content)
            .join(LINEAGE_FILE),
    )
    .unwrap();
    let mut needed = Needed::default();
    needed.add_versions(&catalog, &registry).await.unwrap();
    assert_eq!(swept(&catalog, &needed).removed().count, 0);

    registry.retire("n0", 2, note()).await.unwrap();
    let mut needed = Needed::default();
    needed.add_versions(&catalog, &registry).await.unwrap();
    assert_eq!(swept(&catalog, &needed).removed().count, 2);
    let left: BTreeSet<String> = there(&catalog).into_iter().map(|(_, _, key)| key).collect();
    let first: BTreeSet<String> = versions[0].outputs.iter().map(|output| output.key.clone()).collect();
    assert_eq!(left, first);
}
