//! Trees over a table's features: what every kind that learns from tables answers with.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::encoder::{FeatureColumn, TableEncoder, columns_of};
use super::plan::ColumnPlan;
use super::stored::{take_trees, tree_tensors};
use crate::artifact::{Artifact, Tensor};
use crate::encode::{map_chunks, threads};
use crate::error::{Error, Result};
use crate::explained::Reason;
use crate::kind::Signature;
use crate::learn::trees::{ColumnKind, Objective, TreeModel};

/// Where the arrays of the trees are.
const TREES: &str = "trees.";

/// From rows to features, and from these to answers.
pub struct TableModel {
    /// From rows to features.
    pub encoder: TableEncoder,
    trees: TreeModel,
    /// By feature: the column it comes from.
    columns: Vec<usize>,
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
        })
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
        Self::new(encoder, trees)
    }

    /// The arrays to store.
    pub fn tensors(&self) -> std::collections::BTreeMap<String, Tensor> {
        let mut tensors = self.encoder.tensors();
        tensors.append(&mut tree_tensors(&self.trees, TREES));
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
