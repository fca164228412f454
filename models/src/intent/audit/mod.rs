//! Finds rows with wrong labels and labels that are mixed up, at the end of a fit: every row is judged by weights that
//! have not learned it.

use super::labels::Labels;
use crate::encode::map_chunks;
use crate::error::Result;
use crate::findings::{Findings, Judge, Judged, Part};
use crate::kind::{Examples, Rows};
use crate::learn::{Block, CrossFit, LinearSettings, cross_fit, softmax};

/// More rows are not judged out of fold: that costs about another fit. Those held back for calibration are judged anyway.
pub(super) const CROSS_FIT_ROWS_MAX: usize = 200_000;

/// Measured on BANKING77 against five whole fits, see `tests.rs`: .906 of the rows right against .910; two passes have .894.
pub(super) const CROSS_FIT: CrossFit = CrossFit { folds: 5, passes: 3 };

/// Of a label with fewer rows, too few are left to know it by when a fold is out.
const LABEL_ROWS_MIN: u64 = 5;

/// What a fit has at its end.
pub(super) struct Learned<'a> {
    /// The rows.
    pub examples: &'a Examples<'a>,
    /// The labels, and how many training rows each has.
    pub labels: &'a Labels,
    /// The training rows, encoded, if they fit in memory.
    pub train: Option<&'a Block>,
    /// The rows held back that judge, encoded.
    pub held_back: &'a Block,
    /// Their places among all calibration rows.
    pub held_back_places: &'a [u64],
    /// Their margins by the weights that had not learned them, row by row.
    pub held_back_margins: &'a [f32],
    /// How many features there are.
    pub features: usize,
    /// How the model learned.
    pub settings: LinearSettings,
    /// Inverse temperature of the probabilities.
    pub scale: f32,
    /// Bound on memory, in bytes.
    pub memory_max_bytes: usize,
}

/// The findings. None where texts have lists of labels: none of them is the wrong one by itself.
pub(super) fn findings(learned: &Learned<'_>) -> Result<Findings> {
    if learned.labels.several {
        return Ok(Findings::default());
    }
    let judge = judge(learned)?;
    let all = learned.examples.train.count() + learned.held_back_places.len() as u64;
    let parts: [&dyn Rows; 2] = [learned.examples.train, learned.examples.calibrate];
    let names = [Part::Train.name(), Part::Calibrate.name()];
    let findings = judge.findings(&learned.labels.names, &[(names[0], parts[0]), (names[1], parts[1])])?;
    Ok(Findings {
        not_judged: all.saturating_sub(findings.judged),
        ..findings
    })
}

/// What is thought of every row.
fn judge(learned: &Learned<'_>) -> Result<Judge> {
    let places = learned.held_back_places;
    let labels = learned.labels.names.len();
    let mut judge = Judge::default();
    let mut push = |row: Judged| {
        // Rows out of scope have no label that could be wrong.
        let rows = learned.labels.rows.get(row.given as usize);
        if rows.is_some_and(|rows| *rows >= LABEL_ROWS_MIN) {
            judge.push(row);
        }
    };
    if let Some(train) = learned.train.filter(|train| learned.can_cross_fit(train)) {
        let blocks = [train, learned.held_back];
        let shape = (labels, learned.features);
        cross_fit(&blocks, shape, learned.settings, CROSS_FIT, &mut |fold| {
            let rows: Vec<_> = fold.rows.iter().zip(fold.margins.chunks_exact(labels)).collect();
            let judged = map_chunks(&rows, learned.settings.threads, |part| {
                let mut probabilities = Vec::with_capacity(labels);
                let judge = |&(&(at, row), margins): &(&(usize, usize), &[f32])| {
                    let place = if at == 0 { row as u64 } else { places[row] };
                    learned.judged((at, place), blocks[at].targets[row], margins, &mut probabilities)
                };
                part.iter().map(judge).collect::<Vec<Judged>>()
            });
            judged.into_iter().flatten().for_each(&mut push);
            Ok(())
        })?;
    } else {
        let mut probabilities = Vec::with_capacity(labels);
        let margins = learned.held_back_margins.chunks_exact(labels);
        for ((margins, target), place) in margins.zip(&learned.held_back.targets).zip(places) {
            push(learned.judged((1, *place), *target, margins, &mut probabilities));
        }
    }
    Ok(judge)
}

impl Learned<'_> {
    fn can_cross_fit(&self, train: &Block) -> bool {
        let rows = train.rows.len() + self.held_back.rows.len();
        let margins_bytes = rows / CROSS_FIT.folds * self.labels.names.len() * size_of::<f32>();
        let others_bytes = train.rows.size_bytes() + self.held_back.rows.size_bytes();
        rows <= CROSS_FIT_ROWS_MAX && margins_bytes + others_bytes <= self.memory_max_bytes / 2
    }

    fn judged(&self, at: (usize, u64), target: u32, margins: &[f32], probabilities: &mut Vec<f64>) -> Judged {
        softmax(margins, self.scale, probabilities);
        Judged::new(at, target, (0u32..).zip(probabilities.iter().copied()))
    }
}

#[cfg(test)]
mod tests;
