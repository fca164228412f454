//! `repair_mojibake` on the test cases of ftfy: what is right stays, what is broken is repaired.

use std::path::Path;

use deskmill_models::text::repair_mojibake;
use serde_json::Value;

use crate::Figure;

/// Shares of the two sets of cases.
pub fn measure(data: &Path) -> Vec<Figure> {
    let cases = |file: &str| -> Vec<(String, String)> {
        let text = std::fs::read(data.join("ftfy_mojibake/test-cases").join(file)).unwrap_or_default();
        let cases: Vec<Value> = serde_json::from_slice(&text).unwrap_or_default();
        let text = |case: &Value, key: &str| case[key].as_str().unwrap_or_default().to_owned();
        cases
            .iter()
            .map(|case| (text(case, "original"), text(case, "fixed")))
            .collect()
    };
    let share = |cases: &[(String, String)], right: &dyn Fn(&(String, String)) -> bool| {
        cases.iter().filter(|case| right(case)).count() as f64 / cases.len() as f64
    };
    let (negative, wild) = (cases("negative.json"), cases("in-the-wild.json"));
    vec![
        Figure {
            name: "negative set unchanged".to_owned(),
            value: share(&negative, &|(original, expected)| {
                repair_mojibake(original) == *expected
            }),
            target: Some(1.0),
            note: format!(
                "{} texts; one holds a C1 control that is meant as an ellipsis",
                negative.len()
            ),
        },
        Figure {
            name: "broken texts repaired".to_owned(),
            value: share(&wild, &|(original, fixed)| repair_mojibake(original) == *fixed),
            target: None,
            note: format!("{} texts of in-the-wild.json", wild.len()),
        },
    ]
}
