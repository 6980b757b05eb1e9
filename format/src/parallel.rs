//! Work on several threads whose results are taken in the order of the jobs.
//!
//! ```text
//! jobs, one by one ─►┬─ worker ─┬─► put back in order ─► take, one by one
//!  (this thread)     └─ worker ─┘                         (this thread)
//! ```

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Threads that work is spread over unless somebody says otherwise: one for each processor.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does every job on one of `threads` threads and takes the results in the order of the jobs.
///
/// At most one job more than there are threads is under way, so that memory is bounded by the largest jobs.
/// With one thread everything happens here.
///
/// # Errors
/// The first error of a job, of its work, or of taking its result, in the order of the jobs.
pub fn in_order<J: Send, T: Send, E: Send>(
    threads: usize,
    jobs: impl IntoIterator<Item = Result<J, E>>,
    work: impl Fn(J) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    if threads <= 1 {
        return jobs.into_iter().try_for_each(|job| take(work(job?)?));
    }
    let (send, waiting) = channel();
    let waiting = Mutex::new(waiting);
    let (done, results) = channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let done = done.clone();
            let (waiting, work) = (&waiting, &work);
            scope.spawn(move || work_off(waiting, work, &done));
        }
        drop(done);
        let mut line = Line { results, finished: BTreeMap::new(), sent: 0, taken: 0 };
        // The sender ends with this closure, whatever comes of it; without it the workers end.
        let send = send;
        for job in jobs {
            while line.sent - line.taken > threads as u64 {
                take(line.next()?)?;
            }
            match job {
                Ok(job) => line.send(&send, job),
                Err(error) => {
                    line.drain(&mut take)?;
                    return Err(error);
                }
            }
        }
        line.drain(&mut take)
    })
}

/// What a worker says of a job: its number, and the result or the panic.
type Done<T, E> = (u64, thread::Result<Result<T, E>>);

fn work_off<J, T, E>(
    waiting: &Mutex<Receiver<(u64, J)>>,
    work: &impl Fn(J) -> Result<T, E>,
    done: &Sender<Done<T, E>>,
) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, job)) = next else { return };
        // A panic that stayed here would leave the others waiting for its result.
        let result = catch_unwind(AssertUnwindSafe(|| work(job)));
        if done.send((number, result)).is_err() {
            return;
        }
    }
}

/// The jobs under way, by number.
struct Line<T, E> {
    results: Receiver<Done<T, E>>,
    finished: BTreeMap<u64, thread::Result<Result<T, E>>>,
    sent: u64,
    taken: u64,
}

impl<T, E> Line<T, E> {
    fn send<J>(&mut self, send: &Sender<(u64, J)>, job: J) {
        // The receiver lives as long as the scope.
        let _ = send.send((self.sent, job));
        self.sent += 1;
    }

    /// The result of the oldest job.
    fn next(&mut self) -> Result<T, E> {
        loop {
            if let Some(result) = self.finished.remove(&self.taken) {
                self.taken += 1;
                return result.unwrap_or_else(|panic| resume_unwind(panic));
            }
            match self.results.recv() {
                Ok((number, result)) => self.finished.insert(number, result),
                Err(_) => unreachable_without_workers(),
            };
        }
    }

    fn drain(&mut self, take: &mut impl FnMut(T) -> Result<(), E>) -> Result<(), E> {
        while self.taken < self.sent {
            take(self.next()?)?;
        }
        Ok(())
    }
}

/// Workers end after the last job alone, and every job sends a result.
#[expect(clippy::panic, reason = "no input leads here")]
fn unreachable_without_workers() -> ! {
    panic!("a worker ended before its jobs")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_are_taken_in_the_order_of_the_jobs_and_few_are_under_way() {
        for threads in [1, 3] {
            let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let jobs = (0..100u64).map(|job| {
                most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                Ok::<_, ()>(job)
            });
            let mut taken = Vec::new();
            let work = |job: u64| {
                thread::sleep(Duration::from_micros(job * 7 % 50));
                Ok(job)
            };
            let take = |result| {
                under_way.fetch_sub(1, Ordering::SeqCst);
                taken.push(result);
                Ok(())
            };
            in_order(threads, jobs, work, take).unwrap();
            assert_eq!(taken, (0..100).collect::<Vec<_>>());
            assert!(most.into_inner() <= threads + 2);
        }
    }

    #[test]
    fn the_first_error_in_order_ends_it() {
        let jobs = (0..50).map(|job| if job == 40 { Err("no more jobs") } else { Ok(job) });
        let mut taken = 0;
        let work = |job| if job % 10 == 9 { Err("bad job") } else { Ok(job) };
        let take = |_| {
            taken += 1;
            Ok(())
        };
        assert_eq!(in_order(4, jobs, work, take), Err("bad job"));
        assert_eq!(taken, 9);
        assert_eq!(in_order(4, [Ok(1), Err("no more jobs")], Ok, |_| Ok(())), Err("no more jobs"));
    }

    #[test]
    fn a_panic_of_a_worker_is_the_callers() {
        let work = |job: i32| if job == 5 { panic!("five") } else { Ok::<_, ()>(job) };
        let panic = catch_unwind(AssertUnwindSafe(|| in_order(2, (0..9).map(Ok), work, |_| Ok(()))));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"five"));
    }
}
