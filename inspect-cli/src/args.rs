//! The command line: global flags, and one subcommand per file in `commands/`.

use clap::{Args, Parser, ValueEnum};

use crate::commands::Command;

/// See, compare, prove and change the state of streaming jobs.
///
/// `spt` reads savepoints and checkpoints: its own, and Apache Flink's, without a JVM.
#[derive(Debug, Parser)]
#[command(
    name = "spt",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 done, same or sound; 1 the answer is no; 2 trouble.
Data goes to stdout, everything else to stderr. `spt help COMMAND` shows examples."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that mean the same in every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Answer in JSON: one document, or one line per row
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, hide_possible_values = true)]
    pub(crate) color: ColorChoice,
    /// Write long answers as they are, and not through a pager
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more on stderr
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
}

/// When to use colours: auto, always or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On terminals
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
