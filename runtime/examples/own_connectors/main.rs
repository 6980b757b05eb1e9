//! A source and a sink of one's own, as `docs/own-sources-and-sinks.md` explains them: copies a partitioned log
//! into a ledger, exactly once.
//!
//! ```text
//! SPT_CHECKPOINT_DIR=/tmp/chk SPT_CHECKPOINT_INTERVAL=1s own_connectors LOG LEDGER
//! ```

use std::process::ExitCode;

use spt_runtime::{Environment, Error, Result, exit_code};

#[allow(unreachable_pub, reason = "written as it would stand in a library of its own")]
mod ledger;
#[allow(unreachable_pub, reason = "as above")]
mod log;

use ledger::Ledger;
use log::FolderLog;

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1).skip_while(|argument| argument == "plan");
    let mut next = |what: &str| arguments.next().ok_or_else(|| Error::refused(format!("{what} is missing")));
    let (log, ledger) = (next("the folder of the log")?, next("the folder of the ledger")?);
    let env = Environment::new();
    env.source(FolderLog::new(log)).uid("log-001").sink(Ledger::new(ledger)).uid("ledger-001");
    env.execute("own_connectors").map(drop)
}
