//! What becomes of a case with an agent: how long it takes and whether it ends well, for every pair of both.

mod evaluate;
mod fit;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};

use super::assign::Predicted;
use crate::artifact::{Artifact, Tensor};
use crate::encode::threads;
use crate::error::{Error, Result};
use crate::kind::ValueSpec;
use crate::learn::trees::{ColumnKind, Objective, TreeModel, take_trees, tree_tensors};
use crate::table::{ColumnPlan, Encoded, FeatureColumn, Role, TableEncoder, TextScorer, columns_of, scored};

pub(super) use evaluate::PairTally;
pub(super) use fit::{Pairs, fit};

/// The column of the examples that says how long a case took, in seconds.
pub(super) const HANDLE: &str = "handle_s";

/// The column of the examples that says whether a case ended well: true or false, 1 or 0.
pub(super) const OUTCOME: &str = "outcome";

/// The quantiles of the time a case takes.
pub(super) const QUANTILES: [f64; 2] = [0.5, 0.9];

/// The longest time that is answered, in seconds: what an assignment takes.
const HANDLE_MAX_S: f64 = 1e7;

/// The small facts about agents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AgentSettings {
    /// The column that names the agent.
    pub agent: String,
    /// The columns of agents.
    pub plan: Vec<ColumnPlan>,
    /// The features of case and agent, as trees take them.
    pub kinds: Vec<ColumnKind>,
    /// How many scores each column of texts has, that say how long such cases take.
    #[serde(default)]
    pub text_scores: Vec<usize>,
    /// What is added to the logarithm of each of [`QUANTILES`], so that held-back rows are below it as often as it says;
    /// absent if times were not learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<[f64; 2]>,
    /// Whether outcomes were learned.
    pub outcome: bool,
    /// Rows learned from: times and outcomes.
    pub rows: (u64, u64),
}

/// A fitted model of agents.
pub(super) struct Agents {
    pub settings: AgentSettings,
    encoder: TableEncoder,
    /// By column of texts of a case.
    scorers: Vec<TextScorer>,
    handle: Vec<TreeModel>,
    outcome: Option<TreeModel>,
}

/// Where the trees are in an artifact.
const PREFIXES: [&str; 3] = ["agents.handle.centre.", "agents.handle.above.", "agents.outcome."];

/// What trees learn: the centre of a time's logarithm, how far above it the upper quantile is, and the outcome. The centre is
/// learned by squared error, which takes far fewer rows than a median, and moved to be the median of held-back rows.
fn objective(place: usize) -> Objective {
    match place {
        0 => Objective::SquaredError,
        1 => Objective::Quantile { alpha: QUANTILES[1] },
        _ => Objective::Binary,
    }
}

impl Agents {
    fn new(
        settings: AgentSettings,
        scorers: Vec<TextScorer>,
        handle: Vec<TreeModel>,
        outcome: Option<TreeModel>,
    ) -> Self {
        Self {
            encoder: TableEncoder::new(settings.plan.clone()),
            settings,
            scorers,
            handle,
            outcome,
        }
    }

    /// Takes the trees out of an artifact and checks them; `case_kinds` are the features of cases.
    ///
    /// # Errors
    /// When arrays are missing or do not fit the settings.
    pub fn take(artifact: &mut Artifact, settings: AgentSettings, case_kinds: &[ColumnKind]) -> Result<Self> {
        let is_text = |column: &ColumnPlan| matches!(column.role, Role::Text);
        let fits = settings.kinds.starts_with(case_kinds)
            && settings.kinds.len() > case_kinds.len()
            && settings.plan.iter().any(|column| column.name == settings.agent)
            && !settings.plan.iter().any(is_text)
            && settings
                .handle
                .is_none_or(|shifts| shifts.iter().all(|shift| shift.is_finite()))
            && (settings.handle.is_some() || settings.outcome)
            && settings.text_scores.len() < 1_000;
        if !fits {
            return Err(Error::artifact("settings", "agents do not fit the cases"));
        }
        let mut trees =
            |place: usize| take_trees(artifact, PREFIXES[place], (objective(place), settings.kinds.clone()));
        let handle = match settings.handle {
            Some(_) => vec![trees(0)?, trees(1)?],
            None => Vec::new(),
        };
        let outcome = settings.outcome.then(|| trees(2)).transpose()?;
        let mut scorers = Vec::with_capacity(settings.text_scores.len());
        for (at, scores) in settings.text_scores.iter().enumerate() {
            scorers.push(TextScorer::take(&mut artifact.take_part(&text_prefix(at)), *scores)?);
        }
        let scores: usize = settings.text_scores.iter().sum();
        let agents = Self::new(settings, scorers, handle, outcome);
        if agents.encoder.features().len() + scores != agents.settings.kinds.len() - case_kinds.len() {
            return Err(Error::artifact(
                "settings",
                "columns of agents do not fit their features",
            ));
        }
        Ok(agents)
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let outcome = self.outcome.iter().map(|trees| (trees, PREFIXES[2]));
        let trees = self.handle.iter().zip(PREFIXES).chain(outcome);
        let trees = trees.flat_map(|(trees, prefix)| tree_tensors(trees, prefix));
        let texts = self.scorers.iter().enumerate().flat_map(|(at, scorer)| {
            let tensors = scorer.tensors().into_iter();
            tensors.map(move |(name, tensor)| (format!("{}{name}", text_prefix(at)), tensor))
        });
        trees.chain(texts).collect()
    }

