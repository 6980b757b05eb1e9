//! The subcommands, one per file: what each takes, calls and returns.

mod cancel;
mod choose;
mod completions;
mod convert;
mod demo;
mod diff;
mod explain;
mod export;
mod import;
mod inspect;
mod latest;
mod list;
mod man;
mod migrate;
mod patch;
mod plan;
mod run;
mod savepoint;
mod stop;
mod uid;
mod validate;

pub(crate) use validate::Checks;

use clap::Subcommand;
use spt_format::Completeness;

use crate::error::Result;
use crate::exit::Exit;
use crate::render::text::counted;
use crate::ui::Ui;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(inspect::Args),
    Diff(diff::Args),
    Validate(validate::Args),
    Migrate(Box<migrate::Args>),
    Patch(patch::Args),
    Export(export::Args),
    Import(Box<import::Args>),
    Convert(convert::Args),
    Latest(latest::Args),
    Uid(uid::Args),
    Explain(explain::Args),
    Run(run::Args),
    List(list::Args),
    Savepoint(savepoint::Args),
    Stop(stop::Args),
    Cancel(cancel::Args),
    Plan(plan::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// If there is no answer.
    pub(crate) fn run(self, ui: &Ui) -> Result<Exit> {
        match self {
            Self::Demo(args) => demo::run(&args, ui),
            Self::Diff(args) => diff::run(&args, ui),
            Self::Explain(args) => explain::run(&args, ui),
            Self::Export(args) => export::run(&args, ui),
            Self::Import(args) => import::run(&args, ui),
            Self::Inspect(args) => inspect::run(&args, ui),
            Self::Latest(args) => latest::run(&args, ui),
            Self::Migrate(args) => migrate::run(&args, ui),
            Self::Patch(args) => patch::run(&args, ui),
            Self::Convert(args) => convert::run(&args, ui),
            Self::Uid(args) => uid::run(&args, ui),
            Self::Validate(args) => validate::run(&args, ui),
            Self::Run(args) => run::run(&args, ui),
            Self::List(args) => list::run(&args, ui),
            Self::Savepoint(args) => savepoint::run(&args, ui),
            Self::Stop(args) => stop::run(&args, ui),
            Self::Cancel(args) => cancel::run(&args, ui),
            Self::Plan(args) => plan::run(&args, ui),
            Self::Completions(args) => completions::run(&args, ui),
            Self::Man(args) => man::run(&args, ui),
        }
    }
}

/// Fine if every row was read; otherwise the trouble is told.
fn saw_all(seen: Completeness, ui: &Ui) -> Exit {
    if seen.rows_opaque > 0 {
        let rows = counted(seen.rows_opaque, "row");
        ui.note(&format!("{rows} with values nobody here can decode: shown by their bytes"));
    }
    if seen.is_complete() {
        return Exit::Fine;
    }
    ui.warn(&format!("{} could not be read", counted(seen.rows_unread, "row")));
    Exit::Trouble
}
