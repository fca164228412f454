//! Exact explanations of raw scores: path-dependent TreeSHAP (Lundberg et al., "Consistent individualized feature
//! attribution for tree ensembles", 2018, Algorithm 2). Rows a tree does not know the value of go both ways, weighed by
//! the rows each side held in fitting.

use super::model::{NO_BITS, Step, TreeModel};

/// What one column on the way to a leaf does.
#[derive(Debug, Clone, Copy)]
struct Element {
    /// The column.
    column: usize,
    /// Share of rows that come this way if the column is not known.
    zero: f64,
    /// Whether the row comes this way if it is: 1 or 0.
    one: f64,
    /// Weight of subsets with as many known columns as this element's place.
    weight: f64,
}

impl Element {
    /// Stands for no column: all rows come this way.
    const NONE: Self = Self {
        column: usize::MAX,
        zero: 1.0,
        one: 1.0,
        weight: 0.0,
    };
}

impl TreeModel {
    /// What each column adds to the raw scores of one row: output after output, one value a column and then the expected
    /// score. An output's values add up to its raw score. `row` as for [`Self::margins`].
    pub fn contributions(&self, row: &[f64]) -> Vec<f64> {
        let columns = self.arrays().kinds.len();
        let outputs = self.outputs();
        let mut slots = vec![0.0; 2 * columns];
        self.fill_slots(
            |column| row.get(column).copied().unwrap_or(f64::NAN),
            |slot, value| slots[slot] = value,
        );
        let mut all = vec![0.0; outputs * (columns + 1)];
        for (own, start) in all.chunks_exact_mut(columns + 1).zip(&self.arrays().start_scores) {
            own[columns] = *start;
        }
        let mut path = Vec::new();
        for (tree, root) in self.roots.iter().enumerate() {
            let output = tree % outputs;
            let own = &mut all[output * (columns + 1)..(output + 1) * (columns + 1)];
            own[columns] += self.expected(*root);
            let mut walk = Walk {
                model: self,
                slots: &slots,
                path: &mut path,
                contributions: own,
            };
            walk.visit(*root, (0, 0), Element::NONE);
        }
        all
    }

    /// The mean value of a tree, weighed by the rows of leaves.
    fn expected(&self, at: u32) -> f64 {
        let step = &self.steps[at as usize];
        if step.left == at {
            return step.threshold;
        }
        let (left, right) = (self.covers[step.left as usize], self.covers[step.right as usize]);
        let share = left / (left + right);
        share * self.expected(step.left) + (1.0 - share) * self.expected(step.right)
    }
}

struct Walk<'a> {
    model: &'a TreeModel,
    slots: &'a [f64],
    /// The paths to all steps above, each a copy of the one before it with what came to it.
    path: &'a mut Vec<Element>,
    contributions: &'a mut [f64],
}

impl Walk<'_> {
    /// Goes down from a step. The path above it lies at `start`, `length` elements long; `last` leads here. The first
    /// element stands for no column.
    fn visit(&mut self, at: u32, (start, length): (usize, usize), last: Element) {
        let mut end = start + length + 1;
        if self.path.len() < end {
            self.path.resize(end, Element::NONE);
        }
        extend(&mut self.path[start..end], last);
        let step = self.model.steps[at as usize];
        if step.left == at {
            let path = &self.path[start..end];
            for (place, element) in path.iter().enumerate().skip(1) {
                let share = unwound_sum(path, place) * (element.one - element.zero);
                self.contributions[element.column] += share * step.threshold;
            }
            return;
        }
        let column = column_of(&step);
        let left = self.model.goes_left(&step, self.slots[step.slot as usize]);
        let (hot, cold) = if left {
            (step.left, step.right)
        } else {
            (step.right, step.left)
        };
        let (hot_cover, cold_cover) = (self.model.covers[hot as usize], self.model.covers[cold as usize]);
        let cover = hot_cover + cold_cover;
        let path = &mut self.path[start..end];
        let mut above = Element::NONE;
        if let Some(place) = path.iter().skip(1).position(|element| element.column == column) {
            above = path[place + 1];
            unwind(path, place + 1);
            end -= 1;
        }
        let child = |zero: f64, one: f64| Element {
            column,
            zero: above.zero * zero,
            one: above.one * one,
            weight: 0.0,
        };
        let length = end - start;
        self.path.truncate(end);
        self.path.extend_from_within(start..end);
        self.visit(hot, (end, length), child(hot_cover / cover, 1.0));
        self.visit(cold, (start, length), child(cold_cover / cover, 0.0));
    }
}

fn column_of(step: &Step) -> usize {
    debug_assert!(step.bits == NO_BITS || step.slot.is_multiple_of(2));
    (step.slot / 2) as usize
}

/// Puts an element at the end of the path and spreads the weights of subsets over it.
fn extend(path: &mut [Element], last: Element) {
    let depth = path.len() - 1;
    let weight = if depth == 0 { 1.0 } else { 0.0 };
    path[depth] = Element { weight, ..last };
    let length = path.len() as f64;
    for at in (0..depth).rev() {
        let weight = path[at].weight;
        path[at + 1].weight += last.one * weight * (at + 1) as f64 / length;
        path[at].weight = last.zero * weight * (depth - at) as f64 / length;
    }
}

/// Takes an element out of the path again; the last place is then free.
fn unwind(path: &mut [Element], place: usize) {
    let depth = path.len() - 1;
    let (zero, one) = (path[place].zero, path[place].one);
    let length = (depth + 1) as f64;
    let mut next = path[depth].weight;
    for at in (0..depth).rev() {
        let weight = path[at].weight;
        if one == 0.0 {
            path[at].weight = weight * length / (zero * (depth - at) as f64);
        } else {
            path[at].weight = next * length / ((at + 1) as f64 * one);
            next = weight - path[at].weight * zero * (depth - at) as f64 / length;
        }
    }
    for at in place..depth {
        path[at] = Element {
            weight: path[at].weight,
            ..path[at + 1]
        };
    }
}

/// The sum of weights the path would have without an element.
fn unwound_sum(path: &[Element], place: usize) -> f64 {
    let depth = path.len() - 1;
    let (zero, one) = (path[place].zero, path[place].one);
    let length = (depth + 1) as f64;
    let mut next = path[depth].weight;
    let mut sum = 0.0;
    for at in (0..depth).rev() {
        let weight = path[at].weight;
        if one == 0.0 {
            sum += weight * length / (zero * (depth - at) as f64);
        } else {
            let without = next * length / ((at + 1) as f64 * one);
            sum += without;
            next = weight - without * zero * (depth - at) as f64 / length;
        }
    }
    sum
}
