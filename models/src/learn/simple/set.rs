//! The simpler models of one champion, over rows of the same few features.

use super::additive::Additive;
use super::neighbours::{self, Neighbours};
use super::sample::{at, thin};
use super::stored::{Part, require};
use super::{SimpleLimits, Simpler, bayes, linear};
use crate::encode::SparseRows;
use crate::error::{Error, Result};
use crate::learn::trees::{Column, ColumnKind, Examples, Objective, TreeModel, TreeSettings, fit};
use crate::learn::trees::{take_trees, tree_tensors};

/// Rows that are learned from.
pub(super) struct Sampled {
    /// Their features.
    pub rows: SparseRows,
    /// How many features there are.
    pub width: usize,
    /// The class of each row, counted among those that any row has.
    pub classes: Vec<u32>,
}

impl Sampled {
    /// At most `most` of the rows.
    fn thinned(&self, most: usize, seed: u64) -> Self {
        let places = thin(self.classes.len(), most, seed);
        let mut rows = SparseRows::default();
        for place in &places {
            let (features, values) = self.rows.row(*place);
            rows.push_parts(features, values);
        }
        Self {
            rows,
            width: self.width,
            classes: at(&self.classes, &places),
        }
    }

    /// All values, row by row, those that are not there among them.
    pub(super) fn dense<T: Copy + Default>(&self, value: impl Fn(f32) -> T) -> Vec<T> {
        let mut table = vec![T::default(); self.rows.len() * self.width];
        for (row, own) in table.chunks_exact_mut(self.width.max(1)).enumerate() {
            let (features, values) = self.rows.row(row);
            for (feature, given) in features.iter().zip(values) {
                own[*feature as usize] = value(*given);
            }
        }
        table
    }
}

/// The simpler models.
pub(super) struct SimpleSet {
    /// Classes of the champion.
    classes: usize,
    /// Those that a row of the sample has, ascending; the others are never answered.
    present: Vec<u32>,
    /// The share of each of them.
    shares: Vec<f64>,
    /// Rows each model has learned from, in the order of [`Simpler::ALL`]; 0 for one that is not there.
    learned: [u32; 5],
    linear: Option<Additive>,
    bayes: Option<Additive>,
    neighbours: Option<Neighbours>,
    tree: Option<TreeModel>,
}

/// Multiplications of a tree's fit: rows by columns by classes.
const TREE_STEPS_MAX: usize = 1 << 26;

/// Numbers that naive Bayes looks at.
const BAYES_CELLS_MAX: usize = 1 << 21;

/// Rows times rows times columns of the normal distributions: smartcore gathers the rows of a class by iterators within
/// each other, as deep as there are rows.
const GAUSSIAN_STEPS_MAX: usize = 1 << 26;

/// How deep they may be.
const GAUSSIAN_ROWS_MAX: usize = 2_000;

/// Rows that a leaf needs.
const LEAF_ROWS_MIN: usize = 10;

/// How classes of the champion are counted among those that are there.
pub(super) fn present(classes: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut present = classes.to_vec();
    present.sort_unstable();
    present.dedup();
    let place = |class: &u32| present.partition_point(|known| known < class) as u32;
    let own = classes.iter().map(place).collect();
    (present, own)
}

