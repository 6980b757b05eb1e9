//! `spt cancel`: ends a running job as it is.

use std::time::Duration;

use spt_runtime::control::{Client, Registry};

use super::stop::await_end;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::ui::Ui;

/// How long a job may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Cancel a running job: no savepoint, nothing more is committed
///
/// Returns once the job has ended. Its last checkpoints stay or go as it is configured.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt cancel wordcount
  spt cancel 3f2a")]
pub(crate) struct Args {
    /// The job: its id, the beginning of it, or its name
    job: String,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let registry = Registry::of_user()?;
    let entry = registry.find(&args.job)?;
    Client::of(&entry)?.cancel()?;
    if !await_end(&registry, &entry.id, PATIENCE)? {
        return Err(Failure::new(format!("job {} has not ended after {} s", entry.id, PATIENCE.as_secs()))
            .hint(format!("its process is {}", entry.pid)));
    }
    ui.note(&format!("job {} ({}) was cancelled", entry.id, entry.name));
    Ok(Exit::Fine)
}
