//! A champion beside simpler models: all answer the same held-back rows and are measured by the same figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answers::LabelCounts;
use super::{Evaluation, Metric, auroc, auroc_interval, share_interval};
use crate::learn::simple::Simpler;

/// Figures of simpler models on the rows of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The metric that tells whether one is as good.
    pub metric: String,
    /// The simpler models, the simplest first.
    pub models: Vec<SimplerFigures>,
}

/// How one simpler model fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimplerFigures {
    /// Its name: `trivial`, `linear`, `bayes`, `neighbours`, `tree`.
    pub name: String,
    /// Rows it learned from; at most a bounded sample of those the champion learned from.
    pub learned_rows: u64,
    /// Metrics of the champion, of this model.
    pub metrics: Vec<Metric>,
    /// Whether its main metric reaches the 95% interval of the champion's.
    pub as_good: bool,
}

/// What simpler models answered, row by row.
#[derive(Debug, Default)]
pub struct Contenders(BTreeMap<Simpler, Contender>);

#[derive(Debug, Default)]
struct Contender {
    learned_rows: u64,
    labels: LabelCounts,
    scores: Vec<f64>,
    positive: Vec<bool>,
}

impl Contenders {
    /// These models, with the rows each has learned from, before any answer.
    pub fn new(members: Vec<(Simpler, u64)>) -> Self {
        let contender = |(simpler, learned_rows)| {
            let contender = Contender {
                learned_rows,
                ..Contender::default()
            };
            (simpler, contender)
        };
        Self(members.into_iter().map(contender).collect())
    }

    /// Which models there are.
    pub fn models(&self) -> Vec<Simpler> {
        self.0.keys().copied().collect()
    }

    /// Takes an answer of a model.
    pub fn add(&mut self, simpler: Simpler, actual: &str, predicted: &str) {
        if let Some(contender) = self.0.get_mut(&simpler) {
            contender.labels.add(actual, predicted);
        }
    }

    /// Takes the score of a row by a model, for the area under the ROC curve.
    pub fn add_score(&mut self, simpler: Simpler, score: f64, is_positive: bool) {
        if let Some(contender) = self.0.get_mut(&simpler) {
            contender.scores.push(score);
            contender.positive.push(is_positive);
        }
    }

    /// Puts their figures into a report, and says in its notes which of them are as good as the champion.
    pub fn report(self, evaluation: &mut Evaluation) {
        let main = evaluation.main_metric.clone();
        let champion = evaluation.metrics.iter().find(|metric| metric.name == main);
        let Some((value, interval)) = champion.map(|metric| (metric.value, metric.interval)) else {
            return;
        };
        let least = interval.map_or(value, |interval| interval.0);
        let figures = |(simpler, contender): (Simpler, Contender)| {
            let metrics = contender.metrics();
            let own = metrics.iter().find(|metric| metric.name == main);
            SimplerFigures {
                name: simpler.name().into(),
                learned_rows: contender.learned_rows,
                as_good: own.is_some_and(|metric| metric.value >= least),
                metrics,
            }
        };
        let models: Vec<SimplerFigures> = self.0.into_iter().map(figures).collect();
        if models.is_empty() {
            return;
        }
        let beside = Beside { metric: main, models };
        evaluation
            .notes
            .push(("beside simpler models".into(), beside.verdict(least)));
        evaluation.beside = Some(beside);
    }
}

impl Contender {
    fn metrics(&self) -> Vec<Metric> {
        let metric = |name: &str, value, interval| Metric {
            name: name.into(),
            value,
            interval,
            larger_is_better: true,
        };
        let mut metrics = Vec::new();
        if !self.scores.is_empty() {
            let positives = self.positive.iter().filter(|positive| **positive).count();
            let area = auroc(&self.scores, &self.positive);
            let interval = area.map(|area| auroc_interval(area, positives, self.scores.len() - positives));
            metrics.push(metric("auroc", area.unwrap_or(0.5), interval));
        }
        let (hits, rows) = self.labels.hits();
        let accuracy = hits as f64 / rows.max(1) as f64;
        metrics.push(metric(
            "accuracy",
            accuracy,
            Some(share_interval(hits as f64, rows as f64)),
        ));
        metrics.push(metric("macro_f1", self.labels.macro_f1(), None));
        metrics
    }
}

impl Beside {
    /// In words, which simpler models are as good; `least` is where the champion's interval begins.
    fn verdict(&self, least: f64) -> String {
        let as_good: Vec<&SimplerFigures> = self.models.iter().filter(|model| model.as_good).collect();
        let metric = self.metric.replace('_', " ");
        let bound = format!("the 95% interval of the {metric} begins at {least:.3}");
        if as_good.iter().any(|model| model.name == Simpler::Trivial.name()) {
            return format!(
                "NOTHING BETTER THAN A GUESS IS SHOWN: the trivial guess is within the interval of this model ({bound})."
            );
        }
        if as_good.is_empty() {
            return format!("None of the simpler models is as good ({bound}).");
        }
        let own = |model: &&SimplerFigures| {
            let value = model.metrics.iter().find(|metric| metric.name == self.metric);
            format!("{} ({:.3})", model.name, value.map_or(0.0, |metric| metric.value))
        };
        let names: Vec<String> = as_good.iter().map(own).collect();
        format!(
            "As good as this model within its interval: {} ({bound}). More rows would tell them apart; a simpler model is \
             easier to explain and to keep.",
            names.join(", ")
        )
    }
}
