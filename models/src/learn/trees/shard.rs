//! The rows one thread owns: their bins, targets, scores and the order that puts the rows of a leaf side by side.

use std::ops::Range;

use super::bins::ColumnBins;
use super::columns::{Column, Examples};
use super::histogram::{Layout, Units};
use super::objective::Rows;
use super::team::{BLOCK_ROWS, RowShare};
use super::tree::Tree;

/// Binned rows, twice: by row for histograms, by column for sending rows down a tree.
pub(super) struct BinnedRows {
    /// See [`Layout::tiles`].
    pub(super) tiles: Vec<Vec<u64>>,
    columns: Vec<Vec<u8>>,
}

impl BinnedRows {
    fn new(share: RowShare, examples: &Examples<'_>, tables: &Tables<'_>) -> Self {
        let column = |(bins, column): (&ColumnBins, &Column<'_>)| {
            let mut all = vec![0; share.rows()];
            for (block, range) in share.ranges().enumerate() {
                bins.put(column, share.first_row(block), &mut all[range]);
            }
            all
        };
        let columns: Vec<Vec<u8>> = tables.columns.iter().zip(examples.columns).map(column).collect();
        Self {
            tiles: tables.layout.tiles(&columns),
            columns,
        }
    }

    /// Adds a tree to the scores of some rows.
    fn add_tree(&self, tree: &Tree, tables: &Tables<'_>, rows: &[u32], scores: &mut [f64]) {
        let goes_left = tables.of(tree);
        for row in rows {
            let leaf = tree.leaf_of(&goes_left, |feature| self.columns[feature][*row as usize]);
            scores[*row as usize] += tree.leaves[leaf].value;
        }
    }
}

/// Rows with their scores.
pub(super) struct Shard {
    /// Which of all rows these are.
    pub(super) share: RowShare,
    /// Their bins.
    pub(super) binned: BinnedRows,
    targets: Vec<f64>,
    weights: Vec<f32>,
    /// Output after output.
    pub(super) scores: Vec<f64>,
    /// Rows, those of a leaf side by side, ascending within it; rows that a round leaves out come last.
    pub(super) order: Vec<u32>,
    scratch: Vec<u32>,
    /// Rows that the round learns from.
    pub(super) used: usize,
    /// Packed derivatives by row.
    pub(super) packed: Vec<u64>,
    /// Packed derivatives in the order of a leaf's rows.
    pub(super) ordered: Vec<u64>,
}

impl Shard {
    /// The rows of a share, scored with `start`.
    pub(super) fn new(share: RowShare, examples: &Examples<'_>, tables: &Tables<'_>, start: &[f64]) -> Self {
        let rows = share.rows();
        Self {
            share,
            binned: BinnedRows::new(share, examples, tables),
            targets: (0..rows).map(|own| examples.targets[share.row(own)]).collect(),
            weights: (0..rows).map(|own| examples.weight(share.row(own)) as f32).collect(),
            scores: start
                .iter()
                .flat_map(|score| std::iter::repeat_n(*score, rows))
                .collect(),
            order: (0..rows as u32).collect(),
            scratch: vec![0; rows],
            used: rows,
            packed: vec![0; rows],
            ordered: vec![0; rows],
        }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.targets.len()
    }

