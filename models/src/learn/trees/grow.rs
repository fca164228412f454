//! Growing one tree, leaf by leaf, the most saving split first. All threads run this together: each sums the histograms of
//! its own rows, then merges and searches its own columns, and all come to the same decision.

use std::ops::Range;

use super::bins::ColumnBins;
use super::histogram::{Fetched, GROUP, GroupHistogram, Layout, Units, hessian_of};
use super::settings::CheckedSettings;
use super::shard::Shard;
use super::split::{Finder, Side, Split, Whole};
use super::team::{Slots, Team};
use super::tree::{Leaf, Node, Tree};

/// What threads tell each other while growing.
pub(super) struct GrowSlots {
    local: Slots<LocalHistograms>,
    found: Slots<[Option<Split>; 2]>,
}

impl GrowSlots {
    pub(super) fn new(team: &Team) -> Self {
        Self {
            local: Slots::new(team.size),
            found: Slots::new(team.size),
        }
    }
}

/// Histograms over the rows of one thread.
#[derive(Default)]
struct LocalHistograms {
    groups: Vec<GroupHistogram>,
    /// Packed sum of the rows, for the root only.
    sum: u64,
    /// Rows of the root, or of the left side of a split.
    rows: u64,
}

/// A leaf that may still be split.
struct Growing {
    /// The order's places that hold its rows of this thread.
    range: Range<usize>,
    whole: Whole,
    depth: usize,
    value: f64,
    /// Histograms of this thread's columns, one after the other.
    histograms: Vec<u64>,
    best: Option<Split>,
    /// Columns whose best split leaves too few rows on a side.
    barred: Vec<usize>,
    /// The node above, and whether this is its left child.
    above: Option<(usize, bool)>,
}

/// A tree, with what its leaves hold of this thread's rows.
pub(super) struct Grown {
    /// The tree; leaf values are not yet shrunk.
    pub(super) tree: Tree,
    /// By leaf: the order's places of its rows.
    pub(super) ranges: Vec<Range<usize>>,
    /// By leaf: the least and the largest value that keeps the tree monotone.
    pub(super) bounds: Vec<(f64, f64)>,
}

/// One thread's part in growing trees.
pub(super) struct Grower<'a> {
    settings: &'a CheckedSettings,
    columns: &'a [ColumnBins],
    layout: &'a Layout,
    team: &'a Team,
    slots: &'a GrowSlots,
    at: usize,
    /// Columns this thread merges and searches.
    own: Range<usize>,
    /// Where each own column's histogram starts, and where the last one ends.
    starts: Vec<usize>,
    finder: Finder<'a>,
    /// Columns that the tree may use.
    allowed: Vec<bool>,
    /// Buffers of leaves that are done.
    spare: Vec<Vec<u64>>,
    fetched: Fetched,
}

/// What all threads have in common.
pub(super) struct Common<'a> {
    pub(super) settings: &'a CheckedSettings,
    pub(super) columns: &'a [ColumnBins],
    pub(super) layout: &'a Layout,
    pub(super) team: &'a Team,
    pub(super) slots: &'a GrowSlots,
    /// Residuals and new values of leaves.
    pub(super) renewal: (&'a Slots<Residuals>, &'a Slots<Vec<f64>>),
}

/// By leaf: the distance from score to target and the weight of each row of one thread.
pub(super) type Residuals = Vec<Vec<(f64, f64)>>;

impl<'a> Grower<'a> {
    pub(super) fn new(common: &Common<'a>, at: usize) -> Self {
        let own = own_columns(common.columns, common.team.size, at);
        let mut starts = vec![0];
        for column in &common.columns[own.clone()] {
            starts.push(starts[starts.len() - 1] + column.values() + 1);
        }
        Self {
            settings: common.settings,
            columns: common.columns,
            layout: common.layout,
            team: common.team,
            slots: common.slots,
            at,
            own,
            starts,
            finder: Finder::new(common.settings),
            allowed: Vec::new(),
            spare: Vec::new(),
            fetched: Fetched::default(),
        }
    }

    /// Grows a tree from the packed derivatives of the shard's used rows.
    pub(super) fn grow(&mut self, shard: &mut Shard, units: Units, allowed: Vec<bool>) -> Grown {
        self.finder.units = units;
        self.allowed = allowed;
        let mut leaves = vec![self.root(shard)];
        let mut tree = Tree::default();
        while leaves.len() < self.settings.leaves_max {
            let gain = |leaf: &Growing| leaf.best.map(|split| split.gain);
            let mut next: Option<(usize, f64)> = None;
            for (at, leaf) in leaves.iter().enumerate() {
                if let Some(gain) = gain(leaf).filter(|gain| next.is_none_or(|(_, most)| *gain > most)) {
                    next = Some((at, gain));
                }
            }
            let Some((at, _)) = next else {
                break;
            };
            self.split(at, &mut leaves, &mut tree, shard);
        }
        for leaf in &mut leaves {
            self.spare.push(std::mem::take(&mut leaf.histograms));
        }
        let leaf = |leaf: &Growing| Leaf {
            value: leaf.value,
            rows: leaf.whole.rows,
        };
        tree.leaves = leaves.iter().map(leaf).collect();
        Grown {
            tree,
            bounds: leaves.iter().map(|leaf| leaf.whole.bounds).collect(),
            ranges: leaves.into_iter().map(|leaf| leaf.range).collect(),
        }
    }

