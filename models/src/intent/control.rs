//! The negative control: ratings that were drawn at random cannot be told from the texts they stand beside. Any skill on
//! them is a bug: a leak from the test rows, or a measure that flatters.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Intent;
use crate::kind::{Examples, FitContext, Kind};
use crate::metrics::share_interval;
use crate::real_data;

#[test]
fn random_ratings_stay_at_chance() {
    let columns = ["Ticket Description", "Customer Satisfaction Rating"];
    let Some(mut rows) = real_data::csv("support_tickets_kaggle/customer_support_tickets.csv", columns) else {
        return;
    };
    // The same text on both sides would not be skill, but its rating is random all the same.
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert(crate::text::prepare(&row[0])));
    let cut = |from: usize, to: usize| -> Vec<[String; 2]> {
        let parts = rows
            .iter()
            .enumerate()
            .filter(|(at, _)| (from..to).contains(&(at % 10)));
        parts.map(|(_, row)| row.clone()).collect()
    };
    let (train, calibrate, test) = (cut(0, 5), cut(5, 6), cut(6, 10));
    let mut counts = BTreeMap::<&str, usize>::new();
    test.iter().for_each(|row| *counts.entry(&row[1]).or_default() += 1);
    let chance = *counts.values().max().unwrap() as f64 / test.len() as f64;
    let [train, calibrate, test] = [train, calibrate, test].map(|part| real_data::examples(&part));
    let examples = Examples {
        model: "rating",
        train: &train,
        calibrate: &calibrate,
    };
    let recipe = Intent.check_recipe(&json!({})).unwrap();
    let context = FitContext {
        seed: 7,
        threads: 2,
        memory_max_bytes: 1 << 30,
        progress: &|_, _| (),
        encoder: None,
    };
    let fitted = Intent.fit(&examples, &recipe, &context).unwrap();
    let evaluation = Intent.evaluate(fitted.model.as_ref(), &test).unwrap();
    let accuracy = evaluation.metric("accuracy").unwrap();
    let rows = evaluation.rows as f64;
    let interval = share_interval(accuracy * rows, rows);
    eprintln!(
        "random ratings: accuracy {accuracy:.4} ({:.4} to {:.4}) on {rows} rows, most frequent {chance:.4}, noise {:?}",
        interval.0, interval.1, fitted.findings.noise
    );
    // Of five ratings drawn alike, a fifth is guessed right; the most frequent one is a little above.
    assert!(
        interval.0 <= chance && accuracy >= 0.2 - (chance - 0.2) - 0.05,
        "{accuracy} {chance}"
    );
}
