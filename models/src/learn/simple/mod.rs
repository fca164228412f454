//! The simpler models that a champion is shown beside: the trivial guess, a linear model, naive Bayes, nearest neighbours
//! and one tree. The only home of linfa and smartcore.
//!
//! They learn from a bounded sample of the rows and a bounded number of features, so that all of them together cost a
//! small part of the champion. What the libraries fit is taken over into plain arrays and scored here in a few lines:
//! artifacts stay data, and the bits do not change with a library. The tree is one round of [`super::trees`]: linfa's adds
//! up in the order of a randomly seeded table, so it is another tree at every fit, and smartcore's looks for no border
//! between two equal values.

mod additive;
mod bayes;
mod columns;
mod linear;
mod neighbours;
mod sample;
mod selected;
mod set;
mod sparse;
mod stored;
#[cfg(test)]
mod tests;

pub use columns::SimpleColumns;
pub use sparse::{SimpleScratch, SimpleSparse};

/// A simpler model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Simpler {
    /// Every row gets the shares of the classes, so the most frequent class.
    Trivial,
    /// Multinomial logistic regression with L2 penalty (linfa).
    Linear,
    /// Naive Bayes (smartcore): Gaussian over columns, multinomial over n-grams.
    Bayes,
    /// The nearest rows of the sample vote.
    Neighbours,
    /// One round of boosting at full rate: a tree, or one a class where there are more than two.
    Tree,
}

impl Simpler {
    /// All of them, the simplest first.
    pub const ALL: [Self; 5] = [Self::Trivial, Self::Linear, Self::Bayes, Self::Neighbours, Self::Tree];

    /// Its name in recipes and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Linear => "linear",
            Self::Bayes => "bayes",
            Self::Neighbours => "neighbours",
            Self::Tree => "tree",
        }
    }
}

/// What bounds the time and memory of simpler models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimpleLimits {
    /// Rows that are learned from; of more a weighted sample is drawn.
    pub rows_max: usize,
    /// Numbers in each stored array.
    pub values_max: usize,
    /// Numbers in the sample as a dense table.
    pub cells_max: usize,
    /// Multiplications of the linear model in one pass over its rows, which are fewer if need be.
    pub steps_max: usize,
    /// Seed of the sample.
    pub seed: u64,
    /// Threads to use; nothing learned depends on it.
    pub threads: usize,
}

impl SimpleLimits {
    /// Most features a row has for them.
    const WIDTH_MAX: usize = 512;

    /// Bounds that keep all of them within about a second, and within an eighth of the memory that a fit may take.
    pub fn new(memory_max_bytes: usize, (seed, threads): (u64, usize)) -> Self {
        Self {
            rows_max: 20_000,
            values_max: 1 << 18,
            cells_max: (memory_max_bytes / 64).clamp(1 << 12, 1 << 22),
            steps_max: 1 << 23,
            seed,
            threads,
        }
    }

    /// How many features there may be for so many classes.
    fn width_max(&self, classes: usize) -> usize {
        (self.values_max / classes.max(1)).clamp(1, Self::WIDTH_MAX)
    }
}
