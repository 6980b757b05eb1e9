//! Makes files durable while others are written: what waits for a disk are threads of their own.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use crate::error::{Error, Result, ResultExt};
use crate::storage::NewObject;

/// Files that become durable at the same time, and are open as long.
const AT_ONCE: usize = 8;

/// Files that nobody writes to any more, in the order of their ends.
#[derive(Debug, Default)]
pub(super) struct Finishing {
    under_way: Mutex<VecDeque<JoinHandle<Result<()>>>>,
}

impl Finishing {
    /// Begins to make a file durable.
    ///
    /// # Errors
    /// If an earlier one could not be made durable, or if the system gives no thread.
    pub(super) fn begin(&self, object: Box<dyn NewObject>, location: &str) -> Result<()> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.len() == AT_ONCE {
            under_way.pop_front().map_or(Ok(()), outcome)?;
        }
        let place = location.to_owned();
        let finish = move || object.finish().in_file(place);
        let thread = Builder::new().name("sync".to_owned()).spawn(finish);
        under_way.push_back(thread.map_err(|error| Error::io("start a thread", location, error))?);
        Ok(())
    }

    /// Waits until every file is durable.
    ///
    /// # Errors
    /// The first of those that could not be made durable; none is under way any more then, either.
    pub(super) fn wait(&self) -> Result<()> {
        let under_way = std::mem::take(&mut *self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        let outcomes: Vec<_> = under_way.into_iter().map(outcome).collect();
        outcomes.into_iter().collect()
    }
}

fn outcome(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};

    use super::*;

    /// Ends when so many others do, too.
    struct Together {
        others: Arc<Barrier>,
        ended: Arc<AtomicUsize>,
        fails: bool,
    }

    impl Write for Together {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl NewObject for Together {
        fn finish(self: Box<Self>) -> Result<()> {
            self.others.wait();
            self.ended.fetch_add(1, Ordering::SeqCst);
            if self.fails { Err(Error::invalid("the disk is gone")) } else { Ok(()) }
        }
    }

    #[test]
    fn files_become_durable_at_the_same_time_and_all_are_waited_for() {
        let (finishing, ended) = (Finishing::default(), Arc::new(AtomicUsize::new(0)));
        let others = Arc::new(Barrier::new(AT_ONCE));
        for number in 0..2 * AT_ONCE {
            let together =
                Together { others: Arc::clone(&others), ended: Arc::clone(&ended), fails: number == AT_ONCE };
            finishing.begin(Box::new(together), &format!("{number}.parquet")).unwrap();
        }
        let error = finishing.wait().unwrap_err().to_string();
        assert_eq!(error, format!("{AT_ONCE}.parquet: the disk is gone"));
        assert_eq!(ended.load(Ordering::SeqCst), 2 * AT_ONCE);
        finishing.wait().unwrap();
    }
}
