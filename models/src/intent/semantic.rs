//! What a sentence encoder adds to an intent model: a linear head on the vector of a text, blended with its n-grams, and
//! a cascade that asks the encoder only where the n-grams alone are not sure.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::encoded::{Calibration, Encoded, Encoding, Features};
use super::examples::Source;
use super::learning::{Learning, learn};
use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};
use crate::learn::promise::tuning_rows;
use crate::learn::{LinearSettings, LinearWeights, Scored, best_of, fit_blend, fit_temperature, sure_gap};
use crate::sentence::{Embeddings, SentenceEncoder};

/// Loss against penalty of the head, and times through the rows: chosen by cross-validation on the training file of
/// BANKING77, where 2 to 8 and 8 to 20 differ by less than chance.
const HEAD_COST: f32 = 4.0;
const HEAD_PASSES: usize = 12;

/// The cascade may answer so much more of all rows wrongly than if the encoder were asked each time.
const LOSS_MAX: f64 = 0.002;

const WEIGHTS: &str = "head.weights";
const BIAS: &str = "head.bias";

/// When the encoder is asked, and what its answer weighs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Asking {
    /// Weight of the head's margins where those of the n-grams have 1.
    pub share: f32,
    /// So far above the second, the best margin of the n-grams needs no encoder; none if it always does.
    pub sure_gap: Option<f32>,
    /// What margins are multiplied by where the n-grams answer alone, so that one temperature fits all answers.
    pub alone: f32,
    /// How it fared on the rows held back for calibration.
    pub held_back: Fared,
}

/// Shares of the rows held back for calibration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Fared {
    /// Rows.
    pub rows: usize,
    /// Those for which the encoder is asked.
    pub asked: f64,
    /// Right answers by the n-grams alone.
    pub words: f64,
    /// Right answers as the model gives them.
    pub cascade: f64,
    /// Right answers if the encoder were always asked.
    pub always: f64,
}

impl Asking {
    /// From margins that have not learned the rows, for all `labels` of each row.
    fn fit(words: &[f32], head: &[f32], targets: &[u32], labels: usize) -> Self {
        let blend = fit_blend(words, head, targets, labels);
        let mut asking = Self {
            share: blend.share,
            sure_gap: None,
            alone: fit_temperature(words, targets, labels) / blend.scale,
            held_back: Fared::default(),
        };
        let rows = words.chunks_exact(labels).zip(head.chunks_exact(labels)).zip(targets);
        let mut blended = Vec::with_capacity(labels);
        let scored: Vec<Scored> = rows
            .map(|((words, head), target)| {
                blended.clear();
                blended.extend_from_slice(words);
                asking.combine(&mut blended, head);
                Scored {
                    gap: gap(words),
                    alone_right: best_of(words) == *target as usize,
                    blend_right: best_of(&blended) == *target as usize,
                }
            })
            .collect();
        asking.sure_gap = sure_gap(scored.clone(), LOSS_MAX).map(|sure| sure.0);
        asking.held_back = asking.fared(&scored);
        asking
    }

    fn fared(&self, rows: &[Scored]) -> Fared {
        let share =
            |is: &dyn Fn(&Scored) -> bool| rows.iter().filter(|row| is(row)).count() as f64 / rows.len().max(1) as f64;
        let sure = |row: &Scored| self.sure_gap.is_some_and(|sure| row.gap >= sure);
        Fared {
            rows: rows.len(),
            asked: share(&|row| !sure(row)),
            words: share(&|row| row.alone_right),
            cascade: share(&|row| if sure(row) { row.alone_right } else { row.blend_right }),
            always: share(&|row| row.blend_right),
        }
    }

    /// Whether the n-grams may answer alone.
    pub(super) fn is_sure(&self, words: &[f32]) -> bool {
        self.sure_gap.is_some_and(|sure| gap(words) >= sure)
    }

    /// The margins where the n-grams answer alone.
    pub(super) fn answer_alone(&self, margins: &mut [f32]) {
        margins.iter_mut().for_each(|margin| *margin *= self.alone);
    }

    /// The margins where the encoder was asked.
    pub(super) fn combine(&self, margins: &mut [f32], head: &[f32]) {
        let both = margins.iter_mut().zip(head);
        both.for_each(|(margin, head)| *margin += self.share * head);
    }

    /// What a report says of it.
    pub(super) fn note(self) -> (String, String) {
        let fared = self.held_back;
        let text = format!(
            "asked for {:.1}% of the {} rows held back for calibration, where the n-grams are not sure. Right there: {:.1}% by \
             the n-grams alone, {:.1}% as the model answers, {:.1}% if the encoder were asked each time",
            100.0 * fared.asked,
            fared.rows,
            100.0 * fared.words,
            100.0 * fared.cascade,
            100.0 * fared.always
        );
        ("sentence encoder".to_owned(), text)
    }

    fn is_finite(&self) -> bool {
        [self.share, self.alone, self.sure_gap.unwrap_or(0.0)]
            .iter()
            .all(|value| value.is_finite())
    }
}

