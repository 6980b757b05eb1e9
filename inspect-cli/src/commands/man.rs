//! `spt man`: the manual, one page a command.

use std::path::PathBuf;

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::ui::Ui;

/// Write the manual pages into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt man ~/.local/share/man/man1 && man spt-inspect")]
pub(crate) struct Args {
    /// The folder; it is made if it is not there, and pages of the same name are replaced
    dir: PathBuf,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", args.dir.display()));
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    clap_mangen::generate_to(crate::command(), &args.dir).map_err(failed)?;
    ui.note(&format!("manual pages are in {}", args.dir.display()));
    Ok(Exit::Fine)
}
