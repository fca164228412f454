//! Which rows simpler models learn from.

/// The next number of a sequence that a seed begins (Steele, Lea and Flood, OOPSLA 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// At most `most` places of rows, ascending, by their weights. Rows that all fit and count alike are all taken. Otherwise
/// the weights laid end to end are cut into equal parts, and each part draws one row: a sample that is spread like the
/// rows, in which heavy rows come several times and rows without weight never.
pub(super) fn sample(weights: &[f32], most: usize, seed: u64) -> Vec<usize> {
    let total: f64 = weights.iter().map(|weight| f64::from(weight.max(0.0))).sum();
    let alike = weights.iter().all(|weight| *weight == weights[0]);
    if alike && weights.len() <= most && total > 0.0 {
        return (0..weights.len()).collect();
    }
    let counted = weights.iter().filter(|weight| **weight > 0.0).count();
    let count = counted.min(most);
    let mut state = seed;
    let (mut taken, mut row, mut before) = (Vec::with_capacity(count), 0, 0.0);
    for part in 0..count {
        let within = (next(&mut state) >> 11) as f64 / (1u64 << 53) as f64;
        let point = (part as f64 + within) / count as f64 * total;
        while row + 1 < weights.len() && before + f64::from(weights[row].max(0.0)) <= point {
            before += f64::from(weights[row].max(0.0));
            row += 1;
        }
        taken.push(row);
    }
    // What rounding left over at the end may stand on a row without weight.
    taken.retain(|row| weights[*row] > 0.0);
    taken
}

/// At most `most` of so many rows that count alike.
pub(super) fn thin(rows: usize, most: usize, seed: u64) -> Vec<usize> {
    sample(&vec![1.0; rows], most, seed)
}

/// The values at these places.
pub(super) fn at<T: Copy>(values: &[T], places: &[usize]) -> Vec<T> {
    places.iter().map(|place| values[*place]).collect()
}
