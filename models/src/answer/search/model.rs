//! A fitted answer finder: the index, and what was learned from labelled questions to rank its candidates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::classifier::Classifier;
use super::confidence::{Certainty, deviations, signs};
use super::features::{self, BLEND, Candidate, best_of, candidates};
use super::index::{AnswerIndex, Question};
use super::terms::seen;
use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};
use crate::learn::{Choice, Prior, choice_score, fit_choices, shares};

/// The weight of the blend where nothing was learned: its probabilities are in order, but not calibrated. About what is
/// fitted on one phrasing each of BANKING77 and CLINC150.
const BLEND_WEIGHT: f64 = 10.0;

/// Penalty of each weight of the ranker, the numbers being scaled to a standard deviation of 1. The blend, which ranks
/// well by itself, is nearly free: with few labels it is what remains.
const PENALTY: f64 = 1.0;
const BLEND_PENALTY: f64 = 0.01;

/// Weighs candidates, one weight a number about them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ranker(Vec<f64>);

impl Default for Ranker {
    fn default() -> Self {
        let mut weights = vec![0.0; features::COUNT];
        weights[BLEND] = BLEND_WEIGHT;
        Self(weights)
    }
}

impl Ranker {
    /// Learns from candidates of questions, each with whether it is right.
    pub fn fit(questions: &[(Vec<Candidate>, Vec<bool>)]) -> Self {
        let rows = questions.iter().flat_map(|question| &question.0);
        let scales = deviations(rows.map(|candidate| candidate.features.as_slice()), features::COUNT);
        let choice = |(candidates, right): &(Vec<Candidate>, Vec<bool>)| {
            let numbers = candidates.iter().flat_map(|one| one.features.iter().zip(&scales));
            Choice {
                features: numbers.map(|(value, scale)| value / scale).collect(),
                right: right.clone(),
            }
        };
        let choices: Vec<Choice> = questions.iter().map(choice).collect();
        let mut priors = [Prior {
            mean: 0.0,
            penalty: PENALTY,
        }; features::COUNT];
        priors[BLEND] = Prior {
            mean: BLEND_WEIGHT * scales[BLEND],
            penalty: BLEND_PENALTY,
        };
        let weights = fit_choices(&choices, &priors);
        Self(
            weights
                .iter()
                .zip(scales)
                .map(|(weight, scale)| weight / scale)
                .collect(),
        )
    }

    /// Candidates with their probabilities, the best first; of equal ones that of the first passage.
    pub fn rank<'a>(&self, candidates: &'a [Candidate]) -> Vec<(&'a Candidate, f64)> {
        let scores: Vec<f64> = candidates
            .iter()
            .map(|one| choice_score(&self.0, &one.features))
            .collect();
        let mut ranked: Vec<(&Candidate, f64)> = candidates.iter().zip(shares(&scores)).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.found.passage.cmp(&b.0.found.passage)));
        ranked
    }
}

/// An answer that may be given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The answer.
    pub answer: u32,
    /// The place of its passage that suits the question best, among the passages given when the model was fitted.
    pub passage: u32,
    /// How likely it is the right one, if one of the candidates is.
    pub probability: f64,
}

/// What is answered to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The answers, the best first; none if nothing has anything in common with the question.
    pub ranked: Vec<Ranked>,
    /// How likely the first one is right, that there may be no right one included; calibrated if the model is.
    pub confidence: f64,
    /// How likely the right one is among the first two: to ask back between them.
    pub confidence_two: f64,
    /// How far the first one's probability is above the second's.
    pub gap: f64,
}

/// A fitted answer finder.
#[derive(Clone)]
pub struct AnswerModel {
    pub(super) index: AnswerIndex,
    pub(super) classifier: Option<Classifier>,
    pub(super) settings: Settings,
}

/// What is small about a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    /// Passages that were given; those after them are labelled questions.
    pub given: u32,
    pub ranker: Ranker,
    pub certainty: Option<Certainty>,
}

impl AnswerModel {
    /// A model that has learned nothing from labels.
    #[cfg(test)]
    pub fn unlearned(index: AnswerIndex) -> Self {
        let given = index.len() as u32;
        Self {
            index,
            classifier: None,
            settings: Settings {
                given,
                ..Settings::default()
            },
        }
    }

    /// Its index.
    pub fn index(&self) -> &AnswerIndex {
        &self.index
    }

    /// Passages that were given, the first ones of the index; those after them are labelled questions.
    pub fn passages_given(&self) -> usize {
        self.settings.given as usize
    }

    /// Whether confidences are probabilities, learned on held-back questions.
    pub fn is_calibrated(&self) -> bool {
        self.settings.certainty.is_some()
    }

    /// The best `top` answers to a question, and how sure they are. Depends on nothing but the question.
    pub fn answer(&self, question: &Question<'_>, top: usize) -> Answered {
        let text = seen(question.text);
        let scores = self.index.score(&text, question.vector);
        let candidates = candidates((&self.index, self.classifier.as_ref()), &text, &scores);
        let ranked = self.settings.ranker.rank(&candidates);
        let share = |at: usize| ranked.get(at).map_or(0.0, |one| one.1);
        let (first, second) = (share(0), share(1));
        let (confidence, confidence_two) = match (&self.settings.certainty, signs(&ranked)) {
            (Some(certainty), Some(signs)) => certainty.of(&signs),
            _ => (first, first + second),
        };
        let ranked = ranked.iter().take(top).map(|(candidate, probability)| {
            let found = candidate.found;
            let passages = self.index.passages_of(found.answer);
            let given = &passages[..passages.partition_point(|passage| *passage < self.settings.given)];
            Ranked {
                answer: found.answer,
                passage: best_of(given, &scores.blend).unwrap_or(found.passage),
                probability: *probability,
            }
        });
        Answered {
            ranked: ranked.collect(),
            confidence,
            confidence_two,
            gap: first - second,
        }
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = self.index.tensors();
        tensors.extend(self.classifier.iter().flat_map(Classifier::tensors));
        tensors
    }

    /// The small facts to store beside the arrays.
    ///
    /// # Errors
    /// When a number is not finite.
    pub fn settings(&self) -> Result<Value> {
        serde_json::to_value(&self.settings).map_err(|e| Error::artifact("settings", e))
    }

    /// Takes a model out of an artifact's arrays and what [`Self::settings`] gave, and checks it.
    ///
    /// # Errors
    /// When something is missing or does not fit.
    pub fn take(artifact: &mut Artifact, settings: Value) -> Result<Self> {
        let settings: Settings = serde_json::from_value(settings).map_err(|e| Error::artifact("settings", e))?;
        let index = AnswerIndex::take(artifact)?;
        let weights = &settings.ranker.0;
        let fits = weights.len() == features::COUNT
            && weights.iter().all(|weight| weight.is_finite())
            && (1..=index.len()).contains(&(settings.given as usize))
            && settings.certainty.as_ref().is_none_or(Certainty::is_sound);
        if !fits {
            return Err(Error::artifact("settings", "weights do not fit this build"));
        }
        Ok(Self {
            classifier: Classifier::take(artifact)?,
            index,
            settings,
        })
    }
}