    fn root(&mut self, shard: &mut Shard) -> Growing {
        let range = 0..shard.used;
        self.sum_local(shard, range.clone(), true);
        {
            let mut local = self.slots.local.write(self.at);
            let rows = &shard.order[range.clone()];
            let sum = |sum: u64, row: &u32| sum.wrapping_add(shard.packed[*row as usize]);
            local.sum = rows.iter().fold(0, sum);
            local.rows = rows.len() as u64;
        }
        self.team.wait();
        let (sum, rows) = {
            let all = self.slots.local.read();
            let sum = all.iter().fold(0u64, |sum, local| sum.wrapping_add(local.sum));
            (sum, all.iter().map(|local| local.rows).sum())
        };
        let whole = Whole {
            sum,
            rows,
            bounds: (-self.settings.leaf_value_max, self.settings.leaf_value_max),
        };
        let mut root = Growing {
            range,
            whole,
            depth: 0,
            value: self.finder.value(Side::new(sum), self.settings.l2, whole.bounds),
            histograms: self.merged(),
            best: None,
            barred: Vec::new(),
            above: None,
        };
        self.search(&mut [&mut root]);
        root
    }

    /// Splits a leaf by its best split, unless true counts show that a side would get too few rows: then the leaf gets
    /// another best split.
    fn split(&mut self, at: usize, leaves: &mut Vec<Growing>, tree: &mut Tree, shard: &mut Shard) {
        let leaf = &mut leaves[at];
        let Some(split) = leaf.best.take() else {
            return;
        };
        let table = split.test.table(self.columns[split.feature].values());
        let middle = leaf.range.start + shard.partition(leaf.range.clone(), split.feature, &table);
        let (left, right) = (leaf.range.start..middle, middle..leaf.range.end);
        let rows_min = self.settings.leaf_rows_min as u64;
        let searched = leaves.len() + 1 < self.settings.leaves_max;
        let leaf = &mut leaves[at];
        let searched = searched && leaf.depth + 1 < self.settings.depth() && leaf.whole.rows >= 3 * rows_min;
        let left_is_smaller = hessian_of(split.left_sum) * 2.0 <= hessian_of(leaf.whole.sum);
        if searched {
            let smaller = if left_is_smaller { left.clone() } else { right.clone() };
            self.sum_local(shard, smaller, false);
        }
        self.slots.local.write(self.at).rows = left.len() as u64;
        self.team.wait();
        let left_rows: u64 = self.slots.local.read().iter().map(|local| local.rows).sum();
        let right_rows = leaf.whole.rows - left_rows;
        if left_rows.min(right_rows) < rows_min {
            leaf.barred.push(split.feature);
            self.search(&mut [leaf]);
            return;
        }
        let mut sides = self.children(leaf, &split, (left, right), (left_rows, right_rows));
        sides.0.above = Some((tree.nodes.len(), true));
        sides.1.above = Some((tree.nodes.len(), false));
        if searched {
            let smaller = self.merged();
            let mut larger = std::mem::take(&mut leaf.histograms);
            larger
                .iter_mut()
                .zip(&smaller)
                .for_each(|(all, part)| *all = all.wrapping_sub(*part));
            (sides.0.histograms, sides.1.histograms) = if left_is_smaller {
                (smaller, larger)
            } else {
                (larger, smaller)
            };
            self.search(&mut [&mut sides.0, &mut sides.1]);
        } else {
            self.spare.push(std::mem::take(&mut leaf.histograms));
            self.team.wait();
        }
        grow_node(tree, leaf.above, (at, leaves.len()), &split);
        leaves[at] = sides.0;
        leaves.push(sides.1);
    }

    fn children(
        &self,
        leaf: &Growing,
        split: &Split,
        ranges: (Range<usize>, Range<usize>),
        rows: (u64, u64),
    ) -> (Growing, Growing) {
        let (mut left, mut right) = (leaf.whole.bounds, leaf.whole.bounds);
        let middle = split.values.0 / 2.0 + split.values.1 / 2.0;
        match self.settings.monotone[split.feature] {
            1 => (left.1, right.0) = (middle, middle),
            -1 => (left.0, right.1) = (middle, middle),
            _ => {}
        }
        let child = |range: Range<usize>, sum: u64, rows: u64, bounds: (f64, f64), value: f64| Growing {
            range,
            whole: Whole { sum, rows, bounds },
            depth: leaf.depth + 1,
            value,
            histograms: Vec::new(),
            best: None,
            barred: Vec::new(),
            above: None,
        };
        let right_sum = leaf.whole.sum.wrapping_sub(split.left_sum);
        (
            child(ranges.0, split.left_sum, rows.0, left, split.values.0),
            child(ranges.1, right_sum, rows.1, right, split.values.1),
        )
    }

