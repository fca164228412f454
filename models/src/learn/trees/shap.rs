//! Exact explanations of raw scores: path-dependent TreeSHAP (Lundberg et al., "Consistent individualized feature
//! attribution for tree ensembles", 2018, Algorithm 2). Rows a tree does not know the value of go both ways, weighed by
//! the rows each side held in fitting.

use super::model::{NO_BITS, Step, TreeModel};

/// What one column on the way to a leaf does.
#[derive(Debug, Clone, Copy, Default)]
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
        let covers = self.covers();
        let mut path = Vec::new();
        for (tree, root) in self.roots.iter().enumerate() {
            let output = tree % outputs;
            let own = &mut all[output * (columns + 1)..(output + 1) * (columns + 1)];
            own[columns] += self.expected(*root, &covers);
            let mut walk = Walk {
                model: self,
                slots: &slots,
                covers: &covers,
                contributions: own,
            };
            path.clear();
            walk.visit(*root, &mut path, Element::default());
        }
        all
    }

    /// Rows that reached each step in fitting. A tree's children come after their parents.
    fn covers(&self) -> Vec<f64> {
        let mut covers = vec![0.0; self.steps.len()];
        for tree in 0..self.roots.len() {
            let start = self.arrays().leaf_start(tree);
            let end = self.roots.get(tree + 1).map_or(self.steps.len(), |root| *root as usize);
            let root = self.roots[tree] as usize;
            // One leaf more than nodes.
            let nodes = (end - root) / 2;
            covers[root + nodes..end].copy_from_slice(&self.arrays().leaf_covers[start..start + nodes + 1]);
            for node in (root..root + nodes).rev() {
                let step = &self.steps[node];
                covers[node] = covers[step.left as usize] + covers[step.right as usize];
            }
        }
        covers
    }

    /// The mean value of a tree, weighed by the rows of leaves.
    fn expected(&self, at: u32, covers: &[f64]) -> f64 {
        let step = &self.steps[at as usize];
        if step.left == at {
            return step.threshold;
        }
        let (left, right) = (covers[step.left as usize], covers[step.right as usize]);
        let share = left / (left + right);
        share * self.expected(step.left, covers) + (1.0 - share) * self.expected(step.right, covers)
    }
}

struct Walk<'a> {
    model: &'a TreeModel,
    slots: &'a [f64],
    covers: &'a [f64],
    contributions: &'a mut [f64],
}

impl Walk<'_> {
    /// Goes down from a step; `path` is what lies above, `last` the element that leads here. The first element stands
    /// for no column.
    fn visit(&mut self, at: u32, path: &mut Vec<Element>, last: Element) {
        let is_root = path.is_empty();
        let last = if is_root {
            Element {
                zero: 1.0,
                one: 1.0,
                ..last
            }
        } else {
            last
        };
        extend(path, last);
        let step = self.model.steps[at as usize];
        if step.left == at {
            for place in 1..path.len() {
                let element = path[place];
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
        let (hot_cover, cold_cover) = (self.covers[hot as usize], self.covers[cold as usize]);
        let cover = hot_cover + cold_cover;
        let mut above = Element {
            column,
            zero: 1.0,
            one: 1.0,
            weight: 0.0,
        };
        if let Some(place) = path.iter().skip(1).position(|element| element.column == column) {
            above = path[place + 1];
            unwind(path, place + 1);
        }
        let child = |zero: f64, one: f64| Element {
            column,
            zero: above.zero * zero,
            one: above.one * one,
            weight: 0.0,
        };
        self.visit(hot, &mut path.clone(), child(hot_cover / cover, 1.0));
        self.visit(cold, path, child(cold_cover / cover, 0.0));
    }
}

fn column_of(step: &Step) -> usize {
    debug_assert!(step.bits == NO_BITS || step.slot % 2 == 1);
    (step.slot / 2) as usize
}

/// Adds an element to the path and spreads the weights of subsets over it.
fn extend(path: &mut Vec<Element>, last: Element) {
    let depth = path.len();
    let weight = if depth == 0 { 1.0 } else { 0.0 };
    path.push(Element { weight, ..last });
    let length = (depth + 1) as f64;
    for at in (0..depth).rev() {
        let weight = path[at].weight;
        path[at + 1].weight += last.one * weight * (at + 1) as f64 / length;
        path[at].weight = last.zero * weight * (depth - at) as f64 / length;
    }
}

/// Takes an element out of the path again.
fn unwind(path: &mut Vec<Element>, place: usize) {
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
    path.pop();
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
