//! Bad input of every sort gets a clear error that names the place and a way out; nothing is lost, nothing is left half
//! written, and no customer's text is repeated.

mod batch;
mod project;
mod requests;
mod rows;

use crate::command::Ended;
use crate::desk::Desk;

/// A text that no message of ours may repeat.
const SECRET: &str = "4111-1111-1111-1111";

/// What a refused command told, with the folder taken out.
#[track_caller]
fn told(desk: &Desk, ended: Ended, code: i32) -> String {
    let ended = ended.with_code(code);
    assert!(ended.stderr.contains("hint:"), "no way out in: {}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    desk.neutral(&ended.stderr)
}

/// No folder of the catalog shows an output that was not completed, and no version was published.
#[track_caller]
fn nothing_half_made(desk: &Desk) {
    for rows in desk.files_ending("rows.parquet") {
        let folder = rows.trim_end_matches("rows.parquet");
        let hidden = folder.contains("/.") && folder.ends_with(".partial/");
        assert!(
            hidden || desk.file(folder).join("facts.json").is_file(),
            "{rows} stands there without its facts"
        );
    }
    assert_eq!(desk.files_ending("manifest.json"), Vec::<String>::new());
    assert!(
        !desk.file(".deskmill/last-run.json").exists(),
        "a run that failed left a report"
    );
}
