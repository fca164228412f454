//! Which groups of rows belong together.

use std::collections::HashMap;

/// Sets of groups that belong together (union-find); the smallest member stands for its set.
#[derive(Debug, Default)]
pub struct Union {
    above: HashMap<u64, u64>,
}

impl Union {
    /// The member that stands for a group's set.
    pub fn root(&mut self, mut group: u64) -> u64 {
        let start = group;
        while let Some(&above) = self.above.get(&group) {
            group = above;
        }
        if start != group {
            self.above.insert(start, group);
        }
        group
    }

    /// Makes one set of two, and says who stands for it.
    pub fn join(&mut self, a: u64, b: u64) -> u64 {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        if low != high {
            self.above.insert(high, low);
        }
        low
    }
}
