//! Names: which are allowed, and which known one a mistyped one is nearest to.

/// Names become folders, URLs and SQL words, so all are short.
const NAME_MAX_BYTES: usize = 64;

/// What a name may look like.
#[derive(Debug, Clone, Copy)]
pub(super) enum NameRule {
    /// `[a-z0-9-]+`
    Project,
    /// `[a-z][a-z0-9_]*`: a word of SQL that needs no quotes.
    Table,
    /// `[a-z][a-z0-9_-]*`: a part of a URL that needs no escapes.
    Model,
}

impl NameRule {
    pub(super) fn allows(self, name: &str) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let starts_with_letter = name.starts_with(|c: char| c.is_ascii_lowercase());
        let shape = match self {
            Self::Project => name.chars().all(|c| plain(c) || c == '-') && !name.is_empty(),
            Self::Table => starts_with_letter && name.chars().all(|c| plain(c) || c == '_'),
            Self::Model => starts_with_letter && name.chars().all(|c| plain(c) || c == '_' || c == '-'),
        };
        shape && name.len() <= NAME_MAX_BYTES
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Project => "use lower-case letters a-z, digits and `-`, at most 64",
            Self::Table => "start with a letter a-z and go on with letters a-z, digits and `_`, at most 64",
            Self::Model => "start with a letter a-z and go on with letters a-z, digits, `_` and `-`, at most 64",
        }
    }
}

/// A hint for a mistyped name: the nearest known one, or all of them if none is near.
pub(super) fn hint_for(written: &str, known: &[&str], what: &str) -> String {
    match nearest(written, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => format!("{what}: none"),
        None => format!("{what}: `{}`", known.join("`, `")),
    }
}

/// The known name with the fewest edits to `written`, if they are few for its length.
fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let length = written.chars().count();
    if length > 2 * NAME_MAX_BYTES {
        return None;
    }
    let edits_max = (length / 3).max(1);
    let (edits, name) = known.iter().map(|name| (edit_distance(written, name), *name)).min()?;
    (edits <= edits_max).then_some(name)
}

/// Edits (insert, delete, replace, swap of neighbours) between two words: optimal string alignment.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut edits = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(before_last[j - 2] + 1);
            }
            row.push(edits);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("format", "formatt", 1),
            ("fromat", "format", 1),
            ("工单", "工票", 1),
        ] {
            assert_eq!(edit_distance(a, b), edits, "{a} {b}");
            assert_eq!(edit_distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn only_a_near_name_is_proposed() {
        let known = ["path", "format", "delimiter"];
        assert_eq!(nearest("pth", &known), Some("path"));
        assert_eq!(nearest("delimeter", &known), Some("delimiter"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(
            hint_for("colour", &known, "known keys here"),
            "known keys here: `path`, `format`, `delimiter`"
        );
    }

    #[test]
    fn rules() {
        assert!(NameRule::Project.allows("7-desk"));
        assert!(!NameRule::Project.allows(""));
        assert!(!NameRule::Table.allows("7desk"));
        assert!(!NameRule::Table.allows("my-desk"));
        assert!(NameRule::Model.allows("my-desk_2"));
        assert!(!NameRule::Model.allows("意图"));
        assert!(!NameRule::Model.allows(&"a".repeat(65)));
    }
}
