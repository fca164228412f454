//! The page of a profile: one HTML file that needs nothing else. It shows figures, and of the values of rows only the most
//! frequent ones, masked.

use maud::{Markup, html};

use super::drawings::{histogram, shares};
use super::figures::{ColumnKind, ColumnProfile, Profile, Spread, TextProfile, share, time_text};
use super::words::{glance, is_prose, number_text, percent_text};
use crate::report::numbers::count;
use crate::report::plots::bar;
use crate::report::{boxed, document, foreign, nothing};

/// Times that are farther apart than this, ten days, are shown as days.
const LONG_S: f64 = 864_000.0;

const PROFILE_STYLE: &str = include_str!("profile.css");

/// The whole page. Any text of a project or a customer in it is escaped.
pub fn page(profile: &Profile) -> String {
    let body = html! {
        header { p.kind { "Profile" } h1 { (foreign(&profile.table)) } }
        nav aria-label="Columns" {
            @for (at, column) in profile.columns.iter().enumerate() { a href={ "#column-" (at) } { (foreign(&column.name)) } }
        }
        main {
            (headline(profile))
            (overview(profile))
            (personal(profile))
            @for (at, column) in profile.columns.iter().enumerate() { (section(at, column)) }
        }
        footer { "Written by deskmill. " code { "deskmill profile " (profile.table) " --json" } " prints the same figures." }
    };
    document(&format!("Profile of {}", profile.table), PROFILE_STYLE, &body)
}

fn headline(profile: &Profile) -> Markup {
    let cells = profile.rows * profile.columns.len() as u64;
    let nulls: u64 = profile.columns.iter().map(|column| column.nulls).sum();
    let with_personal = profile
        .columns
        .iter()
        .filter(|column| !column.personal.is_empty())
        .count() as u64;
    let duplicates = profile.duplicates.map_or_else(
        || ("not looked for".to_owned(), String::new()),
        |found| {
            let about = if found.exact { "" } else { "about " };
            (
                format!("{about}{}", count(found.count)),
                percent_text(found.count, profile.rows),
            )
        },
    );
    html! {
        section.headline aria-label="Headline" {
            div {
                p.main-name { "Rows" }
                p.main-value { (count(profile.rows)) }
                p.quiet { (rests_on(profile)) }
            }
            dl.facts {
                @for (name, value, of_all) in [
                    ("Columns", count(profile.columns.len() as u64), String::new()),
                    ("Duplicate rows", duplicates.0, duplicates.1),
                    ("Cells without a value", count(nulls), percent_text(nulls, cells)),
                    ("Columns with personal data", count(with_personal), String::new()),
                ] {
                    div { dt { (name) } dd { (value) " " span.quiet { (of_all) } } }
                }
            }
        }
    }
}

/// On how many rows the figures rest.
fn rests_on(profile: &Profile) -> String {
    let texts = if profile.text_rows == profile.rows {
        String::new()
    } else {
        format!(
            " Languages, personal data and near-duplicates rest on {} rows, spread evenly over the table.",
            count(profile.text_rows)
        )
    };
    if profile.is_whole() {
        return format!("All rows were read.{texts}");
    }
    format!(
        "Rows, empty cells, least, greatest and mean are those of all rows. Quantiles, histograms and lengths rest on {} rows.{texts}",
        count(profile.sampled_rows)
    )
}

