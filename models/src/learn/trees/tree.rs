//! A tree while it is grown: splits in terms of bins, so that binned rows can be sent down it.

/// Which bins go left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Test {
    /// Bins up to this one, and null's if it is said so.
    Numeric {
        /// The last bin that goes left.
        bin: u8,
        /// Whether null goes left.
        missing_left: bool,
    },
    /// The bins whose bit is set.
    Category([u64; 4]),
}

impl Test {
    /// By bin: whether it goes left. `missing` is null's bin.
    pub(super) fn table(&self, missing: usize) -> [bool; 256] {
        std::array::from_fn(|at| match self {
            Self::Numeric { missing_left, .. } if at == missing => *missing_left,
            Self::Numeric { bin, .. } => at <= usize::from(*bin),
            Self::Category(bits) => bits[at / 64] >> (at % 64) & 1 == 1,
        })
    }
}

/// A split. Children at or above 0 are nodes, others leaf `-1 - child`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    /// The column.
    pub(super) feature: usize,
    /// Which bins go left.
    pub(super) test: Test,
    /// Left child.
    pub(super) left: i32,
    /// Right child.
    pub(super) right: i32,
}

/// A leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leaf {
    /// What it adds to the score.
    pub(super) value: f64,
    /// Rows that reached it in growing.
    pub(super) rows: u64,
}

/// A grown tree. Node 0 is the root; without nodes, leaf 0 is the tree. A node's children come after it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tree {
    /// Splits.
    pub(super) nodes: Vec<Node>,
    /// Leaves.
    pub(super) leaves: Vec<Leaf>,
}

impl Tree {
    /// The place of the leaf that a row of bins reaches; `bin` gives the row's bin of a column.
    pub(super) fn leaf_of(&self, tables: &[[bool; 256]], bin: impl Fn(usize) -> u8) -> usize {
        let mut child = if self.nodes.is_empty() { -1 } else { 0 };
        while child >= 0 {
            let node = &self.nodes[child as usize];
            let left = tables[child as usize][usize::from(bin(node.feature))];
            child = if left { node.left } else { node.right };
        }
        (-1 - child) as usize
    }
}
