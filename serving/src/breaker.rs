//! A circuit breaker: a version that keeps failing, or keeps being late, is not asked for a while, so that its callers go
//! down the ladder at once instead of after its time. Then one request tries it. Pure: it is told the time.

use std::time::Duration;

use tokio::time::Instant;

/// Outcomes that are looked at.
const WINDOW: usize = 20;
/// Below so many nothing is decided.
const LEAST: usize = 5;
/// It opens when this share of them is bad.
const BAD_SHARE: f64 = 0.5;
/// How long it stays open the first time, and at most; it doubles with each try that fails.
const OPEN_FIRST: Duration = Duration::from_secs(1);
const OPEN_MAX: Duration = Duration::from_secs(30);

/// The state of one breaker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaker {
    /// The last outcomes, one bit each: 1 is bad.
    outcomes: u32,
    count: usize,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    until: Instant,
    wait: Duration,
    /// Whether the one request that may try is on its way.
    trying: bool,
}

impl Breaker {
    /// Whether a request may go through now. One that may must tell its outcome.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        match &mut self.open {
            None => true,
            // A try that never told its outcome must not keep it open for ever.
            Some(open) if now >= open.until => {
                open.trying = true;
                open.until = now + open.wait;
                true
            }
            Some(_) => false,
        }
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Learns how a request ended.
    pub(crate) fn learn(&mut self, good: bool, now: Instant) {
        if let Some(open) = self.open {
            match (open.trying, good) {
                // It had been asked before it opened.
                (false, _) => {}
                (true, true) => *self = Self::default(),
                (true, false) => {
                    let wait = (open.wait * 2).min(OPEN_MAX);
                    self.open = Some(Open {
                        until: now + wait,
                        wait,
                        trying: false,
                    });
                }
            }
            return;
        }
        self.outcomes = (self.outcomes << 1 | u32::from(!good)) & ((1 << WINDOW) - 1);
        self.count = (self.count + 1).min(WINDOW);
        let bad = f64::from(self.outcomes.count_ones());
        if self.count >= LEAST && bad >= BAD_SHARE * self.count as f64 {
            self.open = Some(Open {
                until: now + OPEN_FIRST,
                wait: OPEN_FIRST,
                trying: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_when_half_go_wrong_and_closes_after_one_good_try() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        for _ in 0..20 {
            assert!(breaker.allows(at(0)));
            breaker.learn(true, at(0));
        }
        for _ in 0..9 {
            breaker.learn(false, at(0));
        }
        assert!(breaker.allows(at(0)) && !breaker.is_open());
        breaker.learn(false, at(0));
        assert!(!breaker.allows(at(999)) && breaker.is_open());
        // One may try, no more; it fails, and the wait doubles.
        assert!(breaker.allows(at(1000)) && !breaker.allows(at(1001)));
        breaker.learn(false, at(1001));
        assert!(!breaker.allows(at(3000)));
        assert!(breaker.allows(at(3001)));
        breaker.learn(true, at(3002));
        assert!(breaker.allows(at(3002)) && !breaker.is_open());
    }

    #[test]
    fn a_try_that_is_never_heard_of_again_is_followed_by_another() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..LEAST {
            breaker.learn(false, start);
        }
        assert!(breaker.allows(start + Duration::from_secs(1)));
        assert!(!breaker.allows(start + Duration::from_millis(1500)));
        assert!(breaker.allows(start + Duration::from_secs(2)));
    }

    #[test]
    fn what_was_asked_before_it_opened_decides_nothing() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..LEAST {
            breaker.learn(false, start);
        }
        breaker.learn(true, start);
        assert!(breaker.is_open());
    }

    #[test]
    fn a_single_fault_at_the_start_does_not_open_it() {
        let mut breaker = Breaker::default();
        breaker.learn(false, Instant::now());
        assert!(!breaker.is_open());
    }
}
