//! A linear classifier whose classes are the answers, learned from their phrasings. What tells an answer from the others
//! weighs more here than what is merely rare, which the index goes by.

use std::collections::BTreeMap;

use crate::artifact::{Artifact, Tensor};
use crate::encode::{GramSettings, NgramEncoder, VocabularyBuilder, VocabularyLimits};
use crate::error::{Error, Result};
use crate::learn::{Block, LinearSettings, LinearTrainer, LinearWeights};

const GRAMS: GramSettings = GramSettings {
    words_max: 2,
    chars_min: 2,
    chars_max: 4,
    near_max: 0,
    words_weight: 1.0,
};

const LIMITS: VocabularyLimits = VocabularyLimits {
    rows_min: 1,
    features_max: 300_000,
    chars_rows_max: u32::MAX,
    memory_max_bytes: 256 << 20,
};

/// Loss against penalty and times through the rows: those of the house's other texts.
const COST: f32 = 1.0;
const PASSES: usize = 10;

/// Phrasings an answer has on the average, at least; with fewer there is nothing to learn that the index does not know.
const PHRASINGS_MIN: f64 = 1.5;

/// Weights take at most so many bytes while they are learned, and rows times classes are at most so many.
const BYTES_MAX: usize = 512 << 20;
const STEPS_MAX: usize = 50_000_000;

/// A fitted classifier.
#[derive(Clone)]
pub(super) struct Classifier {
    encoder: NgramEncoder,
    weights: LinearWeights,
    /// The answer of each class, ascending.
    answers: Vec<u32>,
}

impl Classifier {
    /// Learns from phrasings and their answers. `None` where there are too few phrasings, or too many answers for it to
    /// be worth its memory.
    ///
    /// # Errors
    /// As the learner.
    pub fn fit(phrasings: &[(String, u32)], (seed, threads): (u64, usize)) -> Result<Option<Self>> {
        let mut answers: Vec<u32> = phrasings.iter().map(|phrasing| phrasing.1).collect();
        answers.sort_unstable();
        answers.dedup();
        let is_worth = answers.len() > 1
            && phrasings.len() as f64 >= PHRASINGS_MIN * answers.len() as f64
            && phrasings.len() * answers.len() <= STEPS_MAX;
        if !is_worth {
            return Ok(None);
        }
        let texts: Vec<String> = phrasings.iter().map(|phrasing| phrasing.0.clone()).collect();
        let mut builder = VocabularyBuilder::new(GRAMS, LIMITS);
        builder.count(&texts, threads);
        let encoder = builder.finish();
        if LinearTrainer::size_bytes(answers.len(), encoder.len()) > BYTES_MAX {
            return Ok(None);
        }
        let class = |answer: u32| answers.partition_point(|other| *other < answer) as u32;
        let block = Block {
            rows: encoder.encode_all(&texts, threads),
            targets: phrasings.iter().map(|phrasing| class(phrasing.1)).collect(),
            more: Vec::new(),
            weights: vec![1.0; texts.len()],
        };
        let settings = LinearSettings {
            cost: COST,
            seed,
            threads,
        };
        let mut trainer = LinearTrainer::new(answers.len(), encoder.len(), settings);
        trainer.run([&block].as_slice(), 1, PASSES)?;
        Ok(Some(Self {
            weights: trainer.weights(),
            encoder,
            answers,
        }))
    }

    /// The margin of every class for a text that [`super::terms::seen`] made.
    pub fn margins(&self, text: &str) -> Vec<f32> {
        let (mut row, mut margins) = (Vec::new(), Vec::new());
        self.encoder.encode(text, &mut row);
        self.weights.margins(&row, &mut margins);
        margins
    }

    /// The class of an answer; none if it had no phrasing.
    pub fn class_of(&self, answer: u32) -> Option<usize> {
        self.answers.binary_search(&answer).ok()
    }

    /// The `top` answers with the largest margins, the best first, of equal ones the smallest.
    pub fn best(&self, margins: &[f32], top: usize) -> Vec<u32> {
        let mut order: Vec<usize> = (0..margins.len()).collect();
        order.sort_by(|a, b| margins[*b].total_cmp(&margins[*a]).then(a.cmp(b)));
        order.into_iter().take(top).map(|class| self.answers[class]).collect()
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = self.encoder.tensors();
        tensors.append(&mut self.weights.tensors());
        tensors.insert("classes.answers".into(), Tensor::U32(self.answers.clone()));
        tensors
    }

    /// Takes a classifier out of an artifact and checks it; `None` if there is none.
    ///
    /// # Errors
    /// When arrays are missing or do not fit.
    pub fn take(artifact: &mut Artifact) -> Result<Option<Self>> {
        if !artifact.tensors.contains_key("classes.answers") {
            return Ok(None);
        }
        let answers = artifact.take_u32("classes.answers")?;
        if answers.len() < 2 || !answers.is_sorted_by(|a, b| a < b) {
            return Err(Error::artifact("classes.answers", "answers are not in order"));
        }
        let encoder = NgramEncoder::take(artifact, GRAMS)?;
        let weights = LinearWeights::take(artifact, answers.len(), encoder.len())?;
        Ok(Some(Self {
            encoder,
            weights,
            answers,
        }))
    }
}
