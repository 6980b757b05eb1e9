//! What `spt export` writes, read by other tools and imported again, over every golden savepoint.

use crate::spec_check::{environment, golden};
use crate::{root, run};

pub(crate) fn run_all() -> Result<(), String> {
    run("cargo", &["build", "--quiet", "--package", "spt-cli"])?;
    let script = root().join("xtask/export_check.py");
    let arguments = [vec![script, program()?], golden()?].concat();
    let arguments: Option<Vec<&str>> = arguments.iter().map(|path| path.to_str()).collect();
    run(&environment()?, &arguments.ok_or("a path is not UTF-8")?)
}

/// The `spt` that was built beside this program.
fn program() -> Result<std::path::PathBuf, String> {
    let xtask = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(xtask.with_file_name("spt"))
}
