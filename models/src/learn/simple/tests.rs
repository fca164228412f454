//! Simpler models learn what is there to be learned, stay the same when stored, and refuse arrays that are none.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::Value;

use super::sample::sample;
use super::selected::select;
use super::*;
use crate::artifact::{Artifact, Tensor};
use crate::encode::SparseRows;
use crate::learn::trees::{Column, ColumnKind, MISSING_CODE};

const KINDS: [ColumnKind; 4] = [
    ColumnKind::Numeric,
    ColumnKind::Category,
    ColumnKind::Numeric,
    ColumnKind::Category,
];

/// A number that looks like chance.
fn draw(row: usize, salt: u64) -> f64 {
    let mut z = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Rows of a number with nulls, a category with nulls, a huge number and a category of many values, with classes that
/// follow from the first two.
struct Table {
    numbers: Vec<f64>,
    codes: Vec<u32>,
    huge: Vec<f64>,
    many: Vec<u32>,
    classes: Vec<u32>,
}

impl Table {
    fn new(seed: u64, rows: usize, classes: u32) -> Self {
        let all = 0..rows;
        let number = |row: usize| draw(row, seed) * 100.0;
        let code = |row: usize| (draw(row, seed + 1) * 4.0) as u32;
        let class = |row: usize| {
            let place = number(row) / 100.0 + 0.25 * f64::from(code(row)) + 0.1 * draw(row, seed + 2);
            ((place / 1.85 * f64::from(classes)) as u32).min(classes - 1)
        };
        let hidden = |row: usize, salt: u64| draw(row, seed + salt) < 0.1;
        Self {
            numbers: all
                .clone()
                .map(|row| if hidden(row, 3) { f64::NAN } else { number(row) })
                .collect(),
            codes: all
                .clone()
                .map(|row| if hidden(row, 4) { MISSING_CODE } else { code(row) })
                .collect(),
            huge: all
                .clone()
                .map(|row| [f64::MAX, f64::INFINITY, f64::MIN, 0.0, f64::NAN][row % 5])
                .collect(),
            many: all.clone().map(|row| (row % 700) as u32).collect(),
            classes: all.map(class).collect(),
        }
    }

    fn columns(&self) -> [Column<'_>; 4] {
        [
            Column::Numeric(&self.numbers),
            Column::Category(&self.codes),
            Column::Numeric(&self.huge),
            Column::Category(&self.many),
        ]
    }

    fn fit(&self, classes: usize, threads: usize) -> SimpleColumns {
        let weights = vec![1.0; self.classes.len()];
        let limits = SimpleLimits::new(1 << 28, (7, threads));
        SimpleColumns::fit(&self.columns(), (&self.classes, classes), &weights, limits).unwrap()
    }
}

fn accuracy(answers: &[f64], classes: &[u32], count: usize) -> f64 {
    let right = answers.chunks_exact(count).zip(classes).filter(|(answers, class)| {
        let best = (1..count).fold(0, |best, at| if answers[at] > answers[best] { at } else { best });
        best as u32 == **class
    });
    right.count() as f64 / classes.len() as f64
}

fn artifact(tensors: std::collections::BTreeMap<String, Tensor>) -> Artifact {
    Artifact {
        settings: Value::Null,
        tensors,
        encoder: None,
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn each_learns_more_than_the_shares() {
    for classes in [2, 3, 6] {
        let set = Table::new(1, 4_000, classes).fit(classes as usize, 2);
        assert_eq!(set.members().len(), 5, "{:?}", set.members());
        let asked = Table::new(2, 1_000, classes);
        let of = |simpler| {
            let answers = set.answer(simpler, &asked.columns());
            for answers in answers.chunks_exact(classes as usize) {
                assert!((answers.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
            accuracy(&answers, &asked.classes, classes as usize)
        };
        let trivial = of(Simpler::Trivial);
        for simpler in &Simpler::ALL[1..] {
            assert!(
                of(*simpler) > trivial + 0.1,
                "{simpler:?} of {classes}: {} {trivial}",
                of(*simpler)
            );
        }
    }
}

#[test]
fn threads_change_nothing_and_rows_do_not_see_each_other() {
    let table = Table::new(3, 3_000, 4);
    let set = table.fit(4, 2);
    assert_eq!(set.tensors(), table.fit(4, 1).tensors());
    let asked = Table::new(4, 40, 4);
    for (simpler, _) in set.members() {
        let together = set.answer(simpler, &asked.columns());
        for row in 0..40 {
            let one = [
                Column::Numeric(&asked.numbers[row..=row]),
                Column::Category(&asked.codes[row..=row]),
                Column::Numeric(&asked.huge[row..=row]),
                Column::Category(&asked.many[row..=row]),
            ];
            assert_eq!(
                bits(&set.answer(simpler, &one)),
                bits(&together[row * 4..(row + 1) * 4])
            );
        }
    }
}

#[test]
fn a_class_that_no_row_has_is_never_answered() {
    let table = Table::new(5, 500, 3);
    let classes: Vec<u32> = table.classes.iter().map(|class| [1, 4, 6][*class as usize]).collect();
    let limits = SimpleLimits::new(1 << 28, (7, 1));
    let set = SimpleColumns::fit(&table.columns(), (&classes, 8), &vec![1.0; 500], limits).unwrap();
    let again = SimpleColumns::take(&mut artifact(set.tensors()), &KINDS, 8)
        .unwrap()
        .unwrap();
    for (simpler, _) in set.members() {
        let answers = set.answer(simpler, &table.columns());
        assert_eq!(bits(&answers), bits(&again.answer(simpler, &table.columns())));
        for answers in answers.chunks_exact(8) {
            assert!([0, 2, 3, 5, 7].iter().all(|class| answers[*class] == 0.0));
        }
    }
    let one = vec![2; 500];
    let set = SimpleColumns::fit(&table.columns(), (&one, 8), &vec![1.0; 500], limits).unwrap();
    assert_eq!(set.members(), [(Simpler::Trivial, 500)]);
    assert!(SimpleColumns::fit(&table.columns(), (&one, 8), &vec![0.0; 500], limits).is_none());
}

#[test]
fn samples_are_bounded_and_follow_the_weights() {
    let weights: Vec<f32> = (0..10_000).map(|row| [0.0, 1.0, 3.0, 1.0][row % 4]).collect();
    let taken = sample(&weights, 5_000, 1);
    assert_eq!(taken.len(), 5_000);
    assert!(taken.is_sorted() && taken.iter().all(|row| row % 4 != 0));
    let heavy = taken.iter().filter(|row| **row % 4 == 2).count();
    assert!((2_900..3_100).contains(&heavy), "{heavy}");
    assert_eq!(sample(&[1.0; 30], 40, 1), (0..30).collect::<Vec<_>>());
    assert_eq!(sample(&[1.0; 30], 7, 1), sample(&[1.0; 30], 7, 1));
    assert!(sample(&[], 7, 1).is_empty() && sample(&[0.0; 3], 7, 1).is_empty());
    let set = Table::new(6, 30_000, 3).fit(3, 2);
    assert!(set.members().iter().all(|(_, rows)| *rows <= 20_000));
}

/// Rows about two subjects, words of which are features 0 to 9 and 10 to 19; feature 20 is in two rows only.
fn sparse(rows: usize) -> (SparseRows, Vec<u32>) {
    let (mut all, mut classes) = (SparseRows::default(), Vec::new());
    for row in 0..rows {
        let class = u32::from(draw(row, 8) < 0.4);
        let mut words: Vec<u32> = (0..4)
            .map(|word| class * 10 + (draw(row, 9 + word) * 10.0) as u32)
            .collect();
        words.extend(
            [5 + (row % 10) as u32, 20]
                .into_iter()
                .take(if row < 2 { 2 } else { 1 }),
        );
        words.sort_unstable();
        words.dedup();
        let pairs: Vec<(u32, f32)> = words.into_iter().map(|word| (word, 0.5)).collect();
        all.push(&pairs);
        classes.push(class);
    }
    (all, classes)
}

#[test]
fn texts_are_told_by_n_grams_that_several_rows_have() {
    let (rows, classes) = sparse(600);
    let selected = select(&rows, 21, (&classes, 2), 512);
    assert_eq!(selected, (0..20).collect::<Vec<u32>>());
    let limits = SimpleLimits::new(1 << 28, (7, 2));
    let set = SimpleSparse::fit(&rows, 21, (&classes, 2), limits).unwrap();
    let again = SimpleSparse::take(&mut artifact(set.tensors()), 21, 2)
        .unwrap()
        .unwrap();
    assert_eq!(again.tensors(), set.tensors());
    assert!(SimpleSparse::take(&mut artifact(set.tensors()), 19, 2).is_err());
    let mut scratch = SimpleScratch::default();
    for (simpler, _) in &set.members()[1..] {
        set.answer(*simpler, &[(1, 0.3), (3, 0.3), (12, 0.1)], &mut scratch);
        assert!(scratch.answers[0] > 0.5, "{simpler:?} {:?}", scratch.answers);
        set.answer(*simpler, &[(11, 0.3), (16, 0.3), (17, 0.3)], &mut scratch);
        assert!(scratch.answers[1] > 0.5, "{simpler:?} {:?}", scratch.answers);
        again.answer(*simpler, &[(11, 0.3), (16, 0.3), (17, 0.3)], &mut scratch);
        assert!(scratch.answers[1] > 0.5);
    }
}

#[test]
fn an_artifact_of_old_has_none() {
    assert!(
        SimpleColumns::take(&mut artifact(Default::default()), &KINDS, 2)
            .unwrap()
            .is_none()
    );
    assert!(
        SimpleSparse::take(&mut artifact(Default::default()), 9, 2)
            .unwrap()
            .is_none()
    );
}

/// One change to one array.
fn change(tensor: &mut Tensor, value: u64) {
    let at = |len: usize| (value >> 3) as usize % len.max(1);
    let is_cut = value.is_multiple_of(8);
    match tensor {
        Tensor::U32(values) if is_cut => _ = values.pop(),
        Tensor::F32(values) if is_cut => _ = values.pop(),
        Tensor::F64(values) if is_cut => _ = values.pop(),
        Tensor::U32(values) => {
            let place = at(values.len());
            values
                .get_mut(place)
                .into_iter()
                .for_each(|one| *one = (value >> 40) as u32 >> (value % 24));
        }
        Tensor::F32(values) => {
            let place = at(values.len());
            let other = f32::from_bits((value >> 32) as u32);
            values.get_mut(place).into_iter().for_each(|one| *one = other);
        }
        Tensor::F64(values) => {
            let place = at(values.len());
            values
                .get_mut(place)
                .into_iter()
                .for_each(|one| *one = f64::from_bits(value.rotate_left(17)));
        }
        Tensor::U8(values) => values.push(1),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// A refusal, or finite answers. Never a panic.
    #[test]
    fn changed_arrays_are_refused_or_answer(classes in 2u32..4, which in any::<prop::sample::Index>(), value in any::<u64>()) {
        let set = {
            use std::sync::LazyLock;
            static SETS: LazyLock<[std::collections::BTreeMap<String, Tensor>; 2]> = LazyLock::new(|| {
                [2, 3].map(|classes| Table::new(9, 400, classes).fit(classes as usize, 1).tensors())
            });
            &SETS[classes as usize - 2]
        };
        let mut tensors = set.clone();
        let name = which.get(&tensors.keys().cloned().collect::<Vec<_>>()).clone();
        if value.is_multiple_of(31) {
            tensors.remove(&name);
        } else {
            tensors.get_mut(&name).into_iter().for_each(|tensor| change(tensor, value));
        }
        let asked = Table::new(10, 20, classes);
        if let Ok(Some(set)) = SimpleColumns::take(&mut artifact(tensors), &KINDS, classes as usize) {
            for simpler in Simpler::ALL {
                let answers = set.answer(simpler, &asked.columns());
                prop_assert!(answers.iter().all(|answer| answer.is_finite()), "{name}: {simpler:?}");
            }
        }
    }

    /// Saved and loaded, models answer with the same bits, whatever they have learned from.
    #[test]
    fn saved_and_loaded_they_answer_with_the_same_bits(seed in any::<u32>(), rows in 1usize..300, classes in 2u32..5) {
        let table = Table::new(u64::from(seed), rows, classes);
        let set = table.fit(classes as usize, 1);
        let bytes = artifact(set.tensors()).to_bytes().unwrap();
        let mut stored = Artifact::from_bytes(&bytes, None).unwrap();
        let again = SimpleColumns::take(&mut stored, &KINDS, classes as usize).unwrap().unwrap();
        prop_assert!(stored.tensors.is_empty());
        prop_assert_eq!(again.tensors(), set.tensors());
        let asked = Table::new(u64::from(seed) + 1, 20, classes);
        for (simpler, _) in set.members() {
            let answers = again.answer(simpler, &asked.columns());
            prop_assert!(answers.iter().all(|answer| answer.is_finite()));
            prop_assert_eq!(bits(&answers), bits(&set.answer(simpler, &asked.columns())));
        }
    }
}
