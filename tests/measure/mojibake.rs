//! `repair_mojibake` on the test cases of ftfy: what is right stays, what is broken is repaired.

use std::path::Path;

use deskmill_models::text::repair_mojibake;
use serde_json::Value;

use crate::Figure;

/// Shares of the two sets of cases.
pub fn measure(data: &Path) -> Vec<Figure> {
    let folder = data.join("ftfy_mojibake/test-cases");
    [
        ("negative.json", "negative set right", Some(1.0)),
        ("in-the-wild.json", "broken texts repaired", None),
    ]
    .map(|(file, name, target)| {
        let text = std::fs::read(folder.join(file)).unwrap_or_default();
        let cases: Vec<Value> = serde_json::from_slice(&text).unwrap_or_default();
        let right = cases.iter().filter(|case| is_right(case)).count();
        Figure {
            name: name.to_owned(),
            value: right as f64 / cases.len() as f64,
            target,
            note: format!("{right} of {} texts", cases.len()),
        }
    })
    .into()
}

/// Whether a case comes out as ftfy says. Where it tells apart what repairing the encoding alone gives, that counts: the
/// rest of `fixed` is about quotes and widths.
fn is_right(case: &Value) -> bool {
    let expected = case["fixed-encoding"].as_str().or(case["fixed"].as_str());
    case["original"].as_str().map(repair_mojibake).as_deref() == expected
}
