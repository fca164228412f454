//! Texts beside other columns: the linear learner says how much a text speaks for each class, and that is a number like
//! any other. For the rows it was learned from, the scores come from weights that have not learned the row, so that trees
//! do not take them for surer than they are.

use std::collections::BTreeMap;

use crate::artifact::{Artifact, Tensor};
use crate::encode::{GramSettings, NgramEncoder, VocabularyBuilder, VocabularyLimits};
use crate::error::Result;
use crate::learn::{Block, CrossFit, LinearSettings, LinearTrainer, LinearWeights, NO_CLASS, cross_fit};

/// Words and pairs of them, characters within words: less than an intent model takes, as other columns speak too.
const GRAMS: GramSettings = GramSettings {
    words_max: 2,
    chars_min: 3,
    chars_max: 4,
    near_max: 0,
    words_weight: 1.0,
};

const LIMITS: VocabularyLimits = VocabularyLimits {
    rows_min: 2,
    features_max: 65_536,
    chars_rows_max: 10_000,
    memory_max_bytes: 256 << 20,
};

/// How the weights are learned, out of fold and for the model alike, so that scores mean the same.
const CROSS_FIT: CrossFit = CrossFit { folds: 5, passes: 5 };
const COST: f32 = 0.3;

/// What texts are scored for: a class of each row.
#[derive(Debug, Clone, Copy)]
pub struct TextClasses<'a> {
    /// The class of each row, below `count`.
    pub of_rows: &'a [u32],
    /// How many there are, at least 2.
    pub count: usize,
}

impl TextClasses<'_> {
    /// Scores a text has: of two classes the second says all.
    pub fn scores(self) -> usize {
        if self.count == 2 { 1 } else { self.count }
    }

    fn target(self, row: usize) -> u32 {
        match (self.count, self.of_rows[row]) {
            (2, 0) => NO_CLASS,
            (2, _) => 0,
            (_, class) => class,
        }
    }
}

/// Scores of texts, learned.
#[derive(Clone)]
pub struct TextScorer {
    encoder: NgramEncoder,
    weights: LinearWeights,
}

impl TextScorer {
    /// Learns from prepared texts, and gives the scores of these texts by weights that have not learned them, row by row.
    ///
    /// # Errors
    /// As the learner.
    pub fn fit(
        texts: &[String],
        classes: TextClasses<'_>,
        row_weights: &[f32],
        (seed, threads): (u64, usize),
    ) -> Result<(Self, Vec<f32>)> {
        let mut builder = VocabularyBuilder::new(GRAMS, LIMITS);
        builder.count(texts, threads);
        let encoder = builder.finish();
        let block = Block {
            rows: encoder.encode_all(texts, threads),
            targets: (0..texts.len()).map(|row| classes.target(row)).collect(),
            more: Vec::new(),
            weights: row_weights.to_vec(),
        };
        let settings = LinearSettings {
            cost: COST,
            seed,
            threads,
        };
        let (scores, features) = (classes.scores(), encoder.len());
        let mut unseen = vec![0.0; texts.len() * scores];
        cross_fit(&[&block], (scores, features), settings, CROSS_FIT, &mut |fold| {
            for ((_, row), margins) in fold.rows.iter().zip(fold.margins.chunks_exact(scores)) {
                unseen[row * scores..(row + 1) * scores].copy_from_slice(margins);
            }
            Ok(())
        })?;
        let mut trainer = LinearTrainer::new(scores, features, settings);
        trainer.run([&block].as_slice(), 1, CROSS_FIT.passes)?;
        let weights = trainer.weights();
        Ok((Self { encoder, weights }, unseen))
    }

    /// The scores of a prepared text, into `scores` (cleared first).
    pub fn score(&self, text: &str, row: &mut Vec<(u32, f32)>, scores: &mut Vec<f32>) {
        self.encoder.encode(text, row);
        self.weights.margins(row, scores);
    }

    /// How many scores a text has.
    pub fn scores(&self) -> usize {
        self.weights.labels
    }

    /// Whether any word is Chinese, so that the dictionary will be needed.
    pub fn has_chinese(&self) -> bool {
        self.encoder.has_chinese()
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = self.encoder.tensors();
        tensors.append(&mut self.weights.tensors());
        tensors
    }

    /// Takes a scorer of so many scores out of an artifact and checks it.
    ///
    /// # Errors
    /// When arrays are missing or do not fit.
    pub fn take(artifact: &mut Artifact, scores: usize) -> Result<Self> {
        let encoder = NgramEncoder::take(artifact, GRAMS)?;
        let weights = LinearWeights::take(artifact, scores, encoder.len())?;
        Ok(Self { encoder, weights })
    }
}
