//! The subcommands, one per file: what each takes, calls and returns.

mod cancel;
mod list;
mod plan;
mod run;
mod savepoint;
mod stop;
mod uid;

use clap::Subcommand;

use crate::error::Result;
use crate::exit::Exit;
use crate::ui::Ui;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Uid(uid::Args),
    Run(run::Args),
    List(list::Args),
    Savepoint(savepoint::Args),
    Stop(stop::Args),
    Cancel(cancel::Args),
    Plan(plan::Args),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// If there is no answer.
    pub(crate) fn run(self, ui: &Ui) -> Result<Exit> {
        match self {
            Self::Uid(args) => uid::run(&args, ui),
            Self::Run(args) => run::run(&args, ui),
            Self::List(args) => list::run(&args, ui),
            Self::Savepoint(args) => savepoint::run(&args, ui),
            Self::Stop(args) => stop::run(&args, ui),
            Self::Cancel(args) => cancel::run(&args, ui),
            Self::Plan(args) => plan::run(&args, ui),
        }
    }
}
