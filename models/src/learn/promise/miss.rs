//! At most this share of a label's rows is missed: a threshold on the label's own probability.

use serde::{Deserialize, Serialize};

use crate::learn::binomial::{hits_allowed, rows_needed, share_at_most};

/// From where on a row is flagged with a label, so that few rows of the label are missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissThreshold {
    /// The share that may be missed.
    pub promised: f64,
    /// How sure the promise is, over samples of held-back rows.
    pub confidence: f64,
    /// A row is flagged if the label's probability is at least this. 0, so that every row is flagged, if the promise can
    /// be kept in no other way.
    pub score: f64,
    /// Held-back rows of the label that set it.
    pub rows: u64,
    /// How many of them are below it.
    pub missed: u64,
    /// The largest share missed that they leave possible with this confidence.
    pub bound: f64,
    /// The fewest rows of the label from which a threshold above 0 can follow.
    pub rows_needed: u64,
}

impl MissThreshold {
    /// Whether a threshold out of an artifact is a share.
    pub fn is_sound(&self) -> bool {
        (0.0..=1.0).contains(&self.score)
    }

    /// Whether there were enough rows. If not, every row is flagged.
    pub fn possible(&self) -> bool {
        self.rows >= self.rows_needed
    }
}

/// The largest threshold that keeps the promise. `scores` are the label's probabilities for held-back rows that have
/// it. With the k-th smallest as threshold the share missed is above `share` exactly if fewer than k of the rows lie in
/// the lowest `share` of all such rows: a binomial tail, whatever the distribution of the scores (Wilks, Annals of
/// Mathematical Statistics 1941). The threshold is an order statistic fixed by the number of rows alone, so nothing
/// is chosen and nothing has to be paid for choosing.
pub fn miss_threshold(mut scores: Vec<f64>, share: f64, confidence: f64) -> MissThreshold {
    scores.sort_unstable_by(f64::total_cmp);
    let rows = scores.len() as u64;
    let missed = hits_allowed(rows, share, 1.0 - confidence);
    let score = missed.map_or(0.0, |missed| scores[missed as usize]);
    MissThreshold {
        promised: share,
        confidence,
        score,
        rows,
        missed: scores.iter().filter(|one| **one < score).count() as u64,
        bound: missed.map_or(0.0, |missed| share_at_most(missed, rows, confidence)),
        rows_needed: rows_needed(share, 1.0 - confidence),
    }
}
