//! What an intent model promises: thresholds set on rows it has not learned, and what they make of an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, ListBuilder, StringBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::hierarchy::Tree;
use super::promise_recipe::PromiseRecipe;
use crate::error::{Error, Result};
use crate::kind::{ValueSpec, ValueType};
use crate::learn::promise::{
    HeldRow, MissThreshold, Offer, PrecisionThresholds, miss_threshold, precision_thresholds, tuning_rows,
};
use crate::learn::{best_of, fit_temperature, softmax};

/// The promises of a fitted model, as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Promises {
    /// On the precision of accepted answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<PrecisionThresholds>,
    /// On rows that must not be missed, by label or node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misses: BTreeMap<String, MissThreshold>,
}

/// Rows the model has not learned, with its margins.
pub(super) struct HeldBack<'a> {
    /// The model's labels.
    pub labels: &'a [String],
    /// A row's margins for all labels after each other.
    pub margins: &'a [f32],
    /// The labels of the rows, by number.
    pub targets: &'a [u32],
    /// So many rows, the first ones, have labels that training rows have too. Whatever is answered to the others, some of
    /// which are out of scope, is wrong, and no temperature makes them likely.
    pub known: usize,
}

impl HeldBack<'_> {
    fn actual(&self, row: usize) -> &str {
        self.labels.get(self.targets[row] as usize).map_or("", String::as_str)
    }

    fn margins(&self, row: usize) -> &[f32] {
        &self.margins[row * self.labels.len()..][..self.labels.len()]
    }

    /// The temperature of the rows that are `taken`.
    fn scale(&self, taken: &[bool]) -> f32 {
        let rows = || (0..self.known).filter(|row| taken[*row]);
        let margins: Vec<f32> = rows().flat_map(|row| self.margins(row)).copied().collect();
        let targets: Vec<u32> = rows().map(|row| self.targets[row]).collect();
        fit_temperature(&margins, &targets, self.labels.len())
    }

    /// The temperature of the probabilities and the promises on them. The rows that set the temperature prove nothing,
    /// so that the scores are fixed before they are tested.
    pub(super) fn promise(&self, recipe: &PromiseRecipe, seed: u64) -> (f32, Promises) {
        let tuning = tuning_rows(self.targets.len(), seed);
        let scale = self.scale(&tuning);
        let tree = Tree::new(self.labels, recipe.hierarchy.as_deref());
        let members: Vec<(&String, Vec<u32>)> = recipe
            .miss_at_most
            .keys()
            .map(|name| (name, tree.members(name, self.labels)))
            .collect();
        let mut parts = (Vec::new(), Vec::new());
        let mut scores = vec![Vec::new(); members.len()];
        let (mut probabilities, mut sums) = (Vec::new(), Vec::new());
        for (row, tunes) in tuning.into_iter().enumerate() {
            softmax(self.margins(row), scale, &mut probabilities);
            if !tunes {
                for ((name, members), scores) in members.iter().zip(&mut scores) {
                    if tree.covers(name, self.actual(row)) {
                        scores.push(sum_of(members, &probabilities));
                    }
                }
            }
            let label = best_of(self.margins(row));
            let offers = offers(&tree, label, &probabilities, &mut sums);
            let offer = |(answer, score): (Answer, f64)| Offer {
                score,
                right: tree.covers(answer.text(&tree, self.labels), self.actual(row)),
            };
            let held = HeldRow {
                label: label as u32,
                offers: offers.into_iter().map(offer).collect(),
            };
            if tunes { parts.0.push(held) } else { parts.1.push(held) }
        }
        let confidence = recipe.promise_confidence;
        let answers = recipe
            .answer_precision
            .map(|promised| precision_thresholds(&parts.0, &parts.1, promised, confidence));
        let misses = members.iter().zip(scores).map(|((name, _), scores)| {
            let share = recipe.miss_at_most[*name];
            ((*name).clone(), miss_threshold(scores, share, confidence))
        });
        let misses = misses.collect();
        (scale, Promises { answers, misses })
    }
}

fn sum_of(members: &[u32], probabilities: &[f64]) -> f64 {
    members.iter().map(|label| probabilities[*label as usize]).sum()
}

/// A label or a node.
#[derive(Clone, Copy)]
enum Answer {
    Label(usize),
    Node(u32),
}

impl Answer {
    fn text<'a>(self, tree: &'a Tree, labels: &'a [String]) -> &'a str {
        match self {
            Answer::Label(label) => &labels[label],
            Answer::Node(node) => tree.path(node),
        }
    }
}

