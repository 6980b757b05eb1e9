//! Looks for new splits while a job runs, in a thread of its own: a folder or a broker may be slow to answer,
//! and no source waits.
//!
//! ```text
//! every interval: Source::new_splits(known) ──► dealt out in turn ──► SourceReader::add_splits
//!                        ▲      │
//!                        └ known ┘  all splits there ever were, read or not
//! ```
//!
//! Nothing has to be agreed on with snapshots: a split is in one from the moment its reader has it, and what no
//! snapshot holds is found again after a restore.

use std::convert::Infallible;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded, unbounded};

use super::Source;
use crate::error::{Error, Result};
use crate::tasks::Blame;

/// Looking more often than this finds nothing sooner, and costs a processor.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// What was found for one subtask and has not been taken by it.
pub(crate) struct Discovered<S>(Option<Inbox<S>>);

struct Inbox<S> {
    found: Receiver<Result<Vec<S>>>,
    /// The search ends once every subtask has dropped its own.
    _wanted: Sender<Infallible>,
}

impl<S> Discovered<S> {
    /// Splits that were found since; `None` if there are none.
    ///
    /// # Errors
    /// Why the search failed.
    pub(crate) fn take(&mut self) -> Result<Option<Vec<S>>> {
        let Some(inbox) = &self.0 else { return Ok(None) };
        match inbox.found.try_recv() {
            Ok(found) => found.map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => {
                self.0 = None;
                Ok(None)
            }
        }
    }
}

/// Begins to look, if the source wants that: one inbox for each subtask.
///
/// # Errors
/// If the system gives no thread.
pub(crate) fn discover<S: Source>(
    source: &S,
    known: Vec<S::Split>,
    parallelism: u32,
    blame: &Blame,
) -> Result<Vec<Discovered<S::Split>>> {
    let Some(interval) = source.discovery_interval() else {
        return Ok((0..parallelism).map(|_| Discovered(None)).collect());
    };
    let interval = interval.max(SHORTEST_INTERVAL);
    let (wanted, is_wanted) = bounded(0);
    let (senders, inboxes) = (0..parallelism)
        .map(|_| {
            let (sender, found) = unbounded();
            (sender, Discovered(Some(Inbox { found, _wanted: wanted.clone() })))
        })
        .unzip();
    let search = Search {
        source: source.clone(),
        known,
        interval,
        subtasks: senders,
        is_wanted,
        blame: blame.clone(),
    };
    std::thread::Builder::new()
        .name(format!("{} discovery", source.name()))
        .spawn(move || search.run())
        .map_err(|error| Error::failed("a thread could not be started").caused_by(error))?;
    Ok(inboxes)
}

struct Search<S: Source> {
    source: S,
    known: Vec<S::Split>,
    interval: Duration,
    subtasks: Vec<Sender<Result<Vec<S::Split>>>>,
    is_wanted: Receiver<Infallible>,
    blame: Blame,
}

impl<S: Source> Search<S> {
    /// Looks until nobody wants to know any more, or until it fails.
    fn run(mut self) {
        while let Err(RecvTimeoutError::Timeout) = self.is_wanted.recv_timeout(self.interval) {
            let found = Blame::catch(self.source.name(), || {
                self.blame.on_result(|| self.source.new_splits(&self.known))
            });
            match found {
                Ok(new) => new.into_iter().for_each(|split| self.deal(split)),
                Err(error) => {
                    // One subtask that fails is enough for all. If it is gone, the job is ending.
                    let _ = self.subtasks.first().map(|subtask| subtask.send(Err(error)));
                    return;
                }
            }
        }
    }

    /// In turn. A subtask that is gone ends with the job, and the next start will find the split again.
    fn deal(&mut self, split: S::Split) {
        let place = self.known.len() % self.subtasks.len().max(1);
        self.known.push(split.clone());
        let _ = self.subtasks.get(place).map(|subtask| subtask.send(Ok(vec![split])));
    }
}
