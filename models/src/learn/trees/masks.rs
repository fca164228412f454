//! Scoring without walking (QuickScorer, Lucchese et al., SIGIR 2015): every node that a row fails, reached or not,
//! strikes out the leaves on its left; the first leaf left over is the row's. No step waits for the one before it and no
//! branch depends on the row. For trees of up to 64 leaves, one bit a leaf.

use std::ops::Range;

use super::arrays::TreeArrays;
use super::columns::ColumnKind;

/// Leaves a tree may have.
const LEAVES_MAX: usize = 64;

/// Rows that are scored side by side.
pub(super) const LANES: usize = 8;

/// Codes of a column that tables have room for; fitted columns have fewer. More, and the column's trees are walked.
const CODES_MAX: usize = 255;

/// The nodes of all trees of up to 64 leaves, twice: tree by tree for batches, where rows go side by side; and column by
/// column for a single row, which then meets only the nodes it fails. A tree's nodes of a column of categories are one
/// table: by code, the leaves that stay.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Masks {
    trees: Vec<TreeMasks>,
    numeric: Vec<NumericNode>,
    category: Vec<CategoryTable>,
    tables: Vec<u64>,
    columns: Vec<ColumnMasks>,
    /// From the first leaf to the last, tree by tree.
    leaf_values: Vec<f64>,
}

/// Where a tree's nodes and leaves start.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TreeMasks {
    numeric: u32,
    category: u32,
    leaves: u32,
    /// Whether it has any here.
    fits: bool,
}

/// Fails values above the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct NumericNode {
    threshold: f64,
    /// Leaves that stay if a row fails.
    keep: u64,
    /// Where the value is among a row's slots.
    slot: u32,
    tree: u32,
}

/// A tree's nodes of one column of categories.
#[derive(Debug, Clone, Copy, PartialEq)]
struct CategoryTable {
    /// Where the code's place is among a row's slots.
    slot: u32,
    tree: u32,
    /// Where its masks start in the tables.
    start: u32,
}

#[derive(Debug, Clone, PartialEq)]
enum ColumnMasks {
    /// Thresholds ascending.
    Numeric(Vec<NumericNode>),
    Category {
        codes: ListedCodes,
        tables: Vec<CategoryTable>,
    },
}

/// Codes that any node of a column lists, and their places in tables; all others share the place after the last.
#[derive(Debug, Clone, Default, PartialEq)]
struct ListedCodes {
    /// By code.
    places: Vec<u16>,
    /// By place.
    codes: Vec<u32>,
}

impl ListedCodes {
    /// Of each column, from the bits of all nodes in one pass.
    fn of_columns(arrays: &TreeArrays) -> Vec<Self> {
        let mut bits: Vec<Vec<u32>> = vec![Vec::new(); arrays.kinds.len()];
        for (node, column) in arrays.features.iter().enumerate() {
            let words = &arrays.bit_words[arrays.bit_starts[node] as usize..arrays.bit_starts[node + 1] as usize];
            let bits = &mut bits[*column as usize];
            bits.resize(bits.len().max(words.len()), 0);
            bits.iter_mut().zip(words).for_each(|(all, word)| *all |= word);
        }
        bits.iter().map(|bits| Self::new(bits)).collect()
    }

    fn new(bits: &[u32]) -> Self {
        let is_listed = |code: &u32| bits[*code as usize / 32] >> (code % 32) & 1 == 1;
        let codes: Vec<u32> = (0..bits.len() as u32 * 32)
            .filter(is_listed)
            .take(CODES_MAX + 1)
            .collect();
        let mut places = vec![codes.len() as u16; codes.last().map_or(0, |last| *last as usize + 1)];
        codes
            .iter()
            .enumerate()
            .for_each(|(place, code)| places[*code as usize] = place as u16);
        Self { places, codes }
    }

    fn place(&self, code: u32) -> usize {
        let place = self.places.get(code as usize).map(|place| usize::from(*place));
        place.unwrap_or(self.codes.len())
    }
}

