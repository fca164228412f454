//! The drawings, as SVG inside the page: reliability, precision by coverage, and the small bars in table cells.
//! Colours are classes of style.css, so that dark screens and paper need no second drawing.

use std::fmt::Write;

use deskmill_models::metrics::{Evaluation, ReliabilityBin, share_interval};
use maud::{Markup, Render, html};

use super::numbers::{count, percent, score};
use super::{boxed, nothing};

/// Points of a drawn curve: more cannot be told apart.
const CURVE_POINTS_MAX: usize = 200;

/// The few rows before this coverage make precision jump, so they do not set the scale.
const STEADY_COVERAGE: f64 = 0.02;

/// Precisions that a desk asks for before it lets answers go out unseen.
const TARGETS: [f64; 3] = [0.99, 0.95, 0.90];

const WIDTH: f64 = 420.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 408.0;
const TOP: f64 = 28.0;

/// A length in the drawing's units; what is no number becomes 0, so that a broken value cannot break the file.
#[derive(Clone, Copy)]
pub(crate) struct Px(pub(crate) f64);

impl Render for Px {
    fn render_to(&self, out: &mut String) {
        let value = if self.0.is_finite() { self.0 } else { 0.0 };
        // Writing to a string cannot fail.
        let _ = write!(out, "{value:.1}");
    }
}

/// Where values land: x from 0 to 1 over the whole width, y from `low` to 1 down to `bottom`.
struct Frame {
    low: f64,
    bottom: f64,
}

impl Frame {
    fn x(&self, share: f64) -> f64 {
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (1.0 - self.low);
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - TOP)
    }

    fn ticks(&self) -> Vec<f64> {
        let step = match 1.0 - self.low {
            span if span < 0.15 => 0.02,
            span if span < 0.35 => 0.05,
            span if span < 0.65 => 0.1,
            _ => 0.2,
        };
        let steps = ((1.0 - self.low) / step + 1e-9) as usize;
        (0..=steps).map(|at| 1.0 - at as f64 * step).collect()
    }

    /// Grid lines, tick numbers, and the name of the y axis above it, where it needs no turned text.
    fn axes(&self, y_name: &str) -> Markup {
        html! {
            text.name x=(Px(LEFT)) y="14" { (y_name) }
            @for tick in self.ticks() {
                line.grid x1=(Px(LEFT)) x2=(Px(RIGHT)) y1=(Px(self.y(tick))) y2=(Px(self.y(tick))) {}
                text.tick x=(Px(LEFT - 6.0)) y=(Px(self.y(tick) + 4.0)) text-anchor="end" { (format!("{tick:.2}")) }
            }
            @for tick in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
                text.tick x=(Px(self.x(tick))) y=(Px(self.bottom + 18.0)) text-anchor="middle" { (format!("{tick:.1}")) }
            }
        }
    }
}

/// Stated probability against the share that was right.
pub(super) fn reliability(evaluation: &Evaluation) -> Markup {
    let bins = &evaluation.reliability;
    if bins.is_empty() {
        return nothing("No probability was stated.");
    }
    let table = html! {
        table {
            thead { tr {
                th.number scope="col" { "Bin from" }
                th.number scope="col" { "Rows" }
                th.number scope="col" { "Stated" }
                th.number scope="col" { "Right" }
                th.number scope="col" { "Gap" }
            } }
            tbody {
                @for bin in bins {
                    tr {
                        td.number { (score(bin.from)) }
                        td.number { (count(bin.rows)) }
                        td.number { (score(bin.stated)) }
                        td.number { (score(bin.observed)) }
                        td.number { (super::numbers::change(bin.observed - bin.stated)) }
                    }
                }
            }
        }
    };
    html! {
        p.how {
            "A dot on the diagonal means that the model is right as often as it says; below the diagonal it is too sure of itself, "
            "above it too modest. The bars beneath are the rows of each bin."
        }
        (reliability_drawing(bins))
        details { summary { "The numbers as a table" } (boxed("Reliability by bin", bins.len(), &table)) }
    }
}

fn reliability_drawing(bins: &[ReliabilityBin]) -> Markup {
    let frame = Frame {
        low: 0.0,
        bottom: 308.0,
    };
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(0).max(1);
    let whisker = |bin: &ReliabilityBin| share_interval(bin.observed * bin.rows as f64, bin.rows as f64);
    let tallest = 44.0;
    let floor = 400.0;
    html! {
        svg.plot viewBox={ "0 0 " (WIDTH) " 430" } role="img" aria-labelledby="reliability-name reliability-text" {
            title id="reliability-name" { "Reliability diagram" }
            desc id="reliability-text" { "Share of right answers against stated probability, in " (bins.len()) " bins. The table below has the numbers." }
            (frame.axes("share right"))
            line.diagonal x1=(Px(frame.x(0.0))) y1=(Px(frame.y(0.0))) x2=(Px(frame.x(1.0))) y2=(Px(frame.y(1.0))) {}
            polyline.curve points=(points(&frame, bins.iter().map(|bin| (bin.stated, bin.observed)))) {}
            @for bin in bins {
                @let (low, high) = whisker(bin);
                @let height = (bin.rows as f64 / most as f64 * tallest).max(1.0);
                line.whisker x1=(Px(frame.x(bin.stated))) x2=(Px(frame.x(bin.stated))) y1=(Px(frame.y(low))) y2=(Px(frame.y(high))) {}
                circle.dot cx=(Px(frame.x(bin.stated))) cy=(Px(frame.y(bin.observed))) r="4.5" {
                    title { "stated " (score(bin.stated)) ", right " (score(bin.observed)) ", " (count(bin.rows)) " rows" }
                }
                rect.size x=(Px(frame.x(bin.stated) - 5.0)) y=(Px(floor - height)) width="10" height=(Px(height)) {
                    title { (count(bin.rows)) " rows" }
                }
            }
            line.grid x1=(Px(LEFT)) x2=(Px(RIGHT)) y1=(Px(floor)) y2=(Px(floor)) {}
            text.tick x=(Px(LEFT)) y="346" { "rows in the bin, at most " (count(most)) }
            text.name x=(Px(RIGHT)) y="422" text-anchor="end" { "stated probability" }
        }
    }
}

