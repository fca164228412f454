//! Scoring without walking (QuickScorer, Lucchese et al., SIGIR 2015): every node that a row fails, reached or not,
//! strikes out the leaves on its left; the first leaf left over is the row's. No step waits for the one before it and no
//! branch depends on the row. For trees of up to 64 leaves, one bit a leaf.

use super::arrays::TreeArrays;
use super::columns::ColumnKind;

/// Leaves a tree may have.
const LEAVES_MAX: usize = 64;

/// Rows that are scored side by side.
pub(super) const LANES: usize = 8;

/// The nodes of all trees of up to 64 leaves, twice: tree by tree for batches, where rows go side by side; and column by
/// column for a single row, which then meets only the nodes it fails.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Masks {
    trees: Vec<TreeMasks>,
    numeric: Vec<NumericNode>,
    category: Vec<CategoryNode>,
    columns: Vec<ColumnMasks>,
    /// From the first leaf to the last, tree by tree.
    leaf_values: Vec<f64>,
}

/// Where a tree's nodes and leaves start; a tree without any of its own here has more than 64 leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TreeMasks {
    numeric: u32,
    category: u32,
    leaves: u32,
    fits: bool,
}

/// Fails values above the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct NumericNode {
    threshold: f64,
    /// Leaves that stay if a row fails.
    keep: u64,
    /// Where batches find the value.
    slot: u32,
    tree: u32,
}

/// Fails codes that are not listed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct CategoryNode {
    keep: u64,
    slot: u32,
    tree: u32,
    /// Its words in [`TreeArrays::bit_words`].
    words: (u32, u32),
}

#[derive(Debug, Clone, PartialEq)]
enum ColumnMasks {
    /// Thresholds ascending.
    Numeric(Vec<NumericNode>),
    Category(Vec<CategoryNode>),
}

impl CategoryNode {
    /// All bits if a code is listed, otherwise none.
    #[inline(always)]
    fn listed(&self, words: &[u32], code: u32) -> u64 {
        let word = code / 32;
        let bits = if word < self.words.1 {
            words[(self.words.0 + word) as usize]
        } else {
            0
        };
        0u64.wrapping_sub(u64::from(bits >> (code % 32) & 1))
    }
}

impl Masks {
    /// From checked arrays.
    pub(super) fn new(arrays: &TreeArrays) -> Self {
        let mut columns: Vec<ColumnMasks> = Vec::with_capacity(arrays.kinds.len());
        columns.extend(arrays.kinds.iter().map(|kind| match kind {
            ColumnKind::Numeric => ColumnMasks::Numeric(Vec::new()),
            ColumnKind::Category => ColumnMasks::Category(Vec::new()),
        }));
        let mut masks = Self {
            trees: Vec::with_capacity(arrays.trees() + 1),
            numeric: Vec::new(),
            category: Vec::new(),
            columns,
            leaf_values: Vec::new(),
        };
        for tree in 0..arrays.trees() {
            let nodes = (arrays.node_starts[tree + 1] - arrays.node_starts[tree]) as usize;
            let fits = nodes < LEAVES_MAX;
            masks.push_tree(fits);
            if fits {
                masks.add_tree(arrays, tree);
            }
        }
        masks.push_tree(false);
        for column in &mut masks.columns {
            if let ColumnMasks::Numeric(nodes) = column {
                nodes.sort_by(|a, b| a.threshold.total_cmp(&b.threshold));
            }
        }
        masks
    }

    fn push_tree(&mut self, fits: bool) {
        self.trees.push(TreeMasks {
            numeric: self.numeric.len() as u32,
            category: self.category.len() as u32,
            leaves: self.leaf_values.len() as u32,
            fits,
        });
    }

