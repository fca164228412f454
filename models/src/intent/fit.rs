//! How an intent model is learned: count n-grams, encode rows, descend, calibrate on the rows held back, and learn those
//! too. Rows stream from their files; encoded rows stay in memory as long as the bound allows.

use super::examples::{Part, Source};
use super::predict::{IntentModel, SCOPE_POINTS, Settings};
use super::recipe::IntentRecipe;
use crate::encode::{NgramEncoder, VocabularyBuilder, VocabularyLimits};
use crate::error::Result;
use crate::kind::{Examples, FitContext};
use crate::learn::{Block, Blocks, LinearSettings, LinearTrainer, fit_temperature};
use crate::text::Preparation;

/// Rows per block when the data do not fit in memory.
const BLOCK_ROWS: usize = 65_536;

/// Times through all rows at the end, when the calibration rows join in.
const JOIN_PASSES: usize = 2;

/// Learns a model.
pub(super) fn fit(examples: &Examples<'_>, recipe: &IntentRecipe, context: &FitContext<'_>) -> Result<IntentModel> {
    let source = |rows| Source {
        rows,
        model: examples.model,
        threads: context.threads,
    };
    let (train, calibrate) = (source(examples.train), source(examples.calibrate));
    (context.progress)(0.0, "counting n-grams");
    let (labels, encoder) = read_vocabulary(&train, recipe, context)?;
    let encoded = Encoded::new(&train, &encoder, &labels, recipe, context.memory_max_bytes / 2)?;
    let held_back = Encoding {
        encoder: &encoder,
        labels: &labels,
        balance: recipe.balance,
    }
    .read(&calibrate)?;
    (context.progress)(0.2, "learning weights");
    let settings = LinearSettings {
        cost: recipe.cost,
        seed: context.seed,
        threads: context.threads,
    };
    let mut trainer = LinearTrainer::new(labels.names.len(), encoder.len(), settings);
    let (rounds, passes) = if encoded.in_memory() {
        (1, recipe.passes)
    } else {
        (recipe.passes.div_ceil(2), 2)
    };
    trainer.run(&encoded, rounds, passes)?;
    (context.progress)(0.8, "calibrating");
    let weights = trainer.weights();
    let mut row = Vec::new();
    let mut margins = Vec::new();
    let mut all = Vec::with_capacity(held_back.rows.len() * labels.names.len());
    for at in 0..held_back.rows.len() {
        let (features, values) = held_back.rows.row(at);
        row.clear();
        row.extend(features.iter().copied().zip(values.iter().copied()));
        weights.margins(&row, &mut margins);
        all.extend_from_slice(&margins);
    }
    let scale = fit_temperature(&all, &held_back.targets, labels.names.len());
    let scope = scope_of(&all, labels.names.len());
    (context.progress)(0.9, "learning the calibration rows");
    if !held_back.rows.is_empty() {
        trainer.run(
            &Joined {
                first: &encoded,
                last: &held_back,
            },
            JOIN_PASSES,
            1,
        )?;
    }
    let settings = Settings {
        labels: labels.names,
        grams: recipe.grams(),
        scale,
        answers_max: recipe.answers_max,
        scope,
        preparation: Preparation::NOW,
    };
    (context.progress)(1.0, "done");
    Ok(IntentModel::new(settings, encoder, trainer.weights()))
}

/// Best margins of held-back rows at equally spaced ranks.
fn scope_of(margins: &[f32], labels: usize) -> Vec<f32> {
    let best = |row: &[f32]| row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sorted: Vec<f32> = margins.chunks_exact(labels).map(best).collect();
    if sorted.len() < 2 {
        return Vec::new();
    }
    sorted.sort_unstable_by(f32::total_cmp);
    (0..SCOPE_POINTS)
        .map(|point| sorted[point * (sorted.len() - 1) / (SCOPE_POINTS - 1)])
        .collect()
}

/// The labels, sorted, and how often each comes.
struct Labels {
    names: Vec<String>,
    rows: Vec<u64>,
}

fn read_vocabulary(
    train: &Source<'_>,
    recipe: &IntentRecipe,
    context: &FitContext<'_>,
) -> Result<(Labels, NgramEncoder)> {
    let limits = VocabularyLimits {
        rows_min: recipe.rows_min,
        features_max: recipe.features_max,
        memory_max_bytes: context.memory_max_bytes / 2,
    };
    let mut builder = VocabularyBuilder::new(recipe.grams(), limits);
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    train.for_each(&mut |part| {
        builder.count(&part.texts, context.threads);
        for label in part.labels {
            *counts.entry(label).or_default() += 1;
        }
        Ok(())
    })?;
    if counts.len() < 2 {
        let message = format!(
            "{} label(s) in the training rows; at least two are needed",
            counts.len()
        );
        return Err(train.problem(message, "look at the examples query and at the rejects of its tables"));
    }
    let (names, rows) = counts.into_iter().unzip();
    Ok((Labels { names, rows }, builder.finish()))
}

/// How parts become blocks.
#[derive(Clone, Copy)]
struct Encoding<'a> {
    encoder: &'a NgramEncoder,
    labels: &'a Labels,
    balance: f32,
}

impl Encoding<'_> {
    /// Appends a part to a block. Rows whose label is not among the training labels cannot be learned and are left out.
    fn append(&self, part: &Part, threads: usize, block: &mut Block) {
        let total: u64 = self.labels.rows.iter().sum();
        let even = total as f64 / self.labels.names.len() as f64;
        let encoded = self.encoder.encode_all(&part.texts, threads);
        for (at, label) in part.labels.iter().enumerate() {
            let Ok(label) = self.labels.names.binary_search(label) else {
                continue;
            };
            let (features, values) = encoded.row(at);
            block.rows.push_parts(features, values);
            block.targets.push(label as u32);
            let balance = (even / self.labels.rows[label] as f64).powf(f64::from(self.balance)) as f32;
            block.weights.push(part.weights[at] * balance);
        }
    }

    fn read(&self, source: &Source<'_>) -> Result<Block> {
        let mut block = Block::default();
        source.for_each(&mut |part| {
            self.append(&part, source.threads, &mut block);
            Ok(())
        })?;
        Ok(block)
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
    fn new(
        source: &'a Source<'a>,
        encoder: &'a NgramEncoder,
        labels: &'a Labels,
        recipe: &IntentRecipe,
        memory_max_bytes: usize,
    ) -> Result<Self> {
        let encoding = Encoding {
            encoder,
            labels,
            balance: recipe.balance,
        };
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
        matches!(self, Self::Memory(_))
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

/// The training blocks and one more.
struct Joined<'a> {
    first: &'a Encoded<'a>,
    last: &'a Block,
}

impl Blocks for Joined<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        let mut count = 0;
        self.first.for_each(&mut |at, block| {
            count = at + 1;
            visit(at, block)
        })?;
        visit(count, self.last)
    }
}
