//! A fitted model: checked arrays, with the steps that scoring walks.

use super::arrays::TreeArrays;
use super::bins::ColumnBins;
use super::columns::{Column, ColumnKind, MISSING_CODE, bounded};
use super::error::TreeError;
use super::masks::Masks;
use super::objective::{Start, exp, level_probability, sigmoid};
use super::settings::Objective;
use super::tree::Tree;

/// Trees that answer for rows.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeModel {
    arrays: TreeArrays,
    /// Nodes and leaves of all trees; a tree's nodes come before its leaves.
    pub(super) steps: Vec<Step>,
    /// The root of each tree among the steps.
    pub(super) roots: Vec<u32>,
    pub(super) masks: Masks,
    /// Rows that reached each step in fitting.
    pub(super) covers: Vec<f64>,
}

/// A node or a leaf. A leaf leads to itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// A value up to this goes left; a leaf's value.
    pub(super) threshold: f64,
    /// Where the value to ask is among a row's slots.
    pub(super) slot: u32,
    /// Step below on the left.
    pub(super) left: u32,
    /// Step below on the right.
    pub(super) right: u32,
    /// Node whose words say which categories go left, or [`NO_BITS`].
    pub(super) bits: u32,
}

/// Of steps that compare numbers.
pub(super) const NO_BITS: u32 = u32::MAX;

impl TreeModel {
    /// A model from stored arrays.
    ///
    /// # Errors
    /// As [`TreeArrays::validate`].
    pub fn from_arrays(arrays: TreeArrays) -> Result<Self, TreeError> {
        arrays.validate()?;
        let mut steps = Vec::with_capacity(arrays.features.len() + arrays.leaf_values.len());
        let mut roots = Vec::with_capacity(arrays.trees());
        for tree in 0..arrays.trees() {
            let range = arrays.node_starts[tree] as usize..arrays.node_starts[tree + 1] as usize;
            let (root, nodes) = (steps.len(), range.len());
            roots.push(root as u32);
            let below = |child: i32| match usize::try_from(child) {
                Ok(node) => (root + node) as u32,
                Err(_) => (root + nodes) as u32 + (-1 - child) as u32,
            };
            let leaves = arrays.leaf_start(tree)..arrays.leaf_start(tree) + nodes + 1;
            for node in range {
                let feature = arrays.features[node];
                let is_category = arrays.kinds[feature as usize] == ColumnKind::Category;
                steps.push(Step {
                    threshold: arrays.thresholds[node],
                    slot: 2 * feature + u32::from(!is_category && arrays.missing_left[node] == 0),
                    left: below(arrays.left[node]),
                    right: below(arrays.right[node]),
                    bits: if is_category { node as u32 } else { NO_BITS },
                });
            }
            for leaf in leaves {
                let own = steps.len() as u32;
                steps.push(Step {
                    threshold: arrays.leaf_values[leaf],
                    slot: 0,
                    left: own,
                    right: own,
                    bits: NO_BITS,
                });
            }
        }
        let masks = Masks::new(&arrays);
        let covers = covers(&arrays, &steps, &roots);
        Ok(Self {
            arrays,
            steps,
            roots,
            masks,
            covers,
        })
    }

    pub(super) fn from_trees(
        objective: Objective,
        columns: &[ColumnBins],
        start: &Start,
        trees: &[Tree],
    ) -> Result<Self, TreeError> {
        Self::from_arrays(TreeArrays::from_trees(objective, columns, start, trees))
    }

    /// The arrays to store.
    pub fn arrays(&self) -> &TreeArrays {
        &self.arrays
    }

    /// Raw scores a row has.
    pub fn outputs(&self) -> usize {
        self.arrays.objective.outputs()
    }

    /// Answers a row gets: probabilities, or one value.
    pub fn answers(&self) -> usize {
        self.arrays.objective.answers()
    }

