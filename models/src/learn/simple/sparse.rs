//! Sparse rows, texts by their n-grams, as simpler models take them: of all features the few that tell most, in rows of
//! length one.

use std::collections::BTreeMap;

use super::selected::select;
use super::set::{OwnedColumn, Sampled, SimpleSet, present};
use super::stored::{PREFIX, Part, require};
use super::{SimpleLimits, Simpler, sample};
use crate::artifact::{Artifact, Tensor};
use crate::encode::SparseRows;
use crate::error::Result;
use crate::learn::trees::ColumnKind;

/// Simpler models over texts.
pub struct SimpleSparse {
    /// The champion's features that are taken, ascending.
    selected: Vec<u32>,
    set: SimpleSet,
}

/// Buffers of one answer, used again from row to row.
#[derive(Debug, Default)]
pub struct SimpleScratch {
    row: Vec<(u32, f32)>,
    columns: Vec<f64>,
    /// The probabilities of all classes.
    pub answers: Vec<f64>,
}

/// What is left of a row (cleared first), in length one.
fn narrow(selected: &[u32], given: impl Iterator<Item = (u32, f32)>, row: &mut Vec<(u32, f32)>) {
    row.clear();
    let place = |(feature, value): (u32, f32)| Some((selected.binary_search(&feature).ok()? as u32, value));
    row.extend(given.filter_map(place).filter(|pair| pair.1 != 0.0));
    let length = row.iter().map(|pair| pair.1 * pair.1).sum::<f32>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|pair| pair.1 /= length);
    }
}

impl SimpleSparse {
    /// Which of so many rows, with these weights, are to be learned from.
    pub fn places(weights: &[f32], limits: SimpleLimits) -> Vec<usize> {
        sample::sample(weights, limits.rows_max, limits.seed)
    }

    /// Learns from rows with their classes, of which the champion tells `count` apart; they have `features` features.
    /// `None` without a row.
    pub fn fit(
        rows: &SparseRows,
        features: usize,
        (classes, count): (&[u32], usize),
        limits: SimpleLimits,
    ) -> Option<Self> {
        let (present, own) = present(classes);
        if own.is_empty() {
            return None;
        }
        let width = limits.width_max(present.len()).min(limits.cells_max / own.len());
        let selected = select(rows, features, (&own, present.len()), width.max(1));
        let (mut narrowed, mut row) = (SparseRows::default(), Vec::new());
        for at in 0..rows.len() {
            let (features, values) = rows.row(at);
            let given = features.iter().copied().zip(values.iter().copied());
            narrow(&selected, given, &mut row);
            narrowed.push(&row);
        }
        let sampled = Sampled {
            rows: narrowed,
            width: selected.len(),
            classes: own,
        };
        let tree = |places: &[usize]| {
            let mut columns = vec![vec![0.0; places.len()]; selected.len()];
            for (at, place) in places.iter().enumerate() {
                let features = sampled.rows.row(*place).0;
                features.iter().for_each(|feature| columns[*feature as usize][at] = 1.0);
            }
            columns.into_iter().map(OwnedColumn::Numbers).collect()
        };
        let set = SimpleSet::learn(&sampled, present, (count, true), &tree, limits);
        Some(Self { selected, set })
    }

    /// Those that are there, with the rows they have learned from.
    pub fn members(&self) -> Vec<(Simpler, u64)> {
        self.set.members()
    }

    /// The probabilities of all classes for a row of the champion's features, into the scratch.
    pub fn answer(&self, simpler: Simpler, row: &[(u32, f32)], scratch: &mut SimpleScratch) {
        narrow(&self.selected, row.iter().copied(), &mut scratch.row);
        if simpler == Simpler::Tree {
            scratch.columns.clear();
            scratch.columns.resize(self.selected.len(), 0.0);
            let present = scratch.row.iter().map(|pair| pair.0 as usize);
            present.for_each(|feature| scratch.columns[feature] = 1.0);
        }
        self.set
            .answer(simpler, &scratch.row, &scratch.columns, &mut scratch.answers);
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut part = Part::new();
        part.put_u32("selected", &self.selected);
        self.set.store(&mut part);
        part.named(PREFIX)
    }

    /// Takes the models out of an artifact and checks them; `None` if it has none. They answer for rows of `features`
    /// features with `count` classes.
    ///
    /// # Errors
    /// When arrays are missing or do not fit.
    pub fn take(artifact: &mut Artifact, features: usize, count: usize) -> Result<Option<Self>> {
        let mut part = Part::of(artifact, PREFIX);
        if part.is_empty() {
            return Ok(None);
        }
        let selected = part.take_u32("selected")?;
        let known = selected.last().is_none_or(|last| (*last as usize) < features);
        let fits = selected.is_sorted_by(|a, b| a < b) && known && selected.len() <= SimpleLimits::WIDTH_MAX;
        require(fits, "selected", "are not some of the features")?;
        let kinds = vec![ColumnKind::Numeric; selected.len()];
        let set = SimpleSet::take(&mut part, (count, true), selected.len(), kinds)?;
        Ok(Some(Self { selected, set }))
    }
}
