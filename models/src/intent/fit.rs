//! How an intent model is learned: count n-grams, encode rows, descend, calibrate on the rows held back, and learn those
//! too. Rows stream from their files; encoded rows stay in memory as long as the bound allows.

use std::collections::BTreeMap;

use super::audit;
use super::context::ContextSettings;
use super::encoded::{Encoded, Encoding, HeldBack, Joined};
use super::examples::Source;
use super::labels::Labels;
use super::predict::{IntentModel, SCOPE_POINTS, Settings};
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
    let held_back = HeldBack::new(&calibrate, encoding)?;
    let learning = LinearSettings {
        cost: recipe.cost,
        seed: context.seed,
        threads: context.threads,
    };
    let (weights, margins) = learn(&encoded, &held_back, encoding, recipe, (learning, context))?;
    (context.progress)(0.85, "calibrating");
    let judging = &held_back.judging;
    let several = labels
        .several
        .then(|| Several::fit(&margins, judging, labels.names.len()));
    let scale = match several {
        None => fit_temperature(&margins, &judging.targets, labels.names.len()),
        Some(_) => 1.0,
    };
    let weights_max_bytes = (recipe.artifact_max_mb * MEGABYTE).saturating_sub(encoder.stored_bytes());
    let weights = weights.within(weights_max_bytes, recipe.quantise);
    let settings = Settings {
        labels: labels.names.clone(),
        grams: recipe.grams(examples.train.count()),
        scale,
        answers_max: recipe.answers_max,
        scope: scope_of(&margins, &judging.targets, labels.names.len()),
        preparation: Preparation::NOW,
        context: ContextSettings::of(&examples.train.schema(), recipe.context_weight),
        several,
        rare: labels.rare.clone(),
    };
    (context.progress)(0.9, "looking for wrong labels");
    let findings = audit::findings(&audit::Learned {
        examples,
        labels: &labels,
        train: encoded.block(),
        held_back: judging,
        every: held_back.every,
        held_back_margins: &margins,
        features: encoder.len(),
        settings: learning,
        scale,
        memory_max_bytes: context.memory_max_bytes,
    })?;
    (context.progress)(1.0, "done");
    Ok((IntentModel::new(settings, encoder, weights), findings))
}

/// The weights, and the margins of the judging rows as they were before these were learned themselves. When weights of
/// all labels together are too large for memory, some labels are learned after the others.
fn learn(
    encoded: &Encoded,
    held_back: &HeldBack,
    encoding: Encoding<'_>,
    recipe: &IntentRecipe,
    (settings, context): (LinearSettings, &FitContext<'_>),
) -> Result<(LinearWeights, Vec<f32>)> {
    let (labels, features) = (encoding.labels.names.len(), encoding.encoder.len());
    let bytes = LinearTrainer::size_bytes(LinearTrainer::PART, features).max(1);
    let together = (context.memory_max_bytes / 2 / bytes).max(1) * LinearTrainer::PART;
    let kept_max = recipe.artifact_max_mb * MEGABYTE / size_of::<f32>();
    let rows = held_back.judging.rows.len();
    let mut margins = vec![0.0; rows * labels];
    let mut learned = Vec::new();
    for first in (0..labels).step_by(together) {
        let part = first..(first + together).min(labels);
        let share = 0.2 + 0.6 * first as f32 / labels as f32;
        (context.progress)(share, "learning weights");
        let mut trainer = LinearTrainer::part(part.clone(), features, settings);
        trainer.run_until(encoded, &held_back.judging, recipe.passes)?;
        judge(&trainer.weights(), &held_back.judging, (first, labels), &mut margins);
        join(&mut trainer, encoded, held_back)?;
        let weights = trainer.weights();
        learned.push(if part.len() < labels {
            weights.sparse(kept_max / labels * part.len())
        } else {
            weights
        });
    }
    Ok((LinearWeights::join(learned), margins))
}

/// Writes the margins of `rows` into their places: those of the labels from `first` on, of `labels` in all.
fn judge(weights: &LinearWeights, rows: &Block, (first, labels): (usize, usize), margins: &mut [f32]) {
    let (mut row, mut own) = (Vec::new(), Vec::new());
    for at in 0..rows.rows.len() {
        let (features, values) = rows.rows.row(at);
        row.clear();
        row.extend(features.iter().copied().zip(values.iter().copied()));
        weights.margins(&row, &mut own);
        let start = at * labels + first;
        margins[start..start + own.len()].copy_from_slice(&own);
    }
}

/// Learns the calibration rows too, and each time all others after them: the rows seen last pull hardest, and a wrong
/// label among them would win over thousands of equal texts.
fn join(trainer: &mut LinearTrainer, encoded: &Encoded, held_back: &HeldBack) -> Result<()> {
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
