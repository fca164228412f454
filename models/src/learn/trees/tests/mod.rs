//! What every fitted model holds, on random tables: properties over all objectives.

use proptest::prelude::*;

mod stored;
mod table;

use super::*;
use table::{Random, Table, bits, row};

fn settings(objective: Objective) -> TreeSettings {
    TreeSettings {
        rounds: 8,
        learning_rate: 0.3,
        ..TreeSettings::new(objective)
    }
}

fn objectives() -> impl Strategy<Value = Objective> {
    prop_oneof![
        Just(Objective::Binary),
        Just(Objective::Multiclass { classes: 3 }),
        Just(Objective::Ordinal { levels: 4 }),
        Just(Objective::Quantile { alpha: 0.8 }),
        Just(Objective::SquaredError),
    ]
}

/// Settings that take all ways through the code: samples, depth, few and many leaves.
fn any_settings() -> impl Strategy<Value = TreeSettings> {
    let shares = (prop_oneof![Just(1.0), Just(0.6)], prop_oneof![Just(1.0), Just(0.5)]);
    let shape = (
        prop_oneof![Just(2usize), Just(8), Just(31), Just(200)],
        prop_oneof![Just(None), Just(Some(3))],
    );
    (objectives(), shares, shape, 1usize..30, any::<u64>()).prop_map(|(objective, shares, shape, rows_min, seed)| {
        TreeSettings {
            row_fraction: shares.0,
            feature_fraction: shares.1,
            leaves_max: shape.0,
            depth_max: shape.1,
            leaf_rows_min: rows_min,
            seed,
            ..settings(objective)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn threads_change_no_byte(settings in any_settings(), seed in any::<u64>(), rows in 1usize..7000) {
        let table = Table::new(seed, rows);
        let validation = Table::new(seed ^ 1, 700);
        let fit = |threads| {
            let settings = TreeSettings { threads, ..settings.clone() };
            table.fit_until(&settings, Some(&validation))
        };
        let one = fit(1);
        prop_assert_eq!(&one, &fit(2));
        prop_assert_eq!(&one, &fit(5));
    }

    #[test]
    fn batch_and_single_give_the_same_bits(settings in any_settings(), seed in any::<u64>()) {
        let table = Table::new(seed, 1000);
        let model = table.fit(&settings).model;
        let asked = Table::new(seed ^ 2, 333);
        let columns = asked.columns();
        let batch = model.margins_batch(&columns, 2).unwrap();
        let answers = model.predict_batch(&columns, 1).unwrap();
        let (mut margins, mut own) = (Vec::new(), Vec::new());
        for at in 0..333 {
            model.margins(&row(&columns, at), &mut margins);
            let outputs = model.outputs();
            prop_assert_eq!(bits(&margins), bits(&batch[at * outputs..(at + 1) * outputs]));
            model.predict(&row(&columns, at), &mut own);
            prop_assert_eq!(bits(&own), bits(&answers[at * own.len()..(at + 1) * own.len()]));
        }
    }

    #[test]
    fn explanations_add_up(settings in any_settings(), seed in any::<u64>()) {
        let table = Table::new(seed, 800);
        let model = table.fit(&settings).model;
        let asked = Table::new(seed ^ 4, 20);
        let mut margins = Vec::new();
        for at in 0..20 {
            let row = row(&asked.columns(), at);
            model.margins(&row, &mut margins);
            let all = model.contributions(&row);
            for (own, margin) in all.chunks_exact(row.len() + 1).zip(&margins) {
                let sum: f64 = own.iter().sum();
                prop_assert!((sum - margin).abs() <= 1e-9 * margin.abs().max(1.0), "{} {}", sum, margin);
            }
        }
    }

    #[test]
    fn probabilities_add_up_to_one(settings in any_settings(), seed in any::<u64>()) {
        let table = Table::new(seed, 600);
        let model = table.fit(&settings).model;
        let answers = model.predict_batch(&table.columns(), 1).unwrap();
        for answers in answers.chunks_exact(model.answers()) {
            prop_assert!(answers.iter().all(|answer| answer.is_finite()));
            match settings.objective {
                Objective::Multiclass { .. } | Objective::Ordinal { .. } => {
                    prop_assert!((answers.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                    prop_assert!(answers.iter().all(|answer| *answer >= 0.0));
                }
                Objective::Binary => prop_assert!((0.0..=1.0).contains(&answers[0])),
                _ => {}
            }
        }
    }

    #[test]
    fn bound_columns_rise_and_fall(
        objective in objectives(), seed in any::<u64>(), sign in prop_oneof![Just(1i8), Just(-1)]
    ) {
        let table = Table::new(seed, 1500);
        let settings = TreeSettings { monotone: vec![sign, -sign, 0, 0, 0], ..settings(objective) };
        let model = table.fit(&settings).model;
        let mut random = Random::new(seed);
        for at in 0..50 {
            for (column, sign) in [(0, f64::from(sign)), (1, f64::from(-sign))] {
                let mut row = row(&table.columns(), at);
                let (mut low, mut high) = (Vec::new(), Vec::new());
                let ends = [random.unit() * 12.0 - 2.0, random.unit() * 12.0 - 2.0];
                row[column] = ends[0].min(ends[1]);
                model.margins(&row, &mut low);
                row[column] = ends[0].max(ends[1]);
                model.margins(&row, &mut high);
                for (low, high) in low.iter().zip(&high) {
                    prop_assert!(sign * (high - low) >= 0.0, "{} {} {}", column, low, high);
                }
            }
        }
    }

    #[test]
    fn anything_can_be_asked(objective in objectives(), seed in any::<u64>(), row in prop::collection::vec(any::<f64>(), 0..8)) {
        let model = Table::new(seed, 400).fit(&settings(objective)).model;
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 2.5, 1e18, 4_294_967_295.0, 0.0];
        let mut random = Random::new(seed);
        let mixed: Vec<f64> = (0..5).map(|_| odd[random.below(8) as usize]).collect();
        let mut answers = Vec::new();
        for row in [&row, &mixed] {
            model.predict(row, &mut answers);
            prop_assert!(answers.len() == model.answers() && answers.iter().all(|answer| answer.is_finite()));
            prop_assert!(model.contributions(row).iter().all(|value| value.is_finite()));
        }
    }

}

#[test]
fn early_stopping_keeps_the_best_round() {
    let (table, validation) = (Table::new(5, 400), Table::new(6, 400));
    let settings = TreeSettings {
        rounds: 200,
        learning_rate: 0.5,
        leaf_rows_min: 5,
        stop_after: Some(10),
        ..TreeSettings::new(Objective::SquaredError)
    };
    let fitted = table.fit_until(&settings, Some(&validation));
    let least = fitted.losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(fitted.losses[fitted.rounds - 1], least);
    assert!(fitted.losses.len() == fitted.rounds + 10 && fitted.losses.len() < 200);
    assert_eq!(fitted.model.arrays().trees(), fitted.rounds);
    let margins = fitted.model.margins_batch(&validation.columns(), 1).unwrap();
    let errors = margins
        .iter()
        .zip(validation.targets(settings.objective))
        .map(|(a, b)| (a - b).powi(2));
    let loss = errors.sum::<f64>() / 400.0;
    assert!((loss - least).abs() < 1e-9, "{loss} {least}");
    // The rounds kept are those of a fit that never saw the validation part.
    let alone = table.fit(&TreeSettings {
        rounds: fitted.rounds,
        ..settings
    });
    assert_eq!(alone.model, fitted.model);
}

#[test]
fn every_objective_learns() {
    for objective in [
        Objective::Binary,
        Objective::Multiclass { classes: 3 },
        Objective::Ordinal { levels: 4 },
        Objective::Quantile { alpha: 0.8 },
        Objective::SquaredError,
    ] {
        let (table, validation) = (Table::new(1, 3000), Table::new(2, 1000));
        let settings = TreeSettings {
            rounds: 60,
            ..settings(objective)
        };
        let losses = table.fit_until(&settings, Some(&validation)).losses;
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(least < losses[0] * 0.75, "{objective:?}: from {} to {least}", losses[0]);
    }
}

#[test]
fn rare_classes_do_not_swing() {
    // Sixty classes, most of them of a few rows, and nothing to tell them by.
    let mut table = Table::new(21, 3000);
    let mut random = Random::new(22);
    table.signal = (0..3000).map(|_| -random.unit().ln() * 0.8 - 3.0).collect();
    let objective = Objective::Multiclass { classes: 61 };
    let settings = TreeSettings {
        rounds: 40,
        learning_rate: 0.1,
        ..settings(objective)
    };
    let losses = table.fit_until(&settings, Some(&table)).losses;
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
}

#[test]
fn quantiles_are_exceeded_as_often_as_they_say() {
    let (table, asked) = (Table::new(8, 20_000), Table::new(9, 20_000));
    for alpha in [0.1, 0.5, 0.9] {
        let settings = TreeSettings {
            rounds: 40,
            leaf_rows_min: 100,
            ..settings(Objective::Quantile { alpha })
        };
        let model = table.fit(&settings).model;
        for (table, apart_max) in [(&table, 0.01), (&asked, 0.03)] {
            let margins = model.margins_batch(&table.columns(), 1).unwrap();
            let below = margins
                .iter()
                .zip(&table.signal)
                .filter(|(quantile, value)| value <= quantile);
            let share = below.count() as f64 / 20_000.0;
            assert!((share - alpha).abs() < apart_max, "{alpha}: {share}");
        }
    }
}

#[test]
fn every_leaf_has_the_rows_it_needs() {
    let table = Table::new(11, 2000);
    // Rows of very different weight mislead the estimate that splits are searched with.
    let weights: Vec<f32> = (0..2000).map(|row| if row % 50 == 0 { 100.0 } else { 0.1 }).collect();
    let (columns, targets) = (table.columns(), table.targets(Objective::Binary));
    let examples = Examples {
        columns: &columns,
        targets: &targets,
        weights: Some(&weights),
    };
    let settings = TreeSettings {
        leaf_rows_min: 37,
        ..settings(Objective::Binary)
    };
    let fitted = fit(&examples, None, &settings).unwrap();
    let covers = &fitted.model.arrays().leaf_covers;
    assert!(
        covers.len() > 20 && covers.iter().all(|cover| *cover >= 37.0),
        "{covers:?}"
    );
}

#[test]
fn a_weight_counts_as_so_many_rows() {
    let table = Table::new(12, 500);
    let settings = TreeSettings {
        leaf_rows_min: 1,
        leaf_hessian_min: 30.0,
        rounds: 5,
        category: CategorySettings {
            smoothing: 0.0,
            group_rows_min: 0,
            ..CategorySettings::default()
        },
        ..TreeSettings::new(Objective::SquaredError)
    };
    let twice: Vec<usize> = (0..500).flat_map(|row| [row, row]).collect();
    let numbers: Vec<Vec<f64>> = table
        .numbers
        .iter()
        .map(|c| twice.iter().map(|row| c[*row]).collect())
        .collect();
    let targets: Vec<f64> = twice.iter().map(|row| table.signal[*row]).collect();
    let single: Vec<Column<'_>> = table.numbers.iter().map(|column| Column::Numeric(column)).collect();
    let double: Vec<Column<'_>> = numbers.iter().map(|column| Column::Numeric(column)).collect();
    let weights = vec![2.0; 500];
    let examples = Examples {
        columns: &single,
        targets: &table.signal,
        weights: Some(&weights),
    };
    let weighted = fit(&examples, None, &settings).unwrap().model;
    let examples = Examples {
        columns: &double,
        targets: &targets,
        weights: None,
    };
    let repeated = fit(&examples, None, &settings).unwrap().model;
    let (a, b) = (
        weighted.margins_batch(&single, 1).unwrap(),
        repeated.margins_batch(&single, 1).unwrap(),
    );
    let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart < 0.02, "{apart}");
}

#[test]
fn a_single_tree_is_as_deep_as_asked() {
    let table = Table::new(13, 1000);
    let fitted = table.fit(&TreeSettings::single_tree(Objective::SquaredError, 3));
    let arrays = fitted.model.arrays();
    assert_eq!((arrays.trees(), arrays.leaf_values.len()), (1, 8));
    let total: f64 = arrays.leaf_covers.iter().sum();
    assert_eq!(total, 1000.0);
}

#[test]
fn tables_without_a_signal_get_an_answer_too() {
    let values = vec![1.0; 50];
    let codes = vec![MISSING_CODE; 50];
    for targets in [vec![1.0; 50], vec![0.0; 50]] {
        for objective in [
            Objective::Binary,
            Objective::Multiclass { classes: 2 },
            Objective::Ordinal { levels: 3 },
        ] {
            let columns = [Column::Numeric(&values), Column::Category(&codes)];
            let examples = Examples {
                columns: &columns,
                targets: &targets,
                weights: None,
            };
            let fitted = fit(&examples, None, &settings(objective)).unwrap();
            let mut answers = Vec::new();
            fitted.model.predict(&[2.0, 3.0], &mut answers);
            assert!(answers.iter().all(|answer| answer.is_finite()));
            assert_eq!(fitted.rounds, 0);
        }
    }
}

#[test]
fn unfit_rows_and_settings_are_refused() {
    let numbers = [1.0, 2.0];
    let codes = [0, CODE_MAX];
    let fit_with = |columns: &[Column<'_>], targets: &[f64], weights: Option<&[f32]>, settings: &TreeSettings| {
        let examples = Examples {
            columns,
            targets,
            weights,
        };
        fit(&examples, None, settings)
            .map(|fitted| fitted.rounds)
            .unwrap_err()
            .to_string()
    };
    let (good, number) = (settings(Objective::Binary), [Column::Numeric(&numbers)]);
    assert!(fit_with(&number, &[0.0, 0.5], None, &good).contains("target of row 1"));
    assert!(fit_with(&number, &[0.0, f64::NAN], None, &good).contains("target of row 1"));
    assert!(fit_with(&number, &[], None, &good).contains("0 rows"));
    assert!(fit_with(&number, &[0.0], None, &good).contains("column 0"));
    assert!(fit_with(&[], &[0.0], None, &good).contains("columns"));
    assert!(fit_with(&[Column::Category(&codes)], &[0.0, 1.0], None, &good).contains("code"));
    assert!(fit_with(&number, &[0.0, 1.0], Some(&[1.0, -1.0]), &good).contains("weight of row 1"));
    assert!(fit_with(&number, &[0.0, 1.0], Some(&[0.0, 0.0]), &good).contains("weights"));
    let bound = TreeSettings {
        monotone: vec![1],
        ..good.clone()
    };
    assert!(fit_with(&[Column::Category(&[0, 1])], &[0.0, 1.0], None, &bound).contains("monotone"));
    let odd = TreeSettings {
        learning_rate: f64::NAN,
        ..good.clone()
    };
    assert!(fit_with(&number, &[0.0, 1.0], None, &odd).contains("learning_rate"));
    let odd = settings(Objective::Multiclass { classes: 1 });
    assert!(fit_with(&number, &[0.0, 1.0], None, &odd).contains("objective"));
}

/// Bins of wide tables lie in several tiles, and a thread may have no row of a short validation part.
#[test]
fn a_wide_table_and_a_few_rows_to_judge_by() {
    let mut random = Random::new(5);
    let mut table =
        |rows: usize| -> Vec<Vec<f64>> { (0..40).map(|_| (0..rows).map(|_| random.unit()).collect()).collect() };
    let (columns, judging) = (table(5000), table(3));
    let targets = |columns: &[Vec<f64>]| -> Vec<f64> {
        let rows = columns[0].iter().zip(&columns[39]);
        rows.map(|(a, b)| f64::from(u8::from(a + b > 1.0))).collect()
    };
    let (learned, judged) = (targets(&columns), targets(&judging));
    let numeric: Vec<Column<'_>> = columns.iter().map(|column| Column::Numeric(column)).collect();
    let few: Vec<Column<'_>> = judging.iter().map(|column| Column::Numeric(column)).collect();
    let examples = Examples {
        columns: &numeric,
        targets: &learned,
        weights: None,
    };
    let validation = Examples {
        columns: &few,
        targets: &judged,
        weights: None,
    };
    let fitted = |threads| {
        let settings = TreeSettings {
            threads,
            ..settings(Objective::Binary)
        };
        fit(&examples, Some(&validation), &settings).unwrap()
    };
    assert_eq!(fitted(1), fitted(4));
}
