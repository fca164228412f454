//! From encoded rows to weights, with the margins of the rows held back by weights that have not learned them.

use super::encoded::{Calibration, Encoded, Joined};
use super::recipe::IntentRecipe;
use crate::error::Result;
use crate::kind::FitContext;
use crate::learn::{Block, LinearSettings, LinearTrainer, LinearWeights};

/// Times through all rows at the end, when the calibration rows join in.
const JOIN_PASSES: usize = 2;

pub(super) const MEGABYTE: usize = 1_000_000;

/// How weights are learned.
pub(super) struct Learning<'a> {
    pub settings: LinearSettings,
    /// Times through the rows, at most.
    pub passes: usize,
    /// Whether the rows held back prove a promise: then they are never learned.
    pub proves: bool,
    /// Larger weights are kept, smaller ones left out, until they fit.
    pub weights_max_bytes: usize,
    /// Whether weights are stored in 8 bits.
    pub quantise: bool,
    /// Bound on the memory of weights being learned, twice.
    pub memory_max_bytes: usize,
    /// Told the share of the fit that is done, and what is going on.
    pub progress: &'a (dyn Fn(f32, &str) + Sync),
    /// What is going on, and the shares that are done when it begins and ends.
    pub doing: (&'static str, f32, f32),
}

impl<'a> Learning<'a> {
    /// As a recipe says, beside a vocabulary of so many bytes.
    pub(super) fn of(recipe: &IntentRecipe, context: &FitContext<'a>, vocabulary_bytes: usize) -> Self {
        Self {
            settings: LinearSettings {
                cost: recipe.cost,
                seed: context.seed,
                threads: context.threads,
            },
            passes: recipe.passes,
            proves: recipe.promise.promises(),
            weights_max_bytes: (recipe.artifact_max_mb * MEGABYTE).saturating_sub(vocabulary_bytes),
            quantise: recipe.quantise,
            memory_max_bytes: context.memory_max_bytes,
            progress: context.progress,
            doing: ("learning weights", 0.2, 0.5),
        }
    }
}

/// The weights of so many labels over so many features, and the margins of the judging rows and then of the unlearned
/// ones, as they were before these were learned themselves. With a promise they never are: it is proved on rows that the
/// model has not learned. When weights of all labels together are too large for memory, some labels are learned after the
/// others.
pub(super) fn learn(
    encoded: &Encoded,
    held_back: &Calibration,
    (labels, features): (usize, usize),
    learning: &Learning<'_>,
) -> Result<(LinearWeights, Vec<f32>)> {
    let bytes = LinearTrainer::size_bytes(LinearTrainer::PART, features).max(1);
    let together = (learning.memory_max_bytes / 2 / bytes).max(1) * LinearTrainer::PART;
    let kept_max = learning.weights_max_bytes / size_of::<f32>();
    let mut margins = vec![0.0; held_back.judged_rows() * labels];
    let mut learned = Vec::new();
    let no_rows = Block::default();
    let (what, begin, end) = learning.doing;
    for first in (0..labels).step_by(together) {
        let part = first..(first + together).min(labels);
        (learning.progress)(begin + (end - begin) * first as f32 / labels as f32, what);
        let mut trainer = LinearTrainer::part(part.clone(), features, learning.settings);
        // A promise is proved on rows that had no say in the weights: they do not end the passes either.
        let ending = if learning.proves { &no_rows } else { &held_back.judging };
        trainer.run_until(encoded, ending, learning.passes)?;
        judge(&trainer.weights(), held_back, (first, labels), &mut margins);
        if !learning.proves {
            join(&mut trainer, encoded, held_back)?;
        }
        let weights = trainer.weights();
        learned.push(if part.len() < labels {
            weights.sparse(kept_max / labels * part.len())
        } else {
            weights
        });
    }
    let weights = LinearWeights::join(learned).within(learning.weights_max_bytes, learning.quantise);
    if learning.proves {
        // These weights will answer, small ones left out: what they say is what is proved.
        judge(&weights, held_back, (0, labels), &mut margins);
    }
    Ok((weights, margins))
}

/// Writes the margins of the rows that are judged into their places: those of the labels from `first` on, of `labels` in
/// all.
fn judge(weights: &LinearWeights, rows: &Calibration, (first, labels): (usize, usize), margins: &mut [f32]) {
    let (mut row, mut own) = (Vec::new(), Vec::new());
    for ((block, at), margins) in rows.judged().zip(margins.chunks_exact_mut(labels)) {
        let (features, values) = block.rows.row(at);
        row.clear();
        row.extend(features.iter().copied().zip(values.iter().copied()));
        weights.margins(&row, &mut own);
        margins[first..first + own.len()].copy_from_slice(&own);
    }
}

/// Learns the calibration rows too, and each time all others after them: the rows seen last pull hardest, and a wrong
/// label among them would win over thousands of equal texts.
fn join(trainer: &mut LinearTrainer, encoded: &Encoded, held_back: &Calibration) -> Result<()> {
    let joined = Joined { encoded, held_back };
    match encoded {
        _ if held_back.is_empty() => Ok(()),
        Encoded::Memory(_) => trainer.run(&joined, JOIN_PASSES, 1),
        Encoded::File(_) => trainer.run(&joined, 1, 1),
    }
}
