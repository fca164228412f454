//! Trees as flat arrays, the form they are stored in. What comes from a disk is checked here before anything walks it.

use super::bins::ColumnBins;
use super::columns::{CODE_MAX, ColumnKind};
use super::error::TreeError;
use super::objective::Start;
use super::settings::{DEPTH_MAX, Objective};
use super::tree::{Test, Tree};

/// A model's numbers. Trees follow each other round after round, one an output; a tree's nodes and leaves are numbered
/// from 0 within it. A tree has one leaf more than nodes; its root is node 0 or, without nodes, its one leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeArrays {
    /// What was boosted.
    pub objective: Objective,
    /// The columns a row has.
    pub kinds: Vec<ColumnKind>,
    /// Scores before the first tree, one an output.
    pub start_scores: Vec<f64>,
    /// Cut points between ordered levels, ascending; empty for other objectives.
    pub cuts: Vec<f64>,
    /// Where each tree's nodes start, and where the last one's end.
    pub node_starts: Vec<u32>,
    /// The column each node asks.
    pub features: Vec<u32>,
    /// A value up to this goes left. 0 for categories.
    pub thresholds: Vec<f64>,
    /// 1 if null goes left. 0 for categories, whose nulls go right.
    pub missing_left: Vec<u8>,
    /// The child below: a node of the tree, after this one, or leaf `-1 - child`.
    pub left: Vec<i32>,
    /// The same on the right.
    pub right: Vec<i32>,
    /// Where each node's words start in `bit_words`, and where the last one's end. Empty for numbers.
    pub bit_starts: Vec<u32>,
    /// Bits by category code: 1 goes left.
    pub bit_words: Vec<u32>,
    /// What each leaf adds to its output's score.
    pub leaf_values: Vec<f64>,
    /// Rows each leaf held in fitting, above 0; explanations weigh by them.
    pub leaf_covers: Vec<f64>,
}

impl TreeArrays {
    pub(super) fn from_trees(objective: Objective, columns: &[ColumnBins], start: &Start, trees: &[Tree]) -> Self {
        let mut arrays = Self {
            objective,
            kinds: columns.iter().map(ColumnBins::kind).collect(),
            start_scores: start.scores.clone(),
            cuts: start.cuts.clone(),
            node_starts: vec![0],
            features: Vec::new(),
            thresholds: Vec::new(),
            missing_left: Vec::new(),
            left: Vec::new(),
            right: Vec::new(),
            bit_starts: vec![0],
            bit_words: Vec::new(),
            leaf_values: Vec::new(),
            leaf_covers: Vec::new(),
        };
        for tree in trees {
            for node in &tree.nodes {
                arrays.features.push(node.feature as u32);
                arrays.push_test(&node.test, &columns[node.feature]);
                arrays.left.push(node.left);
                arrays.right.push(node.right);
                arrays.bit_starts.push(arrays.bit_words.len() as u32);
            }
            arrays.node_starts.push(arrays.features.len() as u32);
            arrays.leaf_values.extend(tree.leaves.iter().map(|leaf| leaf.value));
            arrays
                .leaf_covers
                .extend(tree.leaves.iter().map(|leaf| leaf.rows as f64));
        }
        arrays
    }

    fn push_test(&mut self, test: &Test, bins: &ColumnBins) {
        let (mut threshold, mut null_left) = (0.0, false);
        match (test, bins) {
            (Test::Numeric { bin, missing_left }, ColumnBins::Numeric { bounds }) => {
                // After the last value bin only null is left to tell apart.
                threshold = bounds.get(usize::from(*bin)).copied().unwrap_or(f64::MAX);
                null_left = *missing_left;
            }
            (Test::Category(bits), ColumnBins::Category { codes, .. }) => {
                let start = self.bit_words.len();
                let listed = codes
                    .iter()
                    .enumerate()
                    .filter(|(bin, _)| bits[bin / 64] >> (bin % 64) & 1 == 1);
                for (_, code) in listed {
                    let word = start + *code as usize / 32;
                    self.bit_words.resize(self.bit_words.len().max(word + 1), 0);
                    self.bit_words[word] |= 1 << (code % 32);
                }
            }
            _ => {}
        }
        self.thresholds.push(threshold);
        self.missing_left.push(u8::from(null_left));
    }

    /// Number of trees.
    pub fn trees(&self) -> usize {
        self.node_starts.len().saturating_sub(1)
    }

    /// The first leaf of a tree: before it come one leaf a node and one more a tree.
    pub(super) fn leaf_start(&self, tree: usize) -> usize {
        self.node_starts[tree] as usize + tree
    }

