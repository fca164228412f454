//! How an intent model is learned: count n-grams, encode rows, descend, calibrate on the rows held back, and learn those
//! too. Rows stream from their files; encoded rows stay in memory as long as the bound allows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};

use super::predict::{IntentModel, SCOPE_POINTS, Settings};
use super::recipe::IntentRecipe;
use crate::encode::{NgramEncoder, VocabularyBuilder, VocabularyLimits, map_chunks};
use crate::error::{Error, Result};
use crate::kind::{Examples, FitContext, Rows};
use crate::learn::{Block, Blocks, LinearSettings, LinearTrainer, LinearWeights, SpilledBlocks, fit_temperature};
use crate::rows::{KeepRows, KeptRows};
use crate::text::Preparation;

/// Rows per block when the data do not fit in memory.
const BLOCK_ROWS: usize = 65_536;

/// Times through all rows at the end, when the calibration rows join in.
const JOIN_PASSES: usize = 2;

/// Most calibration rows that judge, spread evenly; all of them are learned in the end.
const JUDGING_ROWS_MAX: u64 = 65_536;

/// Memory for the duals of a row, by two threads at once.
const DUAL_BYTES: usize = 400;

/// Batches read from the file while others are worked on.
const READ_AHEAD: usize = 2;

/// Learns a model.
pub(super) fn fit(examples: &Examples<'_>, recipe: &IntentRecipe, context: &FitContext<'_>) -> Result<IntentModel> {
    let source = |rows| Source {
        rows,
        model: examples.model,
        threads: context.threads,
        is_prepared: false,
    };
    let (train, calibrate) = (source(examples.train), source(examples.calibrate));
    (context.progress)(0.0, "counting n-grams");
    let (labels, encoder, prepared) = read_vocabulary(&train, recipe, context)?;
    let train = Source {
        is_prepared: true,
        ..source(&prepared)
    };
    let encoding = Encoding {
        encoder: &encoder,
        labels: &labels,
        balance: recipe.balance,
    };
    (context.progress)(0.1, "encoding rows");
    let encoded = Encoded::new(&train, encoding, context.memory_max_bytes / 2)?;
    let held_back = HeldBack::new(&calibrate, encoding)?;
    (context.progress)(0.2, "learning weights");
    let (weights, margins) = learn(&encoded, &held_back, encoding, recipe, context)?;
    (context.progress)(0.9, "calibrating");
    let scale = fit_temperature(&margins, &held_back.judging.targets, labels.names.len());
    let scope = scope_of(&margins, labels.names.len());
    let weights_max_bytes = (recipe.artifact_max_mb * MEGABYTE).saturating_sub(encoder.stored_bytes());
    let weights = weights.within(weights_max_bytes, recipe.quantise);
    let settings = Settings {
        labels: labels.names,
        grams: recipe.grams(examples.train.count()),
        scale,
        answers_max: recipe.answers_max,
        scope,
        preparation: Preparation::NOW,
    };
    (context.progress)(1.0, "done");
    Ok(IntentModel::new(settings, encoder, weights))
}

const MEGABYTE: usize = 1_000_000;

