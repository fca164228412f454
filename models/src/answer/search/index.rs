//! The index over passages: which ones a question meets, and the answers they belong to.

use std::collections::BTreeMap;

use super::postings::{Asked, Document, Field, Postings};
use super::terms::{Channel, seen};
use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};

/// What a field counts beside a question. Titles say what a text is about, so they count more than its words (as in
/// Robertson, Zaragoza and Taylor 2004).
const HEADING_WEIGHT: f32 = 0.7;
const BODY_WEIGHT: f32 = 0.3;

/// What a cosine counts beside the mean of the two channels of terms, before anything is learned. Measured with MiniLM on
/// one and five phrasings each of BANKING77 and CLINC150: from 2 to 6 all is alike.
const COSINE_SHARE: f32 = 2.0;

/// One text that leads to an answer: a question of an FAQ table, a section of a help page, or another phrasing of either.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passage {
    /// The answer it leads to, a number from 0; numbers need not be dense.
    pub answer: u32,
    /// A question that it answers, as customers write it; may be empty.
    pub question: String,
    /// The heading over it; may be empty.
    pub heading: String,
    /// The answer's own text; may be empty.
    pub body: String,
}

/// Vectors of texts, one after the other, each of length 1 (so that a product is a cosine).
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// Numbers of each vector.
    pub dimensions: usize,
    /// All of them, row by row.
    pub values: Vec<f32>,
}

impl Vectors {
    /// The vector at a place.
    pub fn row(&self, at: usize) -> &[f32] {
        &self.values[at * self.dimensions..(at + 1) * self.dimensions]
    }

    /// Whether there are `rows` whole vectors of finite numbers.
    pub(super) fn fits(&self, rows: usize) -> bool {
        self.dimensions > 0
            && self.values.len() == rows * self.dimensions
            && self.values.iter().all(|value| value.is_finite())
    }
}

/// A question as it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Its text, as written.
    pub text: &'a str,
    /// Its vector, by the encoder that made the passages' vectors; one of another length is not looked at.
    pub vector: Option<&'a [f32]>,
}

/// A passage that suits a question: the best one of its answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The answer.
    pub answer: u32,
    /// The place of the passage.
    pub passage: u32,
    /// The channels blended; only compares within one question.
    pub score: f32,
}

/// The index: postings of two channels, vectors if there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerIndex {
    /// The answer of each passage.
    answers: Vec<u32>,
    pub(super) words: Postings,
    pub(super) chars: Postings,
    /// What each passage would score if it were asked for itself: how much it says.
    pub(super) ideals: Vec<f32>,
    vectors: Option<Vectors>,
    /// Passages by answer, and where those of each answer begin.
    by_answer: BTreeMap<u32, Vec<u32>>,
}

/// All passages scored for one question.
pub(super) struct Scores {
    pub asked: Asked,
    pub words: Vec<f32>,
    pub chars: Vec<f32>,
    pub cosines: Option<Vec<f32>>,
    pub blend: Vec<f32>,
}

