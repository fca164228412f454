//! What callers of the Open Inference Protocol may ask of the repository: which models are kept out of memory by their
//! wish, and a look at the registry now instead of at the next tick. What there is decides the registry alone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// Wishes of callers, and how far the reloader is with them.
pub(crate) struct Wishes {
    unloaded: Mutex<BTreeSet<Arc<str>>>,
    wake: Notify,
    looks: watch::Sender<Looks>,
}

/// Looks at the registry, counted. Nothing has started where nobody looks.
#[derive(Default)]
struct Looks {
    started: u64,
    ended: u64,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            unloaded: Mutex::default(),
            wake: Notify::new(),
            looks: watch::Sender::new(Looks::default()),
        }
    }
}

impl Wishes {
    /// Keeps a model out of memory until it is wished for again.
    pub(crate) fn unload(&self, model: &str) {
        self.models().insert(model.into());
    }

    /// Takes that back; says whether there was anything to take back.
    pub(crate) fn load(&self, model: &str) -> bool {
        self.models().remove(model)
    }

    /// The models kept out of memory.
    pub(crate) fn unloaded(&self) -> BTreeSet<Arc<str>> {
        self.models().clone()
    }

    fn models(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.unloaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the registry looked at now, and waits until that is done. Returns at once if nobody looks at one.
    pub(crate) async fn look(&self) {
        let mut looks = self.looks.subscribe();
        let before = looks.borrow_and_update().started;
        if before > 0 {
            self.wake.notify_one();
            // A look that is going on may have passed the model already; the next one counts.
            let _closed = looks.wait_for(|looks| looks.ended > before).await;
        }
    }

    /// The reloader waits here for wishes.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// A look begins.
    pub(crate) fn looking(&self) {
        self.looks.send_modify(|looks| looks.started += 1);
    }

    /// The look that began last is done.
    pub(crate) fn looked(&self) {
        self.looks.send_modify(|looks| looks.ended = looks.started);
    }
}
