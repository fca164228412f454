//! One thread's part in boosting: derivatives of its rows, trees grown together with the other threads, scores, and the
//! decision to stop, which all threads take alike.

use super::columns::Examples;
use super::grow::{Common, Grower, Grown};
use super::histogram::Units;
use super::objective::{self, Start, weighted_quantile};
use super::settings::Objective;
use super::shard::{Shard, Tables};
use super::team::Member;
use super::tree::{Leaf, Tree};

/// Rows to learn from and to judge rounds by.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    /// To learn from.
    pub(super) examples: &'a Examples<'a>,
    /// To judge rounds by.
    pub(super) validation: Option<&'a Examples<'a>>,
}

/// What boosting ends with.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Boosted {
    /// Round after round, one tree an output.
    pub(super) trees: Vec<Tree>,
    /// Cut points of ordered levels.
    pub(super) cuts: Vec<f64>,
    /// Mean validation loss after each round.
    pub(super) losses: Vec<f64>,
}

/// One thread.
pub(super) struct Worker<'a> {
    common: &'a Common<'a>,
    member: Member<'a>,
    grower: Grower<'a>,
    shard: Shard,
    validation: Option<Shard>,
    boosted: Boosted,
    gradients: Vec<f32>,
    hessians: Vec<f32>,
    /// Softmax probabilities, class after class.
    probabilities: Vec<f32>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(common: &'a Common<'a>, parts: Parts<'_>, start: &Start, at: usize) -> Self {
        let tables = Tables {
            columns: common.columns,
            layout: common.layout,
        };
        let shard = |examples: &Examples<'_>| {
            let share = common.team.share(at, examples.rows());
            Shard::new(share, examples, &tables, &start.scores)
        };
        let own = shard(parts.examples);
        let rows = own.rows();
        let classes = match common.settings.objective {
            Objective::Multiclass { classes } => classes as usize,
            _ => 0,
        };
        Self {
            common,
            member: Member::new(common.team, at),
            grower: Grower::new(common, at),
            shard: own,
            validation: parts.validation.map(shard),
            boosted: Boosted {
                cuts: start.cuts.clone(),
                ..Boosted::default()
            },
            gradients: vec![0.0; rows],
            hessians: vec![0.0; rows],
            probabilities: vec![0.0; rows * classes],
        }
    }

    /// Boosts until a reason to stop.
    pub(super) fn run(mut self) -> Boosted {
        let settings = self.common.settings;
        let outputs = settings.objective.outputs();
        let sampled = settings.row_fraction < 1.0 || settings.feature_fraction < 1.0;
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for round in 0..settings.rounds {
            let grew = self.round(round);
            if !grew && !sampled {
                // Nothing is left to split, and no other rows or columns will come.
                self.boosted.trees.truncate(round * outputs);
                break;
            }
            self.step_cuts();
            let Some(loss) = self.validation_loss() else {
                continue;
            };
            self.boosted.losses.push(loss);
            if best.as_ref().is_none_or(|(least, _, _)| loss < *least) {
                best = Some((loss, round, self.boosted.cuts.clone()));
            }
            let since = best.as_ref().map_or(0, |(_, at, _)| round - at);
            if settings.stop_after.is_some_and(|after| since >= after) {
                break;
            }
        }
        if let Some((_, round, cuts)) = best {
            self.boosted.trees.truncate((round + 1) * outputs);
            self.boosted.cuts = cuts;
        }
        self.boosted
    }

    /// Grows the trees of one round. Returns whether any of them has a split.
    fn round(&mut self, round: usize) -> bool {
        let settings = self.common.settings;
        let outputs = settings.objective.outputs();
        let mut grew = false;
        if let Objective::Multiclass { .. } = settings.objective {
            objective::softmax_classes(&self.shard.scores, self.shard.rows(), &mut self.probabilities);
        }
        for output in 0..outputs {
            let take = |row: usize| share_of(settings.seed, [round as u64, row as u64, 1]) < settings.row_fraction;
            self.shard.reset((settings.row_fraction < 1.0).then_some(take));
            let units = self.derivatives(output);
            self.shard.pack(&units, &self.gradients, &self.hessians);
            let allowed = self.allowed((round * outputs + output) as u64);
            let mut grown = self.grower.grow(&mut self.shard, units, allowed);
            if let Objective::Quantile { alpha } = settings.objective {
                self.renew(&mut grown, alpha);
            }
            grew |= !grown.tree.nodes.is_empty();
            let shrink = |leaf: &mut Leaf| leaf.value *= settings.learning_rate;
            grown.tree.leaves.iter_mut().for_each(shrink);
            let tables = Tables {
                columns: self.common.columns,
                layout: self.common.layout,
            };
            self.shard.add_grown(&grown.tree, &grown.ranges, output, &tables);
            if let Some(validation) = &mut self.validation {
                validation.add_foreign(&grown.tree, output, &tables);
            }
            self.boosted.trees.push(grown.tree);
        }
        grew
    }

    /// Computes derivatives of an output and the units to round them to.
    fn derivatives(&mut self, output: usize) -> Units {
        let objective = &self.common.settings.objective;
        let rows = self.shard.rows();
        let out = (self.gradients.as_mut_slice(), self.hessians.as_mut_slice());
        if let Objective::Multiclass { classes } = objective {
            let own = &self.probabilities[output * rows..(output + 1) * rows];
            objective::softmax_gradients((output, *classes as usize), self.shard.examples(), own, out);
        } else {
            let scores = (self.shard.output(0), self.boosted.cuts.as_slice());
            objective::gradients(objective, self.shard.examples(), scores, out);
        }
        let (gradients, hessians) = (&self.gradients, &self.hessians);
        let sums = self.member.sum_blocks(self.shard.share, 2, |range, sums| {
            Shard::add_magnitudes(range, gradients, hessians, sums);
        });
        Units::new(sums[0], sums[1])
    }

    /// Columns that a tree may use: a share of them, at least one.
    fn allowed(&self, tree: u64) -> Vec<bool> {
        let columns = self.common.columns.len();
        let settings = self.common.settings;
        let count = ((columns as f64 * settings.feature_fraction).ceil() as usize).clamp(1, columns);
        let mut order: Vec<(f64, usize)> = (0..columns)
            .map(|column| (share_of(settings.seed, [tree, column as u64, 2]), column))
            .collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut allowed = vec![false; columns];
        order[..count].iter().for_each(|(_, column)| allowed[*column] = true);
        allowed
    }

    /// Sets each leaf to the quantile of its rows' residuals: derivatives of the pinball loss only say which side rows
    /// are on.
    fn renew(&mut self, grown: &mut Grown, alpha: f64) {
        let (residuals, values) = self.common.renewal;
        let scores = self.shard.output(0);
        let residual = |row: &u32| {
            let (target, weight) = self.shard.example(*row as usize);
            (target - scores[*row as usize], weight)
        };
        let own = grown
            .ranges
            .iter()
            .map(|range| self.shard.order[range.clone()].iter().map(residual).collect());
        *residuals.write(self.member.at) = own.collect();
        self.common.team.wait();
        let size = self.common.team.size;
        let leaves = (self.member.at..grown.tree.leaves.len()).step_by(size);
        let renewed = leaves.map(|leaf| {
            let all = residuals.read();
            let mut all: Vec<(f64, f64)> = all.iter().flat_map(|part| part[leaf].iter().copied()).collect();
            weighted_quantile(&mut all, alpha).clamp(grown.bounds[leaf].0, grown.bounds[leaf].1)
        });
        let renewed: Vec<f64> = renewed.collect();
        *values.write(self.member.at) = renewed;
        self.common.team.wait();
        let all = values.read();
        for (at, leaf) in grown.tree.leaves.iter_mut().enumerate() {
            leaf.value = all[at % size][at / size];
        }
    }

    /// Moves the cut points of ordered levels to fit the scores.
    fn step_cuts(&mut self) {
        if self.boosted.cuts.is_empty() {
            return;
        }
        let (shard, cuts) = (&self.shard, &self.boosted.cuts);
        let sums = self.member.sum_blocks(shard.share, 3 * cuts.len(), |range, sums| {
            for row in range {
                objective::add_cut_sums(cuts, shard.example(row), shard.output(0)[row], sums);
            }
        });
        objective::step_cuts(&mut self.boosted.cuts, &sums);
    }

    /// The mean loss on the validation part.
    fn validation_loss(&mut self) -> Option<f64> {
        let shard = self.validation.as_ref()?;
        let (objective, cuts) = (&self.common.settings.objective, &self.boosted.cuts);
        let sums = self.member.sum_blocks(shard.share, 2, |range, sums| {
            for row in range {
                let (target, weight) = shard.example(row);
                sums[0] += weight * objective::loss(objective, cuts, target, |output| shard.output(output)[row]);
                sums[1] += weight;
            }
        });
        Some(sums[0] / sums[1])
    }
}

/// A number from 0 to below 1 that depends on nothing but its arguments (splitmix64, Steele et al. 2014).
fn share_of(seed: u64, parts: [u64; 3]) -> f64 {
    let mix = |state: u64, part: u64| {
        let z = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let hash = parts.into_iter().fold(mix(seed, 0), mix);
    (hash >> 11) as f64 / (1u64 << 53) as f64
}
