//! How an intent model is learned: count n-grams, encode rows, descend, calibrate on the rows held back, and learn those
//! too. Rows stream from their files; encoded rows stay in memory as long as the bound allows.

use std::collections::BTreeMap;

use super::audit;
use super::context::ContextSettings;
use super::examples::{Part, Source};
use super::labels::Labels;
use super::predict::{IntentModel, SCOPE_POINTS, Settings};
use super::promises::HeldBack;
use super::recipe::IntentRecipe;
use super::several::Several;
use crate::encode::{NgramEncoder, VocabularyBuilder, VocabularyLimits};
use crate::error::Result;
use crate::findings::Findings;
use crate::kind::{Examples, FitContext};
use crate::learn::{Block, Blocks, LinearSettings, LinearTrainer, LinearWeights, NO_CLASS, fit_temperature};
use crate::text::Preparation;

/// Rows per block when the data do not fit in memory.
const BLOCK_ROWS: usize = 65_536;

/// Times through all rows at the end, when the calibration rows join in.
const JOIN_PASSES: usize = 2;

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
    };
    let (train, calibrate) = (source(examples.train), source(examples.calibrate));
    (context.progress)(0.0, "counting n-grams");
    let (counts, encoder) = read_vocabulary(&train, recipe, context)?;
    let labels = Labels::new(&train, counts, &calibrate)?;
    recipe.promise.check_labels(&labels, examples.model)?;
    let said_before = ContextSettings::of(&examples.train.schema(), recipe.context_weight);
    let encoding = Encoding {
        encoder: &encoder,
        labels: &labels,
        balance: recipe.balance,
        context_weight: recipe.context_weight,
    };
    let encoded = Encoded::new(&train, encoding, context.memory_max_bytes / 2)?;
    let (held_back, unlearned) = encoding.read(&calibrate)?;
    (context.progress)(0.2, "learning weights");
    let learning = LinearSettings {
        cost: recipe.cost,
        seed: context.seed,
        threads: context.threads,
    };
    let mut trainer = LinearTrainer::new(labels.names.len(), encoder.len(), learning);
    let (rounds, passes) = if encoded.in_memory() {
        (1, recipe.passes)
    } else {
        (recipe.passes.div_ceil(2), 2)
    };
    trainer.run(&encoded, rounds, passes)?;
    (context.progress)(0.8, "calibrating");
    let weights = trainer.weights();
    let all = margins_of(&weights, &held_back);
    let several = labels
        .several
        .then(|| Several::fit(&all, &held_back, labels.names.len()));
    let (scale, promises) = if recipe.promise.promises() {
        let held = HeldBack {
            labels: &labels.names,
            margins: &[all.as_slice(), &margins_of(&weights, &unlearned)].concat(),
            targets: &[held_back.targets.as_slice(), &unlearned.targets].concat(),
            known: held_back.targets.len(),
        };
        let (scale, promises) = held.promise(&recipe.promise, context.seed);
        (scale, Some(promises))
    } else if labels.several {
        (1.0, None)
    } else {
        (fit_temperature(&all, &held_back.targets, labels.names.len()), None)
    };
    let scope = scope_of(&all, &held_back.targets, labels.names.len());
    let last: Vec<&Block> = [&held_back, &unlearned]
        .into_iter()
        .filter(|block| !block.rows.is_empty())
        .collect();
    // A promise is proved on rows that the model has not learned: with one, it does not learn them afterwards either.
    if promises.is_none() && !last.is_empty() {
        (context.progress)(0.9, "learning the calibration rows");
        trainer.run(&Joined { first: &encoded, last }, JOIN_PASSES, 1)?;
    }
    let settings = Settings {
        labels: labels.names.clone(),
        grams: recipe.grams(),
        scale,
        answers_max: recipe.answers_max,
        scope,
        preparation: Preparation::NOW,
        context: said_before,
        several,
        rare: labels.rare.clone(),
        hierarchy: recipe.promise.hierarchy.clone(),
        promises,
    };
    let weights = trainer.weights();
    drop(trainer);
    (context.progress)(0.95, "looking for wrong labels");
    let findings = audit::findings(&audit::Learned {
        examples,
        labels: &labels,
        train: encoded.block(),
        held_back: &held_back,
        held_back_margins: &all,
        features: encoder.len(),
        settings: learning,
        scale,
        memory_max_bytes: context.memory_max_bytes,
    })?;
    (context.progress)(1.0, "done");
    Ok((IntentModel::new(settings, encoder, weights)?, findings))
}