/// The weights, and the margins of the judging rows as they were before these were learned themselves. When weights of
/// all labels together are too large for memory, some labels are learned after the others.
fn learn(
    encoded: &Encoded,
    held_back: &HeldBack,
    encoding: Encoding<'_>,
    recipe: &IntentRecipe,
    context: &FitContext<'_>,
) -> Result<(LinearWeights, Vec<f32>)> {
    let settings = LinearSettings {
        cost: recipe.cost,
        seed: context.seed,
        threads: context.threads,
    };
    let (labels, features) = (encoding.labels.names.len(), encoding.encoder.len());
    let bytes = LinearTrainer::size_bytes(LinearTrainer::PART, features).max(1);
    let together = (context.memory_max_bytes / 2 / bytes).max(1) * LinearTrainer::PART;
    let kept_max = recipe.artifact_max_mb * MEGABYTE / size_of::<f32>();
    let rows = held_back.judging.rows.len();
    let mut margins = vec![0.0; rows * labels];
    let mut learned = Vec::new();
    for first in (0..labels).step_by(together) {
        let part = first..(first + together).min(labels);
        let share = 0.2 + 0.7 * first as f32 / labels as f32;
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

/// Learns the calibration rows too, and each time all others after them: what is visited last pulls, and these are few.
fn join(trainer: &mut LinearTrainer, encoded: &Encoded, held_back: &HeldBack) -> Result<()> {
    let joined = Joined { encoded, held_back };
    match encoded {
        _ if held_back.judging.rows.is_empty() => Ok(()),
        Encoded::Memory(_) => trainer.run(&joined, JOIN_PASSES, 1),
        Encoded::File(_) => trainer.run(&joined, 1, 1),
    }
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
) -> Result<(Labels, NgramEncoder, KeptRows)> {
    let limits = VocabularyLimits {
        rows_min: recipe.rows_min,
        features_max: recipe.features_max,
        chars_rows_max: recipe.chars_rows_max,
        memory_max_bytes: context.memory_max_bytes / 2,
    };
    let mut builder = VocabularyBuilder::new(recipe.grams(train.rows.count()), limits);
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    let mut prepared = KeepRows::new(Part::schema())?;
    train.for_each(&mut |part| {
        builder.count(&part.texts, context.threads);
        prepared.push(&part.to_batch()?)?;
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
    Ok((Labels { names, rows }, builder.finish(), prepared.finish()?))
}

/// Rows of examples with their columns checked.
struct Source<'a> {
    rows: &'a dyn Rows,
    model: &'a str,
    threads: usize,
    /// Whether the texts are prepared already.
    is_prepared: bool,
}

/// A batch of rows, texts prepared.
struct Part {
    texts: Vec<String>,
    labels: Vec<String>,
    weights: Vec<f32>,
}

impl Part {
    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("text", DataType::Utf8, false),
            Field::new("label", DataType::Utf8, false),
            Field::new("weight", DataType::Float32, false),
        ]))
    }

    /// As rows that give the same part again.
    fn to_batch(&self) -> Result<RecordBatch> {
        let text = StringArray::from_iter_values(&self.texts);
        let label = StringArray::from_iter_values(&self.labels);
        let weight = Float32Array::from(self.weights.clone());
        let columns: Vec<ArrayRef> = vec![Arc::new(text), Arc::new(label), Arc::new(weight)];
        RecordBatch::try_new(Self::schema(), columns).map_err(|e| Error::table("prepared rows", e))
    }
}

impl Source<'_> {
    fn problem(&self, message: String, hint: &str) -> Error {
        Error::Examples {
            model: self.model.into(),
            message,
            hint: hint.into(),
        }
    }

    fn for_each(&self, visit: &mut dyn FnMut(Part) -> Result<()>) -> Result<()> {
        let batches = self.rows.batches()?;
        std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::sync_channel(READ_AHEAD);
            // Ends when all is read or nobody listens any more.
            scope.spawn(move || batches.into_iter().try_for_each(|batch| send.send(batch)));
            for batch in receive {
                visit(self.part(&batch?)?)?;
            }
            Ok(())
        })
    }

    fn part(&self, batch: &RecordBatch) -> Result<Part> {
        let raw: Vec<Option<String>> = self.texts(batch, "text")?;
        let prepare = |part: &[Option<String>]| -> Vec<String> {
            part.iter()
                .map(|value| Preparation::NOW.apply(value.as_deref().unwrap_or_default()))
                .collect()
        };
        let texts = if self.is_prepared {
            raw.into_iter().flatten().collect()
        } else {
            map_chunks(&raw, self.threads, prepare).into_iter().flatten().collect()
        };
        let labels: Option<Vec<String>> = self.texts(batch, "label")?.into_iter().collect();
        let labels = labels.ok_or_else(|| {
            self.problem(
                "column `label` holds nulls".into(),
                "leave such rows out: `where label is not null`",
            )
        })?;
        Ok(Part {
            texts,
            labels,
            weights: self.weights(batch)?,
        })
    }

    fn texts(&self, batch: &RecordBatch, name: &str) -> Result<Vec<Option<String>>> {
        let column = batch.column_by_name(name).ok_or_else(|| {
            self.problem(
                format!("there is no column `{name}`"),
                "an intent model learns from the columns `text` and `label`",
            )
        })?;
        let column = cast(column, &DataType::Utf8).map_err(|e| Error::table(format!("column `{name}`"), e))?;
        Ok(column
            .as_string::<i32>()
            .iter()
            .map(|value| value.map(str::to_owned))
            .collect())
    }

    fn weights(&self, batch: &RecordBatch) -> Result<Vec<f32>> {
        let Some(column) = batch.column_by_name("weight") else {
            return Ok(vec![1.0; batch.num_rows()]);
        };
        let column = cast(column, &DataType::Float64).map_err(|e| Error::table("column `weight`", e))?;
        let column = column.as_primitive::<Float64Type>();
        let valid = column.null_count() == 0 && column.values().iter().all(|w| *w > 0.0 && w.is_finite());
        if !valid {
            return Err(self.problem(
                "column `weight` holds a null or a value not above 0".into(),
                "leave such rows out",
            ));
        }
        Ok(column.values().iter().map(|w| *w as f32).collect())
    }
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

    /// Appends the rows of a part that `is_chosen` chooses, by their number, and the others to another block.
    fn deal(&self, part: &Part, threads: usize, blocks: [&mut Block; 2], is_chosen: impl Fn(usize) -> bool) {
        let mut both = Block::default();
        self.append(part, threads, &mut both);
        let [chosen, others] = blocks;
        for row in 0..both.rows.len() {
            let block = if is_chosen(row) { &mut *chosen } else { &mut *others };
            let (features, values) = both.rows.row(row);
            block.rows.push_parts(features, values);
            block.targets.push(both.targets[row]);
            block.weights.push(both.weights[row]);
        }
    }
}

