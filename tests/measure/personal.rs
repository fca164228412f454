//! Personal data found in the generated texts of Presidio's research set. A gold span counts as found if it is covered
//! whole; a found span counts as right if it touches any gold span.

use std::collections::BTreeMap;
use std::path::Path;

use deskmill_models::text::pii::PiiRules;
use serde_json::Value;

use crate::Figure;

/// The types with a target, by their names in the gold.
const WITH_TARGET: [&str; 5] = [
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "IP_ADDRESS",
];

/// Recall by type, and the precision of all types together.
pub fn measure(data: &Path) -> Vec<Figure> {
    ["generated_large.json", "generated_small.json"]
        .into_iter()
        .flat_map(|file| of_file(data, file))
        .collect()
}

fn of_file(data: &Path, file: &str) -> Vec<Figure> {
    let text = std::fs::read(data.join("presidio_research/tests/data").join(file)).unwrap_or_default();
    let cases: Vec<Value> = serde_json::from_slice(&text).unwrap_or_default();
    let rules = PiiRules::default();
    let mut recall: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let (mut right, mut all) = (0, 0);
    for case in &cases {
        let text = case["full_text"].as_str().unwrap_or_default();
        let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let place = |span: &Value, key: &str| {
            let at = span[key]
                .as_u64()
                .and_then(|at| usize::try_from(at).ok())
                .unwrap_or_default();
            bytes.get(at).copied().unwrap_or(text.len())
        };
        let found = rules.find(text);
        let no_spans = Vec::new();
        let spans = case["spans"].as_array().unwrap_or(&no_spans);
        let gold: Vec<(usize, usize)> = spans
            .iter()
            .map(|span| (place(span, "start_position"), place(span, "end_position")))
            .collect();
        for (span, (start, end)) in spans.iter().zip(&gold) {
            let covered = (*start..*end).all(|at| found.iter().any(|found| found.start <= at && at < found.end));
            let kind = span["entity_type"].as_str().unwrap_or_default().to_owned();
            let (hits, count) = recall.entry(kind).or_default();
            *hits += usize::from(covered);
            *count += 1;
        }
        all += found.len();
        right += found
            .iter()
            .filter(|found| gold.iter().any(|(start, end)| found.start < *end && *start < found.end))
            .count();
    }
    let mut figures: Vec<Figure> = recall
        .iter()
        .filter(|(kind, _)| {
            WITH_TARGET.contains(&kind.as_str()) || ["PERSON", "STREET_ADDRESS", "US_SSN"].contains(&kind.as_str())
        })
        .map(|(kind, (hits, count))| Figure {
            name: format!("recall of {kind}, {file}"),
            value: *hits as f64 / *count as f64,
            target: WITH_TARGET.contains(&kind.as_str()).then_some(0.98),
            note: format!("{count} spans"),
        })
        .collect();
    figures.push(Figure {
        name: format!("precision of all types, {file}"),
        value: if all == 0 { f64::NAN } else { right as f64 / all as f64 },
        target: None,
        note: format!("{all} spans found"),
    });
    figures
}
