//! The drawings of the page: histograms as SVG, and bars in tables. Colours are classes of the style sheets.

use maud::{Markup, html};

use super::figures::{Histogram, share, time_text};
use super::words::{number_text, percent_text};
use crate::report::numbers::count;
use crate::report::plots::{Px, bar};
use crate::report::{boxed, foreign};

const WIDTH: f64 = 560.0;
const LEFT: f64 = 8.0;
const RIGHT: f64 = 552.0;
const TOP: f64 = 26.0;
const FLOOR: f64 = 146.0;
const HEIGHT: f64 = 172.0;
/// Numbers under the axis.
const TICKS: usize = 4;
/// Bars of a table of values.
const VALUES_MAX: usize = 12;

/// A histogram; `unit` is what its axis counts, `times` that its edges are seconds.
pub(super) fn histogram(histogram: &Histogram, unit: &str, times: bool) -> Markup {
    let bars = histogram.counts.len();
    let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1);
    let width = (RIGHT - LEFT) / bars.max(1) as f64;
    let x = |bar: usize| LEFT + bar as f64 * width;
    let edge = |value: f64| {
        if times {
            time_label(value, histogram.step)
        } else {
            number_text(value)
        }
    };
    let counted: u64 = histogram.counts.iter().sum();
    let last = edge(histogram.edges(bars.saturating_sub(1)).1);
    let ticks = (0..=TICKS).map(|tick| tick * bars / TICKS);
    let mut ticks: Vec<usize> = ticks.collect();
    ticks.dedup();
    html! {
        svg.plot.histogram viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img"
            aria-label={ "Histogram of " (count(counted)) " " (unit) " from " (edge(histogram.from)) " to " (last) } {
            text.tick x=(Px(LEFT)) y="14" { (unit) ", at most " (count(most)) " in a bar" }
            line.grid x1=(Px(LEFT)) x2=(Px(RIGHT)) y1=(Px(FLOOR)) y2=(Px(FLOOR)) {}
            @for (at, &values) in histogram.counts.iter().enumerate() {
                @let height = if values == 0 { 0.0 } else { (values as f64 / most as f64 * (FLOOR - TOP)).max(1.5) };
                @let (from, to) = histogram.edges(at);
                rect.fill x=(Px(x(at) + 0.5)) y=(Px(FLOOR - height)) width=(Px((width - 1.0).max(0.5))) height=(Px(height)) {
                    title { (edge(from)) " to " (edge(to)) ": " (count(values)) }
                }
            }
            @for &tick in &ticks {
                @let anchor = if tick == 0 { "start" } else if tick == bars { "end" } else { "middle" };
                line.grid x1=(Px(x(tick))) x2=(Px(x(tick))) y1=(Px(FLOOR)) y2=(Px(FLOOR + 5.0)) {}
                text.tick x=(Px(x(tick))) y=(Px(FLOOR + 20.0)) text-anchor=(anchor) { (edge(histogram.edges(tick).0)) }
            }
        }
        @if histogram.below + histogram.above > 0 {
            p.quiet.small {
                "Not drawn: "
                @if histogram.below > 0 { (count(histogram.below)) " below" }
                @if histogram.below > 0 && histogram.above > 0 { ", " }
                @if histogram.above > 0 { (count(histogram.above)) " above" }
                ", which would squeeze the rest into one bar."
            }
        }
    }
}

/// As much of a time as the step needs.
fn time_label(seconds: f64, step: f64) -> String {
    let text = time_text(seconds);
    if step >= 86_400.0 {
        text.chars().take(10).collect()
    } else {
        text.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
    }
}

/// Values with bars for their share of `all`; what is not named is summed up in the last line.
pub(super) fn shares(heading: &str, named: &[(String, u64)], all: u64) -> Markup {
    let shown = &named[..named.len().min(VALUES_MAX)];
    let rest = all.saturating_sub(shown.iter().map(|(_, times)| times).sum());
    let longest = shown.iter().map(|(_, times)| *times).max().unwrap_or(0).max(1);
    let table = html! {
        table.shares {
            thead { tr { th scope="col" { (heading) } th.number scope="col" { "Rows" } th scope="col" { "Share" } } }
            tbody {
                @for (value, times) in shown {
                    tr {
                        th scope="row" { @if value.trim().is_empty() { span.quiet { "(blank)" } } @else { (foreign(value)) } }
                        td.number { (count(*times)) }
                        td.measured { div { span.share { (percent_text(*times, all)) } (bar(Some(share(*times, longest)))) } }
                    }
                }
                @if rest > 0 {
                    tr.quiet {
                        th scope="row" { "all others" }
                        td.number { (count(rest)) }
                        td.measured { div { span.share { (percent_text(rest, all)) } } }
                    }
                }
            }
        }
    };
    boxed(heading, shown.len(), &table)
}
