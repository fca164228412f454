//! Scoring single rows and batches. A row's leaf values are added in the order of trees either way: alone and in a batch
//! it gets the same bits.

use super::columns::Column;
use super::error::TreeError;
use super::masks::LANES;
use super::model::TreeModel;
use super::team::map_in_order;

/// Groups of lanes that go through a tree one after the other: its nodes and the rows stay in the first-level cache.
const GROUPS: usize = 4;

/// Rows one thread scores before it takes more.
const CHUNK: usize = 4096;

impl TreeModel {
    /// The raw scores of one row (cleared first), one an output. `row` has one value a column: a number, or a category's
    /// code; NaN is null. Values that are missing, unseen or no codes count as null.
    pub fn margins(&self, row: &[f64], margins: &mut Vec<f64>) {
        let mut slots = vec![0.0; 2 * self.arrays().kinds.len()];
        let mut left_over = Vec::new();
        self.fill_slots(
            |column| row.get(column).copied().unwrap_or(f64::NAN),
            |slot, value| slots[slot] = value,
        );
        self.masks.leaves_of_row(&slots, &mut left_over);
        margins.clear();
        margins.extend_from_slice(&self.arrays().start_scores);
        let outputs = margins.len();
        let mut output = 0;
        for (tree, left_over) in left_over.iter().enumerate() {
            margins[output] += if self.masks.has(tree) {
                self.masks.leaf_value(tree, *left_over)
            } else {
                self.walk(self.roots[tree], |slot| slots[slot])
            };
            output = if output + 1 == outputs { 0 } else { output + 1 };
        }
    }

    /// The answers for one row; see [`Self::margins`] and [`Self::answer`].
    pub fn predict(&self, row: &[f64], answers: &mut Vec<f64>) {
        let mut margins = Vec::with_capacity(self.outputs());
        self.margins(row, &mut margins);
        self.answer(&margins, answers);
    }

    /// The raw scores of all rows of a batch, row after row.
    ///
    /// # Errors
    /// When the columns are not those the model was fitted on.
    pub fn margins_batch(&self, columns: &[Column<'_>], threads: usize) -> Result<Vec<f64>, TreeError> {
        let rows = self.check_columns(columns)?;
        let starts: Vec<usize> = (0..rows).step_by(CHUNK).collect();
        let parts = map_in_order(&starts, threads, |start| {
            self.chunk_margins(columns, *start, CHUNK.min(rows - start))
        });
        Ok(parts.concat())
    }

    /// The answers for all rows of a batch, row after row.
    ///
    /// # Errors
    /// As [`Self::margins_batch`].
    pub fn predict_batch(&self, columns: &[Column<'_>], threads: usize) -> Result<Vec<f64>, TreeError> {
        let margins = self.margins_batch(columns, threads)?;
        let mut all = Vec::with_capacity(margins.len() / self.outputs() * self.answers());
        let mut answers = Vec::with_capacity(self.answers());
        for margins in margins.chunks_exact(self.outputs()) {
            self.answer(margins, &mut answers);
            all.extend_from_slice(&answers);
        }
        Ok(all)
    }

    fn chunk_margins(&self, columns: &[Column<'_>], start: usize, rows: usize) -> Vec<f64> {
        let outputs = self.outputs();
        let mut margins = self.arrays().start_scores.repeat(rows);
        let mut groups = vec![vec![[0.0; LANES]; 2 * columns.len()]; GROUPS];
        for (block, margins) in margins.chunks_mut(GROUPS * LANES * outputs).enumerate() {
            let first = start + block * GROUPS * LANES;
            let count = margins.len() / outputs;
            for row in 0..count {
                let slots = &mut groups[row / LANES];
                self.fill_slots(
                    |column| columns[column].value(first + row),
                    |slot, value| slots[slot][row % LANES] = value,
                );
            }
            self.block_margins(&groups[..count.div_ceil(LANES)], margins);
        }
        margins
    }

    /// Adds all trees to the scores of some rows. Lanes beyond the last row hold leftovers; nobody reads their leaves.
    fn block_margins(&self, groups: &[Vec<[f64; LANES]>], margins: &mut [f64]) {
        let outputs = self.outputs();
        let mut output = 0;
        for (tree, root) in self.roots.iter().enumerate() {
            let has = self.masks.has(tree);
            for (slots, margins) in groups.iter().zip(margins.chunks_mut(LANES * outputs)) {
                let own = margins.iter_mut().skip(output).step_by(outputs);
                if has {
                    let left_over = self.masks.leaves_of_lanes(tree, slots);
                    own.zip(left_over)
                        .for_each(|(margin, left_over)| *margin += self.masks.leaf_value(tree, left_over));
                } else {
                    own.enumerate()
                        .for_each(|(lane, margin)| *margin += self.walk(*root, |slot| slots[slot][lane]));
                }
            }
            output = if output + 1 == outputs { 0 } else { output + 1 };
        }
    }

    /// The value of the leaf that a row comes to from a root, step by step.
    fn walk(&self, root: u32, slot: impl Fn(usize) -> f64) -> f64 {
        let mut at = root;
        loop {
            let step = &self.steps[at as usize];
            if step.left == at {
                return step.threshold;
            }
            let left = self.goes_left(step, slot(step.slot as usize));
            at = if left { step.left } else { step.right };
        }
    }
}