    fn add_tree(&mut self, arrays: &TreeArrays, tree: usize) {
        let start = arrays.node_starts[tree] as usize;
        let leaves = arrays.leaf_start(tree);
        if arrays.node_starts[tree + 1] as usize == start {
            self.leaf_values.push(arrays.leaf_values[leaves]);
            return;
        }
        // Leaves from left to right. On the stack: nodes to enter, and nodes whose left side is done with its first leaf.
        let first = self.leaf_values.len();
        let mut stack = vec![(0i32, None)];
        while let Some((child, entered_at)) = stack.pop() {
            let leaf = self.leaf_values.len() - first;
            match (usize::try_from(child), entered_at) {
                (Err(_), _) => self
                    .leaf_values
                    .push(arrays.leaf_values[leaves + (-1 - child) as usize]),
                (Ok(node), None) => {
                    stack.push((arrays.right[start + node], None));
                    stack.push((child, Some(leaf)));
                    stack.push((arrays.left[start + node], None));
                }
                (Ok(node), Some(first_leaf)) => {
                    let failed = (1u64 << leaf) - (1u64 << first_leaf);
                    self.add_node(arrays, start + node, tree as u32, !failed);
                }
            }
        }
    }

    fn add_node(&mut self, arrays: &TreeArrays, node: usize, tree: u32, keep: u64) {
        let column = arrays.features[node];
        let slot = 2 * column + u32::from(arrays.missing_left[node] == 0);
        match &mut self.columns[column as usize] {
            ColumnMasks::Numeric(nodes) => {
                let node = NumericNode {
                    threshold: arrays.thresholds[node],
                    keep,
                    slot,
                    tree,
                };
                self.numeric.push(node);
                nodes.push(node);
            }
            ColumnMasks::Category(nodes) => {
                let words = arrays.bit_starts[node];
                let node = CategoryNode {
                    keep,
                    slot,
                    tree,
                    words: (words, arrays.bit_starts[node + 1] - words),
                };
                self.category.push(node);
                nodes.push(node);
            }
        }
    }

    /// Whether a tree is here.
    pub(super) fn has(&self, tree: usize) -> bool {
        self.trees[tree].fits
    }

    /// The value of the leaf a row reaches, given the leaves that are left over.
    #[inline(always)]
    pub(super) fn leaf_value(&self, tree: usize, left_over: u64) -> f64 {
        // The last leaf is to the left of no node, so at least one is always left over.
        self.leaf_values[(self.trees[tree].leaves + (left_over.trailing_zeros() & 63)) as usize]
    }

    /// The leaves of each tree that a row leaves over. `slots` is the row's values as batches have them.
    pub(super) fn leaves_of_row(&self, arrays: &TreeArrays, slots: &[f64], left_over: &mut Vec<u64>) {
        left_over.clear();
        left_over.resize(arrays.trees(), u64::MAX);
        for (column, slots) in self.columns.iter().zip(slots.chunks_exact(2)) {
            match column {
                ColumnMasks::Numeric(nodes) if slots[0] == slots[1] => {
                    let failed = nodes.partition_point(|node| node.threshold < slots[0]);
                    for node in &nodes[..failed] {
                        left_over[node.tree as usize] &= node.keep;
                    }
                }
                ColumnMasks::Numeric(nodes) => {
                    for node in nodes {
                        let goes_left = u64::from(node.slot & 1).wrapping_sub(1);
                        left_over[node.tree as usize] &= node.keep | goes_left;
                    }
                }
                ColumnMasks::Category(nodes) => {
                    let code = slots[0].to_bits() as u32;
                    for node in nodes {
                        left_over[node.tree as usize] &= node.keep | node.listed(&arrays.bit_words, code);
                    }
                }
            }
        }
    }

    /// The leaves of one tree that each row leaves over. `slots` has a row a lane.
    pub(super) fn leaves_of_lanes(&self, arrays: &TreeArrays, tree: usize, slots: &[[f64; LANES]]) -> [u64; LANES] {
        let (own, next) = (self.trees[tree], self.trees[tree + 1]);
        let mut left_over = [u64::MAX; LANES];
        for node in &self.numeric[own.numeric as usize..next.numeric as usize] {
            let values = &slots[node.slot as usize];
            for (left_over, value) in left_over.iter_mut().zip(values) {
                let goes_left = if *value <= node.threshold { u64::MAX } else { 0 };
                *left_over &= node.keep | goes_left;
            }
        }
        for node in &self.category[own.category as usize..next.category as usize] {
            let values = &slots[node.slot as usize];
            for (left_over, value) in left_over.iter_mut().zip(values) {
                *left_over &= node.keep | node.listed(&arrays.bit_words, value.to_bits() as u32);
            }
        }
        left_over
    }
}
