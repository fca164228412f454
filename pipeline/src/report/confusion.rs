//! What is taken for what: the most frequent pairs as a table, and a heat map of the labels most involved.

use std::collections::HashMap;

use deskmill_models::metrics::{Confusion, Evaluation};
use maud::{Markup, html};

use super::numbers::{NONE, count, percent};
use super::{boxed, foreign, nothing};

const PAIRS_MAX: usize = 20;
const MAP_LABELS_MAX: usize = 20;

/// Shades of the heat map, from one row to the largest cell.
const SHADES: u64 = 5;

/// The table of pairs, then the heat map.
pub(super) fn section(evaluation: &Evaluation) -> Markup {
    if evaluation.confusions.is_empty() {
        return nothing("No label was taken for another.");
    }
    let mut pairs: Vec<&Confusion> = evaluation.confusions.iter().collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.rows));
    html! {
        (map(evaluation, &pairs))
        h3 { "Most frequent pairs" }
        (boxed("Most frequent confusions", PAIRS_MAX.min(pairs.len()), &pairs_table(evaluation, &pairs)))
    }
}

fn pairs_table(evaluation: &Evaluation, pairs: &[&Confusion]) -> Markup {
    let rows: HashMap<&str, u64> = evaluation
        .labels
        .iter()
        .map(|label| (label.label.as_str(), label.rows))
        .collect();
    let share = |pair: &Confusion| {
        let of = rows.get(pair.actual.as_str()).filter(|rows| **rows > 0);
        of.map_or_else(|| NONE.into(), |of| percent(pair.rows as f64 / *of as f64))
    };
    html! {
        table {
            thead { tr {
                th scope="col" { "Label of the row" }
                th scope="col" { "Answered" }
                th.number scope="col" { "Rows" }
                th.number scope="col" { "Share" }
            } }
            tbody {
                @for pair in pairs.iter().take(PAIRS_MAX) {
                    tr {
                        th scope="row" { (foreign(&pair.actual)) }
                        td.label { (foreign(&pair.predicted)) }
                        td.number { (count(pair.rows)) }
                        td.number { (share(pair)) }
                    }
                }
            }
        }
    }
}

