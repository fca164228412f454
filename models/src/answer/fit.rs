//! How an answer model is learned: index the passages, learn from questions whose answer is known, and prove the promises
//! on questions that were held back.

use super::examples::{Read, read};
use super::predict::{AnswersModel, Settings};
use super::promised::{Held, Promised};
use super::recipe::AnswerRecipe;
use super::search::{AnswerModel, FitSettings, HeldAnswer, Labelled, Passage, Question, Vectors};
use crate::encode::map_chunks;
use crate::error::{Error, Result};
use crate::findings::Findings;
use crate::kind::{Examples, FitContext, Fitted};
use crate::learn::promise::{Offer, tuning_rows};
use crate::sentence::Embeddings;
use crate::text;

/// Fewer questions judged out of fold cannot choose a threshold.
const TUNING_MIN: usize = 50;

/// Learns a model.
pub(super) fn fit(examples: &Examples<'_>, recipe: &AnswerRecipe, context: &FitContext<'_>) -> Result<Fitted> {
    (context.progress)(0.0, "reading passages and questions");
    let read = read(examples, recipe)?;
    (context.progress)(0.2, "embedding texts");
    let embed = |texts: Vec<String>| context.encoder.map(|encoder| embedded(encoder, &texts)).transpose();
    let passages = embed(read.passages.iter().map(said).collect())?;
    let train = embed(read.train.iter().map(|one| text::prepare(&one.question)).collect())?;
    let held_back = embed(read.held_back.iter().map(|one| text::prepare(&one.question)).collect())?;
    (context.progress)(0.5, "learning to rank");
    let settings = FitSettings {
        passages: (&read.passages, passages.as_ref()),
        labelled: (&read.train, train.as_ref()),
        seed: context.seed,
        threads: context.threads,
    };
    let fitted = AnswerModel::fit(&settings).map_err(|error| match error {
        Error::Examples { message, hint, .. } => Error::Examples {
            model: examples.model.into(),
            message,
            hint,
        },
        other => other,
    })?;
    (context.progress)(0.8, "proving promises");
    let held = judged(&fitted.model, (&read.held_back, held_back.as_ref()), context.threads);
    let promised = prove(recipe, &fitted.held, &held, context.seed);
    let Read {
        names,
        shown,
        train,
        train_rows,
        ..
    } = read;
    let settings = Settings {
        names,
        answers_max: recipe.answers_max,
        promised,
        out_of_scope: recipe.out_of_scope.clone(),
        learned: (train.len() as u64, train_rows),
        search: fitted.model.settings()?,
    };
    let encoder = context.encoder.map(Embeddings::encoder);
    (context.progress)(1.0, "done");
    Ok(Fitted {
        model: Box::new(AnswersModel::new(settings, fitted.model, shown, encoder)?),
        findings: Findings::default(),
    })
}

/// What a passage is embedded by: the question it answers, or its heading and text, of which an encoder reads the beginning.
fn said(passage: &Passage) -> String {
    let written = match passage.question.as_str() {
        "" => format!("{} {}", passage.heading, passage.body),
        question => question.to_owned(),
    };
    text::prepare(&written)
}

fn embedded(encoder: &dyn Embeddings, texts: &[String]) -> Result<Vectors> {
    Ok(Vectors {
        dimensions: encoder.encoder().dimensions(),
        values: encoder.embed_all(texts)?,
    })
}

/// The questions held back, with what the model says to them.
fn judged(model: &AnswerModel, (questions, vectors): (&[Labelled], Option<&Vectors>), threads: usize) -> Vec<Held> {
    let places: Vec<usize> = (0..questions.len()).collect();
    let held = |at: &usize| {
        let question = Question {
            text: &questions[*at].question,
            vector: vectors.map(|vectors| vectors.row(*at)),
        };
        Held::of(&model.answer(&question, 2), questions[*at].answer)
    };
    map_chunks(&places, threads, |part| part.iter().map(held).collect::<Vec<_>>()).concat()
}

/// The questions of the training part, judged out of fold, choose thresholds, and all that were held back prove them; if
/// there are too few of the former, a quarter of the latter chooses.
fn prove(recipe: &AnswerRecipe, out_of_fold: &[HeldAnswer], held: &[Held], seed: u64) -> Promised {
    if out_of_fold.len() >= TUNING_MIN {
        let of = |one: &HeldAnswer| Held {
            first: Offer {
                score: one.confidence,
                right: one.right,
            },
            two: Offer {
                score: one.confidence_two,
                right: one.right_two,
            },
        };
        let tuning: Vec<Held> = out_of_fold.iter().map(of).collect();
        return Promised::prove(recipe, &tuning, held);
    }
    let tunes = tuning_rows(held.len(), seed);
    let of = |wanted: bool| -> Vec<Held> {
        let rows = held.iter().zip(&tunes).filter(|(_, tunes)| **tunes == wanted);
        rows.map(|(held, _)| *held).collect()
    };
    Promised::prove(recipe, &of(true), &of(false))
}
