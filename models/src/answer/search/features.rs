//! What is known about a question and each candidate answer: the numbers that the ranker weighs.

use super::classifier::Classifier;
use super::index::{AnswerIndex, Found, Scores};

/// The numbers about a candidate, by name. `top` is the difference to the best candidate (0 for it, negative for the
/// others); `three` is the mean of an answer's best three passages.
const FEATURES: [&str; 17] = [
    "blend",
    "blend top",
    "words",
    "words top",
    "words three",
    "chars",
    "chars top",
    "chars three",
    "question covered",
    "passage covered",
    "length difference",
    "passages",
    "classifier",
    "classifier top",
    "cosine",
    "cosine top",
    "cosine three",
];

/// How many there are.
pub(super) const COUNT: usize = FEATURES.len();

/// Places of numbers that the confidence looks at, too.
pub(super) const BLEND: usize = 0;
pub(super) const COVERED: usize = 8;
pub(super) const CLASSIFIER: usize = 12;
pub(super) const COSINE: usize = 14;

/// The margin of an answer that the classifier does not know: that of a class nothing speaks for.
const MARGIN_UNKNOWN: f32 = -1.0;

/// Candidates by the index, and by the classifier beyond them.
const FOUND_MAX: usize = 20;
const CLASSIFIED_MAX: usize = 5;

/// A candidate with its numbers.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub found: Found,
    pub features: [f64; COUNT],
}

/// The candidates for a text that [`super::terms::seen`] made, the best by the blend first.
pub(super) fn candidates(
    (index, classifier): (&AnswerIndex, Option<&Classifier>),
    text: &str,
    scores: &Scores,
) -> Vec<Candidate> {
    let mut found = index.best(scores, FOUND_MAX);
    let margins = classifier.map(|classifier| classifier.margins(text));
    if let Some((classifier, margins)) = classifier.zip(margins.as_ref()) {
        for answer in classifier.best(margins, CLASSIFIED_MAX) {
            let best = best_of(index.passages_of(answer), &scores.blend);
            let score = best.map_or(0.0, |passage| scores.blend[passage as usize]);
            let is_new = score > 0.0 && found.iter().all(|other| other.answer != answer);
            if let Some(passage) = best.filter(|_| is_new) {
                found.push(Found { answer, passage, score });
            }
        }
    }
    let margin = |answer: u32| {
        let class = classifier.and_then(|classifier| classifier.class_of(answer));
        class
            .zip(margins.as_ref())
            .map_or(MARGIN_UNKNOWN, |(class, margins)| margins[class])
    };
    let covered = coverage(index, scores, &found);
    let mut candidates: Vec<Candidate> = found
        .iter()
        .zip(covered)
        .map(|(found, covered)| Candidate {
            found: *found,
            features: numbers(
                index,
                scores,
                (found, covered),
                classifier.map(|_| margin(found.answer)),
            ),
        })
        .collect();
    for (own, top) in [(BLEND, 1), (2, 3), (5, 6), (CLASSIFIER, 13), (COSINE, 15)] {
        let best = candidates
            .iter()
            .map(|candidate| candidate.features[own])
            .fold(f64::NEG_INFINITY, f64::max);
        candidates
            .iter_mut()
            .for_each(|candidate| candidate.features[top] = candidate.features[own] - best);
    }
    candidates
}

/// The first of the best passages.
pub(super) fn best_of(passages: &[u32], scores: &[f32]) -> Option<u32> {
    let better = |a: &&u32, b: &&u32| scores[**a as usize].total_cmp(&scores[**b as usize]).then(b.cmp(a));
    passages.iter().max_by(better).copied()
}

/// How much of the question each candidate's passage covers, in the candidates' order.
fn coverage(index: &AnswerIndex, scores: &Scores, found: &[Found]) -> Vec<f32> {
    let passages: Vec<u32> = found.iter().map(|found| found.passage).collect();
    index.words.coverage(&scores.asked, &passages)
}

fn numbers(index: &AnswerIndex, scores: &Scores, (found, covered): (&Found, f32), margin: Option<f32>) -> [f64; COUNT] {
    let passages = index.passages_of(found.answer);
    let (words, words_three) = best_three(passages, &scores.words);
    let (chars, chars_three) = best_three(passages, &scores.chars);
    let (cosine, cosine_three) = scores
        .cosines
        .as_ref()
        .map_or((0.0, 0.0), |all| best_three(passages, all));
    let (asked, says) = (scores.asked.ideal, index.ideals[found.passage as usize]);
    let mut numbers = [0.0; COUNT];
    let known = [
        (BLEND, found.score),
        (2, words),
        (4, words_three),
        (5, chars),
        (7, chars_three),
        (COVERED, covered),
        (9, (covered * asked / says.max(f32::MIN_POSITIVE)).min(1.0)),
        (10, ((1.0 + asked) / (1.0 + says)).ln().abs()),
        (11, (passages.len() as f32).ln()),
        (CLASSIFIER, margin.unwrap_or(0.0)),
        (COSINE, cosine),
        (16, cosine_three),
    ];
    known.iter().for_each(|(at, value)| numbers[*at] = f64::from(*value));
    numbers
}

/// The best score of some passages, and the mean of the best three; passages that are missing score nothing.
fn best_three(passages: &[u32], scores: &[f32]) -> (f32, f32) {
    let mut best = [0f32; 3];
    for passage in passages {
        let mut score = scores[*passage as usize];
        for place in &mut best {
            if score > *place {
                std::mem::swap(place, &mut score);
            }
        }
    }
    (best[0], best.iter().sum::<f32>() / 3.0)
}
