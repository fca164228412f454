//! Columns of a table as simpler models take them: numbers in units of their spread around the median, which stands for
//! null beside a mark of its own; of a category a mark for each of its frequent values, null among them.

use std::collections::BTreeMap;

use super::sample::{at, sample, thin};
use super::set::{OwnedColumn, Sampled, SimpleSet, present};
use super::stored::{PREFIX, Part, require};
use super::{SimpleLimits, Simpler};
use crate::artifact::{Artifact, Tensor};
use crate::encode::SparseRows;
use crate::error::Result;
use crate::learn::trees::{Column, ColumnKind};

/// A value further from the median than so many spreads counts as this far.
const SPREADS_MAX: f64 = 10.0;

/// A value of a category in fewer rows has no mark.
const MARK_ROWS_MIN: usize = 3;

/// Marks of one category, at most; fewer if all together would be too many.
const MARKS_MAX: usize = 64;

/// Larger numbers have no share in the spread.
const NUMBER_MAX: f64 = 1e100;

/// What becomes of a column.
#[derive(Debug, Clone, PartialEq)]
enum Taken {
    /// Nothing: all rows have the same value, or there are too many columns.
    Not,
    /// A number, with a mark for null if any row had one.
    Number { median: f64, spread: f64, marks_null: bool },
    /// A mark for each of these codes, ascending.
    Marks(Vec<u32>),
}

impl Taken {
    fn width(&self) -> usize {
        match self {
            Self::Not => 0,
            Self::Number { marks_null, .. } => 1 + usize::from(*marks_null),
            Self::Marks(codes) => codes.len(),
        }
    }

    fn of_numbers(values: &[f64]) -> Self {
        let mut there: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let marks_null = there.len() < values.len();
        there
            .iter_mut()
            .for_each(|value| *value = value.clamp(-NUMBER_MAX, NUMBER_MAX));
        let middle = there.len() / 2;
        if there.is_empty() {
            return Self::Not;
        }
        let median = *there.select_nth_unstable_by(middle, f64::total_cmp).1;
        there.sort_unstable_by(f64::total_cmp);
        let count = there.len() as f64;
        let mean = there.iter().sum::<f64>() / count;
        let spread = (there.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        match (spread > 0.0, marks_null) {
            (false, false) => Self::Not,
            (_, marks_null) => Self::Number {
                median,
                spread: if spread > 0.0 { spread } else { 1.0 },
                marks_null,
            },
        }
    }
}

/// From rows of columns to rows of few features.
#[derive(Debug, Clone, PartialEq)]
struct View(Vec<Taken>);

/// The codes of a category with enough rows, the most frequent first.
fn frequent(codes: &[u32]) -> Vec<u32> {
    let mut counts = BTreeMap::<u32, usize>::new();
    codes.iter().for_each(|code| *counts.entry(*code).or_default() += 1);
    let mut counts: Vec<(u32, usize)> = counts.into_iter().filter(|count| count.1 >= MARK_ROWS_MIN).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    counts.truncate(MARKS_MAX);
    counts.into_iter().map(|count| count.0).collect()
}

impl View {
    fn fit(columns: &[OwnedColumn], width_max: usize) -> Self {
        let mut left = width_max;
        let mut taken = Vec::with_capacity(columns.len());
        for column in columns {
            taken.push(match column {
                OwnedColumn::Numbers(values) => match Taken::of_numbers(values) {
                    number if number.width() <= left => {
                        left -= number.width();
                        number
                    }
                    _ => Taken::Not,
                },
                OwnedColumn::Codes(codes) => Taken::Marks(frequent(codes)),
            });
        }
        // As many marks a category as all of them leave room for.
        let marks = |most: usize| {
            let of = |taken: &Taken| match taken {
                Taken::Marks(codes) => codes.len().min(most),
                _ => 0,
            };
            taken.iter().map(of).sum::<usize>()
        };
        let most = (0..=MARKS_MAX).rev().find(|most| marks(*most) <= left).unwrap_or(0);
        for one in &mut taken {
            if let Taken::Marks(codes) = one {
                codes.truncate(most);
                codes.sort_unstable();
            }
        }
        Self(taken)
    }