    /// Targets and weights.
    pub(super) fn examples(&self) -> Rows<'_> {
        Rows {
            targets: &self.targets,
            weights: &self.weights,
        }
    }

    /// Target and weight of a row.
    pub(super) fn example(&self, row: usize) -> (f64, f64) {
        (self.targets[row], f64::from(self.weights[row]))
    }

    /// Scores of one output.
    pub(super) fn output(&self, output: usize) -> &[f64] {
        let rows = self.rows();
        &self.scores[output * rows..(output + 1) * rows]
    }

    /// Packs the derivatives of a tree to come.
    pub(super) fn pack(&mut self, units: &Units, gradients: &[f32], hessians: &[f32]) {
        units.pack(gradients, hessians, &mut self.packed);
    }

    /// Puts rows back in order, those first that `take` says the round learns from.
    pub(super) fn reset(&mut self, take: Option<impl Fn(usize) -> bool>) {
        let rows = self.rows() as u32;
        self.order.clear();
        match take {
            None => self.order.extend(0..rows),
            Some(take) => {
                let taken: Vec<bool> = (0..rows).map(|row| take(self.share.row(row as usize))).collect();
                self.order.extend((0..rows).filter(|row| taken[*row as usize]));
                self.used = self.order.len();
                self.order.extend((0..rows).filter(|row| !taken[*row as usize]));
            }
        }
    }

    /// Fills `ordered` with the derivatives of a range of the order.
    pub(super) fn gather(&mut self, range: Range<usize>) {
        let rows = &self.order[range];
        for (ordered, row) in self.ordered.iter_mut().zip(rows) {
            *ordered = self.packed[*row as usize];
        }
    }

    /// Moves the rows of a range whose bin goes left before the others, keeping the order among both. Returns how many
    /// went left.
    pub(super) fn partition(&mut self, range: Range<usize>, feature: usize, table: &[bool; 256]) -> usize {
        let bins = self.binned.columns[feature].as_slice();
        let rows = &mut self.order[range];
        let scratch = &mut self.scratch[..rows.len()];
        let (mut left, mut right) = (0, 0);
        for at in 0..rows.len() {
            let row = rows[at];
            let goes_left = table[usize::from(bins[row as usize])];
            // Both places are written and one of them counts, which spares a branch nobody can predict.
            rows[left] = row;
            scratch[right] = row;
            left += usize::from(goes_left);
            right += usize::from(!goes_left);
        }
        rows[left..].copy_from_slice(&scratch[..right]);
        left
    }

    /// Adds a grown tree to the scores of an output. `leaves` are the ranges of the order that its leaves hold.
    pub(super) fn add_grown(&mut self, tree: &Tree, leaves: &[Range<usize>], output: usize, tables: &Tables<'_>) {
        let rows = self.rows();
        let scores = &mut self.scores[output * rows..(output + 1) * rows];
        for (leaf, range) in tree.leaves.iter().zip(leaves) {
            for row in &self.order[range.clone()] {
                scores[*row as usize] += leaf.value;
            }
        }
        let left_out = &self.order[self.used..];
        if !left_out.is_empty() {
            self.binned.add_tree(tree, tables, left_out, scores);
        }
    }

    /// Adds a tree grown on other rows to the scores of an output.
    pub(super) fn add_foreign(&mut self, tree: &Tree, output: usize, tables: &Tables<'_>) {
        let rows = self.rows();
        let scores = &mut self.scores[output * rows..(output + 1) * rows];
        self.binned.add_tree(tree, tables, &self.order, scores);
    }

    /// The sums over one block of rows of magnitudes of derivatives.
    pub(super) fn add_magnitudes(range: Range<usize>, gradients: &[f32], hessians: &[f32], sums: &mut [f64]) {
        debug_assert!(range.len() <= BLOCK_ROWS);
        // Four sums at a time, which is a fixed order too.
        let add = |values: &[f32]| {
            let mut lanes = [0f64; 4];
            for four in values.chunks(4) {
                four.iter()
                    .zip(&mut lanes)
                    .for_each(|(value, lane)| *lane += f64::from(value.abs()));
            }
            lanes.iter().sum::<f64>()
        };
        sums[0] += add(&gradients[range.clone()]);
        sums[1] += add(&hessians[range]);
    }
}

/// What turns a tree's splits into tables by bin.
pub(super) struct Tables<'a> {
    /// The bins of columns.
    pub(super) columns: &'a [ColumnBins],
    /// Where they lie.
    pub(super) layout: &'a Layout,
}

impl Tables<'_> {
    fn of(&self, tree: &Tree) -> Vec<[bool; 256]> {
        let table = |node: &super::tree::Node| node.test.table(self.columns[node.feature].values());
        tree.nodes.iter().map(table).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bins::fit_bins;
    use super::super::team::Team;
    use super::*;

    #[test]
    fn partition_keeps_rows_and_their_order() {
        let values: Vec<f64> = (0..1000u32).map(|row| f64::from(row * 7919 % 100)).collect();
        let columns = [Column::Numeric(&values)];
        let examples = Examples {
            columns: &columns,
            targets: &values,
            weights: None,
        };
        let bins = fit_bins(&columns, 255, 1);
        let share = Team::new(1).share(0, 1000);
        let tables = Tables {
            columns: &bins,
            layout: &Layout::new(1),
        };
        let mut shard = Shard::new(share, &examples, &tables, &[0.0]);
        let table = std::array::from_fn(|bin| bin < 30);
        let left = shard.partition(100..900, 0, &table);
        let (lefts, rights) = shard.order[100..900].split_at(left);
        assert!(lefts.iter().all(|row| values[*row as usize] < 30.0) && lefts.is_sorted());
        assert!(rights.iter().all(|row| values[*row as usize] >= 30.0) && rights.is_sorted());
        let mut all = shard.order.clone();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
    }
}