impl Masks {
    /// From checked arrays.
    pub(super) fn new(arrays: &TreeArrays) -> Self {
        let column = |(kind, codes): (&ColumnKind, ListedCodes)| match kind {
            ColumnKind::Numeric => ColumnMasks::Numeric(Vec::new()),
            ColumnKind::Category => ColumnMasks::Category {
                codes,
                tables: Vec::new(),
            },
        };
        let codes = ListedCodes::of_columns(arrays);
        let mut masks = Self {
            trees: Vec::with_capacity(arrays.trees() + 1),
            numeric: Vec::new(),
            category: Vec::new(),
            tables: Vec::new(),
            columns: arrays.kinds.iter().zip(codes).map(column).collect(),
            leaf_values: Vec::new(),
        };
        for tree in 0..arrays.trees() {
            let fits = masks.fits(arrays, tree);
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

    fn fits(&self, arrays: &TreeArrays, tree: usize) -> bool {
        let nodes = arrays.node_starts[tree] as usize..arrays.node_starts[tree + 1] as usize;
        let has_room = |node: usize| match &self.columns[arrays.features[node] as usize] {
            ColumnMasks::Numeric(_) => true,
            ColumnMasks::Category { codes, .. } => codes.codes.len() <= CODES_MAX,
        };
        nodes.len() < LEAVES_MAX && nodes.into_iter().all(has_room)
    }

    /// The place of a category's code in the tables of its column, as bits of a slot.
    pub(super) fn place_of(&self, column: usize, code: u32) -> f64 {
        match &self.columns[column] {
            ColumnMasks::Numeric(_) => 0.0,
            ColumnMasks::Category { codes, .. } => f64::from_bits(codes.place(code) as u64),
        }
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
            ColumnMasks::Category { codes, tables } => {
                let size = codes.codes.len() + 1;
                let table = match tables.last() {
                    Some(table) if table.tree == tree => *table,
                    _ => {
                        let table = CategoryTable {
                            slot: 2 * column + 1,
                            tree,
                            start: self.tables.len() as u32,
                        };
                        self.tables.resize(self.tables.len() + size, u64::MAX);
                        self.category.push(table);
                        tables.push(table);
                        table
                    }
                };
                let masks = &mut self.tables[table.start as usize..table.start as usize + size];
                let words = &arrays.bit_words[arrays.bit_starts[node] as usize..arrays.bit_starts[node + 1] as usize];
                let is_listed = |code: &u32| {
                    words
                        .get(*code as usize / 32)
                        .is_some_and(|word| word >> (code % 32) & 1 == 1)
                };
                for (place, mask) in masks.iter_mut().enumerate() {
                    let stays = codes.codes.get(place).is_some_and(is_listed);
                    *mask &= if stays { u64::MAX } else { keep };
                }
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
    pub(super) fn leaves_of_row(&self, slots: &[f64], left_over: &mut Vec<u64>) {
        self.leaves_of_columns(0..self.columns.len(), slots, left_over);
    }

    /// The leaves of each tree that some columns of a row leave over. `slots` has those of all columns.
    pub(super) fn leaves_of_columns(&self, columns: Range<usize>, slots: &[f64], left_over: &mut Vec<u64>) {
        left_over.clear();
        left_over.resize(self.trees.len() - 1, u64::MAX);
        let slots = slots[2 * columns.start..2 * columns.end].chunks_exact(2);
        for (column, slots) in self.columns[columns.clone()].iter().zip(slots) {
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
                ColumnMasks::Category { tables, .. } => {
                    let place = slots[1].to_bits() as usize;
                    for table in tables {
                        left_over[table.tree as usize] &= self.tables[table.start as usize + place];
                    }
                }
            }
        }
    }

    /// The leaves of one tree that each row leaves over. `slots` has a row a lane.
    pub(super) fn leaves_of_lanes(&self, tree: usize, slots: &[[f64; LANES]]) -> [u64; LANES] {
        let (own, next) = (self.trees[tree], self.trees[tree + 1]);
        let mut left_over = [u64::MAX; LANES];
        for node in &self.numeric[own.numeric as usize..next.numeric as usize] {
            let values = &slots[node.slot as usize];
            for (left_over, value) in left_over.iter_mut().zip(values) {
                let goes_left = if *value <= node.threshold { u64::MAX } else { 0 };
                *left_over &= node.keep | goes_left;
            }
        }
        for table in &self.category[own.category as usize..next.category as usize] {
            let places = &slots[table.slot as usize];
            for (left_over, place) in left_over.iter_mut().zip(places) {
                *left_over &= self.tables[table.start as usize + place.to_bits() as usize];
            }
        }
        left_over
    }
}
