//! Web pages with gold: F1 of the words of the main text (as a bag), and titles, over Readability's published pages.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Figure;
use crate::landed::land_one;
use deskmill_pipeline::project::Format;

/// Measures every page of `readability_html`.
pub fn measure(data: &Path) -> Vec<Figure> {
    let folders = fs::read_dir(data.join("readability_html"))
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let mut scores = Vec::new();
    let (mut titles, mut titled) = (0, 0);
    for folder in &folders {
        let Ok(expected) = fs::read_to_string(folder.join("expected.html")) else {
            continue;
        };
        let row = land_one(&folder.join("source.html"), Format::Html).unwrap_or_default();
        let landed = |name: &str| row.get(name).map_or("", String::as_str);
        let score = f1(&shown_text(&expected), landed("text"));
        if let Some(title) = title_of(folder) {
            titled += 1;
            titles += usize::from(squeezed(&title) == squeezed(landed("title")));
        }
        if std::env::var_os("DESKMILL_MEASURE_WRONG").is_some() && score < 0.9 {
            eprintln!("{score:.3} {}", folder.display());
        }
        scores.push(score);
    }
    scores.sort_by(f64::total_cmp);
    let count = scores.len().max(1);
    let figure = |name: &str, value, target| Figure {
        name: format!("readability_html: {name}"),
        value,
        target,
        note: format!("{} pages", scores.len()),
    };
    vec![
        figure(
            "main text F1, mean",
            scores.iter().sum::<f64>() / count as f64,
            Some(0.94),
        ),
        figure(
            "main text F1, median",
            scores.get(scores.len() / 2).copied().unwrap_or_default(),
            None,
        ),
        figure("titles right", f64::from(titles as u32) / titled.max(1) as f64, None),
    ]
}

fn title_of(folder: &Path) -> Option<String> {
    let bytes = fs::read(folder.join("expected-metadata.json")).ok()?;
    let metadata: Value = serde_json::from_slice(&bytes).ok()?;
    metadata["title"].as_str().map(str::to_owned)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// F1 of two bags of words.
fn f1(expected: &str, found: &str) -> f64 {
    let (expected, found) = (bag(expected), bag(found));
    let size = |bag: &HashMap<String, usize>| bag.values().sum::<usize>();
    let common: usize = expected
        .iter()
        .map(|(word, count)| *count.min(found.get(word).unwrap_or(&0)))
        .sum();
    match size(&expected) + size(&found) {
        0 => 1.0,
        both => 2.0 * common as f64 / both as f64,
    }
}

/// Runs of letters and digits in lower case; signs of scripts without blanks one by one.
fn bag(text: &str) -> HashMap<String, usize> {
    let mut bag = HashMap::new();
    let mut word = String::new();
    for sign in text.chars().chain([' ']) {
        let stands_alone = ('\u{2e80}'..='\u{9fff}').contains(&sign) || ('\u{ac00}'..='\u{d7af}').contains(&sign);
        if sign.is_alphanumeric() && !stands_alone {
            word.extend(sign.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            *bag.entry(std::mem::take(&mut word)).or_default() += 1;
        }
        if stands_alone {
            *bag.entry(sign.to_string()).or_default() += 1;
        }
    }
    bag
}

/// The text of well-formed HTML, told apart from the way the product does it: tags cut out, entities read.
pub fn shown_text(html: &str) -> String {
    const INLINE: [&str; 14] = [
        "a", "abbr", "b", "code", "em", "font", "i", "mark", "small", "span", "strong", "sub", "sup", "u",
    ];
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&unescaped(&rest[..at]));
        rest = &rest[at..];
        let name: String = rest[1..]
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        let name = name.to_ascii_lowercase();
        if !INLINE.contains(&name.as_str()) {
            out.push('\n');
        }
        let end = if rest.starts_with("<!--") {
            rest.find("-->").map(|at| at + 3)
        } else if matches!(name.as_str(), "script" | "style" | "title") && !rest.starts_with("</") {
            rest.find(&format!("</{name}"))
        } else {
            rest.find('>').map(|at| at + 1)
        };
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    out.push_str(&unescaped(rest));
    out
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let entity = part.split_once(';').filter(|(name, _)| name.len() <= 8);
        match entity.and_then(|(name, rest)| Some((sign_of(name)?, rest))) {
            Some((sign, rest)) => {
                out.push(sign);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    out
}

fn sign_of(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        "auml" => Some('ä'),
        "ouml" => Some('ö'),
        "uuml" => Some('ü'),
        "szlig" => Some('ß'),
        _ => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(number)
        }
    }
}
