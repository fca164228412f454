//! How an intent model is learned: count n-grams, encode rows, descend, calibrate on the rows held back, and learn those
//! too. Rows stream from their files; encoded rows stay in memory as long as the bound allows.

use std::collections::BTreeMap;

use super::audit;
use super::context::ContextSettings;
use super::encoded::{Calibration, Encoded, Encoding, Joined};
use super::examples::Source;
use super::labels::Labels;
use super::predict::{IntentModel, SCOPE_POINTS, Settings};
use super::promises::{HeldBack, Promises};
use super::recipe::IntentRecipe;
use super::several::Several;
use crate::encode::{NgramEncoder, VocabularyBuilder, VocabularyLimits};
use crate::error::Result;
use crate::findings::Findings;
use crate::kind::{Examples, FitContext};
use crate::learn::{Block, LinearSettings, LinearTrainer, LinearWeights, NO_CLASS, fit_temperature};
use crate::rows::{KeepRows, KeptRows};
use crate::text::Preparation;

/// Times through all rows at the end, when the calibration rows join in.
const JOIN_PASSES: usize = 2;

const MEGABYTE: usize = 1_000_000;

/// Learns a model, and finds what is worth a look in its examples.
pub(super) fn fit(
    examples: &Examples<'_>,
    recipe: &IntentRecipe,
    context: &FitContext<'_>,
) -> Result<(IntentModel, Findings)> {
    let source = |rows| Source {
        rows,
        model: examples.model,
        threads: context.threads,
        is_prepared: false,
    };
    let (train, calibrate) = (source(examples.train), source(examples.calibrate));
    (context.progress)(0.0, "counting n-grams");
    let (counts, encoder, prepared) = read_vocabulary(&train, recipe, context)?;
    let labels = Labels::new(&train, counts, &calibrate)?;
    recipe.promise.check_labels(&labels, examples.model)?;
    let encoding = Encoding {
        encoder: &encoder,
        labels: &labels,
        balance: recipe.balance,
        context_weight: recipe.context_weight,
    };
    (context.progress)(0.1, "encoding rows");
    let train = Source {
        is_prepared: true,
        ..source(&prepared)
    };
    let encoded = Encoded::new(&train, encoding, context.memory_max_bytes / 2)?;
    let held_back = Calibration::new(&calibrate, encoding)?;
    let learning = LinearSettings {
        cost: recipe.cost,
        seed: context.seed,
        threads: context.threads,
    };
    let (weights, margins) = learn(&encoded, &held_back, encoding, recipe, (learning, context))?;
    (context.progress)(0.85, "calibrating");
    let judging = &held_back.judging;
    let count = labels.names.len();
    let (known, _) = margins.split_at(judging.rows.len() * count);
    let several = labels.several.then(|| Several::fit(known, judging, count));
    let (scale, promises) = calibrate_scores(&labels, &held_back, &margins, recipe, context.seed);
    let settings = Settings {
        labels: labels.names.clone(),
        grams: recipe.grams(examples.train.count()),
        scale,
        answers_max: recipe.answers_max,
        scope: scope_of(known, &judging.targets, count),
        preparation: Preparation::NOW,
        context: ContextSettings::of(&examples.train.schema(), recipe.context_weight),
        several,
        rare: labels.rare.clone(),
        hierarchy: recipe.promise.hierarchy.clone(),
        promises,
    };
    (context.progress)(0.9, "looking for wrong labels");
    let findings = audit::findings(&audit::Learned {
        examples,
        labels: &labels,
        train: encoded.block(),
        held_back: judging,
        held_back_places: &held_back.places,
        held_back_margins: known,
        features: encoder.len(),
        settings: learning,
        scale,
        memory_max_bytes: context.memory_max_bytes,
    })?;
    (context.progress)(1.0, "done");
    Ok((IntentModel::new(settings, encoder, weights)?, findings))
}

/// The inverse temperature of probabilities, and the promises, if any are wanted. `margins` are those of the judged rows.
fn calibrate_scores(
    labels: &Labels,
    held_back: &Calibration,
    margins: &[f32],
    recipe: &IntentRecipe,
    seed: u64,
) -> (f32, Option<Promises>) {
    let judging = &held_back.judging;
    if recipe.promise.promises() {
        let held = HeldBack {
            labels: &labels.names,
            margins,
            targets: &[judging.targets.as_slice(), &held_back.unlearned.targets].concat(),
            known: judging.rows.len(),
        };
        let (scale, promises) = held.promise(&recipe.promise, seed);
        return (scale, Some(promises));
    }
    if labels.several {
        return (1.0, None);
    }
    let known = &margins[..judging.rows.len() * labels.names.len()];
    (fit_temperature(known, &judging.targets, labels.names.len()), None)
}