    fn width(&self) -> usize {
        self.0.iter().map(Taken::width).sum()
    }

    /// The features of a row that are not 0 (cleared first), ascending.
    fn row(&self, columns: &[Column<'_>], at: usize, row: &mut Vec<(u32, f32)>) {
        row.clear();
        let mut first = 0u32;
        for (taken, column) in self.0.iter().zip(columns) {
            match (taken, column) {
                (Taken::Number { median, spread, .. }, Column::Numeric(values)) => {
                    let value = values[at];
                    let spreads = ((value - median) / spread).clamp(-SPREADS_MAX, SPREADS_MAX) as f32;
                    if value.is_nan() {
                        if taken.width() == 2 {
                            row.push((first + 1, 1.0));
                        }
                    } else if spreads != 0.0 {
                        row.push((first, spreads));
                    }
                }
                (Taken::Marks(codes), Column::Category(given)) => {
                    let mark = codes.binary_search(&given[at]);
                    row.extend(mark.ok().map(|mark| (first + mark as u32, 1.0)));
                }
                _ => (),
            }
            first += taken.width() as u32;
        }
    }

    fn store(&self, part: &mut Part) {
        let kind = |taken: &Taken| match taken {
            Taken::Not => 0,
            Taken::Number { marks_null: false, .. } => 1,
            Taken::Number { marks_null: true, .. } => 2,
            Taken::Marks(_) => 3,
        };
        let numbers = |of: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            let of = |taken: &Taken| match taken {
                Taken::Number { median, spread, .. } => of(*median, *spread),
                _ => 0.0,
            };
            self.0.iter().map(of).collect()
        };
        let (mut starts, mut codes) = (vec![0], Vec::new());
        for taken in &self.0 {
            if let Taken::Marks(own) = taken {
                codes.extend_from_slice(own);
            }
            starts.push(codes.len() as u32);
        }
        part.put_u32("kinds", &self.0.iter().map(kind).collect::<Vec<u32>>());
        part.put_f64("medians", &numbers(&|median, _| median));
        part.put_f64("spreads", &numbers(&|_, spread| spread));
        part.put_u32("code_starts", &starts);
        part.put_u32("codes", &codes);
    }