/// Precision of the surest rows, the more of them are accepted.
pub(super) fn coverage(evaluation: &Evaluation) -> Markup {
    let curve = &evaluation.coverage;
    if curve.is_empty() {
        return nothing("No row was scored, so nothing could be accepted.");
    }
    let table = html! {
        table {
            thead { tr {
                th.number scope="col" { "Rows accepted" }
                th.number scope="col" { "Precision" }
            } }
            tbody {
                @for step in 1..=10 {
                    @let share = f64::from(step) / 10.0;
                    tr {
                        td.number { (percent(share)) }
                        td.number { (super::numbers::optional(precision_at(curve, share))) }
                    }
                }
            }
        }
    };
    html! {
        p.how {
            "Going right, less sure answers are accepted too; the curve is the precision of all accepted so far. "
            "A curve that stays high for long lets more rows go without a second look."
        }
        (coverage_drawing(curve))
        (reach(curve))
        details { summary { "The numbers as a table" } (boxed("Precision by coverage", 10, &table)) }
    }
}

fn coverage_drawing(curve: &[(f64, f64)]) -> Markup {
    let steady = curve.iter().filter(|point| point.0 >= STEADY_COVERAGE);
    let (low, _) = span(steady.map(|point| point.1));
    let frame = Frame {
        low: low.clamp(0.0, 0.9),
        bottom: 308.0,
    };
    html! {
        svg.plot viewBox={ "0 0 " (WIDTH) " 360" } role="img" aria-labelledby="coverage-name coverage-text" {
            title id="coverage-name" { "Precision by coverage" }
            desc id="coverage-text" { "Precision of the accepted rows against the share of rows accepted, surest first. The table below has the numbers." }
            (frame.axes("precision of the accepted rows"))
            polyline.curve points=(points(&frame, thinned(curve))) {}
            text.name x=(Px(RIGHT)) y="348" text-anchor="end" { "share of rows accepted" }
        }
    }
}

/// How far the curve reaches at the precisions a desk asks for.
fn reach(curve: &[(f64, f64)]) -> Markup {
    let reached = TARGETS.map(|target| {
        let shares = curve.iter().filter(|point| point.1 >= target).map(|point| point.0);
        (target, shares.fold(0.0, f64::max))
    });
    html! {
        ul.reach {
            @for (target, share) in reached {
                li {
                    "Precision " span.number { (score(target)) } ": "
                    @if share > 0.0 { "accept the surest " strong.number { (percent(share)) } " of the rows." }
                    @else { "not reached." }
                }
            }
        }
    }
}

/// The first point at or beyond a coverage.
fn precision_at(curve: &[(f64, f64)], coverage: f64) -> Option<f64> {
    curve
        .iter()
        .find(|point| point.0 >= coverage - 1e-9)
        .or(curve.last())
        .map(|point| point.1)
}

fn thinned(curve: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    let step = curve.len().div_ceil(CURVE_POINTS_MAX).max(1);
    let last = curve.len().saturating_sub(1);
    curve
        .iter()
        .enumerate()
        .filter(move |(at, _)| at.is_multiple_of(step) || *at == last)
        .map(|(_, point)| *point)
}

fn points(frame: &Frame, values: impl Iterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    for (x, y) in values.filter(|(x, y)| x.is_finite() && y.is_finite()) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{:.1},{:.1} ", frame.x(x), frame.y(y));
    }
    out
}

/// The range of all values, widened to tenths, so that its ends are easy numbers. `(0, 1)` if there is none.
pub(super) fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| value.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return (0.0, 1.0);
    }
    let (from, to) = ((low * 10.0 + 1e-9).floor() / 10.0, (high * 10.0 - 1e-9).ceil() / 10.0);
    if to > from { (from, to) } else { (from, from + 0.1) }
}

/// A dot on the band of its interval, between the ends of `span`, and a ring at the value to compare with. The numbers stand
/// beside it in the table, so it is silent to screen readers.
pub(super) fn interval_bar(value: f64, interval: Option<(f64, f64)>, ring: Option<f64>, span: (f64, f64)) -> Markup {
    let x = |value: f64| Px(6.0 + ((value - span.0) / (span.1 - span.0)).clamp(0.0, 1.0) * 188.0);
    html! {
        svg.interval viewBox="0 0 200 16" aria-hidden="true" {
            line.grid x1="6" x2="194" y1="8" y2="8" {}
            @for end in [6, 194] { line.grid x1=(end) x2=(end) y1="4" y2="12" {} }
            @if let Some((low, high)) = interval { line.band x1=(x(low)) x2=(x(high)) y1="8" y2="8" {} }
            @if let Some(ring) = ring { circle.ring cx=(x(ring)) cy="8" r="5" {} }
            @if value.is_finite() { circle.dot cx=(x(value)) cy="8" r="3.5" {} }
        }
    }
}

/// A bar from 0 to 1; an empty track if there is no value. Silent to screen readers like [`interval_bar`].
pub(crate) fn bar(value: Option<f64>) -> Markup {
    let length = value.unwrap_or(0.0).clamp(0.0, 1.0) * 100.0;
    html! {
        svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.track width="100" height="8" {}
            rect.fill width=(Px(length)) height="8" {}
        }
    }
}
