//! Two scorers of the same classes, blended: a log-linear pool (Genest and Zidek 1986) with weights fitted on rows that
//! neither has learned; and when the first, cheap one may answer alone.

use super::calibrate::softmax;

/// Times round both weights. The loss is convex in the two together; on BANKING77 the third round moves no digit.
const ROUNDS: usize = 4;

/// Steps of a golden-section search: the interval shrinks to a hundred-thousandth.
const STEPS: usize = 24;

/// Natural logarithms of the least and the largest weight that is looked at.
const LOG_RANGE: (f64, f64) = (-4.6, 4.6);

/// How two scorers are blended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    /// Inverse temperature of the first scorer's margins.
    pub scale: f32,
    /// Weight of the second scorer's margins where the first's is 1.
    pub share: f32,
}

/// The blend under which the targets of held-back rows are most likely. `first` and `second` hold the margins of all
/// `labels` for each row, row by row.
pub fn fit_blend(first: &[f32], second: &[f32], targets: &[u32], labels: usize) -> Blend {
    let mut scales = [1.0f64, 1.0];
    if targets.is_empty() || labels < 2 {
        return Blend { scale: 1.0, share: 1.0 };
    }
    let mut probabilities = Vec::with_capacity(labels);
    let mut blended = vec![0f32; labels];
    let mut loss = |scales: [f64; 2]| -> f64 {
        let rows = first.chunks_exact(labels).zip(second.chunks_exact(labels)).zip(targets);
        rows.map(|((first, second), target)| {
            for ((sum, first), second) in blended.iter_mut().zip(first).zip(second) {
                *sum = (scales[0] * f64::from(*first) + scales[1] * f64::from(*second)) as f32;
            }
            softmax(&blended, 1.0, &mut probabilities);
            -probabilities[*target as usize].max(1e-300).ln()
        })
        .sum()
    };
    for _ in 0..ROUNDS {
        for which in [0, 1] {
            scales[which] = least(|scale| {
                let mut tried = scales;
                tried[which] = scale;
                loss(tried)
            });
        }
    }
    Blend {
        scale: scales[0] as f32,
        share: (scales[1] / scales[0]) as f32,
    }
}

/// The positive number where `loss`, which has one minimum, is least.
fn least(mut loss: impl FnMut(f64) -> f64) -> f64 {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = LOG_RANGE;
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut left_loss, mut right_loss) = (loss(left.exp()), loss(right.exp()));
    for _ in 0..STEPS {
        if left_loss < right_loss {
            (high, right, right_loss) = (right, left, left_loss);
            left = high - ratio * (high - low);
            left_loss = loss(left.exp());
        } else {
            (low, left, left_loss) = (left, right, right_loss);
            right = low + ratio * (high - low);
            right_loss = loss(right.exp());
        }
    }
    ((low + high) / 2.0).exp()
}

/// A held-back row, scored by a cheap scorer alone and by the blend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// How far the cheap scorer's best margin is above its second.
    pub gap: f32,
    /// Whether the cheap scorer alone is right.
    pub alone_right: bool,
    /// Whether the blend is right.
    pub blend_right: bool,
}

/// The least gap from which the cheap scorer may answer alone, so that at most `loss_max` of all rows more are wrong than
/// if the blend answered each; and the share of rows that it answers. `None` if it may never. As the rows also choose the gap,
/// one standard deviation of what is lost is added to it: where the two differ in d rows, the difference of their hits has
/// the variance d (McNemar 1947).
pub fn sure_gap(mut rows: Vec<Scored>, loss_max: f64) -> Option<(f32, f64)> {
    rows.sort_by(|a, b| b.gap.total_cmp(&a.gap));
    let allowed = loss_max * rows.len() as f64;
    let (mut lost, mut differ) = (0i64, 0u32);
    let mut found = None;
    for (at, row) in rows.iter().enumerate() {
        lost += i64::from(row.blend_right) - i64::from(row.alone_right);
        differ += u32::from(row.blend_right != row.alone_right);
        // Gains further down must not pay for losses here: the walk ends where too much was lost once.
        if lost as f64 + f64::from(differ).sqrt() > allowed {
            break;
        }
        let next_is_lower = rows.get(at + 1).is_none_or(|next| next.gap < row.gap);
        if next_is_lower && row.gap > 0.0 {
            found = Some((row.gap, (at + 1) as f64 / rows.len() as f64));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Margins of two classes of which the second scorer knows more: it is right in 9 of 10 rows, the first in 6 of 10,
    /// one independent of the other.
    fn margins() -> (Vec<f32>, Vec<f32>, Vec<u32>) {
        let margin = |right: bool| if right { [0.5, -0.5] } else { [-0.5, 0.5] };
        let rows = 0..1000u32;
        let first = rows.clone().flat_map(|row| margin(row % 10 < 6)).collect();
        let second = rows.clone().flat_map(|row| margin(row / 10 % 10 < 9)).collect();
        (first, second, vec![0; rows.len()])
    }

    #[test]
    fn each_weighs_as_much_as_it_knows() {
        let (first, second, targets) = margins();
        let blend = fit_blend(&first, &second, &targets, 2);
        // Independent scorers: the log odds of each add up, ln(6/4) and ln(9/1).
        assert!((blend.scale - 1.5f32.ln()).abs() < 1e-3, "{blend:?}");
        assert!((blend.share - 9f32.ln() / 1.5f32.ln()).abs() < 1e-2, "{blend:?}");
    }

    #[test]
    fn what_knows_nothing_weighs_next_to_nothing() {
        let (_, second, targets) = margins();
        let noise: Vec<f32> = (0..1000u32)
            .flat_map(|row| if row % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] })
            .collect();
        let blend = fit_blend(&second, &noise, &targets, 2);
        assert!(blend.share < 0.02, "{blend:?}");
    }

    #[test]
    fn the_cheap_one_answers_as_long_as_it_costs_little() {
        let row = |gap: f32, alone_right, blend_right| Scored {
            gap,
            alone_right,
            blend_right,
        };
        // Sure rows are right both ways; below a gap of 0.5 the blend is better.
        let rows: Vec<Scored> = (1..=100).map(|at| row(at as f32 / 100.0, at >= 50, true)).collect();
        assert_eq!(sure_gap(rows.clone(), 0.0), Some((0.5, 0.51)));
        assert_eq!(sure_gap(rows.clone(), 0.1), Some((0.43, 0.58)));
        assert_eq!(sure_gap(rows, 1.0), Some((0.01, 1.0)));
        assert_eq!(sure_gap(vec![row(0.9, false, true), row(0.8, true, false)], 0.0), None);
        // Rows with one gap stay together.
        assert_eq!(sure_gap(vec![row(0.9, true, true), row(0.9, false, true)], 0.0), None);
        assert_eq!(sure_gap(Vec::new(), 0.1), None);
    }
}
