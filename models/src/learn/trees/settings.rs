//! How trees are grown: the settings as written, and the same once checked.

use serde::{Deserialize, Serialize};

use super::error::TreeError;

/// What is boosted. Targets are numbers in all cases; see each variant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Logistic loss; targets are 0 or 1; answers are the probability of 1.
    Binary,
    /// Softmax loss, one tree a class and round; targets are the class, from 0; answers are a probability a class.
    Multiclass {
        /// Number of classes, at least 2.
        classes: u32,
    },
    /// Cumulative logit (McCullagh 1980): one score and ordered cut points; targets are the level, from 0; answers are a
    /// probability a level.
    Ordinal {
        /// Number of levels, at least 2.
        levels: u32,
    },
    /// Pinball loss; targets are any finite number; the answer is the quantile.
    Quantile {
        /// Which quantile, above 0 and below 1.
        alpha: f64,
    },
    /// Squared error; targets are any finite number; the answer is the mean.
    SquaredError,
}

impl Objective {
    /// Raw scores a row has, which is also the number of trees a round grows.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Multiclass { classes } => *classes as usize,
            _ => 1,
        }
    }

    /// Answers a row gets: probabilities of classes or levels, or one value.
    pub fn answers(&self) -> usize {
        match self {
            Self::Multiclass { classes } => *classes as usize,
            Self::Ordinal { levels } => *levels as usize,
            _ => 1,
        }
    }

    /// Classes or levels that targets can name; none for targets that are values.
    pub(super) fn target_classes(&self) -> Option<u32> {
        match self {
            Self::Binary => Some(2),
            Self::Multiclass { classes } => Some(*classes),
            Self::Ordinal { levels } => Some(*levels),
            Self::Quantile { .. } | Self::SquaredError => None,
        }
    }

    pub(super) fn check(&self) -> Result<(), TreeError> {
        let fits = match self {
            Self::Binary | Self::SquaredError => true,
            Self::Multiclass { classes: count } | Self::Ordinal { levels: count } => (2..=CLASSES_MAX).contains(count),
            Self::Quantile { alpha } => *alpha > 0.0 && *alpha < 1.0,
        };
        require(
            fits,
            "objective",
            "has from 2 to 4096 classes or levels, or a quantile between 0 and 1",
        )
    }
}

const CLASSES_MAX: u32 = 4096;

/// No path of a tree is longer, whatever the settings say: explanations take time and memory by its square.
pub(super) const DEPTH_MAX: usize = 128;

/// How to grow trees. The defaults are LightGBM's, but for `leaf_value_max`.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | rounds | 100 | boosting rounds | 1 to 100,000 |
/// | learning_rate | 0.1 | share of a leaf's value that is taken | above 0, to 1 |
/// | leaves_max | 31 | leaves of a tree | 2 to 4096 |
/// | depth_max | none | longest path of a tree | 1 to 128 |
/// | leaf_rows_min | 20 | rows a leaf needs | at least 1 |
/// | leaf_hessian_min | 1e-3 | sum of second derivatives a leaf needs | at least 0 |
/// | leaf_value_max | 10 for classes and levels, else none | largest leaf value, before the learning rate | above 0 |
/// | l2 | 0 | penalty on leaf values | at least 0 |
/// | gain_min | 0 | loss a split must save | at least 0 |
/// | bins_max | 255 | value bins of a numeric column | 2 to 255 |
/// | feature_fraction | 1 | share of columns each tree sees | above 0, to 1 |
/// | row_fraction | 1 | share of rows each round sees | above 0, to 1 |
/// | category | see [`CategorySettings`] | splits on categories | |
/// | monotone | none | by column: 1 rising, -1 falling, 0 free | empty, or one a column |
/// | stop_after | none | rounds without a better validation loss before growing stops | at least 1 |
/// | seed | 0 | of the shares above | any |
/// | threads | 1 | to work with; changes no byte of the result | at least 1 |
#[derive(Debug, Clone, PartialEq)]
pub struct TreeSettings {
    /// What is boosted.
    pub objective: Objective,
    /// Boosting rounds.
    pub rounds: usize,
    /// Share of a leaf's value that is taken.
    pub learning_rate: f64,
    /// Leaves of a tree.
    pub leaves_max: usize,
    /// Longest path of a tree.
    pub depth_max: Option<usize>,
    /// Rows a leaf needs. Splits are looked for with counts estimated from second derivatives, as in LightGBM, but kept
    /// only if the true counts hold.
    pub leaf_rows_min: usize,
    /// Sum of second derivatives a leaf needs.
    pub leaf_hessian_min: f64,
    /// Largest leaf value, up or down, before the learning rate. Without a limit, classes of few rows swing ever further:
    /// where a class seems sure, second derivatives vanish and a single row of another class moves the leaf by thousands.
    pub leaf_value_max: f64,
    /// Penalty on leaf values.
    pub l2: f64,
    /// Loss a split must save.
    pub gain_min: f64,
    /// Value bins of a numeric column.
    pub bins_max: usize,
    /// Share of columns each tree sees.
    pub feature_fraction: f64,
    /// Share of rows each round sees.
    pub row_fraction: f64,
    /// Splits on categories.
    pub category: CategorySettings,
    /// By column: 1 rising, -1 falling, 0 free. Only numeric columns can be bound.
    pub monotone: Vec<i8>,
    /// Rounds without a better validation loss before growing stops.
    pub stop_after: Option<usize>,
    /// Seed of the shares of rows and columns.
    pub seed: u64,
    /// Threads to work with; the model does not depend on it.
    pub threads: usize,
}