impl SimpleSet {
    /// Learns from a sample. `is_text` says that features are n-grams, which are there or not. The tree learns from
    /// columns of its own, of the same rows.
    pub(super) fn learn(
        sampled: &Sampled,
        present: Vec<u32>,
        (classes, is_text): (usize, bool),
        tree: &dyn Fn(&[usize]) -> Vec<OwnedColumn>,
        limits: SimpleLimits,
    ) -> Self {
        let (count, rows) = (present.len(), sampled.classes.len());
        let mut shares = vec![0.0; count];
        let each = 1.0 / rows.max(1) as f64;
        sampled.classes.iter().for_each(|class| shares[*class as usize] += each);
        let mut set = Self {
            classes,
            present,
            shares,
            learned: [rows as u32, 0, 0, 0, 0],
            linear: None,
            bayes: None,
            neighbours: None,
            tree: None,
        };
        if count < 2 || sampled.width == 0 {
            return set;
        }
        let most = |steps: usize, a_row: usize| (steps / a_row.max(1)).min(rows);
        let seed = limits.seed;
        let linear = || {
            let most = most(limits.steps_max, sampled.width * count);
            // Fewer rows than classes tell nothing apart.
            let enough = most == rows || most >= 2 * count;
            let thinned = sampled.thinned(most, seed.wrapping_add(1));
            let fitted = enough.then(|| linear::fit(&thinned, count)).flatten();
            (thinned.classes.len() as u32, fitted)
        };
        let others = || {
            let looked_at = match is_text {
                true => most(BAYES_CELLS_MAX, sampled.width),
                false => (GAUSSIAN_STEPS_MAX / sampled.width).isqrt().min(GAUSSIAN_ROWS_MAX),
            };
            let thinned = sampled.thinned(looked_at, seed.wrapping_add(2));
            let bayes = match is_text {
                true => bayes::multinomial(&thinned, count),
                false => bayes::gaussian(&thinned, count),
            };
            let values = sampled.rows.size_bytes() / size_of::<(u32, f32)>() / rows.max(1);
            let kept = most(limits.values_max, values).clamp(1, neighbours::ROWS_MAX);
            let kept = sampled.thinned(kept, seed.wrapping_add(3));
            let tree = grow(sampled, count, tree, limits);
            let bayes = (thinned.classes.len() as u32, bayes);
            (bayes, (kept.classes.len() as u32, Neighbours::new(&kept)), tree)
        };
        let (linear, (bayes, neighbours, tree)) = both(limits.threads, linear, others);
        let rows = |found: bool, rows: u32| if found { rows } else { 0 };
        set.learned[1] = rows(linear.1.is_some(), linear.0);
        set.learned[2] = rows(bayes.1.is_some(), bayes.0);
        set.learned[3] = neighbours.0;
        set.learned[4] = rows(tree.1.is_some(), tree.0);
        (set.linear, set.bayes, set.neighbours, set.tree) = (linear.1, bayes.1, Some(neighbours.1), tree.1);
        set
    }

    /// Those that are there, with the rows they have learned from.
    pub(super) fn members(&self) -> Vec<(Simpler, u64)> {
        let all = Simpler::ALL.into_iter().zip(self.learned);
        all.filter(|(_, rows)| *rows > 0)
            .map(|(simpler, rows)| (simpler, u64::from(rows)))
            .collect()
    }

    /// The probability of each of the champion's classes for a row (cleared first). `columns` is the row as the tree
    /// takes it. A model that is not there answers like the trivial guess.
    pub(super) fn answer(&self, simpler: Simpler, row: &[(u32, f32)], columns: &[f64], answers: &mut Vec<f64>) {
        let mut own = Vec::new();
        match (simpler, &self.linear, &self.bayes, &self.neighbours, &self.tree) {
            (Simpler::Linear, Some(linear), ..) => linear.answer(row, &mut own),
            (Simpler::Bayes, _, Some(bayes), ..) => bayes.answer(row, &mut own),
            (Simpler::Neighbours, _, _, Some(neighbours), _) => neighbours.answer(row, &self.shares, &mut own),
            (Simpler::Tree, .., Some(tree)) => {
                tree.predict(columns, &mut own);
                if let [second] = own[..] {
                    own = vec![1.0 - second, second];
                }
            }
            _ => own.clone_from(&self.shares),
        }
        answers.clear();
        answers.resize(self.classes, 0.0);
        for (class, answer) in self.present.iter().zip(own) {
            answers[*class as usize] = answer;
        }
    }

    pub(super) fn store(&self, part: &mut Part) {
        part.put_u32("present", &self.present);
        part.put_f64("shares", &self.shares);
        part.put_u32("learned", &self.learned);
        let additive = [("linear.", &self.linear), ("bayes.", &self.bayes)];
        for (name, model) in additive {
            if let Some(model) = model {
                let mut own = Part::new();
                model.store(&mut own);
                part.put_part(name, own);
            }
        }
        if let Some(neighbours) = &self.neighbours {
            let mut own = Part::new();
            neighbours.store(&mut own);
            part.put_part("neighbours.", own);
        }
        if let Some(tree) = &self.tree {
            part.put_all(tree_tensors(tree, "tree."));
        }
    }

