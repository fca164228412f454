//! What is promised of answers: from which confidence on one is given, and from which on two are asked back.

use serde::{Deserialize, Serialize};

use super::recipe::AnswerRecipe;
use super::search::Answered;
use crate::learn::promise::{HeldRow, Offer, PrecisionThresholds, precision_thresholds};

/// All answers stand together: each by itself has too few questions to prove anything.
const TOGETHER: u32 = 0;

/// What to do with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Give the first answer.
    Answer,
    /// Ask which of the first two is meant.
    AskBack,
    /// Let a person answer.
    HandOver,
}

impl Action {
    /// As it is answered.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::AskBack => "ask_back",
            Self::HandOver => "hand_over",
        }
    }
}

/// A question that the model has not learned, with what it says to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// How sure the first answer is, and whether it is right.
    pub first: Offer,
    /// How sure it is that one of the first two is right, and whether one is.
    pub two: Offer,
}

impl Held {
    /// What was answered to a question whose right answer is known; `None` if nothing is right.
    pub fn of(answered: &Answered, right: Option<u32>) -> Self {
        let place = answered.ranked.iter().position(|one| Some(one.answer) == right);
        let offer = |score, right| Offer { score, right };
        Self {
            first: offer(answered.confidence, place == Some(0)),
            two: offer(answered.confidence_two, place.is_some_and(|place| place < 2)),
        }
    }
}

/// Thresholds on confidences.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Promised {
    /// From where on an answer is given; absent if nothing is promised of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<PrecisionThresholds>,
    /// From where on two are asked back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_back: Option<PrecisionThresholds>,
}

impl Promised {
    /// Chooses by the tuning questions and proves by the others. Asking back is proved on those that get no answer. The
    /// ones just short of an answer are those that could not prove it, so what is proved is rather too little.
    pub fn prove(recipe: &AnswerRecipe, tuning: &[Held], proving: &[Held]) -> Self {
        let thresholds = |share: Option<f64>, of: &dyn Fn(&Held) -> Option<Offer>| {
            let rows = |held: &[Held]| -> Vec<HeldRow> {
                let row = |offer| HeldRow {
                    label: TOGETHER,
                    offers: vec![offer],
                };
                held.iter().filter_map(of).map(row).collect()
            };
            share.map(|share| precision_thresholds(&rows(tuning), &rows(proving), share, recipe.promise_confidence))
        };
        let mut promised = Self {
            answer: thresholds(recipe.answer_precision, &|held| Some(held.first)),
            ask_back: None,
        };
        let unanswered = |held: &Held| (!reaches(promised.answer.as_ref(), held.first.score)).then_some(held.two);
        promised.ask_back = thresholds(recipe.ask_back_precision, &unanswered);
        promised
    }

    /// Whether anything is promised.
    pub fn promises(&self) -> bool {
        self.answer.is_some() || self.ask_back.is_some()
    }

    /// What to do, given both confidences.
    pub fn action(&self, confidence: f64, confidence_two: f64) -> Action {
        if reaches(self.answer.as_ref(), confidence) {
            Action::Answer
        } else if reaches(self.ask_back.as_ref(), confidence_two) {
            Action::AskBack
        } else {
            Action::HandOver
        }
    }

    /// Whether what was stored can be asked.
    pub fn is_sound(&self) -> bool {
        let each = [&self.answer, &self.ask_back];
        each.into_iter().flatten().all(|one| one.is_sound(1))
    }
}

fn reaches(thresholds: Option<&PrecisionThresholds>, score: f64) -> bool {
    let threshold = thresholds.and_then(|thresholds| thresholds.of(TOGETHER));
    threshold.is_some_and(|threshold| score >= threshold)
}