/// The weights, and the margins of the judging rows and then of the unlearned ones, as they were before these were
/// learned themselves. With a promise they never are: it is proved on rows that the model has not learned. When weights
/// of all labels together are too large for memory, some labels are learned after the others.
fn learn(
    encoded: &Encoded,
    held_back: &Calibration,
    encoding: Encoding<'_>,
    recipe: &IntentRecipe,
    (settings, context): (LinearSettings, &FitContext<'_>),
) -> Result<(LinearWeights, Vec<f32>)> {
    let (labels, features) = (encoding.labels.names.len(), encoding.encoder.len());
    let bytes = LinearTrainer::size_bytes(LinearTrainer::PART, features).max(1);
    let together = (context.memory_max_bytes / 2 / bytes).max(1) * LinearTrainer::PART;
    let kept_max = recipe.artifact_max_mb * MEGABYTE / size_of::<f32>();
    let mut margins = vec![0.0; held_back.judged_rows() * labels];
    let mut learned = Vec::new();
    let no_rows = Block::default();
    for first in (0..labels).step_by(together) {
        let part = first..(first + together).min(labels);
        let share = 0.2 + 0.6 * first as f32 / labels as f32;
        (context.progress)(share, "learning weights");
        let mut trainer = LinearTrainer::part(part.clone(), features, settings);
        // A promise is proved on rows that had no say in the weights: they do not end the passes either.
        let ending = if recipe.promise.promises() {
            &no_rows
        } else {
            &held_back.judging
        };
        trainer.run_until(encoded, ending, recipe.passes)?;
        judge(&trainer.weights(), held_back, (first, labels), &mut margins);
        if !recipe.promise.promises() {
            join(&mut trainer, encoded, held_back)?;
        }
        let weights = trainer.weights();
        learned.push(if part.len() < labels {
            weights.sparse(kept_max / labels * part.len())
        } else {
            weights
        });
    }
    let weights_max_bytes = (recipe.artifact_max_mb * MEGABYTE).saturating_sub(encoding.encoder.stored_bytes());
    let weights = LinearWeights::join(learned).within(weights_max_bytes, recipe.quantise);
    if recipe.promise.promises() {
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

/// Best margins of held-back rows that have a label, at equally spaced ranks.
fn scope_of(margins: &[f32], targets: &[u32], labels: usize) -> Vec<f32> {
    let best = |row: &[f32]| row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let rows = margins.chunks_exact(labels).zip(targets);
    let labelled = rows.filter(|(_, target)| **target != NO_CLASS);
    let mut sorted: Vec<f32> = labelled.map(|(row, _)| best(row)).collect();
    if sorted.len() < 2 {
        return Vec::new();
    }
    sorted.sort_unstable_by(f32::total_cmp);
    (0..SCOPE_POINTS)
        .map(|point| sorted[point * (sorted.len() - 1) / (SCOPE_POINTS - 1)])
        .collect()
}

/// How often each label comes, the n-grams of the training rows, and these rows, prepared.
fn read_vocabulary(
    train: &Source<'_>,
    recipe: &IntentRecipe,
    context: &FitContext<'_>,
) -> Result<(BTreeMap<String, u64>, NgramEncoder, KeptRows)> {
    let limits = VocabularyLimits {
        rows_min: recipe.rows_min,
        features_max: recipe.features_max,
        chars_rows_max: recipe.chars_rows_max,
        memory_max_bytes: context.memory_max_bytes / 2,
    };
    let mut builder = VocabularyBuilder::new(recipe.grams(train.rows.count()), limits);
    let mut counts = BTreeMap::new();
    let mut prepared = None;
    train.for_each(&mut |part| {
        builder.count(&part.texts, context.threads);
        if let Some(contexts) = &part.contexts {
            builder.count_contexts(contexts, context.threads);
        }
        let batch = part.to_batch()?;
        let keep = match &mut prepared {
            Some(keep) => keep,
            none => none.insert(KeepRows::new(batch.schema())?),
        };
        keep.push(&batch)?;
        for label in part.labels.all() {
            match counts.get_mut(label) {
                Some(rows) => *rows += 1,
                None => _ = counts.insert(label.clone(), 1),
            }
        }
        Ok(())
    })?;
    let Some(prepared) = prepared else {
        return Err(train.problem(
            "there is no training row".into(),
            "look at the examples query and at the rejects of its tables",
        ));
    };
    Ok((counts, builder.finish(), prepared.finish()?))
}
