//! The nearest rows of a sample vote. There is nothing to fit: the sample is kept, as numbers, feature by feature, so that
//! features a row does not have cost nothing.

use super::set::Sampled;
use super::stored::{Part, finite, require};
use crate::error::Result;

/// How many rows vote.
const VOTERS: usize = 15;

/// Added to squared distances: an equal row outweighs the others, not everything.
const NEAREST: f32 = 0.01;

/// Most rows of a sample that is kept.
pub(super) const ROWS_MAX: usize = 2_000;

/// Largest value of a stored row.
const VALUE_MAX: f32 = 1e6;

/// A sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Neighbours {
    /// Where the values of each feature start, and where the last one's end.
    starts: Vec<u32>,
    /// The row of each value, ascending within a feature.
    rows: Vec<u32>,
    values: Vec<f32>,
    /// The class of each row.
    classes: Vec<u32>,
    /// The squared length of each row.
    lengths: Vec<f32>,
}

impl Neighbours {
    pub(super) fn new(sampled: &Sampled) -> Self {
        let mut columns: Vec<Vec<(u32, f32)>> = vec![Vec::new(); sampled.width];
        for at in 0..sampled.rows.len() {
            let (features, values) = sampled.rows.row(at);
            for (feature, value) in features.iter().zip(values) {
                columns[*feature as usize].push((at as u32, *value));
            }
        }
        let mut starts = vec![0];
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        for column in columns {
            rows.extend(column.iter().map(|pair| pair.0));
            values.extend(column.iter().map(|pair| pair.1));
            starts.push(rows.len() as u32);
        }
        Self::with_lengths(starts, (rows, values), sampled.classes.clone())
    }

    fn with_lengths(starts: Vec<u32>, (rows, values): (Vec<u32>, Vec<f32>), classes: Vec<u32>) -> Self {
        let mut lengths = vec![0.0; classes.len()];
        for (row, value) in rows.iter().zip(&values) {
            lengths[*row as usize] += value * value;
        }
        Self {
            starts,
            rows,
            values,
            classes,
            lengths,
        }
    }

    /// The probabilities of classes for a row (cleared first): votes weigh by nearness, and the shares of the classes
    /// have one vote of a row as far away as the farthest voter.
    pub(super) fn answer(&self, row: &[(u32, f32)], shares: &[f64], answers: &mut Vec<f64>) {
        let own: f32 = row.iter().map(|pair| pair.1 * pair.1).sum();
        let mut distances: Vec<f32> = self.lengths.iter().map(|length| length + own).collect();
        for (feature, value) in row {
            let (start, end) = (self.starts[*feature as usize], self.starts[*feature as usize + 1]);
            let range = start as usize..end as usize;
            for (at, other) in self.rows[range.clone()].iter().zip(&self.values[range]) {
                distances[*at as usize] -= 2.0 * value * other;
            }
        }
        let mut order: Vec<u32> = (0..distances.len() as u32).collect();
        let nearer = |a: &u32, b: &u32| {
            let (one, other) = (distances[*a as usize], distances[*b as usize]);
            one.total_cmp(&other).then(a.cmp(b))
        };
        let voters = VOTERS.min(order.len());
        if voters < order.len() {
            order.select_nth_unstable_by(voters, nearer);
            order.truncate(voters);
        }
        order.sort_unstable_by(nearer);
        let vote = |at: u32| f64::from(1.0 / (distances[at as usize].max(0.0) + NEAREST));
        let farthest = order.last().map_or(1.0, |last| vote(*last));
        answers.clear();
        answers.extend(shares.iter().map(|share| share * farthest));
        for at in order {
            answers[self.classes[at as usize] as usize] += vote(at);
        }
        let total: f64 = answers.iter().sum();
        answers.iter_mut().for_each(|answer| *answer /= total);
    }

    pub(super) fn store(&self, part: &mut Part) {
        part.put_u32("starts", &self.starts);
        part.put_u32("rows", &self.rows);
        part.put_f32("values", &self.values);
        part.put_u32("classes", &self.classes);
    }

    /// Takes a sample out of a part of an artifact. None of it is trusted.
    pub(super) fn take(part: &mut Part, (classes, width): (usize, usize)) -> Result<Self> {
        let (starts, of_rows) = (part.take_u32("starts")?, part.take_u32("classes")?);
        let (rows, values) = (part.take_u32("rows")?, part.take_f32("values")?);
        let ends = starts.first() == Some(&0) && starts.last().map(|last| *last as usize) == Some(rows.len());
        let fits = ends && starts.is_sorted() && starts.len() == width + 1 && values.len() == rows.len();
        require(fits, "starts", "do not ascend from 0 to the end")?;
        let known = (1..=ROWS_MAX).contains(&of_rows.len()) && of_rows.iter().all(|class| (*class as usize) < classes);
        require(known, "classes", "are not some rows' classes")?;
        let there = rows.iter().all(|row| (*row as usize) < of_rows.len());
        require(there, "rows", "hold a row that is not there")?;
        require(finite(&values, VALUE_MAX), "values", "hold a value out of range")?;
        Ok(Self::with_lengths(starts, (rows, values), of_rows))
    }
}
