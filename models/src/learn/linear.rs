//! The sparse linear learner: one-versus-rest classifiers with squared hinge loss and L2 penalty, by dual coordinate
//! descent (Hsieh et al., ICML 2008), over blocks of rows so that data may be larger than memory (Yu et al., KDD 2010).
//!
//! Why not stochastic gradient on a softmax: on BANKING77 it ends a point lower and needs a learning rate. Here every
//! step is exact and the classes are independent: they are learned in groups, each by one thread, so the weights do not
//! depend on the number of threads. Within a group the weights of one feature lie side by side, so the inner loops
//! run over whole vectors.

use crate::encode::{SparseRows, map_chunks};
use crate::error::Result;

/// Rows to learn from, small enough for memory.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// Features.
    pub rows: SparseRows,
    /// The class of each row, or [`NO_CLASS`](super::targets::NO_CLASS).
    pub targets: Vec<u32>,
    /// The other classes of rows that have several, as (row, class), rows ascending.
    pub more: Vec<(u32, u32)>,
    /// How much each row counts (its weight times its class's weight), above 0.
    pub weights: Vec<f32>,
}

/// A sequence of blocks that can be gone through more than once.
pub trait Blocks {
    /// Calls `visit` with each block and its number, in order.
    ///
    /// # Errors
    /// When rows cannot be read, or as `visit` does.
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()>;
}

impl Blocks for [&Block] {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        self.iter().enumerate().try_for_each(|(at, block)| visit(at, block))
    }
}

/// How to learn.
#[derive(Debug, Clone, Copy)]
pub struct LinearSettings {
    /// Loss against penalty: larger fits the rows closer.
    pub cost: f32,
    /// Seed of the order of rows.
    pub seed: u64,
    /// Threads to use; the weights do not depend on it.
    pub threads: usize,
}

/// Classes of one group: five vectors of four floats. Measured on BANKING77 against 8, 16 and 40.
const GROUP: usize = 20;
type Lanes = [f32; GROUP];

/// A step smaller than this changes no answer; leaving it out saves the update of the weights.
const STEP_MIN: f32 = 1e-4;

/// A learner in the middle of its work. Rows may be added between runs: the duals of blocks seen before are kept.
pub struct LinearTrainer {
    settings: LinearSettings,
    labels: usize,
    groups: Vec<Group>,
}

struct Group {
    first_label: usize,
    weights: Vec<Lanes>,
    bias: Lanes,
    /// By block: the duals that are not zero, as (row * GROUP + lane, value).
    duals: Vec<Vec<(u32, f32)>>,
}

impl LinearTrainer {
    /// A learner of `labels` classes over `features` features.
    pub fn new(labels: usize, features: usize, settings: LinearSettings) -> Self {
        let group = |at: usize| Group {
            first_label: at * GROUP,
            weights: vec![[0.0; GROUP]; features],
            bias: [0.0; GROUP],
            duals: Vec::new(),
        };
        Self {
            settings,
            labels,
            groups: (0..labels.div_ceil(GROUP)).map(group).collect(),
        }
    }

