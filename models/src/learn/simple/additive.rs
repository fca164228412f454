//! A model whose score of a class is a sum over features: logistic regression and both naive Bayes are of this form, for
//! the log-density of a normal distribution is a sum of a value and its square with factors.

use super::stored::{Part, finite, require};
use crate::error::Result;

/// Weights of present features, feature by feature, a class after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Additive {
    /// What each class has before any feature speaks.
    pub bias: Vec<f32>,
    /// Factors of the values.
    pub weights: Vec<f32>,
    /// Factors of the squares; empty without any.
    pub squares: Vec<f32>,
    /// Whether a feature that is there counts as 1 whatever its value.
    pub presence: bool,
}

/// The bias of a class that no row of a sample has.
const NEVER: f32 = -40.0;

/// Largest weight: sums of them stay finite.
const WEIGHT_MAX: f32 = 1e9;

/// A weight in 12 binary digits. Processors differ in the last digits of long sums; what is kept is the same on all.
pub(super) fn rounded(value: f64) -> f32 {
    let value = (value as f32).clamp(-WEIGHT_MAX, WEIGHT_MAX);
    let value = if value.is_nan() { 0.0 } else { value };
    f32::from_bits((value.to_bits() + 0x800) & 0xffff_f000)
}

impl Additive {
    /// Without weights: no class has been seen.
    pub(super) fn new(classes: usize, width: usize, (has_squares, presence): (bool, bool)) -> Self {
        Self {
            bias: vec![NEVER; classes],
            weights: vec![0.0; classes * width],
            squares: vec![0.0; if has_squares { classes * width } else { 0 }],
            presence,
        }
    }

    /// The probabilities of classes for a row (cleared first).
    pub(super) fn answer(&self, row: &[(u32, f32)], answers: &mut Vec<f64>) {
        answers.clear();
        answers.extend(self.bias.iter().map(|bias| f64::from(*bias)));
        let classes = self.bias.len();
        for (feature, value) in row {
            let value = if self.presence { 1.0 } else { f64::from(*value) };
            let own = *feature as usize * classes..(*feature as usize + 1) * classes;
            let sums = answers.iter_mut().zip(&self.weights[own.clone()]);
            sums.for_each(|(sum, weight)| *sum += value * f64::from(*weight));
            if !self.squares.is_empty() {
                let sums = answers.iter_mut().zip(&self.squares[own]);
                sums.for_each(|(sum, factor)| *sum += value * value * f64::from(*factor));
            }
        }
        let largest = answers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        answers.iter_mut().for_each(|sum| *sum = (*sum - largest).exp());
        let total: f64 = answers.iter().sum();
        answers.iter_mut().for_each(|answer| *answer /= total);
    }

    pub(super) fn store(&self, part: &mut Part) {
        part.put_f32("bias", &self.bias);
        part.put_f32("weights", &self.weights);
        if !self.squares.is_empty() {
            part.put_f32("squares", &self.squares);
        }
    }

    /// Takes weights out of a part of an artifact. None of it is trusted.
    pub(super) fn take(
        part: &mut Part,
        (classes, width): (usize, usize),
        (has_squares, presence): (bool, bool),
    ) -> Result<Self> {
        let taken = Self {
            bias: part.take_f32("bias")?,
            weights: part.take_f32("weights")?,
            squares: if has_squares {
                part.take_f32("squares")?
            } else {
                Vec::new()
            },
            presence,
        };
        let lengths = taken.bias.len() == classes && taken.weights.len() == classes * width;
        let squares = taken.squares.len() == if has_squares { taken.weights.len() } else { 0 };
        require(lengths && squares, "weights", "are not one a class and feature")?;
        let all = [&taken.bias, &taken.weights, &taken.squares];
        require(
            all.into_iter().all(|values| finite(values, WEIGHT_MAX)),
            "weights",
            "hold a value out of range",
        )?;
        Ok(taken)
    }
}
