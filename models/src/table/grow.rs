//! Trees over a table, grown until held-back rows gain nothing more.

use super::encoder::columns_of;
use super::rows::TableRows;
use crate::error::{Error, Result};
use crate::learn::trees::{Examples, Objective, TreeModel, TreeSettings, fit};

/// Trees, and how they were grown.
pub struct Grown {
    /// The trees.
    pub trees: TreeModel,
    /// What was boosted.
    pub objective: Objective,
    /// Rounds that were kept.
    pub rounds: usize,
    /// The least loss on the rows that end the learning; infinite without any.
    pub loss: f64,
}

/// Rows and their targets.
pub type Targeted<'a> = (&'a TableRows, &'a [f64]);

/// Grows trees on `rows`. Of `held_back`, those that are `ending` say when it is enough.
///
/// # Errors
/// When the rows do not fit the settings.
pub fn grow(
    rows: Targeted<'_>,
    held_back: Targeted<'_>,
    ending: &[bool],
    settings: &TreeSettings,
    model: &str,
) -> Result<Grown> {
    let (columns, held_columns) = (
        columns_of(&rows.0.encoded.columns),
        columns_of(&held_back.0.encoded.columns),
    );
    let ends = ending.iter().zip(&held_back.0.weights);
    let ending_weights: Vec<f32> = ends.map(|(ends, weight)| if *ends { *weight } else { 0.0 }).collect();
    let examples = Examples {
        columns: &columns,
        targets: rows.1,
        weights: Some(&rows.0.weights),
    };
    let validation = Examples {
        columns: &held_columns,
        targets: held_back.1,
        weights: Some(&ending_weights),
    };
    let can_end = ending_weights.iter().any(|weight| *weight > 0.0);
    let fitted = fit(&examples, can_end.then_some(&validation), settings).map_err(|error| Error::Examples {
        model: model.into(),
        message: error.to_string(),
        hint: error.hint().into(),
    })?;
    Ok(Grown {
        loss: fitted.losses.iter().copied().fold(f64::INFINITY, f64::min),
        trees: fitted.model,
        objective: settings.objective,
        rounds: fitted.rounds,
    })
}
