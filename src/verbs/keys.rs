//! `deskmill keys add|ls|revoke`

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use deskmill_serving::auth::{Keys, NewKey, new_key};
use serde_json::json;

use super::Place;
use crate::cli::{KeyAction, KeysArgs};
use crate::output::{Wrong, json_line, line};

/// What a key's lines in the file begin with.
const HEAD: &str = "[[keys]]";

pub fn run(place: &Place, args: KeysArgs) -> Result<()> {
    let path = args.file.unwrap_or_else(|| place.folder.join("keys.toml"));
    match args.action {
        KeyAction::Add {
            name,
            scope,
            model,
            requests_per_minute,
        } => {
            let new = NewKey {
                name: &name,
                scopes: &scope,
                models: &model,
                requests_per_minute,
            };
            add(place, &path, &new)
        }
        KeyAction::Ls => list(place, &path),
        KeyAction::Revoke { name } => revoke(&path, &name),
    }
}

fn add(place: &Place, path: &Path, new: &NewKey<'_>) -> Result<()> {
    let before = match path.exists() {
        true => read(path)?,
        false => String::new(),
    };
    if new.name.is_empty() || new.name.chars().any(char::is_control) {
        return Err(wrong(
            "a key needs a name of one line".to_owned(),
            "deskmill keys add shop",
        ));
    }
    let (key, lines) = new_key(new).context("no random bytes")?;
    let gap = if before.is_empty() { "" } else { "\n" };
    let text = format!("{before}{gap}{lines}");
    Keys::parse(&text).map_err(|reason| wrong(reason, "choose another name, or revoke that key first"))?;
    write(path, &text)?;
    if place.json {
        return json_line(&json!({ "name": new.name, "key": key, "file": path }));
    }
    line(&key)?;
    line(format!(
        "shown only now; {} keeps its digest. Serve with: deskmill serve --keys {}",
        path.display(),
        path.display()
    ))?;
    Ok(())
}

fn list(place: &Place, path: &Path) -> Result<()> {
    let keys = Keys::read(path).map_err(|error| wrong(error.to_string(), "deskmill keys add NAME makes the file"))?;
    for name in keys.names() {
        match place.json {
            true => json_line(&json!({ "name": name }))?,
            false => line(name)?,
        }
    }
    Ok(())
}

/// Takes a key's lines out of the file; the rest stays as it was written. The last key goes with the file, because a
/// server refuses a file without keys rather than to stand open.
fn revoke(path: &Path, name: &str) -> Result<()> {
    let text = read(path)?;
    let starts: Vec<usize> = text.match_indices(HEAD).map(|(at, _)| at).collect();
    let is_it = |at: &usize| {
        let end = starts.iter().copied().find(|start| start > at).unwrap_or(text.len());
        let found = Keys::parse(&text[*at..end]).is_ok_and(|keys| keys.names().any(|known| known == name));
        found.then_some((*at, end))
    };
    let Some((from, to)) = starts.iter().find_map(is_it) else {
        return Err(wrong(
            format!("{} has no key `{name}`", path.display()),
            "deskmill keys ls shows those it has",
        ));
    };
    let rest = format!("{}{}", &text[..from], &text[to..]);
    if starts.len() == 1 {
        fs::remove_file(path)?;
        return Ok(line(format!("{name} was the last key; {} is gone", path.display()))?);
    }
    write(path, &rest)?;
    Ok(line(format!(
        "{name} is revoked; running servers notice within a second"
    ))?)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        wrong(message, "deskmill keys add NAME makes the file; --file names another")
    })
}

/// Writes aside and renames, so that a server never reads half a file. Only the owner may read it.
fn write(path: &Path, text: &str) -> Result<()> {
    let aside: PathBuf = path.with_extension("toml.new");
    let _left_over = fs::remove_file(&aside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    Ok(())
}

fn wrong(message: String, hint: &str) -> anyhow::Error {
    let hint = hint.to_owned();
    Wrong { message, hint }.into()
}
