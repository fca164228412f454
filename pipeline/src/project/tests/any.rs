//! Texts that nobody would write: the reader never panics, and never refuses without a word.

use std::path::Path;

use proptest::prelude::*;

use super::super::problems::Problems;
use super::super::reader::{FILE_NAME, check};
use super::{EVERY_KEY, OneKind};

/// Reads a text, and renders what is wrong with it.
fn read_anything(text: &str, folder: &Path) {
    let problems = Problems::default();
    if check(text, folder, &OneKind, &problems).is_none() {
        assert!(!problems.is_empty(), "no project, and no word why");
        let shown = problems.into_error(&folder.join(FILE_NAME), text).to_string();
        assert!(shown.starts_with("error: ") && !shown.contains('\r'));
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in r#"([a-z.\[\]={}"'\\,#0-9\n\r\t 工单\u{1b}-]|\PC){0,200}"#) {
        read_anything(&text, Path::new("/no/such/folder"));
    }

    /// A few characters lost or put in: mostly still TOML, and mostly a wrong project.
    #[test]
    fn any_damage_is_read_or_refused(
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, r#"[\]\["'=.,{}a-z0-9\n 、-]{0,4}"#), 1..6)
    ) {
        // Cut in the right place, `raw/legacy/**` would search the whole machine.
        let without_walks = EVERY_KEY.replace("/**", "");
        let mut text: Vec<char> = without_walks.chars().collect();
        for (at, lost, put) in damage {
            let start = at.index(text.len());
            let end = (start + lost).min(text.len());
            text.splice(start..end, put.chars());
        }
        read_anything(&String::from_iter(text), Path::new("/no/such/folder"));
    }
}
