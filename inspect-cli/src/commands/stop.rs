//! `spt stop`: ends a running job behind a savepoint.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use spt_runtime::control::{Client, Registry};

use super::savepoint::folder;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::ui::Ui;

/// Between two looks at a job that is ending.
const PAUSE: Duration = Duration::from_millis(20);

/// Stop a running job with a savepoint, to go on from later
///
/// Takes a savepoint, commits all output, ends the job, and prints the savepoint's path alone. If the savepoint
/// fails the job goes on. With --drain the input is declared to have ended first: timers fire and windows
/// close, and nothing should go on from that savepoint.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt stop wordcount /savepoints
  spt run -d -s \"$(spt stop 3f2a)\" -p 4 -- ./wordcount")]
pub(crate) struct Args {
    /// The job: its id, the beginning of it, or its name
    job: String,
    /// The folder to put the savepoint in; else the one that the job is configured with
    dir: Option<PathBuf>,
    /// Declare the input to have ended first
    #[arg(long)]
    drain: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let registry = Registry::of_user()?;
    let entry = registry.find(&args.job)?;
    let client = Client::of(&entry)?;
    let operation = client.stop(folder(args.dir.as_deref())?.as_deref(), args.drain)?;
    let path = client
        .wait(&operation)
        .map_err(|error| Failure::new(format!("job {} was not stopped: {}", entry.id, error.full())))?;
    ui.answer(&format!("{}\n", path.display()))?;
    await_end(&registry, &entry.id, Duration::from_secs(10))?;
    Ok(Exit::Fine)
}

/// Waits until the job has left the registry. `false`: it is still there.
pub(super) fn await_end(registry: &Registry, id: &str, patience: Duration) -> Result<bool> {
    let until = Instant::now() + patience;
    while registry.list()?.running.iter().any(|job| job.id == id) {
        if Instant::now() >= until {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(true)
}