impl AnswerIndex {
    /// Indexes passages; `vectors`, if given, has one a passage.
    ///
    /// # Errors
    /// When there is no passage, or vectors do not fit them.
    pub fn build(passages: &[Passage], vectors: Option<Vectors>) -> Result<Self> {
        let refuse = |message: &str, hint: &str| Error::Examples {
            model: "answer".into(),
            message: message.into(),
            hint: hint.into(),
        };
        if passages.is_empty() {
            return Err(refuse(
                "no passage to answer with",
                "give at least one question or page",
            ));
        }
        if vectors.as_ref().is_some_and(|vectors| !vectors.fits(passages.len())) {
            return Err(refuse(
                "vectors do not fit the passages",
                "give one finite vector a passage",
            ));
        }
        let texts = |of: fn(&Passage) -> &str| passages.iter().map(|passage| seen(of(passage))).collect();
        let questions: Vec<String> = texts(|passage| &passage.question);
        let headings: Vec<String> = texts(|passage| &passage.heading);
        let bodies: Vec<String> = texts(|passage| &passage.body);
        let documents = |body_weight: &dyn Fn(usize) -> f32| -> Vec<Document<'_, 3>> {
            let document = |at: usize| {
                let field = |text, weight| Field { text, weight };
                let fields = [
                    field(questions[at].as_str(), 1.0),
                    field(headings[at].as_str(), HEADING_WEIGHT),
                    field(bodies[at].as_str(), body_weight(at)),
                ];
                let answer = passages[at].answer;
                Document { fields, answer }
            };
            (0..passages.len()).map(document).collect()
        };
        let words = Postings::build(Channel::Words, &documents(&|_| BODY_WEIGHT));
        // Characters of long texts meet any question and take most of the memory: they are read where nothing else is.
        let bare = |at: usize| questions[at].is_empty() && headings[at].is_empty();
        let chars = Postings::build(
            Channel::Chars,
            &documents(&|at| if bare(at) { BODY_WEIGHT } else { 0.0 }),
        );
        let ideal = |at: usize| {
            let texts = [&questions[at], &headings[at], &bodies[at]];
            let says = texts.into_iter().find(|text| !text.is_empty());
            says.map_or(0.0, |text| words.ask(text).ideal)
        };
        let ideals = (0..passages.len()).map(ideal).collect();
        let answers = passages.iter().map(|passage| passage.answer).collect();
        Ok(Self::of(answers, (words, chars), ideals, vectors))
    }

    fn of(answers: Vec<u32>, (words, chars): (Postings, Postings), ideals: Vec<f32>, vectors: Option<Vectors>) -> Self {
        let mut by_answer: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (at, answer) in answers.iter().enumerate() {
            by_answer.entry(*answer).or_default().push(at as u32);
        }
        Self {
            answers,
            words,
            chars,
            ideals,
            vectors,
            by_answer,
        }
    }

    /// How many passages there are.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether a question's vector is of use.
    pub fn has_vectors(&self) -> bool {
        self.vectors.is_some()
    }

    /// The passages of an answer, ascending.
    pub fn passages_of(&self, answer: u32) -> &[u32] {
        self.by_answer.get(&answer).map_or(&[], Vec::as_slice)
    }

    /// All answers, ascending.
    pub fn answers(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_answer.keys().copied()
    }

    /// The best `top` answers to a question, the best first; of equal ones that of the first passage. Passages that share
    /// nothing with the question are not found.
    #[cfg(test)]
    pub fn search(&self, question: &Question<'_>, top: usize) -> Vec<Found> {
        self.best(&self.score(&seen(question.text), question.vector), top)
    }

    /// Scores all passages for a text that [`seen`] made.
    pub(super) fn score(&self, text: &str, vector: Option<&[f32]>) -> Scores {
        let asked = self.words.ask(text);
        let (mut words, mut chars) = (vec![0.0; self.len()], vec![0.0; self.len()]);
        self.words.score(&asked, &mut words);
        self.chars.score(&self.chars.ask(text), &mut chars);
        let mut blend: Vec<f32> = words
            .iter()
            .zip(&chars)
            .map(|(words, chars)| 0.5 * (words + chars))
            .collect();
        let vectors = self.vectors.as_ref();
        let cosines = vector
            .zip(vectors)
            .filter(|(vector, all)| vector.len() == all.dimensions);
        let cosines = cosines.map(|(vector, all)| {
            let rows = all.values.chunks_exact(all.dimensions);
            rows.map(|row| product(row, vector)).collect::<Vec<f32>>()
        });
        if let Some(cosines) = &cosines {
            let both = blend.iter_mut().zip(cosines);
            both.for_each(|(blend, cosine)| *blend += COSINE_SHARE * cosine.max(0.0));
        }
        Scores {
            asked,
            words,
            chars,
            cosines,
            blend,
        }
    }

    /// The best answers by the blend.
    pub(super) fn best(&self, scores: &Scores, top: usize) -> Vec<Found> {
        let mut places: Vec<u32> = (0..self.len() as u32)
            .filter(|at| scores.blend[*at as usize] > 0.0)
            .collect();
        let better = |a: &u32, b: &u32| {
            let by_score = scores.blend[*b as usize].total_cmp(&scores.blend[*a as usize]);
            by_score.then(a.cmp(b))
        };
        // Phrasings of one answer can stand together at the top, so more of them are looked at until there are enough.
        let mut looked_at = (top * 4).max(64);
        loop {
            let count = looked_at.min(places.len());
            if count < places.len() {
                places.select_nth_unstable_by(count, better);
            }
            places[..count].sort_unstable_by(better);
            let found = self.distinct(&places[..count], scores, top);
            if found.len() == top || count == places.len() {
                return found;
            }
            looked_at *= 4;
        }
    }

    /// The first `top` answers among passages that are in order.
    fn distinct(&self, places: &[u32], scores: &Scores, top: usize) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::with_capacity(top);
        for &passage in places {
            if found.len() == top {
                break;
            }
            let answer = self.answers[passage as usize];
            if found.iter().all(|other| other.answer != answer) {
                let score = scores.blend[passage as usize];
                found.push(Found { answer, passage, score });
            }
        }
        found
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = self.words.tensors("words");
        tensors.append(&mut self.chars.tensors("chars"));
        tensors.insert("passages.answers".into(), Tensor::U32(self.answers.clone()));
        tensors.insert("passages.ideals".into(), Tensor::F32(self.ideals.clone()));
        if let Some(vectors) = &self.vectors {
            tensors.insert("passages.vectors".into(), Tensor::F32(vectors.values.clone()));
        }
        tensors
    }

    /// Takes an index out of an artifact and checks it.
    ///
    /// # Errors
    /// When arrays are missing or do not fit each other.
    pub fn take(artifact: &mut Artifact) -> Result<Self> {
        let place = "passages";
        let answers = artifact.take_u32("passages.answers")?;
        let ideals = artifact.take_f32("passages.ideals")?;
        if answers.is_empty() || ideals.len() != answers.len() || ideals.iter().any(|ideal| !ideal.is_finite()) {
            return Err(Error::artifact(place, "answers and passages do not fit each other"));
        }
        let words = Postings::take(artifact, (Channel::Words, "words"), answers.len())?;
        let chars = Postings::take(artifact, (Channel::Chars, "chars"), answers.len())?;
        let vectors = match artifact.tensors.contains_key("passages.vectors") {
            true => {
                let values = artifact.take_f32("passages.vectors")?;
                let dimensions = values.len() / answers.len();
                let vectors = Vectors { dimensions, values };
                let fits = vectors.fits(answers.len());
                Some(vectors)
                    .filter(|_| fits)
                    .ok_or_else(|| Error::artifact(place, "vectors do not fit"))?
                    .into()
            }
            false => None,
        };
        Ok(Self::of(answers, (words, chars), ideals, vectors))
    }
}

/// The product of two vectors, in eight sums side by side.
fn product(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (ones, rest) = one.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..8 {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest: f32 = rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}
