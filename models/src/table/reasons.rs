//! Why trees answer a row so, by columns.

use arrow::array::RecordBatch;

use super::encoder::{FeatureColumn, TableEncoder, columns_of};
use crate::explained::Reason;
use crate::learn::trees::TreeModel;

/// What each column adds to a sum of the trees' raw scores, the most first; `share` is how much of an output is in the sum
/// for a row. The features of one column speak together.
pub fn reasons_of(
    (encoder, trees): (&TableEncoder, &TreeModel),
    rows: &RecordBatch,
    features: &[FeatureColumn],
    row: usize,
    share: &dyn Fn(usize) -> f64,
) -> Vec<Reason> {
    let columns = columns_of(features);
    let values: Vec<f64> = columns.iter().map(|column| column.value(row)).collect();
    let all = trees.contributions(&values);
    let mut sums = vec![0.0; encoder.plan().len()];
    let names = encoder.features();
    for (output, values) in all.chunks_exact(columns.len() + 1).enumerate() {
        let share = share(output);
        for ((_, column), value) in names.iter().zip(values) {
            sums[*column] += share * value;
        }
    }
    let mut order: Vec<usize> = (0..sums.len()).filter(|column| sums[*column] != 0.0).collect();
    order.sort_by(|a, b| sums[*b].abs().total_cmp(&sums[*a].abs()).then(a.cmp(b)));
    let reason = |column: usize| Reason {
        name: match encoder.shown(column, rows, row) {
            Some(value) => format!("{} = {value}", encoder.plan()[column].name),
            None => encoder.plan()[column].name.clone(),
        },
        weight: sums[column],
    };
    order.into_iter().map(reason).collect()
}
