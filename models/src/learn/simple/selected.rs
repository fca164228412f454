//! The n-grams that tell classes apart best, among the frequent ones.

use crate::encode::SparseRows;

/// An n-gram that fewer rows have is not taken: nothing stored is about a few texts.
const ROWS_MIN: u32 = 3;

/// Frequent n-grams that are looked at, for each that is taken.
const LOOKED_AT: usize = 8;

/// Counts of n-grams by class that are held at once.
const COUNTS_MAX: usize = 1 << 21;

/// At most `most` features of rows, ascending: those whose presence depends on the class most, by the chi-square statistic
/// (Yang and Pedersen, ICML 1997). `classes` are below `count`.
pub(super) fn select(rows: &SparseRows, features: usize, (classes, count): (&[u32], usize), most: usize) -> Vec<u32> {
    let mut frequency = vec![0u32; features];
    for row in 0..rows.len() {
        rows.row(row)
            .0
            .iter()
            .for_each(|feature| frequency[*feature as usize] += 1);
    }
    let mut frequent: Vec<u32> = (0..features as u32)
        .filter(|feature| frequency[*feature as usize] >= ROWS_MIN)
        .collect();
    frequent.sort_by_key(|feature| (std::cmp::Reverse(frequency[*feature as usize]), *feature));
    frequent.truncate((most * LOOKED_AT).min(COUNTS_MAX / count.max(1)).max(1));
    let mut place = vec![u32::MAX; features];
    for (at, feature) in (0..).zip(&frequent) {
        place[*feature as usize] = at;
    }
    let mut counts = vec![0u32; frequent.len() * count];
    let mut shares = vec![0f64; count];
    for (row, class) in classes.iter().enumerate() {
        shares[*class as usize] += 1.0 / classes.len() as f64;
        let places = rows.row(row).0.iter().map(|feature| place[*feature as usize]);
        for place in places.filter(|place| *place != u32::MAX) {
            counts[place as usize * count + *class as usize] += 1;
        }
    }
    let statistic = |at: usize| -> f64 {
        let own = &counts[at * count..(at + 1) * count];
        let total = f64::from(own.iter().sum::<u32>());
        let each = own.iter().zip(&shares).filter(|(_, share)| **share > 0.0);
        each.map(|(seen, share)| (f64::from(*seen) - total * share).powi(2) / (total * share))
            .sum()
    };
    let mut ranked: Vec<(f64, u32)> = (0..frequent.len()).map(|at| (statistic(at), frequent[at])).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked.truncate(most);
    let mut selected: Vec<u32> = ranked.into_iter().map(|one| one.1).collect();
    selected.sort_unstable();
    selected
}
