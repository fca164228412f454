//! Where the built binaries are. They are built before the tests, not by them.

use std::path::PathBuf;

/// The command.
pub fn deskmill() -> PathBuf {
    binary("deskmill")
}

/// The slim server.
pub fn deskmill_serve() -> PathBuf {
    binary("deskmill-serve")
}

fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("DESKMILL_BIN_DIR").map_or_else(beside_this_test, PathBuf::from);
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "there is no binary {}\nhint: cargo build --release --workspace --exclude deskmill-tests --bins\n\
         hint: or set DESKMILL_BIN_DIR to the folder that holds deskmill and deskmill-serve",
        path.display()
    );
    path
}

/// This test is `<target>/release/deps/product-*`.
fn beside_this_test() -> PathBuf {
    let this = std::env::current_exe().expect("a running program has a path");
    let folder = this.parent().and_then(|deps| deps.parent());
    folder.expect("cargo puts tests two folders deep").to_owned()
}
