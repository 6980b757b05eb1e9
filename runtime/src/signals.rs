//! SIGTERM and SIGINT end the job of this process in good order: with a savepoint where that is configured, otherwise
//! as it is, its checkpoints kept. A second signal ends the process at once.
//!
//! Whoever signals a process group (a terminal, `timeout`, systemd) reaches `spt run` and the job, and `spt run` passes
//! on what it gets: what comes within a second counts once.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::coordinator::JobHandle;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobControl, JobState, note};

/// Signals in a time as short as this are one.
const ONE_SIGNAL: Duration = Duration::from_secs(1);

/// The job that a signal ends.
static WATCHED: Mutex<Option<Watched>> = Mutex::new(None);
/// The thread that waits for signals lives as long as the process: once a signal is caught, nothing gives it its old
/// meaning back.
static THREAD: OnceLock<Result<(), String>> = OnceLock::new();

struct Watched {
    job: JobHandle,
    takes_savepoint: bool,
    /// What has come, and when.
    signal: Option<(i32, Instant)>,
    /// Ends the job.
    ending: Option<JoinHandle<()>>,
}

/// A job that is ended by signals as long as this lives.
pub(crate) struct Watch(());

impl Watch {
    /// From now on a signal ends this job, and not the process.
    ///
    /// # Errors
    /// If the system gives no thread, or no say over its signals.
    pub(crate) fn over(job: &JobHandle, takes_savepoint: bool) -> Result<Self> {
        *watched() = Some(Watched { job: job.clone(), takes_savepoint, signal: None, ending: None });
        let started = THREAD.get_or_init(|| start().map_err(|error| error.to_string()));
        started.clone().map_err(|error| Error::failed("signals cannot be waited for").caused_by(error))?;
        Ok(Self(()))
    }

    /// What became of the job, knowing that a signal may have ended it.
    ///
    /// # Errors
    /// Those of `outcome`; [`ErrorKind::Interrupted`] if a signal ended the job where it was.
    pub(crate) fn outcome(&self, outcome: Result<JobState>) -> Result<JobState> {
        let (signal, ending) =
            watched().as_mut().map_or((None, None), |watched| (watched.signal, watched.ending.take()));
        let signal = signal.map(|(signal, _)| signal);
        if let Some(ending) = ending {
            // It has something to say yet.
            let _ = ending.join();
        }
        match (outcome, signal) {
            (Ok(JobState::Suspended), Some(signal)) => {
                Err(Error::new(ErrorKind::Interrupted { signal, name: name(signal) }))
            }
            (outcome, _) => outcome,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        *watched() = None;
    }
}

fn watched() -> MutexGuard<'static, Option<Watched>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let wait = move || signals.forever().for_each(received);
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop)
}

fn received(signal: i32) {
    let is_ending = watched().as_mut().is_some_and(|watched| watched.begin_end(signal));
    if !is_ending {
        // The second one; or there is no job any more, or no thread.
        let _ = emulate_default_handler(signal);
    }
}

impl Watched {
    /// Ends the job on a thread of its own: the next signal must be heard meanwhile. `false` if that was tried before.
    fn begin_end(&mut self, signal: i32) -> bool {
        if let Some((_, since)) = self.signal {
            return since.elapsed() < ONE_SIGNAL;
        }
        self.signal = Some((signal, Instant::now()));
        let (job, takes_savepoint) = (self.job.clone(), self.takes_savepoint);
        let end = move || end(&job, name(signal), takes_savepoint);
        self.ending = std::thread::Builder::new().name("shutdown".to_owned()).spawn(end).ok();
        self.ending.is_some()
    }
}

fn end(job: &JobHandle, signal: &str, takes_savepoint: bool) {
    if takes_savepoint {
        note(&format!("{signal}: the job stops with a savepoint; once more, and it ends at once"));
        match job.stop(None, false) {
            Ok(path) => {
                return note(&format!("{signal}: the job is stopped, its savepoint is {}", path.display()));
            }
            Err(error) => note(&format!("{signal}: there is no savepoint to go on from: {}", error.full())),
        }
    }
    note(&format!("{signal}: the job ends, its checkpoints stay; once more, and it ends at once"));
    // Refused only by a job that has ended already.
    let _ = job.suspend();
}

fn name(signal: i32) -> &'static str {
    if signal == SIGINT { "SIGINT" } else { "SIGTERM" }
}
