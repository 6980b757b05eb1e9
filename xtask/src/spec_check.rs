//! The independent reader of the format, in Python, over every golden savepoint.
//!
//! It needs pyarrow and DuckDB, which go into an environment of their own below the target folder.

use std::path::PathBuf;

use crate::{root, run};

const PACKAGES: [&str; 2] = ["pyarrow", "duckdb"];

pub(crate) fn run_all() -> Result<(), String> {
    let python = environment()?;
    let arguments = [vec![root().join("xtask/spec_check.py")], golden()?].concat();
    let arguments: Option<Vec<&str>> = arguments.iter().map(|path| path.to_str()).collect();
    run(&python, &arguments.ok_or("a path is not UTF-8")?)
}

/// Every golden savepoint.
pub(crate) fn golden() -> Result<Vec<PathBuf>, String> {
    let golden = root().join("testdata/columnar/v1");
    let entries = std::fs::read_dir(&golden).map_err(|error| format!("{}: {error}", golden.display()))?;
    let mut savepoints: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    savepoints.sort();
    Ok(savepoints)
}

/// The Python that has the packages; they are installed the first time.
pub(crate) fn environment() -> Result<String, String> {
    let folder = target().join("spec-check-python");
    let python = folder.join("bin/python").display().to_string();
    let ready = folder.join("ready");
    if !ready.is_file() {
        run("python3", &["-m", "venv", &folder.display().to_string()])?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(&python, &[&install[..], &PACKAGES].concat())?;
        std::fs::write(&ready, "").map_err(|error| format!("{}: {error}", ready.display()))?;
    }
    Ok(python)
}

/// Where cargo puts what it builds: this program lies two levels below.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().ok();
    let folder = program.as_deref().and_then(|program| program.parent()?.parent());
    folder.map_or_else(|| root().join("target"), PathBuf::from)
}
