//! The top of the page: which model, the one number that counts, and how sure it is.

use deskmill_models::metrics::Metric;
use maud::{Markup, html};

use super::numbers::{bytes, count, interval, percent, score};
use super::{Report, foreign, nothing, plots, tables};

/// Name and kind. No run and no time: the same model has the same page, to the byte.
pub(super) fn header(report: &Report<'_>) -> Markup {
    html! {
        header {
            p.kind { "Report · " (foreign(report.kind)) " model" }
            h1 { (foreign(report.model)) }
        }
    }
}

/// The main metric, big, and the facts around it.
pub(super) fn section(report: &Report<'_>) -> Markup {
    let evaluation = report.evaluation;
    let main = tables::find(evaluation, &evaluation.main_metric);
    html! {
        section.headline aria-label="Headline" {
            @match main {
                Some(metric) => (main_number(report, metric)),
                None => (nothing("The main metric was not measured.")),
            }
            (facts(report))
        }
    }
}

fn main_number(report: &Report<'_>, metric: &Metric) -> Markup {
    let ends = metric.interval.unwrap_or((metric.value, metric.value));
    let span = plots::span([metric.value, ends.0, ends.1].into_iter());
    html! {
        div {
            p.main-name { (foreign(&tables::title(&metric.name))) " on " (count(report.evaluation.rows)) " held-back rows" }
            p.main-value { (score(metric.value)) }
            @if let Some(range) = metric.interval {
                p.quiet { "95% interval " (interval(range)) }
            }
            div.scale {
                (plots::interval_bar(metric.value, metric.interval, None, span))
                div.ends aria-hidden="true" { span { (score(span.0)) } span { (score(span.1)) } }
            }
        }
    }
}

fn facts(report: &Report<'_>) -> Markup {
    let rows = report.rows;
    let total = rows.train.saturating_add(rows.calibrate).saturating_add(rows.test);
    let part = |part: u64| {
        if total == 0 {
            String::new()
        } else {
            percent(part as f64 / total as f64)
        }
    };
    html! {
        dl.facts {
            @for (name, value, of_all) in [
                ("Rows to learn", count(rows.train), part(rows.train)),
                ("Rows to calibrate", count(rows.calibrate), part(rows.calibrate)),
                ("Rows to measure", count(rows.test), part(rows.test)),
                ("Labels", count(report.evaluation.labels.len() as u64), String::new()),
                ("Size of the model", bytes(report.artifact_bytes), String::new()),
            ] {
                div { dt { (name) } dd { (value) " " span.quiet { (of_all) } } }
            }
        }
    }
}