/// How columns of categories are split: the meaning and the defaults are LightGBM's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CategorySettings {
    /// Up to this many categories are split one against the rest.
    pub one_against_rest_max: usize,
    /// Added to a category's second derivatives when categories are put in order; categories with fewer rows stay out.
    pub smoothing: f64,
    /// Penalty on leaf values below a split of ordered categories, on top of `l2`.
    pub l2: f64,
    /// Categories on the listed side of a split.
    pub listed_max: usize,
    /// Rows a group of categories needs before a split is tried after it.
    pub group_rows_min: usize,
}

impl Default for CategorySettings {
    fn default() -> Self {
        Self {
            one_against_rest_max: 4,
            smoothing: 10.0,
            l2: 10.0,
            listed_max: 32,
            group_rows_min: 100,
        }
    }
}

impl TreeSettings {
    /// The defaults, for an objective.
    pub fn new(objective: Objective) -> Self {
        Self {
            objective,
            rounds: 100,
            learning_rate: 0.1,
            leaves_max: 31,
            depth_max: None,
            leaf_rows_min: 20,
            leaf_hessian_min: 1e-3,
            leaf_value_max: if objective.target_classes().is_some() {
                10.0
            } else {
                f64::INFINITY
            },
            l2: 0.0,
            gain_min: 0.0,
            bins_max: 255,
            feature_fraction: 1.0,
            row_fraction: 1.0,
            category: CategorySettings::default(),
            monotone: Vec::new(),
            stop_after: None,
            seed: 0,
            threads: 1,
        }
    }

    /// A single decision tree: one round, the whole leaf value, as many leaves as the depth allows.
    pub fn single_tree(objective: Objective, depth: usize) -> Self {
        Self {
            rounds: 1,
            learning_rate: 1.0,
            leaves_max: 1usize.checked_shl(depth.min(12) as u32).unwrap_or(LEAVES_MAX),
            depth_max: Some(depth),
            ..Self::new(objective)
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// When one is outside its range.
    pub(super) fn check(&self, columns: usize) -> Result<CheckedSettings, TreeError> {
        self.objective.check()?;
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let penalty = |value: f64| value >= 0.0 && value.is_finite();
        require((1..=100_000).contains(&self.rounds), "rounds", "is from 1 to 100000")?;
        require(share(self.learning_rate), "learning_rate", "is above 0 and at most 1")?;
        require(
            (2..=LEAVES_MAX).contains(&self.leaves_max),
            "leaves_max",
            "is from 2 to 4096",
        )?;
        let depth = self.depth_max.unwrap_or(DEPTH_MAX);
        require((1..=DEPTH_MAX).contains(&depth), "depth_max", "is from 1 to 128")?;
        require(self.leaf_rows_min >= 1, "leaf_rows_min", "is at least 1")?;
        require(
            penalty(self.leaf_hessian_min),
            "leaf_hessian_min",
            "is a number of at least 0",
        )?;
        require(self.leaf_value_max > 0.0, "leaf_value_max", "is above 0")?;
        require(penalty(self.l2), "l2", "is a number of at least 0")?;
        require(penalty(self.gain_min), "gain_min", "is a number of at least 0")?;
        require((2..=255).contains(&self.bins_max), "bins_max", "is from 2 to 255")?;
        require(
            share(self.feature_fraction),
            "feature_fraction",
            "is above 0 and at most 1",
        )?;
        require(share(self.row_fraction), "row_fraction", "is above 0 and at most 1")?;
        let category = penalty(self.category.smoothing) && penalty(self.category.l2) && self.category.listed_max >= 1;
        require(
            category,
            "category",
            "has penalties of at least 0 and lists at least one category",
        )?;
        let monotone = self.monotone.is_empty() || self.monotone.len() == columns;
        require(monotone, "monotone", "is empty or has one entry a column")?;
        let signs = self.monotone.iter().all(|sign| (-1..=1).contains(sign));
        require(signs, "monotone", "holds only -1, 0 and 1")?;
        require(self.stop_after != Some(0), "stop_after", "is at least 1")?;
        require(self.threads >= 1, "threads", "is at least 1")?;
        let mut settings = self.clone();
        settings.depth_max = Some(depth);
        settings.monotone.resize(columns, 0);
        Ok(CheckedSettings(settings))
    }
}

const LEAVES_MAX: usize = 4096;

/// Settings that were checked: `monotone` has one entry a column and `depth_max` is set.
#[derive(Debug, Clone)]
pub(super) struct CheckedSettings(TreeSettings);

impl std::ops::Deref for CheckedSettings {
    type Target = TreeSettings;

    fn deref(&self) -> &TreeSettings {
        &self.0
    }
}

impl CheckedSettings {
    /// Whether any column is bound to rise or fall.
    pub(super) fn is_bound(&self) -> bool {
        self.monotone.iter().any(|sign| *sign != 0)
    }

    /// The longest path of a tree.
    pub(super) fn depth(&self) -> usize {
        self.depth_max.unwrap_or(DEPTH_MAX)
    }
}

fn require(holds: bool, name: &'static str, message: &str) -> Result<(), TreeError> {
    if holds {
        return Ok(());
    }
    Err(TreeError::Setting {
        name,
        message: message.to_owned(),
    })
}
