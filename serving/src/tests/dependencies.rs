//! The server must stay slim: no SQL engine and no data frames in its tree (invariant 1 of the design).

use std::process::Command;

#[test]
fn neither_datafusion_nor_polars_is_in_the_tree() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            "deskmill-serving",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (tree, errors) = (
        String::from_utf8(tree.stdout).unwrap(),
        String::from_utf8(tree.stderr).unwrap(),
    );
    assert!(tree.contains("deskmill-models v"), "cargo tree: {errors}");
    let heavy =
        |line: &&str| line.starts_with("datafusion") || line.starts_with("polars") || line.starts_with("sqlparser");
    assert_eq!(tree.lines().filter(heavy).collect::<Vec<_>>(), Vec::<&str>::new());
}