    /// The columns of agents in a request; a request for the queue alone leaves them out.
    pub fn inputs(&self) -> Vec<ValueSpec> {
        self.encoder.inputs()
    }

    /// The features of cases as agents are learned with them: those of the queue, and how long such texts take.
    fn of_cases(&self, cases: &Encoded, threads: usize) -> Vec<FeatureColumn> {
        let mut features = cases.columns.clone();
        features.extend(scored(&cases.texts, &self.scorers, threads));
        features
    }

    /// What becomes of rows that have the columns of agents, given the features of their cases: of each row both quantiles in
    /// seconds, if times were learned, and the probability of a good outcome, if that was.
    ///
    /// # Errors
    /// When a column is missing.
    pub fn predict(&self, rows: &RecordBatch, cases: &Encoded) -> Result<Outlook> {
        let cases = self.of_cases(cases, 1);
        let agents = self.encoder.read(rows, 1)?.columns;
        let columns = [columns_of(&cases), columns_of(&agents)].concat();
        let failed = |error| Error::table("prediction", error);
        let answers = |trees: &TreeModel| trees.predict_batch(&columns, 1).map_err(failed);
        let handle = self.handle.iter().map(answers).collect::<Result<Vec<_>>>()?;
        Ok(Outlook {
            handle_s: self.in_seconds(handle),
            outcome: self.outcome.as_ref().map(answers).transpose()?,
        })
    }

    /// What an assignment needs of every pair: the same numbers as [`Self::predict`] gives to rows put together.
    ///
    /// # Errors
    /// When a column is missing.
    pub fn pairs(&self, cases: &Encoded, agents: &RecordBatch) -> Result<Predicted> {
        let cases = self.of_cases(cases, threads());
        let agents = self.encoder.read(agents, 1)?.columns;
        let (cases, agents) = (columns_of(&cases), columns_of(&agents));
        let count = |columns: &[crate::learn::trees::Column<'_>]| columns.first().map_or(0, |column| column.len());
        let pairs = count(&cases) * count(&agents);
        let failed = |error| Error::table("prediction", error);
        let answers = |trees: &TreeModel| match trees.predict_cross((&cases, &agents), threads()).map_err(failed)? {
            Some(answers) => Ok(answers),
            None => self.pair_by_pair(trees, &cases, &agents),
        };
        let median = self.handle.first().map(answers).transpose()?;
        let outcome = self.outcome.as_ref().map(answers).transpose()?;
        Ok(Predicted {
            handle_s: match median {
                Some(median) => self.in_seconds(vec![median]).remove(0),
                None => vec![0.0; pairs],
            },
            outcome: outcome.unwrap_or_else(|| vec![1.0; pairs]),
        })
    }

    /// For trees of very many leaves.
    fn pair_by_pair(
        &self,
        trees: &TreeModel,
        cases: &[crate::learn::trees::Column<'_>],
        agents: &[crate::learn::trees::Column<'_>],
    ) -> Result<Vec<f64>> {
        let count = |columns: &[crate::learn::trees::Column<'_>]| columns.first().map_or(0, |column| column.len());
        let (mut all, mut answers) = (Vec::new(), Vec::new());
        for case in 0..count(cases) {
            for agent in 0..count(agents) {
                let values = cases.iter().map(|column| column.value(case));
                let values: Vec<f64> = values.chain(agents.iter().map(|column| column.value(agent))).collect();
                trees.predict(&values, &mut answers);
                all.extend_from_slice(&answers);
            }
        }
        Ok(all)
    }

    /// Logarithms of times as seconds; the upper quantile comes as its distance to the lower one, and is never below it.
    fn in_seconds(&self, mut logs: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let shifts = self.settings.handle.unwrap_or_default();
        if let [centre, above] = logs.as_mut_slice() {
            above
                .iter_mut()
                .zip(centre)
                .for_each(|(above, centre)| *above += *centre);
        }
        for (logs, shift) in logs.iter_mut().zip(shifts) {
            logs.iter_mut().for_each(|log| *log = seconds(*log + shift));
        }
        if let [low, high] = logs.as_mut_slice() {
            high.iter_mut().zip(low).for_each(|(high, low)| *high = high.max(*low));
        }
        logs
    }
}

fn text_prefix(text: usize) -> String {
    format!("agents.text.{text}.")
}

/// What is learned of a time: its logarithm, of a second more, as times are spread over orders of magnitude.
fn log_of(seconds: f64) -> f64 {
    (seconds.max(0.0) + 1.0).ln()
}

fn seconds(log: f64) -> f64 {
    (log.min(50.0).exp() - 1.0).clamp(0.0, HANDLE_MAX_S)
}

/// What is to be expected of rows.
pub(super) struct Outlook {
    /// By quantile: seconds, row by row; empty if times were not learned.
    pub handle_s: Vec<Vec<f64>>,
    /// Probabilities of a good outcome, if it was learned.
    pub outcome: Option<Vec<f64>>,
}
