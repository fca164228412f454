//! From margins to probabilities: one temperature, fitted on held-back rows (Guo et al., ICML 2017).

/// The probabilities of `margins` times `scale`, in place, in double precision so that they sum to one.
pub fn softmax(margins: &[f32], scale: f32, probabilities: &mut Vec<f64>) {
    let largest = margins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    probabilities.clear();
    probabilities.extend(margins.iter().map(|m| f64::from((m - largest) * scale).exp()));
    let sum: f64 = probabilities.iter().sum();
    probabilities.iter_mut().for_each(|p| *p /= sum);
}

/// The place of the largest margin, of equal ones the first.
pub fn best_of(margins: &[f32]) -> usize {
    let better = |best: usize, at: usize| {
        if margins[at].total_cmp(&margins[best]).is_gt() {
            at
        } else {
            best
        }
    };
    (1..margins.len()).fold(0, better)
}

/// The scale (inverse temperature) that makes the targets of held-back rows most likely. `margins` holds a row's
/// margins for all labels after each other. Golden-section search: the loss has one minimum in the scale.
pub fn fit_temperature(margins: &[f32], targets: &[u32], labels: usize) -> f32 {
    if targets.is_empty() || labels < 2 {
        return 1.0;
    }
    let mut probabilities = Vec::with_capacity(labels);
    let mut loss = |log_scale: f64| -> f64 {
        let rows = margins.chunks_exact(labels).zip(targets);
        rows.map(|(row, target)| {
            softmax(row, log_scale.exp() as f32, &mut probabilities);
            -probabilities[*target as usize].max(1e-300).ln()
        })
        .sum()
    };
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.1f64.ln(), 100f64.ln());
    let (mut inner_low, mut inner_high) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut loss_low, mut loss_high) = (loss(inner_low), loss(inner_high));
    for _ in 0..24 {
        if loss_low < loss_high {
            (high, inner_high, loss_high) = (inner_high, inner_low, loss_low);
            inner_low = high - ratio * (high - low);
            loss_low = loss(inner_low);
        } else {
            (low, inner_low, loss_low) = (inner_low, inner_high, loss_high);
            inner_high = low + ratio * (high - low);
            loss_high = loss(inner_high);
        }
    }
    ((low + high) / 2.0).exp() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_scale_that_made_the_labels() {
        // Margins ±0.5 whose first class is right in 3 of 4 rows: the best scale gives it 0.75, so scale = ln 3.
        let margins: Vec<f32> = [0.5, -0.5].repeat(400);
        let targets: Vec<u32> = (0..400).map(|row| u32::from(row % 4 == 0)).collect();
        let scale = fit_temperature(&margins, &targets, 2);
        assert!((scale - 3f32.ln()).abs() < 1e-3, "{scale}");
    }
}
