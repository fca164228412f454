//! Logistic regression, fitted by linfa: L-BFGS over a dense table.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use ndarray::{Array1, Array2};

use super::additive::{Additive, rounded};
use super::set::Sampled;

/// Penalty on weights, beside the sum of losses.
const PENALTY: f64 = 1.0;

/// Steps of descent, at most.
const STEPS_MAX: u64 = 25;

/// Learns from rows, or finds nothing to learn: fewer than two classes, or a descent that does not come to an end.
pub(super) fn fit(rows: &Sampled, classes: usize) -> Option<Additive> {
    let mut seen = rows.classes.clone();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < 2 {
        return None;
    }
    let table = Array2::from_shape_vec((rows.classes.len(), rows.width), rows.dense(f64::from)).ok()?;
    let dataset = DatasetBase::new(table, Array1::from(rows.classes.clone()));
    let learner = MultiLogisticRegression::default()
        .alpha(PENALTY)
        .max_iterations(STEPS_MAX);
    let fitted = learner.fit(&dataset).ok()?;
    let mut linear = Additive::new(classes, rows.width, (false, false));
    for (at, class) in seen.iter().enumerate() {
        linear.bias[*class as usize] = rounded(*fitted.intercept().get(at)?);
        for feature in 0..rows.width {
            let weight = *fitted.params().get((feature, at))?;
            linear.weights[feature * classes + *class as usize] = rounded(weight);
        }
    }
    Some(linear)
}
