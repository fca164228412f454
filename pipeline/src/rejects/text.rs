//! The bytes of rejects as text for people: decoded as their file is written, and with control characters made visible.

use std::collections::HashMap;
use std::fmt::Write as _;

use encoding_rs::Encoding;

use super::Reject;
use super::known::INGEST;
use crate::catalog::{Catalog, read_json};
use crate::plan::Plan;
use crate::project::Project;
use crate::sources::{DIALECT_FILE, read_text};
use crate::stages::ingest::STAGE;

/// Which encoding the files of a project are in, as far as it is declared or was told.
pub struct Texts(HashMap<(String, String), &'static Encoding>);

impl Texts {
    /// Looks up what the project declares and what ingest found.
    pub fn of(project: &Project, catalog: &Catalog, plan: &Plan) -> Self {
        let mut known = HashMap::new();
        for source in &project.sources {
            for step in plan.landings(&source.name) {
                let Some(landing) = &step.landing else { continue };
                let told = || -> Option<String> {
                    let path = catalog.folder(STAGE, &step.name, &step.key).join(DIALECT_FILE);
                    let dialect: serde_json::Value = read_json(&path).ok()?;
                    Some(dialect["encoding"].as_str()?.to_owned())
                };
                for (read, file) in landing.files(project) {
                    let label = read
                        .encoding
                        .clone()
                        .or_else(|| (landing.files.len() == 1).then(told).flatten());
                    if let Some(encoding) = label.and_then(|label| Encoding::for_label(label.as_bytes())) {
                        known.insert((source.name.clone(), file.relative.clone()), encoding);
                    }
                }
            }
        }
        Self(known)
    }

    /// The bytes of a reject as text. What is no character becomes U+FFFD.
    pub fn raw(&self, reject: &Reject) -> String {
        if reject.stage != INGEST {
            // The fields of a landed row are JSON.
            return String::from_utf8_lossy(&reject.raw).into_owned();
        }
        match self.0.get(&(reject.source.clone(), reject.file.clone())) {
            Some(encoding) => encoding.decode_without_bom_handling(&reject.raw).0.into_owned(),
            None => read_text(&reject.raw).0,
        }
    }
}

/// A text in one line: what is not to be seen, or would change how the rest is seen, is written as in a program.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        let turns_direction =
            matches!(sign, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let is_hidden = matches!(
            sign,
            '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}'
        );
        match sign {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\0' => shown.push_str("\\0"),
            _ if sign.is_control() || turns_direction || is_hidden => {
                // Writing to a String does not fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(sign));
            }
            _ => shown.push(sign),
        }
    }
    shown
}
