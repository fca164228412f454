//! The model beside simpler ones, on the same rows: whether it is worth its weight.

use deskmill_models::metrics::{Beside, Evaluation, Metric, SimplerFigures};
use maud::{Markup, html};

use super::numbers::{NONE, change, count, interval, score};
use super::{boxed, foreign, plots, tables};

/// What readers call the simpler models, and what they do.
const MODELS: [(&str, &str, &str); 5] = [
    ("trivial", "Trivial guess", "the most frequent label for every row"),
    ("linear", "Linear", "logistic regression"),
    ("bayes", "Naive Bayes", "columns or words speak one by one"),
    ("neighbours", "Nearest neighbours", "the most similar examples vote"),
    (
        "tree",
        "One tree",
        "one round of boosting: a tree, or one a label of several",
    ),
];

/// The section; nothing for a model without simpler ones.
pub(super) fn section(evaluation: &Evaluation) -> Option<Markup> {
    let beside = evaluation.beside.as_ref()?;
    let champion = tables::find(evaluation, &beside.metric)?;
    let others: Vec<&str> = beside.models.first().map_or_else(Vec::new, |model| {
        let names = model.metrics.iter().map(|metric| metric.name.as_str());
        names.filter(|name| *name != beside.metric).collect()
    });
    Some(html! {
        p.how {
            "All answer the same held-back rows. The simpler models learn from a sample of the examples and from fewer features, so "
            "that they cost little; the band is the 95% interval. One is as good if its "
            (foreign(&tables::title(&beside.metric))) " is not below the band of this model."
        }
        p { strong { (verdict(beside)) } }
        (boxed("Beside simpler models", beside.models.len() + 1, &table(evaluation, beside, champion, &others)))
    })
}

fn verdict(beside: &Beside) -> String {
    let as_good = beside.models.iter().filter(|model| model.as_good);
    let names: Vec<&str> = as_good.map(|model| title(&model.name)).collect();
    match names[..] {
        [] => "None of them is as good as this model.".into(),
        _ if names.contains(&title("trivial")) => {
            "The trivial guess is as good as this model: these rows do not show that it has learned anything.".into()
        }
        [one] => format!("{one} is as good as this model."),
        _ => format!("As good as this model: {}.", names.join(", ")),
    }
}

fn title(name: &str) -> &str {
    MODELS
        .iter()
        .find(|model| model.0 == name)
        .map_or(name, |model| model.1)
}

fn table(evaluation: &Evaluation, beside: &Beside, champion: &Metric, others: &[&str]) -> Markup {
    let mains = beside
        .models
        .iter()
        .filter_map(|model| named(&model.metrics, &beside.metric));
    let ends = |metric: &Metric| {
        let (low, high) = metric.interval.unwrap_or((metric.value, metric.value));
        [metric.value, low, high]
    };
    let span = plots::span(mains.chain([champion]).flat_map(ends));
    html! {
        table {
            thead { tr {
                th scope="col" { "Model" }
                th.number scope="col" { "Learned from" }
                th scope="col" { (foreign(&tables::title(&beside.metric))) ", 95% interval" }
                th scope="col" { (score(span.0)) " to " (score(span.1)) }
                @for other in others { th.number scope="col" { (foreign(&tables::title(other))) } }
            } }
            tbody {
                tr.main {
                    th scope="row" { "This model" }
                    td.number { (NONE) }
                    (main_cells(champion, None, span))
                    @for other in others { td.number { (tables::find(evaluation, other).map_or(NONE.into(), |metric| score(metric.value))) } }
                }
                @for model in &beside.models { (row(model, champion, others, span)) }
            }
        }
    }
}

fn row(model: &SimplerFigures, champion: &Metric, others: &[&str], span: (f64, f64)) -> Markup {
    let about = MODELS.iter().find(|known| known.0 == model.name).map(|known| known.2);
    html! {
        tr {
            th scope="row" {
                (foreign(title(&model.name)))
                @if let Some(about) = about { span.quiet.below { (about) } }
                @if model.as_good { span.below { strong { "as good" } } }
            }
            td.number { (count(model.learned_rows)) span.quiet.below { "rows" } }
            @match named(&model.metrics, &champion.name) {
                Some(metric) => (main_cells(metric, Some(champion.value), span)),
                None => { td { (NONE) } td {} },
            }
            @for other in others { td.number { (named(&model.metrics, other).map_or(NONE.into(), |metric| score(metric.value))) } }
        }
    }
}

fn main_cells(metric: &Metric, champion: Option<f64>, span: (f64, f64)) -> Markup {
    html! {
        td.range {
            (score(metric.value))
            @if let Some(champion) = champion { span.quiet { " (" (change(metric.value - champion)) ")" } }
            @if let Some(range) = metric.interval { span.quiet.below { (interval(range)) } }
        }
        td.drawn { (plots::interval_bar(metric.value, metric.interval, champion, span)) }
    }
}

fn named<'a>(metrics: &'a [Metric], name: &str) -> Option<&'a Metric> {
    metrics.iter().find(|metric| metric.name == name)
}
