//! How an intent model is learned: count n-grams, encode rows, descend, calibrate on the rows held back, and learn those
//! too. Rows stream from their files; encoded rows stay in memory as long as the bound allows.

use std::collections::BTreeMap;

use super::audit;
use super::context::ContextSettings;
use super::encoded::{Calibration, Encoded, Encoding, Features};
use super::examples::Source;
use super::labels::Labels;
use super::learning::{Learning, MEGABYTE, learn};
use super::predict::{IntentModel, SCOPE_POINTS, Settings};
use super::promises::{HeldBack, Promises};
use super::recipe::IntentRecipe;
use super::semantic::Semantic;
use super::several::Several;
use super::simpler;
use crate::artifact::Tensor;
use crate::encode::{NgramEncoder, VocabularyBuilder, VocabularyLimits};
use crate::error::Result;
use crate::findings::Findings;
use crate::kind::{Examples, FitContext, Model};
use crate::learn::simple::SimpleSparse;
use crate::learn::{NO_CLASS, fit_temperature};
use crate::rows::{KeepRows, KeptRows};
use crate::text::Preparation;

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
    let (counts, encoder, prepared) = read_vocabulary(&train, recipe, context)?;
    let labels = Labels::new((&train, counts), &calibrate, recipe.out_of_scope.clone())?;
    recipe.promise.check_labels(&labels, examples.model)?;
    let encoding = Encoding {
        features: Features::Ngrams(&encoder, recipe.context_weight),
        labels: &labels,
        balance: recipe.balance,
    };
    (context.progress)(0.1, "encoding rows");
    let train = Source {
        is_prepared: true,
        ..source(&prepared)
    };
    let encoded = Encoded::new(&train, encoding, context.memory_max_bytes / 2)?;
    let held_back = Calibration::new(&calibrate, encoding)?;
    let learning = Learning::of(recipe, context, encoder.stored_bytes());
    let (weights, words_margins) = learn(&encoded, &held_back, (labels.names.len(), encoder.len()), &learning)?;
    let judging = &held_back.judging;
    let count = labels.names.len();
    let mut margins = words_margins.clone();
    let sources = (&train, &calibrate);
    let semantic = context
        .encoder
        .map(|embeddings| Semantic::fit(embeddings, sources, encoding, &learning, &mut margins));
    let semantic = semantic.transpose()?;
    let (known, _) = margins.split_at(judging.rows.len() * count);
    let several = labels.several.then(|| Several::fit(known, judging, count));
    let (scale, promises) = calibrate_scores(&labels, &held_back, &margins, recipe, context);
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
        asking: semantic.as_ref().map(Semantic::asking),
        out_of_scope: recipe.out_of_scope.clone(),
    };
    (context.progress)(0.9, "looking for wrong labels");
    let findings = audit::findings(&audit::Learned {
        examples,
        labels: &labels,
        train: encoded.block(),
        held_back: judging,
        held_back_places: &held_back.places,
        held_back_margins: &words_margins[..known.len()],
        features: encoder.len(),
        settings: learning.settings,
        // Rows are judged by their words alone: vectors of all folds would cost another fit.
        scale: match settings.asking {
            None => scale,
            Some(_) => fit_temperature(&words_margins[..known.len()], &judging.targets, count),
        },
        memory_max_bytes: context.memory_max_bytes,
    })?;
    let simple = simpler::learn(&encoded, &labels, encoder.len(), recipe, context)?;
    (context.progress)(1.0, "done");
    let model = IntentModel::new(settings, encoder, weights, semantic)?;
    Ok((beside(model, simple, recipe), findings))
}

/// A model with the simpler ones that it is shown beside. The bound on the artifact is the model's, so they must fit into
/// what it leaves.
fn beside(model: IntentModel, simple: Option<SimpleSparse>, recipe: &IntentRecipe) -> IntentModel {
    let bytes = |tensors: &BTreeMap<String, Tensor>| tensors.values().map(Tensor::bytes).sum::<usize>();
    let (own, most) = (bytes(&model.artifact().tensors), recipe.artifact_max_mb * MEGABYTE);
    model.beside(simple.filter(|simple| own + bytes(&simple.tensors()) <= most))
}

/// The inverse temperature of probabilities, and the promises, if any are wanted. `margins` are those of the judged rows.
fn calibrate_scores(
    labels: &Labels,
    held_back: &Calibration,
    margins: &[f32],
    recipe: &IntentRecipe,
    context: &FitContext<'_>,
) -> (f32, Option<Promises>) {
    (context.progress)(0.85, "calibrating");
    let judging = &held_back.judging;
    if recipe.promise.promises() {
        let held = HeldBack {
            labels: &labels.names,
            margins,
            targets: &[judging.targets.as_slice(), &held_back.unlearned.targets].concat(),
            known: judging.rows.len(),
        };
        let (scale, promises) = held.promise(&recipe.promise, context.seed);
        return (scale, Some(promises));
    }
    if labels.several {
        return (1.0, None);
    }
    let known = &margins[..judging.rows.len() * labels.names.len()];
    (fit_temperature(known, &judging.targets, labels.names.len()), None)
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
    (context.progress)(0.0, "counting n-grams");
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
