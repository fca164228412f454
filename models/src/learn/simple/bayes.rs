//! Naive Bayes, fitted by smartcore.

use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::naive_bayes::gaussian::GaussianNB;
use smartcore::naive_bayes::multinomial::MultinomialNB;

use super::additive::{Additive, rounded};
use super::set::Sampled;

/// Added to each variance: a value that a class has not shown yet is unlikely, not impossible.
const VARIANCE_ADDED: f64 = 0.05;

/// Normal distributions of the values of each class. A class's log-density is a sum over features of
/// `-(x - m)^2 / 2v - ln(v) / 2`; the parts without `x` go into its bias.
pub(super) fn gaussian(rows: &Sampled, classes: usize) -> Option<Additive> {
    let table = DenseMatrix::new(rows.classes.len(), rows.width, rows.dense(f64::from), false).ok()?;
    let fitted = GaussianNB::fit(&table, &rows.classes, Default::default()).ok()?;
    let mut bayes = Additive::new(classes, rows.width, (true, false));
    let seen = fitted.classes().iter().zip(fitted.class_priors());
    for (at, (class, prior)) in seen.enumerate() {
        let class = *class as usize;
        let mut bias = prior.ln();
        for (feature, (mean, variance)) in fitted.theta()[at].iter().zip(&fitted.var()[at]).enumerate() {
            let variance = variance.max(0.0) + VARIANCE_ADDED;
            bias -= mean * mean / (2.0 * variance) + variance.ln() / 2.0;
            bayes.weights[feature * classes + class] = rounded(mean / variance);
            bayes.squares[feature * classes + class] = rounded(-0.5 / variance);
        }
        bayes.bias[class] = rounded(bias);
    }
    Some(bayes)
}

/// How often each feature is there in rows of each class.
pub(super) fn multinomial(rows: &Sampled, classes: usize) -> Option<Additive> {
    let there = rows.dense(|value| u32::from(value != 0.0));
    let table = DenseMatrix::new(rows.classes.len(), rows.width, there, false).ok()?;
    let fitted = MultinomialNB::fit(&table, &rows.classes, Default::default()).ok()?;
    let mut bayes = Additive::new(classes, rows.width, (false, true));
    let total = rows.classes.len() as f64;
    let seen = fitted.classes().iter().zip(fitted.class_count());
    for (at, (class, count)) in seen.enumerate() {
        let class = *class as usize;
        bayes.bias[class] = rounded((*count as f64 / total).ln());
        for (feature, weight) in fitted.feature_log_prob()[at].iter().enumerate() {
            bayes.weights[feature * classes + class] = rounded(*weight);
        }
    }
    Some(bayes)
}
