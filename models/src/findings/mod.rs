//! What is worth a look in the examples of a model: labels that look wrong, labels that are mixed up, doubles. Data and
//! measures only; a kind says how its rows are judged, the pipeline where they lie.

mod answers;
mod confident;
mod doubles;
mod rows;
mod union;

use serde::{Deserialize, Serialize};

pub use answers::AnswerJudge;
pub use confident::{Judge, Judged};
pub use doubles::{NearGroups, Texts};
pub use rows::{RowsBack, read_back};
pub use union::Union;

/// Rows listed for each finding; the counts say how many there are.
pub const LISTED_MAX: usize = 50;

/// Characters of a text that are shown.
pub const TEXT_MAX_CHARS: usize = 300;

/// The findings of one model, a part of `report.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Rows judged by a model that had not learned them.
    pub judged: u64,
    /// Rows that were not judged, as they were too many.
    pub not_judged: u64,
    /// Rows whose label looks wrong.
    pub suspects: u64,
    /// Estimated share of judged rows with a wrong label (Northcutt et al., JAIR 2021); none if none was judged.
    pub noise: Option<f64>,
    /// The rows whose labels look most wrong, worst first.
    pub label_errors: Vec<LabelError>,
    /// Labels that are mixed up, most rows first.
    pub confusable: Vec<ConfusablePair>,
    /// Texts that are the same, or nearly; none if they were not looked for.
    pub duplicates: Option<Duplicates>,
}

impl Findings {
    /// Joins what a fit found in its rows and what an evaluation found in those held back. Pairs are those of the fit,
    /// which saw more rows, if it judged any: the others stand among the confusions of the report.
    #[must_use]
    pub fn with_held_back(mut self, held_back: Findings) -> Findings {
        let wrong = |findings: &Findings| findings.noise.unwrap_or_default() * findings.judged as f64;
        let (wrong, judged) = (wrong(&self) + wrong(&held_back), self.judged + held_back.judged);
        self.noise = (judged > 0).then(|| wrong / judged as f64);
        if self.judged == 0 {
            self.confusable = held_back.confusable;
        }
        self.judged = judged;
        self.not_judged += held_back.not_judged;
        self.suspects += held_back.suspects;
        self.label_errors.extend(held_back.label_errors);
        self.label_errors.sort_by(|a, b| a.margin().total_cmp(&b.margin()));
        self.label_errors.truncate(LISTED_MAX);
        self.duplicates = self.duplicates.or(held_back.duplicates);
        self
    }
}

/// A part of the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Learned from.
    Train,
    /// Held back for calibration and thresholds, then learned from.
    Calibrate,
    /// Held back to measure.
    Test,
}

impl Part {
    /// Its name in files and in the column `split`.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Calibrate => "calibrate",
            Part::Test => "test",
        }
    }
}

/// Where a row is, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRef {
    /// `train`, `calibrate` or `test`.
    pub part: String,
    /// Its place in the file of this part, from 0.
    pub place: u64,
    /// Its number in the table, if the examples query selects `_row`: `deskmill lineage MODEL --row N` leads back.
    pub row: Option<i64>,
    /// The beginning of its text, as models see it: personal data masked.
    pub text: String,
}

/// A row whose label looks wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelError {
    /// The row.
    pub row: RowRef,
    /// The label it has.
    pub given: String,
    /// The label it looks like.
    pub suggested: String,
    /// Probability of the label it has, by a model that had not learned the row.
    pub given_probability: f64,
    /// Probability of the suggested label.
    pub suggested_probability: f64,
}

impl LabelError {
    /// Probability of the given label less that of the suggested one: the lower, the more wrong it looks.
    pub fn margin(&self) -> f64 {
        self.given_probability - self.suggested_probability
    }
}

/// Two labels that are taken for each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfusablePair {
    /// The labels, in their order.
    pub labels: [String; 2],
    /// Rows of the first answered as the second, and of the second as the first.
    pub mixed: [u64; 2],
    /// Judged rows of each.
    pub rows: [u64; 2],
    /// Share of the rows of both that are mixed up.
    pub share: f64,
    /// The most confident of them.
    pub examples: Vec<LabelError>,
    /// What to do.
    pub advice: Advice,
}

/// What to do about labels that are mixed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// One row in five or more is mixed up: make one label of them, unless they are handled differently.
    Merge,
    /// Write down where one ends and the other begins, and add clear examples of both.
    Clarify,
}

/// Texts that are the same, or nearly the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Share of common wording from which on texts are near-duplicates.
    pub threshold: f64,
    /// Different texts.
    pub texts: u64,
    /// Of these, texts that were not compared by their wording, for want of memory: only those that differ in case,
    /// signs and numbers alone are known to be near-duplicates.
    pub not_compared: u64,
    /// Groups of two rows and more with the same text or near-duplicates.
    pub groups: u64,
    /// Rows in them.
    pub grouped: u64,
    /// Rows of the largest.
    pub largest: u64,
    /// How the rows were cut.
    pub cut: Cut,
    /// Texts left apart from their near-duplicates, as the group would have become too large.
    pub left_apart: u64,
    /// Test rows whose very text is also among the rows learned from.
    pub across_same: u64,
    /// Further test rows that have a near-duplicate there.
    pub across_near: u64,
    /// Some of both: a test row, and its like among the rows learned from.
    pub across: Vec<[LabelledRow; 2]>,
    /// Groups whose rows have different labels.
    pub contradictions: u64,
    /// The rows in them that do not have the most frequent label of their group.
    pub contradicting: u64,
    /// The groups with the most such rows; groups of one text first.
    pub contradictory: Vec<Contradiction>,
}

/// What became of near-duplicates when the rows were cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// They were kept together.
    Together,
    /// The same texts were; near-duplicates stand where their time puts them.
    ByTime,
    /// The column `split` says where a row is, and is obeyed.
    Given,
}

/// A row and its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelledRow {
    /// The row.
    pub row: RowRef,
    /// Its label.
    pub label: String,
}

/// Rows that say the same and have different labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// Whether they say so in the very same words.
    pub is_same_text: bool,
    /// How many rows have each label, most frequent first.
    pub labels: Vec<(String, u64)>,
    /// A row of each label.
    pub rows: Vec<LabelledRow>,
}

#[cfg(test)]
mod tests;
