//! A queue between one thread that makes things and one that takes them, of so many bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The queue.
pub(super) struct Lane<T> {
    limit_bytes: usize,
    queue: Mutex<Queue<T>>,
    changed: Condvar,
}

struct Queue<T> {
    things: VecDeque<(T, usize)>,
    bytes: usize,
    /// Nothing more is taken.
    closed: bool,
    /// Nothing more is made.
    ended: bool,
}

/// The side that makes things; the lane ends with it, however it goes.
pub(super) struct Producer<T> {
    lane: Arc<Lane<T>>,
}

impl<T> Lane<T> {
    pub(super) fn new(limit_bytes: usize) -> Arc<Self> {
        let queue = Queue { things: VecDeque::new(), bytes: 0, closed: false, ended: false };
        Arc::new(Self { limit_bytes, queue: Mutex::new(queue), changed: Condvar::new() })
    }

    /// The next thing, once there is one; `None` if there will be none.
    pub(super) fn pop(&self) -> Option<T> {
        let mut queue = self.queue();
        loop {
            if let Some((thing, bytes)) = queue.things.pop_front() {
                queue.bytes -= bytes;
                self.changed.notify_all();
                return Some(thing);
            }
            if queue.ended {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more will be taken.
    pub(super) fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        queue.things.clear();
        queue.bytes = 0;
        self.changed.notify_all();
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Producer<T> {
    pub(super) fn new(lane: Arc<Lane<T>>) -> Self {
        Self { lane }
    }

    /// Waits until there is room, or nothing in the way. False if nobody wants it.
    pub(super) fn push(&self, thing: T, bytes: usize) -> bool {
        let lane = &self.lane;
        let mut queue = lane.queue();
        while !queue.closed && queue.bytes > 0 && queue.bytes.saturating_add(bytes) > lane.limit_bytes {
            queue = lane.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.closed {
            return false;
        }
        queue.bytes += bytes;
        queue.things.push_back((thing, bytes));
        lane.changed.notify_all();
        true
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.lane.queue().ended = true;
        self.lane.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn things_come_in_order_and_no_more_wait_than_fit() {
        let lane = Lane::new(10);
        let producer = Producer::new(Arc::clone(&lane));
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let producer = producer;
                for number in 0..1000 {
                    assert!(producer.push(number, 4));
                    made.store(number + 1, Ordering::SeqCst);
                }
            });
            for number in 0..1000 {
                assert_eq!(lane.pop(), Some(number));
                // Two wait at most, and one more may have been let in meanwhile.
                assert!(made.load(Ordering::SeqCst) <= number + 4);
            }
            assert_eq!(lane.pop(), None);
        });
    }

    #[test]
    fn a_thing_larger_than_the_lane_goes_through_alone() {
        let lane = Lane::new(10);
        let producer = Producer::new(Arc::clone(&lane));
        assert!(producer.push("large", 1000));
        assert_eq!(lane.pop(), Some("large"));
    }

    #[test]
    fn whoever_makes_things_hears_that_nobody_takes_them() {
        let lane = Lane::new(10);
        let producer = Producer::new(Arc::clone(&lane));
        thread::scope(|scope| {
            let pushed = scope.spawn(|| producer.push(1, 10) && producer.push(2, 10));
            lane.close();
            assert!(!pushed.join().unwrap());
        });
    }
}
