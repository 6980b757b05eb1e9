//! What CI runs, so that a green run at home is a green run there.

use crate::{export_check, run, run_with, spec_check, strace};

pub(crate) fn run_all() -> Result<(), String> {
    run("cargo", &["fmt", "--all", "--check"])?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    run_with("cargo", &["test", "--workspace"], &[(strace::VARIABLE, &strace::find()?)])?;
    spec_check::run_all()?;
    export_check::run_all()
}