    /// Goes through all blocks `rounds` times, `passes` times over each block when it is there.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn run(&mut self, blocks: &(impl Blocks + ?Sized), rounds: usize, passes: usize) -> Result<()> {
        for round in 0..rounds {
            blocks.for_each(&mut |at, block| {
                let seed = self.settings.seed ^ ((round as u64) << 32 | at as u64);
                self.visit(at, block, passes, seed);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn visit(&mut self, at: usize, block: &Block, passes: usize, seed: u64) {
        let half_inverse = 0.5 / self.settings.cost;
        let shape = |row: usize| {
            let damping = half_inverse / block.weights[row];
            let square: f32 = block.rows.row(row).1.iter().map(|v| v * v).sum();
            (damping, (square + 1.0 + damping).recip())
        };
        let shapes: Vec<(f32, f32)> = (0..block.rows.len()).map(shape).collect();
        let groups = std::mem::take(&mut self.groups);
        // Groups go round the threads one by one, so that two threads share an odd number of them as well as they can.
        let threads = self.settings.threads.clamp(1, groups.len().max(1));
        let mut hands: Vec<Vec<Group>> = (0..threads).map(|_| Vec::new()).collect();
        groups
            .into_iter()
            .enumerate()
            .for_each(|(turn, group)| hands[turn % threads].push(group));
        let hands: Vec<std::sync::Mutex<Vec<Group>>> = hands.into_iter().map(std::sync::Mutex::new).collect();
        map_chunks(&hands, threads, |part| {
            for hand in part {
                let mut groups = hand.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                groups
                    .iter_mut()
                    .for_each(|group| group.descend(at, block, &shapes, (passes, seed)));
            }
        });
        let back = hands
            .into_iter()
            .flat_map(|hand| hand.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
        self.groups = back.collect();
        self.groups.sort_by_key(|group| group.first_label);
    }

    /// The weights learned so far.
    pub fn weights(&self) -> LinearWeights {
        let features = self.groups.first().map_or(0, |group| group.weights.len());
        let mut weights = vec![0.0; features * self.labels];
        let mut bias = vec![0.0; self.labels];
        for group in &self.groups {
            let range = group.first_label..(group.first_label + GROUP).min(self.labels);
            bias[range.clone()].copy_from_slice(&group.bias[..range.len()]);
            for (feature, lanes) in group.weights.iter().enumerate() {
                let start = feature * self.labels;
                weights[start + range.start..start + range.end].copy_from_slice(&lanes[..range.len()]);
            }
        }
        LinearWeights {
            labels: self.labels,
            weights,
            bias,
        }
    }
}

impl Group {
    fn descend(&mut self, at: usize, block: &Block, shapes: &[(f32, f32)], (passes, seed): (usize, u64)) {
        let rows = block.rows.len();
        let mut duals = vec![[0f32; GROUP]; rows];
        self.duals.resize_with(self.duals.len().max(at + 1), Vec::new);
        for (place, value) in self.duals[at].drain(..) {
            duals[place as usize / GROUP][place as usize % GROUP] = value;
        }
        let mut order: Vec<u32> = (0..rows as u32).collect();
        let mut random = seed.wrapping_mul(2).wrapping_add(1);
        for _ in 0..passes {
            shuffle(&mut order, &mut random);
            for &row in &order {
                let row = row as usize;
                let signs = block.signs(row, self.first_label);
                self.step(block.rows.row(row), &signs, &mut duals[row], shapes[row]);
            }
        }
        let places = duals.iter().flatten().enumerate();
        self.duals[at] = places
            .filter(|(_, value)| **value > 0.0)
            .map(|(place, value)| (place as u32, *value))
            .collect();
    }

    /// The exact minimum over the duals of one row, all classes of the group at once.
    fn step(&mut self, row: (&[u32], &[f32]), signs: &Lanes, duals: &mut Lanes, (damping, inverse): (f32, f32)) {
        let mut margin = self.bias;
        for (&feature, &value) in row.0.iter().zip(row.1) {
            let weights = &self.weights[feature as usize];
            for lane in 0..GROUP {
                margin[lane] += value * weights[lane];
            }
        }
        let mut steps = [0f32; GROUP];
        let mut largest = 0f32;
        for (lane, (step, dual)) in steps.iter_mut().zip(duals).enumerate() {
            let sign = signs[lane];
            let gradient = sign * margin[lane] - 1.0 + damping * *dual;
            let change = (*dual - gradient * inverse).max(0.0) - *dual;
            let change = if change.abs() < STEP_MIN { 0.0 } else { change };
            *dual += change;
            *step = sign * change;
            largest = largest.max(change.abs());
        }
        if largest == 0.0 {
            return;
        }
        self.bias.iter_mut().zip(&steps).for_each(|(bias, step)| *bias += step);
        for (&feature, &value) in row.0.iter().zip(row.1) {
            let weights = &mut self.weights[feature as usize];
            for lane in 0..GROUP {
                weights[lane] += value * steps[lane];
            }
        }
    }
}

/// Fisher and Yates, by a xorshift generator (Marsaglia 2003): the order has to be the same everywhere, not secret.
fn shuffle(order: &mut [u32], random: &mut u64) {
    for last in (1..order.len()).rev() {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        order.swap(last, (*random % (last as u64 + 1)) as usize);
    }
}

/// Fitted weights: what a linear model answers with.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearWeights {
    /// How many classes there are.
    pub labels: usize,
    /// One row a feature, one column a class.
    pub weights: Vec<f32>,
    /// One value a class.
    pub bias: Vec<f32>,
}

impl LinearWeights {
    /// The margin of every class for one row, into `margins` (cleared first).
    pub fn margins(&self, row: &[(u32, f32)], margins: &mut Vec<f32>) {
        margins.clear();
        margins.extend_from_slice(&self.bias);
        for &(feature, value) in row {
            let start = feature as usize * self.labels;
            for (margin, weight) in margins.iter_mut().zip(&self.weights[start..start + self.labels]) {
                *margin += value * weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Rows whose class shows in one of many features, with noise features beside it.
    fn block(rows: usize, labels: u32) -> Block {
        let mut block = Block::default();
        for row in 0..rows as u32 {
            let label = row % labels;
            let noise = labels + (row.wrapping_mul(2_654_435_761) >> 20) % 50;
            block.rows.push(&[(label, 1.0), (noise, 0.5)]);
            block.targets.push(label);
            block.weights.push(1.0);
        }
        block
    }

    fn fit(threads: usize, blocks: &[&Block], labels: usize) -> LinearWeights {
        let settings = LinearSettings {
            cost: 1.0,
            seed: 7,
            threads,
        };
        let mut trainer = LinearTrainer::new(labels, labels + 50, settings);
        trainer.run(blocks, 5, 2).unwrap();
        trainer.weights()
    }

    #[test]
    fn learns_and_does_not_depend_on_threads() {
        let block = block(600, 45);
        let one = fit(1, &[&block], 45);
        assert_eq!(one, fit(3, &[&block], 45));
        let mut margins = Vec::new();
        for label in 0..45u32 {
            one.margins(&[(label, 1.0)], &mut margins);
            let best = (0..45).max_by(|a, b| margins[*a].total_cmp(&margins[*b])).unwrap();
            assert_eq!(best, label as usize);
        }
    }

    #[test]
    fn two_blocks_reach_what_one_reaches() {
        let whole = block(400, 4);
        let mut halves = [Block::default(), Block::default()];
        for row in 0..400 {
            let half = &mut halves[row / 200];
            let (features, values) = whole.rows.row(row);
            half.rows
                .push(&features.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>());
            half.targets.push(whole.targets[row]);
            half.weights.push(1.0);
        }
        let (one, two) = (fit(2, &[&whole], 4), fit(2, &[&halves[0], &halves[1]], 4));
        let apart = one
            .weights
            .iter()
            .zip(&two.weights)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(apart < 0.02, "{apart}");
    }
}
