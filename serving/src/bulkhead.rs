//! The wall around one version: how many of its requests are worked on, how many wait, how long its work takes, and whether
//! it is asked at all. A version that is slow or broken fills its own compartment and no other.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::breaker::Breaker;
use crate::gradient::Gradient;

/// Requests of one version that are worked on or wait, at the most.
const IN_FLIGHT_MAX: usize = 128;

/// The compartment of one version.
pub(crate) struct Bulkhead {
    lanes: Arc<Semaphore>,
    lane_count: usize,
    in_flight: Arc<AtomicUsize>,
    limiter: Mutex<Gradient>,
    breaker: Mutex<Breaker>,
    /// Whether the breaker is open: read before the lock is taken, which it nearly never has to be.
    tripped: AtomicUsize,
    /// What a row usually takes, in nanoseconds; 0 before the first.
    row_ns: AtomicU64,
}

/// Why a request was not let in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is too much before it; so long it would wait.
    Busy(Duration),
    /// Its time was up before it was its turn.
    Late,
}

/// A place in the compartment. It is given back when the work is done, however late.
pub(crate) struct Pass {
    _lane: OwnedSemaphorePermit,
    _counted: Counted,
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Bulkhead {
    fn default() -> Self {
        // One core is left to the others, whatever a version does.
        let lane_count = crate::limits::lanes().saturating_sub(1).max(1);
        Self {
            lanes: Arc::new(Semaphore::new(lane_count)),
            lane_count,
            in_flight: Arc::default(),
            limiter: Mutex::new(Gradient::new(lane_count, IN_FLIGHT_MAX)),
            breaker: Mutex::default(),
            tripped: AtomicUsize::new(0),
            row_ns: AtomicU64::new(0),
        }
    }
}

impl Bulkhead {
    /// What so many rows are expected to take. Nothing, if none were predicted yet.
    pub(crate) fn expected(&self, rows: usize) -> Duration {
        Duration::from_nanos(self.row_ns.load(Ordering::Relaxed).saturating_mul(rows as u64))
    }

    /// Learns how long rows took.
    pub(crate) fn predicted(&self, rows: usize, took: Duration) {
        let row_ns = (took.as_nanos() / rows.max(1) as u128).clamp(1, u128::from(u64::MAX / 16)) as u64;
        let before = self.row_ns.load(Ordering::Relaxed);
        // Lost updates of others do no harm: it is an estimate.
        let next = if before == 0 {
            row_ns
        } else {
            before - before / 8 + row_ns / 8
        };
        self.row_ns.store(next.max(1), Ordering::Relaxed);
    }

    /// Whether the version may be asked.
    pub(crate) fn allows(&self) -> bool {
        self.tripped.load(Ordering::Relaxed) == 0 || lock(&self.breaker).allows(Instant::now())
    }

    /// Whether it is not asked for the moment.
    pub(crate) fn is_open(&self) -> bool {
        self.tripped.load(Ordering::Relaxed) != 0
    }

    /// Learns how a request ended.
    pub(crate) fn ended(&self, good: bool) {
        let mut breaker = lock(&self.breaker);
        breaker.learn(good, Instant::now());
        self.tripped.store(usize::from(breaker.is_open()), Ordering::Relaxed);
    }

    /// Waits for a lane until `deadline`. Refuses at once what cannot make it: when more wait than the limiter has found
    /// useful, or when those before it will take longer than there is time.
    pub(crate) async fn enter(&self, rows: usize, deadline: Instant) -> Result<Pass, Refusal> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(&self.in_flight));
        let work = self.expected(rows);
        let wait = work.saturating_mul(u32::try_from(before / self.lane_count).unwrap_or(u32::MAX));
        let late = Instant::now() + wait + work > deadline && before >= self.lane_count;
        if before >= lock(&self.limiter).limit() || late {
            return Err(Refusal::Busy(wait));
        }
        let lane = timeout_at(deadline, Arc::clone(&self.lanes).acquire_owned()).await;
        match lane {
            Ok(Ok(lane)) => Ok(Pass {
                _lane: lane,
                _counted: counted,
            }),
            _ => Err(Refusal::Late),
        }
    }

    /// Learns how long an answer took from its entering on, and how long of it the work itself.
    pub(crate) fn left(&self, took: Duration, work: Duration) {
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        lock(&self.limiter).learn(took.as_nanos() as f64, work.as_nanos() as f64, in_flight);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_make_it_is_refused_before_it_waits() {
        let bulkhead = Bulkhead::default();
        bulkhead.predicted(1, Duration::from_millis(100));
        let soon = Instant::now() + Duration::from_millis(150);
        let mut held = Vec::new();
        for _ in 0..bulkhead.lane_count {
            held.push(bulkhead.enter(1, soon).await.ok().unwrap());
        }
        let asked = Instant::now();
        let refused = bulkhead.enter(1, soon).await.err().unwrap();
        assert_eq!(refused, Refusal::Busy(Duration::from_millis(100)));
        assert!(asked.elapsed() < Duration::from_millis(50));
        drop(held);
        assert!(bulkhead.enter(1, soon).await.is_ok());
    }

    #[tokio::test]
    async fn the_line_is_bounded() {
        let bulkhead = Arc::new(Bulkhead::default());
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut held = Vec::new();
        for _ in 0..bulkhead.lane_count {
            held.push(bulkhead.enter(1, deadline).await.ok().unwrap());
        }
        let limit = lock(&bulkhead.limiter).limit();
        let waiting: Vec<_> = (bulkhead.lane_count..limit)
            .map(|_| {
                let bulkhead = Arc::clone(&bulkhead);
                tokio::spawn(async move { bulkhead.enter(1, deadline).await.is_ok() })
            })
            .collect();
        while bulkhead.in_flight.load(Ordering::Relaxed) < limit {
            tokio::task::yield_now().await;
        }
        assert!(bulkhead.enter(1, deadline).await.is_err());
        drop(held);
        for waited in waiting {
            assert!(waited.await.unwrap());
        }
        assert_eq!(bulkhead.in_flight.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_a_row_takes_is_learned_and_forgotten() {
        let bulkhead = Bulkhead::default();
        assert_eq!(bulkhead.expected(100), Duration::ZERO);
        bulkhead.predicted(10, Duration::from_millis(10));
        assert_eq!(bulkhead.expected(5), Duration::from_millis(5));
        for _ in 0..100 {
            bulkhead.predicted(1, Duration::from_micros(10));
        }
        assert!(bulkhead.expected(1) < Duration::from_micros(20));
    }
}
