//! How promises fare on the held-back rows of an evaluation, and how right each level of a hierarchy is.

use std::any::Any;
use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};

use super::hierarchy::Tree;
use super::predict::IntentModel;
use super::promises::Judge;
use crate::kind::Model;
use crate::metrics::{AnswerPromise, Evaluation, Metric, MissPromise, PromiseReport, share_interval};

/// Deeper levels of a hierarchy are not measured by themselves.
const DEPTHS_MAX: usize = 8;

/// Counts of one group of labels.
#[derive(Default, Clone, Copy)]
struct Count {
    rows: u64,
    accepted: u64,
    right: u64,
}

/// What is counted while answers come in.
pub(super) struct Tally<'a> {
    judge: Option<&'a Judge>,
    labels: &'a [String],
    tree: Tree,
    rows: u64,
    /// By the most likely label.
    groups: BTreeMap<String, Count>,
    /// Accepted answers that are inner nodes.
    inner: u64,
    /// By name: rows that have it, those of them without the flag, rows with the flag.
    misses: BTreeMap<&'a str, (u64, u64, u64)>,
    /// By level: rows that have it, rows whose most likely label agrees down to it.
    depths: Vec<(u64, u64)>,
}

impl<'a> Tally<'a> {
    /// Nothing counted yet. `None` for a model that promises nothing and whose labels are plain.
    pub(super) fn new(model: &'a dyn Model) -> Option<Self> {
        let model = (model as &dyn Any).downcast_ref::<IntentModel>()?;
        let (judge, tree) = (model.judge(), model.tree());
        (judge.is_some() || tree.is_some()).then(|| Self {
            judge,
            labels: &model.settings().labels,
            tree: tree.unwrap_or_default(),
            rows: 0,
            groups: BTreeMap::new(),
            inner: 0,
            misses: BTreeMap::new(),
            depths: Vec::new(),
        })
    }

    /// Counts a batch of answers. `actual` are the labels the rows have.
    pub(super) fn add(&mut self, actual: &StringArray, predicted: &RecordBatch) {
        let accepted = predicted
            .column_by_name("accepted")
            .and_then(|column| column.as_boolean_opt());
        let flags = predicted
            .column_by_name("flags")
            .and_then(|column| column.as_list_opt::<i32>());
        let answers = predicted.column(0).as_string::<i32>();
        let lists = predicted.column(2).as_list::<i32>();
        for row in 0..actual.len() {
            self.rows += 1;
            let (actual, answer) = (actual.value(row), answers.value(row));
            let surest = lists.value(row);
            let Some(surest) = surest.as_string_opt::<i32>().filter(|surest| !surest.is_empty()) else {
                continue;
            };
            let surest = surest.value(0);
            let accepted = accepted.is_some_and(|accepted| accepted.value(row));
            let right = self.tree.covers(answer, actual);
            if !self.groups.contains_key(surest) {
                self.groups.insert(surest.to_owned(), Count::default());
            }
            if let Some(count) = self.groups.get_mut(surest) {
                count.rows += 1;
                count.accepted += u64::from(accepted);
                count.right += u64::from(accepted && right);
            }
            self.inner += u64::from(accepted && answer != surest);
            if let Some(flags) = flags {
                let flags = flags.value(row);
                self.count_flags(actual, flags.as_string::<i32>());
            }
            self.count_depths(actual, surest);
        }
    }

    fn count_flags(&mut self, actual: &str, flags: &StringArray) {
        let names = self.judge.into_iter().flat_map(|judge| judge.promises().misses.keys());
        for name in names {
            let flagged = flags.iter().flatten().any(|flag| flag == name);
            let has = self.tree.covers(name, actual);
            let count = self.misses.entry(name).or_default();
            count.0 += u64::from(has);
            count.1 += u64::from(has && !flagged);
            count.2 += u64::from(flagged);
        }
    }

    fn count_depths(&mut self, actual: &str, surest: &str) {
        if !self.tree.is_deep() {
            return;
        }
        let (actual, surest) = (self.tree.way(actual), self.tree.way(surest));
        for (depth, node) in actual.into_iter().enumerate().take(DEPTHS_MAX) {
            if self.depths.len() <= depth {
                self.depths.push((0, 0));
            }
            self.depths[depth].0 += 1;
            self.depths[depth].1 += u64::from(surest.get(depth) == Some(&node));
        }
    }

    /// Adds what was counted to an evaluation.
    pub(super) fn report(self, evaluation: &mut Evaluation) {
        let metric = |name: String, hits: u64, rows: u64| Metric {
            name,
            value: hits as f64 / rows.max(1) as f64,
            interval: Some(share_interval(hits as f64, rows as f64)),
            larger_is_better: true,
        };
        for (depth, (rows, hits)) in (1..).zip(&self.depths) {
            evaluation
                .metrics
                .push(metric(format!("depth_{depth}_accuracy"), *hits, *rows));
        }
        let Some(judge) = self.judge else {
            return;
        };
        let mut report = PromiseReport::default();
        if judge.promises().answers.is_some() {
            let sum = |of: fn(&Count) -> u64| self.groups.values().map(of).sum::<u64>();
            let (accepted, right) = (sum(|count| count.accepted), sum(|count| count.right));
            evaluation.metrics.push(metric("coverage".into(), accepted, self.rows));
            evaluation
                .metrics
                .push(metric("accepted_precision".into(), right, accepted));
            report.answers = self.answers(judge);
            if self.tree.is_deep() {
                let note = format!(
                    "{} of {accepted} name a group of labels instead of a label.",
                    self.inner
                );
                evaluation.notes.push(("accepted answers".into(), note));
            }
        }
        for (name, miss) in &judge.promises().misses {
            let (rows, missed, flagged) = self.misses.get(name.as_str()).copied().unwrap_or_default();
            report.misses.push(MissPromise {
                label: name.clone(),
                threshold: miss.clone(),
                rows,
                missed,
                flagged: flagged as f64 / self.rows.max(1) as f64,
            });
        }
        evaluation.notes.extend(report.notes());
        evaluation.promises = Some(report);
    }

    fn answers(&self, judge: &Judge) -> Vec<AnswerPromise> {
        let Some(answers) = &judge.promises().answers else {
            return Vec::new();
        };
        let promise = |label: Option<&String>, threshold, count: Count| AnswerPromise {
            label: label.cloned(),
            promised: answers.promised,
            confidence: answers.confidence,
            threshold,
            rows: count.rows,
            accepted: count.accepted,
            right: count.right,
        };
        let own = || {
            answers
                .own
                .iter()
                .map(|(label, threshold)| (&self.labels[*label as usize], threshold))
        };
        let of = |label: &String| self.groups.get(label).copied().unwrap_or_default();
        let others = self
            .groups
            .iter()
            .filter(|(label, _)| own().all(|(own, _)| own != *label));
        let others = others.fold(Count::default(), |sum, (_, count)| Count {
            rows: sum.rows + count.rows,
            accepted: sum.accepted + count.accepted,
            right: sum.right + count.right,
        });
        let mut promises: Vec<_> = own()
            .map(|(label, threshold)| promise(Some(label), threshold.clone(), of(label)))
            .collect();
        if answers.others.rows > 0 || others.rows > 0 || promises.is_empty() {
            promises.push(promise(None, answers.others.clone(), others));
        }
        promises
    }
}
