//! How many files in known encodings are decoded right when nobody says what they are in.

use std::fs;
use std::path::Path;

use deskmill_pipeline::sources::read_text;
use encoding_rs::Encoding;

use crate::Figure;
use crate::landed::sorted;

/// The folder `chardet_encodings` of `data` has a folder an encoding (`windows-1251-russian`), each with files in it. A file is right if its
/// text is what the true encoding makes of it, whatever the encoding is called. Folders whose encoding the WHATWG
/// standard does not have are counted apart: no browser could read them either.
pub fn measure(data: &Path) -> Vec<Figure> {
    let (mut right, mut all, mut unknown) = (0, 0, 0);
    let mut wrong = Vec::new();
    let mut unnamed = Vec::new();
    for folder in sorted(&data.join("chardet_encodings"))
        .into_iter()
        .filter(|path| path.is_dir())
    {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = sorted(&folder);
        let Some(truth) = decoder(&name) else {
            unknown += files.len();
            unnamed.push(name);
            continue;
        };
        for file in files {
            let Ok(bytes) = fs::read(&file) else { continue };
            let (text, found) = read_text(&bytes);
            all += 1;
            if text == truth(&bytes) {
                right += 1;
            } else {
                wrong.push(format!(
                    "{name}/{}: {found}",
                    file.file_name().unwrap_or_default().display()
                ));
            }
        }
    }
    let share = f64::from(right) / f64::from(all.max(1));
    vec![
        Figure {
            name: "share of files decoded right".into(),
            value: share,
            target: Some(0.95),
            note: format!("{right} of {all}; wrong: {}", wrong.join(", ")),
        },
        Figure {
            name: "files in encodings that the WHATWG standard lacks".into(),
            value: unknown as f64,
            target: None,
            note: unnamed.join(", "),
        },
    ]
}

type Decoder = Box<dyn Fn(&[u8]) -> String>;

/// By the name of a folder: an encoding, and perhaps a language behind it.
fn decoder(folder: &str) -> Option<Decoder> {
    let lower = folder.to_ascii_lowercase();
    if lower.starts_with("utf-32") {
        let is_big = lower.ends_with("be");
        return Some(Box::new(move |bytes| utf_32(bytes, is_big)));
    }
    let label = match lower.as_str() {
        "cp932" => "shift_jis",
        "maccyrillic" => "x-mac-cyrillic",
        other => other,
    };
    // `iso-8859-2-czech`: the longest beginning that is a label.
    let ends = label.match_indices('-').map(|(at, _)| at).chain([label.len()]);
    let encoding = ends.rev().find_map(|end| Encoding::for_label(&label.as_bytes()[..end]));
    encoding.map(|encoding| Box::new(move |bytes: &[u8]| encoding.decode(bytes).0.into_owned()) as Decoder)
}

fn utf_32(bytes: &[u8], is_big: bool) -> String {
    let is_big = is_big || bytes.starts_with(&[0, 0, 0xfe, 0xff]);
    let (units, _) = bytes.as_chunks::<4>();
    let number = |unit: &[u8; 4]| {
        if is_big {
            u32::from_be_bytes(*unit)
        } else {
            u32::from_le_bytes(*unit)
        }
    };
    let text: String = units
        .iter()
        .map(|unit| char::from_u32(number(unit)).unwrap_or('\u{fffd}'))
        .collect();
    text.trim_start_matches('\u{feff}').to_owned()
}
