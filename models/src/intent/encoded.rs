//! Examples on their way into a learner: encoded once, in memory while they fit, in a temporary file otherwise.

use super::examples::{Part, Source};
use super::labels::Labels;
use crate::encode::{NgramEncoder, SparseRows};
use crate::error::Result;
use crate::learn::{Block, Blocks, SpilledBlocks};
use crate::sentence::Embeddings;

/// Rows per block when the data do not fit in memory.
const BLOCK_ROWS: usize = 65_536;

/// Most calibration rows that judge, spread evenly; all of them are learned in the end.
const JUDGING_ROWS_MAX: u64 = 65_536;

/// Memory for the duals of a row, by two threads at once.
const DUAL_BYTES: usize = 400;

/// What is seen of a text.
#[derive(Clone, Copy)]
pub(super) enum Features<'a> {
    /// Its n-grams, and those of the turns before it, which weigh so much.
    Ngrams(&'a NgramEncoder, f32),
    /// Its vector; the turns before it are not looked at.
    Vectors(&'a dyn Embeddings),
}

impl Features<'_> {
    /// How many there are.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Ngrams(encoder, _) => encoder.len(),
            Self::Vectors(embeddings) => embeddings.encoder().dimensions(),
        }
    }

    fn of(self, part: &Part, threads: usize) -> Result<SparseRows> {
        Ok(match (self, &part.contexts) {
            (Self::Ngrams(encoder, _), None) => encoder.encode_all(&part.texts, threads),
            (Self::Ngrams(encoder, weight), Some(contexts)) => {
                encoder.encode_all_in_context(&part.texts, contexts, weight, threads)
            }
            (Self::Vectors(embeddings), _) => SparseRows::dense(embeddings.embed_all(&part.texts)?, self.len()),
        })
    }
}

/// How parts become blocks.
#[derive(Clone, Copy)]
pub(super) struct Encoding<'a> {
    pub features: Features<'a>,
    pub labels: &'a Labels,
    pub balance: f32,
}

impl Encoding<'_> {
    /// Appends a part to a block.
    fn append(&self, part: &Part, threads: usize, block: &mut Block) -> Result<()> {
        block.rows.append(&self.features.of(part, threads)?);
        for row in 0..part.labels.len() {
            let classes = self.labels.classes(part.labels.of(row));
            block.push_classes(&classes);
            let weight = self.labels.weight(&classes, self.balance);
            block.weights.push(part.weights[row] * weight);
        }
        Ok(())
    }
}

/// The calibration rows.
pub(super) struct Calibration {
    /// Those that judge: the model has learned their labels.
    pub judging: Block,
    /// The place of each of them among all calibration rows.
    pub places: Vec<u64>,
    /// Those to which every answer is wrong: of labels that only calibration rows have, which are not learned yet when it
    /// is time to judge, and out of scope.
    pub unlearned: Block,
    /// What was left out where not every row judges.
    others: Option<SpilledBlocks>,
}

impl Calibration {
    pub(super) fn new(source: &Source<'_>, encoding: Encoding<'_>) -> Result<Self> {
        let every = source.rows.count().div_ceil(JUDGING_ROWS_MAX).max(1);
        let mut spilling = if every > 1 { Some(Spilling::new()?) } else { None };
        let (mut judging, mut unlearned) = (Block::default(), Block::default());
        let mut places = Vec::new();
        let mut place = 0;
        source.for_each(&mut |part| {
            let mut all = Block::default();
            encoding.append(&part, source.threads, &mut all)?;
            for row in 0..all.rows.len() {
                let can_be_right = encoding.labels.can_be_right(&all.classes(row).collect::<Vec<_>>());
                let block = match &mut spilling {
                    Some(spilling) if place % every != 0 => &mut spilling.block,
                    _ if can_be_right => {
                        places.push(place);
                        &mut judging
                    }
                    _ => &mut unlearned,
                };
                block.push_from(&all, row);
                place += 1;
            }
            spilling.as_mut().map_or(Ok(()), |spilling| spilling.seal(BLOCK_ROWS))
        })?;
        Ok(Self {
            judging,
            places,
            unlearned,
            others: spilling.map(Spilling::finish).transpose()?,
        })
    }

    /// The rows whose answers are judged, as a block and a place there: those that judge, then the unlearned ones.
    pub(super) fn judged(&self) -> impl Iterator<Item = (&Block, usize)> {
        let rows = |block: &'_ Block| 0..block.rows.len();
        let judging = rows(&self.judging).map(|row| (&self.judging, row));
        judging.chain(rows(&self.unlearned).map(|row| (&self.unlearned, row)))
    }

    /// How many there are.
    pub(super) fn judged_rows(&self) -> usize {
        self.judging.rows.len() + self.unlearned.rows.len()
    }

    /// Whether there is no row at all.
    pub(super) fn is_empty(&self) -> bool {
        self.judging.rows.is_empty() && self.unlearned.rows.is_empty()
    }
}

impl Blocks for Calibration {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        let mut count = 0;
        for block in [&self.judging, &self.unlearned] {
            if !block.rows.is_empty() {
                visit(count, block)?;
                count += 1;
            }
        }
        match &self.others {
            Some(others) => others.for_each(&mut |at, block| visit(count + at, block)),
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
pub(super) enum Encoded {
    Memory(Block),
    File(SpilledBlocks),
}

impl Encoded {
    /// Encodes all rows. Where they go is told by the first batch and the number of rows.
    pub(super) fn new(source: &Source<'_>, encoding: Encoding<'_>, memory_max_bytes: usize) -> Result<Self> {
        let mut spilling: Option<Spilling> = None;
        let mut block = Block::default();
        let mut is_first = true;
        source.for_each(&mut |part| {
            match &mut spilling {
                None => encoding.append(&part, source.threads, &mut block)?,
                Some(spilling) => {
                    encoding.append(&part, source.threads, &mut spilling.block)?;
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

    /// The only block, if all rows are in memory.
    pub(super) fn block(&self) -> Option<&Block> {
        match self {
            Self::Memory(block) => Some(block),
            Self::File(_) => None,
        }
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
pub(super) struct Joined<'a> {
    pub encoded: &'a Encoded,
    pub held_back: &'a Calibration,
}

impl Blocks for Joined<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        let before = self.encoded.count();
        self.held_back.for_each(&mut |at, block| visit(before + at, block))?;
        self.encoded.for_each(visit)
    }
}
