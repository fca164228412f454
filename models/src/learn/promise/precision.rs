//! Of the accepted answers at least this share is right: thresholds on their scores, per label where the rows allow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::learn::binomial::{at_most, at_most_after, hits_allowed, rows_needed, share_at_most};

/// Most thresholds that are tried in a sequence.
const STEPS_MAX: usize = 100;

/// A label gets a threshold of its own if this is its chance, judged by the tuning rows, that one can be proved.
const OWN_CHANCE: f64 = 0.9;

/// Share of the chance of error that lies on the threshold most likely to pass.
const START: f64 = 0.8;

/// Equally spaced places of a sequence at which a test begins anew if it failed before.
const PLACES: usize = 5;

/// Chances this close to each other are taken as equal.
const ABOUT_EQUAL: f64 = 0.995;

/// Fewer tuning rows say too little about a label to give it a threshold of its own.
const OWN_TUNING_ROWS: usize = 20;

/// One thing that may be answered to a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer {
    /// How sure it is.
    pub score: f64,
    /// Whether it would be right.
    pub right: bool,
}

/// A row the model has not learned.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldRow {
    /// The label it is given.
    pub label: u32,
    /// What may be answered, most telling first: the first one that reaches the threshold is the answer. One offer for
    /// plain labels; for a hierarchy the node, then its parent, and so on.
    pub offers: Vec<Offer>,
}

impl HeldRow {
    /// Whether the answer is right; `None` if none is accepted.
    fn answer(&self, threshold: f64) -> Option<bool> {
        let accepted = self.offers.iter().find(|offer| offer.score >= threshold);
        accepted.map(|offer| offer.right)
    }
}

/// A proved threshold and what proved it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Answers are accepted from this score on; none can be if it is absent.
    pub score: Option<f64>,
    /// Rows of the proving part that it was tested on.
    pub rows: u64,
    /// How many of them it accepts.
    pub accepted: u64,
    /// How many of these are right.
    pub right: u64,
    /// The least precision they leave possible, at the level of the test; at least what was promised.
    pub bound: f64,
    /// Without a threshold: about how many held-back rows would be needed, tuning rows among them. Absent when more rows
    /// would not help, because no part of the answers is right often enough.
    pub rows_needed: Option<u64>,
}

/// The thresholds that keep a promise on precision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrecisionThresholds {
    /// The share of accepted answers that is to be right.
    pub promised: f64,
    /// How sure the promise is, over samples of held-back rows.
    pub confidence: f64,
    /// Labels with a threshold of their own, by number.
    pub own: BTreeMap<u32, Threshold>,
    /// All other labels together.
    pub others: Threshold,
}

impl PrecisionThresholds {
    /// The threshold of answers with this label.
    pub fn of(&self, label: u32) -> Option<f64> {
        self.own.get(&label).unwrap_or(&self.others).score
    }

    /// Whether thresholds out of an artifact are shares, of labels that there are.
    pub fn is_sound(&self, labels: usize) -> bool {
        let mut scores = self.own.values().chain([&self.others]).filter_map(|one| one.score);
        scores.all(|score| (0.0..=1.0).contains(&score)) && self.own.keys().all(|label| (*label as usize) < labels)
    }

    /// Share of the proving rows that are accepted.
    pub fn coverage(&self) -> f64 {
        let all = || self.own.values().chain([&self.others]);
        let rows: u64 = all().map(|one| one.rows).sum();
        all().map(|one| one.accepted).sum::<u64>() as f64 / rows.max(1) as f64
    }

    /// Whether anything is accepted.
    pub fn possible(&self) -> bool {
        self.own.values().chain([&self.others]).any(|one| one.score.is_some())
    }
}

