//! `truth.json`: what is known about a desk because it was simulated. Sums are gathered while the cases pass; nothing grows
//! with their number.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::SampleSummary;
use super::arithmetic::{ln, logistic};
use super::case::{Case, World};
use super::causes::TRUTH;
use super::intents::{INTENTS, OTHER, causes_of};

/// The number of this file's format.
const FORMAT: u32 = 1;

/// What was written to one file (or folder, where a row is a file).
#[derive(Default, Serialize)]
pub(super) struct FileTruth {
    /// Data rows, the header not counted; malformed and double ones are.
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// What was planted, by its name. `malformed_rows` is the sum of the kinds of malformed rows.
    planted: BTreeMap<&'static str, u64>,
}

impl FileTruth {
    pub(super) fn plant(&mut self, what: &'static str) {
        *self.planted.entry(what).or_default() += 1;
    }
}

/// Scores against labels in bins of the logit, for an area under the ROC curve without keeping the scores.
struct Ranking {
    /// (weight of positives, weight of negatives) by bin.
    bins: Vec<(f64, f64)>,
}

impl Ranking {
    const BINS: usize = 4096;
    const LOGIT_MAX: f64 = 10.0;

    fn new() -> Self {
        Self {
            bins: vec![(0.0, 0.0); Self::BINS],
        }
    }

    /// Adds a case of a score whose label is positive with `positive` (0, 1 or a probability between).
    fn add(&mut self, logit: f64, positive: f64) {
        let place = (logit + Self::LOGIT_MAX) / (2.0 * Self::LOGIT_MAX) * Self::BINS as f64;
        let bin = &mut self.bins[(place.max(0.0) as usize).min(Self::BINS - 1)];
        bin.0 += positive;
        bin.1 += 1.0 - positive;
    }

    fn positive_share(&self) -> f64 {
        let (positive, negative) = self.totals();
        share(positive, positive + negative)
    }

    fn totals(&self) -> (f64, f64) {
        self.bins
            .iter()
            .fold((0.0, 0.0), |sum, bin| (sum.0 + bin.0, sum.1 + bin.1))
    }

    /// The area under the ROC curve; cases of one bin count as ties. 0.5 if one side is empty.
    fn auroc(&self) -> f64 {
        let (positive, negative) = self.totals();
        if positive == 0.0 || negative == 0.0 {
            return 0.5;
        }
        let mut below = 0.0;
        let mut won = 0.0;
        for &(positives, negatives) in &self.bins {
            won += positives * (below + negatives / 2.0);
            below += negatives;
        }
        won / (positive * negative)
    }
}

/// Everything gathered.
pub(super) struct Truth {
    seed: u64,
    cases: u64,
    files: BTreeMap<String, FileTruth>,
    folders: BTreeMap<String, FileTruth>,
    /// Rows by label; `OTHER` last.
    labels: [u64; INTENTS.len() + 1],
    labels_right: u64,
    out_of_intent: u64,
    angry: u64,
    heads: u64,
    observed: u64,
    ratings: [u64; 5],
    dissatisfied: Ranking,
    dissatisfied_rated: Ranking,
    handle: HandleSums,
    foreign_language: u64,
}

/// Sums for the explained variance of ln(handle_minutes).
#[derive(Default)]
struct HandleSums {
    sum: f64,
    squares: f64,
    errors: f64,
}

impl Truth {
    pub(super) fn new(seed: u64, cases: u64) -> Self {
        Self {
            seed,
            cases,
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
            labels: [0; INTENTS.len() + 1],
            labels_right: 0,
            out_of_intent: 0,
            angry: 0,
            heads: 0,
            observed: 0,
            ratings: [0; 5],
            dissatisfied: Ranking::new(),
            dissatisfied_rated: Ranking::new(),
            handle: HandleSums::default(),
            foreign_language: 0,
        }
    }

    pub(super) fn add_file(&mut self, relative: String, file: FileTruth) {
        self.files.insert(relative, file);
    }

    /// Adds a folder, in which each file is a row.
    pub(super) fn add_folder(&mut self, relative: String, folder: FileTruth) {
        self.folders.insert(relative, folder);
    }

    /// Notes a case whose row is well-formed.
    pub(super) fn observe(&mut self, world: &World, case: &Case, label: usize) {
        self.observe_label(case.intent, label);
        self.observed += 1;
        self.angry += u64::from(case.angry);
        self.heads += u64::from(case.heads);
        let agent = &world.staff.agents[case.agent];
        self.foreign_language += u64::from(!agent.speaks(case.customer.language));
        self.dissatisfied
            .add(case.course.dissatisfied_logit, logistic(case.course.dissatisfied_logit));
        let log = ln(f64::from(case.course.handle_minutes));
        let error = log - case.course.handle_log_mean;
        self.handle.sum += log;
        self.handle.squares += log * log;
        self.handle.errors += error * error;
    }

    /// Notes the label of a well-formed row.
    pub(super) fn observe_label(&mut self, intent: usize, label: usize) {
        self.labels[label] += 1;
        self.labels_right += u64::from(label == intent);
        self.out_of_intent += u64::from(intent == OTHER);
    }

