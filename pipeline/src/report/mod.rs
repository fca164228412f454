//! The report page of a run: one HTML file that needs nothing else, neither script nor font nor network.
//! It shows an [`Evaluation`] and where the model comes from. It measures nothing itself.

mod beside;
mod confusion;
mod findings;
mod headline;
mod mistakes;
pub(crate) mod numbers;
mod origin;
pub(crate) mod plots;
mod promises;
mod tables;
#[cfg(test)]
mod tests;

use deskmill_models::metrics::Evaluation;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded and no script may run, whatever a customer's text contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Longer tables get a scrollable box on screens; on paper they are whole.
const ROWS_BEFORE_SCROLL: usize = 30;

/// Everything the page shows.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The model's name.
    pub model: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// What was measured.
    pub evaluation: &'a Evaluation,
    /// The checked hyper-parameters.
    pub recipe: &'a serde_json::Value,
    /// How many rows each part of the examples has.
    pub rows: ReportRows,
    /// The tables the examples came from: name, rows, digest.
    pub lineage: &'a [(String, u64, String)],
    /// Size of the fitted model on disk, in bytes.
    pub artifact_bytes: u64,
}

/// Rows of the three parts of the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRows {
    /// Learned from.
    pub train: u64,
    /// Held back to calibrate probabilities.
    pub calibrate: u64,
    /// Held back to measure.
    pub test: u64,
}

/// The whole page. Any text of a project or a customer in it is escaped.
pub fn page(report: &Report<'_>) -> String {
    let evaluation = report.evaluation;
    let mut sections = vec![
        ("metrics", "Metrics", tables::metrics(evaluation)),
        ("reliability", "Reliability", plots::reliability(evaluation)),
        ("coverage", "Precision by coverage", plots::coverage(evaluation)),
        ("labels", "Labels", tables::labels(evaluation)),
        ("confusion", "Confusion", confusion::section(evaluation)),
        ("slices", "Slices", tables::slices(evaluation)),
        ("mistakes", "Worst errors", mistakes::section(evaluation)),
        ("findings", "Examples to look at", findings::section(report)),
        ("recipe", "Recipe", origin::recipe(report.recipe)),
        ("lineage", "Lineage", origin::lineage(report.lineage)),
    ];
    if let Some(beside) = beside::section(evaluation) {
        sections.insert(1, ("beside", "Beside simpler models", beside));
    }
    if let Some(promises) = promises::section(evaluation) {
        sections.insert(1, ("promises", "Promises", promises));
    }
    let body = html! {
        (headline::header(report))
        nav aria-label="Sections" {
            @for (id, title, _) in &sections { a href={ "#" (id) } { (title) } }
        }
        main {
            (headline::section(report))
            @for (id, title, body) in &sections {
                section id=(id) aria-labelledby={ (id) "-title" } {
                    h2 id={ (id) "-title" } { (title) }
                    (body)
                }
            }
        }
        footer { "Written by deskmill. The same numbers stand in report.json beside this page." }
    };
    document(&format!("Report of {}", report.model), "", &body)
}

/// A page that needs nothing else, in the look of all pages; `style` is added to it.
pub(crate) fn document(title: &str, style: &str, body: &Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " · deskmill" }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    markup.into_string()
}

/// Text of a project or a customer: kept apart from the direction of its surroundings, and marked as Chinese where it
/// has Han characters and no kana, so that a browser anywhere picks the Chinese glyphs. A narrow screen may break the
/// line after an underscore: labels are often one long word.
pub(crate) fn foreign(text: &str) -> Markup {
    let han = text
        .chars()
        .any(|c| matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'));
    let kana = text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}'));
    html! {
        bdi lang=[(han && !kana).then_some("zh")] {
            @for (at, part) in text.split_inclusive('_').enumerate() { @if at > 0 { wbr; } (part) }
        }
    }
}

/// A table in a box that scrolls sideways on a narrow screen, and down if it is long.
pub(crate) fn boxed(name: &str, rows: usize, table: &Markup) -> Markup {
    let class = if rows > ROWS_BEFORE_SCROLL { "box long" } else { "box" };
    html! { div class=(class) role="region" tabindex="0" aria-label=(name) { (table) } }
}

/// Stands where there is nothing to show.
pub(crate) fn nothing(why: &str) -> Markup {
    html! { p.nothing { (why) } }
}
