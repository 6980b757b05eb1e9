//! Work on several threads whose results are taken in the order of the jobs.
//!
//! ```text
//! jobs, one by one ─►┬─ worker ─┬─► put back in order ─► take, one by one
//!  (this thread)     └─ worker ─┘                         (this thread)
//! ```
//!
//! [`in_order`] starts threads for work that borrows from its caller; [`Workers`] stay, for work that comes again.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
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
    let (send, tasks) = channel();
    let tasks = Mutex::new(tasks);
    let (done, results) = channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work_off(&tasks));
        }
        let work = &work;
        // The senders end with this closure, whatever comes of it; without them the workers end.
        let (send, done) = (send, done);
        let start = |number, job| {
            let done = done.clone();
            let task = move || report(&done, number, attempt(work, job));
            // The receiver lives as long as the scope.
            let _ = send.send(Box::new(task) as Task<'_>);
        };
        Line::new(results).run(threads, jobs, start, &mut take)
    })
}

/// Threads that live as long as this does: what they have allocated stays at hand from one piece of work to the
/// next. New threads begin with new memory, and its first use costs as much as filling it a few times.
#[derive(Debug)]
pub struct Workers {
    send: Sender<Task<'static>>,
    threads: usize,
}

impl Workers {
    /// Starts so many threads, at least one, which have this name and begin with `prepare`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn new(threads: usize, name: &str, prepare: fn()) -> io::Result<Self> {
        let threads = threads.max(1);
        let (send, tasks) = channel();
        let tasks = Arc::new(Mutex::new(tasks));
        for _ in 0..threads {
            let tasks = Arc::clone(&tasks);
            let work = move || {
                prepare();
                work_off(&tasks);
            };
            thread::Builder::new().name(name.to_owned()).spawn(work)?;
        }
        Ok(Self { send, threads })
    }

    /// As [`in_order`], on these threads. Unless it fails, no job holds anything any more when it is over.
    ///
    /// # Errors
    /// As [`in_order`].
    pub fn in_order<J: Send + 'static, T: Send + 'static, E: Send + 'static>(
        &self,
        jobs: impl IntoIterator<Item = Result<J, E>>,
        work: impl Fn(J) -> Result<T, E> + Send + Sync + 'static,
        mut take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let (done, results) = channel();
        let work = Arc::new(work);
        let start = |number, job| {
            let (work, done) = (Arc::clone(&work), done.clone());
            let task = move || {
                let result = attempt(work.as_ref(), job);
                drop(work);
                report(&done, number, result);
            };
            // The receiver lives as long as the threads, which live as long as this sender.
            let _ = self.send.send(Box::new(task));
        };
        Line::new(results).run(self.threads, jobs, start, &mut take)
    }
}

/// Something for a worker to do.
type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// What a worker says of a job: its number, and the result or the panic.
type Done<T, E> = (u64, thread::Result<Result<T, E>>);

fn work_off(tasks: &Mutex<Receiver<Task<'_>>>) {
    loop {
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = next else { return };
        task();
    }
}

/// Does a job. A panic that stayed with the worker would leave the others waiting for its result.
fn attempt<J, T, E>(work: &impl Fn(J) -> Result<T, E>, job: J) -> thread::Result<Result<T, E>> {
    catch_unwind(AssertUnwindSafe(|| work(job)))
}

fn report<T, E>(done: &Sender<Done<T, E>>, number: u64, result: thread::Result<Result<T, E>>) {
    // After an error nobody waits any more.
    let _ = done.send((number, result));
}

/// The jobs under way, by number.
struct Line<T, E> {
    results: Receiver<Done<T, E>>,
    finished: BTreeMap<u64, thread::Result<Result<T, E>>>,
    sent: u64,
    taken: u64,
}

impl<T, E> Line<T, E> {
    fn new(results: Receiver<Done<T, E>>) -> Self {
        Self { results, finished: BTreeMap::new(), sent: 0, taken: 0 }
    }

    /// Starts the jobs, by number, and takes their results.
    fn run<J>(
        mut self,
        threads: usize,
        jobs: impl IntoIterator<Item = Result<J, E>>,
        start: impl Fn(u64, J),
        take: &mut impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        for job in jobs {
            while self.sent - self.taken > threads as u64 {
                take(self.next()?)?;
            }
            match job {
                Ok(job) => start(self.sent, job),
                Err(error) => {
                    self.drain(take)?;
                    return Err(error);
                }
            }
            self.sent += 1;
        }
        self.drain(take)
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
    fn workers_do_one_piece_of_work_after_the_other_and_hold_nothing_of_it() {
        let workers = Workers::new(2, "worker", || ()).unwrap();
        for round in 0..3 {
            let held = Arc::new(round);
            let (seen, mut taken) = (Arc::clone(&held), Vec::new());
            let work = move |job: u64| Ok::<_, ()>(job + *seen);
            let take = |result| {
                taken.push(result);
                Ok(())
            };
            workers.in_order((0..100).map(Ok), work, take).unwrap();
            assert_eq!(taken, (round..100 + round).collect::<Vec<_>>());
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }

    #[test]
    fn workers_survive_errors_and_panics() {
        let workers = Workers::new(2, "worker", || ()).unwrap();
        for round in 0..4 {
            let panics = |job| if job == 5 { panic!("five") } else { Ok::<_, &str>(job) };
            let panic =
                catch_unwind(AssertUnwindSafe(|| workers.in_order((0..9).map(Ok), panics, |_| Ok(()))));
            assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"five"));
            let fails = move |job| if job == round { Err("bad job") } else { Ok(job) };
            assert_eq!(workers.in_order((0..9).map(Ok), fails, |_| Ok(())), Err("bad job"));
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
