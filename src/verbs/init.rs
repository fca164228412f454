//! `deskmill init`

use std::fs;

use anyhow::{Context, Result};
use deskmill_pipeline::project::{FILE_NAME, starter_files};
use serde_json::json;

use super::Place;
use crate::output::{Wrong, json_line, line};

pub fn run(place: &Place) -> Result<()> {
    let files = starter_files();
    if let Some((taken, _)) = files.iter().find(|(name, _)| place.folder.join(name).exists()) {
        let message = format!("{} is there already", place.folder.join(taken).display());
        let hint = format!("choose another folder with -C, or edit that {FILE_NAME}");
        return Err(Wrong { message, hint }.into());
    }
    fs::create_dir_all(place.folder.join("raw")).with_context(|| format!("creating {}", place.folder.display()))?;
    for (name, text) in files {
        let path = place.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    if place.json {
        return json_line(&json!({ "files": files.map(|(name, _)| name) }));
    }
    files
        .iter()
        .try_for_each(|(name, _)| line(format!("wrote {}", place.folder.join(name).display())))?;
    line("put your data under raw/, then: deskmill run")?;
    Ok(())
}