    /// Notes a rating that came in and is one.
    pub(super) fn observe_rating(&mut self, case: &Case) {
        self.ratings[usize::from(case.course.rating) - 1] += 1;
        let dissatisfied = f64::from(u8::from(case.course.rating <= 2));
        self.dissatisfied_rated
            .add(case.course.dissatisfied_logit, dissatisfied);
    }

    /// The whole truth as JSON. Shares and scores are rounded to six digits.
    pub(super) fn to_json(&self, world: &World) -> Value {
        let labels: u64 = self.labels.iter().sum();
        let majority = self.labels.iter().copied().max().unwrap_or(0);
        let observed = self.observed as f64;
        let ratings: u64 = self.ratings.iter().sum();
        let variance = self.handle.squares - self.handle.sum * self.handle.sum / observed.max(1.0);
        let qualities: BTreeMap<String, f64> = world
            .staff
            .agents
            .iter()
            .enumerate()
            .map(|(index, agent)| (format!("A{index:04}"), rounded(agent.quality)))
            .collect();
        json!({
            "format": FORMAT,
            "seed": self.seed,
            "cases": self.cases,
            "customers": world.book.customers,
            "orders": world.book.orders,
            "agents": world.staff.agents.len(),
            "intent": {
                "about": "over well-formed ticket rows, exact duplicates counted once; best: always predicting what was really asked",
                "rows": labels,
                "best_accuracy": rounded(share(self.labels_right as f64, labels as f64)),
                "label_noise": rounded(1.0 - share(self.labels_right as f64, labels as f64)),
                "out_of_intent_share": rounded(share(self.out_of_intent as f64, labels as f64)),
                "majority_accuracy": rounded(share(majority as f64, labels as f64)),
                "causes": intent_causes(),
            },
            "dissatisfaction": {
                "about": "a rating of 1 or 2; best: ranking by the true probability",
                "share_all_cases": rounded(self.dissatisfied.positive_share()),
                "best_auroc_all_cases": rounded(self.dissatisfied.auroc()),
                "rated": ratings,
                "rated_share": rounded(share(ratings as f64, self.cases as f64)),
                "share_rated": rounded(self.dissatisfied_rated.positive_share()),
                "best_auroc_rated": rounded(self.dissatisfied_rated.auroc()),
                "ratings": self.ratings,
                "angry_share": rounded(share(self.angry as f64, observed)),
            },
            "handling": {
                "about": "best: the true mean of ln(handle_minutes)",
                "best_r2_of_log": rounded(1.0 - share(self.handle.errors, variance)),
                "foreign_language_share": rounded(share(self.foreign_language as f64, observed)),
            },
            "coin": {
                "about": "negative control: nothing predicts it",
                "heads_share": rounded(share(self.heads as f64, observed)),
                "best_auroc": 0.5,
            },
            "coefficients": TRUTH,
            "agent_quality": qualities,
            "bad_spells": world.clock.bad_spells,
            "files": self.files,
            "folders": self.folders,
        })
    }

    /// What the caller is told.
    pub(super) fn summary(&self) -> SampleSummary {
        let mut rows_by_source: BTreeMap<String, u64> = BTreeMap::new();
        for (relative, file) in self.files.iter().chain(&self.folders) {
            // raw/tickets/tickets-0001.csv is of the source tickets, raw/orders.csv of orders.
            let source = relative
                .split('/')
                .nth(1)
                .unwrap_or(relative)
                .split('.')
                .next()
                .unwrap_or(relative);
            *rows_by_source.entry(source.to_owned()).or_default() += file.rows;
        }
        let files = self.files.len() as u64 + self.folders.values().map(|folder| folder.rows).sum::<u64>();
        let bytes = self
            .files
            .values()
            .chain(self.folders.values())
            .map(|file| file.bytes)
            .sum();
        let malformed = |file: &FileTruth| file.planted.get("malformed_rows").copied().unwrap_or(0);
        SampleSummary {
            cases: self.cases,
            files,
            bytes,
            malformed_rows: self.files.values().map(malformed).sum(),
            rows_by_source,
        }
    }
}

/// Group, difficulty and dissatisfaction effect of each label.
fn intent_causes() -> BTreeMap<&'static str, Value> {
    let causes = |intent: usize| {
        let (group, difficulty, effect) = causes_of(intent);
        json!({ "group": group.name(), "difficulty": difficulty, "dissatisfaction": effect })
    };
    (0..=OTHER)
        .map(|intent| (super::intents::name_of(intent), causes(intent)))
        .collect()
}

fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranking_knows_order_and_ties() {
        let mut ranking = Ranking::new();
        for (logit, label) in [(-2.0, 0.0), (-1.0, 1.0), (1.0, 0.0), (2.0, 1.0)] {
            ranking.add(logit, label);
        }
        assert!((ranking.auroc() - 0.75).abs() < 1e-12);
        let mut tied = Ranking::new();
        tied.add(0.1, 1.0);
        tied.add(0.1, 0.0);
        assert!((tied.auroc() - 0.5).abs() < 1e-12);
        assert!((Ranking::new().auroc() - 0.5).abs() < 1e-12);
    }
}