/// Sets thresholds so that, with probability `confidence` over the held-back rows, at least the share `promised` of
/// future accepted answers is right. The module says why that holds for one group of labels. With several groups
/// (each label with enough tuning rows for itself, all others together) the tuning part forms them before any proving
/// row is looked at, and the chance of error is spent among them: half on the others, if there are any, and the rest in equal parts. So with
/// the whole confidence the promise holds in every group at once, and then in all accepted answers, whose precision is
/// a mean over the groups. A label whose own promise fails is not slipped into the group of the others: that would be
/// a choice after the test; its answers are not accepted.
pub fn precision_thresholds(
    tuning: &[HeldRow],
    proving: &[HeldRow],
    promised: f64,
    confidence: f64,
) -> PrecisionThresholds {
    let claim = |alpha| Claim {
        wrong: 1.0 - promised,
        alpha,
    };
    let alpha = 1.0 - confidence;
    let ratio = proving.len() as f64 / tuning.len().max(1) as f64;
    let chosen = own_labels(tuning, ratio, claim(alpha / 2.0));
    let of = |rows: &[HeldRow], label: u32| {
        rows.iter()
            .filter(|row| row.label == label)
            .cloned()
            .collect::<Vec<_>>()
    };
    let rest = |rows: &[HeldRow]| {
        rows.iter()
            .filter(|row| !chosen.contains(&row.label))
            .cloned()
            .collect::<Vec<_>>()
    };
    let alone = tuning.iter().all(|row| chosen.contains(&row.label));
    let (spent, left) = match (chosen.is_empty(), alone) {
        (true, _) => (0.0, alpha),
        (false, true) => (alpha, 0.0),
        (false, false) => (alpha / 2.0, alpha / 2.0),
    };
    let share = spent / chosen.len().max(1) as f64;
    let own = chosen.iter().map(|label| {
        let (tuning, proving) = (of(tuning, *label), of(proving, *label));
        (*label, claim(share).prove(&tuning, &proving, ratio))
    });
    PrecisionThresholds {
        promised,
        confidence,
        own: own.collect(),
        others: claim(left).prove(&rest(tuning), &rest(proving), ratio),
    }
}

/// The labels that can most likely prove a threshold of their own. Each one more leaves less of the chance of error to
/// each, so those that fall below are taken out until all that are left stand.
fn own_labels(tuning: &[HeldRow], ratio: f64, claim: Claim) -> Vec<u32> {
    let mut by_label = BTreeMap::<u32, Vec<HeldRow>>::new();
    for row in tuning {
        by_label.entry(row.label).or_default().push(row.clone());
    }
    by_label.retain(|_, rows| rows.len() >= OWN_TUNING_ROWS);
    loop {
        let before = by_label.len();
        let share = Claim {
            alpha: claim.alpha / before.max(1) as f64,
            ..claim
        };
        by_label.retain(|_, rows| share.plan(rows, ratio).best >= OWN_CHANCE);
        if by_label.len() == before {
            return by_label.into_keys().collect();
        }
    }
}

/// What is to be proved: at most the share `wrong` of the accepted answers is wrong, at level `alpha`.
#[derive(Clone, Copy)]
struct Claim {
    wrong: f64,
    alpha: f64,
}

/// What is tested, decided before any proving row is looked at.
struct Plan {
    /// Thresholds, falling, with the level each brings along.
    steps: Vec<(f64, f64)>,
    /// The best chance that one of them is proved.
    best: f64,
}

/// Accepted rows and the wrong ones among them.
#[derive(Clone, Copy, Default)]
struct Count {
    accepted: u64,
    wrong: u64,
}

fn count(rows: &[HeldRow], threshold: f64) -> Count {
    let answers = rows.iter().filter_map(|row| row.answer(threshold));
    answers.fold(Count::default(), |count, right| Count {
        accepted: count.accepted + 1,
        wrong: count.wrong + u64::from(!right),
    })
}

impl Claim {
    /// The chance that `accepted` further rows prove the claim, after those that were counted.
    fn chance(&self, seen: Count, accepted: u64) -> f64 {
        let allowed = hits_allowed(accepted, self.wrong, self.alpha);
        allowed.map_or(0.0, |allowed| {
            at_most_after(allowed, accepted, seen.wrong, seen.accepted)
        })
    }

