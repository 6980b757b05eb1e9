//! What the `spt` binary does: parse, call the library, render.
//!
//! ```text
//! args ──► commands ──► (spt_format, spt_flink, spt_runtime) ──► report ──► render ──► stdout
//!                                                                  └─────── JSON ────► stdout
//!                       ui: notes, warnings, progress ────────────────────────────────► stderr
//! ```
//!
//! A command returns an [`Exit`] or a [`Failure`]; nobody below `main` ends the process.

mod args;
mod commands;
mod error;
mod exit;
mod locate;
mod open;
mod reference;
mod render;
mod report;
mod staged;
mod ui;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use crate::reference::reference;

use crate::args::Cli;
use crate::exit::Exit;
use crate::ui::Ui;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new(&cli.global);
    let result = cli.command.run(&ui);
    match result {
        Ok(exit) => exit.code(),
        Err(failure) if failure.is_closed_pipe() => Exit::Fine.code(),
        Err(failure) => {
            ui.failure(&failure);
            Exit::Trouble.code()
        }
    }
}

/// The command line's definition, for its documentation, completions and man pages.
pub fn command() -> clap::Command {
    Cli::command()
}
