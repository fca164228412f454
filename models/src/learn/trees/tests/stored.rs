//! Stored arrays: they mean what their documentation says, and hostile ones are refused.

use proptest::prelude::*;

use super::super::*;
use super::table::{Table, bits, row};
use super::{any_settings, objectives, settings};

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Masks against walking each tree of the stored arrays by hand.
    #[test]
    fn scores_are_those_of_the_stored_trees(settings in any_settings(), seed in any::<u64>()) {
        let table = Table::new(seed, 800);
        let model = table.fit(&settings).model;
        let asked = Table::new(seed ^ 3, 100);
        let mut margins = Vec::new();
        for at in 0..100 {
            let mut row = row(&asked.columns(), at);
            on_a_threshold(model.arrays(), at, &mut row);
            model.margins(&row, &mut margins);
            prop_assert_eq!(bits(&margins), bits(&walked(model.arrays(), &row)));
        }
    }

    /// One random change to arrays: a refusal, or a model that answers. Never a panic, never an endless walk.
    #[test]
    fn changed_arrays_are_refused_or_answer(objective in objectives(), seed in any::<u64>(), what in 0usize..14, value in any::<u64>()) {
        let table = Table::new(seed % 8, 300);
        let mut arrays = table.fit(&TreeSettings { rounds: 2, ..settings(objective) }).model.arrays().clone();
        change(&mut arrays, what, value);
        if let Ok(model) = TreeModel::from_arrays(arrays) {
            let mut answers = Vec::new();
            model.predict(&[0.5, f64::NAN, -3.0, 1.0, 7.0], &mut answers);
            prop_assert!(answers.iter().all(|answer| answer.is_finite()));
            prop_assert!(model.contributions(&[0.5, f64::NAN]).iter().all(|value| value.is_finite()));
        }
    }
}

/// Moves one value onto a threshold of its column, where an ordering by `<` and one by `<=` part.
fn on_a_threshold(arrays: &TreeArrays, at: usize, row: &mut [f64]) {
    let is_numeric = |column: u32| arrays.kinds[column as usize] == ColumnKind::Numeric;
    let nodes = arrays
        .features
        .iter()
        .zip(&arrays.thresholds)
        .filter(|(column, _)| is_numeric(**column));
    if let Some((column, threshold)) = nodes.skip(at).step_by(7).next() {
        row[*column as usize] = *threshold;
    }
}

/// The raw scores of a row, by the documented meaning of the arrays.
fn walked(arrays: &TreeArrays, row: &[f64]) -> Vec<f64> {
    let mut margins = arrays.start_scores.clone();
    for tree in 0..arrays.trees() {
        let start = arrays.node_starts[tree] as usize;
        let mut child = if arrays.node_starts[tree + 1] as usize == start {
            -1
        } else {
            0
        };
        while child >= 0 {
            let node = start + child as usize;
            let value = row[arrays.features[node] as usize];
            let left = match arrays.kinds[arrays.features[node] as usize] {
                ColumnKind::Numeric if value.is_nan() => arrays.missing_left[node] == 1,
                ColumnKind::Numeric => value <= arrays.thresholds[node],
                ColumnKind::Category => {
                    let words =
                        &arrays.bit_words[arrays.bit_starts[node] as usize..arrays.bit_starts[node + 1] as usize];
                    let word = |code: usize| words.get(code / 32).is_some_and(|word| word >> (code % 32) & 1 == 1);
                    !value.is_nan() && word(value as usize)
                }
            };
            child = if left { arrays.left[node] } else { arrays.right[node] };
        }
        margins[tree % arrays.objective.outputs()] += arrays.leaf_values[start + tree + (-1 - child) as usize];
    }
    margins
}

/// Changes one place of one array to a value made from `value`.
fn change(arrays: &mut TreeArrays, what: usize, value: u64) {
    fn put<T>(array: &mut Vec<T>, value: u64, new: T) {
        let places = array.len() as u64 + 1;
        match array.get_mut((value % places) as usize) {
            Some(place) => *place = new,
            None => array.push(new),
        }
    }
    let odd = [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e300, f64::MAX, 5e-324, 12.0][(value >> 32) as usize % 8];
    let near = (value >> 40) as i32 % 40 - 20;
    match what {
        0 => put(&mut arrays.node_starts, value, near as u32),
        1 => put(&mut arrays.features, value, near as u32),
        2 => put(&mut arrays.thresholds, value, odd),
        3 => put(&mut arrays.missing_left, value, near as u8),
        4 => put(&mut arrays.left, value, near),
        5 => put(&mut arrays.right, value, near),
        6 => put(&mut arrays.bit_starts, value, near as u32),
        7 => put(&mut arrays.bit_words, value, value as u32),
        8 => put(&mut arrays.leaf_values, value, odd),
        9 => put(&mut arrays.leaf_covers, value, odd),
        10 => put(&mut arrays.start_scores, value, odd),
        11 => put(&mut arrays.cuts, value, odd),
        12 => put(&mut arrays.kinds, value, ColumnKind::Category),
        _ => arrays.objective = Objective::Multiclass { classes: near as u32 },
    }
}

#[test]
fn hostile_arrays_are_refused() {
    let table = Table::new(3, 500);
    let good = table.fit(&settings(Objective::Binary)).model.arrays().clone();
    assert!(good.validate().is_ok() && good.left.len() > 10);
    let refused = |name: &str, change: &dyn Fn(&mut TreeArrays)| {
        let mut arrays = good.clone();
        change(&mut arrays);
        let error = TreeModel::from_arrays(arrays).unwrap_err().to_string();
        assert!(error.starts_with("tree arrays, "), "{name}: {error}");
    };
    refused("a loop", &|arrays| arrays.left[1] = 0);
    refused("a node below itself", &|arrays| arrays.right[0] = 0);
    refused("a child shared", &|arrays| arrays.left[0] = arrays.right[0]);
    refused("a child out of range", &|arrays| arrays.left[0] = 10_000);
    refused("a leaf out of range", &|arrays| arrays.left[0] = i32::MIN);
    refused("an unknown column", &|arrays| arrays.features[0] = 5);
    refused("a threshold that is no number", &|arrays| {
        arrays.thresholds[0] = f64::NAN
    });
    refused("a leaf that is no number", &|arrays| {
        arrays.leaf_values[0] = f64::INFINITY
    });
    refused("leaves that add up to infinity", &|arrays| {
        arrays.leaf_values.fill(f64::MAX / 2.0)
    });
    refused("no rows in a leaf", &|arrays| arrays.leaf_covers[0] = 0.0);
    refused("starts that fall", &|arrays| arrays.node_starts[1] = 10_000);
    refused("no starts", &|arrays| arrays.node_starts.clear());
    refused("words that end early", &|arrays| arrays.bit_words.truncate(1));
    refused("a score too many", &|arrays| arrays.start_scores.push(0.0));
    refused("no columns", &|arrays| arrays.kinds.clear());
    // In a tree of one node no other node goes missing when it leads to itself.
    let stump = table
        .fit(&TreeSettings::single_tree(Objective::Binary, 1))
        .model
        .arrays()
        .clone();
    assert_eq!(stump.left.len(), 1);
    for child in [0, 1] {
        let mut looped = stump.clone();
        looped.left[0] = child;
        assert!(TreeModel::from_arrays(looped).is_err(), "{child}");
    }
}
