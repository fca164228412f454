//! Edited exports, as a person would hand them back.

use serde_json::Value;

use crate::csv::{quoted, rows};
use crate::desk::Desk;

/// An export of all rejects in one format, and its file.
pub struct Sheet<'a> {
    desk: &'a Desk,
    name: &'static str,
}

impl<'a> Sheet<'a> {
    /// Exports the rejects into `mend.csv` or `mend.jsonl`.
    #[track_caller]
    pub fn export(desk: &'a Desk, name: &'static str) -> Self {
        let sheet = Self { desk, name };
        desk.deskmill(&["rejects", "export", "tickets", "--out", &sheet.path()])
            .ok();
        sheet
    }

    /// The file.
    pub fn path(&self) -> String {
        self.desk.file(self.name).display().to_string()
    }

    /// Puts values into fields of the only row of which `_raw` holds a text.
    #[track_caller]
    pub fn edit(&self, raw: &str, fields: &[(&str, &str)]) {
        let text = self.desk.read(self.name);
        let edited = match self.name.ends_with("csv") {
            true => edited_csv(&text, raw, fields),
            false => edited_jsonl(&text, raw, fields),
        };
        self.desk.write(self.name, edited);
    }
}

#[track_caller]
fn edited_csv(text: &str, raw: &str, fields: &[(&str, &str)]) -> String {
    let mut rows = rows(text);
    let header = rows[0].clone();
    let at = |name: &str| {
        header
            .iter()
            .position(|known| known == name)
            .expect("a column of the export")
    };
    let mut found: Vec<&mut Vec<String>> = rows.iter_mut().filter(|row| row[at("_raw")].contains(raw)).collect();
    assert_eq!(found.len(), 1, "`{raw}` in {text}");
    for (name, value) in fields {
        found[0][at(name)] = (*value).to_owned();
    }
    // As a spreadsheet does: every field quoted, lines ended in its own way.
    let line = |row: &Vec<String>| row.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",") + "\r\n";
    rows.iter().map(line).collect()
}

#[track_caller]
fn edited_jsonl(text: &str, raw: &str, fields: &[(&str, &str)]) -> String {
    let mut rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut found: Vec<&mut Value> = rows
        .iter_mut()
        .filter(|row| row["_raw"].as_str().is_some_and(|text| text.contains(raw)))
        .collect();
    assert_eq!(found.len(), 1, "`{raw}` in {text}");
    for (name, value) in fields {
        found[0][*name] = (*value).into();
    }
    rows.iter().map(|row| format!("{row}\n")).collect()
}