fn overview(profile: &Profile) -> Markup {
    let table = html! {
        table.overview {
            thead { tr {
                th scope="col" { "Column" } th scope="col" { "Type" } th.nulls scope="col" { "Without a value" }
                th.number scope="col" { "Different" } th scope="col" { "What it holds" }
            } }
            tbody {
                @for (at, column) in profile.columns.iter().enumerate() {
                    tr {
                        th scope="row" { a href={ "#column-" (at) } { (foreign(&column.name)) } }
                        td { (type_words(column)) }
                        td.measured.nulls { div { (percent_text(column.nulls, column.nulls + column.count)) (bar(Some(column.null_share()))) } }
                        td.number { (distinct_words(column)) }
                        td.glance { (foreign(&glance(column))) }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="overview-title" {
            h2 id="overview-title" { "Columns" }
            @if profile.columns.is_empty() { (nothing("The table has no columns.")) }
            @else { div.box { (table) } }
        }
    }
}

fn type_words(column: &ColumnProfile) -> &'static str {
    match column.kind {
        ColumnKind::Number => "number",
        ColumnKind::Time => "time",
        ColumnKind::Boolean => "true or false",
        ColumnKind::Text => "text",
        ColumnKind::Other => "other",
    }
}

fn distinct_words(column: &ColumnProfile) -> String {
    column.distinct.map_or_else(
        || "–".to_owned(),
        |distinct| {
            let about = if distinct.exact { "" } else { "≈ " };
            format!("{about}{}", count(distinct.count))
        },
    )
}

/// Which columns hold what; never the values.
fn personal(profile: &Profile) -> Markup {
    let columns: Vec<&ColumnProfile> = profile
        .columns
        .iter()
        .filter(|column| !column.personal.is_empty())
        .collect();
    let lines = columns
        .iter()
        .flat_map(|column| column.personal.iter().map(move |found| (column, found)));
    let lines: Vec<_> = lines.collect();
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Column" } th scope="col" { "What" } th.number scope="col" { "Cells" }
                th scope="col" { "Share of the cells searched" }
            } }
            tbody {
                @for (column, (kind, cells)) in &lines {
                    tr {
                        th scope="row" { (foreign(&column.name)) }
                        td { (kind.replace('_', " ")) }
                        td.number { (count(**cells)) }
                        td.measured { div { (percent_text(**cells, column.searched)) (bar(Some(share(**cells, column.searched)))) } }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="personal-title" {
            h2 id="personal-title" { "Personal data" }
            p.how {
                "Cells in which something reads as personal data, by rules and the words around it; a bare name is out of their reach. "
                "No such value stands on this page."
            }
            @if lines.is_empty() { (nothing("None was found.")) }
            @else { (boxed("Personal data", lines.len(), &table)) }
        }
    }
}

fn section(at: usize, column: &ColumnProfile) -> Markup {
    let id = format!("column-{at}");
    html! {
        section id=(id) aria-labelledby={ (id) "-title" } {
            header {
                h2 id={ (id) "-title" } { (foreign(&column.name)) }
                span.tag { (foreign(&column.type_name)) }
                @for kind in column.personal.keys() { span.tag.personal { (kind.replace('_', " ")) } }
            }
            dl.counts {
                div { dt { "With a value" } dd { (count(column.count)) " " span.quiet { (percent_text(column.count, column.count + column.nulls)) } } }
                div { dt { "Without" } dd { (count(column.nulls)) " " span.quiet { (percent_text(column.nulls, column.count + column.nulls)) } } }
                div { dt { "Different values" } dd { (distinct_words(column)) } }
                @if let Some(text) = &column.text { (text_counts(text)) }
            }
            @if column.count == 0 { (nothing("There is no value to look at.")) }
            @else if column.kind == ColumnKind::Other { (nothing("Values of this type are only counted.")) }
            @else { (body(column)) }
        }
    }
}

fn text_counts(text: &TextProfile) -> Markup {
    let cells = [
        ("Blank", text.blank, text.sampled),
        ("Read as numbers", text.read_as_number, text.sampled),
        ("Read as times", text.read_as_time, text.sampled),
        (
            "Near-duplicates",
            if is_prose(text) { text.near_duplicates } else { 0 },
            text.examined,
        ),
    ];
    html! {
        @for (name, cells, of_all) in cells.into_iter().filter(|(_, cells, _)| *cells > 0) {
            div { dt { (name) } dd { (percent_text(cells, of_all)) } }
        }
    }
}

fn body(column: &ColumnProfile) -> Markup {
    let is_time = column.kind == ColumnKind::Time;
    let is_long = column.text.as_ref().is_some_and(is_prose);
    let figures = column.numbers.as_ref().or(column.times.as_ref());
    let top = column.top.as_ref().filter(|top| !top.values.is_empty());
    // Numbers of many values have their histogram; which of them is the most frequent says little.
    let top = top.filter(|top| column.kind != ColumnKind::Number || top.whole || figures.is_none());
    html! {
        @if column.kind == ColumnKind::Number && figures.is_none() && !column.personal.is_empty() {
            (nothing("These numbers read as personal data, so they are not shown."))
        }
        @if let Some(figures) = figures { (spread_table(figures, is_time)) }
        div.side {
            @if let Some(drawn) = &column.histogram { div { (histogram(drawn, if is_time { "times" } else { "values" }, is_time)) } }
            @if let Some(top) = top.filter(|_| !is_long) { div { (shares("Most frequent values", &top.values, top.counted)) } }
            @if let Some(text) = &column.text { (text_body(text, top.is_some_and(|top| top.whole))) }
        }
        // Sentences need the whole width.
        @if let Some(top) = top.filter(|_| is_long) { (shares("Most frequent values", &top.values, top.counted)) }
    }
}

/// Lengths say nothing of words that are listed, and a histogram nothing of ids that are all as long.
fn text_body(text: &TextProfile, is_listed: bool) -> Markup {
    let drawn = text
        .length_histogram
        .as_ref()
        .filter(|_| text.lengths.min < text.lengths.max);
    html! {
        @if !is_listed {
            div {
                h3 { "Length in characters" }
                (length_table(&text.lengths))
                @if let Some(drawn) = drawn { (histogram(drawn, "texts", false)) }
            }
        }
        @if is_prose(text) && !text.languages.is_empty() {
            div { (shares("Languages", &named(&text.languages), text.examined)) }
        }
    }
}

/// Languages by their names, as far as customers often write them.
fn named(languages: &[(String, u64)]) -> Vec<(String, u64)> {
    let name = |code: &str| match code {
        "en" => "English".to_owned(),
        "zh" => "Chinese".to_owned(),
        "de" => "German".to_owned(),
        "fr" => "French".to_owned(),
        "es" => "Spanish".to_owned(),
        "it" => "Italian".to_owned(),
        "pt" => "Portuguese".to_owned(),
        "nl" => "Dutch".to_owned(),
        "ja" => "Japanese".to_owned(),
        "ko" => "Korean".to_owned(),
        "ru" => "Russian".to_owned(),
        "none" => "not to be told".to_owned(),
        other => other.to_owned(),
    };
    languages.iter().map(|(code, texts)| (name(code), *texts)).collect()
}

fn spread_table(spread: &Spread, is_time: bool) -> Markup {
    let is_long = spread.max - spread.min > LONG_S;
    let text = |value: f64| {
        if is_time {
            time_text(value)
                .chars()
                .take(if is_long { 10 } else { 16 })
                .map(|c| if c == 'T' { ' ' } else { c })
                .collect()
        } else {
            number_text(value)
        }
    };
    figures_table(&[
        ("Least", text(spread.min)),
        ("5%", text(spread.p5)),
        ("25%", text(spread.p25)),
        ("Median", text(spread.p50)),
        ("75%", text(spread.p75)),
        ("95%", text(spread.p95)),
        ("Greatest", text(spread.max)),
        ("Mean", text(spread.mean)),
    ])
}

fn length_table(lengths: &Spread) -> Markup {
    let figures = [
        ("Least", lengths.min),
        ("Median", lengths.p50),
        ("95%", lengths.p95),
        ("Greatest", lengths.max),
    ];
    figures_table(&figures.map(|(name, value)| (name, number_text(value))))
}

fn figures_table(figures: &[(&str, String)]) -> Markup {
    html! {
        div.box {
            table.spread {
                thead { tr { @for (name, _) in figures { th scope="col" { (name) } } } }
                tbody { tr { @for (_, value) in figures { td { (value) } } } }
            }
        }
    }
}