    /// Takes a view of these columns out of a part of an artifact. None of it is trusted.
    fn take(part: &mut Part, kinds: &[ColumnKind]) -> Result<Self> {
        let given = part.take_u32("kinds")?;
        let (medians, spreads) = (part.take_f64("medians")?, part.take_f64("spreads")?);
        let (starts, codes) = (part.take_u32("code_starts")?, part.take_u32("codes")?);
        let count = kinds.len();
        let lengths = [
            given.len(),
            medians.len(),
            spreads.len(),
            starts.len().saturating_sub(1),
        ];
        require(lengths == [count; 4], "kinds", "are not one a column")?;
        let end = starts.last().map(|last| *last as usize);
        let ends = starts.first() == Some(&0) && end == Some(codes.len()) && starts.is_sorted();
        require(ends, "code_starts", "do not ascend from 0 to the end")?;
        let mut view = Vec::with_capacity(count);
        for at in 0..count {
            let own = &codes[starts[at] as usize..starts[at + 1] as usize];
            let (median, spread) = (medians[at], spreads[at]);
            let is_number = median.abs() <= NUMBER_MAX && spread > 0.0 && spread <= NUMBER_MAX * 10.0;
            let taken = match (given[at], kinds[at]) {
                (0, _) => Some(Taken::Not),
                (1 | 2, ColumnKind::Numeric) if is_number => Some(Taken::Number {
                    median,
                    spread,
                    marks_null: given[at] == 2,
                }),
                (3, ColumnKind::Category) if own.is_sorted_by(|a, b| a < b) => Some(Taken::Marks(own.to_vec())),
                _ => None,
            };
            require(
                taken.is_some() && (own.is_empty() || given[at] == 3),
                "kinds",
                "do not fit the columns",
            )?;
            view.extend(taken);
        }
        let view = Self(view);
        require(
            view.width() <= SimpleLimits::WIDTH_MAX,
            "kinds",
            "make too many features",
        )?;
        Ok(view)
    }
}

/// Simpler models over the columns of a table.
pub struct SimpleColumns {
    view: View,
    set: SimpleSet,
}

/// The values of some rows.
fn part_of(columns: &[Column<'_>], places: &[usize]) -> Vec<OwnedColumn> {
    let part = |column: &Column<'_>| match column {
        Column::Numeric(values) => OwnedColumn::Numbers(at(values, places)),
        Column::Category(codes) => OwnedColumn::Codes(at(codes, places)),
    };
    columns.iter().map(part).collect()
}

impl SimpleColumns {
    /// Learns from rows with their classes, of which the champion tells `count` apart, and weights. `None` if no row has
    /// a weight above 0.
    pub fn fit(
        columns: &[Column<'_>],
        (classes, count): (&[u32], usize),
        weights: &[f32],
        limits: SimpleLimits,
    ) -> Option<Self> {
        let places = sample(weights, limits.rows_max, limits.seed);
        let view = View::fit(&part_of(columns, &places), limits.width_max(count));
        let most = limits.cells_max / view.width().max(1);
        let places = at(&places, &thin(places.len(), most, limits.seed.wrapping_add(5)));
        if places.is_empty() {
            return None;
        }
        let (mut rows, mut row) = (SparseRows::default(), Vec::new());
        for place in &places {
            view.row(columns, *place, &mut row);
            rows.push(&row);
        }
        let (present, own) = present(&at(classes, &places));
        let sampled = Sampled {
            rows,
            width: view.width(),
            classes: own,
        };
        let tree = |chosen: &[usize]| part_of(columns, &at(&places, chosen));
        let set = SimpleSet::learn(&sampled, present, (count, false), &tree, limits);
        Some(Self { view, set })
    }

    /// Those that are there, with the rows they have learned from.
    pub fn members(&self) -> Vec<(Simpler, u64)> {
        self.set.members()
    }

    /// The probabilities of all classes for each row, row after row. The columns are of the kinds that were learned from.
    pub fn answer(&self, simpler: Simpler, columns: &[Column<'_>]) -> Vec<f64> {
        let rows = columns.first().map_or(0, Column::len);
        let (mut row, mut own, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        let mut values = Vec::new();
        for at in 0..rows {
            if simpler == Simpler::Tree {
                values.clear();
                values.extend(columns.iter().map(|column| column.value(at)));
            } else {
                self.view.row(columns, at, &mut row);
            }
            self.set.answer(simpler, &row, &values, &mut own);
            answers.extend_from_slice(&own);
        }
        answers
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut part = Part::new();
        self.view.store(&mut part);
        self.set.store(&mut part);
        part.named(PREFIX)
    }

    /// Takes the models out of an artifact and checks them; `None` if it has none. They answer for columns of these
    /// kinds with `count` classes.
    ///
    /// # Errors
    /// When arrays are missing or do not fit.
    pub fn take(artifact: &mut Artifact, kinds: &[ColumnKind], count: usize) -> Result<Option<Self>> {
        let mut part = Part::of(artifact, PREFIX);
        if part.is_empty() {
            return Ok(None);
        }
        let view = View::take(&mut part, kinds)?;
        let set = SimpleSet::take(&mut part, (count, false), view.width(), kinds.to_vec())?;
        Ok(Some(Self { view, set }))
    }
}
