//! What trees learn from and answer for: columns of numbers and of category codes.

use serde::{Deserialize, Serialize};

use super::error::TreeError;
use super::settings::Objective;

/// The code of a category that is not there.
pub const MISSING_CODE: u32 = u32::MAX;

/// Codes are places in a dictionary, so they are small; a larger one is refused when fitting. Splits keep one bit a code.
pub const CODE_MAX: u32 = 1 << 20;

/// Rows a fit can take; gradients are added up in 32 bits.
const ROWS_MAX: usize = 1 << 30;

/// One column of rows.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// Numbers; NaN is null. Infinities count as the largest finite numbers.
    Numeric(&'a [f64]),
    /// Codes below [`CODE_MAX`]; [`MISSING_CODE`] is null. A code not seen in fitting counts as null.
    Category(&'a [u32]),
}

impl Column<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric(values) => values.len(),
            Self::Category(codes) => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value as [`TreeModel::margins`](super::TreeModel::margins) takes it: a code as a number, null as NaN.
    pub fn value(&self, row: usize) -> f64 {
        match self {
            Self::Numeric(values) => values[row],
            Self::Category(codes) if codes[row] == MISSING_CODE => f64::NAN,
            Self::Category(codes) => f64::from(codes[row]),
        }
    }

    /// What kind of column this is.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Numeric(_) => ColumnKind::Numeric,
            Self::Category(_) => ColumnKind::Category,
        }
    }
}

/// A number as it is compared. NaN stays.
pub(super) fn bounded(value: f64) -> f64 {
    value.clamp(f64::MIN, f64::MAX)
}

/// Kinds of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers.
    Numeric,
    /// Category codes.
    Category,
}

/// Rows with what is to be learned from them.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'a> {
    /// The columns, all of the same length.
    pub columns: &'a [Column<'a>],
    /// One target a row; see [`Objective`].
    pub targets: &'a [f64],
    /// How much each row counts, at least 0; all rows alike if absent. Class weights come in here.
    pub weights: Option<&'a [f32]>,
}

impl Examples<'_> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.targets.len()
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// Checks lengths, targets, weights and codes.
    ///
    /// # Errors
    /// When rows do not fit each other or the objective.
    pub(super) fn check(&self, objective: &Objective) -> Result<(), TreeError> {
        let rows = self.rows();
        if rows == 0 || rows > ROWS_MAX {
            return Err(TreeError::rows(
                "targets",
                format!("{rows} rows; from 1 to {ROWS_MAX} are needed"),
            ));
        }
        if self.columns.is_empty() {
            return Err(TreeError::rows("columns", "there is none"));
        }
        for (at, column) in self.columns.iter().enumerate() {
            let place = || format!("column {at}");
            if column.len() != rows {
                return Err(TreeError::rows(
                    place(),
                    format!("has {} rows, not {rows}", column.len()),
                ));
            }
            if let Column::Category(codes) = column
                && codes.iter().any(|code| *code >= CODE_MAX && *code != MISSING_CODE)
            {
                return Err(TreeError::rows(place(), format!("has a code above {CODE_MAX}")));
            }
        }
        self.check_targets(objective)?;
        self.check_weights()
    }

    fn check_targets(&self, objective: &Objective) -> Result<(), TreeError> {
        let fits = |target: f64| match objective.target_classes() {
            Some(classes) => target >= 0.0 && target < f64::from(classes) && target.fract() == 0.0,
            None => target.is_finite(),
        };
        match self.targets.iter().position(|target| !fits(*target)) {
            Some(row) => Err(TreeError::rows(
                format!("target of row {row}"),
                "is not one of the objective's",
            )),
            None => Ok(()),
        }
    }

    fn check_weights(&self) -> Result<(), TreeError> {
        let Some(weights) = self.weights else {
            return Ok(());
        };
        if weights.len() != self.rows() {
            return Err(TreeError::rows(
                "weights",
                format!("{} for {} rows", weights.len(), self.rows()),
            ));
        }
        if let Some(row) = weights
            .iter()
            .position(|weight| !(weight.is_finite() && *weight >= 0.0))
        {
            return Err(TreeError::rows(
                format!("weight of row {row}"),
                "is not a number of at least 0",
            ));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(TreeError::rows("weights", "are all 0"));
        }
        Ok(())
    }
}
