//! `spt savepoint`: asks a running job for a savepoint.

use std::path::{Path, PathBuf};

use spt_format::Error;
use spt_runtime::control::{Client, Registry};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::ui::Ui;

/// Take a savepoint of a running job, which goes on
///
/// Prints the savepoint's path alone, once it is whole and durable.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt savepoint wordcount /savepoints
  spt inspect \"$(spt savepoint 3f2a)\"")]
pub(crate) struct Args {
    /// The job: its id, the beginning of it, or its name
    job: String,
    /// The folder to put the savepoint in; else the one that the job is configured with
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let entry = Registry::of_user()?.find(&args.job)?;
    let client = Client::of(&entry)?;
    let operation = client.savepoint(folder(args.dir.as_deref())?.as_deref())?;
    let path = client.wait(&operation).map_err(|error| {
        Failure::new(format!("no savepoint of job {}, which goes on: {}", entry.id, error.full()))
    })?;
    ui.answer(&format!("{}\n", path.display()))?;
    Ok(Exit::Fine)
}

/// The job has another working directory.
pub(super) fn folder(dir: Option<&Path>) -> Result<Option<PathBuf>> {
    let absolute = |dir: &Path| std::path::absolute(dir).map_err(|error| Error::io("resolve", dir, error));
    Ok(dir.map(absolute).transpose()?)
}
