//! The rows somebody should look at: labels that look wrong, labels that are mixed up, and doubles.

use deskmill_models::findings::{
    Advice, ConfusablePair, Contradiction, Cut, Duplicates, Findings, LabelError, LabelledRow, RowRef,
};
use maud::{Markup, html};

use super::numbers::{count, percent, score};
use super::{Report, foreign, nothing};

/// The section. Empty findings are said to be empty.
pub(super) fn section(report: &Report<'_>) -> Markup {
    let findings = &report.evaluation.findings;
    html! {
        p.how {
            "Rows of the examples, with personal data masked. A place counts from 0 within the part; where the examples query "
            "selects " code { "_row" } ", " code { "deskmill lineage TABLE --row N" } " leads from the row's number to its file and line."
        }
        h3 { "Labels that look wrong" }
        (label_errors(findings))
        h3 { "Labels that are mixed up" }
        (pairs(findings))
        @if let Some(duplicates) = &findings.duplicates {
            h3 { "The same text, other labels" }
            (contradictions(duplicates))
            h3 { "The same text on both sides of the cut" }
            (across(duplicates))
        }
    }
}

fn label_errors(findings: &Findings) -> Markup {
    if findings.judged == 0 {
        return nothing("No row was judged.");
    }
    let hidden = findings.suspects.saturating_sub(findings.label_errors.len() as u64);
    html! {
        p {
            (count(findings.suspects)) " of " (count(findings.judged)) " labels look wrong to a model that had not learned the row"
            @if let Some(noise) = findings.noise { "; about " (percent(noise)) " of all labels are estimated to be wrong" }
            ". Hard rows are among them: read before you change a label."
            @if findings.not_judged > 0 {
                " " (count(findings.not_judged)) " rows were not judged: they were too many, or have a label with too few rows."
            }
        }
        @if !findings.label_errors.is_empty() {
            ol.mistakes { @for error in &findings.label_errors { (label_error(error)) } }
        }
        @if hidden > 0 { p.quiet { (count(hidden)) " more are less clear and not listed." } }
    }
}

fn label_error(error: &LabelError) -> Markup {
    html! {
        li {
            (text(&error.row))
            p.labels {
                span { span.quiet { "has " } strong { (foreign(&error.given)) } " " span.number { (score(error.given_probability)) } }
                " "
                span { span.quiet { "looks like " } strong { (foreign(&error.suggested)) } " " span.number { (score(error.suggested_probability)) } }
                " "
                (place(&error.row))
            }
        }
    }
}

fn text(row: &RowRef) -> Markup {
    if row.text.trim().is_empty() {
        return html! { p.text.quiet { "(empty)" } };
    }
    html! { p.text dir="auto" { (foreign(&row.text)) } }
}

fn place(row: &RowRef) -> Markup {
    html! {
        span.quiet {
            (row.part) " " (count(row.place))
            @if let Some(number) = row.row { ", row " (number) }
        }
    }
}

fn pairs(findings: &Findings) -> Markup {
    if findings.confusable.is_empty() {
        return nothing("No two labels are taken for each other often.");
    }
    html! {
        p.how { "Both directions together, each row answered by a model that had not learned it." }
        ol.mistakes { @for pair in &findings.confusable { (confusable(pair)) } }
    }
}

fn confusable(pair: &ConfusablePair) -> Markup {
    let [first, second] = &pair.labels;
    html! {
        li {
            p.labels {
                span { strong { (foreign(first)) } span.quiet { " and " } strong { (foreign(second)) } }
                span.number { (percent(pair.share)) " of their rows" }
                span.quiet {
                    (count(pair.mixed[0])) " of " (count(pair.rows[0])) ", and " (count(pair.mixed[1])) " of " (count(pair.rows[1]))
                }
            }
            p { (advice(pair.advice)) }
            details {
                summary { "Rows" }
                ol.mistakes { @for example in &pair.examples { (label_error(example)) } }
            }
        }
    }
}

fn advice(advice: Advice) -> &'static str {
    match advice {
        Advice::Merge => {
            "Make one label of them, unless they are handled differently; then write down where one ends and the other begins."
        }
        Advice::Clarify => "Write down where one ends and the other begins, and add clear examples of both.",
    }
}

fn contradictions(duplicates: &Duplicates) -> Markup {
    if duplicates.contradictory.is_empty() {
        return nothing("Rows with the same text, or nearly the same, have the same label.");
    }
    let hidden = duplicates
        .contradictions
        .saturating_sub(duplicates.contradictory.len() as u64);
    html! {
        p {
            (count(duplicates.contradictions)) " groups of rows say the same, or nearly, and have different labels; "
            (count(duplicates.contradicting)) " rows do not have the most frequent label of their group."
        }
        ol.mistakes { @for group in &duplicates.contradictory { (contradiction(group)) } }
        @if hidden > 0 { p.quiet { (count(hidden)) " more groups are not listed." } }
    }
}

fn contradiction(group: &Contradiction) -> Markup {
    html! {
        li {
            @for (at, row) in group.rows.iter().enumerate() {
                @if at == 0 || !group.is_same_text { (text(&row.row)) }
                p.labels {
                    strong { (foreign(&row.label)) }
                    @if let Some((_, rows)) = group.labels.get(at) { span.number { (count(*rows)) @if *rows == 1 { " row" } @else { " rows" } } }
                    (place(&row.row))
                }
            }
        }
    }
}

fn across(duplicates: &Duplicates) -> Markup {
    let why = match duplicates.cut {
        Cut::Together => "Rows of one entity, with the same text or with near-duplicates were kept on one side.",
        Cut::ByTime => {
            "Rows with the same text were kept on one side. The cut is by time, so near-duplicates stand where their time puts them."
        }
        Cut::Given => "The column split of the examples query says where a row is; what is the same is not kept apart.",
    };
    html! {
        p.how {
            (why) " Near-duplicates share " (percent(duplicates.threshold)) " of their wording, or differ in case, signs and numbers only. "
            (count(duplicates.grouped)) " rows of " (count(duplicates.texts)) " different texts have such company, in "
            (count(duplicates.groups)) " groups of at most " (count(duplicates.largest)) " rows."
            @if duplicates.left_apart > 0 {
                " " (count(duplicates.left_apart)) " texts were left apart, as their group would have become too large."
            }
            @if duplicates.not_compared > 0 {
                " The wording of " (count(duplicates.not_compared)) " texts was not compared, for want of memory (limits.memory_max_mib)."
            }
        }
        @if duplicates.across_same + duplicates.across_near == 0 {
            (nothing("No test row has its like among the rows learned from."))
        } @else {
            p {
                @if duplicates.across_same > 0 {
                    strong { (count(duplicates.across_same)) " test rows have their very text among the rows learned from: the figures of this report flatter. " }
                }
                @if duplicates.across_near > 0 {
                    (count(duplicates.across_near)) " test rows have a near-duplicate there."
                }
            }
            ol.mistakes { @for pair in &duplicates.across { li { (side(&pair[0])) (side(&pair[1])) } } }
        }
    }
}

fn side(row: &LabelledRow) -> Markup {
    html! {
        (text(&row.row))
        p.labels { strong { (foreign(&row.label)) } (place(&row.row)) }
    }
}
