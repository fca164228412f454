#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fit::FittedAnswers;
use super::index::AnswerIndex;
use super::postings::{Document, Field, Postings};
use super::terms::{Channel, seen};
use super::{AnswerModel, FitSettings, Labelled, Passage, Question, Vectors};
use crate::artifact::{Artifact, Tensor};

const QUESTIONS: [&str; 6] = [
    "How do I get a refund?",
    "Where is my parcel?",
    "How can I change my password?",
    "我要申请退款",
    "怎么修改收货地址？",
    "如何开发票",
];

fn passages(questions: &[&str]) -> Vec<Passage> {
    let passage = |(at, question): (usize, &&str)| Passage {
        answer: at as u32,
        question: (*question).to_owned(),
        ..Passage::default()
    };
    questions.iter().enumerate().map(passage).collect()
}

fn asked(text: &str) -> Question<'_> {
    Question { text, vector: None }
}

fn best(index: &AnswerIndex, text: &str) -> Option<u32> {
    index.search(&asked(text), 3).first().map(|found| found.answer)
}

#[test]
fn finds_through_endings_slips_and_scripts() {
    let index = AnswerIndex::build(&passages(&QUESTIONS), None).unwrap();
    for (text, answer) in [
        ("refunds please", 0),
        ("refnud", 0),
        ("my parcels are lost", 1),
        ("changing the pasword", 2),
        ("可以退款吗", 3),
        ("請問如何修改收貨地址", 4),
        ("發票", 5),
    ] {
        assert_eq!(best(&index, text), Some(answer), "{text}");
    }
    for text in ["", "?!", "zzzz", "😀"] {
        assert_eq!(best(&index, text), None, "{text}");
    }
}

#[test]
fn of_equal_passages_the_first_is_first() {
    let index = AnswerIndex::build(&passages(&["same words", "other", "same words", "same words"]), None).unwrap();
    let found: Vec<u32> = index
        .search(&asked("same words"), 10)
        .iter()
        .map(|found| found.answer)
        .collect();
    assert_eq!(found, [0, 2, 3]);
}

#[test]
fn an_answer_is_found_once_by_its_best_phrasing_however_many_there_are() {
    let mut many = passages(&["lost card"; 300]);
    many.iter_mut().for_each(|passage| passage.answer = 5);
    many.push(Passage {
        answer: 2,
        question: "card fee".into(),
        ..Passage::default()
    });
    let index = AnswerIndex::build(&many, None).unwrap();
    let found: Vec<(u32, u32)> = index
        .search(&asked("card"), 2)
        .iter()
        .map(|f| (f.answer, f.passage))
        .collect();
    assert_eq!(found.len(), 2);
    assert!(found.contains(&(2, 300)) && found.contains(&(5, 0)), "{found:?}");
}

#[test]
fn headings_weigh_more_than_bodies_and_bodies_are_found() {
    let page = |answer, heading: &str, body: &str| Passage {
        answer,
        heading: heading.into(),
        body: body.into(),
        ..Passage::default()
    };
    let pages = [
        page(0, "Delivery", "We ship on weekdays. For refunds see there."),
        page(1, "Refunds", "Send it back within two weeks."),
        page(2, "", "Invoices are sent by e-mail."),
    ];
    let index = AnswerIndex::build(&pages, None).unwrap();
    assert_eq!(best(&index, "refunds"), Some(1));
    assert_eq!(best(&index, "do you ship on weekdays"), Some(0));
    assert_eq!(
        best(&index, "invoise"),
        Some(2),
        "a body that stands alone is read by characters, too"
    );
}

#[test]
fn vectors_find_what_words_do_not() {
    let vectors = |values: &[f32]| Vectors {
        dimensions: 2,
        values: values.to_vec(),
    };
    let given = passages(&QUESTIONS[..2]);
    let index = AnswerIndex::build(&given, Some(vectors(&[1.0, 0.0, 0.0, 1.0]))).unwrap();
    let found = index.search(
        &Question {
            text: "money back",
            vector: Some(&[0.9, 0.1]),
        },
        2,
    );
    assert_eq!(found[0].answer, 0);
    // A vector of another encoder says nothing.
    assert!(
        index
            .search(
                &Question {
                    text: "xyz",
                    vector: Some(&[1.0; 3])
                },
                2
            )
            .is_empty()
    );
    assert!(AnswerIndex::build(&given, Some(vectors(&[1.0, 0.0]))).is_err());
    assert!(AnswerIndex::build(&given, Some(vectors(&[f32::NAN; 4]))).is_err());
    assert!(AnswerIndex::build(&[], None).is_err());
}

