//! Trees over a table's features: what every kind that learns from tables answers with.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::encoder::{FeatureColumn, TableEncoder, columns_of};
use super::plan::ColumnPlan;
use crate::artifact::{Artifact, Tensor};
use crate::encode::{map_chunks, threads};
use crate::error::{Error, Result};
use crate::explained::Reason;
use crate::kind::Signature;
use crate::learn::simple::{SimpleColumns, Simpler};
use crate::learn::trees::{ColumnKind, Objective, TreeModel, take_trees, tree_tensors};

/// Where the arrays of the trees are.
const TREES: &str = "trees.";

/// From rows to features, and from these to answers.
pub struct TableModel {
    /// From rows to features.
    pub encoder: TableEncoder,
    trees: TreeModel,
    /// By feature: the column it comes from.
    columns: Vec<usize>,
    /// What the trees are shown beside.
    simple: Option<SimpleColumns>,
}

/// The places of scores, the largest first, of equal ones the first.
pub fn ranked(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order
}

impl TableModel {
    /// Trees and the encoder of the features they were grown on.
    ///
    /// # Errors
    /// When the one does not fit the other.
    pub fn new(encoder: TableEncoder, trees: TreeModel) -> Result<Self> {
        let columns: Vec<usize> = encoder.features().into_iter().map(|(_, column)| column).collect();
        if trees.arrays().kinds.len() != columns.len() {
            return Err(Error::artifact("settings", "the columns do not fit the trees"));
        }
        Ok(Self {
            encoder,
            trees,
            columns,
            simple: None,
        })
    }

    /// With the simpler models that it is shown beside; they have learned from the same features.
    #[must_use]
    pub fn beside(mut self, simple: Option<SimpleColumns>) -> Self {
        self.simple = simple;
        self
    }

    /// The simpler models, with the rows each has learned from.
    pub fn simpler(&self) -> Vec<(Simpler, u64)> {
        self.simple.as_ref().map(SimpleColumns::members).unwrap_or_default()
    }

    /// What each simpler model answers to rows that conform to the signature: of each row the probability of each class,
    /// or level, row after row.
    ///
    /// # Errors
    /// When the rows do not have the columns of the plan.
    pub fn simpler_answers(&self, rows: &RecordBatch) -> Result<Vec<(Simpler, Vec<f64>)>> {
        let Some(simple) = &self.simple else {
            return Ok(Vec::new());
        };
        let places: Vec<usize> = (0..rows.num_rows()).collect();
        let parts = map_chunks(&places, threads(), |part| {
            let rows = rows.slice(part.first().copied().unwrap_or_default(), part.len());
            let features = self.encoder.encode(&rows)?;
            let columns = columns_of(&features);
            let members = simple.members().into_iter();
            Ok(members.map(|member| simple.answer(member.0, &columns)).collect())
        });
        let parts: Vec<Vec<Vec<f64>>> = parts.into_iter().collect::<Result<_>>()?;
        let of = |(at, (simpler, _)): (usize, (Simpler, u64))| {
            let answers = parts.iter().flat_map(|part| &part[at]).copied();
            (simpler, answers.collect())
        };
        Ok(simple.members().into_iter().enumerate().map(of).collect())
    }

    /// Takes both out of an artifact and checks them. None of what is passed is trusted.
    ///
    /// # Errors
    /// When arrays are missing or do not fit.
    pub fn take(
        artifact: &mut Artifact,
        (plan, text_scores): (&[ColumnPlan], &[usize]),
        (objective, kinds): (Objective, &[ColumnKind]),
    ) -> Result<Self> {
        let encoder = TableEncoder::take(artifact, plan.to_vec(), text_scores)?;
        let trees = take_trees(artifact, TREES, (objective, kinds.to_vec()))?;
        // Of two classes trees answer one number.
        let classes = trees.answers().max(2);
        let simple = SimpleColumns::take(artifact, kinds, classes)?;
        Ok(Self::new(encoder, trees)?.beside(simple))
    }

    /// The arrays to store.
    pub fn tensors(&self) -> std::collections::BTreeMap<String, Tensor> {
        let mut tensors = self.encoder.tensors();
        tensors.append(&mut tree_tensors(&self.trees, TREES));
        tensors.extend(self.simple.iter().flat_map(SimpleColumns::tensors));
        tensors
    }

    /// What the trees answer to rows of features: of each row as many numbers as [`Self::answers`].
    ///
    /// # Errors
    /// When the features are not those of the trees.
    pub fn answer(&self, features: &[FeatureColumn]) -> Result<Vec<f64>> {
        let answers = self.trees.predict_batch(&columns_of(features), 1);
        answers.map_err(|error| Error::table("prediction", error))
    }

    /// Numbers the trees answer to a row.
    pub fn answers(&self) -> usize {
        self.trees.answers()
    }

    /// What each column adds to a sum of the trees' raw scores for a row, the most first; `share` is how much of an output
    /// is in the sum. The features of one column speak together.
    pub fn reasons(
        &self,
        rows: &RecordBatch,
        features: &[FeatureColumn],
        row: usize,
        share: impl Fn(usize) -> f64,
    ) -> Vec<Reason> {
        let columns = columns_of(features);
        let values: Vec<f64> = columns.iter().map(|column| column.value(row)).collect();
        let plan = self.encoder.plan();
        let mut sums = vec![0.0; plan.len()];
        let contributions = self.trees.contributions(&values);
        for (output, values) in contributions.chunks_exact(columns.len() + 1).enumerate() {
            let share = share(output);
            for (column, value) in self.columns.iter().zip(values) {
                sums[*column] += share * value;
            }
        }
        let mut order: Vec<usize> = (0..sums.len()).filter(|column| sums[*column] != 0.0).collect();
        order.sort_by(|a, b| sums[*b].abs().total_cmp(&sums[*a].abs()).then(a.cmp(b)));
        let reason = |column: usize| Reason {
            name: match self.encoder.shown(column, rows, row) {
                Some(value) => format!("{} = {value}", plan[column].name),
                None => plan[column].name.clone(),
            },
            weight: sums[column],
        };
        order.into_iter().map(reason).collect()
    }
}

/// Answers rows that conform to a signature in parts, by one thread if there are fewer than `rows_min`.
///
/// # Errors
/// As `answer` for one of the parts.
pub fn in_parts(
    signature: &Signature,
    rows: &RecordBatch,
    rows_min: usize,
    answer: impl Fn(&RecordBatch) -> Result<RecordBatch> + Sync,
) -> Result<RecordBatch> {
    let places: Vec<usize> = (0..rows.num_rows()).collect();
    let threads = if places.len() < rows_min { 1 } else { threads() };
    let parts = map_chunks(&places, threads, |part| {
        answer(&rows.slice(part.first().copied().unwrap_or_default(), part.len()))
    });
    let parts: Vec<RecordBatch> = parts.into_iter().collect::<Result<_>>()?;
    concat_batches(&signature.output_schema(), &parts).map_err(|e| Error::table("prediction", e))
}