/// The margins of all rows of a block, one after the other.
fn margins_of(weights: &LinearWeights, block: &Block) -> Vec<f32> {
    let (mut row, mut margins) = (Vec::new(), Vec::new());
    let mut all = Vec::with_capacity(block.rows.len() * weights.labels);
    for at in 0..block.rows.len() {
        let (features, values) = block.rows.row(at);
        row.clear();
        row.extend(features.iter().copied().zip(values.iter().copied()));
        weights.margins(&row, &mut margins);
        all.extend_from_slice(&margins);
    }
    all
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

/// The n-grams of the training rows, and how often each label comes.
fn read_vocabulary(
    train: &Source<'_>,
    recipe: &IntentRecipe,
    context: &FitContext<'_>,
) -> Result<(BTreeMap<String, u64>, NgramEncoder)> {
    let limits = VocabularyLimits {
        rows_min: recipe.rows_min,
        features_max: recipe.features_max,
        memory_max_bytes: context.memory_max_bytes / 2,
    };
    let mut builder = VocabularyBuilder::new(recipe.grams(), limits);
    let mut counts = BTreeMap::new();
    train.for_each(&mut |part| {
        builder.count(&part.texts, context.threads);
        if let Some(contexts) = &part.contexts {
            builder.count_contexts(contexts, context.threads);
        }
        for label in part.labels.all() {
            match counts.get_mut(label) {
                Some(rows) => *rows += 1,
                None => _ = counts.insert(label.clone(), 1),
            }
        }
        Ok(())
    })?;
    Ok((counts, builder.finish()))
}

/// How parts become blocks.
#[derive(Clone, Copy)]
struct Encoding<'a> {
    encoder: &'a NgramEncoder,
    labels: &'a Labels,
    balance: f32,
    context_weight: f32,
}

impl Encoding<'_> {
    /// Appends a part to a block.
    fn append(&self, part: &Part, threads: usize, block: &mut Block) {
        self.deal(part, threads, [block, &mut Block::default()], |_| false);
    }

    /// Appends the rows of a part to the first of two blocks, or to the second if `is_second` says so of their classes.
    fn deal(&self, part: &Part, threads: usize, blocks: [&mut Block; 2], is_second: impl Fn(&[u32]) -> bool) {
        let encoded = match &part.contexts {
            None => self.encoder.encode_all(&part.texts, threads),
            Some(contexts) => self
                .encoder
                .encode_all_in_context(&part.texts, contexts, self.context_weight, threads),
        };
        let [first, second] = blocks;
        for row in 0..part.labels.len() {
            let classes = self.labels.classes(part.labels.of(row));
            let block = if is_second(&classes) { &mut *second } else { &mut *first };
            let (features, values) = encoded.row(row);
            block.rows.push_parts(features, values);
            block.push_classes(&classes);
            let weight = self.labels.weight(&classes, self.balance);
            block.weights.push(part.weights[row] * weight);
        }
    }

    /// The rows of `source`: those with labels that the training rows have too, and the others.
    fn read(&self, source: &Source<'_>) -> Result<(Block, Block)> {
        let (mut known, mut unlearned) = (Block::default(), Block::default());
        source.for_each(&mut |part| {
            let blocks = [&mut known, &mut unlearned];
            self.deal(&part, source.threads, blocks, |classes| {
                !self.labels.are_trained(classes)
            });
            Ok(())
        })?;
        Ok((known, unlearned))
    }
}

/// The training rows as blocks: one in memory, or made again from the file at every round.
enum Encoded<'a> {
    Memory(Block),
    File {
        source: &'a Source<'a>,
        encoding: Encoding<'a>,
    },
}

impl<'a> Encoded<'a> {
    fn new(source: &'a Source<'a>, encoding: Encoding<'a>, memory_max_bytes: usize) -> Result<Self> {
        let mut block = Block::default();
        let mut fits = true;
        source.for_each(&mut |part| {
            if fits {
                encoding.append(&part, source.threads, &mut block);
                // A group of duals is held for every row while it is learned.
                fits = block.rows.size_bytes() + block.rows.len() * 200 * source.threads < memory_max_bytes;
            }
            Ok(())
        })?;
        Ok(if fits {
            Self::Memory(block)
        } else {
            Self::File { source, encoding }
        })
    }

    fn in_memory(&self) -> bool {
        self.block().is_some()
    }

    /// The only block, if all rows are in memory.
    fn block(&self) -> Option<&Block> {
        match self {
            Self::Memory(block) => Some(block),
            Self::File { .. } => None,
        }
    }
}

impl Blocks for Encoded<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        let (source, encoding) = match self {
            Self::Memory(block) => return visit(0, block),
            Self::File { source, encoding } => (source, encoding),
        };
        let mut at = 0;
        let mut block = Block::default();
        source.for_each(&mut |part| {
            encoding.append(&part, source.threads, &mut block);
            if block.rows.len() >= BLOCK_ROWS {
                visit(at, &std::mem::take(&mut block))?;
                at += 1;
            }
            Ok(())
        })?;
        if !block.rows.is_empty() {
            visit(at, &block)?;
        }
        Ok(())
    }
}

/// The training blocks and more.
struct Joined<'a> {
    first: &'a Encoded<'a>,
    last: Vec<&'a Block>,
}

impl Blocks for Joined<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        let mut count = 0;
        self.first.for_each(&mut |at, block| {
            count = at + 1;
            visit(at, block)
        })?;
        let mut last = self.last.iter().enumerate();
        last.try_for_each(|(at, block)| visit(count + at, block))
    }
}