/// Phrasings of some answers: each has words of its own, of which a question holds two, and frame words.
fn labelled(answers: u32, each: u32) -> Vec<Labelled> {
    let mut all = Vec::new();
    for answer in 0..answers {
        for at in 0..each {
            let word = |place: u32| format!("word{}x{}", answer, (at + place) % 6);
            let question = format!("how can i {} with the {} number {at}", word(0), word(2));
            all.push(Labelled {
                question,
                answer: Some(answer),
            });
        }
    }
    all
}

fn topics(answers: u32) -> Vec<Passage> {
    let topic = |answer: u32| Passage {
        answer,
        question: format!("what about word{answer}x0"),
        ..Passage::default()
    };
    (0..answers).map(topic).collect()
}

fn fit(given: &[Passage], labelled: &[Labelled], threads: usize) -> FittedAnswers {
    let settings = FitSettings {
        passages: (given, None),
        labelled: (labelled, None),
        seed: 7,
        threads,
    };
    AnswerModel::fit(&settings).unwrap()
}

fn stored(model: &AnswerModel) -> (Artifact, serde_json::Value) {
    let artifact = Artifact {
        settings: serde_json::Value::Null,
        tensors: model.tensors(),
        encoder: None,
    };
    (artifact, model.settings().unwrap())
}

#[test]
fn learns_keeps_and_answers_alike() {
    let (given, labels) = (topics(12), labelled(12, 6));
    let fitted = fit(&given, &labels, 1);
    assert_eq!(fitted.held.len(), labels.len());
    let right = fitted.held.iter().filter(|answer| answer.right).count();
    assert!(right * 10 > labels.len() * 9, "{right} of {}", labels.len());
    let (mut artifact, settings) = stored(&fitted.model);
    let again = fit(&given, &labels, 3);
    assert_eq!(
        (artifact.clone(), settings.clone()),
        stored(&again.model),
        "threads change nothing"
    );
    let back = AnswerModel::take(&mut artifact, settings).unwrap();
    assert!(artifact.tensors.is_empty(), "{:?}", artifact.tensors.keys());
    for one in &labels {
        let answered = fitted.model.answer(&asked(&one.question), 5);
        assert_eq!(answered, back.answer(&asked(&one.question), 5));
        assert_eq!(Some(answered.ranked[0].answer), one.answer);
        assert!(answered.ranked[0].passage < 12, "the passage is one that was given");
        assert!(answered.confidence <= answered.confidence_two && answered.confidence_two <= 1.0);
    }
}

#[test]
fn a_held_back_question_is_not_answered_from_its_own_label() {
    // No question says which answer it has: whoever gets more than a chance share right has seen the label.
    let labels: Vec<Labelled> = (0..400u32)
        .map(|at| Labelled {
            question: format!("is {:x} fine", at.wrapping_mul(2_654_435_761)),
            answer: Some(at.wrapping_mul(2_246_822_519) >> 8 & 7),
        })
        .collect();
    let fitted = fit(&topics(8), &labels, 2);
    let right = fitted.held.iter().filter(|answer| answer.right).count();
    assert!(right < 80, "{right} of 400 right, 50 by chance");
    let sure = fitted.held.iter().map(|answer| answer.confidence).sum::<f64>() / 400.0;
    assert!(sure < 0.25, "and the confidence knows: {sure}");
}

#[test]
fn questions_that_nothing_answers_lower_the_confidence() {
    let mut labels = labelled(12, 6);
    labels.extend((0..40).map(|at| Labelled {
        question: format!("is the weather number {at} fine"),
        answer: None,
    }));
    let model = fit(&topics(12), &labels, 2).model;
    assert!(model.is_calibrated());
    let known = model.answer(&asked("how can i word3x1 with word3x2"), 3);
    let unknown = model.answer(&asked("is the weather number 99 nice"), 3);
    assert!(
        known.confidence > 0.8 && unknown.confidence < 0.2,
        "{known:?} {unknown:?}"
    );
    assert_eq!(model.answer(&asked("???"), 3).confidence, 0.0);
}

#[test]
fn few_labels_are_indexed_only_and_wrong_ones_refused() {
    let fitted = fit(&passages(&QUESTIONS), &labelled(2, 3), 1);
    assert!(fitted.held.is_empty() && !fitted.model.is_calibrated());
    let found = fitted.model.answer(&asked("word1x0"), 3);
    assert_eq!((found.ranked[0].answer, found.ranked[0].passage), (1, 1));
    let stray = [Labelled {
        question: "x".into(),
        answer: Some(99),
    }];
    let given = passages(&QUESTIONS);
    let settings = FitSettings {
        passages: (&given, None),
        labelled: (&stray, None),
        seed: 1,
        threads: 1,
    };
    let error = AnswerModel::fit(&settings).err().unwrap().to_string();
    assert!(error.contains("labelled question 0"), "{error}");
}