/// What may be answered, the most telling first, with its probability.
fn offers(tree: &Tree, best: usize, probabilities: &[f64], sums: &mut Vec<f64>) -> Vec<(Answer, f64)> {
    if tree.is_deep() {
        let nodes = tree.likely(probabilities, sums).into_iter();
        nodes.map(|(node, score)| (Answer::Node(node), score)).collect()
    } else {
        vec![(Answer::Label(best), probabilities[best])]
    }
}

/// The promises at work on answers.
#[derive(Debug)]
pub(super) struct Judge {
    promises: Promises,
    tree: Tree,
    /// Name, labels that belong to it, threshold.
    flags: Vec<(String, Vec<u32>, f64)>,
}

impl Judge {
    /// Takes stored promises, which are not trusted.
    ///
    /// # Errors
    /// When a threshold is not a share, or names a label that is not there.
    pub(super) fn new(promises: Promises, labels: &[String], hierarchy: Option<&str>) -> Result<Self> {
        let tree = Tree::new(labels, hierarchy);
        let mut misses = promises.misses.values();
        let answers = promises.answers.as_ref();
        if answers.is_some_and(|answers| !answers.is_sound(labels.len())) || !misses.all(MissThreshold::is_sound) {
            return Err(Error::artifact(
                "settings.promises",
                "hold a threshold or label that cannot be",
            ));
        }
        let flag = |(name, miss): (&String, &MissThreshold)| (name.clone(), tree.members(name, labels), miss.score);
        let flags: Vec<_> = promises.misses.iter().map(flag).collect();
        if flags.iter().any(|(_, members, _)| members.is_empty()) {
            return Err(Error::artifact("settings.promises", "name a label that is not there"));
        }
        Ok(Self { promises, tree, flags })
    }

    pub(super) fn promises(&self) -> &Promises {
        &self.promises
    }

    /// The columns it adds to an answer.
    pub(super) fn specs(&self) -> Vec<ValueSpec> {
        let spec = ValueSpec::output;
        let accepted = self.promises.answers.as_ref().map(|answers| {
            let about = format!(
                "Whether the answer may be taken as it is: at least {} of the accepted ones are right, with confidence {}.",
                answers.promised, answers.confidence
            );
            spec("accepted", ValueType::Boolean, about, json!(true))
        });
        let flags = (!self.flags.is_empty()).then(|| {
            let each = self.promises.misses.iter();
            let each: Vec<_> = each
                .map(|(name, miss)| format!("{name} at most {}", miss.promised))
                .collect();
            let about = format!(
                "Labels the text may be about, so that few are missed: {}.",
                each.join(", ")
            );
            spec("flags", ValueType::TextList, about, json!([self.flags[0].0]))
        });
        accepted.into_iter().chain(flags).collect()
    }

    /// Judges answer after answer.
    pub(super) fn begin(&self) -> Judging<'_> {
        Judging {
            judge: self,
            accepted: BooleanBuilder::new(),
            flags: ListBuilder::new(StringBuilder::new()),
            sums: Vec::new(),
        }
    }
}

/// The added columns while they grow.
pub(super) struct Judging<'a> {
    judge: &'a Judge,
    accepted: BooleanBuilder,
    flags: ListBuilder<StringBuilder>,
    sums: Vec<f64>,
}

impl<'a> Judging<'a> {
    /// Judges one row whose most likely label is `best`. Gives the answer and its probability: the deepest node that is
    /// accepted, otherwise the most likely label.
    pub(super) fn add(&mut self, best: usize, probabilities: &[f64], labels: &'a [String]) -> (&'a str, f64) {
        let judge = self.judge;
        for (name, members, threshold) in &judge.flags {
            // Summed in the same order as when the threshold was set, so that equal scores are equal.
            if sum_of(members, probabilities) >= *threshold {
                self.flags.values().append_value(name);
            }
        }
        self.flags.append(true);
        let threshold = judge
            .promises
            .answers
            .as_ref()
            .and_then(|answers| answers.of(best as u32));
        let accepted = threshold.and_then(|threshold| {
            let offers = offers(&judge.tree, best, probabilities, &mut self.sums);
            offers.into_iter().find(|(_, score)| *score >= threshold)
        });
        self.accepted.append_value(accepted.is_some());
        let (answer, score) = accepted.unwrap_or((Answer::Label(best), probabilities[best]));
        (answer.text(&judge.tree, labels), score)
    }

    /// The columns, in the order of [`Judge::specs`].
    pub(super) fn finish(mut self) -> Vec<ArrayRef> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        if self.judge.promises.answers.is_some() {
            columns.push(Arc::new(self.accepted.finish()));
        }
        if !self.judge.flags.is_empty() {
            columns.push(Arc::new(self.flags.finish()));
        }
        columns
    }
}