    /// Takes the models out of a part of an artifact, for rows of `width` features and columns of these kinds.
    pub(super) fn take(
        part: &mut Part,
        (classes, is_text): (usize, bool),
        width: usize,
        kinds: Vec<ColumnKind>,
    ) -> Result<Self> {
        let (present, shares) = (part.take_u32("present")?, part.take_f64("shares")?);
        let ascending =
            present.is_sorted_by(|a, b| a < b) && present.last().is_some_and(|last| (*last as usize) < classes);
        require(ascending, "present", "are not some of the classes")?;
        let is_share = |share: &f64| (0.0..=1.0).contains(share);
        require(
            shares.len() == present.len() && shares.iter().all(is_share),
            "shares",
            "are not one a class",
        )?;
        let learned = part.take_u32("learned")?;
        let learned = <[u32; 5]>::try_from(learned)
            .map_err(|_| Error::artifact("simple.learned", "is not a number for each model"))?;
        let has = |model: Simpler| learned[model as usize] > 0;
        let count = present.len();
        let fits = has(Simpler::Trivial) && (count > 1 || learned[1..] == [0; 4]);
        require(fits, "learned", "names models that cannot be")?;
        let sizes = (count, width);
        let additive = |part: &mut Part, form| Additive::take(part, sizes, form);
        let objective = objective(count);
        Ok(Self {
            linear: has(Simpler::Linear)
                .then(|| additive(&mut part.part("linear."), (false, false)))
                .transpose()?,
            bayes: has(Simpler::Bayes)
                .then(|| additive(&mut part.part("bayes."), (!is_text, is_text)))
                .transpose()?,
            neighbours: has(Simpler::Neighbours)
                .then(|| Neighbours::take(&mut part.part("neighbours."), sizes))
                .transpose()?,
            tree: has(Simpler::Tree)
                .then(|| take_trees(part.artifact(), "tree.", (objective, kinds)))
                .transpose()?,
            classes,
            present,
            shares,
            learned,
        })
    }
}

/// A column that a tree learns from.
pub(super) enum OwnedColumn {
    Numbers(Vec<f64>),
    Codes(Vec<u32>),
}

/// One round of boosting at full rate.
fn grow(
    sampled: &Sampled,
    classes: usize,
    columns: &dyn Fn(&[usize]) -> Vec<OwnedColumn>,
    limits: SimpleLimits,
) -> (u32, Option<TreeModel>) {
    let width = columns(&[]).len();
    let most = TREE_STEPS_MAX / (width * classes).max(1);
    let places = thin(sampled.classes.len(), most, limits.seed.wrapping_add(4));
    let columns = columns(&places);
    let columns: Vec<Column<'_>> = columns
        .iter()
        .map(|column| match column {
            OwnedColumn::Numbers(values) => Column::Numeric(values),
            OwnedColumn::Codes(codes) => Column::Category(codes),
        })
        .collect();
    let targets: Vec<f64> = places.iter().map(|place| f64::from(sampled.classes[*place])).collect();
    let examples = Examples {
        columns: &columns,
        targets: &targets,
        weights: None,
    };
    let settings = TreeSettings {
        rounds: 1,
        learning_rate: 1.0,
        leaf_rows_min: LEAF_ROWS_MIN,
        l2: 1.0,
        ..TreeSettings::new(objective(classes))
    };
    let fitted = fit(&examples, None, &settings).ok();
    (places.len() as u32, fitted.map(|fitted| fitted.model))
}

fn objective(classes: usize) -> Objective {
    match classes {
        ..=2 => Objective::Binary,
        _ => Objective::Multiclass {
            classes: classes as u32,
        },
    }
}

/// Both results, at the same time if there are two threads.
fn both<A: Send, B: Send>(threads: usize, one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    if threads < 2 {
        return (one(), other());
    }
    std::thread::scope(|scope| {
        let running = scope.spawn(one);
        let other = other();
        let one = running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (one, other)
    })
}
