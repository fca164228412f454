//! Chance in the sample desk. Every case, customer, order and agent has its own ChaCha8 stream, addressed by its number,
//! so anything can be drawn again without having been kept. Draws are written here, not taken from `rand`'s
//! distributions, whose values may change between versions.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::arithmetic::ln;

/// What a stream belongs to. Numbers are part of the format: changing one changes every desk.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Desk = 1,
    Case = 2,
    Customer = 3,
    Order = 4,
    Agent = 5,
}

/// The source of all streams of one desk.
pub(super) struct Seeds(ChaCha8Rng);

impl Seeds {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = *b"........deskmill sample desk  v1";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// The stream of one thing; `index` must be below 2^56.
    pub(super) fn dice(&self, stream: Stream, index: u64) -> Dice {
        debug_assert!(index < 1 << 56);
        let mut rng = self.0.clone();
        rng.set_stream(((stream as u64) << 56) | index);
        Dice(rng)
    }
}

/// A stream of draws.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// A whole number in `0..n`; 0 for `n = 0`. The bias of the multiplication (below n / 2^32) does not matter here.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// As `below`, for numbers past 2^32.
    pub(super) fn below_u64(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// A number strictly between 0 and 1.
    pub(super) fn unit(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / 4_294_967_296.0
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of the items, each equally likely. `items` is a table of this module and never empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// The position whose cumulative weight (ascending, last = total) is drawn.
    pub(super) fn weighted(&mut self, cumulative: &[f64]) -> usize {
        let total = cumulative.last().copied().unwrap_or(0.0);
        let at = self.unit() * total;
        cumulative
            .partition_point(|&sum| sum <= at)
            .min(cumulative.len().saturating_sub(1))
    }

    /// Standard normal draw (Marsaglia's polar method; the second value is thrown away).
    pub(super) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 1e-12 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }

    /// Standard logistic draw: P(draw > -x) is the logistic function of x.
    pub(super) fn logistic(&mut self) -> f64 {
        let unit = self.unit();
        ln(unit / (1.0 - unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_addressed_not_consumed() {
        let seeds = Seeds::new(7);
        let first: Vec<usize> = (0..9)
            .map(|_| 0)
            .scan(seeds.dice(Stream::Case, 5), |d, _: i32| Some(d.below(1000)))
            .collect();
        let _ = seeds.dice(Stream::Order, 5).below(10);
        let again: Vec<usize> = (0..9)
            .map(|_| 0)
            .scan(seeds.dice(Stream::Case, 5), |d, _: i32| Some(d.below(1000)))
            .collect();
        assert_eq!(first, again);
        assert_ne!(first[0..4], [seeds.dice(Stream::Case, 6).below(1000); 4]);
    }

    #[test]
    fn draws_have_their_moments() {
        let mut dice = Seeds::new(1).dice(Stream::Desk, 0);
        let n = 40_000;
        let draws: Vec<f64> = (0..n).map(|_| dice.normal()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        let above = (0..n).filter(|_| dice.logistic() > -1.0).count() as f64 / f64::from(n);
        assert!((above - 0.731).abs() < 0.01, "{above}");
    }
}
