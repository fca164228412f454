//! The tables with small plots in their cells: metrics, labels, slices.

use deskmill_models::metrics::{Evaluation, LabelScores, Metric, Slice};
use maud::{Markup, html};

use super::numbers::{count, interval, optional, score};
use super::{boxed, foreign, nothing, plots};

/// What the field's terms mean, for readers who do not meet them every day.
const TERMS: [(&str, &str, &str); 10] = [
    ("accuracy", "Accuracy", "share of rows answered right"),
    (
        "top_3_accuracy",
        "Top 3 accuracy",
        "share of rows whose label is among the three surest answers",
    ),
    (
        "macro_f1",
        "Macro F1",
        "mean F1 of the labels, rare ones counted like frequent ones",
    ),
    ("log_loss", "Log loss", "surprise at the right label, in nats a row"),
    (
        "expected_calibration_error",
        "Expected calibration error",
        "mean gap between stated probability and share right",
    ),
    (
        "auroc",
        "AUROC",
        "chance that a positive row scores above a negative one",
    ),
    ("coverage", "Coverage", "share of rows whose answer is accepted"),
    (
        "accepted_precision",
        "Accepted precision",
        "share of the accepted answers that are right",
    ),
    ("precision", "Precision", "share of the answers that are right"),
    ("recall", "Recall", "share of the rows that are found"),
];

/// At least this many rows, before a label is named as weak in the text: below it, one row more changes too much.
const WEAK_ROWS_MIN: u64 = 5;

/// A metric by its name.
pub(super) fn find<'a>(evaluation: &'a Evaluation, name: &str) -> Option<&'a Metric> {
    evaluation.metrics.iter().find(|metric| metric.name == name)
}

/// A metric's name for readers.
pub(super) fn title(name: &str) -> String {
    let known = TERMS.iter().find(|term| term.0 == name);
    known.map_or_else(|| name.replace('_', " "), |term| term.1.to_owned())
}

/// All metrics with their intervals, and what the kind says besides.
pub(super) fn metrics(evaluation: &Evaluation) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Metric" }
                th scope="col" { "Value, 95% interval" }
                th scope="col" { "From 0 to 1" }
            } }
            tbody {
                @for metric in &evaluation.metrics {
                    (metric_row(metric, evaluation.main_metric == metric.name))
                }
            }
        }
    };
    html! {
        @if evaluation.metrics.is_empty() {
            (nothing("No metric was measured."))
        } @else {
            p.how { "The dot is the value, the band behind it the 95% interval; a narrow band means that many rows stand behind it." }
            (boxed("Metrics", evaluation.metrics.len(), &table))
        }
        @if !evaluation.notes.is_empty() {
            dl.notes { @for (name, text) in &evaluation.notes { dt { (foreign(name)) } dd { (foreign(text)) } } }
        }
    }
}

fn metric_row(metric: &Metric, main: bool) -> Markup {
    let explained = TERMS.iter().find(|term| term.0 == metric.name).map(|term| term.2);
    let aim = if metric.larger_is_better {
        "larger is better"
    } else {
        "smaller is better"
    };
    let is_share = (0.0..=1.0).contains(&metric.value);
    html! {
        tr.main[main] {
            th scope="row" {
                (foreign(&title(&metric.name)))
                span.quiet.below { @if let Some(text) = explained { (text) "; " } (aim) }
            }
            td.range {
                (score(metric.value))
                @if let Some(range) = metric.interval { span.quiet.below { (interval(range)) } }
            }
            td.drawn { @if is_share { (plots::interval_bar(metric.value, metric.interval, None, (0.0, 1.0))) } }
        }
    }
}

/// Every label, most rows first.
pub(super) fn labels(evaluation: &Evaluation) -> Markup {
    if evaluation.labels.is_empty() {
        return nothing("No row was scored, so there is no label to judge.");
    }
    let mut labels: Vec<&LabelScores> = evaluation.labels.iter().collect();
    labels.sort_by_key(|label| std::cmp::Reverse(label.rows));
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Label" }
                th.number scope="col" { "Rows" }
                th scope="col" { "Recall" }
                th scope="col" { "Precision" }
                th.number scope="col" { "F1" }
            } }
            tbody {
                @for label in &labels {
                    tr {
                        th scope="row" { (foreign(&label.label)) }
                        td.number { (count(label.rows)) }
                        td.measured { div { (optional(label.recall)) (plots::bar(label.recall)) } }
                        td.measured { div { (optional(label.precision)) (plots::bar(label.precision)) } }
                        td.number { (score(label.f1)) }
                    }
                }
            }
        }
    };
    html! {
        p.how {
            "Recall is the share of a label's rows that were found; precision is the share of its answers that are right. "
            "The longer the bar, the better."
        }
        (weakest(&labels))
        (boxed("Labels", labels.len(), &table))
    }
}

fn weakest(labels: &[&LabelScores]) -> Markup {
    let mut weak: Vec<&&LabelScores> = labels.iter().filter(|label| label.rows >= WEAK_ROWS_MIN).collect();
    weak.sort_by(|a, b| a.f1.total_cmp(&b.f1));
    weak.truncate(3);
    html! {
        @if labels.len() > 3 && !weak.is_empty() {
            p {
                "Weakest by F1: "
                @for (at, label) in weak.iter().enumerate() {
                    @if at > 0 { ", " }
                    (foreign(&label.label)) " (" (score(label.f1)) ")"
                }
                "."
            }
        }
    }
}

/// The main metric over parts of the rows.
pub(super) fn slices(evaluation: &Evaluation) -> Markup {
    if evaluation.slices.is_empty() {
        return nothing("The examples have no columns to slice by.");
    }
    let span = plots::span(
        evaluation
            .slices
            .iter()
            .flat_map(|slice| [slice.score, slice.interval.0, slice.interval.1]),
    );
    let whole = evaluation.metric(&evaluation.main_metric);
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Slice" }
                th.number scope="col" { "Rows" }
                th.number scope="col" { (foreign(&title(&evaluation.main_metric))) }
                th.ends scope="col" { span { (score(span.0)) } span { (score(span.1)) } }
                th scope="col" { "95% interval" }
            } }
            @for part in evaluation.slices.chunk_by(|a, b| a.column == b.column) {
                tbody {
                    tr.group { th scope="rowgroup" colspan="5" { (foreign(&part[0].column)) } }
                    @for slice in part { (slice_row(slice, whole, span)) }
                }
            }
        }
    };
    html! {
        p.how {
            "Each dot is one part of the rows, its band the 95% interval; the ring is the model as a whole. "
            "A band that does not reach the ring marks a part that fares otherwise, though about one in twenty does so by chance."
        }
        (boxed("Slices", evaluation.slices.len(), &table))
    }
}

fn slice_row(slice: &Slice, whole: Option<f64>, span: (f64, f64)) -> Markup {
    let apart = whole.and_then(|whole| {
        if slice.interval.1 < whole {
            Some("below the whole")
        } else if slice.interval.0 > whole {
            Some("above the whole")
        } else {
            None
        }
    });
    html! {
        tr {
            th scope="row" { (foreign(&slice.value)) }
            td.number { (count(slice.rows)) }
            td.number { (score(slice.score)) }
            td.drawn { (plots::interval_bar(slice.score, Some(slice.interval), whole, span)) }
            td.range { (interval(slice.interval)) @if let Some(apart) = apart { span.quiet.below { (apart) } } }
        }
    }
}