    /// Thresholds to test in turn, falling, with the level that each brings along.
    fn plan(&self, tuning: &[HeldRow], ratio: f64) -> Plan {
        let thresholds = candidates(tuning);
        let chance = |threshold: &f64| {
            let seen = count(tuning, *threshold);
            self.chance(seen, (seen.accepted as f64 * ratio) as u64)
        };
        let chances: Vec<f64> = thresholds.iter().map(chance).collect();
        let best = chances.iter().copied().fold(0.0, f64::max);
        // Of about equal chances the boldest: what is sure for many rows is less likely luck.
        let start = chances.iter().rposition(|chance| *chance >= best * ABOUT_EQUAL);
        let mut levels = vec![0.0; thresholds.len()];
        if let Some(start) = start {
            levels[start] += self.alpha * START;
            for place in 1..=PLACES {
                levels[(place * thresholds.len()).div_ceil(PLACES) - 1] += self.alpha * (1.0 - START) / PLACES as f64;
            }
        }
        Plan {
            steps: thresholds.into_iter().zip(levels).collect(),
            best,
        }
    }

    fn prove(&self, tuning: &[HeldRow], proving: &[HeldRow], ratio: f64) -> Threshold {
        let mut proved = None;
        let mut level = 0.0;
        for (threshold, brought) in self.plan(tuning, ratio).steps {
            level += brought;
            if level == 0.0 {
                continue;
            }
            let count = count(proving, threshold);
            if count.accepted > 0 && at_most(count.wrong, count.accepted, self.wrong) <= level {
                proved = Some((threshold, count, level));
            } else {
                level = 0.0;
            }
        }
        let found = proved.map_or_else(Count::default, |(_, count, _)| count);
        let bound =
            |(_, count, level): (f64, Count, f64)| 1.0 - share_at_most(count.wrong, count.accepted, 1.0 - level);
        Threshold {
            score: proved.map(|(score, ..)| score),
            rows: proving.len() as u64,
            accepted: found.accepted,
            right: found.accepted - found.wrong,
            bound: proved.map_or(0.0, bound),
            rows_needed: if proved.is_none() {
                self.rows_needed(&[tuning, proving].concat(), ratio)
            } else {
                None
            },
        }
    }

    /// About how many held-back rows of this group prove the claim in four of five cases, if precision is what was
    /// seen: the normal approximation of the binomial test picks the threshold that needs the fewest, its exact tail
    /// says how many.
    fn rows_needed(&self, held: &[HeldRow], ratio: f64) -> Option<u64> {
        let cost = |threshold: f64| {
            let seen = count(held, threshold);
            let wrong = (seen.wrong as f64 + 0.5) / (seen.accepted as f64 + 1.0);
            let spread = |share: f64| (share * (1.0 - share)).sqrt();
            let accepted = ((1.645 * spread(self.wrong) + 0.84 * spread(wrong)) / (self.wrong - wrong)).powi(2);
            let share = seen.accepted as f64 / held.len() as f64;
            (wrong < self.wrong && share > 0.0).then_some((accepted / share, wrong, share))
        };
        let thresholds = candidates(held);
        let best = thresholds
            .into_iter()
            .filter_map(cost)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let (_, wrong, share) = best?;
        let proves = |accepted| {
            let allowed = hits_allowed(accepted, self.wrong, self.alpha);
            allowed.is_some_and(|allowed| at_most(allowed, accepted, wrong) >= 0.8)
        };
        let mut accepted = rows_needed(self.wrong, self.alpha);
        while !proves(accepted) {
            accepted += accepted.div_ceil(8);
            if accepted > 100_000_000 {
                return None;
            }
        }
        let ratio = if ratio > 0.0 { ratio } else { 3.0 };
        Some((accepted as f64 / share * (1.0 + 1.0 / ratio)).ceil() as u64)
    }
}

/// Thresholds at equally spaced ranks of the scores, falling, and last the one that accepts every offer.
fn candidates(rows: &[HeldRow]) -> Vec<f64> {
    let mut scores: Vec<f64> = rows
        .iter()
        .flat_map(|row| &row.offers)
        .map(|offer| offer.score)
        .collect();
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    scores.dedup();
    let steps = scores.len().min(STEPS_MAX);
    let mut thresholds: Vec<f64> = (1..=steps)
        .map(|step| scores[step * scores.len() / steps - 1])
        .collect();
    if steps > 0 {
        thresholds.push(0.0);
    }
    thresholds
}