    /// Checks that the arrays are a model: lengths and ranges fit, children form trees, numbers are finite. After it,
    /// nothing that walks the arrays can leave them or go round for ever.
    ///
    /// # Errors
    /// Names the array and the place that is wrong.
    pub fn validate(&self) -> Result<(), TreeError> {
        self.objective.check()?;
        let outputs = self.objective.outputs();
        let nodes = self.features.len();
        require(!self.kinds.is_empty(), "kinds", "there is no column")?;
        require(
            self.start_scores.len() == outputs,
            "start_scores",
            "there is not one an output",
        )?;
        require(
            finite(&self.start_scores),
            "start_scores",
            "hold a value that is not a finite number",
        )?;
        self.validate_cuts()?;
        starts("node_starts", &self.node_starts, nodes)?;
        require(
            self.trees().is_multiple_of(outputs),
            "node_starts",
            "the last round lacks trees",
        )?;
        let lengths = [
            ("thresholds", self.thresholds.len()),
            ("missing_left", self.missing_left.len()),
            ("left", self.left.len()),
            ("right", self.right.len()),
            ("bit_starts", self.bit_starts.len().saturating_sub(1)),
        ];
        for (name, length) in lengths {
            require(length == nodes, name, "there is not one a node")?;
        }
        starts("bit_starts", &self.bit_starts, self.bit_words.len())?;
        let leaves = nodes + self.trees();
        require(
            self.leaf_values.len() == leaves,
            "leaf_values",
            "there is not one a leaf",
        )?;
        require(
            self.leaf_covers.len() == leaves,
            "leaf_covers",
            "there is not one a leaf",
        )?;
        let covers = self.leaf_covers.iter().all(|cover| (1e-9..=1e18).contains(cover));
        require(covers, "leaf_covers", "hold a value that is not a number of rows")?;
        require(
            finite(&self.thresholds),
            "thresholds",
            "hold a value that is not a finite number",
        )?;
        self.validate_values()?;
        (0..nodes).try_for_each(|node| self.validate_test(node))?;
        (0..self.trees()).try_for_each(|tree| self.validate_tree(tree))
    }

    fn validate_cuts(&self) -> Result<(), TreeError> {
        let count = match self.objective {
            Objective::Ordinal { levels } => levels as usize - 1,
            _ => 0,
        };
        require(
            self.cuts.len() == count,
            "cuts",
            "there is not one between any two levels",
        )?;
        let ascending = self.cuts.windows(2).all(|pair| pair[0] < pair[1]);
        require(
            finite(&self.cuts) && ascending,
            "cuts",
            "are not finite numbers that ascend",
        )
    }

    /// No sum of leaf values may leave the range of finite numbers.
    fn validate_values(&self) -> Result<(), TreeError> {
        let largest: f64 = self
            .leaf_values
            .iter()
            .chain(&self.start_scores)
            .map(|value| value.abs())
            .sum();
        require(largest <= 1e300, "leaf_values", "add up to more than a finite number")
    }

    fn validate_test(&self, node: usize) -> Result<(), TreeError> {
        let place = || format!("node {node}");
        let Some(kind) = self.kinds.get(self.features[node] as usize) else {
            return Err(TreeError::arrays(place(), "asks a column that is not there"));
        };
        let words = self.bit_starts[node + 1] - self.bit_starts[node];
        let has_bits = words > 0 && words <= CODE_MAX.div_ceil(32);
        let fits = match kind {
            ColumnKind::Numeric => words == 0 && self.missing_left[node] <= 1,
            ColumnKind::Category => has_bits && self.missing_left[node] == 0,
        };
        match fits {
            true => Ok(()),
            false => Err(TreeError::arrays(place(), "does not fit the kind of its column")),
        }
    }

    /// Each node and leaf but the root is the child of exactly one node that comes before it.
    fn validate_tree(&self, tree: usize) -> Result<(), TreeError> {
        let place = || format!("tree {tree}");
        let start = self.node_starts[tree] as usize;
        let nodes = self.node_starts[tree + 1] as usize - start;
        let mut depths = vec![0; nodes];
        let mut leaf_seen = vec![false; nodes + 1];
        for node in 0..nodes {
            if node > 0 && depths[node] == 0 {
                return Err(TreeError::arrays(place(), "has a node that no node before it leads to"));
            }
            let depth = depths[node] + 1;
            if depth > DEPTH_MAX {
                return Err(TreeError::arrays(place(), format!("is deeper than {DEPTH_MAX}")));
            }
            for child in [self.left[start + node], self.right[start + node]] {
                let fresh = match usize::try_from(child) {
                    Ok(child) if child > node && child < nodes && depths[child] == 0 => {
                        depths[child] = depth;
                        true
                    }
                    Ok(_) => false,
                    Err(_) => {
                        let leaf = leaf_seen.get_mut((-1 - i64::from(child)) as usize);
                        leaf.is_some_and(|seen| !std::mem::replace(seen, true))
                    }
                };
                if !fresh {
                    return Err(TreeError::arrays(
                        place(),
                        format!("node {node} has a child out of range or taken"),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}

fn require(holds: bool, place: &str, message: &str) -> Result<(), TreeError> {
    if holds {
        Ok(())
    } else {
        Err(TreeError::arrays(place, message))
    }
}

fn starts(place: &str, starts: &[u32], end: usize) -> Result<(), TreeError> {
    let fits = starts.first() == Some(&0) && starts.last().map(|last| *last as usize) == Some(end);
    require(fits && starts.is_sorted(), place, "do not ascend from 0 to the end")
}
