//! Learning from labelled questions: each becomes one more phrasing of its answer, and, judged by an index and a
//! classifier that have not seen it, teaches the ranker and the confidence.

use super::classifier::Classifier;
use super::confidence::{Certainty, Signs, signs};
use super::features::{Candidate, candidates};
use super::index::{AnswerIndex, Passage, Vectors};
use super::model::{AnswerModel, Ranker, Settings};
use super::terms::seen;
use crate::encode::map_chunks;
use crate::error::{Error, Result};

/// Parts that labelled questions are cut into; each in turn is judged by what the others taught.
const FOLDS: usize = 5;

/// With fewer labelled questions nothing is learned but their words.
const LABELLED_MIN: usize = 30;

/// A question whose answer is known: a paraphrase, or one after which the customer clicked the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// The question, as written.
    pub question: String,
    /// Its answer; `None` if no passage answers it.
    pub answer: Option<u32>,
}

/// What is learned from.
#[derive(Debug, Clone, Copy)]
pub struct FitSettings<'a> {
    /// The passages, and one vector each if an encoder is there.
    pub passages: (&'a [Passage], Option<&'a Vectors>),
    /// The labelled questions, and one vector each if the passages have some.
    pub labelled: (&'a [Labelled], Option<&'a Vectors>),
    /// Seed of the folds and of the order in which the classifier sees rows.
    pub seed: u64,
    /// Threads to use; the model does not depend on it.
    pub threads: usize,
}

/// A labelled question as it was judged by a model that had not seen it, for promises and reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldAnswer {
    /// Its place among the labelled questions.
    pub labelled: u32,
    /// The answer that it got; `None` if none was found.
    pub answer: Option<u32>,
    /// How sure that is.
    pub confidence: f64,
    /// How sure it is that one of the first two is right.
    pub confidence_two: f64,
    /// Whether the first one is right.
    pub right: bool,
    /// Whether one of the first two is right.
    pub right_two: bool,
}

/// A fitted model and what it says to held-back questions.
#[derive(Clone)]
pub struct FittedAnswers {
    /// The model.
    pub model: AnswerModel,
    /// The labelled questions, in order; none if there were too few to learn from.
    pub held: Vec<HeldAnswer>,
}

/// A labelled question, judged out of fold.
struct Judged {
    labelled: usize,
    candidates: Vec<Candidate>,
    right: Vec<bool>,
}

impl AnswerModel {
    /// Learns a model. The same passages, labels and seed give the same model.
    ///
    /// # Errors
    /// When there is no passage, a label names an answer without one, or vectors do not fit.
    pub fn fit(settings: &FitSettings<'_>) -> Result<FittedAnswers> {
        check(settings)?;
        let (labelled, _) = settings.labelled;
        let texts: Vec<String> = labelled.iter().map(|one| seen(&one.question)).collect();
        let folds: Vec<usize> = texts.iter().map(|text| fold_of(text, settings.seed)).collect();
        let (index, classifier) = part(settings, &|_| true)?;
        let given = settings.passages.0.len() as u32;
        let mut learned = Settings {
            given,
            ..Settings::default()
        };
        let mut held = Vec::new();
        if labelled.iter().filter(|one| one.answer.is_some()).count() >= LABELLED_MIN {
            let judged: Vec<Vec<Judged>> = (0..FOLDS)
                .map(|fold| judge(settings, (&texts, &folds), fold))
                .collect::<Result<_>>()?;
            learned.ranker = ranker(judged.iter().flatten());
            let (certainty, answers) = certainty(&judged);
            (learned.certainty, held) = (Some(certainty), answers);
        }
        Ok(FittedAnswers {
            model: AnswerModel {
                index,
                classifier,
                settings: learned,
            },
            held,
        })
    }
}

fn check(settings: &FitSettings<'_>) -> Result<()> {
    let refuse = |message: String, hint: &str| Error::Examples {
        model: "answer".into(),
        message,
        hint: hint.into(),
    };
    let ((passages, vectors), (labelled, labelled_vectors)) = (settings.passages, settings.labelled);
    let mut answers: Vec<u32> = passages.iter().map(|passage| passage.answer).collect();
    answers.sort_unstable();
    let missing = |one: &Labelled| one.answer.is_some_and(|answer| answers.binary_search(&answer).is_err());
    if let Some(row) = labelled.iter().position(missing) {
        return Err(refuse(
            format!("labelled question {row} names an answer that no passage leads to"),
            "add the passage, or leave the question out",
        ));
    }
    let fits = match (vectors, labelled_vectors) {
        (None, None) => true,
        (Some(_), None) => labelled.is_empty(),
        (None, Some(_)) => false,
        (Some(all), Some(own)) => own.dimensions == all.dimensions && own.fits(labelled.len()),
    };
    if !fits {
        return Err(refuse(
            "vectors of labelled questions do not fit those of the passages".into(),
            "give both, from one encoder, one a row",
        ));
    }
    Ok(())
}

