//! Several pieces of work side by side, where some wait for others. What comes of them does not depend on who is faster.

use std::any::Any;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::error::{Error, Result};

/// What is under way.
struct State<T> {
    begun: Vec<bool>,
    done: Vec<Option<T>>,
    /// The first piece that failed, in order.
    failed: Option<(usize, Error)>,
    /// What a piece panicked with.
    panic: Option<Box<dyn Any + Send>>,
}

/// A piece of work.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    /// The pieces before it that must be done.
    pub(super) waits_for: BTreeSet<usize>,
    /// How much work it is. Of those that can begin, the largest does: one that begins last would be waited for.
    pub(super) size: u64,
}

/// Does pieces of work on at most so many threads; gives what came of them in their order.
///
/// # Errors
/// That of the first piece that fails, in order: those before it are still done, as they would be one after the other.
pub(super) fn side_by_side<T: Send>(
    pieces: &[Piece],
    threads: usize,
    work: &(dyn Fn(usize) -> Result<T> + Sync),
) -> Result<Vec<T>> {
    let count = pieces.len();
    let state = Mutex::new(State {
        begun: vec![false; count],
        done: (0..count).map(|_| None).collect(),
        failed: None,
        panic: None,
    });
    let changed = Condvar::new();
    let take = || {
        let mut now = state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let end = now.failed.as_ref().map_or(count, |(at, _)| *at);
            let mut open = (0..end).filter(|&at| !now.begun[at]).peekable();
            open.peek()?;
            let is_ready = |at: &usize| pieces[*at].waits_for.iter().all(|&before| now.done[before].is_some());
            let ready = open.filter(is_ready).max_by_key(|&at| (pieces[at].size, Reverse(at)));
            if let Some(at) = ready {
                now.begun[at] = true;
                return Some(at);
            }
            now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
    };
    let run = || {
        while let Some(at) = take() {
            let result = catch_unwind(AssertUnwindSafe(|| work(at)));
            let mut now = state.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(Ok(value)) => now.done[at] = Some(value),
                Ok(Err(error)) if now.failed.as_ref().is_none_or(|(before, _)| at < *before) => {
                    now.failed = Some((at, error));
                }
                Ok(Err(_)) => {}
                // Nobody may wait for it, and nothing else begins.
                Err(panic) => {
                    now.panic = Some(panic);
                    now.begun.fill(true);
                }
            }
            changed.notify_all();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(count) {
            scope.spawn(run);
        }
        run();
    });
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(panic) = state.panic {
        resume_unwind(panic);
    }
    match state.failed {
        Some((_, error)) => Err(error),
        None => Ok(state.done.into_iter().flatten().collect()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Each piece is done once, behind all it waits for; of failures the first is told, and what comes before it is done.
        #[test]
        fn in_order_whoever_is_faster(
            edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..40),
            fails in prop::collection::btree_set(0_usize..12, 0..3),
            threads in 1_usize..4,
        ) {
            let mut pieces = vec![Piece::default(); 12];
            for (a, b) in edges {
                pieces[a].size += 1;
                if a != b {
                    pieces[a.max(b)].waits_for.insert(a.min(b));
                }
            }
            let clock = AtomicUsize::new(1);
            let times: Vec<(AtomicUsize, AtomicUsize)> = (0..12).map(|_| Default::default()).collect();
            let result = side_by_side(&pieces, threads, &|at| {
                assert_eq!(times[at].0.swap(clock.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst), 0);
                for &before in &pieces[at].waits_for {
                    assert_ne!(times[before].1.load(Ordering::SeqCst), 0);
                }
                times[at].1.store(clock.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                if fails.contains(&at) {
                    let message = format!("{at}");
                    return Err(Error::Table { table: String::new(), message, hint: String::new() });
                }
                Ok(at)
            });
            match fails.first() {
                None => prop_assert_eq!(result.unwrap(), (0..12).collect::<Vec<_>>()),
                Some(first) => {
                    let Err(Error::Table { message, .. }) = result else { panic!("nothing failed") };
                    prop_assert_eq!(message, first.to_string());
                    for before in &times[..*first] {
                        prop_assert_ne!(before.1.load(Ordering::SeqCst), 0);
                    }
                }
            }
        }
    }
}
