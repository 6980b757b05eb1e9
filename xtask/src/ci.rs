//! What CI runs, so that a green run at home is a green run there.

use crate::{export_check, kill, run, run_with, spec_check, strace};

/// Kills of the long run: as many as hit each failpoint often enough.
const KILLS: &str = "340";

pub(crate) fn run_all() -> Result<(), String> {
    run("cargo", &["fmt", "--all", "--check"])?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    run_with("cargo", &["test", "--workspace"], &[(strace::VARIABLE, &strace::find()?)])?;
    kill::run(KILLS)?;
    spec_check::run_all()?;
    export_check::run_all()
}
