//! What one version was asked so far and how long that took, by the parts of the work: what the Open Inference Protocol's
//! statistics tell. Counters only; nothing here waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Counters of one version since it was loaded.
#[derive(Default)]
pub(crate) struct Stats {
    rows: AtomicU64,
    last_ms: AtomicU64,
    success: Tally,
    fail: Tally,
    queue: Tally,
    decode: Tally,
    predict: Tally,
    encode: Tally,
}

#[derive(Default)]
struct Tally {
    count: AtomicU64,
    ns: AtomicU64,
}

/// How long the parts of one answer took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Took {
    pub(crate) queue: Duration,
    pub(crate) decode: Duration,
    pub(crate) predict: Duration,
    pub(crate) encode: Duration,
}

impl Stats {
    /// Notes an answer.
    pub(crate) fn answered(&self, rows: usize, took: Took) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_ms
            .store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.success.add(took.queue + took.decode + took.predict + took.encode);
        self.queue.add(took.queue);
        self.decode.add(took.decode);
        self.predict.add(took.predict);
        self.encode.add(took.encode);
    }

    /// Notes a request that was not answered.
    pub(crate) fn failed(&self, took: Duration) {
        self.fail.add(took);
    }

    /// As the protocol shows them.
    pub(crate) fn shown(&self, name: &str, version: &str) -> Value {
        json!({
            "name": name,
            "version": version,
            "last_inference": self.last_ms.load(Ordering::Relaxed),
            "inference_count": self.rows.load(Ordering::Relaxed),
            "execution_count": self.predict.count.load(Ordering::Relaxed),
            "inference_stats": {
                "success": self.success.shown(),
                "fail": self.fail.shown(),
                "queue": self.queue.shown(),
                "compute_input": self.decode.shown(),
                "compute_infer": self.predict.shown(),
                "compute_output": self.encode.shown(),
            },
            "batch_stats": [],
        })
    }
}

impl Tally {
    fn add(&self, took: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.ns
            .fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn shown(&self) -> Value {
        json!({ "count": self.count.load(Ordering::Relaxed), "ns": self.ns.load(Ordering::Relaxed) })
    }
}