    /// Turns the raw scores of one row into its answers (cleared first): probabilities of classes or levels, the
    /// probability of 1, or the value itself.
    pub fn answer(&self, margins: &[f64], answers: &mut Vec<f64>) {
        answers.clear();
        let first = margins.first().copied().unwrap_or(0.0);
        match self.arrays.objective {
            Objective::Binary => answers.push(sigmoid(first)),
            Objective::Multiclass { .. } => {
                let largest = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                answers.extend(margins.iter().map(|margin| exp(margin - largest)));
                let sum: f64 = answers.iter().sum();
                answers.iter_mut().for_each(|answer| *answer /= sum);
            }
            Objective::Ordinal { levels } => {
                let level = |level| level_probability(first, &self.arrays.cuts, level);
                answers.extend((0..levels as usize).map(level));
                let sum: f64 = answers.iter().sum();
                answers.iter_mut().for_each(|answer| *answer /= sum);
            }
            Objective::Quantile { .. } | Objective::SquaredError => answers.push(first),
        }
    }

    /// Gives out what steps ask of a row, two slots a column: for a number, the value with null as below all and then as
    /// above all; for a category, the bits of its code, null as a code nobody has, and of its place in tables.
    #[inline(always)]
    pub(super) fn fill_slots(&self, value: impl Fn(usize) -> f64, mut put: impl FnMut(usize, f64)) {
        for (column, kind) in self.arrays.kinds.iter().enumerate() {
            let value = value(column);
            let (left, right) = match kind {
                ColumnKind::Numeric if value.is_nan() => (f64::NEG_INFINITY, f64::INFINITY),
                ColumnKind::Numeric => (bounded(value), bounded(value)),
                ColumnKind::Category => {
                    let code = if is_code(value) { value as u32 } else { MISSING_CODE };
                    (f64::from_bits(u64::from(code)), self.masks.place_of(column, code))
                }
            };
            put(2 * column, left);
            put(2 * column + 1, right);
        }
    }

    /// Whether a row goes left at a step.
    #[inline(always)]
    pub(super) fn goes_left(&self, step: &Step, value: f64) -> bool {
        if step.bits == NO_BITS {
            value <= step.threshold
        } else {
            self.is_listed(step.bits as usize, value.to_bits() as u32)
        }
    }

    #[inline(always)]
    fn is_listed(&self, node: usize, code: u32) -> bool {
        let starts = &self.arrays.bit_starts;
        let word = starts[node] as usize + (code / 32) as usize;
        word < starts[node + 1] as usize && self.arrays.bit_words[word] >> (code % 32) & 1 == 1
    }

    /// Checks that columns are those the model was fitted on.
    pub(super) fn check_columns(&self, columns: &[Column<'_>]) -> Result<usize, TreeError> {
        let kinds = columns.iter().map(Column::kind);
        if !kinds.eq(self.arrays.kinds.iter().copied()) {
            return Err(TreeError::rows(
                "columns",
                "are not of the number and kinds the model was fitted on",
            ));
        }
        let rows = columns.first().map_or(0, Column::len);
        match columns.iter().position(|column| column.len() != rows) {
            Some(at) => Err(TreeError::rows(
                format!("column {at}"),
                format!("does not have {rows} rows"),
            )),
            None => Ok(rows),
        }
    }
}

fn is_code(value: f64) -> bool {
    value >= 0.0 && value < f64::from(MISSING_CODE) && value.fract() == 0.0
}

/// By step. A tree's children come after their parents, and it has one leaf more than nodes.
fn covers(arrays: &TreeArrays, steps: &[Step], roots: &[u32]) -> Vec<f64> {
    let mut covers = vec![0.0; steps.len()];
    for (tree, root) in roots.iter().enumerate() {
        let root = *root as usize;
        let end = roots.get(tree + 1).map_or(steps.len(), |next| *next as usize);
        let (nodes, leaves) = ((end - root) / 2, arrays.leaf_start(tree));
        covers[root + nodes..end].copy_from_slice(&arrays.leaf_covers[leaves..=leaves + nodes]);
        for node in (root..root + nodes).rev() {
            covers[node] = covers[steps[node].left as usize] + covers[steps[node].right as usize];
        }
    }
    covers
}
