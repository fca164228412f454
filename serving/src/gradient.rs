//! How many requests a version works on at once, found by measuring: a gradient limiter, as Netflix's concurrency-limits
//! (Gradient2) has it. While answers take little longer than their work the limit grows slowly; when they take longer, which
//! is what a queue looks like from inside, it shrinks in proportion. A limiter far away must guess what the work itself
//! takes; this one is told. Pure: it asks no clock.

/// The limit, and its bounds.
#[derive(Debug, Clone)]
pub(crate) struct Gradient {
    limit: f64,
    min: f64,
    max: f64,
}

/// What is let in beyond the estimate, so that there is something to learn from.
const PROBE: f64 = 2.0;
/// Answers may take so many times as long as their work before the limit shrinks.
const TOLERANCE: f64 = 2.0;
/// The weight of one answer.
const SMOOTHING: f64 = 0.2;

impl Gradient {
    /// A limiter that starts high and stays within the two.
    pub(crate) fn new(min: usize, max: usize) -> Self {
        let min = (min as f64).max(1.0);
        let max = (max as f64).max(min);
        Self {
            limit: (max / 4.0).max(min),
            min,
            max,
        }
    }

    /// So many at once.
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Learns from one answer: how long it took, waiting included, how long the work in it, and how many were worked on when
    /// it came.
    pub(crate) fn learn(&mut self, took_ns: f64, work_ns: f64, in_flight: usize) {
        // A limit that is not used tells nothing.
        if (in_flight as f64) < self.limit / 2.0 {
            return;
        }
        let gradient = (TOLERANCE * work_ns.max(1.0) / took_ns.max(1.0)).clamp(0.5, 1.0);
        let next = self.limit * gradient + PROBE;
        self.limit = (self.limit + (next - self.limit) * SMOOTHING).clamp(self.min, self.max);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A model with so many lanes, asked by so many callers: each tick takes in what the limit allows and answers as many as
    /// there are lanes. Gives the mean limit, the mean time of an answer in services, and the share of lanes that worked,
    /// over the last half.
    fn simulate(limiter: &mut Gradient, lanes: usize, service_ns: f64, callers: usize) -> (f64, f64, f64) {
        const TICKS: usize = 2000;
        let (mut waiting, mut now) = (VecDeque::new(), 0.0);
        let (mut limits, mut times, mut answers) = (0.0, 0.0, 0.0);
        for tick in 0..TICKS {
            while waiting.len() < limiter.limit().min(callers) {
                waiting.push_back(now);
            }
            now += service_ns;
            let in_flight = waiting.len();
            for _ in 0..lanes.min(in_flight) {
                let began: f64 = waiting.pop_front().unwrap();
                limiter.learn(now - began, service_ns, in_flight);
                if tick >= TICKS / 2 {
                    limits += limiter.limit() as f64;
                    times += (now - began) / service_ns;
                    answers += 1.0;
                }
            }
        }
        (limits / answers, times / answers, answers / (lanes * TICKS / 2) as f64)
    }

    #[test]
    fn it_keeps_all_lanes_at_work_and_little_in_line() {
        for (lanes, service_ns) in [(1, 1e6), (2, 5e6), (8, 1e5)] {
            let mut limiter = Gradient::new(lanes, 256);
            let (limit, times, busy) = simulate(&mut limiter, lanes, service_ns, 1000);
            assert!(limit >= lanes as f64, "{lanes} lanes: the limit is {limit}");
            assert!(busy > 0.99, "{lanes} lanes: {busy} of them worked");
            // Without it all callers would be let in, and an answer would take as many services as there are callers a lane.
            assert!(
                times < 6.0,
                "{lanes} lanes: an answer took {times} services at a limit of {limit}"
            );
        }
    }

    #[test]
    fn a_model_that_becomes_slow_is_not_held_for_a_queue() {
        let mut limiter = Gradient::new(4, 256);
        let (fast, _, _) = simulate(&mut limiter, 4, 1e6, 1000);
        let (slow, times, busy) = simulate(&mut limiter, 4, 50e6, 1000);
        assert!((fast - slow).abs() < 2.0, "{fast} -> {slow}");
        assert!(busy > 0.99 && times < 6.0, "{busy} {times}");
    }

    #[test]
    fn few_callers_teach_it_nothing_and_are_never_refused() {
        let mut limiter = Gradient::new(2, 256);
        let before = limiter.limit();
        let (_, times, _) = simulate(&mut limiter, 2, 1e6, 2);
        assert_eq!(limiter.limit(), before);
        assert!(times < 1.01);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut limiter = Gradient::new(3, 10);
        for _ in 0..1000 {
            limiter.learn(1e6, 1e6, 10);
        }
        assert_eq!(limiter.limit(), 10);
        for _ in 0..1000 {
            limiter.learn(1e9, 1.0, 10);
        }
        assert!((3..=4).contains(&limiter.limit()), "{}", limiter.limit());
        limiter.learn(0.0, 0.0, usize::MAX);
        assert!((3..=10).contains(&limiter.limit()));
    }
}