/// How far the best margin is above the second.
fn gap(margins: &[f32]) -> f32 {
    let (mut first, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for margin in margins {
        if *margin > first {
            (first, second) = (*margin, first);
        } else if *margin > second {
            second = *margin;
        }
    }
    first - second
}

/// The encoder's part of a model.
pub(super) struct Semantic {
    encoder: Arc<SentenceEncoder>,
    head: LinearWeights,
    asking: Asking,
}

impl Semantic {
    /// Learns the head and when to ask. `margins` are those of the judged rows by their n-grams, and become those of the
    /// cascade.
    ///
    /// # Errors
    /// When texts have lists of labels, or the encoder does not work on one.
    pub(super) fn fit(
        embeddings: &dyn Embeddings,
        (train, calibrate): (&Source<'_>, &Source<'_>),
        encoding: Encoding<'_>,
        words: &Learning<'_>,
        margins: &mut [f32],
    ) -> Result<Self> {
        if encoding.labels.several {
            let message = "texts have lists of labels, and an encoder works with one label a text";
            return Err(train.problem(message.into(), "leave `encoder` out, or give each text one label"));
        }
        let vectors = Encoding {
            features: Features::Vectors(embeddings),
            ..encoding
        };
        (words.progress)(0.5, "embedding texts");
        let encoded = Encoded::new(train, vectors, words.memory_max_bytes / 2)?;
        let held_back = Calibration::new(calibrate, vectors)?;
        let learning = Learning {
            settings: LinearSettings {
                cost: HEAD_COST,
                ..words.settings
            },
            passes: HEAD_PASSES,
            weights_max_bytes: usize::MAX,
            quantise: false,
            doing: ("learning weights of vectors", 0.75, 0.85),
            ..*words
        };
        let labels = vectors.labels.names.len();
        let (head, head_margins) = learn(&encoded, &held_back, (labels, vectors.features.len()), &learning)?;
        // What proves a promise has no say in the scores.
        let targets = &held_back.judging.targets;
        let judged = held_back.judged_rows();
        let takes_part = if words.proves {
            tuning_rows(judged, words.settings.seed)
        } else {
            vec![true; judged]
        };
        let taken: Vec<usize> = (0..targets.len()).filter(|row| takes_part[*row]).collect();
        let of = |margins: &[f32]| -> Vec<f32> {
            let row = |row: &usize| margins[row * labels..(row + 1) * labels].to_vec();
            taken.iter().flat_map(row).collect()
        };
        let taken_targets: Vec<u32> = taken.iter().map(|row| targets[*row]).collect();
        let asking = Asking::fit(&of(margins), &of(&head_margins), &taken_targets, labels);
        for (margins, head) in margins.chunks_exact_mut(labels).zip(head_margins.chunks_exact(labels)) {
            if asking.is_sure(margins) {
                asking.answer_alone(margins);
            } else {
                asking.combine(margins, head);
            }
        }
        Ok(Self {
            encoder: embeddings.encoder(),
            head,
            asking,
        })
    }

    /// Takes the head out of an artifact, and the encoder that was loaded for it.
    ///
    /// # Errors
    /// When the one or the other is missing or does not fit.
    pub(super) fn take(artifact: &mut Artifact, asking: Asking, labels: usize) -> Result<Self> {
        let encoder = artifact
            .encoder
            .clone()
            .ok_or_else(|| Error::artifact("settings", "ask an encoder, and the artifact names none"))?;
        let (weights, bias) = (artifact.take_f32(WEIGHTS)?, artifact.take_f32(BIAS)?);
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        if bias.len() != labels || Some(weights.len()) != encoder.dimensions().checked_mul(labels) {
            let message = "their number does not fit the labels and the encoder";
            return Err(Error::artifact(WEIGHTS, message));
        }
        if !finite(&weights) || !finite(&bias) || !asking.is_finite() {
            return Err(Error::artifact(WEIGHTS, "hold a value that is not a finite number"));
        }
        Ok(Self {
            encoder,
            head: LinearWeights::full(labels, weights, bias),
            asking,
        })
    }

    /// When the encoder is asked.
    pub(super) fn asking(&self) -> Asking {
        self.asking
    }

    /// The encoder.
    pub(super) fn encoder(&self) -> Arc<SentenceEncoder> {
        self.encoder.clone()
    }

    /// The arrays to store.
    pub(super) fn tensors(&self) -> [(String, Tensor); 2] {
        [
            (WEIGHTS.to_owned(), Tensor::F32(self.head.to_full())),
            (BIAS.to_owned(), Tensor::F32(self.head.bias.clone())),
        ]
    }

    /// Turns the margins of a prepared text by its n-grams into those of the model. `row` and `head` are buffers.
    ///
    /// # Errors
    /// When the encoder does not work on the text.
    pub(super) fn finish(
        &self,
        text: &str,
        margins: &mut [f32],
        (row, head): (&mut Vec<(u32, f32)>, &mut Vec<f32>),
    ) -> Result<()> {
        if self.asking.is_sure(margins) {
            self.asking.answer_alone(margins);
            return Ok(());
        }
        row.clear();
        row.extend((0u32..).zip(self.encoder.embed(text)?));
        self.head.margins(row, head);
        self.asking.combine(margins, head);
        Ok(())
    }
}
