//! Trees in an artifact.

use std::collections::BTreeMap;

use super::{ColumnKind, Objective, TreeArrays, TreeModel};
use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};

/// The arrays of trees to store, their names beginning with `prefix`.
pub fn tree_tensors(trees: &TreeModel, prefix: &str) -> BTreeMap<String, Tensor> {
    let arrays = trees.arrays();
    let signed = |values: &[i32]| Tensor::U32(values.iter().map(|value| value.cast_unsigned()).collect());
    let tensors = [
        ("start_scores", Tensor::F64(arrays.start_scores.clone())),
        ("cuts", Tensor::F64(arrays.cuts.clone())),
        ("node_starts", Tensor::U32(arrays.node_starts.clone())),
        ("features", Tensor::U32(arrays.features.clone())),
        ("thresholds", Tensor::F64(arrays.thresholds.clone())),
        ("missing_left", Tensor::U8(arrays.missing_left.clone())),
        ("left", signed(&arrays.left)),
        ("right", signed(&arrays.right)),
        ("bit_starts", Tensor::U32(arrays.bit_starts.clone())),
        ("bit_words", Tensor::U32(arrays.bit_words.clone())),
        ("leaf_values", Tensor::F64(arrays.leaf_values.clone())),
        ("leaf_covers", Tensor::F64(arrays.leaf_covers.clone())),
    ];
    tensors
        .into_iter()
        .map(|(name, tensor)| (format!("{prefix}{name}"), tensor))
        .collect()
}

/// Takes trees out of an artifact and checks them: they answer for `kinds` of columns with `objective`.
///
/// # Errors
/// When an array is missing, of another type, or they are no trees.
pub fn take_trees(
    artifact: &mut Artifact,
    prefix: &str,
    (objective, kinds): (Objective, Vec<ColumnKind>),
) -> Result<TreeModel> {
    let mut part = artifact.take_part(prefix);
    let signed = |values: Vec<u32>| values.into_iter().map(u32::cast_signed).collect();
    let arrays = TreeArrays {
        objective,
        kinds,
        start_scores: part.take_f64("start_scores")?,
        cuts: part.take_f64("cuts")?,
        node_starts: part.take_u32("node_starts")?,
        features: part.take_u32("features")?,
        thresholds: part.take_f64("thresholds")?,
        missing_left: part.take_u8("missing_left")?,
        left: signed(part.take_u32("left")?),
        right: signed(part.take_u32("right")?),
        bit_starts: part.take_u32("bit_starts")?,
        bit_words: part.take_u32("bit_words")?,
        leaf_values: part.take_f64("leaf_values")?,
        leaf_covers: part.take_f64("leaf_covers")?,
    };
    TreeModel::from_arrays(arrays).map_err(|error| Error::artifact(format!("{prefix}trees"), error))
}
