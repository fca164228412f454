//! The most confident mistakes with their texts, for somebody who looks for wrong labels and missing examples.

use deskmill_models::metrics::{Evaluation, Mistake};
use maud::{Markup, html};
use serde_json::Value;

use super::numbers::{count, score};
use super::{foreign, nothing};

/// The page shows this many; all are in report.json.
const SHOWN_MAX: usize = 50;

/// Longer texts are folded away behind their beginning.
const TEXT_SHOWN_MAX_CHARS: usize = 400;

/// A folded text's beginning.
const TEXT_BEGINNING_CHARS: usize = 160;

/// The list, most confident first as the evaluation gives it.
pub(super) fn section(evaluation: &Evaluation) -> Markup {
    if evaluation.worst.is_empty() {
        return nothing("No answer was wrong, or no row was scored.");
    }
    let hidden = evaluation.worst.len().saturating_sub(SHOWN_MAX);
    html! {
        p.how {
            "Here the model was sure and wrong. Read the texts: often the label of the row is what is wrong. "
            "Personal data is masked."
        }
        ol.mistakes { @for mistake in evaluation.worst.iter().take(SHOWN_MAX) { (entry(mistake)) } }
        @if hidden > 0 { p.quiet { (count(hidden as u64)) " more are in report.json." } }
    }
}

fn entry(mistake: &Mistake) -> Markup {
    html! {
        li {
            (input(&mistake.input))
            p.labels {
                span { span.quiet { "is " } strong { (foreign(&mistake.actual)) } }
                " "
                span { span.quiet { "answered " } strong { (foreign(&mistake.predicted)) } }
                " "
                span { span.quiet { "with probability " } span.number { (score(mistake.score)) } }
            }
        }
    }
}

/// One text needs no name; several inputs are shown each with its own.
fn input(input: &Value) -> Markup {
    match input {
        Value::Object(fields) if fields.len() == 1 => html! { @for value in fields.values() { (text(value)) } },
        Value::Object(fields) => html! {
            dl.inputs { @for (name, value) in fields { dt { (foreign(name)) } dd { (text(value)) } } }
        },
        other => text(other),
    }
}

fn text(value: &Value) -> Markup {
    let whole = match value {
        Value::String(text) => text.clone(),
        Value::Null => "(null)".into(),
        other => other.to_string(),
    };
    if whole.trim().is_empty() {
        return html! { p.text.quiet { "(empty)" } };
    }
    if whole.chars().nth(TEXT_SHOWN_MAX_CHARS).is_none() {
        return html! { p.text dir="auto" { (foreign(&whole)) } };
    }
    let beginning: String = whole.chars().take(TEXT_BEGINNING_CHARS).collect();
    html! {
        details.text {
            summary dir="auto" { (foreign(&beginning)) "…" }
            p dir="auto" { (foreign(&whole)) }
        }
    }
}