/// A table rather than a drawing: it can be read out, searched and copied as it is.
fn map(evaluation: &Evaluation, pairs: &[&Confusion]) -> Markup {
    let labels = most_confused(pairs);
    let counts: HashMap<(&str, &str), u64> = pairs.iter().map(|p| ((&*p.actual, &*p.predicted), p.rows)).collect();
    let right: HashMap<&str, u64> = evaluation
        .labels
        .iter()
        .map(|label| {
            (
                label.label.as_str(),
                (label.rows as f64 * label.recall.unwrap_or(0.0)).round() as u64,
            )
        })
        .collect();
    let cell = |actual: &str, predicted: &str| counts.get(&(actual, predicted)).copied().unwrap_or(0);
    let largest = labels
        .iter()
        .flat_map(|a| labels.iter().map(|p| cell(a, p)))
        .max()
        .unwrap_or(0);
    let table = html! {
        table.map {
            thead { tr {
                th scope="col" { "Label of the row" }
                @for (at, label) in labels.iter().enumerate() {
                    th.number scope="col" title=(label) aria-label={ "answered " (label) } { (at + 1) }
                }
            } }
            tbody {
                @for (at, actual) in labels.iter().enumerate() {
                    tr {
                        th scope="row" title=(actual) { span.place { (at + 1) } span.name { (foreign(actual)) } }
                        @for predicted in &labels {
                            @if actual == predicted {
                                td.right title={ (actual) ": right" } { (right.get(actual).copied().map_or_else(String::new, count)) }
                            } @else {
                                (shaded(cell(actual, predicted), largest, actual, predicted))
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        p.how {
            "Each line is a label that rows have, each column the label they were given, by the line's number; the darker a cell, "
            "the more rows went wrong that way. Pale numbers on the diagonal are right answers. "
            "An empty cell is not among the " (count(pairs.len() as u64)) " most frequent pairs."
        }
        (boxed("Heat map of confusions", 0, &table))
        (legend(largest))
    }
}

fn shaded(rows: u64, largest: u64, actual: &str, predicted: &str) -> Markup {
    html! {
        @if rows == 0 {
            td {}
        } @else {
            td class={ "shade" (shade(rows, largest)) } title={ (actual) " answered as " (predicted) ": " (count(rows)) } { (count(rows)) }
        }
    }
}

fn legend(largest: u64) -> Markup {
    html! {
        p.legend {
            span.quiet { "Rows: " }
            @for (level, from, to) in bounds(largest) {
                span class={ "swatch shade" (level) } {}
                @if from == to { (count(from)) } @else { (count(from)) " to " (count(to)) }
                " "
            }
        }
    }
}

/// The shade of a count, 1 to [`SHADES`]. By square root, since a few pairs have most of the rows.
fn shade(rows: u64, largest: u64) -> u64 {
    let share = rows as f64 / largest.max(1) as f64;
    ((share.sqrt() * SHADES as f64).ceil() as u64).clamp(1, SHADES)
}

/// Shade, least and most rows of it; shades that no count has are left out.
fn bounds(largest: u64) -> Vec<(u64, u64, u64)> {
    let mut out = Vec::new();
    let mut from = 1;
    for level in 1..=SHADES {
        let share = level as f64 / SHADES as f64;
        // The estimate may be one off where the root is not exact; `shade` is the judge.
        let estimate = (share * share * largest as f64) as u64;
        let to = (estimate.saturating_sub(1)..=estimate.saturating_add(1))
            .rev()
            .find(|&rows| rows > 0 && rows <= largest && shade(rows, largest) <= level);
        if let Some(to) = to.filter(|&to| to >= from) {
            out.push((level, from, to));
            from = to + 1;
        }
    }
    out
}

/// The labels with most wrong rows, as actual or answered, in an order that puts pairs side by side: after each label
/// comes the one it is most mixed up with.
fn most_confused<'a>(pairs: &[&'a Confusion]) -> Vec<&'a str> {
    let mut involved = HashMap::<&str, u64>::new();
    let mut between = HashMap::<(&str, &str), u64>::new();
    for pair in pairs {
        let (actual, predicted) = (pair.actual.as_str(), pair.predicted.as_str());
        *involved.entry(actual).or_default() += pair.rows;
        *involved.entry(predicted).or_default() += pair.rows;
        *between.entry((actual, predicted)).or_default() += pair.rows;
        *between.entry((predicted, actual)).or_default() += pair.rows;
    }
    let mut left: Vec<(&str, u64)> = involved.into_iter().collect();
    // The name decides between equals, so that the page is the same for the same numbers.
    left.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    left.truncate(MAP_LABELS_MAX);
    let mut out: Vec<&str> = Vec::new();
    while !left.is_empty() {
        let mixed_with = |label: &str| {
            out.last()
                .map_or(0, |last| between.get(&(*last, label)).copied().unwrap_or(0))
        };
        // The first of the best, because equals stand in order of their totals.
        let mut next = (0, 0);
        for (at, (label, _)) in left.iter().enumerate() {
            let rows = mixed_with(label);
            if rows > next.1 {
                next = (at, rows);
            }
        }
        out.push(left.remove(next.0).0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(actual: &str, predicted: &str, rows: u64) -> Confusion {
        Confusion {
            actual: actual.into(),
            predicted: predicted.into(),
            rows,
        }
    }

    #[test]
    fn confused_labels_stand_side_by_side() {
        let pairs = [pair("a", "d", 9), pair("b", "c", 8), pair("c", "b", 5)];
        assert_eq!(most_confused(&pairs.iter().collect::<Vec<_>>()), ["b", "c", "a", "d"]);
    }

    #[test]
    fn legend_and_cells_agree() {
        for largest in 1..200 {
            let bounds = bounds(largest);
            assert_eq!(
                bounds.iter().map(|(_, from, to)| to - from + 1).sum::<u64>(),
                largest,
                "{largest}: {bounds:?}"
            );
            for (level, from, to) in bounds {
                assert!(
                    (from..=to).all(|rows| shade(rows, largest) == level),
                    "{largest} {level}"
                );
            }
        }
    }
}