#[test]
fn damaged_arrays_are_refused() {
    let model = fit(&topics(12), &labelled(12, 6), 1).model;
    let (whole, settings) = stored(&model);
    for name in whole.tensors.keys().filter(|name| !name.starts_with("classes.")) {
        let mut without = whole.clone();
        without.tensors.remove(name);
        assert!(
            AnswerModel::take(&mut without, settings.clone()).is_err(),
            "{name} may be missing"
        );
        let mut short = whole.clone();
        match short.tensors.get_mut(name) {
            Some(Tensor::U32(values)) => drop(values.pop()),
            Some(Tensor::F32(values)) => drop(values.pop()),
            _ => continue,
        }
        assert!(
            AnswerModel::take(&mut short, settings.clone()).is_err(),
            "{name} may be short"
        );
        let mut wild = whole.clone();
        match wild.tensors.get_mut(name) {
            Some(Tensor::U32(values)) if name != "passages.answers" => values[0] = u32::MAX,
            Some(Tensor::F32(values)) => values[0] = f32::NAN,
            _ => continue,
        }
        assert!(
            AnswerModel::take(&mut wild, settings.clone()).is_err(),
            "{name} may be wild"
        );
    }
    let mut wrong = settings;
    wrong["given"] = 0.into();
    assert!(AnswerModel::take(&mut whole.clone(), wrong).is_err());
}

/// BM25F as it stands in the paper, for one field and without any index.
fn plainly(channel: Channel, texts: &[String], question: &str) -> Vec<f32> {
    let count = |text: &str| {
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        channel.visit(text, &mut |term| *counts.entry(term.to_owned()).or_default() += 1.0);
        counts
    };
    let counts: Vec<_> = texts.iter().map(|text| count(text)).collect();
    let length = |counts: &BTreeMap<String, f64>| counts.values().sum::<f64>();
    let full = counts.iter().filter(|counts| !counts.is_empty()).count().max(1);
    let mean = counts.iter().map(length).sum::<f64>() / full as f64;
    let rarity = |term: &str| {
        let holders = counts.iter().filter(|counts| counts.contains_key(term)).count() as f64;
        let all = counts.len() as f64;
        (1.0 + (all - holders + 0.5) / (holders + 0.5)).ln() * f64::from(channel.share(term))
    };
    let asked = count(question);
    let ideal: f64 = asked
        .iter()
        .map(|(term, times)| (1.0 + times.ln()) * rarity(term))
        .sum();
    let score = |counts: &BTreeMap<String, f64>| {
        let one = |(term, times): (&String, &f64)| {
            let frequency = counts.get(term).copied().unwrap_or(0.0) / (0.25 + 0.75 * length(counts) / mean.max(1e-9));
            (1.0 + times.ln()) * rarity(term) * frequency * 2.2 / (frequency + 1.2)
        };
        if ideal > 0.0 {
            (asked.iter().map(one).sum::<f64>() / ideal) as f32
        } else {
            0.0
        }
    };
    counts.iter().map(score).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_index_scores_as_the_formula_does(
        texts in prop::collection::vec("((card|cards|lost|fee|the|退款|我要)[ ,!]){0,6}", 1..8),
        question in "((card|losing|fee|feee|the|zz|退款|款)[ ]){0,6}",
    ) {
        let texts: Vec<String> = texts.iter().map(|text| seen(text)).collect();
        let question = seen(&question);
        for channel in [Channel::Words, Channel::Chars] {
            let documents: Vec<Document<'_, 1>> = texts
                .iter()
                .enumerate()
                .map(|(at, text)| Document { fields: [Field { text, weight: 1.0 }], answer: at as u32 })
                .collect();
            let index = Postings::build(channel, &documents);
            let mut scores = vec![0.0; texts.len()];
            index.score(&index.ask(&question), &mut scores);
            for (score, plain) in scores.iter().zip(plainly(channel, &texts, &question)) {
                prop_assert!((score - plain).abs() < 1e-4, "{score} {plain}");
            }
        }
    }

    #[test]
    fn any_text_is_answered(texts in prop::collection::vec("(?s).{0,40}|[退款a-c ]{0,9}", 1..6), question in "(?s).{0,60}") {
        let given: Vec<Passage> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| Passage { answer: at as u32 / 2, question: text.clone(), ..Passage::default() })
            .collect();
        let model = AnswerModel::unlearned(AnswerIndex::build(&given, None).unwrap());
        let answered = model.answer(&asked(&question), 10);
        prop_assert!((0.0..=1.0).contains(&answered.confidence) && answered.gap >= 0.0);
        prop_assert!(answered.ranked.windows(2).all(|pair| pair[0].probability >= pair[1].probability));
        let index = model.index();
        prop_assert_eq!(index.search(&asked(&question), 10), index.search(&asked(&question), 10));
    }
}
