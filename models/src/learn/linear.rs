//! The sparse linear learner: one-versus-rest classifiers with squared hinge loss and L2 penalty, by dual coordinate
//! descent (Hsieh et al., ICML 2008), over blocks of rows so that data may be larger than memory (Yu et al., KDD 2010).
//!
//! Why not stochastic gradient on a softmax: on BANKING77 it ends a point lower and needs a learning rate. Here every
//! step is exact and the classes are independent: they are learned in groups, each by one thread, so the weights do not
//! depend on the number of threads. Within a group the weights of one feature lie side by side, so the inner loops
//! run over whole vectors.

use std::ops::Range;

use super::weights::LinearWeights;
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

/// A fall of the held-back loss by a smaller share is not worth another round: on BANKING77 and on desks of 150,000
/// rows, answers get no better after it.
const LOSS_FALL_MIN: f64 = 0.01;

/// A learner in the middle of its work. Rows may be added between runs: the duals of blocks seen before are kept.
pub struct LinearTrainer {
    settings: LinearSettings,
    first_label: usize,
    labels: usize,
    groups: Vec<Group>,
}

struct Group {
    first_label: usize,
    weights: Vec<Lanes>,
    bias: Lanes,
    /// By block: the duals that are not zero, as (row * GROUP + lane, value).
    duals: Vec<Vec<(u32, f32)>>,
    /// The least loss on held-back rows so far.
    loss_least: f64,
    /// Whether that loss has stopped falling.
    done: bool,
}

impl LinearTrainer {
    /// A learner of `labels` classes over `features` features.
    pub fn new(labels: usize, features: usize, settings: LinearSettings) -> Self {
        Self::part(0..labels, features, settings)
    }

    /// A learner of some of the classes, the others being none of theirs. Classes do not wait for each other, so parts
    /// that begin at a multiple of [`Self::PART`] learn what the whole would.
    pub fn part(labels: Range<usize>, features: usize, settings: LinearSettings) -> Self {
        let group = |at: usize| Group {
            first_label: labels.start + at * GROUP,
            weights: vec![[0.0; GROUP]; features],
            bias: [0.0; GROUP],
            duals: Vec::new(),
            loss_least: f64::INFINITY,
            done: false,
        };
        Self {
            settings,
            first_label: labels.start,
            labels: labels.len(),
            groups: (0..labels.len().div_ceil(GROUP)).map(group).collect(),
        }
    }

    /// Classes that are learned side by side.
    pub const PART: usize = GROUP;

    /// Memory a learner of so many classes takes, in bytes, with its weights once copied out.
    pub fn size_bytes(labels: usize, features: usize) -> usize {
        2 * labels.next_multiple_of(GROUP) * features * size_of::<f32>()
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

    /// As [`Self::run`], until the loss on `held_back` stops falling; each group of classes by itself. All rounds, if no
    /// row is held back.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn run_until(&mut self, blocks: &(impl Blocks + ?Sized), held_back: &Block, rounds: usize) -> Result<()> {
        for round in 0..rounds {
            blocks.for_each(&mut |at, block| {
                let seed = self.settings.seed ^ ((round as u64) << 32 | at as u64);
                self.visit(at, block, 1, seed);
                Ok(())
            })?;
            if !held_back.rows.is_empty() {
                self.for_each_group(|group| group.judge(held_back));
            }
            if self.groups.iter().all(|group| group.done) {
                break;
            }
        }
        self.groups.iter_mut().for_each(|group| group.done = false);
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
        self.for_each_group(|group| {
            if !group.done {
                group.descend(at, block, &shapes, (passes, seed));
            }
        });
    }

    /// Does `work` to all groups, which go round the threads one by one, so that two threads share an odd number of them
    /// as well as they can.
    fn for_each_group(&mut self, work: impl Fn(&mut Group) + Sync) {
        let groups = std::mem::take(&mut self.groups);
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
                groups.iter_mut().for_each(&work);
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
            let first = group.first_label - self.first_label;
            let range = first..(first + GROUP).min(self.labels);
            bias[range.clone()].copy_from_slice(&group.bias[..range.len()]);
            for (feature, lanes) in group.weights.iter().enumerate() {
                let start = feature * self.labels;
                weights[start + range.start..start + range.end].copy_from_slice(&lanes[..range.len()]);
            }
        }
        LinearWeights::full(self.labels, weights, bias)
    }
}

impl Group {
    /// Says whether the loss on held-back rows has stopped falling.
    fn judge(&mut self, held_back: &Block) {
        let mut loss = 0.0;
        for row in 0..held_back.rows.len() {
            let margin = self.margin(held_back.rows.row(row));
            let signs = held_back.signs::<GROUP>(row, self.first_label);
            let short = |(margin, sign): (&f32, &f32)| f64::from((1.0 - sign * margin).max(0.0));
            let squares: f64 = margin.iter().zip(&signs).map(short).map(|short| short * short).sum();
            loss += squares * f64::from(held_back.weights[row]);
        }
        self.done = loss > self.loss_least * (1.0 - LOSS_FALL_MIN);
        self.loss_least = self.loss_least.min(loss);
    }

    fn margin(&self, row: (&[u32], &[f32])) -> Lanes {
        let mut margin = self.bias;
        for (&feature, &value) in row.0.iter().zip(row.1) {
            let weights = &self.weights[feature as usize];
            for lane in 0..GROUP {
                margin[lane] += value * weights[lane];
            }
        }
        margin
    }

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
        let margin = self.margin(row);
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
        let apart = (0..54).flat_map(|feature| (0..4).map(move |label| (feature, label)));
        let apart = apart.map(|(feature, label)| (one.weight(feature, label) - two.weight(feature, label)).abs());
        let apart = apart.fold(0.0, f32::max);
        assert!(apart < 0.02, "{apart}");
    }

    #[test]
    fn parts_learn_what_the_whole_learns() {
        let block = block(600, 45);
        let settings = LinearSettings {
            cost: 1.0,
            seed: 7,
            threads: 2,
        };
        let part = |labels| {
            let mut trainer = LinearTrainer::part(labels, 95, settings);
            trainer.run([&block].as_slice(), 5, 2).unwrap();
            trainer.weights().sparse(usize::MAX)
        };
        let parts = LinearWeights::join(vec![part(0..20), part(20..40), part(40..45)]);
        assert_eq!(parts, fit(2, &[&block], 45).sparse(usize::MAX));
    }

    #[test]
    fn stops_when_held_back_rows_gain_nothing_more() {
        let (block, held_back) = (block(600, 45), block(100, 45));
        let settings = LinearSettings {
            cost: 1.0,
            seed: 7,
            threads: 2,
        };
        let learned = |rounds| {
            let mut trainer = LinearTrainer::new(45, 95, settings);
            trainer.run_until([&block].as_slice(), &held_back, rounds).unwrap();
            trainer.weights()
        };
        assert_eq!(learned(50), learned(60));
        assert_ne!(learned(1), learned(60));
    }
}
