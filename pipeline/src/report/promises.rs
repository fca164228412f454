//! What the model promises: what the fit proved, and how it fared on the rows of this report.

use deskmill_models::metrics::{AnswerPromise, Evaluation, MissPromise, share_interval};
use maud::{Markup, html};

use super::numbers::{NONE, count, interval, optional, percent, score};
use super::{boxed, foreign};

/// The promises of a model; nothing for one that makes none.
pub(super) fn section(evaluation: &Evaluation) -> Option<Markup> {
    let report = evaluation.promises.as_ref()?;
    Some(html! {
        p.how {
            "Thresholds are proved on rows the model has not learned, with the stated confidence. The last columns show the "
            "rows of this report: few of them say little, so a share near the promise is no breach."
        }
        @if !report.answers.is_empty() { (boxed("Promises on accepted answers", report.answers.len(), &answers(&report.answers))) }
        @if !report.misses.is_empty() { (boxed("Promises on missed rows", report.misses.len(), &misses(&report.misses))) }
    })
}

fn answers(promises: &[AnswerPromise]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Answers with" }
                th.number scope="col" { "Promised right" }
                th.number scope="col" { "Accepted from" }
                th.number scope="col" { "Proved" }
                th.number scope="col" { "Accepted here" }
                th scope="col" { "Right here, 95% interval" }
            } }
            tbody { @for one in promises { (answer_row(one)) } }
        }
    }
}

fn answer_row(one: &AnswerPromise) -> Markup {
    let proved = one.threshold.score.map(|_| one.threshold.bound);
    html! {
        tr {
            th scope="row" {
                @match &one.label { Some(label) => (foreign(label)), None => "all other labels" }
                @if proved.is_none() {
                    span.quiet.below {
                        "not proved, so none is accepted"
                        @if let Some(needed) = one.threshold.rows_needed { "; about " (count(needed)) " held-back rows are needed" }
                    }
                }
            }
            td.number { (percent(one.promised)) span.quiet.below { "confidence " (percent(one.confidence)) } }
            td.number { (optional(one.threshold.score)) }
            td.number { (proved.map_or_else(|| NONE.into(), percent)) }
            td.number { (count(one.accepted)) " of " (count(one.rows)) }
            td.range {
                @if one.accepted > 0 {
                    (score(one.right as f64 / one.accepted as f64))
                    span.quiet.below { (interval(share_interval(one.right as f64, one.accepted as f64))) }
                } @else { (NONE) }
            }
        }
    }
}

fn misses(promises: &[MissPromise]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Flag" }
                th.number scope="col" { "Promised missed at most" }
                th.number scope="col" { "Flagged from" }
                th.number scope="col" { "Proved" }
                th.number scope="col" { "Missed here" }
                th.number scope="col" { "Of all rows flagged" }
            } }
            tbody { @for one in promises { (miss_row(one)) } }
        }
    }
}

fn miss_row(one: &MissPromise) -> Markup {
    let proof = &one.threshold;
    html! {
        tr {
            th scope="row" {
                (foreign(&one.label))
                @if !proof.possible() {
                    span.quiet.below {
                        "not proved, so every row is flagged: " (count(proof.rows)) " held-back rows of the label, "
                        (count(proof.rows_needed)) " are needed"
                    }
                }
            }
            td.number { (percent(proof.promised)) span.quiet.below { "confidence " (percent(proof.confidence)) } }
            td.number { (score(proof.score)) }
            td.number { (percent(proof.bound)) }
            td.number { (count(one.missed)) " of " (count(one.rows)) }
            td.number { (percent(one.flagged)) }
        }
    }
}