/// The calibration rows: those that judge, in memory, and the others.
struct HeldBack {
    judging: Block,
    others: Option<SpilledBlocks>,
}

impl HeldBack {
    fn new(source: &Source<'_>, encoding: Encoding<'_>) -> Result<Self> {
        let every = source.rows.count().div_ceil(JUDGING_ROWS_MAX).max(1) as usize;
        let mut judging = Block::default();
        if every == 1 {
            source.for_each(&mut |part| {
                encoding.append(&part, source.threads, &mut judging);
                Ok(())
            })?;
            return Ok(Self { judging, others: None });
        }
        let mut spilling = Spilling::new()?;
        let mut before = 0;
        source.for_each(&mut |part| {
            let chosen = |row| (before + row) % every == 0;
            encoding.deal(&part, source.threads, [&mut judging, &mut spilling.block], chosen);
            before += part.texts.len();
            spilling.seal(BLOCK_ROWS)
        })?;
        Ok(Self {
            judging,
            others: Some(spilling.finish()?),
        })
    }
}

impl Blocks for HeldBack {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        visit(0, &self.judging)?;
        match &self.others {
            Some(others) => others.for_each(&mut |at, block| visit(at + 1, block)),
            None => Ok(()),
        }
    }
}

/// Blocks on their way into a file.
struct Spilling {
    block: Block,
    blocks: SpilledBlocks,
}

impl Spilling {
    fn new() -> Result<Self> {
        Ok(Self {
            block: Block::default(),
            blocks: SpilledBlocks::new()?,
        })
    }

    /// Writes the block away if it has that many rows.
    fn seal(&mut self, rows_min: usize) -> Result<()> {
        if self.block.rows.len() >= rows_min {
            self.blocks.push(&std::mem::take(&mut self.block))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<SpilledBlocks> {
        self.seal(1)?;
        Ok(self.blocks)
    }
}

/// The training rows as blocks: one in memory, or many in a temporary file.
enum Encoded {
    Memory(Block),
    File(SpilledBlocks),
}

impl Encoded {
    /// Encodes all rows. Where they go is told by the first batch and the number of rows.
    fn new(source: &Source<'_>, encoding: Encoding<'_>, memory_max_bytes: usize) -> Result<Self> {
        let mut spilling: Option<Spilling> = None;
        let mut block = Block::default();
        let mut is_first = true;
        source.for_each(&mut |part| {
            match &mut spilling {
                None => encoding.append(&part, source.threads, &mut block),
                Some(spilling) => {
                    encoding.append(&part, source.threads, &mut spilling.block);
                    spilling.seal(BLOCK_ROWS)?;
                }
            }
            // Duals are held for every row while it is learned. Threads are not counted: they must change nothing.
            let bytes = block.rows.size_bytes() + block.rows.len() * DUAL_BYTES;
            let all = bytes as u64 / block.rows.len().max(1) as u64 * source.rows.count();
            if std::mem::take(&mut is_first) && all > memory_max_bytes as u64 {
                spilling = Some(Spilling {
                    block: std::mem::take(&mut block),
                    ..Spilling::new()?
                });
            }
            Ok(())
        })?;
        Ok(match spilling {
            Some(spilling) => Self::File(spilling.finish()?),
            None => Self::Memory(block),
        })
    }

    /// How many blocks there are.
    fn count(&self) -> usize {
        match self {
            Self::Memory(_) => 1,
            Self::File(blocks) => blocks.len(),
        }
    }
}

impl Blocks for Encoded {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        match self {
            Self::Memory(block) => visit(0, block),
            Self::File(blocks) => blocks.for_each(visit),
        }
    }
}

/// The calibration blocks, numbered after the training blocks, and then these.
struct Joined<'a> {
    encoded: &'a Encoded,
    held_back: &'a HeldBack,
}

impl Blocks for Joined<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        let before = self.encoded.count();
        self.held_back.for_each(&mut |at, block| visit(before + at, block))?;
        self.encoded.for_each(visit)
    }
}
