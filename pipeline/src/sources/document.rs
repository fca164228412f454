//! A file that is one row as a whole: its bytes within the bound, and its text in UTF-8. It knows no format; what a
//! format says about its own encoding it asks for. A file that cannot be used is a reject, for it has many neighbours.

use std::fmt::Write as _;
use std::io::Read as _;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

use super::LandRequest;
use super::landing::{Fault, Landing, TEXT_MAX_BYTES};
use super::lines::Place;
use super::open::open;
use crate::error::{Error, Result};
use crate::rejects::RAW_MAX_BYTES;

/// Where the only row of a file is.
const START: Place = Place { line: 1, offset: 0 };

/// Lands a file as one row. `declared` finds the encoding that the bytes name themselves; `values` makes the row.
pub(super) fn land<const N: usize>(
    request: &LandRequest<'_>,
    progress: &dyn Fn(u64),
    columns: [&str; N],
    declared: fn(&[u8]) -> Option<&'static Encoding>,
    values: impl Fn(&str) -> std::result::Result<[Option<String>; N], Fault>,
) -> Result<(u64, u64)> {
    let columns = columns.map(str::to_owned);
    let mut landing = Landing::create(request, &columns)?;
    let bytes = read(request, progress)?;
    let row = text(request, &bytes, declared).and_then(|text| values(&text));
    match row {
        Ok(row) => landing.keep(START, row.iter().map(Option::as_deref))?,
        Err(fault) => {
            let raw = bytes[..bytes.len().min(RAW_MAX_BYTES)].to_vec();
            landing.reject(START, raw, fault)?;
        }
    }
    landing.close()
}

/// The bytes of the file; of one that is too long, one byte more than allowed. The rest is read over, so that the
/// progress is told and a damaged file is found.
fn read(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<Vec<u8>> {
    let fail = |error| Error::file(&request.file.path)(error);
    let mut content = open(request, progress)?;
    let mut bytes = Vec::new();
    let wanted = (request.limits.row_max_bytes as u64).saturating_add(1);
    content.by_ref().take(wanted).read_to_end(&mut bytes).map_err(fail)?;
    std::io::copy(&mut content, &mut std::io::sink()).map_err(fail)?;
    Ok(bytes)
}

/// The text of a file, without its byte order mark.
fn text(
    request: &LandRequest<'_>,
    bytes: &[u8],
    declared: fn(&[u8]) -> Option<&'static Encoding>,
) -> std::result::Result<String, Fault> {
    let row_max_bytes = request.limits.row_max_bytes;
    if bytes.len() > row_max_bytes {
        return Err(Fault::too_long(row_max_bytes));
    }
    let encoding = encoding_of(request, bytes, declared);
    let content = match Encoding::for_bom(bytes) {
        Some((_, bom_bytes)) => &bytes[bom_bytes..],
        None => bytes,
    };
    let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(content) else {
        return Err(Fault::encoding(encoding.name()));
    };
    if text.contains('\0') {
        return Err(Fault::nul());
    }
    if text.trim().is_empty() {
        return Err(Fault::new(
            "empty",
            "there is no text in it; fill it, or make `path` leave it out",
        ));
    }
    if text.len() > TEXT_MAX_BYTES {
        return Err(Fault::too_long(TEXT_MAX_BYTES));
    }
    Ok(text.into_owned())
}

/// The encoding of a whole file: by its mark, by the project file, by its own word, and else by its bytes. The word is
/// not believed where the bytes are UTF-8: many a page was saved in another encoding than it was sent in.
fn encoding_of(
    request: &LandRequest<'_>,
    bytes: &[u8],
    declared: fn(&[u8]) -> Option<&'static Encoding>,
) -> &'static Encoding {
    let label = request.read.encoding.as_deref();
    Encoding::for_bom(bytes)
        .map(|(marked, _)| marked)
        .or_else(|| Encoding::for_label(label?.as_bytes()))
        .or_else(|| (!bytes.is_ascii() && std::str::from_utf8(bytes).is_ok()).then_some(UTF_8))
        .or_else(|| declared(bytes))
        .unwrap_or_else(|| detect(bytes))
}

/// The encoding of bytes that nobody names: UTF-8 if they are valid in it, else what they look like.
pub(super) fn detect(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

/// For formats that do not name an encoding.
pub(super) fn undeclared(_bytes: &[u8]) -> Option<&'static Encoding> {
    None
}

/// A value for a column: none if there is nothing in it.
pub(super) fn filled(text: impl AsRef<str>) -> Option<String> {
    let text = text.as_ref().trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The name of the request's file without its folder and ending.
pub(super) fn stem<'a>(request: &'a LandRequest<'_>) -> &'a str {
    let name = match &request.file.member {
        Some(member) => member.as_str(),
        None => request.file.relative.as_str(),
    };
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// What a page is made of, whatever it is written in.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Plain text; blocks are apart by line breaks.
    pub text: String,
    /// Level from 1, and text.
    pub headings: Vec<(u8, String)>,
    /// Text and address.
    pub links: Vec<(String, String)>,
}

impl Content {
    /// The headings as a JSON array of `{level, text}`; none without one.
    pub(super) fn headings_json(&self) -> Option<String> {
        let objects = self
            .headings
            .iter()
            .map(|(level, text)| serde_json::json!({"level": level, "text": text}));
        json_array(objects)
    }

    /// The links as a JSON array of `{text, href}`; none without one.
    pub(super) fn links_json(&self) -> Option<String> {
        let objects = self
            .links
            .iter()
            .map(|(text, href)| serde_json::json!({"text": text, "href": href}));
        json_array(objects)
    }
}

/// A JSON array in one line; none if it is empty.
pub(super) fn json_array(objects: impl Iterator<Item = serde_json::Value>) -> Option<String> {
    let mut json = String::new();
    for object in objects {
        let _ = write!(json, "{}{object}", if json.is_empty() { '[' } else { ',' });
    }
    (!json.is_empty()).then(|| json + "]")
}

/// Runs of blanks as one space, none at the ends.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
