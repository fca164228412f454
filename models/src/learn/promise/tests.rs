//! Promises against simulated desks whose truth is known.

use super::*;
use crate::learn::promise::precision::{HeldRow, Offer};

/// Uniform numbers from 0 to 1.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(1);
        (mixed(self.0) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The chance that an answer is right, by its label and its score.
type Right = fn(u32, f64) -> f64;

/// A desk: labels by chance, scores uniform, and the chance to be right given the score.
struct Desk {
    labels: u32,
    right: Right,
}

impl Desk {
    fn rows(&self, count: usize, dice: &mut Dice) -> Vec<HeldRow> {
        (0..count)
            .map(|_| {
                let label = (dice.roll() * f64::from(self.labels)) as u32;
                let score = dice.roll();
                let right = dice.roll() < (self.right)(label, score);
                let offers = vec![Offer { score, right }];
                HeldRow { label, offers }
            })
            .collect()
    }

    /// Share accepted and share right among them, by integration over the scores.
    fn truth(&self, thresholds: &PrecisionThresholds) -> (f64, f64) {
        let (mut accepted, mut right) = (0.0, 0.0);
        for label in 0..self.labels {
            let threshold = thresholds.of(label).unwrap_or(2.0);
            for step in 0..2000 {
                let score = (f64::from(step) + 0.5) / 2000.0;
                if score >= threshold {
                    accepted += 1.0;
                    right += (self.right)(label, score);
                }
            }
        }
        (
            accepted / 2000.0 / f64::from(self.labels),
            if accepted > 0.0 { right / accepted } else { 1.0 },
        )
    }

    /// Over many samples: how often the promise is broken, and the mean share accepted.
    fn broken(&self, rows: usize, promised: f64, samples: u64) -> (f64, f64) {
        let (mut broken, mut covered) = (0.0, 0.0);
        for sample in 0..samples {
            let mut dice = Dice(sample << 32);
            let (tuning, proving) = (self.rows(rows / 4, &mut dice), self.rows(rows - rows / 4, &mut dice));
            let thresholds = precision_thresholds(&tuning, &proving, promised, 0.95);
            let (coverage, precision) = self.truth(&thresholds);
            broken += f64::from(u8::from(precision < promised));
            covered += coverage;
        }
        (broken / samples as f64, covered / samples as f64)
    }
}

/// 5% and three standard deviations of a share over 600 samples.
const BROKEN_AT_MOST: f64 = 0.05 + 3.0 * 0.0089;

fn steady(_: u32, score: f64) -> f64 {
    0.6 + 0.4 * score.sqrt()
}

#[test]
fn a_promise_is_broken_no_more_often_than_it_says() {
    let always_just_short = |_, _| 0.949;
    let falls_and_rises = |_, score: f64| if (0.5..0.8).contains(&score) { 0.7 } else { 0.98 };
    let labels_differ = |label, score: f64| if label == 0 { 0.85 } else { 0.9 + 0.1 * score };
    let desks: [(&str, Right, u32); 4] = [
        ("steady", steady, 1),
        ("always just short of the promise", always_just_short, 1),
        (
            "sure ones right, middling ones wrong, unsure ones right",
            falls_and_rises,
            3,
        ),
        ("one label worse than the others", labels_differ, 4),
    ];
    for (name, right, labels) in desks {
        for rows in [120, 600] {
            let (broken, _) = Desk { labels, right }.broken(rows, 0.95, 600);
            assert!(broken <= BROKEN_AT_MOST, "{name}, {rows} rows: {broken}");
        }
    }
}

#[test]
fn with_many_rows_nearly_all_is_accepted_that_may_be() {
    // Above t the mean error is (1 - t)^2 / 6, so the best rule accepts the share sqrt(0.3) of the rows.
    let best = 0.3f64.sqrt();
    let desk = Desk {
        labels: 1,
        right: |_, score| 1.0 - 0.5 * (1.0 - score).powi(2),
    };
    let (_, few) = desk.broken(1000, 0.95, 50);
    let (_, many) = desk.broken(100_000, 0.95, 5);
    assert!(many > best - 0.03 && many <= best + 0.01, "{many} of {best}");
    assert!(few > 0.4 * best && few < many, "{few} of {best}");
}

#[test]
fn labels_with_enough_rows_stand_for_themselves() {
    let right = |label, score: f64| if label == 0 { 0.9 + 0.1 * score } else { 0.97 };
    let desk = Desk { labels: 3, right };
    let mut dice = Dice(5);
    let (tuning, proving) = (desk.rows(3000, &mut dice), desk.rows(9000, &mut dice));
    let thresholds = precision_thresholds(&tuning, &proving, 0.95, 0.95);
    assert_eq!(thresholds.own.keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
    assert!(thresholds.of(0) > thresholds.of(1));
    assert_eq!(
        thresholds.of(1),
        Some(0.0),
        "label 1 is right often enough whatever its score"
    );
    let few = precision_thresholds(&tuning[..100], &proving[..300], 0.95, 0.95);
    assert!(few.own.is_empty() && few.others.rows == 300);
}

#[test]
fn too_few_rows_promise_nothing_and_say_how_many_it_takes() {
    let desk = Desk {
        labels: 1,
        right: steady,
    };
    let mut dice = Dice(9);
    let (tuning, proving) = (desk.rows(15, &mut dice), desk.rows(45, &mut dice));
    let thresholds = precision_thresholds(&tuning, &proving, 0.95, 0.95);
    assert!(!thresholds.possible() && thresholds.of(0).is_none() && thresholds.coverage() == 0.0);
    let needed = thresholds.others.rows_needed.unwrap_or_default();
    assert!((80..3000).contains(&needed), "{needed}");
    let hopeless = Desk {
        labels: 1,
        right: |_, _| 0.5,
    };
    let (tuning, proving) = (hopeless.rows(100, &mut dice), hopeless.rows(300, &mut dice));
    assert_eq!(
        precision_thresholds(&tuning, &proving, 0.95, 0.95).others.rows_needed,
        None
    );
    let none = precision_thresholds(&[], &[], 0.95, 0.95);
    assert!(!none.possible() && none.others.rows_needed.is_none());
}

#[test]
fn a_row_falls_back_to_the_first_offer_that_is_sure_enough() {
    let offer = |score, right| Offer { score, right };
    let row = |at: usize| HeldRow {
        label: 0,
        // A prime step through the scores: both parts see all of them.
        offers: vec![
            offer(0.5 + (at * 379 % 1000) as f64 / 4000.0, at.is_multiple_of(2)),
            offer(0.99, true),
        ],
    };
    let rows: Vec<HeldRow> = (0..1000).map(row).collect();
    let thresholds = precision_thresholds(&rows[..250], &rows[250..], 0.95, 0.95);
    // The leaf is right half the time and its parent always: the parent is what may be said.
    let threshold = thresholds.of(0).unwrap_or_default();
    assert!(threshold > 0.7 && thresholds.coverage() == 1.0, "{thresholds:?}");
}

#[test]
fn rows_of_a_label_are_missed_no_more_often_than_promised() {
    // Scores are uniform, so the threshold is the share that is missed.
    for (rows, share) in [(149, 0.02), (400, 0.02), (60, 0.1)] {
        let mut broken = 0.0;
        for sample in 0..600 {
            let mut dice = Dice(sample << 20);
            let scores = (0..rows).map(|_| dice.roll()).collect();
            let threshold = miss_threshold(scores, share, 0.95);
            assert!(threshold.possible() && threshold.bound <= share);
            broken += f64::from(u8::from(threshold.score > share)) / 600.0;
        }
        assert!(broken <= BROKEN_AT_MOST, "{rows} rows, {share}: {broken}");
        assert!(
            broken > 0.005,
            "{rows} rows, {share}: {broken}, more is flagged than needed"
        );
    }
    let short = miss_threshold(vec![0.5; 148], 0.02, 0.95);
    assert!(!short.possible() && short.score == 0.0 && short.rows_needed == 149);
}

#[test]
fn a_quarter_tunes_and_the_seed_says_which() {
    let tuning = tuning_rows(1003, 7);
    assert_eq!(tuning.iter().filter(|one| **one).count(), 250);
    assert!(tuning == tuning_rows(1003, 7) && tuning != tuning_rows(1003, 8));
    let first = tuning[..500].iter().filter(|one| **one).count();
    assert!((90..160).contains(&first), "{first}");
}
