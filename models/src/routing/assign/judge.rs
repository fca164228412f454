//! What another policy would have earned, from the records of one that explored: inverse propensity weighting (Horvitz and
//! Thompson, JASA 1952), its self-normalised form (Hájek 1971; Swaminathan and Joachims, NeurIPS 2015), and the doubly
//! robust estimate (Dudík, Langford and Li, ICML 2011). Not a judge of what could not have been chosen: see
//! [`Judgement::supported`].
//!
//! Intervals are those of the normal law at 95%, from influence functions summed over requests, as cases of one request
//! share agents and hours; with fewer than about 30 requests they are too narrow.

use std::collections::BTreeMap;

use serde::Serialize;

/// Two-sided 95% of the normal law.
const NORMAL_95: f64 = 1.959_964;

/// A recorded choice whose outcome is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoggedChoice<'a> {
    /// The request it was made in.
    pub request: &'a str,
    /// What it earned: a rating, a solved case as 1, minus the seconds it took.
    pub reward: f64,
    /// How likely it was under the policy that made it, above 0, as recorded.
    pub propensity: f64,
    /// How likely it is under the policy to be judged: [`super::Propensities::of`] of the same request.
    pub judged: f64,
    /// A model's prediction of the reward of this choice, and its mean over the choices of the judged policy. The model
    /// must not have learned this row.
    pub predicted: Option<(f64, f64)>,
}

/// A mean reward with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end of the 95% interval.
    pub low: f64,
    /// Upper end of the 95% interval.
    pub high: f64,
}

/// What records say of a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// Recorded choices.
    pub rows: usize,
    /// Requests they come from.
    pub requests: usize,
    /// The mean reward of the recorded choices, under the policy that made them.
    pub logged: Estimate,
    /// Inverse propensity weighted: unbiased, wide.
    pub inverse: Estimate,
    /// Self-normalised: slightly biased, narrower, and in the range of the rewards.
    pub self_normalised: Estimate,
    /// Doubly robust: unbiased if either propensities or predictions are right. Absent if a row has no prediction.
    pub doubly_robust: Option<Estimate>,
    /// As many rows of weight 1 would say as much (Kish 1965).
    pub effective_rows: f64,
    /// The largest weight of a row.
    pub weight_max: f64,
    /// The mean weight. About 1 if the records could show all that the judged policy does; well below 1, the estimates
    /// leave out choices that were never possible.
    pub supported: f64,
}

/// Judges a policy. `None` if no row is there, or a number is not finite, a propensity not in (0, 1] or a judged
/// probability not in [0, 1].
pub fn judge(rows: &[LoggedChoice<'_>]) -> Option<Judgement> {
    let is_sound = |row: &LoggedChoice<'_>| {
        row.reward.is_finite()
            && row.propensity > 0.0
            && row.propensity <= 1.0
            && (0.0..=1.0).contains(&row.judged)
            && row
                .predicted
                .is_none_or(|(own, judged)| own.is_finite() && judged.is_finite())
    };
    if rows.is_empty() || !rows.iter().all(is_sound) {
        return None;
    }
    let count = rows.len() as f64;
    let weights: Vec<f64> = rows.iter().map(|row| row.judged / row.propensity).collect();
    let pairs = || rows.iter().zip(&weights);
    let sum: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    let earned: f64 = pairs().map(|(row, weight)| weight * row.reward).sum();
    let ratio = if sum > 0.0 { earned / sum } else { 0.0 };
    let mean_weight = sum / count;
    // The derivative of a ratio of means (the delta method).
    let off =
        |(row, weight): (&LoggedChoice<'_>, &f64)| weight * (row.reward - ratio) / mean_weight.max(f64::MIN_POSITIVE);
    let robust: Option<Vec<f64>> = pairs()
        .map(|(row, weight)| row.predicted.map(|(own, judged)| judged + weight * (row.reward - own)))
        .collect();
    let names: Vec<&str> = rows.iter().map(|row| row.request).collect();
    let mean = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / count;
        let offs: Vec<f64> = values.iter().map(|value| value - mean).collect();
        estimate(mean, &offs, &names)
    };
    let rewards: Vec<f64> = rows.iter().map(|row| row.reward).collect();
    let weighted: Vec<f64> = pairs().map(|(row, weight)| weight * row.reward).collect();
    Some(Judgement {
        rows: rows.len(),
        requests: by_request(&rewards, &names).len(),
        logged: mean(&rewards),
        inverse: mean(&weighted),
        self_normalised: estimate(ratio, &pairs().map(off).collect::<Vec<f64>>(), &names),
        doubly_robust: robust.map(|values| mean(&values)),
        effective_rows: if squares > 0.0 { sum * sum / squares } else { 0.0 },
        weight_max: weights.iter().copied().fold(0.0, f64::max),
        supported: mean_weight,
    })
}

/// Sums by request.
fn by_request(values: &[f64], requests: &[&str]) -> Vec<f64> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    values
        .iter()
        .zip(requests)
        .for_each(|(value, request)| *sums.entry(request).or_default() += value);
    sums.into_values().collect()
}

/// An estimate whose rows are so far off it, with the variance that sums over requests have.
fn estimate(value: f64, offs: &[f64], requests: &[&str]) -> Estimate {
    let sums = by_request(offs, requests);
    let groups = sums.len() as f64;
    let small = if groups > 1.0 { groups / (groups - 1.0) } else { 1.0 };
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let standard_error = if groups > 1.0 {
        (small * squares).sqrt() / offs.len() as f64
    } else {
        f64::INFINITY
    };
    Estimate {
        value,
        standard_error,
        low: value - NORMAL_95 * standard_error,
        high: value + NORMAL_95 * standard_error,
    }
}
