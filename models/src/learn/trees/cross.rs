//! Scoring all pairs of two sides, of which each row gives a part of the columns: the leaves that a side strikes out of a
//! tree do not depend on the other side, so each row of a side is looked at once and a pair costs one `and` a tree.

use super::columns::Column;
use super::error::TreeError;
use super::masks::LANES;
use super::model::TreeModel;
use super::team::map_in_order;

impl TreeModel {
    /// The answers for every pair of a row on the left, which gives the first columns, and one on the right, which gives the
    /// others: all pairs of the first row on the left, then of the second, and so on; the same bits as
    /// [`Self::predict_batch`] gives to rows that are put together. `None` if a tree has too many leaves for this way.
    ///
    /// # Errors
    /// When the columns are not those the model was fitted on.
    pub fn predict_cross(
        &self,
        (left, right): (&[Column<'_>], &[Column<'_>]),
        threads: usize,
    ) -> Result<Option<Vec<f64>>, TreeError> {
        let both: Vec<Column<'_>> = left.iter().chain(right).copied().collect();
        let rows = |columns: &[Column<'_>]| columns.first().map_or(0, Column::len);
        let (lefts, rights) = (rows(left), rows(right));
        let kinds = both.iter().map(Column::kind);
        if !kinds.eq(self.arrays().kinds.iter().copied()) || left.is_empty() || right.is_empty() {
            return Err(TreeError::rows("columns", "are not those of both sides"));
        }
        if (0..self.roots.len()).any(|tree| !self.masks.has(tree)) {
            return Ok(None);
        }
        let side = |columns: std::ops::Range<usize>, rows: usize| -> Vec<Vec<u64>> {
            let mut slots = vec![0.0; 2 * both.len()];
            let one = |row: usize| {
                let value = |column: usize| {
                    if columns.contains(&column) {
                        both[column].value(row)
                    } else {
                        f64::NAN
                    }
                };
                self.fill_slots(value, |slot, value| slots[slot] = value);
                let mut left_over = Vec::new();
                self.masks.leaves_of_columns(columns.clone(), &slots, &mut left_over);
                left_over
            };
            (0..rows).map(one).collect()
        };
        let (lefts, rights) = (side(0..left.len(), lefts), side(left.len()..both.len(), rights));
        let rights = Lanes::of(&rights, self.roots.len());
        let pairs = map_in_order(&lefts, threads, |own| self.pairs_of(own, &rights));
        Ok(Some(pairs.concat()))
    }

    /// The answers of one row on the left with all rows on the right.
    fn pairs_of(&self, own: &[u64], rights: &Lanes) -> Vec<f64> {
        let outputs = self.outputs();
        let mut answers = Vec::with_capacity(rights.rows * self.answers());
        let mut answer = Vec::new();
        let mut sums = vec![[0.0; LANES]; outputs];
        for (group, masks) in rights.masks.chunks_exact(own.len().max(1)).enumerate() {
            for (sums, start) in sums.iter_mut().zip(&self.arrays().start_scores) {
                *sums = [*start; LANES];
            }
            let mut output = 0;
            for (tree, (own, masks)) in own.iter().zip(masks).enumerate() {
                for (sum, mask) in sums[output].iter_mut().zip(masks) {
                    *sum += self.masks.leaf_value(tree, own & mask);
                }
                output = if output + 1 == outputs { 0 } else { output + 1 };
            }
            for lane in 0..LANES.min(rights.rows - group * LANES) {
                let margins: Vec<f64> = sums.iter().map(|sums| sums[lane]).collect();
                self.answer(&margins, &mut answer);
                answers.extend_from_slice(&answer);
            }
        }
        answers
    }
}

/// The leaves that rows of a side leave over, tree by tree for some rows at a time.
struct Lanes {
    rows: usize,
    masks: Vec<[u64; LANES]>,
}

impl Lanes {
    fn of(rows: &[Vec<u64>], trees: usize) -> Self {
        let group = |group: &[Vec<u64>]| -> Vec<[u64; LANES]> {
            let lanes = |tree: usize| std::array::from_fn(|lane| group.get(lane).map_or(u64::MAX, |row| row[tree]));
            (0..trees).map(lanes).collect()
        };
        Self {
            rows: rows.len(),
            masks: rows.chunks(LANES).flat_map(group).collect(),
        }
    }
}
