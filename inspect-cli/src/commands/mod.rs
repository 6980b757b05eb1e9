//! The subcommands, one per file: what each takes, calls and returns.

mod uid;

use clap::Subcommand;

use crate::error::Result;
use crate::exit::Exit;
use crate::ui::Ui;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Uid(uid::Args),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// If there is no answer.
    pub(crate) fn run(self, ui: &Ui) -> Result<Exit> {
        match self {
            Self::Uid(args) => uid::run(&args, ui),
        }
    }
}