    /// Sums the histograms of some of this thread's rows into its slot.
    fn sum_local(&mut self, shard: &mut Shard, range: Range<usize>, is_root: bool) {
        let mut local = self.slots.local.write(self.at);
        local.groups.resize_with(self.layout.groups(), || [[0; 256]; GROUP]);
        for (column, (group, lane)) in self.columns.iter().zip(&self.layout.places) {
            local.groups[*group][*lane][..=column.values()].fill(0);
        }
        let in_order = is_root && range.len() == shard.rows();
        if !in_order {
            shard.gather(range.clone());
        }
        let rows = &shard.order[range];
        let packed = if in_order {
            &shard.packed
        } else {
            &shard.ordered[..rows.len()]
        };
        let tiles = (self.layout, shard.binned.tiles.as_slice());
        self.fetched.accumulate(&mut local.groups, tiles, (rows, packed));
    }

    /// The histograms of this thread's columns over the rows of all threads.
    fn merged(&mut self) -> Vec<u64> {
        let mut merged = self.spare.pop().unwrap_or_default();
        merged.clear();
        let all = self.slots.local.read();
        for (column, (group, lane)) in self
            .columns
            .iter()
            .zip(&self.layout.places)
            .take(self.own.end)
            .skip(self.own.start)
        {
            let start = merged.len();
            merged.extend_from_slice(&all[0].groups[*group][*lane][..=column.values()]);
            for other in &all[1..] {
                let bins = merged[start..].iter_mut().zip(&other.groups[*group][*lane]);
                bins.for_each(|(sum, bin)| *sum = sum.wrapping_add(*bin));
            }
        }
        merged
    }

    /// Finds the best splits of at most two leaves over the columns of all threads.
    fn search(&mut self, leaves: &mut [&mut Growing]) {
        let mut found = [None; 2];
        for (leaf, best) in leaves.iter().zip(&mut found) {
            *best = self.search_own(leaf);
        }
        *self.slots.found.write(self.at) = found;
        self.team.wait();
        let all = self.slots.found.read();
        for (at, leaf) in leaves.iter_mut().enumerate() {
            leaf.best = all.iter().fold(None, |best, found| better(best, found[at]));
        }
    }

    fn search_own(&mut self, leaf: &Growing) -> Option<Split> {
        let rows_min = self.settings.leaf_rows_min as u64;
        if leaf.whole.rows < 2 * rows_min || leaf.depth >= self.settings.depth() {
            return None;
        }
        let mut best = None;
        for (at, feature) in self.own.clone().enumerate() {
            if self.allowed[feature] && !leaf.barred.contains(&feature) {
                let histogram = &leaf.histograms[self.starts[at]..self.starts[at + 1]];
                let found = self
                    .finder
                    .best(histogram, feature, &self.columns[feature], &leaf.whole);
                best = better(best, found);
            }
        }
        best
    }
}

/// The split that saves more; of equal ones, that of the column that comes first.
fn better(first: Option<Split>, second: Option<Split>) -> Option<Split> {
    match (first, second) {
        (Some(first), Some(second)) => Some(if second.gain > first.gain { second } else { first }),
        (first, second) => first.or(second),
    }
}

/// Puts a node where leaf `left` was; its right child becomes leaf `right`.
fn grow_node(tree: &mut Tree, above: Option<(usize, bool)>, (left, right): (usize, usize), split: &Split) {
    let number = tree.nodes.len() as i32;
    match above {
        Some((above, true)) => tree.nodes[above].left = number,
        Some((above, false)) => tree.nodes[above].right = number,
        None => {}
    }
    tree.nodes.push(Node {
        feature: split.feature,
        test: split.test,
        left: -1 - left as i32,
        right: -1 - right as i32,
    });
}

/// The columns of thread `at`: runs of columns with about as many bins each.
fn own_columns(columns: &[ColumnBins], size: usize, at: usize) -> Range<usize> {
    let cost = |column: &ColumnBins| column.values() + 20;
    let total: usize = columns.iter().map(cost).sum();
    let mut before = 0;
    let owner = columns.iter().map(|column| {
        let middle = before + cost(column) / 2;
        before += cost(column);
        middle * size / total.max(1)
    });
    let owners: Vec<usize> = owner.collect();
    owners.partition_point(|owner| *owner < at)..owners.partition_point(|owner| *owner <= at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_one_owner() {
        let columns: Vec<ColumnBins> = (0..13usize)
            .map(|column| ColumnBins::Numeric {
                bounds: vec![0.0; column * column],
            })
            .collect();
        for size in 1..20 {
            let owned: Vec<usize> = (0..size).flat_map(|at| own_columns(&columns, size, at)).collect();
            assert!(owned.into_iter().eq(0..13), "{size}");
        }
    }
}