/// The index and the classifier of the passages and those labelled questions that `is_in` takes.
fn part(settings: &FitSettings<'_>, is_in: &dyn Fn(usize) -> bool) -> Result<(AnswerIndex, Option<Classifier>)> {
    let ((passages, vectors), (labelled, labelled_vectors)) = (settings.passages, settings.labelled);
    let mut all = passages.to_vec();
    let mut vectors = vectors.cloned();
    for (at, one) in labelled.iter().enumerate().filter(|(at, _)| is_in(*at)) {
        let Some(answer) = one.answer else { continue };
        all.push(Passage {
            answer,
            question: one.question.clone(),
            ..Passage::default()
        });
        if let Some((vectors, own)) = vectors.as_mut().zip(labelled_vectors) {
            vectors.values.extend_from_slice(own.row(at));
        }
    }
    let phrasings: Vec<(String, u32)> = all
        .iter()
        .filter(|passage| !passage.question.is_empty())
        .map(|passage| (seen(&passage.question), passage.answer))
        .collect();
    let classifier = Classifier::fit(&phrasings, (settings.seed, settings.threads))?;
    Ok((AnswerIndex::build(&all, vectors)?, classifier))
}

/// The questions of one fold, judged by what the others taught.
fn judge(settings: &FitSettings<'_>, (texts, folds): (&[String], &[usize]), fold: usize) -> Result<Vec<Judged>> {
    let (labelled, vectors) = settings.labelled;
    let (index, classifier) = part(settings, &|at| folds[at] != fold)?;
    let places: Vec<usize> = (0..labelled.len()).filter(|at| folds[*at] == fold).collect();
    let one = |at: usize| {
        let scores = index.score(&texts[at], vectors.map(|vectors| vectors.row(at)));
        let candidates = candidates((&index, classifier.as_ref()), &texts[at], &scores);
        let right = candidates
            .iter()
            .map(|one| Some(one.found.answer) == labelled[at].answer);
        Judged {
            labelled: at,
            right: right.collect(),
            candidates,
        }
    };
    let parts = map_chunks(&places, settings.threads, |part| {
        part.iter().map(|at| one(*at)).collect::<Vec<Judged>>()
    });
    Ok(parts.into_iter().flatten().collect())
}

fn ranker<'a>(judged: impl Iterator<Item = &'a Judged>) -> Ranker {
    let questions: Vec<_> = judged.map(|one| (one.candidates.clone(), one.right.clone())).collect();
    Ranker::fit(&questions)
}

/// A question as a ranker that has not learned it ranks it.
struct Row {
    labelled: usize,
    answer: Option<u32>,
    signs: Option<Signs>,
    right: (bool, bool),
}

/// The confidence, learned on rankings by rankers that had not seen the question; and what the questions get, by a
/// confidence that has not seen them either.
fn certainty(judged: &[Vec<Judged>]) -> (Certainty, Vec<HeldAnswer>) {
    let rows: Vec<Vec<Row>> = (0..judged.len()).map(|fold| rows_of(judged, fold)).collect();
    let learn = |fold: Option<usize>| {
        let others = rows
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != fold)
            .flat_map(|(_, rows)| rows);
        let rows: Vec<_> = others
            .filter_map(|row| Some((row.signs?, row.right.0, row.right.1)))
            .collect();
        Certainty::fit(&rows)
    };
    let mut held = Vec::new();
    for (fold, rows) in rows.iter().enumerate() {
        let certainty = learn(Some(fold));
        held.extend(rows.iter().map(|row| {
            let (confidence, confidence_two) = row.signs.map_or((0.0, 0.0), |signs| certainty.of(&signs));
            HeldAnswer {
                labelled: row.labelled as u32,
                answer: row.answer,
                confidence,
                confidence_two,
                right: row.right.0,
                right_two: row.right.1,
            }
        }));
    }
    held.sort_by_key(|answer| answer.labelled);
    (learn(None), held)
}

fn rows_of(judged: &[Vec<Judged>], fold: usize) -> Vec<Row> {
    let others = judged
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != fold)
        .flat_map(|(_, judged)| judged);
    let ranker = ranker(others);
    let row = |one: &Judged| {
        let ranked = ranker.rank(&one.candidates);
        let wanted = one
            .right
            .iter()
            .position(|right| *right)
            .map(|at| one.candidates[at].found.answer);
        let is_right = |at: usize| ranked.get(at).is_some_and(|one| Some(one.0.found.answer) == wanted);
        Row {
            labelled: one.labelled,
            answer: ranked.first().map(|one| one.0.found.answer),
            signs: signs(&ranked),
            right: (is_right(0), is_right(0) || is_right(1)),
        }
    };
    judged[fold].iter().map(row).collect()
}

/// The fold of a question, from its text and the seed alone, so that a question's double does not speak for it. FNV-1a
/// (Fowler, Noll and Vo), then mixed as in SplitMix64.
fn fold_of(text: &str, seed: u64) -> usize {
    let hash = text.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 31)) % FOLDS as u64) as usize
}
