//! Threads that fit together. Each owns a share of the rows for the whole fit and all run the same steps; what one must
//! know of the others goes through slots, with a barrier between writing and reading. Nothing here knows of trees.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Rows are dealt out in blocks of this many, in turn, so that sorted rows spread over all threads. Sums of fractions
/// are taken by block and added in the order of blocks, so that they do not depend on the number of threads.
pub(super) const BLOCK_ROWS: usize = 256;

/// Spins before a waiting thread offers its core to others. A step between barriers often takes a few microseconds, a
/// wake-up by the system as long again.
const SPINS: usize = 2000;

/// What a team of threads shares.
pub(super) struct Team {
    /// Number of threads.
    pub(super) size: usize,
    arrived: AtomicUsize,
    phase: AtomicUsize,
    stopped: AtomicBool,
    sums: [Slots<Vec<f64>>; 2],
}

impl Team {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            arrived: AtomicUsize::new(0),
            phase: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            sums: [Slots::new(size), Slots::new(size)],
        }
    }

    /// Waits until all threads are here.
    pub(super) fn wait(&self) {
        let phase = self.phase.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.size {
            self.arrived.store(0, Ordering::Relaxed);
            self.phase.store(phase.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while self.phase.load(Ordering::Acquire) == phase {
            if self.stopped.load(Ordering::Relaxed) {
                // The thread that stopped has said why; waiting for it would never end.
                std::panic::resume_unwind(Box::new("another thread of the fit stopped"));
            }
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// The rows that thread `at` owns of `rows`.
    pub(super) fn share(&self, at: usize, rows: usize) -> RowShare {
        RowShare {
            at,
            size: self.size,
            total: rows,
        }
    }
}

/// Makes the others stop too if its thread panics.
pub(super) struct StopWithMe<'a>(pub(super) &'a Team);

impl Drop for StopWithMe<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stopped.store(true, Ordering::Relaxed);
        }
    }
}

/// Every thread's slot for one kind of message.
pub(super) struct Slots<T>(Vec<RwLock<T>>);

impl<T: Default> Slots<T> {
    pub(super) fn new(size: usize) -> Self {
        Self((0..size).map(|_| RwLock::new(T::default())).collect())
    }
}

impl<T> Slots<T> {
    pub(super) fn write(&self, at: usize) -> RwLockWriteGuard<'_, T> {
        self.0[at].write().unwrap_or_else(PoisonError::into_inner)
    }

    /// All slots, in the order of threads.
    pub(super) fn read(&self) -> Vec<RwLockReadGuard<'_, T>> {
        self.0
            .iter()
            .map(|slot| slot.read().unwrap_or_else(PoisonError::into_inner))
            .collect()
    }
}

/// One thread's place in the team.
pub(super) struct Member<'a> {
    /// The team.
    pub(super) team: &'a Team,
    /// This thread's number, from 0.
    pub(super) at: usize,
    turn: usize,
}

impl<'a> Member<'a> {
    pub(super) fn new(team: &'a Team, at: usize) -> Self {
        Self { team, at, turn: 0 }
    }

    /// Adds up `width` sums over all rows of all threads. `block` adds one block of this thread's rows to the sums given
    /// to it. Slots alternate, so that the next call does not overwrite what a slower thread still reads.
    pub(super) fn sum_blocks(
        &mut self,
        share: RowShare,
        width: usize,
        mut block: impl FnMut(Range<usize>, &mut [f64]),
    ) -> Vec<f64> {
        let slots = &self.team.sums[self.turn];
        self.turn = 1 - self.turn;
        {
            let mut own = slots.write(self.at);
            own.clear();
            own.resize(share.blocks() * width, 0.0);
            for (range, sums) in share.ranges().zip(own.chunks_exact_mut(width)) {
                block(range, sums);
            }
        }
        self.team.wait();
        let all = slots.read();
        let mut totals = vec![0.0; width];
        for number in 0..share.total.div_ceil(BLOCK_ROWS) {
            let start = number / self.team.size * width;
            let sums = &all[number % self.team.size][start..start + width];
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        totals
    }
}

/// The rows one thread owns: every `size`-th block. A thread numbers its own rows from 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowShare {
    at: usize,
    size: usize,
    total: usize,
}

impl RowShare {
    /// Number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.total
            .div_ceil(BLOCK_ROWS)
            .saturating_sub(self.at)
            .div_ceil(self.size)
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.ranges().last().map_or(0, |range| range.end)
    }

    /// The ranges of this thread's blocks in its own numbers.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let share = *self;
        (0..share.blocks()).map(move |block| {
            let first = share.first_row(block);
            let start = block * BLOCK_ROWS;
            start..start + BLOCK_ROWS.min(share.total - first)
        })
    }

    /// The number among all rows of the first row of this thread's `block`-th block.
    pub(super) fn first_row(&self, block: usize) -> usize {
        (block * self.size + self.at) * BLOCK_ROWS
    }

    /// The number among all rows of this thread's row.
    pub(super) fn row(&self, own: usize) -> usize {
        self.first_row(own / BLOCK_ROWS) + own % BLOCK_ROWS
    }
}

/// Maps items by `threads` threads, each taking every so many; results come in the order of items.
pub(super) fn map_in_order<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = threads.clamp(1, items.len().max(1));
    if threads == 1 {
        return items.iter().map(work).collect();
    }
    let work = &work;
    let hand = move |at: usize| items.iter().skip(at).step_by(threads).map(work).collect::<Vec<R>>();
    let mut hands: Vec<std::vec::IntoIter<R>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|at| scope.spawn(move || hand(at))).collect();
        let mut hands = vec![hand(0).into_iter()];
        hands.extend(others.into_iter().map(|other| match other.join() {
            Ok(results) => results.into_iter(),
            Err(cause) => std::panic::resume_unwind(cause),
        }));
        hands
    });
    (0..items.len()).filter_map(|at| hands[at % threads].next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_all_rows_once() {
        for (rows, size) in [(1, 3), (256, 2), (257, 2), (5000, 3), (2048, 4)] {
            let team = Team::new(size);
            let mut seen = vec![0; rows];
            for at in 0..size {
                let share = team.share(at, rows);
                (0..share.rows()).for_each(|own| seen[share.row(own)] += 1);
            }
            assert!(seen.iter().all(|times| *times == 1), "{rows} rows, {size} threads");
        }
    }

    #[test]
    fn sums_do_not_depend_on_threads() {
        let value = |row: usize| (row as f64 * 0.37).sin() * 1e3;
        let sum = |size: usize| {
            let team = Team::new(size);
            let of = |at: usize| {
                let share = team.share(at, 3000);
                let mut member = Member::new(&team, at);
                (0..3).fold(0.0, |_, _| {
                    member.sum_blocks(share, 1, |range, sums| {
                        range.for_each(|own| sums[0] += value(share.row(own)))
                    })[0]
                })
            };
            let of = &of;
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..size).map(|at| scope.spawn(move || of(at))).collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .collect::<Vec<f64>>()
            })
        };
        let one = sum(1)[0];
        assert!(
            [2, 3]
                .into_iter()
                .flat_map(sum)
                .all(|other| other.to_bits() == one.to_bits())
        );
    }

    #[test]
    fn mapping_keeps_the_order() {
        let items: Vec<usize> = (0..7).collect();
        assert_eq!(map_in_order(&items, 3, |item| item * 2), [0, 2, 4, 6, 8, 10, 12]);
    }
}
