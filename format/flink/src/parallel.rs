//! The same small work for many things, on all cores.

use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Fewer things than this are not worth a thread.
const MIN_PER_THREAD: usize = 8;
/// Files are opened meanwhile: more threads than this do not make a disk faster.
const MAX_THREADS: usize = 16;

/// Threads that run at the same time.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// `work` of each thing, in the order of the things.
pub(crate) fn map<T: Sync, R: Send + Sync>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = cores().min(MAX_THREADS).min(things.len() / MIN_PER_THREAD);
    if threads <= 1 {
        return things.iter().map(work).collect();
    }
    let results: Vec<OnceLock<R>> = things.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((thing, result)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    things.get(index).zip(results.get(index))
                } {
                    // Every index is taken once, so the place is free.
                    let _ = result.set(work(thing));
                }
            });
        }
    });
    results.into_iter().filter_map(OnceLock::into_inner).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_the_order_of_the_things() {
        let things: Vec<u64> = (0..1000).collect();
        let doubled: Vec<_> = things.iter().map(|thing| thing * 2).collect();
        assert_eq!(super::map(&things, |thing| thing * 2), doubled);
        assert_eq!(super::map(&things[..3], |thing| thing * 2), [0, 2, 4]);
    }
}
